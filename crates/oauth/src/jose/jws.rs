//! Reading a compact JWS (RFC 7515 section 5.2), strictly: this is where tokens come in from outside.
//!
//! The order is what costs nothing first, then the signature, then the claims: nothing that a stranger wrote is looked at
//! beyond the header. The header chooses among keys that are held already; it can neither bring nor point at one (FM-85).

use super::{Algorithm, Typ, VerifyingKey, base64url, strict_object};
use serde_json::{Map, Value};
use std::borrow::Borrow;
use std::fmt;

/// Why a token is not taken. Tell the bearer no more than that it is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoseError {
    /// It is longer than [`MAX_BYTES`].
    TooLong,
    /// It has not exactly three parts; five are a JWE (FM-81).
    Parts,
    /// A part is not base64url in its only spelling, or the header or the claims are no JSON object without duplicates.
    Malformed,
    /// Its header wants something that is not done here: `crit`, compression, encryption, unencoded claims (FM-82).
    Unsupported,
    /// Its algorithm is not one of ours, or not the key's (FM-79).
    Algorithm,
    /// It is a token of another kind, or says none.
    Type,
    /// It names no key, or one that is not held.
    Key,
    /// Its signature is not the key's.
    Signature,
}

/// A token whose header has been read and whose signature has not: it shows which key it names, and nothing else.
#[derive(Debug)]
pub struct Unverified<'t> {
    signed: &'t str,
    claims: &'t str,
    signature: Vec<u8>,
    algorithm: Algorithm,
    kid: String,
}

/// Verifies `token` as one of kind `typ` and gives its claims.
///
/// `key_of` finds a key by its name, which may be any text (FM-85). Times, issuer and audience are for the caller to judge.
pub fn verify<K: Borrow<VerifyingKey>>(
    token: &str,
    typ: Typ,
    key_of: impl FnOnce(&str) -> Option<K>,
) -> Result<Map<String, Value>, JoseError> {
    let token = read(token, typ)?;
    let key = key_of(token.kid()).ok_or(JoseError::Key)?;
    token.verify(key.borrow())
}

/// Reads the header of `token`, for callers that must wait for the key.
pub fn read(token: &str, typ: Typ) -> Result<Unverified<'_>, JoseError> {
    // Before anything is looked for in it (FM-83).
    if token.len() > MAX_BYTES {
        return Err(JoseError::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JoseError::Parts)?;
    let (header, claims) = signed.split_once('.').ok_or(JoseError::Parts)?;
    if claims.contains('.') {
        return Err(JoseError::Parts);
    }
    let header = base64url::read(header).ok_or(JoseError::Malformed)?;
    let header = strict_object(&header, MAX_DEPTH).ok_or(JoseError::Malformed)?;
    if REFUSED_MEMBERS.iter().any(|name| header.contains_key(*name)) {
        return Err(JoseError::Unsupported);
    }
    let text = |name| header.get(name).and_then(Value::as_str);
    let algorithm = text("alg").and_then(Algorithm::parse).ok_or(JoseError::Algorithm)?;
    if !text("typ").is_some_and(|named| typ.is_named(named)) {
        return Err(JoseError::Type);
    }
    let kid = text("kid").ok_or(JoseError::Key)?.to_owned();
    let signature = base64url::read(signature).ok_or(JoseError::Malformed)?;
    Ok(Unverified { signed, claims, signature, algorithm, kid })
}

impl Unverified<'_> {
    /// The name of the key, as a stranger wrote it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Verifies the signature with `key`, whose algorithm must be the header's, and gives the claims.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Map<String, Value>, JoseError> {
        if key.algorithm() != self.algorithm {
            return Err(JoseError::Algorithm);
        }
        if !key.verifies(self.signed.as_bytes(), &self.signature) {
            return Err(JoseError::Signature);
        }
        let claims = base64url::read(self.claims).ok_or(JoseError::Malformed)?;
        strict_object(&claims, MAX_DEPTH).ok_or(JoseError::Malformed)
    }
}

impl fmt::Display for JoseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JoseError::TooLong => "the token is too long",
            JoseError::Parts => "the token has not three parts",
            JoseError::Malformed => "the token cannot be read",
            JoseError::Unsupported => "the token's header asks for what is not done here",
            JoseError::Algorithm => "the token's algorithm is not its key's",
            JoseError::Type => "the token is of another kind",
            JoseError::Key => "the token names no key that is held",
            JoseError::Signature => "the token's signature does not fit",
        })
    }
}

impl std::error::Error for JoseError {}

/// How long a token may be, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;

/// How deep its header and claims may be nested.
const MAX_DEPTH: usize = 16;

/// Members of a header that change what the rest means. What merely brings or points at a key (`jwk`, `jku`, `x5c`, `x5u`)
/// is ignored with everything else that is unknown.
const REFUSED_MEMBERS: [&str; 4] = ["crit", "b64", "zip", "enc"];
