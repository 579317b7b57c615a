//! Signed JSON (JOSE): a thin, strict layer over aws-lc.
//!
//! Owns compact JWS (RFC 7515), public keys as JWK (RFC 7517), their thumbprints (RFC 7638) and three algorithms (RFC 7518,
//! RFC 8037). There is no JWE, no MAC, no `none`, no key that comes in or is pointed at by a token. What the claims mean is
//! the business of whoever calls; where private keys lie is the store's.

mod algorithm;
mod at_hash;
mod base64url;
pub mod json;
mod jwk;
mod jwk_set;
pub mod jws;
mod key_error;
mod signing_key;
mod typ;
mod verifying_key;

pub use algorithm::Algorithm;
pub use at_hash::at_hash;
pub use json::strict_object;
pub use jwk::Jwk;
pub use jwk_set::JwkSet;
pub use jws::JoseError;
pub use key_error::KeyError;
pub use signing_key::{SignError, SigningKey};
pub use typ::Typ;
pub use verifying_key::VerifyingKey;
