//! Tokens. Whatever comes in: nothing verifies without a key, nothing verifies that the key did not sign, and what does
//! verify said `EdDSA`, its kind and no `crit`, in one spelling, without a member twice.
//!
//! The input is a token as it is, and, cut at the first line end, a header and claims that are signed as they should be.
#![no_main]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vestibule_fuzz::{PAIR, VERIFYING};
use vestibule_oauth::jose::{JoseError, Typ, VerifyingKey, jws};

fuzz_target!(|data: &[u8]| {
    if let Ok(token) = std::str::from_utf8(data) {
        strange(token);
    }
    if let Some(cut) = data.iter().position(|byte| *byte == b'\n') {
        signed(&data[..cut], &data[cut + 1..]);
    }
});

fn strange(token: &str) {
    for typ in Typ::ALL {
        let read = jws::verify(token, typ, |_| None::<&VerifyingKey>);
        assert!(read.is_err(), "no key is held");
        // A seed may be a good token: then the key did sign it, and every other character of it counts.
        if let Ok(claims) = jws::verify(token, typ, |_| Some(&*VERIFYING)) {
            let (message, signature) = token.rsplit_once('.').expect("it was read");
            assert_eq!(signature, URL_SAFE_NO_PAD.encode(PAIR.sign(message.as_bytes())));
            assert!(Typ::ALL.iter().filter(|other| jws::read(token, **other).is_ok()).count() == 1);
            drop(claims);
        }
    }
}

fn signed(header: &[u8], claims: &[u8]) {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(PAIR.sign(message.as_bytes())));
    for typ in Typ::ALL {
        match jws::verify(&token, typ, |_| Some(&*VERIFYING)) {
            Ok(read) => {
                let said: Value = serde_json::from_slice(header).expect("a lax reader reads what a strict one does");
                assert_eq!(said["alg"], "EdDSA");
                assert!(said["kid"].is_string() && said.get("crit").is_none() && said.get("b64").is_none());
                let named = said["typ"].as_str().expect("its kind").to_ascii_lowercase();
                assert_eq!(named.strip_prefix("application/").unwrap_or(&named), typ.name().to_ascii_lowercase());
                assert_eq!(serde_json::from_slice::<Value>(claims).ok(), Some(Value::Object(read)));
            }
            Err(error) => assert_ne!(error, JoseError::Signature, "it was signed as it should be"),
        }
    }
}
