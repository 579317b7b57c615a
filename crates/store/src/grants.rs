//! Grants: what a person, or an application for itself, allowed. Everything issued hangs on one.
//!
//! Owns their end. Ending changes one row; what hangs on it is dead at its next use.

use crate::audit::Note;
use crate::{Store, StoreError};
use vestibule_oauth::id::Id;

/// Why a grant ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its code was presented a second time.
    CodeReplayed,
    /// Its code was presented wrongly.
    CodeBurnt,
    /// A refresh token that was traded before was presented again.
    RefreshReused,
    /// Its holder gave it back, or the person withdrew it.
    Revoked,
}

impl Why {
    /// The word in the database and in the trail.
    pub const fn name(self) -> &'static str {
        match self {
            Why::CodeReplayed => "code_replayed",
            Why::CodeBurnt => "code_burnt",
            Why::RefreshReused => "refresh_reused",
            Why::Revoked => "revoked",
        }
    }
}

impl Store {
    /// Ends a grant at `note.at`: from the answer on no token, code or refresh token of it is accepted. Audited. Gives
    /// false when it had ended before, or there is none of this id.
    pub async fn end_grant(&self, grant: Id, why: Why, note: &Note) -> Result<bool, StoreError> {
        todo!()
    }
}
