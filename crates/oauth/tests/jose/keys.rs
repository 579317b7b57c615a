//! Keys that the tests sign with, and others' keys that are refused.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use aws_lc_rs::{rsa, rsa::KeySize};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::sync::LazyLock;
use vestibule_oauth::jose::{Algorithm, Jwk, JwkSet, KeyError, SigningKey, VerifyingKey};

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

/// A token with any header and any claims, signed properly with the key at `at`: what our own signer would never make.
pub fn forge(at: usize, header: &str, claims: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let (message, random) = (signed.as_bytes(), SystemRandom::new());
    let signature = match Algorithm::ALL[at] {
        Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(&PKCS8[at]).unwrap().sign(message).as_ref().to_vec(),
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &PKCS8[at]).unwrap();
            pair.sign(&random, message).unwrap().as_ref().to_vec()
        }
        Algorithm::Rs256 => {
            let pair = rsa::KeyPair::from_pkcs8(&PKCS8[at]).unwrap();
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
            signature
        }
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Takes `text` with `change` made to the JSON of a good key.
fn changed(at: usize, change: impl FnOnce(&mut Value)) -> Result<Jwk, KeyError> {
    let mut key: Value = serde_json::from_str(&PAIRS[at].0.jwk().to_json()).unwrap();
    change(&mut key);
    Jwk::from_json(&key.to_string())
}

fn rsa_key(n: &[u8], e: &[u8]) -> Result<Jwk, KeyError> {
    changed(2, |key| {
        key["n"] = URL_SAFE_NO_PAD.encode(n).into();
        key["e"] = URL_SAFE_NO_PAD.encode(e).into();
    })
}

#[test]
fn fm_80_empty_short_and_crooked_keys_are_refused() {
    let modulus = |bytes: usize, first: u8| [vec![first], vec![0x55; bytes - 1]].concat();
    let e = [1, 0, 1];
    assert!(rsa_key(&modulus(256, 0x80), &e).is_ok());
    assert!(rsa_key(&modulus(1024, 0xff), &e).is_ok());
    for (n, e, error) in [
        (modulus(256, 0x7f), &e[..], KeyError::Size),
        (modulus(128, 0xff), &e, KeyError::Size),
        (vec![3], &e, KeyError::Size),
        (modulus(1025, 0x01), &e, KeyError::Size),
        (vec![], &e, KeyError::Malformed),
        (modulus(257, 0), &e, KeyError::Malformed),
        ([modulus(255, 0x80), vec![2]].concat(), &e, KeyError::Malformed),
        (modulus(256, 0x80), &[1], KeyError::Malformed),
        (modulus(256, 0x80), &[2], KeyError::Malformed),
        (modulus(256, 0x80), &[], KeyError::Malformed),
        (modulus(256, 0x80), &[0, 1, 0, 1], KeyError::Malformed),
        (modulus(256, 0x80), &[1, 0, 0, 0, 1], KeyError::Size),
    ] {
        assert_eq!(rsa_key(&n, e), Err(error), "{} bytes, exponent {e:?}", n.len());
    }
    for (at, name) in [(0, "x"), (1, "x"), (1, "y")] {
        for bad in ["", "AA", &URL_SAFE_NO_PAD.encode([1; 31]), &URL_SAFE_NO_PAD.encode([1; 33]), &"+".repeat(43)] {
            assert_eq!(changed(at, |key| key[name] = bad.into()), Err(KeyError::Malformed), "{name} {bad}");
        }
    }
    let off_curve = changed(1, |key| key["x"] = URL_SAFE_NO_PAD.encode([0xff; 32]).into()).unwrap();
    assert_eq!(VerifyingKey::of(&off_curve).err(), Some(KeyError::Malformed));
    let zero = changed(1, |key| (key["x"], key["y"]) = ("A".repeat(43).into(), "A".repeat(43).into())).unwrap();
    assert_eq!(VerifyingKey::of(&zero).err(), Some(KeyError::Malformed));
}

