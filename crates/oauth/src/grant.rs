//! The grants of the token endpoint: which one is asked for, and whether this client may use it.
//!
//! Owns the dispatch over `grant_type`. Each grant's parameters and judgement are in its own file below.

pub mod authorization_code;
pub mod client_credentials;
pub mod password;
pub mod refresh_token;

use crate::client::Client;
use crate::client_auth::{AuthedClient, Method};
use crate::parameters::Parameters;
use crate::refusal::{Code, Refusal};
use crate::scope::ScopeSet;
use crate::template::{Switch, Wire};

/// A grant type that the rulebook knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 6749 section 4.1.
    AuthorizationCode,
    /// RFC 6749 section 6.
    RefreshToken,
    /// RFC 6749 section 4.3: an older form, only behind its switch.
    Password,
    /// RFC 6749 section 4.4.
    ClientCredentials,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::AuthorizationCode, Kind::RefreshToken, Kind::Password, Kind::ClientCredentials];

    /// The value of `grant_type`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::AuthorizationCode => "authorization_code",
            Kind::RefreshToken => "refresh_token",
            Kind::Password => "password",
            Kind::ClientCredentials => "client_credentials",
        }
    }

    /// The kind of this `grant_type`.
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.name() == name)
    }

    /// Whether `client` may use it: its switches, and for grants that stand on the client's word alone that it keeps
    /// a secret (RFC 6749 section 4.4; FM-70).
    pub fn allowed(self, client: &Client) -> bool {
        match self {
            Kind::AuthorizationCode => client.has(Switch::CodeGrant),
            Kind::RefreshToken => client.has(Switch::RefreshGrant) || client.has(Switch::RefreshAlways),
            Kind::Password => client.has(Switch::PasswordGrant) && client.confidential,
            Kind::ClientCredentials => client.has(Switch::ClientCredentialsGrant) && client.confidential,
        }
    }
}

/// What a token request asks for, its parameters read.
#[derive(Debug)]
pub enum Ask {
    /// A code is traded.
    AuthorizationCode(authorization_code::Ask),
    /// A refresh token is traded.
    RefreshToken(refresh_token::Ask),
    /// A person's name and password are traded.
    Password(password::Ask),
    /// The client asks for itself.
    ClientCredentials(client_credentials::Ask),
}

/// Reads a token request of an authenticated client.
///
/// Errors: `invalid_request` (a parameter is missing), `unsupported_grant_type`, `unauthorized_client`,
/// `invalid_client` (authenticated by a refresh token, but asks for something else), `invalid_scope`.
pub fn read(client: &AuthedClient, parameters: &Parameters) -> Result<Ask, Refusal> {
    read_standard(client, parameters).map_err(|refusal| refusal.for_wire(client.client().wire()))
}

fn read_standard(client: &AuthedClient, parameters: &Parameters) -> Result<Ask, Refusal> {
    let Some(kind) = Kind::parse(parameters.required("grant_type")?) else {
        let sentence = "grant_type is none that is served here: send authorization_code, refresh_token or \
                        client_credentials.";
        return Err(Refusal::new(Code::UnsupportedGrantType, sentence));
    };
    // A refresh token stands for its client only where it is the thing that is traded.
    if client.method() == Method::RefreshToken && kind != Kind::RefreshToken {
        return Err(Refusal::new(Code::InvalidClient, "Send client_id and client_secret with this grant_type."));
    }
    if !kind.allowed(client.client()) {
        let sentence = format!("grant_type: {} is not switched on for this application.", kind.name());
        return Err(Refusal::new(Code::UnauthorizedClient, sentence));
    }
    match kind {
        Kind::AuthorizationCode => authorization_code::read(parameters).map(Ask::AuthorizationCode),
        Kind::RefreshToken => refresh_token::read(parameters).map(Ask::RefreshToken),
        Kind::Password => password::read(client, parameters).map(Ask::Password),
        Kind::ClientCredentials => client_credentials::read(client, parameters).map(Ask::ClientCredentials),
    }
}

/// Reads the `scope` parameter; one that holds no name counts as absent. Errors: `invalid_scope` for a foreign
/// character or too many names.
pub(crate) fn requested_scope(parameters: &Parameters) -> Result<Option<ScopeSet>, Refusal> {
    let Some(text) = parameters.get("scope")? else { return Ok(None) };
    let scope = ScopeSet::parse(text).map_err(|_| {
        let sentence = "scope cannot be read: send at most 64 names with spaces between them.";
        Refusal::new(Code::InvalidScope, sentence)
    })?;
    Ok((!scope.is_empty()).then_some(scope))
}

/// The requested scopes, all of which `allowed` must hold; all of `allowed` when none are requested.
pub(crate) fn scope_within(allowed: &ScopeSet, requested: Option<ScopeSet>) -> Result<ScopeSet, Refusal> {
    let scope = requested.unwrap_or_else(|| allowed.clone());
    if scope.is_empty() || !scope.is_subset(allowed) {
        let sentence = format!("scope: this application may ask for these: {allowed}.");
        return Err(Refusal::new(Code::InvalidScope, sentence));
    }
    Ok(scope)
}

/// The refusal at the token endpoint when the application registers nothing any more of what was granted.
pub(crate) fn nothing_in_force(client: &Client) -> Refusal {
    let sentence = "The application registers none of the granted scopes any more: send the person to the authorization \
                    endpoint again.";
    Refusal::new(Code::InvalidGrant, sentence).for_wire(client.wire())
}

/// The refusal at the token endpoint for a person who may not use the application: `Forbidden` (403) where the wire
/// knows it, else `invalid_grant`.
pub(crate) fn not_assigned(client: &Client) -> Refusal {
    let wire = client.wire();
    let code = if wire == Wire::Idaas { Code::Forbidden } else { Code::InvalidGrant };
    Refusal::new(code, "This person may not use the application: assign the person to it.").for_wire(wire)
}
