//! Scope values (RFC 6749 section 3.3): one token, and the ordered set that travels on the wire.
//!
//! Owns syntax and set arithmetic. Which scopes an application may have is registered with it; what a person
//! ticked is `consent`'s.

use std::fmt;

/// A set of scope tokens in the order in which they were first named, kept as it is spelled: one space between two.
///
/// Equality is that of sets: the order does not count (the Gitlife skip rule compares "as a set").
#[derive(Clone, Debug, Default)]
pub struct ScopeSet(String);

/// Why a scope parameter cannot be read: it holds a character outside `%x21 / %x23-5B / %x5D-7E`, or names more than
/// [`MAX_NAMES`] scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedScope;

impl ScopeSet {
    /// No scope at all.
    pub const fn empty() -> ScopeSet {
        ScopeSet(String::new())
    }

    /// Reads a space-separated list. Repeated names count once, runs of spaces count as one.
    ///
    /// The cap on names keeps the time linear in the length of the text (FM-118).
    pub fn parse(text: &str) -> Result<ScopeSet, MalformedScope> {
        let (mut set, mut names) = (ScopeSet(String::with_capacity(text.len())), 0);
        for name in Names(text) {
            if !name.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)) {
                return Err(MalformedScope);
            }
            names += usize::from(set.add(name));
            if names > MAX_NAMES {
                return Err(MalformedScope);
            }
        }
        Ok(set)
    }

    /// Adds `name`, one token, unless it is there.
    pub fn insert(&mut self, name: &str) {
        self.add(name);
    }

    /// As [`ScopeSet::insert`]; whether it was added.
    fn add(&mut self, name: &str) -> bool {
        let is_new = !self.contains(name);
        if is_new {
            self.push(name);
        }
        is_new
    }

    /// Adds `name`, which is not there.
    fn push(&mut self, name: &str) {
        if !self.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(name);
    }

    /// Whether `name` is in the set.
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|n| n == name)
    }

    /// Whether every member is in `other` too.
    pub fn is_subset(&self, other: &ScopeSet) -> bool {
        self.iter().all(|n| other.contains(n))
    }

    /// The members that are in `other` too, in this set's order.
    pub fn intersection(&self, other: &ScopeSet) -> ScopeSet {
        let mut both = ScopeSet(String::with_capacity(self.0.len()));
        self.iter().filter(|n| other.contains(n)).for_each(|name| both.push(name));
        both
    }

    /// The members in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        Names(&self.0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }
}

/// The names in a text, which spaces stand between. Scopes are short: looking at byte after byte is quicker than what
/// searches long texts, and every request does this several times.
struct Names<'a>(&'a str);

impl<'a> Iterator for Names<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.0.as_bytes();
        let start = bytes.iter().position(|b| *b != b' ')?;
        let end = bytes[start..].iter().position(|b| *b == b' ').map_or(bytes.len(), |length| start + length);
        let name = &self.0[start..end];
        self.0 = &self.0[end..];
        Some(name)
    }
}

/// How many scopes one set that comes from outside may have.
pub const MAX_NAMES: usize = 64;

impl PartialEq for ScopeSet {
    fn eq(&self, other: &ScopeSet) -> bool {
        self.len() == other.len() && self.is_subset(other)
    }
}

impl Eq for ScopeSet {}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
