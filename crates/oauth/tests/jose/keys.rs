//! Keys that the tests sign with, and others' keys that are refused.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use aws_lc_rs::{rsa, rsa::KeySize};
use std::sync::LazyLock;
use vestibule_oauth::jose::{Algorithm, Jwk, KeyError, SigningKey, VerifyingKey};

/// A private key of each algorithm, in the order of [`Algorithm::ALL`].
pub static PKCS8: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| Algorithm::ALL.map(pkcs8));

pub fn pkcs8(algorithm: Algorithm) -> Vec<u8> {
    let random = SystemRandom::new();
    match algorithm {
        Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref().to_vec(),
        Algorithm::Es256 => {
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap().as_ref().to_vec()
        }
        Algorithm::Rs256 => rsa::KeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap().as_ref().to_vec(),
    }
}

/// A pair of halves of each algorithm.
pub static PAIRS: LazyLock<Vec<(SigningKey, VerifyingKey)>> = LazyLock::new(|| {
    let pairs = Algorithm::ALL.iter().zip(PKCS8.iter());
    pairs
        .map(|(algorithm, pkcs8)| {
            let signing = SigningKey::from_pkcs8(*algorithm, pkcs8).unwrap();
            let verifying = VerifyingKey::of(signing.jwk()).unwrap();
            (signing, verifying)
        })
        .collect()
});

#[test]
fn a_key_is_named_by_its_thumbprint_and_survives_its_spelling() {
    for (signing, _) in PAIRS.iter() {
        let jwk = Jwk::from_json(&signing.jwk().to_json()).unwrap();
        assert_eq!(&jwk, signing.jwk());
        assert_eq!(jwk.kid(), Some(signing.kid()));
        assert_eq!(jwk.thumbprint(), signing.kid());
        assert_eq!(jwk.algorithm(), signing.algorithm());
        assert_eq!(signing.kid().len(), 43);
    }
}

#[test]
fn fm_80_a_key_of_another_kind_or_none_is_not_taken() {
    for (at, algorithm) in Algorithm::ALL.into_iter().enumerate() {
        for (other, pkcs8) in PKCS8.iter().enumerate() {
            assert_eq!(SigningKey::from_pkcs8(algorithm, pkcs8).is_ok(), at == other);
        }
        for broken in [&[][..], &[0], &PKCS8[at][1..], &PKCS8[at][..PKCS8[at].len() - 1]] {
            assert_eq!(SigningKey::from_pkcs8(algorithm, broken).err(), Some(KeyError::Malformed));
        }
    }
}
