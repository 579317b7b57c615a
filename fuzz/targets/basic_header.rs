//! The value of an `Authorization: Basic` header. What is read and spelled again is the same pair, without control characters.
#![no_main]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use vestibule_oauth::parameters::{Body, Parameters};

fuzz_target!(|data: &[u8]| {
    if let Ok(header) = std::str::from_utf8(data) {
        check(header);
    }
    // The same bytes as what stands inside of the encoding.
    check(&format!("Basic {}", STANDARD.encode(data)));
});

fn read(header: &str) -> Option<(String, String)> {
    let parameters = Parameters::read(None, Body::None, Some(header)).ok()?;
    let basic = parameters.basic().expect("it was there");
    Some((basic.client_id.clone(), basic.secret.expose().to_owned()))
}

fn check(header: &str) {
    let Some((id, secret)) = read(header) else { return };
    assert!(!id.is_empty());
    for text in [&id, &secret] {
        assert!(text.bytes().all(|byte| !matches!(byte, 0..=8 | 10..=31 | 127)));
    }
    let spell = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let again = format!("bAsIc {}", STANDARD.encode(format!("{}:{}", spell(&id), spell(&secret))));
    assert_eq!(read(&again), Some((id, secret)));
}
