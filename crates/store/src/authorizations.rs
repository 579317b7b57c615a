//! Authorization requests that wait for a person, and how they are answered: once.
//!
//! Owns the guarded verbs that answer. What the answer is, `oauth::next_step` decided before.

use crate::audit::Note;
use crate::codes::NewCode;
use crate::{Store, StoreError};
use vestibule_oauth::client::Client;
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::Digest;

/// A request to keep.
#[derive(Clone, Debug)]
pub struct NewAuthorization {
    /// The row, which is the request's address.
    pub id: Id,
    /// The application that asks.
    pub application: Id,
    /// The digest of the browser's cookie: the request is shown to this browser only (FM-45, FM-47).
    pub browser: Digest,
    /// The request, as `AuthorizationRequest::to_json` spells it.
    pub request: String,
}

/// A request that is kept, with the application that asks.
#[derive(Clone, Debug)]
pub struct StoredAuthorization {
    /// The row.
    pub id: Id,
    /// The digest of the browser's cookie.
    pub browser: Digest,
    /// The request, as `AuthorizationRequest::from_json` reads it.
    pub request: String,
    /// When it was kept, in Unix milliseconds.
    pub created_at: i64,
    /// From when on it is over.
    pub expires_at: i64,
    /// When it was answered, if it was.
    pub answered_at: Option<i64>,
    /// The application, as it stands now.
    pub client: Client,
    /// Its home page.
    pub home_page: Option<String>,
    /// Whether somebody vouches for it.
    pub verified: bool,
    /// Whether it has a logo.
    pub has_logo: bool,
}

/// What is issued: a grant, and the code that stands for it.
#[derive(Clone, Debug)]
pub struct Issue {
    /// This verb's own id: the claim.
    pub verb: Id,
    /// The grant's row.
    pub grant: Id,
    /// The code.
    pub code: NewCode,
    /// The application.
    pub application: Id,
    /// The person.
    pub person: Id,
    /// The browser session that the person is signed in with: nothing is issued when it is over.
    pub session: Id,
    /// When the person gave their password, in Unix milliseconds.
    pub auth_time: i64,
    /// What is granted.
    pub scopes: ScopeSet,
    /// What the person ticked just now, to be kept as their last consent.
    pub consent: Option<ScopeSet>,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was given: send the person back with it.
    Given,
    /// The request had been answered before.
    AlreadyAnswered,
    /// The request's time is over, or it never was.
    Expired,
    /// The session, the person or the application was switched off meanwhile.
    NoLongerAllowed,
}

impl Store {
    /// Keeps a request from `now` on, for the time that `oauth::template` gives it.
    pub async fn keep_request(&self, new: &NewAuthorization, now: i64) -> Result<(), StoreError> {
        todo!()
    }

    /// The request of this id, answered or over or not, with the application that asks, in one read.
    pub async fn find_request(&self, id: Id) -> Result<Option<StoredAuthorization>, StoreError> {
        todo!()
    }

    /// Answers the stored request `authorization` with a code: once, and only while person, session and application
    /// are alive.
    pub async fn issue_stored(&self, authorization: Id, issue: &Issue, note: &Note) -> Result<Answer, StoreError> {
        todo!()
    }

    /// Issues a code for a request that needs no page and was never stored.
    pub async fn issue_fresh(&self, issue: &Issue, note: &Note) -> Result<Answer, StoreError> {
        todo!()
    }

    /// Answers the stored request `authorization` with a refusal, once. `verb` is this verb's own id.
    pub async fn deny_stored(&self, authorization: Id, verb: Id, note: &Note) -> Result<Answer, StoreError> {
        todo!()
    }
}
