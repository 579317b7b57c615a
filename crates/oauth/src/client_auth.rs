//! Client authentication (RFC 6749 sections 2.3 and 3.2.1).
//!
//! Owns who a client is, whether it proved it, and whether it sent its parameters where its template allows. This is
//! the only file that can make an [`AuthedClient`], and every grant needs one (house rule 7).

use crate::client::{Client, RegisteredClient};
use crate::parameters::{Parameters, Place};
use crate::redirect_uri;
use crate::refusal::{Code, Refusal};
use crate::secret::{Digest, Kind, MachineSecret};
use crate::template::Switch;

/// How a client proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// HTTP Basic.
    Basic,
    /// `client_secret` in the body.
    Body,
    /// `client_secret` in the query (an older form).
    Query,
    /// A public client: it has named itself and proves nothing.
    Public,
    /// By its refresh token alone (an older form).
    RefreshToken,
}

/// A client that has passed authentication. Only this file makes one.
#[derive(Clone, Debug)]
pub struct AuthedClient {
    client: Client,
    method: Method,
}

impl AuthedClient {
    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// How it authenticated.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The older forms that this request made use of, each once: what is counted and audited per application.
    pub fn older_forms(&self, parameters: &Parameters) -> Vec<Switch> {
        let value_of = |name| parameters.get(name).ok().flatten();
        let mut forms = Vec::new();
        if stands_in_query(parameters).is_some() {
            forms.push(Switch::QueryParameters);
        }
        if value_of("grant_type") == Some("password") {
            forms.push(Switch::PasswordGrant);
        }
        if self.method == Method::RefreshToken {
            forms.push(Switch::RefreshWithoutClient);
        }
        if value_of("redirect_uri").is_some_and(redirect_uri::is_plain_http) {
            forms.push(Switch::PlainHttpRedirects);
        }
        forms
    }
}

/// The `client_id` that a request names: from Basic, the query or the body. `None` when it names none; different
/// names in one request are refused, for a client that names two could be judged as the one and served as the other.
pub fn identify(parameters: &Parameters) -> Result<Option<&str>, Refusal> {
    let named = parameters.get("client_id")?;
    match (parameters.basic(), named) {
        (Some(basic), Some(named)) if basic.client_id != named => Err(Refusal::new(
            Code::InvalidRequest,
            "client_id differs from the one in the Authorization header: send it once.",
        )),
        (Some(basic), _) => Ok(Some(&basic.client_id)),
        (None, named) => Ok(named),
    }
}

/// Authenticates the client that [`identify`] named, and judges where its parameters stood.
///
/// A confidential client needs one of its live secrets, by exactly one method; a public client must send none. Refusals
/// have the client's wire form.
pub fn authenticate(parameters: &Parameters, registered: RegisteredClient) -> Result<AuthedClient, Refusal> {
    let RegisteredClient { client, secrets } = registered;
    let method = judge(parameters, &client, &secrets)
        .map_err(|refusal| refusal.for_wire(client.wire()).tried_basic(parameters.basic().is_some()))?;
    Ok(AuthedClient { client, method })
}

/// Stands for authentication when a refresh token comes alone: `client` is the application that the refresh token
/// belongs to. Refused unless its switch allows that form, the grant is `refresh_token`, and the request names no client
/// and holds no credentials: who is named must be authenticated (statement 63).
pub fn by_refresh_token(parameters: &Parameters, client: Client) -> Result<AuthedClient, Refusal> {
    let judged = || {
        let is_alone = identify(parameters)?.is_none() && parameters.get("client_secret")?.is_none();
        let is_refresh = parameters.get("grant_type")? == Some("refresh_token");
        if !(is_alone && is_refresh && client.has(Switch::RefreshWithoutClient)) {
            return Err(unknown(parameters));
        }
        judge_places(parameters, &client)?;
        judge_enabled(&client)
    };
    match judged() {
        Ok(()) => Ok(AuthedClient { client, method: Method::RefreshToken }),
        Err(refusal) => Err(refusal.for_wire(client.wire())),
    }
}

