//! Token introspection (RFC 7662): who may ask, about what, and what is told.
//!
//! Owns the rules and the spelling of the answer. Whether a token is alive is judged by `token`, as at every other use.

use crate::client::{Client, Owner};
use crate::client_auth::{AuthedClient, Method};
use crate::id::Id;
use crate::refusal::{Code, Refusal};
use crate::scope::ScopeSet;
use crate::subject::{self, PairwiseSecret};
use crate::template::Switch;
use crate::token::{self, Standing};
use crate::userinfo::{self, Profile};
use serde::Serialize;

/// What is told of everything that is not alive, not known, or not for whoever asks: the same bytes for all
/// (section 2.2, FM-71, FM-98).
pub const INACTIVE: &str = r#"{"active":false}"#;

/// Whether a client may ask at all: only one that proved who it is (section 2.1, statement 76). Errors: `invalid_client`.
pub fn judge_caller(client: &AuthedClient) -> Result<(), Refusal> {
    match client.method() {
        Method::Basic | Method::Body | Method::Query => Ok(()),
        Method::Public | Method::RefreshToken => {
            let sentence = "Only an application that keeps a secret may ask about tokens: authenticate with one.";
            Err(Refusal::new(Code::InvalidClient, sentence).for_wire(client.client().wire()))
        }
    }
}

/// An access token that somebody asks about.
#[derive(Clone, Copy, Debug)]
pub struct AccessToken<'a> {
    /// The client that it was issued to.
    pub owner: &'a Owner,
    /// What it is good for.
    pub scope: &'a ScopeSet,
    /// What it hangs on.
    pub standing: &'a Standing,
    /// When it was given, in Unix milliseconds.
    pub created_at: i64,
    /// Its row.
    pub id: Id,
    /// The person; none for an application that acts for itself.
    pub person: Option<&'a Profile>,
}

/// A refresh token that somebody asks about.
#[derive(Clone, Copy, Debug)]
pub struct RefreshToken<'a> {
    /// The client that it was issued to.
    pub owner: &'a Client,
    /// What its family is good for.
    pub scope: &'a ScopeSet,
    /// What it hangs on.
    pub standing: &'a Standing,
    /// Whether it has been traded.
    pub spent: bool,
}

/// The answer to `asking` about an access token at `now`. Applications other than the token's own are told if their
/// switch says so, and then not the person's name: userinfo tells that to whom it is meant for (statement 80). Its own
/// hears the name where userinfo would say it: what the person did not open is told nowhere.
///
/// Opaque or signed, the answer is the same: what the signed token says of itself, as far as both can say it.
pub fn access_token(asking: &Client, issuer: &str, pairwise: &PairwiseSecret, token: &AccessToken, now: i64) -> String {
    let is_own = asking.id == token.owner.id;
    if !(is_own || asking.has(Switch::Introspect)) || token::judge(token.standing, now).is_err() {
        return INACTIVE.to_owned();
    }
    let Some(scope) = token::scope_in_force(token.owner, token.scope) else { return INACTIVE.to_owned() };
    let sub = match token.person {
        Some(person) => subject::at_resource(token.owner, person.names(), pairwise),
        None => token.owner.client_id.clone(),
    };
    let opens_name = userinfo::opens_username(token.owner.wire(), &scope);
    spell(&Active {
        active: true,
        scope: scope.to_string(),
        client_id: &token.owner.client_id,
        username: token.person.filter(|_| is_own && opens_name).map(|person| person.username.as_str()),
        token_type: Some("Bearer"),
        token_use: "access_token",
        exp: token.standing.expires_at.div_euclid(1000),
        iat: Some(token.created_at.div_euclid(1000)),
        sub: Some(sub),
        aud: Some(issuer),
        iss: issuer,
        jti: Some(token.id.to_string()),
    })
}

/// The answer to `asking` about a refresh token at `now`. Only its own client is told: a resource server that took one
/// for an access token would accept what nobody may present to it (FM-78).
pub fn refresh_token(asking: &Client, issuer: &str, token: &RefreshToken, now: i64) -> String {
    if asking.id != token.owner.id || token.spent || token::judge(token.standing, now).is_err() {
        return INACTIVE.to_owned();
    }
    let Some(scope) = token::scope_in_force(token.owner, token.scope) else { return INACTIVE.to_owned() };
    spell(&Active {
        active: true,
        scope: scope.to_string(),
        client_id: &token.owner.client_id,
        username: None,
        token_type: None,
        token_use: "refresh_token",
        exp: token.standing.expires_at.div_euclid(1000),
        iat: None,
        sub: None,
        aud: None,
        iss: issuer,
        jti: None,
    })
}

/// RFC 7662 section 2.2; `token_use` tells a refresh token from an access token, which the RFC leaves open.
#[derive(Serialize)]
struct Active<'a> {
    active: bool,
    scope: String,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
    token_use: &'a str,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

/// Text, numbers and a flag can always be spelled; if they could not, nothing is told.
fn spell(active: &Active) -> String {
    serde_json::to_string(active).unwrap_or_else(|_| INACTIVE.to_owned())
}
