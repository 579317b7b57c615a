//! Authorization server metadata (RFC 8414), derived from what is really served.
//!
//! Owns the document. Does not know the routes: the router says what it serves.

use crate::authorize::{RESPONSE_MODES, RESPONSE_TYPES};
use crate::grant::Kind;
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
    /// The revocation endpoint (RFC 7009).
    pub revocation_endpoint: Option<&'a str>,
    /// The introspection endpoint (RFC 7662).
    pub introspection_endpoint: Option<&'a str>,
    /// The grants of the token endpoint.
    pub grants: &'a [Kind],
    /// The scopes that mean something here.
    pub scopes: &'a [&'a str],
    /// Where people read on: an absolute URL.
    pub service_documentation: Option<&'a str>,
}

/// The document, as JSON text. `issuer` is the public URL without a trailing slash.
pub fn document(issuer: &str, served: &Served) -> String {
    let address = |path: Option<&str>| path.map(|path| format!("{issuer}{path}"));
    let browser = served.authorization_endpoint.is_some();
    let token = served.token_endpoint.is_some();
    let when = |condition: bool, list: &'static [&'static str]| if condition { list } else { &[] };
    let document = Document {
        issuer,
        authorization_endpoint: address(served.authorization_endpoint),
        token_endpoint: address(served.token_endpoint),
        userinfo_endpoint: address(served.userinfo_endpoint),
        revocation_endpoint: address(served.revocation_endpoint),
        introspection_endpoint: address(served.introspection_endpoint),
        scopes_supported: served.scopes,
        response_types_supported: when(browser, &RESPONSE_TYPES),
        response_modes_supported: when(browser, &RESPONSE_MODES),
        grant_types_supported: served.grants.iter().map(|grant| grant.name()).collect(),
        token_endpoint_auth_methods_supported: when(token, &AUTH_METHODS),
        revocation_endpoint_auth_methods_supported: when(served.revocation_endpoint.is_some(), &AUTH_METHODS),
        introspection_endpoint_auth_methods_supported: when(
            served.introspection_endpoint.is_some(),
            &SECRET_AUTH_METHODS,
        ),
        code_challenge_methods_supported: when(browser, &CHALLENGE_METHODS),
        authorization_response_iss_parameter_supported: browser,
        service_documentation: served.service_documentation,
    };
    // Text, lists and a flag can always be spelled, so there is no error to tell.
    serde_json::to_string(&document).unwrap_or_default()
}

/// How a client may authenticate at the token endpoint, public clients included (RFC 6749 section 2.3).
const AUTH_METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];
/// How one may at the introspection endpoint, which answers nobody without a secret.
const SECRET_AUTH_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];
/// The PKCE methods: `plain` is refused.
const CHALLENGE_METHODS: [&str; 1] = ["S256"];

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
    revocation_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    introspection_endpoint: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scopes_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    response_types_supported: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    response_modes_supported: &'a [&'a str],
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
    #[serde(skip_serializing_if = "Option::is_none")]
    service_documentation: Option<&'a str>,
}
