//! What a Git host's no means on our wire: the documented code, and the host's own reason in words.
//!
//! Owns that translation. The words were scrubbed of secrets and bounded where the reply was read; what a visit is, and
//! whether an authorization is to blame, is `broker/visiting`'s.

use crate::broker::visiting::VisitRefusal;
use crate::web::servicestage::{Code, Refusal};
use vestibule_githost::refusal::{self as host, Why};

impl From<VisitRefusal> for Refusal {
    fn from(why: VisitRefusal) -> Refusal {
        match why {
            VisitRefusal::Unknown => Refusal::new(Code::NoAuthorization),
            VisitRefusal::Invalid(reason) => Refusal::saying(Code::AuthorizationInvalid, reason),
            VisitRefusal::StaysHere => Refusal::saying(Code::NotAllowed, STAYS),
            VisitRefusal::RateLimited { wait_s, reason } => {
                Refusal::saying(Code::RateLimited, reason).waiting(wait_s.max(1))
            }
            VisitRefusal::Crowded { wait_s, reason } => Refusal::saying(Code::Crowded, reason).waiting(wait_s.max(1)),
            VisitRefusal::Host(refusal) => of_host(refusal),
            VisitRefusal::Ours(cause) => Refusal::because(cause),
        }
    }
}

/// What is said as long as nobody has let the project's tokens leave the house.
const STAYS: &str = "tokens of this project stay here until an administrator lets them out: vestibule project set PROJECT --hand-out on";

/// A host's no, or the rulebook's own to a name that no host can have.
pub fn of_host(refusal: host::Refusal) -> Refusal {
    let host::Refusal { why, reason } = refusal;
    match why {
        Why::CannotDo => Refusal::saying(Code::NotImplemented, reason),
        Why::Conflict => Refusal::saying(Code::AlreadyExists, reason),
        Why::BadCloneUrl => Refusal::saying(Code::CloneUrlInvalid, reason),
        Why::NotFound => Refusal::saying(Code::NothingThere, reason),
        Why::TokenRefused | Why::GrantRefused => Refusal::saying(Code::AuthorizationInvalid, reason),
        Why::ScopeMissing { needed: Some(needed) } => Refusal::saying(
            Code::AuthorizationInvalid,
            format!("{reason}: the token lacks a scope; authorize anew with {needed}"),
        ),
        Why::ScopeMissing { needed: None } => {
            Refusal::saying(Code::AuthorizationInvalid, format!("{reason}: the token lacks a scope"))
        }
        Why::Forbidden => {
            Refusal::saying(Code::ParameterInvalid, format!("the host does not let this account do it: {reason}"))
        }
        Why::Stale => Refusal::saying(Code::ParameterInvalid, format!("nothing was written: {reason}; read it again")),
        Why::Invalid | Why::TooLarge => Refusal::saying(Code::ParameterInvalid, reason),
        Why::RateLimited { retry_after } => Refusal::saying(Code::RateLimited, reason).waiting(seconds(retry_after)),
        Why::Crowded { retry_after } => Refusal::saying(Code::Crowded, reason).waiting(seconds(retry_after)),
        Why::ClientRefused => {
            let sentence = "the host does not accept our client id and secret: tell the operator";
            Refusal::saying(Code::HostAway, sentence)
        }
        Why::Unreachable => Refusal::saying(Code::HostAway, reason),
        Why::HostBroken { retry_after } => {
            let refusal = Refusal::saying(Code::HostAway, reason);
            match retry_after {
                Some(wait) => refusal.waiting(seconds(wait)),
                None => refusal,
            }
        }
    }
}

/// Whole seconds, rounded up: whoever waits them has waited long enough.
fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.max(0).saturating_add(999) / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_no_has_its_documented_code_and_keeps_its_words() {
        let scope = |needed: Option<&str>| Why::ScopeMissing { needed: needed.map(str::to_owned) };
        for (why, status, code) in [
            (Why::CannotDo, 400, "SVCSTG.REPO.0401"),
            (Why::Conflict, 400, "SVCSTG.REPO.0403"),
            (Why::BadCloneUrl, 400, "SVCSTG.REPO.0452"),
            (Why::NotFound, 404, "SVCSTG.REPO.0404"),
            (Why::TokenRefused, 400, "SVCSTG.REPO.0451"),
            (Why::GrantRefused, 400, "SVCSTG.REPO.0451"),
            (scope(None), 400, "SVCSTG.REPO.0451"),
            (scope(Some("repo")), 400, "SVCSTG.REPO.0451"),
            (Why::Forbidden, 400, "SVCSTG.REPO.0400"),
            (Why::Stale, 400, "SVCSTG.REPO.0400"),
            (Why::Invalid, 400, "SVCSTG.REPO.0400"),
            (Why::TooLarge, 400, "SVCSTG.REPO.0400"),
            (Why::RateLimited { retry_after: 1500 }, 429, "SVCSTG.REPO.0400"),
            (Why::Crowded { retry_after: 1500 }, 429, "SVCSTG.REPO.0400"),
            (Why::Unreachable, 502, "SVCSTG.REPO.0500"),
            (Why::HostBroken { retry_after: Some(1) }, 502, "SVCSTG.REPO.0500"),
            (Why::HostBroken { retry_after: None }, 502, "SVCSTG.REPO.0500"),
        ] {
            let refusal = of_host(host::Refusal::new(why.clone(), "the host's own words"));
            assert_eq!((refusal.status(), refusal.error_code()), (status, code), "{why:?}");
            assert!(refusal.message().contains("the host's own words"), "{why:?}: {}", refusal.message());
        }
        let client = of_host(host::Refusal::new(Why::ClientRefused, "The client_id passed is incorrect."));
        assert!(client.message().contains("tell the operator") && !client.message().contains("incorrect"));
        let limited = of_host(host::Refusal::new(Why::RateLimited { retry_after: 1500 }, "slow down"));
        assert!(limited.message().starts_with("the repository host asks for patience: "));
        assert_eq!(limited.answer("r").headers()["retry-after"], "2");
        let ours = of_host(host::Refusal::new(Why::Crowded { retry_after: 1500 }, "our turns are taken"));
        assert!(!ours.message().contains("host asks"), "{}", ours.message());
        assert_eq!(ours.answer("r").headers()["retry-after"], "2");
    }
}
