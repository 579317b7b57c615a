//! The stored spelling of an authorization request, which waits for its person in the database.
//!
//! Owns writing and reading it. It never leaves the server, so that nothing in it can be changed from outside (FM-49).

use super::{AuthorizationRequest, Prompt};
use crate::claims_request::ClaimsRequest;
use crate::pkce::Challenge;
use crate::response::ResponseMode;
use crate::scope::ScopeSet;
use serde::{Deserialize, Serialize};

impl AuthorizationRequest {
    /// The text that the store keeps while the person is on our pages.
    pub fn to_json(&self) -> String {
        let stored = Stored {
            redirect_uri: self.redirect_uri.clone(),
            redirect_uri_sent: self.redirect_uri_sent,
            scope: self.scope.as_ref().map(ScopeSet::to_string),
            state: self.state.clone(),
            challenge: self.challenge.as_ref().map(|challenge| challenge.as_str().to_owned()),
            prompt: self.prompt,
            login_hint: self.login_hint.clone(),
            nonce: self.nonce.clone(),
            response_mode: self.response_mode,
            max_age: self.max_age,
            hinted: self.hinted.clone(),
            claims: self.claims.clone(),
            ui_locales: self.ui_locales.clone(),
        };
        // Text and flags can always be spelled, so there is no error to tell.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// Reads what [`AuthorizationRequest::to_json`] gave; `None` for anything else.
    pub fn from_json(text: &str) -> Option<AuthorizationRequest> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        Some(AuthorizationRequest {
            redirect_uri: stored.redirect_uri,
            redirect_uri_sent: stored.redirect_uri_sent,
            scope: stored.scope.map(|scope| ScopeSet::parse(&scope)).transpose().ok()?,
            state: stored.state,
            // A challenge that cannot be read must not become none: that would be a downgrade.
            challenge: match stored.challenge {
                Some(challenge) => Some(Challenge::parse(&challenge)?),
                None => None,
            },
            prompt: stored.prompt,
            login_hint: stored.login_hint,
            nonce: stored.nonce,
            response_mode: stored.response_mode,
            max_age: stored.max_age,
            hinted: stored.hinted,
            claims: stored.claims,
            ui_locales: stored.ui_locales,
        })
    }
}

/// The stored form. What later versions add must be optional, so that a rolling upgrade reads both.
#[derive(Serialize, Deserialize)]
struct Stored {
    redirect_uri: String,
    redirect_uri_sent: bool,
    scope: Option<String>,
    state: Option<String>,
    challenge: Option<String>,
    prompt: Prompt,
    login_hint: Option<String>,
    nonce: Option<String>,
    #[serde(default)]
    response_mode: ResponseMode,
    #[serde(default)]
    max_age: Option<i64>,
    #[serde(default)]
    hinted: Option<String>,
    #[serde(default)]
    claims: Option<ClaimsRequest>,
    #[serde(default)]
    ui_locales: Vec<String>,
}
