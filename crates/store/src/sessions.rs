//! Browser sessions: who is signed in where.
//!
//! Owns their opening, use and end. The cookie is the server's; only its digest is kept.

use crate::audit::Note;
use crate::{Store, StoreError};
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::Digest;

/// A session to open, after the password was found right.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The row.
    pub id: Id,
    /// The digest of the cookie's secret.
    pub digest: Digest,
    /// Who signs in.
    pub person: Id,
    /// The hash that the password was verified against: a password that was changed meanwhile opens nothing.
    pub password_hash: String,
    /// The session that this one follows: it ends in the same verb (FM-46).
    pub replaces: Option<Id>,
}

/// What became of a session to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenSession {
    /// It is open.
    Opened,
    /// The person was switched off or their password changed after it was verified.
    CredentialsChanged,
}

/// A session that is alive.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// The row.
    pub id: Id,
    /// The digest of the cookie's secret: compare it before believing anything else here.
    pub digest: Digest,
    /// Who.
    pub person: Id,
    /// Their number.
    pub number: i64,
    /// Their user name.
    pub user_name: String,
    /// Their name to show.
    pub nickname: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Whether they are an administrator.
    pub administrator: bool,
    /// When they gave their password, in Unix milliseconds.
    pub auth_time: i64,
    /// When the session was last noted as used.
    pub seen_at: i64,
    /// When it ends if it is not used.
    pub idle_ends_at: i64,
    /// When it ends whatever its use.
    pub ends_at: i64,
    /// Whether they may use the application that was asked about; false when none was.
    pub assigned: bool,
    /// What they last consented to for the application that was asked about.
    pub last_consent: Option<ScopeSet>,
}

/// What became of a session to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSession {
    /// It ended now.
    Ended,
    /// It had ended before, or there is none of this id.
    AlreadyEnded,
}

impl Store {
    /// Opens a session at `note.at` and ends the one that it replaces. The lifetimes are those of `oauth::template`.
    pub async fn open_session(&self, new: &NewSession, note: &Note) -> Result<OpenSession, StoreError> {
        todo!()
    }

    /// The session of this id if it is alive at `now`: not ended, neither idle nor old, its person switched on and not
    /// given a new password since. With `application`, also whether the person may use it and what they consented to.
    pub async fn find_session(
        &self,
        id: Id,
        application: Option<Id>,
        now: i64,
    ) -> Result<Option<LiveSession>, StoreError> {
        todo!()
    }

    /// Notes the session's use and moves its idle end, at most once a minute; otherwise does nothing.
    pub async fn touch_session(&self, session: &LiveSession, now: i64) -> Result<(), StoreError> {
        todo!()
    }

    /// Ends a session: from the answer on it is not found.
    pub async fn end_session(&self, id: Id, note: &Note) -> Result<EndSession, StoreError> {
        todo!()
    }
}
