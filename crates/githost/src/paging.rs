//! Listings page by page, to the end or to the bound.
//!
//! Owns the walk: a host's file says how a page is asked for and whether another follows. An address that a host names
//! for the next page is never followed, because the token would go wherever it points; only its existence counts, and
//! the one parameter that a walk by keys needs.

use crate::answers::{HookItem, Listing, MOST_ITEMS, MOST_PAGES, NamespaceItem, ProjectItem};
use crate::errand::Step;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::wire::Request;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// One page, read.
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Whether the host says that another follows.
    pub next: Next,
    /// Whether the host says that it left something out.
    pub is_cut: bool,
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    End,
    /// The page with the next number.
    Number,
    /// The page that begins at this key.
    Key(String),
}

impl Next {
    /// The page with the next number, if there is one.
    pub const fn number_if(there_is: bool) -> Next {
        if there_is { Next::Number } else { Next::End }
    }
}

/// The page that is asked for.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Its number: 1, 2, 3, …
    pub number: u32,
    /// The key that it begins at, where the host walks by keys.
    pub key: Option<String>,
}

/// The address of the next page in a `Link` header (RFC 8288).
pub fn next_link(header: &str) -> Option<&str> {
    header.split('<').skip(1).find_map(|link| {
        let (address, parameters) = link.split_once('>')?;
        parameters.contains("rel=\"next\"").then_some(address)
    })
}

/// What a listing is made of.
pub trait Item {
    /// What tells it from the others of its listing.
    fn key(&self) -> Cow<'_, str>;

    /// About how many bytes it holds.
    fn weight(&self) -> usize;
}

impl Item for String {
    fn key(&self) -> Cow<'_, str> {
        self.as_str().into()
    }

    fn weight(&self) -> usize {
        self.len()
    }
}

impl Item for NamespaceItem {
    fn key(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn weight(&self) -> usize {
        self.id.len() + self.name.len()
    }
}

impl Item for ProjectItem {
    fn key(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn weight(&self) -> usize {
        self.id.len() + self.name.len() + self.clone_url.len()
    }
}

impl Item for HookItem {
    fn key(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }

    fn weight(&self) -> usize {
        self.id.len() + self.callback_url.len()
    }
}

/// What was gathered so far.
struct Gathered<T> {
    items: Vec<T>,
    keys: BTreeSet<String>,
    bytes: usize,
    is_cut: bool,
}

impl<T: Item> Gathered<T> {
    /// Adds what is new in `items`, up to the bounds; `None` if something had to be left out, else whether anything
    /// was new.
    fn add(&mut self, items: Vec<T>) -> Option<bool> {
        let before = self.items.len();
        for item in items {
            // A listing that shifts while it is walked shows the last items of a page again on the next one.
            if self.keys.contains(item.key().as_ref()) {
                continue;
            }
            let bytes = self.bytes + item.weight() + size_of::<T>();
            if self.items.len() == MOST_ITEMS || bytes > MOST_BYTES {
                return None;
            }
            self.bytes = bytes;
            self.keys.insert(item.key().into_owned());
            self.items.push(item);
        }
        Some(self.items.len() > before)
    }

    fn end(self, is_cut: bool) -> Step<Listing<T>> {
        Step::Done(Ok(Listing { items: self.items, is_cut: self.is_cut || is_cut }))
    }
}

/// Walks from page 1. `ask` makes the request for a page, `read` reads the reply, told which page it is. What is
/// deleted at the host meanwhile can pull an item past the walk: no host tells.
pub fn walk<T, A, R>(ask: A, read: R) -> Step<Listing<T>>
where
    T: Item + Send + 'static,
    A: Fn(&Turn) -> Request + Send + 'static,
    R: Fn(&Reply, i64, &Turn) -> Result<Page<T>, Refusal> + Send + 'static,
{
    let nothing = Gathered { items: Vec::new(), keys: BTreeSet::new(), bytes: 0, is_cut: false };
    from(Turn { number: 1, key: None }, nothing, ask, read)
}

fn from<T, A, R>(turn: Turn, seen: Gathered<T>, ask: A, read: R) -> Step<Listing<T>>
where
    T: Item + Send + 'static,
    A: Fn(&Turn) -> Request + Send + 'static,
    R: Fn(&Reply, i64, &Turn) -> Result<Page<T>, Refusal> + Send + 'static,
{
    let request = ask(&turn);
    let is_first = turn.number == 1;
    let go_on = move |mut seen: Gathered<T>, reply: &Reply, now| {
        let page = match read(reply, now, &turn) {
            Ok(page) => page,
            Err(refusal) => return Step::refuse(refusal),
        };
        seen.is_cut |= page.is_cut;
        let next = if page.items.is_empty() { Next::End } else { page.next };
        let key = match next {
            Next::End => None,
            Next::Number => Some(None),
            Next::Key(key) => Some(Some(key)),
        };
        match (seen.add(page.items), key) {
            (None, _) => seen.end(true),
            (Some(_), None) => seen.end(false),
            // A host that does not know the parameter gives the same page for ever: what lies behind is not known.
            (Some(false), Some(_)) => seen.end(true),
            (Some(true), Some(_)) if turn.number == MOST_PAGES => seen.end(true),
            (Some(true), Some(key)) => from(Turn { number: turn.number + 1, key }, seen, ask, read),
        }
    };
    // Whoever waits is better served by the pages that came than by none.
    Step::ask_having(seen, request, go_on, move |seen, refusal| match is_first {
        true => Step::refuse(refusal),
        false => seen.end(true),
    })
}

/// Two listings as one: `second` is asked for after `first`. If the first is cut already, because time ran out, say, the
/// second may fail to come without taking it along.
pub fn both<T>(first: Step<Listing<T>>, second: Step<Listing<T>>) -> Step<Listing<T>>
where
    T: Item + Send + 'static,
{
    first.then(move |first| {
        second.settle(move |outcome| match outcome {
            Ok(second) => Step::Done(Ok(first.and(second))),
            Err(refusal) if first.is_cut && refusal.is_outage() => Step::Done(Ok(first)),
            Err(refusal) => Step::refuse(refusal),
        })
    })
}

/// The most that the items of one listing may hold, in bytes: names as long as hosts allow, on every page.
const MOST_BYTES: usize = 8 << 20;
