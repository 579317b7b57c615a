//! A public key that is ready to verify: parsed once, bound to one algorithm.

use super::jwk::Material;
use super::{Algorithm, Jwk, KeyError};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};

/// A public key that verifies signatures of its one algorithm, and no other (FM-79).
#[derive(Debug)]
pub struct VerifyingKey {
    key: ParsedPublicKey,
    algorithm: Algorithm,
    signature_bytes: usize,
}

impl VerifyingKey {
    /// Makes the numbers of `jwk` a key; refused when they are none (a point off the curve).
    pub fn of(jwk: &Jwk) -> Result<VerifyingKey, KeyError> {
        let (key, signature_bytes) = match jwk.material() {
            Material::Ed25519(x) => (ParsedPublicKey::new(&ED25519, x), 64),
            Material::P256 { x, y } => {
                let mut point = [4; 65];
                point[1..33].copy_from_slice(x);
                point[33..].copy_from_slice(y);
                (ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point), 64)
            }
            Material::Rsa { n, e } => {
                (RsaPublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256), n.len())
            }
        };
        let key = key.map_err(|_| KeyError::Malformed)?;
        Ok(VerifyingKey { key, algorithm: jwk.algorithm(), signature_bytes })
    }

    /// The one algorithm of the key.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether `signature` is this key's over `message`. ECDSA signatures are r ‖ s (RFC 7518 section 3.4), never DER.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes && self.key.verify_sig(message, signature).is_ok()
    }
}
