//! Metadata of the server (RFC 8414, OpenID Connect Discovery 1.0), derived from what is really served.
//!
//! Owns the document, which is one for both: each names members that the other leaves open. Does not know the routes: the
//! router says what it serves.

use crate::acr;
use crate::authorize::{PROMPT_VALUES, RESPONSE_TYPES};
use crate::claims_request::KNOWN;
use crate::grant::Kind;
use crate::jose::Algorithm;
use crate::response::ResponseMode;
use serde::Serialize;

/// What a server serves. Endpoints are paths that start with `/`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Served<'a> {
    /// The authorization endpoint.
    pub authorization_endpoint: Option<&'a str>,
    /// The token endpoint.
    pub token_endpoint: Option<&'a str>,
    /// The userinfo endpoint.
    pub userinfo_endpoint: Option<&'a str>,
    /// Where the published keys are; with it there are ID tokens, and so OpenID Connect.
    pub jwks_uri: Option<&'a str>,
    /// The revocation endpoint (RFC 7009).
    pub revocation_endpoint: Option<&'a str>,
    /// The introspection endpoint (RFC 7662).
    pub introspection_endpoint: Option<&'a str>,
    /// Where applications have people sign out (OpenID Connect RP-Initiated Logout).
    pub end_session_endpoint: Option<&'a str>,
    /// Whether applications are told that a session has ended, with its identifier (OpenID Connect Back-Channel Logout).
    pub backchannel_logout: bool,
    /// The grants of the token endpoint.
    pub grants: &'a [Kind],
    /// The scopes that mean something here.
    pub scopes: &'a [&'a str],
    /// The languages of the pages, as BCP 47 tags.
    pub ui_locales: &'a [&'a str],
    /// Where people read on: an absolute URL.
    pub service_documentation: Option<&'a str>,
}

/// The document, as JSON text. `issuer` is the public URL without a trailing slash.
pub fn document(issuer: &str, served: &Served) -> String {
    let address = |path: Option<&str>| path.map(|path| format!("{issuer}{path}"));
    let browser = served.authorization_endpoint.is_some();
    let openid = served.jwks_uri.is_some();
    let document = Document {
        issuer,
        authorization_endpoint: address(served.authorization_endpoint),
        token_endpoint: address(served.token_endpoint),
        userinfo_endpoint: address(served.userinfo_endpoint),
        jwks_uri: address(served.jwks_uri),
        revocation_endpoint: address(served.revocation_endpoint),
        introspection_endpoint: address(served.introspection_endpoint),
        end_session_endpoint: address(served.end_session_endpoint),
        backchannel_logout_supported: served.backchannel_logout,
        backchannel_logout_session_supported: served.backchannel_logout,
        scopes_supported: served.scopes,
        response_types_supported: when(browser, &RESPONSE_TYPES),
        response_modes_supported: names(browser, &ResponseMode::ALL, ResponseMode::name),
        grant_types_supported: names(true, served.grants, Kind::name),
        token_endpoint_auth_methods_supported: when(served.token_endpoint.is_some(), &AUTH_METHODS),
        revocation_endpoint_auth_methods_supported: when(served.revocation_endpoint.is_some(), &AUTH_METHODS),
        introspection_endpoint_auth_methods_supported: when(
            served.introspection_endpoint.is_some(),
            &SECRET_AUTH_METHODS,
        ),
        code_challenge_methods_supported: when(browser, &CHALLENGE_METHODS),
        authorization_response_iss_parameter_supported: browser,
        ui_locales_supported: served.ui_locales,
        service_documentation: served.service_documentation,
        openid: openid.then(OpenId::new),
    };
    // Text, lists and flags can always be spelled, so there is no error to tell.
    serde_json::to_string(&document).unwrap_or_default()
}

/// How a client may authenticate at the token endpoint, public clients included (RFC 6749 section 2.3).
const AUTH_METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];
/// How one may at the introspection endpoint, which answers nobody without a secret.
const SECRET_AUTH_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];
/// The PKCE methods: `plain` is refused.
const CHALLENGE_METHODS: [&str; 1] = ["S256"];
/// By what a client can know a person: the same for all, or one of its own (OpenID Connect Core section 8).
const SUBJECT_TYPES: [&str; 2] = ["public", "pairwise"];
/// The claims of an ID token that nobody has to ask for by name.
const TOKEN_CLAIMS: [&str; 7] = ["iss", "aud", "exp", "iat", "nonce", "at_hash", "sid"];

fn when(condition: bool, list: &'static [&'static str]) -> &'static [&'static str] {
    if condition { list } else { &[] }
}

fn names<T: Copy>(condition: bool, list: &[T], name: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    if condition { list.iter().map(|one| name(*one)).collect() } else { Vec::new() }
}

/// RFC 8414 section 2. Lists without a member are left out (section 3.2).
#[derive(Serialize)]
struct Document<'a> {
    issuer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    userinfo_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_session_endpoint: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    backchannel_logout_supported: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    backchannel_logout_session_supported: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scopes_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    response_types_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    response_modes_supported: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    grant_types_supported: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    token_endpoint_auth_methods_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    revocation_endpoint_auth_methods_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    introspection_endpoint_auth_methods_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    code_challenge_methods_supported: &'a [&'a str],
    authorization_response_iss_parameter_supported: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ui_locales_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    service_documentation: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    openid: Option<OpenId>,
}

/// OpenID Connect Discovery 1.0 section 3.
#[derive(Serialize)]
struct OpenId {
    subject_types_supported: [&'static str; 2],
    id_token_signing_alg_values_supported: Vec<&'static str>,
    acr_values_supported: [&'static str; 1],
    claims_supported: Vec<&'static str>,
    prompt_values_supported: [&'static str; 4],
    claims_parameter_supported: bool,
    // Left out, these two would mean what they do not (`request_uri`) or leave one guessing.
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

impl OpenId {
    fn new() -> OpenId {
        OpenId {
            subject_types_supported: SUBJECT_TYPES,
            id_token_signing_alg_values_supported: names(true, &Algorithm::ALL, Algorithm::name),
            acr_values_supported: acr::SUPPORTED,
            claims_supported: KNOWN.iter().map(|(name, _)| *name).chain(TOKEN_CLAIMS).collect(),
            prompt_values_supported: PROMPT_VALUES,
            claims_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
        }
    }
}
