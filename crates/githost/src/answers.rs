//! What hosts answer, in the one form that all of them are read to.
//!
//! Owns the types and their bounds. Does not own their spelling on our own wire.

use crate::names::Content;
use crate::secret::Secret;

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

/// A list, and whether there is more at the host than it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// Whether it was cut.
    pub is_cut: bool,
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

/// The largest file that is read or written, in bytes.
pub const MOST_FILE_BYTES: usize = 8 << 20;
