//! Why nothing came of a visit.
//!
//! Owns the outcomes, apart from any wire: what a caller is told of them is each interface's own.

use vestibule_githost::refusal::Refusal;
use vestibule_store::StoreError;

/// Why nothing came of a visit.
#[derive(Debug)]
pub enum VisitRefusal {
    /// The project has no authorization of this name.
    Unknown,
    /// The authorization is there and does not open the host: why, and the way back.
    Invalid(String),
    /// The tokens of this project are not handed out.
    StaysHere,
    /// The host has had enough of us for now; nothing was done, and nothing is wrong with the authorization.
    RateLimited {
        /// After how many seconds it is worth coming again.
        wait_s: u32,
        /// In whose words: the host's, or ours where it was not asked again.
        reason: String,
    },
    /// Something is under way here, or as much as may be: nothing was asked of the host, which does not ask for patience.
    Crowded {
        /// After how many seconds it is worth coming again.
        wait_s: u32,
        /// What is under way.
        reason: String,
    },
    /// The host said no to what was asked, or did not answer.
    Host(Refusal),
    /// We failed; for the log.
    Ours(String),
}

impl From<StoreError> for VisitRefusal {
    fn from(error: StoreError) -> VisitRefusal {
        VisitRefusal::Ours(error.to_string())
    }
}
