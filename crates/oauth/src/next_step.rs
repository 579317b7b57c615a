//! What comes next for a person in the browser: sign in, consent, back to the client.
//!
//! The only place that decides it, from what is stored, so that refresh, back and a second tab are safe. Does not show
//! anything and does not issue anything.

use crate::authorize::AuthorizationRequest;
use crate::client::Client;
use crate::consent::{self, Offer};
use crate::id::Id;
use crate::refusal::{Code, Refusal};
use crate::scope::ScopeSet;

/// Everything that decides the next step.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The request.
    pub request: &'a AuthorizationRequest,
    /// The client, as it stands now.
    pub client: &'a Client,
    /// Who is signed in, if anybody.
    pub visitor: Option<Visitor>,
    /// What the store keeps of this person's consents to this client.
    pub last_consent: Option<&'a ScopeSet>,
    /// What the person ticked just now, as [`Offer::decide`] gave it.
    pub consented_now: Option<&'a ScopeSet>,
    /// When the request was stored, in Unix milliseconds; `None` while it is not.
    pub request_created_at: Option<i64>,
}

/// A person with a live browser session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The person's row.
    pub person: Id,
    /// When they last gave their password, in Unix milliseconds.
    pub auth_time: i64,
    /// Whether they may use the client.
    pub assigned: bool,
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// A page that says that the application is switched off.
    ApplicationOff,
    /// The sign-in page.
    SignIn,
    /// A page (403) that says that this person may not use the application.
    NotAssigned,
    /// The consent page.
    Consent(Offer),
    /// Issue a code for this scope.
    Issue(ScopeSet),
    /// Send this error to the client.
    Refuse(Refusal),
}

/// Decides the next step.
pub fn next_step(facts: &Facts) -> Step {
    if !facts.client.enabled {
        return Step::ApplicationOff;
    }
    let Some(visitor) = facts.visitor else {
        return page_or(
            facts,
            Step::SignIn,
            Code::LoginRequired,
            "Nobody is signed in, and prompt=none forbids asking.",
        );
    };
    if must_sign_in_anew(facts, visitor) {
        return Step::SignIn;
    }
    if !visitor.assigned {
        let sentence = "This person may not use the application: assign the person to it.";
        return page_or(facts, Step::NotAssigned, Code::AccessDenied, sentence);
    }
    consent_or_issue(facts)
}

/// `prompt=login` and `prompt=select_account` are satisfied by a session that began after the request was stored, and
/// by no older one. A request that is not stored yet has been satisfied by nobody.
fn must_sign_in_anew(facts: &Facts, visitor: Visitor) -> bool {
    let prompt = facts.request.prompt;
    (prompt.login || prompt.select_account)
        && facts.request_created_at.is_none_or(|created_at| visitor.auth_time < created_at)
}

fn consent_or_issue(facts: &Facts) -> Step {
    let Facts { request, client, last_consent, .. } = *facts;
    let offered = consent::offered(client, request.scope.as_ref());
    if offered.is_empty() {
        let sentence = "scope: the application no longer registers any of the requested scopes.";
        return refuse(facts, Code::InvalidScope, sentence);
    }
    if let Some(ticked) = facts.consented_now {
        let granted = offered.intersection(ticked);
        return if granted.is_empty() {
            let sentence = "The person granted none of the requested scopes.";
            refuse(facts, Code::AccessDenied, sentence)
        } else {
            Step::Issue(granted)
        };
    }
    if !consent::needed(client, request.scope.as_ref(), last_consent, request.prompt.consent) {
        return Step::Issue(offered);
    }
    let page = Step::Consent(consent::offer(client, request.scope.as_ref(), last_consent));
    let sentence = "The person must be asked for consent, and prompt=none forbids asking.";
    page_or(facts, page, Code::ConsentRequired, sentence)
}

/// The page, unless the request forbids pages.
fn page_or(facts: &Facts, page: Step, code: Code, sentence: &str) -> Step {
    if facts.request.prompt.none { refuse(facts, code, sentence) } else { page }
}

fn refuse(facts: &Facts, code: Code, sentence: &str) -> Step {
    Step::Refuse(Refusal::new(code, sentence).for_wire(facts.client.wire()))
}
