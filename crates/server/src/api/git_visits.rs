//! What the calls through an authorization answer when nothing came of a visit to its host.
//!
//! Owns the code of each refusal. What a visit is, and what a host's no means for the authorization, is
//! `broker/visiting`'s.

use crate::broker::visiting::VisitRefusal;
use crate::web::servicestage::{Code, Refusal};
use vestibule_githost::refusal::Why;

impl From<VisitRefusal> for Refusal {
    fn from(why: VisitRefusal) -> Refusal {
        match why {
            VisitRefusal::Unknown => Refusal::new(Code::NoAuthorization),
            VisitRefusal::Invalid(reason) => Refusal::saying(Code::AuthorizationInvalid, reason),
            VisitRefusal::StaysHere => Refusal::saying(Code::NotAllowed, STAYS),
            VisitRefusal::RateLimited { wait_s, reason } => {
                Refusal::saying(Code::RateLimited, reason).waiting(wait_s.max(1))
            }
            VisitRefusal::Host(refusal) => Refusal::saying(code(&refusal.why), refusal.reason),
            VisitRefusal::Ours(cause) => Refusal::because(cause),
        }
    }
}

/// What is said as long as nobody has let the project's tokens leave the house.
const STAYS: &str = "tokens of this project stay here until an administrator lets them out: vestibule project set PROJECT --hand-out on";

const fn code(why: &Why) -> Code {
    match why {
        Why::CannotDo => Code::NotImplemented,
        Why::Conflict => Code::AlreadyExists,
        Why::BadCloneUrl => Code::CloneUrlInvalid,
        Why::TokenRefused | Why::GrantRefused => Code::AuthorizationInvalid,
        Why::RateLimited { .. } => Code::RateLimited,
        Why::ClientRefused | Why::Unreachable | Why::HostBroken { .. } => Code::Internal,
        Why::ScopeMissing { .. } | Why::Forbidden | Why::NotFound | Why::Stale | Why::Invalid | Why::TooLarge => {
            Code::ParameterInvalid
        }
    }
}
