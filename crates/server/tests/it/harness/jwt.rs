//! Signed tokens as an application sees them: read and verified by a library that is not ours, with the published keys.

use super::http::Call;
use super::server::Server;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;

/// What a token says, after its signature, issuer, audience and end were verified.
#[derive(Debug)]
pub struct Verified {
    pub header: Header,
    pub claims: Value,
}

/// The key set that the server publishes.
pub fn key_set(server: &Server) -> JwkSet {
    let answer = Call::get(server.at("/oauth/jwks")).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_str(&answer.text()).expect("a key set")
}

/// Verifies `token` of `server` for `audience`.
pub fn verify(server: &Server, token: &str, audience: &str) -> Result<Verified, String> {
    let told = |why: jsonwebtoken::errors::Error| why.to_string();
    let header = decode_header(token).map_err(told)?;
    let kid = header.kid.clone().ok_or("no kid")?;
    let keys = key_set(server);
    let key = keys.find(&kid).ok_or("the key is not published")?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[&server.url]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.leeway = 0;
    let read = decode(token, &DecodingKey::from_jwk(key).map_err(told)?, &validation).map_err(told)?;
    Ok(Verified { header, claims: read.claims })
}

/// The same where it must succeed.
#[track_caller]
pub fn verified(server: &Server, token: &str, audience: &str) -> Verified {
    verify(server, token, audience).unwrap_or_else(|why| panic!("{why}: {token}"))
}
