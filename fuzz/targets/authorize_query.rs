//! Authorization requests: the first byte picks the application, the rest is the query. Nothing is redirected anywhere but
//! to a registered URI, what is granted is registered, and what is kept reads again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_fuzz::{REGISTERED, VERIFYING, client};
use vestibule_oauth::authorize::{AuthorizationRequest, Hinting, Rejection, judge};
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::redirect_uri;
use vestibule_oauth::template::Switch;

fuzz_target!(|data: &[u8]| {
    let Some((choice, query)) = data.split_first() else { return };
    let Ok(query) = std::str::from_utf8(query) else { return };
    let Ok(parameters) = Parameters::read(Some(query), Body::None, None) else { return };
    let client = client(*choice);
    let registered = REGISTERED.map(str::to_owned);
    let is_ours = |uri: &str| redirect_uri::matches(&registered, uri, client.has(Switch::LoopbackAnyPort));
    let hinting = Hinting { issuer: "https://id.example", key: (choice & 0x80 != 0).then(|| &*VERIFYING) };
    match judge(&parameters, &client, &registered, &hinting) {
        Ok(request) => {
            assert!(is_ours(&request.redirect_uri));
            assert!(request.scope.as_ref().is_none_or(|scope| scope.is_subset(&client.scopes)));
            assert!(client.confidential || request.challenge.is_some(), "a public client uses PKCE");
            assert!(!request.prompt.none || !request.prompt.login);
            assert_eq!(request.state.as_deref(), parameters.get("state").ok().flatten());
            let kept = request.to_json();
            let read = AuthorizationRequest::from_json(&kept).expect("what is kept can be read");
            assert_eq!(read.to_json(), kept);
        }
        Err(Rejection::Redirect { redirect_uri, state, refusal, .. }) => {
            assert!(is_ours(&redirect_uri));
            assert!(state.is_none_or(|state| parameters.get("state").ok().flatten() == Some(&state)));
            check_message(refusal.message());
        }
        Err(Rejection::Page(refusal, _)) => check_message(refusal.message()),
    }
});

/// RFC 6749 section 4.1.2.1: the only characters that `error_description` may have.
fn check_message(message: &str) {
    assert!(message.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{message}");
}
