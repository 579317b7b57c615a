//! What hosts answer, in the one form that all of them are read to.
//!
//! Owns the types and their bounds. Does not own their spelling on our own wire.

use crate::names::Content;
use crate::paging::Item;
use crate::refusal::Refusal;
use crate::secret::Secret;
use std::collections::BTreeSet;

/// Tokens, traded for a code, a refresh token or a password.
#[derive(Debug)]
pub struct Tokens {
    /// The access token.
    pub access: Secret,
    /// What renews it, where the host gives something.
    pub refresh: Option<Secret>,
    /// When the access token ends, in Unix milliseconds; `None` if it does not.
    pub access_ends_at: Option<i64>,
    /// When the refresh token ends, in Unix milliseconds, where the host tells.
    pub refresh_ends_at: Option<i64>,
    /// The granted scopes, where the host tells.
    pub scopes: Option<Vec<String>>,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The immutable id of the person at the host: what accounts are linked by (FM-133).
    pub id: String,
    /// The name that the person signs in with there.
    pub login: String,
    /// Where the person's picture is. It is shown, and never fetched by us (FM-89).
    pub avatar: Option<String>,
    /// The person's page.
    pub home: String,
    /// The scopes of the token, where the host tells.
    pub scopes: Option<Vec<String>>,
    /// When the token ends, in Unix milliseconds, where the host tells.
    pub token_ends_at: Option<i64>,
}

impl Upstream {
    /// The same within bounds: all of it is kept, listed and shown on pages. A name that no person has is a host that
    /// speaks no sense; a picture or a list that is too long is left out.
    pub fn bounded(self) -> Result<Upstream, Refusal> {
        let is_name = (1..=MOST_LOGIN_CHARS).contains(&self.login.chars().count());
        if !is_name || self.login.chars().any(char::is_control) {
            return Err(Refusal::broken("the host told a name that nobody can have"));
        }
        let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        let is_short = |url: &String| url.len() <= MOST_URL_BYTES && url.bytes().all(|b| b.is_ascii_graphic());
        let scopes = self.scopes.and_then(|found| scopes(found.iter().map(String::as_str)));
        Ok(Upstream { avatar: self.avatar.filter(|url| is_web(url) && is_short(url)), scopes, ..self })
    }
}

/// Scopes that a host told; `None`, as if it had not, when they are too many or too long to be any.
pub(crate) fn scopes<'a>(words: impl Iterator<Item = &'a str>) -> Option<Vec<String>> {
    let words: Vec<&str> = words.map(str::trim).filter(|w| !w.is_empty()).take(MOST_SCOPES + 1).collect();
    let fits = |word: &&str| word.len() <= MOST_SCOPE_BYTES && word.bytes().all(|b| b.is_ascii_graphic());
    (words.len() <= MOST_SCOPES && words.iter().all(fits)).then(|| words.into_iter().map(str::to_owned).collect())
}

/// A list, and whether there is more at the host than it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether it was cut.
    pub is_cut: bool,
}

impl<T> Default for Listing<T> {
    fn default() -> Listing<T> {
        Listing { items: Vec::new(), is_cut: false }
    }
}

impl<T> Listing<T> {
    /// The same of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Listing<U> {
        Listing { items: self.items.into_iter().map(change).collect(), is_cut: self.is_cut }
    }
}

impl<T: Item> Listing<T> {
    /// Both in one, without what stands in both.
    pub(crate) fn and(mut self, other: Listing<T>) -> Listing<T> {
        let keys: BTreeSet<String> = self.items.iter().map(|item| item.key().into_owned()).collect();
        self.items.extend(other.items.into_iter().filter(|item| !keys.contains(item.key().as_ref())));
        Listing { is_cut: self.is_cut || other.is_cut, ..self }
    }
}

/// A namespace: a person, a group or an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceItem {
    /// Its id.
    pub id: String,
    /// Its name as it stands in addresses, slashes as slashes.
    pub name: String,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectItem {
    /// Its id.
    pub id: String,
    /// Its name as it stands in addresses.
    pub name: String,
    /// The `https` address to clone it from.
    pub clone_url: String,
}

/// A repository and the namespace that it lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectInfo {
    /// The namespace.
    pub namespace: NamespaceItem,
    /// The repository's id.
    pub project_id: String,
    /// The repository's name as it stands in addresses.
    pub project: String,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitItem {
    /// Its sha.
    pub sha: String,
    /// Its message.
    pub message: String,
    /// When it was written, as the host spells it (ISO 8601).
    pub authored_date: String,
}

/// A webhook. Its secret is never read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookItem {
    /// Its id.
    pub id: String,
    /// Where it calls.
    pub callback_url: String,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path, with slashes.
    pub path: String,
    /// The sha of its blob: the precondition of an update.
    pub sha: String,
    /// Its content.
    pub content: Content,
}

/// The most items of a listing. One that comes in pages ends earlier, after [`MOST_PAGES`] of [`PER_PAGE`]: 5,000 items,
/// or 8 MiB of them.
pub const MOST_ITEMS: usize = 10_000;

/// The most pages that are asked for in one listing.
pub const MOST_PAGES: u32 = 50;

/// Items on a page: the most that every host gives.
pub const PER_PAGE: &str = "100";

/// The longest name of a person, in characters, and address of a picture, in bytes.
const MOST_LOGIN_CHARS: usize = 255;
const MOST_URL_BYTES: usize = 2048;

/// The most scopes of a token, and the longest of them, in bytes.
const MOST_SCOPES: usize = 64;
const MOST_SCOPE_BYTES: usize = 256;

/// The largest file that is read or written, in bytes.
pub const MOST_FILE_BYTES: usize = 8 << 20;
