//! Grants: what a person, or an application for itself, allowed. Everything issued hangs on one.
//!
//! Owns their end. Ending changes one row; what hangs on it is dead at its next use.

use crate::applications::claimed;
use crate::audit::{self, Event, Note, audited};
use crate::{Store, StoreError, statement};
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
        const END: &str = "UPDATE grants SET ended_at = $3, ended_by = $4, ended_why = $5 \
            WHERE id = $1 AND tenant = $2 AND ended_at IS NULL RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM grants WHERE id = $11 AND ended_by = $1)");
        let target = format!("grant:{grant}");
        let event = Event { action: "grant.end", target, outcome: "done", details: why.name().to_owned() };
        let verb = vec![
            statement!(END, grant, self.tenant(), note.at, note.id, why.name()),
            audit::row(self, note, event, AUDIT, vec![grant.into()]),
        ];
        Ok(claimed(&self.run(verb).await?))
    }
}
