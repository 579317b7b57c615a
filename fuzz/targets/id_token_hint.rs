//! ID tokens that come back as hints. Nothing is believed without a key or from another issuer or client, and what is
//! believed stood in the token.
//!
//! The input is a token as it is, and, cut at the first line end, a header and claims that are signed as they should be.
#![no_main]

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use vestibule_fuzz::{PAIR, VERIFYING};
use vestibule_oauth::id_token_hint::{key_name, read_hint};

const ISSUER: &str = "https://id.example";

fuzz_target!(|data: &[u8]| {
    if let Ok(token) = std::str::from_utf8(data) {
        let _ = key_name(token);
        assert!(read_hint(token, ISSUER, None, None).is_err(), "no key is held");
        let _ = read_hint(token, ISSUER, Some("app"), Some(&VERIFYING));
    }
    if let Some(cut) = data.iter().position(|byte| *byte == b'\n') {
        signed(&data[..cut], &data[cut + 1..]);
    }
});

fn signed(header: &[u8], claims: &[u8]) {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(PAIR.sign(message.as_bytes())));
    assert!(read_hint(&token, ISSUER, Some("app"), None).is_err(), "no key is held");
    let Ok(hint) = read_hint(&token, ISSUER, None, Some(&VERIFYING)) else {
        assert!(read_hint(&token, ISSUER, Some("app"), Some(&VERIFYING)).is_err(), "a narrower question");
        return;
    };
    let said: Value = serde_json::from_slice(claims).expect("a lax reader reads what a strict one does");
    assert_eq!(said["iss"], ISSUER);
    assert_eq!(said["sub"], hint.subject.as_str());
    assert!(said["aud"] == hint.client_id.as_str() || said["aud"] == serde_json::json!([hint.client_id]));
    assert_eq!(said["sid"].as_str(), hint.session.as_deref());
    let kid = serde_json::from_slice::<Value>(header).ok().and_then(|header| header["kid"].as_str().map(str::to_owned));
    assert_eq!(key_name(&token), kid);
    assert_eq!(read_hint(&token, ISSUER, Some("app"), Some(&VERIFYING)).is_ok(), hint.client_id == "app");
    assert!(read_hint(&token, "https://other.example", None, Some(&VERIFYING)).is_err());
}
