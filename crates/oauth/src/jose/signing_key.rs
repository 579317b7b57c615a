//! A private key that signs compact tokens, and its public half.

use super::jwk::Material;
use super::jws::MAX_BYTES;
use super::{Algorithm, Jwk, KeyError, Typ, base64url};
use crate::secret::Secret;
use aws_lc_rs::rand::SecureRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use serde_json::Value;
use std::fmt;

/// A private key. It signs; it cannot be read back, shown or copied.
pub struct SigningKey {
    pair: Pair,
    jwk: Jwk,
    kid: String,
    /// The first part of a token and its dot, for each of [`Typ::ALL`]: the same for every token that the key signs.
    headers: [String; Typ::ALL.len()],
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(rsa::KeyPair),
}

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignError {
    /// The token would be longer than [`MAX_BYTES`], and its readers, ourselves among them, would refuse it.
    TooLong,
    /// The cryptographic library failed.
    Failed,
}

impl SigningKey {
    /// Reads a private key from PKCS#8 (RFC 5958). The key is named by its public half's thumbprint.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<SigningKey, KeyError> {
        let refused = |_| KeyError::Malformed;
        let pair = match algorithm {
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(refused)?),
            Algorithm::Es256 => {
                Pair::P256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(refused)?)
            }
            Algorithm::Rs256 => Pair::Rsa(rsa::KeyPair::from_pkcs8(pkcs8).map_err(refused)?),
        };
        let jwk = Jwk::named(pair.public_half().ok_or(KeyError::Malformed)?);
        let kid = jwk.thumbprint();
        let headers = Typ::ALL.map(|typ| header(algorithm, typ, &kid));
        Ok(SigningKey { pair, jwk, kid, headers })
    }

    /// The name that tokens and the key set give the key: its thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The one algorithm of the key.
    pub const fn algorithm(&self) -> Algorithm {
        self.jwk.algorithm()
    }

    /// The public half.
    pub const fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs `claims`, the text of a JSON object, as a compact JWS of kind `typ`.
    ///
    /// `random` is what ECDSA draws its nonce from.
    pub fn sign(&self, random: &dyn SecureRandom, typ: Typ, claims: &str) -> Result<Secret, SignError> {
        let header = &self.headers[typ as usize];
        let signature_bytes = self.pair.signature_bytes();
        let length = header.len() + base64url::spelled_len(claims.len()) + 1 + base64url::spelled_len(signature_bytes);
        if length > MAX_BYTES {
            return Err(SignError::TooLong);
        }
        // Never grown, so that no half-written copy of a token stays behind in memory that was given back.
        let mut token = String::with_capacity(length);
        token.push_str(header);
        base64url::push(claims.as_bytes(), &mut token);
        self.pair.sign_onto(random, &mut token).ok_or(SignError::Failed)?;
        Ok(Secret::new(token))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({} {} [redacted])", self.algorithm().name(), self.kid)
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignError::TooLong => "the token would be too long",
            SignError::Failed => "signing failed",
        })
    }
}

impl std::error::Error for SignError {}

impl Pair {
    fn public_half(&self) -> Option<Material> {
        Some(match self {
            Pair::Ed25519(pair) => Material::Ed25519(pair.public_key().as_ref().try_into().ok()?),
            Pair::P256(pair) => {
                let point: &[u8; 65] = pair.public_key().as_ref().try_into().ok()?;
                Material::P256 { x: point[1..33].try_into().ok()?, y: point[33..].try_into().ok()? }
            }
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let bytes = |number: aws_lc_rs::io::Positive<'_>| number.big_endian_without_leading_zero().to_vec();
                Material::Rsa { n: bytes(key.modulus()), e: bytes(key.exponent()) }
            }
        })
    }

    fn signature_bytes(&self) -> usize {
        match self {
            Pair::Ed25519(_) | Pair::P256(_) => 64,
            Pair::Rsa(pair) => pair.public_modulus_len(),
        }
    }

    /// Signs what `token` says and appends a dot and the signature.
    fn sign_onto(&self, random: &dyn SecureRandom, token: &mut String) -> Option<()> {
        let message = token.as_bytes();
        match self {
            Pair::Ed25519(pair) => {
                let signature = pair.try_sign(message).ok()?;
                token.push('.');
                base64url::push(signature.as_ref(), token);
            }
            Pair::P256(pair) => {
                let signature = pair.sign(random, message).ok()?;
                token.push('.');
                base64url::push(signature.as_ref(), token);
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, random, message, &mut signature).ok()?;
                token.push('.');
                base64url::push(&signature, token);
            }
        }
        Some(())
    }
}

/// The first part of a token, and its dot.
fn header(algorithm: Algorithm, typ: Typ, kid: &str) -> String {
    let json = format!(r#"{{"alg":"{}","typ":"{}","kid":{}}}"#, algorithm.name(), typ.name(), Value::from(kid));
    let mut header = base64url::spell(json.as_bytes());
    header.push('.');
    header
}
