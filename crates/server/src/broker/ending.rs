//! The end of an authorization: gone here at once, and at its host as soon as that can be reached.
//!
//! Owns that ending never waits for a host. Sending the revocation is `revoker`'s, who looks for it by itself; a caller in the
//! same process rings for it.

use super::NotKept;
use super::keeping::{TRIES, Workbench, farewell};
use vestibule_oauth::id::Id;
use vestibule_store::audit::{Event, Note};
use vestibule_store::git_authorizations::TokenType;
use vestibule_store::git_credentials::ChangeGitAuthorization;

/// What became of an authorization to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is gone.
    Ended,
    /// There is none of this name.
    Unknown,
}

/// Ends the project's authorization of this name.
pub async fn end(bench: Workbench<'_>, project: Id, name: &str, note: &Note) -> Result<End, NotKept> {
    for _ in 0..TRIES {
        let Some(found) = bench.store.find_git_authorization(project, name).await? else { return Ok(End::Unknown) };
        let old = farewell(bench, &found, None).await?;
        let ended = bench.store.end_git_authorization(&found.authorization, old.as_ref(), note).await?;
        if ended == ChangeGitAuthorization::Changed {
            continue;
        }
        if old.is_some() {
            return Ok(End::Ended);
        }
        let (outcome, why) = match found.authorization.account.token_type {
            TokenType::Personal => ("cannot_be", "a personal token is its owner's: only they end it at the host"),
            _ => ("unreadable", "the sealed token was changed in the database"),
        };
        let details = format!("{name}, git_host:{}: {why}", found.authorization.host);
        let target = format!("project:{project}");
        let event = Event { action: "git_authorization.revoke", target, outcome, details };
        let note = Note { id: bench.dice.id(note.at), ..note.clone() };
        bench.store.keep_event(&note, event).await?;
        return Ok(End::Ended);
    }
    // Somebody gives it another credential each time that we look: they are asked to try again.
    Err(NotKept::Changed)
}
