//! The authorization request (RFC 6749 section 4.1.1): read, judged, kept.
//!
//! Owns what may be asked and whether an error may be redirected (only to a URI that is known good, FM-13). Does not
//! own what comes next for the person (`next_step`) nor how the answer is spelled (`response`).

use crate::claims_request::ClaimsRequest;
use crate::client::Client;
use crate::grant::{Kind, requested_scope, scope_within};
use crate::parameters::Parameters;
use crate::pkce::Challenge;
use crate::redirect_uri::{self, NoRedirect, RedirectMismatch};
use crate::refusal::{Code, Refusal};
use crate::response::ResponseMode;
use crate::scope::ScopeSet;
use crate::template::Switch;
use serde::{Deserialize, Serialize};

/// The response types that are served.
pub const RESPONSE_TYPES: [&str; 1] = ["code"];
/// The response modes that are served.
pub const RESPONSE_MODES: [&str; 1] = ["query"];
/// The longest `max_age` that means anything, in seconds (a hundred years): a longer one counts as this.
pub const MAX_AGE_S: i64 = 3_155_760_000;

/// A good authorization request.
#[derive(Clone, Debug)]
pub struct AuthorizationRequest {
    /// Where the answer goes: the registered URI that was named, or the only registered one.
    pub redirect_uri: String,
    /// Whether the request named it, so that the token request must repeat it (statement 32).
    pub redirect_uri_sent: bool,
    /// The requested scopes; `None` when none were named, which means all that the client registered.
    pub scope: Option<ScopeSet>,
    /// The client's own value, handed back unchanged.
    pub state: Option<String>,
    /// The PKCE challenge.
    pub challenge: Option<Challenge>,
    /// What the client wants shown.
    pub prompt: Prompt,
    /// Who the client believes will sign in: fills the name field.
    pub login_hint: Option<String>,
    /// Handed back in the ID token.
    pub nonce: Option<String>,
    /// How the answer travels.
    pub response_mode: ResponseMode,
    /// How old the person's sign-in may be, in seconds; at most [`MAX_AGE_S`].
    pub max_age: Option<i64>,
    /// The subject that an `id_token_hint` of ours names: nobody else is answered for. As the client knows them, so
    /// compare it with what `subject::subject_for` gives for the client.
    pub hinted: Option<String>,
    /// The authentication context classes that the client would like, the best first.
    pub acr_values: Vec<String>,
    /// The claims that it asks for by name.
    pub claims: Option<ClaimsRequest>,
    /// The languages that the person reads, as BCP 47 tags, the best first.
    pub ui_locales: Vec<String>,
}

/// The `prompt` parameter (OpenID Connect Core section 3.1.2.1): which pages the client asks for, or none at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// The person must sign in anew.
    pub login: bool,
    /// The person must be asked for consent.
    pub consent: bool,
    /// The person must choose an account; with one account per session that is signing in anew.
    pub select_account: bool,
}

/// Why a request goes no further, and who is told.
#[derive(Debug)]
pub enum Rejection {
    /// A page: no redirect URI is known good. With the compared values when the URI was the reason.
    Page(Refusal, Option<RedirectMismatch>),
    /// The client, at its own good redirect URI.
    Redirect {
        /// Where to.
        redirect_uri: String,
        /// To hand back unchanged.
        state: Option<String>,
        /// What to say.
        refusal: Refusal,
    },
}

