//! Authorizations at Git hosts: how they are obtained, renewed in place and ended, whoever asks: the API or a page.
//!
//! Owns the order of each such act: what is claimed before anything is sent, what is sealed before anything is kept, and
//! what is ended at the host when nothing is kept of it. Does not own wires and pages, nor what a host's answer means.

pub mod departing;
pub mod ending;
pub mod finishing;
pub mod keeping;
pub mod patience;
pub mod place;
pub mod refreshing;
pub mod revoker;
pub mod tokens;
pub mod under_way;
pub mod visiting;

use crate::app::App;
use crate::places::Seat;
use crate::seal::Unsealed;
use std::time::Duration;
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_oauth::id::Id;
use vestibule_store::StoreError;
use vestibule_store::git_flow_steps::GitFlowRefusal;

/// Where a Git host sends people back to: an address of each configuration's own, so that what one host sends can never
/// be taken for another's (statement 121, FM-42).
pub fn callback_uri(issuer: &str, host: Id) -> String {
    format!("{issuer}{CALLBACK}{host}")
}

/// Authorizations that one project may be obtaining at once: a host may take half a minute for an answer, and the turns for
/// requests to other machines are everybody's.
pub const OBTAINED_AT_ONCE: usize = 4;

/// How long one more waits for its turn, and after how many seconds it may come again if that was in vain.
const OBTAINING_WAITS: Duration = Duration::from_secs(2);
const COME_AGAIN_S: u32 = 5;

/// A turn of the project's to obtain an authorization, before anything of it is spent or sent.
async fn turn(app: &App, project: Id) -> Result<Seat<Id>, NotKept> {
    let seat = app.obtaining.take(project, OBTAINING_WAITS).await;
    seat.ok_or(NotKept::TooManyTries(COME_AGAIN_S))
}

/// Below this each host configuration has its own address.
pub const CALLBACK: &str = "/git/callback/";

/// Whether an authorization may have this name: 4 to 63 letters, digits, `.`, `_` and `-`.
pub fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (4..=63).contains(&name.len()) && name.bytes().all(fits)
}

/// Why nothing was obtained. Nothing in it is what a host has said (FM-90).
#[derive(Debug)]
pub enum NotKept {
    /// The name is none that an authorization may have.
    BadName,
    /// The project has an authorization of this name.
    NameTaken,
    /// The same, found out when the code was spent already.
    NameTakenMeanwhile,
    /// The project has as many as it may.
    TooMany,
    /// The code or the state is not good; the trail says why.
    Flow(GitFlowRefusal),
    /// The authorization that was to be renewed is gone, belongs to another host, or was renewed meanwhile.
    Changed,
    /// The host does not serve the project (any more).
    NotServed,
    /// The person may not change what is in the project any more.
    NotAllowed,
    /// This kind of host cannot be asked like this: a sentence that says what to do instead.
    CannotDo(&'static str),
    /// The host configuration has no client id or no secret.
    NoApplication,
    /// The host said no, or did not answer.
    Host(Why),
    /// Too many tries were wrong, or are under way; after how many seconds another makes sense.
    TooManyTries(u32),
    /// We failed; for the log.
    Ours(String),
}

impl NotKept {
    /// After how many seconds it makes sense to come again, where that mends it.
    pub fn wait_s(&self) -> Option<u32> {
        match self {
            NotKept::TooManyTries(seconds) => Some(*seconds),
            NotKept::Host(Why::RateLimited { retry_after } | Why::Crowded { retry_after }) => {
                Some(u32::try_from(retry_after.max(&0) / 1000 + 1).unwrap_or(u32::MAX))
            }
            _ => None,
        }
    }
}

impl From<StoreError> for NotKept {
    fn from(error: StoreError) -> NotKept {
        NotKept::Ours(error.to_string())
    }
}

impl From<Unsealed> for NotKept {
    fn from(why: Unsealed) -> NotKept {
        NotKept::Ours(why.to_string())
    }
}

impl From<Refusal> for NotKept {
    fn from(refusal: Refusal) -> NotKept {
        // Its words are the host's own: they may help an operator, and nobody else sees them.
        tracing::info!(why = ?refusal.why, reason = refusal.reason, "a Git host gave no authorization");
        NotKept::Host(refusal.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_four_to_sixty_three_of_the_documented_characters() {
        for good in ["auth", "auth1", "A.b_c-9", &"x".repeat(63), "....", "-_-_"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "abc", &"x".repeat(64), "auth 1", "auth/1", "auth:1", "aüth1", "auth1\n", "auth%31", "äö"] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn st_121_each_host_configuration_has_a_callback_address_of_its_own() {
        let [one, other] = [1, 2].map(|n| callback_uri("https://id.example", Id::from_bytes([n; 16])));
        assert_eq!(one, format!("https://id.example/git/callback/{}", "01".repeat(16)));
        assert_ne!(one, other);
    }
}
