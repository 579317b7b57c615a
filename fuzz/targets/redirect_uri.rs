//! Redirect URIs: the first byte picks the application that wants to register one. What is registered is kept as it was
//! written, is where a browser would go, is matched by itself and by nothing beside it, and cannot break out of a header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_fuzz::client;
use vestibule_oauth::redirect_uri::{MAX_BYTES, csp_sources, is_plain_http, matches, origin, register};
use vestibule_oauth::template::Switch;

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let client = client(*choice);
    // Whatever it is, it can be asked for.
    let registered = ["https://app.example/cb".to_owned(), "http://127.0.0.1/cb".to_owned()];
    if matches(&registered, text, true) {
        let is_loopback = text.starts_with("http://127.0.0.1") && text.ends_with("/cb");
        assert!(text == registered[0] || is_loopback);
    }
    assert_eq!(matches(&registered, text, false), registered.iter().any(|uri| uri == text));
    let Ok(uri) = register(text, &client.switches) else { return };
    assert_eq!(uri.as_str(), text);
    assert!(text.len() <= MAX_BYTES && text.is_ascii());
    assert!(!text.contains(|c: char| c == '#' || c == '\\' || c.is_ascii_control() || c == ' '));
    assert!(matches(&[text.to_owned()], text, false));
    assert!(!matches(&[text.to_owned()], &format!("{text}/"), true));
    if let Some(origin) = origin(text) {
        assert!(text.to_ascii_lowercase().starts_with(&origin), "{origin}");
        assert!(text.starts_with("https:") || text.starts_with("http:"));
        assert!(!is_plain_http(text) || client.has(Switch::PlainHttpRedirects));
    } else {
        assert!(client.has(Switch::PrivateUseSchemes));
    }
    for source in csp_sources(text) {
        assert!(!source.contains([';', ',', ' ', '\'', '"']), "{source}");
    }
});