#[test]
fn fm_79_fm_80_a_key_says_what_it_is_for_or_is_refused() {
    for at in 0..3 {
        for (name, value, error) in [
            ("kty", json!("oct"), KeyError::Unsupported),
            ("kty", Value::Null, KeyError::Malformed),
            ("crv", json!("P-521"), KeyError::Unsupported),
            ("alg", json!("HS256"), KeyError::Unsupported),
            ("alg", json!("none"), KeyError::Unsupported),
            ("alg", json!("PS256"), KeyError::Unsupported),
            ("use", json!("enc"), KeyError::Unsupported),
            ("key_ops", json!(["encrypt"]), KeyError::Unsupported),
            ("key_ops", json!("verify"), KeyError::Unsupported),
            ("kid", json!(7), KeyError::Malformed),
            ("d", json!("AQAB"), KeyError::Private),
            ("k", json!("AQAB"), KeyError::Private),
            ("x5c", json!([[[[1]]]]), KeyError::Malformed),
        ] {
            assert_eq!(changed(at, |key| key[name] = value.clone()), Err(error), "{name} {value}");
        }
        let good = changed(at, |key| key["key_ops"] = json!(["verify"])).unwrap();
        assert_eq!(changed(at, |key| key["x5u"] = json!("http://127.0.0.1/")).unwrap(), good, "FM-85: ignored");
        let nameless = changed(at, |key| drop(key.as_object_mut().unwrap().remove("kid"))).unwrap();
        assert_eq!(nameless.kid(), None);
        assert_eq!(Jwk::from_json(&nameless.to_json()).unwrap(), nameless);
    }
    let text = PAIRS[0].0.jwk().to_json();
    let twice = text.replace("\"crv\"", "\"kty\":\"RSA\",\"crv\"");
    assert_eq!(Jwk::from_json(&twice), Err(KeyError::Malformed));
    assert_eq!(Jwk::from_json(&format!("{text}{text}")), Err(KeyError::Malformed));
    assert_eq!(Jwk::from_json(&format!("{text}{}", " ".repeat(16 * 1024))), Err(KeyError::Size));
    for other in ["", "{}", "[]", "null", "7", "\"kty\""] {
        assert_eq!(Jwk::from_json(other), Err(KeyError::Malformed), "{other}");
    }
}

#[test]
fn a_key_set_is_read_as_it_is_spelled_and_leaves_other_kinds_out() {
    let keys: Vec<Jwk> = PAIRS.iter().map(|(signing, _)| signing.jwk().clone()).collect();
    let text = JwkSet::spell(&keys);
    assert_eq!(JwkSet::from_json(&text), Ok(JwkSet { keys: keys.clone() }));
    let with = |key: &str| JwkSet::from_json(&text.replace("[", &format!("[{key},")));
    for other in
        [r#"{"kty":"oct"}"#, r#"{"kty":"EC","crv":"P-521"}"#, r#"{"kty":"RSA","n":"AQAB","e":"AQAB","use":"enc"}"#]
    {
        let expected = if other.contains("RSA") { Err(KeyError::Size) } else { Ok(JwkSet { keys: keys.clone() }) };
        assert_eq!(with(other), expected, "{other}");
    }
    assert_eq!(with("7"), Err(KeyError::Malformed));
    assert_eq!(with(&vec![r#"{"kty":"oct"}"#; 62].join(",")), Err(KeyError::Size));
    assert_eq!(JwkSet::from_json(&format!("{text}{}", " ".repeat(64 * 1024))), Err(KeyError::Size));
    assert_eq!(JwkSet::from_json("{}"), Err(KeyError::Malformed));
    assert_eq!(JwkSet::from_json(r#"{"keys":[]}"#), Ok(JwkSet::default()));
}

/// With a key of small order a signature of zeros fits one message in eight: anybody can sign (FM-80).
#[test]
fn fm_80_a_point_of_small_order_is_no_key() {
    let eighths = [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ];
    let eighths =
        eighths.map(|hex| std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()));
    let near_p = |last: u8| std::array::from_fn(|at| [last, 0xff, 0x7f][usize::from(at > 0) + usize::from(at == 31)]);
    let small = |first: u8| std::array::from_fn(|at| if at == 0 { first } else { 0 });
    let points: [[u8; 32]; 7] = [small(0), small(1), eighths[0], eighths[1], near_p(0xec), near_p(0xed), near_p(0xee)];
    for mut point in points {
        for _ in 0..2 {
            let key = changed(0, |key| key["x"] = URL_SAFE_NO_PAD.encode(point).into()).unwrap();
            assert_eq!(VerifyingKey::of(&key).err(), Some(KeyError::Malformed), "{point:?}");
            point[31] ^= 0x80;
        }
    }
}
