//! Tokens that we sign, read back by ourselves.

use crate::keys::PAIRS;
use aws_lc_rs::rand::SystemRandom;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vestibule_oauth::jose::{Algorithm, JoseError, SignError, Typ, jws};

#[test]
fn st_108_what_is_signed_verifies_as_its_own_kind_only() {
    for (signing, verifying) in PAIRS.iter() {
        for typ in Typ::ALL {
            let token = signing.sign(&SystemRandom::new(), typ, r#"{"sub":"248289761001"}"#).unwrap();
            let header = URL_SAFE_NO_PAD.decode(token.expose().split('.').next().unwrap()).unwrap();
            let header: Value = serde_json::from_slice(&header).unwrap();
            assert_eq!(header, json!({"alg": signing.algorithm().name(), "typ": typ.name(), "kid": signing.kid()}));
            for due in Typ::ALL {
                let read = jws::verify(token.expose(), due, |kid| (kid == signing.kid()).then_some(verifying));
                match read {
                    Ok(claims) => assert!(due == typ && claims["sub"] == json!("248289761001")),
                    Err(error) => assert!(due != typ && error == JoseError::Type),
                }
            }
        }
    }
}

#[test]
fn what_is_signed_can_be_read_or_is_not_signed() {
    for (signing, verifying) in PAIRS.iter() {
        let claims = |n: usize| format!(r#"{{"a":"{}"}}"#, "a".repeat(n));
        let sign = |n: usize| signing.sign(&SystemRandom::new(), Typ::Jwt, &claims(n));
        let longest = (11_000..13_000).rev().find(|n| sign(*n).is_ok()).unwrap();
        let token = sign(longest).unwrap();
        assert!((16 * 1024 - 3..=16 * 1024).contains(&token.expose().len()), "{}", token.expose().len());
        assert!(jws::verify(token.expose(), Typ::Jwt, |_| Some(verifying)).is_ok());
        assert_eq!(sign(longest + 1).err(), Some(SignError::TooLong));
    }
}

#[test]
fn fm_97_a_signing_key_and_its_tokens_print_redacted() {
    for (signing, _) in PAIRS.iter() {
        let token = signing.sign(&SystemRandom::new(), Typ::Jwt, "{}").unwrap();
        assert_eq!(format!("{token:?}"), "[redacted]");
        let shown = format!("{signing:?}");
        assert!(shown.contains("[redacted]") && shown.contains(signing.kid()) && shown.len() < 100, "{shown}");
    }
}

#[test]
fn names_are_the_registered_ones() {
    assert_eq!(Algorithm::ALL.map(Algorithm::name), ["EdDSA", "ES256", "RS256"]);
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::parse(algorithm.name()), Some(algorithm));
    }
    for other in ["", "eddsa", "none", "HS256", "ES256K", "ES384", "PS256", "EdDSA "] {
        assert_eq!(Algorithm::parse(other), None, "{other}");
    }
}