/// What a request gets whose client is unknown, or that names none where one is needed: the same answer as a wrong
/// secret gets.
pub fn unknown(parameters: &Parameters) -> Refusal {
    Refusal::new(Code::InvalidClient, "The client is unknown or its credentials are wrong.")
        .tried_basic(parameters.basic().is_some())
        .guess(true)
}

/// The judgement behind [`authenticate`].
fn judge(parameters: &Parameters, client: &Client, secrets: &[Digest]) -> Result<Method, Refusal> {
    if identify(parameters)? != Some(&client.client_id) {
        return Err(unknown(parameters));
    }
    judge_places(parameters, client)?;
    let method = match (presented(parameters)?, client.confidential) {
        (Some((method, secret)), true) if is_live(secret, secrets) => method,
        (Some(_), true) => return Err(unknown(parameters)),
        (None, true) => {
            return Err(Refusal::new(
                Code::InvalidClient,
                "Client authentication is missing: send client_id and client_secret by HTTP Basic or in the body.",
            ));
        }
        (None, false) => Method::Public,
        (Some(_), false) => {
            return Err(Refusal::new(
                Code::InvalidClient,
                "This is a public client, which keeps no secret: leave client_secret out.",
            ));
        }
    };
    judge_enabled(client)?;
    Ok(method)
}

/// The secret that was presented, and how. Two methods at once are refused (statement 46), even with equal values;
/// a blank secret is none (FM-66).
fn presented(parameters: &Parameters) -> Result<Option<(Method, &str)>, Refusal> {
    let parameter = parameters.get("client_secret")?;
    match (parameters.basic(), parameter) {
        (Some(_), Some(_)) => Err(Refusal::new(
            Code::InvalidRequest,
            "The client authenticates twice: leave out either the Authorization header or client_secret.",
        )),
        (Some(basic), None) if basic.secret.expose().is_empty() => Ok(None),
        (Some(basic), None) => Ok(Some((Method::Basic, basic.secret.expose()))),
        (None, Some(secret)) if parameters.place("client_secret") == Some(Place::Query) => {
            Ok(Some((Method::Query, secret)))
        }
        (None, Some(secret)) => Ok(Some((Method::Body, secret))),
        (None, None) => Ok(None),
    }
}

/// Whether `secret` is one of the live ones. Looks at all of them, so that the time tells nothing.
fn is_live(secret: &str, live: &[Digest]) -> bool {
    let Some(secret) = MachineSecret::parse(Kind::ClientSecret, secret) else { return false };
    let presented = secret.digest();
    live.iter().fold(false, |found, digest| found | presented.matches(digest))
}

/// Judges where the parameters stood, by the client's switches.
fn judge_places(parameters: &Parameters, client: &Client) -> Result<(), Refusal> {
    if let Some(name) = stands_in_query(parameters).filter(|_| !client.has(Switch::QueryParameters)) {
        return Err(Refusal::new(
            Code::InvalidRequest,
            format!("{name} must not stand in the URL, which ends up in logs: send it in the body."),
        ));
    }
    if parameters.body_is_json() && !client.has(Switch::JsonBody) {
        return Err(Refusal::new(
            Code::InvalidRequest,
            "The body must be application/x-www-form-urlencoded: this client may not send JSON.",
        ));
    }
    Ok(())
}

/// A client that is switched off gets nothing. Asked last, so that only the client itself learns of it.
fn judge_enabled(client: &Client) -> Result<(), Refusal> {
    if client.enabled {
        return Ok(());
    }
    Err(Refusal::new(Code::InvalidClient, "This application is switched off: ask its administrator."))
}

/// The first parameter of a token request that stands in the query.
fn stands_in_query(parameters: &Parameters) -> Option<&'static str> {
    TOKEN_PARAMETERS.into_iter().find(|name| parameters.stands_in_query(name))
}

/// What a token request may hold. In the query it would stand in logs, histories and `Referer` headers (FM-109).
const TOKEN_PARAMETERS: [&str; 11] = [
    "client_secret",
    "code",
    "code_verifier",
    "refresh_token",
    "password",
    "username",
    "token",
    "client_id",
    "grant_type",
    "redirect_uri",
    "scope",
];
