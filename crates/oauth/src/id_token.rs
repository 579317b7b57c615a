//! ID tokens (OpenID Connect Core sections 2, 3.1.3.6 and 12.2): when one is due, and what it says.
//!
//! Owns the claims and their spelling. Does not sign (`jose`), nor read a token that comes back (`id_token_hint`).

use crate::acr;
use crate::claims_request::Claim;
use crate::client::Client;
use crate::jose;
use crate::scope::ScopeSet;
use crate::template::ID_TOKEN_MS;
use crate::userinfo::{PersonClaims, Profile};
use serde::Serialize;

/// What an ID token is made of. All moments in Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct IdToken<'a> {
    /// Who says it.
    pub issuer: &'a str,
    /// Whom it is for.
    pub client: &'a Client,
    /// The person's `sub` for that client ([`crate::subject::subject_for`]).
    pub subject: &'a str,
    /// When it is given.
    pub issued_at: i64,
    /// When the person signed in. At a refresh still that moment (section 12.2).
    pub auth_time: i64,
    /// The `nonce` of the authorization request; none at a refresh.
    pub nonce: Option<&'a str>,
    /// The access token beside it, as it is spelled: `at_hash` ties the two together.
    pub access_token: &'a str,
    /// The browser session that the grant was given in, as that client knows it ([`crate::subject::session_for`]).
    pub session: &'a str,
    /// What is known about the person.
    pub profile: &'a Profile,
    /// The claims that were asked for in the ID token by name and are open. What a scope opens is told at userinfo
    /// (section 5.4).
    pub asked: &'a [Claim],
}

/// Whether an answer with this `scope` has an ID token, if it tells of a person who signed in with a browser.
pub fn is_due(scope: &ScopeSet) -> bool {
    scope.contains("openid")
}

impl IdToken<'_> {
    /// The claims, as JSON text to be signed.
    pub fn claims(&self) -> String {
        let Self { client, session, profile, asked, .. } = *self;
        let iat = self.issued_at.div_euclid(1000);
        let claims = Claims {
            iss: self.issuer,
            sub: self.subject,
            aud: &client.client_id,
            exp: iat + ID_TOKEN_MS / 1000,
            iat,
            auth_time: self.auth_time.div_euclid(1000),
            nonce: self.nonce,
            acr: acr::PASSWORD,
            amr: acr::AMR_PASSWORD,
            at_hash: jose::at_hash(client.id_token_alg, self.access_token),
            sid: session,
            person: PersonClaims::open(profile, &ScopeSet::empty(), asked),
        };
        // Text, numbers and lists of text can always be spelled; what is empty no client takes for an ID token.
        serde_json::to_string(&claims).unwrap_or_default()
    }
}

/// The one `aud` is the client, so that `azp` says nothing and is left out (section 2).
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    acr: &'a str,
    amr: [&'a str; 1],
    at_hash: String,
    sid: &'a str,
    #[serde(flatten)]
    person: PersonClaims<'a>,
}
