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
    /// Makes the numbers of `jwk` a key; refused when they are none: a point off the curve, or one of small order.
    pub fn of(jwk: &Jwk) -> Result<VerifyingKey, KeyError> {
        let (key, signature_bytes) = match jwk.material() {
            Material::Ed25519(x) if is_of_small_order(*x) => return Err(KeyError::Malformed),
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

/// Whether a point of Ed25519 is one of the eight of small order, in any spelling: with such a key a signature of zeros
/// fits one message in eight, so that anybody can sign (FM-80). The library takes them.
fn is_of_small_order(mut point: [u8; 32]) -> bool {
    point[31] &= 0x7f;
    SMALL_ORDER.contains(&point)
}

/// The y coordinates of these points, little-endian, without the sign of x: 0, 1, the two of order eight, and −1, 0 and 1
/// again as p − 1, p and p + 1.
const SMALL_ORDER: [[u8; 32]; 7] = [
    y(0, 0, 0),
    y(1, 0, 0),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    y(0xec, 0xff, 0x7f),
    y(0xed, 0xff, 0x7f),
    y(0xee, 0xff, 0x7f),
];

/// A number whose first, last and other bytes are these.
const fn y(first: u8, others: u8, last: u8) -> [u8; 32] {
    let mut number = [others; 32];
    number[0] = first;
    number[31] = last;
    number
}
