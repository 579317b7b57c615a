//! The hash that ties an access token to the ID token beside it (OpenID Connect Core 1.0 section 3.1.3.6).

use super::{Algorithm, base64url};
use aws_lc_rs::digest::{SHA256, SHA512, digest};

/// The left half of `access_token`'s digest, base64url, by the hash of the ID token's algorithm; Ed25519's own is SHA-512
/// (RFC 8032 section 5.1).
pub fn at_hash(algorithm: Algorithm, access_token: &str) -> String {
    let hash = match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 => &SHA256,
        Algorithm::EdDsa => &SHA512,
    };
    let sum = digest(hash, access_token.as_bytes());
    base64url::spell(&sum.as_ref()[..sum.as_ref().len() / 2])
}
