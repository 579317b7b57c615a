//! Signed access tokens (RFC 9068): what they say, and whether one that comes back is one of ours.
//!
//! Owns the claims and their judgement. Does not sign nor verify (`jose`). A signed token has its row like an opaque one,
//! named by `jti`, and at our own endpoints the row decides what is alive (`token`).

use crate::client::{AccessTokenFormat, Client};
use crate::id::Id;
use crate::jose::Algorithm;
use crate::scope::ScopeSet;
use crate::secret::{Digest, MachineSecret};
use serde::Serialize;
use serde_json::{Map, Value};

/// What a signed access token is made of. All moments in Unix milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct SignedAccessToken<'a> {
    /// Who says it; also whom it is for, as long as nobody asks for another resource (RFC 9068 section 3).
    pub issuer: &'a str,
    /// The client that it is given to.
    pub client: &'a Client,
    /// The person's `sub` for that client; `None` for a client that acts for itself.
    pub subject: Option<&'a str>,
    /// Its row.
    pub id: Id,
    /// What it is good for.
    pub scope: &'a ScopeSet,
    /// When it is given.
    pub issued_at: i64,
    /// From when on it is dead.
    pub expires_at: i64,
    /// When the person signed in.
    pub auth_time: Option<i64>,
}

impl SignedAccessToken<'_> {
    /// The claims, as JSON text to be signed.
    pub fn claims(&self) -> String {
        let scope = self.scope.to_string();
        let claims = Claims {
            iss: self.issuer,
            exp: self.expires_at.div_euclid(1000),
            aud: self.issuer,
            sub: self.subject.unwrap_or(&self.client.client_id),
            client_id: &self.client.client_id,
            iat: self.issued_at.div_euclid(1000),
            jti: self.id.to_string(),
            scope: Some(scope.as_str()).filter(|scope| !scope.is_empty()),
            auth_time: self.auth_time.map(|at| at.div_euclid(1000)),
        };
        // Text and numbers can always be spelled; what is empty nobody takes for an access token.
        serde_json::to_string(&claims).unwrap_or_default()
    }
}

/// An access token that is to be given: what is kept of it is settled, the text that the client gets is not made yet.
#[derive(Debug)]
pub enum Unspelled {
    /// A secret.
    Opaque(MachineSecret),
    /// A token of this row that is to be signed.
    Signed(Algorithm, Id),
}

impl Unspelled {
    /// The access token of the row that `secret` belongs to, in the form that `format` says; a signed one needs no secret.
    pub fn new(format: AccessTokenFormat, secret: MachineSecret) -> Unspelled {
        match format {
            AccessTokenFormat::Opaque => Unspelled::Opaque(secret),
            AccessTokenFormat::Signed(algorithm) => Unspelled::Signed(algorithm, secret.id()),
        }
    }

    /// Its row.
    pub const fn id(&self) -> Id {
        match self {
            Unspelled::Opaque(secret) => secret.id(),
            Unspelled::Signed(_, id) => *id,
        }
    }

    /// What the row keeps as its digest.
    pub fn digest(&self) -> Digest {
        match self {
            Unspelled::Opaque(secret) => secret.digest(),
            Unspelled::Signed(algorithm, _) => mark(*algorithm),
        }
    }
}

/// The row of a token whose signature was verified and whose kind was checked, if it is for us and alive by its own word
/// at `now` (FM-72, FM-73). Stricter than RFC 9068 asks: these are tokens that we spelled ourselves, so that whatever is
/// spelled in another way is not one of them.
pub fn row_of(claims: &Map<String, Value>, issuer: &str, now: i64) -> Option<Id> {
    let text = |name| claims.get(name).and_then(Value::as_str);
    let moment = |name| claims.get(name).and_then(Value::as_i64);
    let now_s = now.div_euclid(1000);
    let is_ours = text("iss") == Some(issuer) && text("aud") == Some(issuer);
    let names_both = text("sub").is_some() && text("client_id").is_some();
    let is_alive = moment("exp")? > now_s && moment("iat")? <= now_s + CLOCKS_S;
    Id::parse(text("jti")?).filter(|_| is_ours && names_both && is_alive)
}

/// What stands as the digest in the row of a token that `algorithm` signed. It is the digest of no secret that anybody
/// knows, so that no opaque token opens the row, and it tells what the token looks like.
pub fn mark(algorithm: Algorithm) -> Digest {
    let mut bytes = [0; 32];
    // The database keeps the number: never give one a second meaning.
    bytes[31] = match algorithm {
        Algorithm::EdDsa => 1,
        Algorithm::Es256 => 2,
        Algorithm::Rs256 => 3,
    };
    Digest::from_bytes(bytes)
}

/// What signed the token of a row with this digest; `None` for an opaque token's.
pub fn signed_with(digest: &Digest) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| mark(*algorithm).matches(digest))
}

/// How far the clock of the node that signed may be ahead of ours, in seconds.
const CLOCKS_S: i64 = 4;

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    exp: i64,
    aud: &'a str,
    sub: &'a str,
    client_id: &'a str,
    iat: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
}
