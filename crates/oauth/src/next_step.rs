//! What comes next for a person in the browser: sign in, choose an account, consent, back to the client.
//!
//! The only place that decides it, from what is stored, so that refresh, back and a second tab are safe. Does not show
//! anything and does not issue anything.

use crate::authorize::AuthorizationRequest;
use crate::claims_request::ClaimsRequest;
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
    pub visitor: Option<Visitor<'a>>,
    /// What the store keeps of this person's consents to this client.
    pub last_consent: Option<&'a ScopeSet>,
    /// What the person ticked just now, as [`Offer::decide`] gave it.
    pub consented_now: Option<&'a ScopeSet>,
    /// When the request was stored, in Unix milliseconds; `None` while it is not.
    pub request_created_at: Option<i64>,
    /// The session with which the person said to go on, where the client wants them to choose an account.
    pub chosen: Option<Id>,
    /// The time, in Unix milliseconds.
    pub now: i64,
}

/// A person with a live browser session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor<'a> {
    /// The session.
    pub session: Id,
    /// The subject by which the client knows them (`subject::subject_for`).
    pub subject: &'a str,
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
    /// A page that says that the client asks for somebody else than who is signed in.
    SomebodyElse,
    /// A page that asks whether to go on with the account that is signed in.
    ChooseAccount,
    /// A page (403) that says that this person may not use the application.
    NotAssigned,
    /// The consent page.
    Consent(Offer),
    /// Issue a code for this.
    Issue(Granted),
    /// Send this error to the client.
    Refuse(Refusal),
}

/// What a person allows a client.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The scopes.
    pub scopes: ScopeSet,
    /// What the client asked for by name and may know.
    pub claims: Option<ClaimsRequest>,
}

/// Decides the next step.
pub fn next_step(facts: &Facts) -> Step {
    if !facts.client.enabled {
        return Step::ApplicationOff;
    }
    let sign_in = |sentence| page_or(facts, Step::SignIn, Code::LoginRequired, sentence);
    let Some(visitor) = facts.visitor else {
        return sign_in("Nobody is signed in, and prompt=none forbids asking.");
    };
    if must_sign_in_anew(facts, visitor) {
        return sign_in("The person signed in longer ago than max_age, and prompt=none forbids asking.");
    }
    if !facts.request.is_for(visitor.subject) {
        let sentence = "Another person than the one that id_token_hint or claims names is signed in.";
        return page_or(facts, Step::SomebodyElse, Code::LoginRequired, sentence);
    }
    if facts.request.prompt.select_account && !has_chosen(facts, visitor) {
        return Step::ChooseAccount;
    }
    if !visitor.assigned {
        let sentence = "This person may not use the application: assign the person to it.";
        return page_or(facts, Step::NotAssigned, Code::AccessDenied, sentence);
    }
    consent_or_issue(facts)
}

/// `prompt=login` and `max_age` are satisfied by a session that began after the request was stored: whoever reads the
/// consent page slowly is not asked again and again. An older session is too old for `max_age` when it began earlier than
/// that many seconds ago, and always for `max_age=0`, which means the same as `prompt=login`.
fn must_sign_in_anew(facts: &Facts, visitor: Visitor) -> bool {
    let Facts { request, now, .. } = *facts;
    let too_old = |max_age: i64| max_age == 0 || now.saturating_sub(visitor.auth_time) > max_age.saturating_mul(1000);
    (request.prompt.login || request.max_age.is_some_and(too_old)) && !signed_in_for_this(facts, visitor)
}

/// Whoever signed in for this request has said who they are; others say on a page that they go on with their session.
fn has_chosen(facts: &Facts, visitor: Visitor) -> bool {
    facts.chosen == Some(visitor.session) || signed_in_for_this(facts, visitor)
}

/// A request that is not stored yet has been satisfied by nobody.
fn signed_in_for_this(facts: &Facts, visitor: Visitor) -> bool {
    facts.request_created_at.is_some_and(|created_at| visitor.auth_time >= created_at)
}

fn consent_or_issue(facts: &Facts) -> Step {
    let Facts { request, client, last_consent, .. } = *facts;
    let asked = request.asked();
    let offered = consent::offered(client, asked.as_ref());
    if consent::offered(client, request.scope.as_ref()).is_empty() {
        let sentence = "scope: the application no longer registers any of the requested scopes.";
        return refuse(facts, Code::InvalidScope, sentence);
    }
    if let Some(ticked) = facts.consented_now {
        return issue(facts, &offered.intersection(ticked));
    }
    if !consent::needed(client, asked.as_ref(), last_consent, request.prompt.consent) {
        return issue(facts, &offered);
    }
    let page = Step::Consent(consent::offer(client, asked.as_ref(), last_consent));
    let sentence = "The person must be asked for consent, and prompt=none forbids asking.";
    page_or(facts, page, Code::ConsentRequired, sentence)
}

/// What `consented` means for the request: a claim that was asked for by name does not widen the scope of the tokens.
fn issue(facts: &Facts, consented: &ScopeSet) -> Step {
    let Facts { request, client, .. } = *facts;
    let scopes = consent::offered(client, request.scope.as_ref()).intersection(consented);
    if scopes.is_empty() {
        return refuse(facts, Code::AccessDenied, "The person granted none of the requested scopes.");
    }
    let claims = request.claims.as_ref().map(|claims| claims.opened_by(consented));
    Step::Issue(Granted { scopes, claims: claims.filter(|claims| !claims.is_empty()) })
}

/// The page, unless the request forbids pages.
fn page_or(facts: &Facts, page: Step, code: Code, sentence: &str) -> Step {
    if facts.request.prompt.none { refuse(facts, code, sentence) } else { page }
}

fn refuse(facts: &Facts, code: Code, sentence: &str) -> Step {
    Step::Refuse(Refusal::new(code, sentence).for_wire(facts.client.wire()))
}
