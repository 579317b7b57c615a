//! A code that is about to be issued, and how the rulebook sees who is signed in.
//!
//! Owns what is drawn for a code. Whether it may be issued, `oauth::next_step` said; the store's verb says it again.

use crate::app::App;
use vestibule_oauth::authorize::AuthorizationRequest;
use vestibule_oauth::claims_request::ClaimsRequest;
use vestibule_oauth::client::Client;
use vestibule_oauth::next_step::{Granted, Visitor};
use vestibule_oauth::response::AuthorizationResponse;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::Kind;
use vestibule_oauth::subject::subject_for;
use vestibule_store::authorizations::Issue;
use vestibule_store::codes::NewCode;
use vestibule_store::sessions::LiveSession;

/// Who is signed in, as the rulebook sees them; `subject` is what [`subject`] gave.
pub fn visitor<'a>(session: &LiveSession, subject: &'a str) -> Visitor<'a> {
    Visitor { session: session.id, subject, auth_time: session.auth_time, assigned: session.assigned }
}

/// The subject by which `client` knows who is signed in.
pub fn subject(app: &App, client: &Client, session: &LiveSession) -> String {
    subject_for(client, &session.subject, app.keys.pairwise())
}

/// The person in audit rows.
pub fn actor(session: &LiveSession) -> String {
    format!("person:{}", session.number)
}

/// A code that is about to be issued: what the store keeps, and what the browser carries back.
pub struct Issued {
    /// What the store keeps.
    pub row: Issue,
    /// What the browser carries; holds the code.
    pub response: AuthorizationResponse,
}

impl Issued {
    /// Makes a code for `granted`; `consent` is what the store keeps of what was ticked just now.
    pub fn new(
        app: &App,
        client: &Client,
        request: &AuthorizationRequest,
        session: &LiveSession,
        granted: Granted,
        consent: Option<ScopeSet>,
        now: i64,
    ) -> Issued {
        let code = app.dice.secret(Kind::Code, app.dice.id(now));
        let (uri, mode, state) = (&request.redirect_uri, request.response_mode, request.state.as_deref());
        let row = Issue {
            verb: app.dice.id(now),
            grant: app.dice.id(now),
            code: NewCode {
                id: code.id(),
                digest: code.digest(),
                redirect_uri: request.redirect_uri.clone(),
                redirect_uri_sent: request.redirect_uri_sent,
                challenge: request.challenge.clone(),
                nonce: request.nonce.clone(),
            },
            application: client.id,
            person: session.person,
            session: session.id,
            auth_time: session.auth_time,
            scopes: granted.scopes,
            claims: granted.claims.as_ref().map(ClaimsRequest::to_json),
            consent,
            last_consent: session.last_consent.clone(),
            consent_generation: session.consent_generation,
        };
        Issued { row, response: AuthorizationResponse::success(uri, mode, &code.spell(), state, &app.issuer) }
    }
}
