//! The end of an authorization: gone here at once, and at its host as soon as that can be reached.
//!
//! Owns that ending never waits for a host. Sending the revocation is `revoker`'s, who looks for it by itself; a caller in the
//! same process rings for it.

use super::NotKept;
use super::keeping::{TRIES, Workbench, farewell};
use vestibule_oauth::id::Id;
use vestibule_store::audit::Note;
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
        match bench.store.end_git_authorization(&found.authorization, &old, note).await? {
            ChangeGitAuthorization::Done => return Ok(End::Ended),
            ChangeGitAuthorization::Changed => {}
        }
    }
    // Somebody gives it another credential each time that we look: they are asked to try again.
    Err(NotKept::Changed)
}