/// Judges an authorization request of `client`, whose redirect URIs are `registered`.
///
/// First of all the redirect URI: until it is known good nothing is ever redirected, whatever else is wrong.
pub fn judge(
    parameters: &Parameters,
    client: &Client,
    registered: &[String],
) -> Result<AuthorizationRequest, Rejection> {
    let asked = parameters.get("redirect_uri").map_err(|refusal| page(client, refusal))?;
    let redirect_uri = redirect_uri::select(asked, registered, client.has(Switch::LoopbackAnyPort))
        .map_err(|problem| no_redirect(client, problem))?;
    if !client.enabled {
        return Err(page(client, Refusal::new(Code::UnauthorizedClient, "This application is switched off.")));
    }
    let state = parameters.get("state");
    let redirect = |refusal: Refusal| Rejection::Redirect {
        redirect_uri: redirect_uri.to_owned(),
        // A state that stands there twice cannot be handed back unchanged.
        state: state.as_ref().ok().copied().flatten().map(str::to_owned),
        refusal: refusal.for_wire(client.wire()),
    };
    let state = state.clone().map_err(redirect)?.map(str::to_owned);
    let request = AuthorizationRequest {
        redirect_uri: redirect_uri.to_owned(),
        redirect_uri_sent: asked.is_some(),
        scope: None,
        state,
        challenge: None,
        prompt: Prompt::default(),
        login_hint: None,
        nonce: None,
        response_mode: ResponseMode::Query,
        max_age: None,
        hinted: None,
        acr_values: Vec::new(),
        claims: None,
        ui_locales: Vec::new(),
    };
    read_rest(parameters, client, request).map_err(redirect)
}

/// Everything whose refusal may be redirected.
fn read_rest(
    parameters: &Parameters,
    client: &Client,
    request: AuthorizationRequest,
) -> Result<AuthorizationRequest, Refusal> {
    for name in ["request", "request_uri"] {
        if parameters.get(name)?.is_some() {
            return Err(invalid(format!("{name} is not supported: send the parameters themselves.")));
        }
    }
    if !RESPONSE_TYPES.contains(&parameters.required("response_type")?) {
        return Err(Refusal::new(Code::UnsupportedResponseType, "response_type must be code."));
    }
    if parameters.get("response_mode")?.is_some_and(|mode| !RESPONSE_MODES.contains(&mode)) {
        return Err(invalid("response_mode must be query, or absent."));
    }
    if !Kind::AuthorizationCode.allowed(client) {
        let sentence = "response_type=code is not switched on for this application.";
        return Err(Refusal::new(Code::UnauthorizedClient, sentence));
    }
    let requested = requested_scope(parameters)?;
    scope_within(&client.scopes, requested.clone())?;
    Ok(AuthorizationRequest {
        scope: requested,
        challenge: read_challenge(parameters, client)?,
        prompt: parameters.get("prompt")?.map_or(Ok(Prompt::default()), Prompt::parse)?,
        login_hint: parameters.get("login_hint")?.map(str::to_owned),
        nonce: parameters.get("nonce")?.map(str::to_owned),
        ..request
    })
}

fn read_challenge(parameters: &Parameters, client: &Client) -> Result<Option<Challenge>, Refusal> {
    let challenge = Challenge::read(parameters.get("code_challenge")?, parameters.get("code_challenge_method")?)?;
    if challenge.is_none() && (client.has(Switch::PkceRequired) || !client.confidential) {
        return Err(invalid("code_challenge is missing: this application must use PKCE with S256."));
    }
    Ok(challenge)
}

fn page(client: &Client, refusal: Refusal) -> Rejection {
    Rejection::Page(refusal.for_wire(client.wire()), None)
}

fn no_redirect(client: &Client, problem: NoRedirect) -> Rejection {
    match problem {
        NoRedirect::Missing => page(client, invalid("redirect_uri is missing: send one of the registered URIs.")),
        NoRedirect::Mismatch(mismatch) => {
            let refusal = invalid("redirect_uri is not registered for this application: register it, byte for byte.");
            Rejection::Page(refusal.for_wire(client.wire()), Some(mismatch))
        }
    }
}

fn invalid(sentence: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidRequest, sentence)
}

impl Prompt {
    /// Reads a space-separated list. Errors: `invalid_request` for an unknown value, and for `none` beside others.
    fn parse(text: &str) -> Result<Prompt, Refusal> {
        let mut prompt = Prompt::default();
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return Err(invalid("prompt must be none, login, consent or select_account.")),
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
            return Err(invalid("prompt=none goes with no other prompt."));
        }
        Ok(prompt)
    }
}

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
            acr_values: self.acr_values.clone(),
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
            acr_values: stored.acr_values,
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
    acr_values: Vec<String>,
    #[serde(default)]
    claims: Option<ClaimsRequest>,
    #[serde(default)]
    ui_locales: Vec<String>,
}
