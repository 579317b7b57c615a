//! The authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2.1): read, judged, kept.
//!
//! Owns what may be asked and whether an error may be redirected (only to a URI that is known good, FM-13). Does not
//! own what comes next for the person (`next_step`) nor how the answer is spelled (`response`).

mod openid;
mod prompt;
mod stored;

pub use openid::{Hinting, MAX_AGE_S};
pub use prompt::{PROMPT_VALUES, Prompt};

use crate::claims_request::{Claim, ClaimsRequest};
use crate::client::Client;
use crate::grant::{Kind, requested_scope, scope_within};
use crate::parameters::Parameters;
use crate::pkce::Challenge;
use crate::redirect_uri::{self, NoRedirect, RedirectMismatch};
use crate::refusal::{Code, Refusal};
use crate::response::ResponseMode;
use crate::scope::ScopeSet;
use crate::template::Switch;

/// The response types that are served.
pub const RESPONSE_TYPES: [&str; 1] = ["code"];

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
    /// The claims that it asks for by name.
    pub claims: Option<ClaimsRequest>,
    /// The languages that the person reads, as BCP 47 tags, the best first.
    pub ui_locales: Vec<String>,
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
        /// How it travels.
        response_mode: ResponseMode,
        /// What to say.
        refusal: Refusal,
    },
}

/// Judges an authorization request of `client`, whose redirect URIs are `registered`.
///
/// First of all the redirect URI: until it is known good nothing is ever redirected, whatever else is wrong. `hinting` is
/// what an `id_token_hint` is verified with.
pub fn judge(
    parameters: &Parameters,
    client: &Client,
    registered: &[String],
    hinting: &Hinting,
) -> Result<AuthorizationRequest, Rejection> {
    let asked = parameters.get("redirect_uri").map_err(|refusal| page(client, refusal))?;
    let redirect_uri = redirect_uri::select(asked, registered, client.has(Switch::LoopbackAnyPort))
        .map_err(|problem| no_redirect(client, problem))?;
    if !client.enabled {
        return Err(page(client, Refusal::new(Code::UnauthorizedClient, "This application is switched off.")));
    }
    let state = parameters.get("state");
    let response_mode = read_response_mode(parameters, redirect_uri);
    let redirect = |refusal: Refusal| Rejection::Redirect {
        redirect_uri: redirect_uri.to_owned(),
        // A state that stands there twice cannot be handed back unchanged.
        state: state.as_ref().ok().copied().flatten().map(str::to_owned),
        // A mode that is not served cannot carry its own refusal.
        response_mode: response_mode.as_ref().ok().copied().unwrap_or_default(),
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
        response_mode: response_mode.clone().map_err(redirect)?,
        max_age: None,
        hinted: None,
        claims: None,
        ui_locales: Vec::new(),
    };
    read_rest(parameters, client, hinting, request).map_err(redirect)
}

/// Everything whose refusal may be redirected.
fn read_rest(
    parameters: &Parameters,
    client: &Client,
    hinting: &Hinting,
    request: AuthorizationRequest,
) -> Result<AuthorizationRequest, Refusal> {
    for (name, code) in NOT_SERVED {
        if parameters.get(name)?.is_some() {
            return Err(Refusal::new(code, format!("{name} is not supported: send the parameters themselves.")));
        }
    }
    if !RESPONSE_TYPES.contains(&parameters.required("response_type")?) {
        return Err(Refusal::new(Code::UnsupportedResponseType, "response_type must be code."));
    }
    if !Kind::AuthorizationCode.allowed(client) {
        let sentence = "response_type=code is not switched on for this application.";
        return Err(Refusal::new(Code::UnauthorizedClient, sentence));
    }
    let requested = requested_scope(parameters)?;
    scope_within(&client.scopes, requested.clone())?;
    let request = AuthorizationRequest {
        scope: requested,
        challenge: read_challenge(parameters, client)?,
        prompt: parameters.get("prompt")?.map_or(Ok(Prompt::default()), Prompt::parse)?,
        login_hint: bounded(parameters, "login_hint")?,
        nonce: bounded(parameters, "nonce")?,
        ..request
    };
    openid::read(parameters, client, hinting, request)
}

/// A text of the client's that is kept, or given back inside a token: no request may ask for a token that is too long to be
/// made.
fn bounded(parameters: &Parameters, name: &str) -> Result<Option<String>, Refusal> {
    match parameters.get(name)? {
        Some(text) if text.len() > MAX_TEXT => Err(invalid(format!("{name} is longer than {MAX_TEXT} bytes."))),
        text => Ok(text.map(str::to_owned)),
    }
}

/// How long `nonce` and `login_hint` may be, in bytes.
const MAX_TEXT: usize = 1024;

/// Request objects and registration on the fly (OpenID Connect Core sections 3.1.2.6 and 7.2.1), each with its refusal.
const NOT_SERVED: [(&str, Code); 3] = [
    ("request", Code::RequestNotSupported),
    ("request_uri", Code::RequestUriNotSupported),
    ("registration", Code::RegistrationNotSupported),
];

/// A form can be posted to a web address only (FM-94).
fn read_response_mode(parameters: &Parameters, redirect_uri: &str) -> Result<ResponseMode, Refusal> {
    let Some(name) = parameters.get("response_mode")? else { return Ok(ResponseMode::Query) };
    match ResponseMode::parse(name) {
        Some(ResponseMode::FormPost) if redirect_uri::origin(redirect_uri).is_none() => {
            Err(invalid("response_mode=form_post needs an https redirect_uri: send response_mode=query."))
        }
        Some(mode) => Ok(mode),
        None => Err(invalid("response_mode must be query or form_post, or absent.")),
    }
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

impl AuthorizationRequest {
    /// The scopes that the person is asked for: those that were named, and those that open a claim which is asked for by
    /// name. `None` when none were named, which means all that the client registered.
    pub fn asked(&self) -> Option<ScopeSet> {
        let mut asked = self.scope.clone()?;
        if let Some(claims) = &self.claims {
            claims.scopes().iter().for_each(|scope| asked.insert(scope));
        }
        Some(asked)
    }

    /// Whether it is answered for the person whom the client knows as `subject`, and not only for somebody else (OpenID
    /// Connect Core section 3.1.2.2).
    pub fn is_for(&self, subject: &str) -> bool {
        let named = |claims: &[Claim]| {
            let mut subs = claims.iter().filter(|claim| claim.name == "sub" && !claim.values.is_empty());
            subs.all(|claim| claim.values.iter().any(|value| value == subject))
        };
        let hinted = self.hinted.as_deref().is_none_or(|hinted| hinted == subject);
        hinted && self.claims.as_ref().is_none_or(|claims| named(&claims.id_token) && named(&claims.userinfo))
    }
}
