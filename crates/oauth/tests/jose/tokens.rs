//! Tokens that we sign and read ourselves, and everything that is not one of them.

use crate::keys::PAIRS;
use aws_lc_rs::rand::SystemRandom;
use serde_json::json;
use vestibule_oauth::jose::{Typ, jws};

#[test]
fn what_is_signed_verifies_as_its_own_kind_only() {
    for (signing, verifying) in PAIRS.iter() {
        for typ in Typ::ALL {
            let token = signing.sign(&SystemRandom::new(), typ, r#"{"sub":"248289761001"}"#).unwrap();
            for due in Typ::ALL {
                let read = jws::verify(token.expose(), due, |kid| (kid == signing.kid()).then_some(verifying));
                match read {
                    Ok(claims) => assert!(due == typ && claims["sub"] == json!("248289761001")),
                    Err(error) => assert!(due != typ && error == jws::JoseError::Type),
                }
            }
        }
    }
}
