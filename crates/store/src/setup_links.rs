//! The one-time link with which the first administrator comes in.
//!
//! Owns that there is one link at most, that it works once, and that it works only while there is no administrator.

use crate::audit::Note;
use crate::{Store, StoreError};
use crate::people::NewPerson;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;

/// What became of a link to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenSetupLink {
    /// It is open; older ones are over.
    Opened,
    /// There is an administrator: no link is needed.
    AdministratorExists,
}

/// A link that can still be used.
#[derive(Clone, Debug)]
pub struct FoundSetupLink {
    /// The row.
    pub id: Id,
    /// The digest of the link's secret: compare it before believing anything else here.
    pub digest: Digest,
    /// From when on it is over, in Unix milliseconds.
    pub expires_at: i64,
}

/// What became of a link to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendSetupLink {
    /// Used: the administrator exists, with this number.
    Created(i64),
    /// It was used, replaced or is over, or somebody became administrator meanwhile.
    NoLongerGood,
    /// Somebody has this user name; the link is still good.
    NameTaken,
    /// Somebody has this e-mail address; the link is still good.
    EmailTaken,
}

impl Store {
    /// Opens a link at `note.at` for the time that `oauth::template` gives it, and ends the older ones; only while
    /// there is no administrator.
    pub async fn open_setup_link(&self, id: Id, digest: &Digest, note: &Note) -> Result<OpenSetupLink, StoreError> {
        todo!()
    }

    /// The link of this id if it can be used at `now`.
    pub async fn find_setup_link(&self, id: Id, now: i64) -> Result<Option<FoundSetupLink>, StoreError> {
        todo!()
    }

    /// Uses the link at `note.at`, once, and adds the administrator in the same verb. `verb` is this verb's own id.
    pub async fn spend_setup_link(
        &self,
        link: Id,
        verb: Id,
        administrator: &NewPerson,
        note: &Note,
    ) -> Result<SpendSetupLink, StoreError> {
        todo!()
    }
}
