//! Refusals on the three wires.

use proptest::prelude::*;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::template::Wire;

const STANDARD: [(Code, &str, u16); 19] = [
    (Code::InvalidRequest, "invalid_request", 400),
    (Code::InvalidClient, "invalid_client", 401),
    (Code::InvalidGrant, "invalid_grant", 400),
    (Code::UnauthorizedClient, "unauthorized_client", 400),
    (Code::UnsupportedGrantType, "unsupported_grant_type", 400),
    (Code::UnsupportedResponseType, "unsupported_response_type", 400),
    (Code::InvalidScope, "invalid_scope", 400),
    (Code::AccessDenied, "access_denied", 400),
    (Code::LoginRequired, "login_required", 400),
    (Code::ConsentRequired, "consent_required", 400),
    (Code::InvalidToken, "invalid_token", 401),
    (Code::InsufficientScope, "insufficient_scope", 403),
    (Code::Forbidden, "access_denied", 403),
    (Code::NotFound, "not_found", 404),
    (Code::MethodNotAllowed, "invalid_request", 405),
    (Code::UnsupportedMediaType, "invalid_request", 415),
    (Code::PayloadTooLarge, "invalid_request", 413),
    (Code::TemporarilyUnavailable, "temporarily_unavailable", 503),
    (Code::ServerError, "server_error", 500),
];

#[test]
fn st_51_the_standard_wires_speak_rfc_6749() {
    for (code, name, status) in STANDARD {
        for wire in [Wire::Standard, Wire::Gitlife] {
            let refusal = Refusal::new(code, "A sentence.").for_wire(wire);
            assert_eq!((refusal.error(), refusal.status()), (name, status), "{code:?} {wire:?}");
            assert_eq!(code.name(), name);
            if (wire, code) != (Wire::Gitlife, Code::InvalidGrant) {
                assert_eq!(refusal.body(), format!(r#"{{"error":"{name}","error_description":"A sentence."}}"#));
            }
        }
    }
    assert_eq!(Refusal::new(Code::InvalidScope, "").wire, Wire::Standard);
}

#[test]
fn gitlife_has_one_text_for_invalid_grant() {
    let text = "The authorization grant is invalid, or the callback address is invalid, expired or revoked.";
    for sentence in ["The code is unknown.", "code_verifier is wrong.", ""] {
        let refusal = Refusal::new(Code::InvalidGrant, sentence).for_wire(Wire::Gitlife);
        assert_eq!(refusal.body(), format!(r#"{{"error":"invalid_grant","error_description":"{text}"}}"#));
        assert_eq!(refusal.description(), sentence);
    }
}

#[test]
fn the_idaas_wire_speaks_its_documents_error_table() {
    let internal = "The request processing has failed due to some unknown error, exception or failure.";
    for (code, status, name, message) in [
        (Code::InvalidGrant, 400, "invalid_grant", "Redirect URI mismatch."),
        (Code::InvalidClient, 401, "Unauthorized", "Unauthorized"),
        (Code::InvalidToken, 401, "Unauthorized", "Unauthorized"),
        (Code::Forbidden, 403, "Forbidden", "Forbidden"),
        (Code::InsufficientScope, 403, "Forbidden", "Forbidden"),
        (Code::NotFound, 404, "ResourceNotFound", "ResourceNotFound"),
        (Code::MethodNotAllowed, 405, "method_not_allowed", "Redirect URI mismatch."),
        (Code::UnsupportedMediaType, 415, "UnsupportedMediaType", "UnsupportedMediaType"),
        (Code::ServerError, 500, "InternalError", internal),
        (Code::InvalidRequest, 400, "invalid_request", "Redirect URI mismatch."),
        (Code::InvalidScope, 400, "invalid_scope", "Redirect URI mismatch."),
        (Code::UnauthorizedClient, 400, "unauthorized_client", "Redirect URI mismatch."),
        (Code::UnsupportedGrantType, 400, "unsupported_grant_type", "Redirect URI mismatch."),
        (Code::TemporarilyUnavailable, 503, "temporarily_unavailable", "Redirect URI mismatch."),
        (Code::PayloadTooLarge, 413, "invalid_request", "Redirect URI mismatch."),
    ] {
        let refusal = Refusal::new(code, "Redirect URI mismatch.").for_wire(Wire::Idaas);
        assert_eq!((refusal.status(), refusal.error(), refusal.message()), (status, name, message), "{code:?}");
        assert_eq!(refusal.body(), format!(r#"{{"error":"{name}","error_description":"{message}"}}"#));
        assert_eq!(refusal.description(), "Redirect URI mismatch.");
    }
}

#[test]
fn st_47_a_401_names_the_scheme_that_was_tried() {
    let challenge = |code, basic| Refusal::new(code, "No.").tried_basic(basic).www_authenticate();
    assert_eq!(challenge(Code::InvalidClient, true).unwrap(), r#"Basic realm="vestibule", charset="UTF-8""#);
    for (code, name) in [
        (Code::InvalidClient, "invalid_client"),
        (Code::InvalidToken, "invalid_token"),
        (Code::InsufficientScope, "insufficient_scope"),
    ] {
        let expected = format!(r#"Bearer realm="vestibule", error="{name}", error_description="No.""#);
        assert_eq!(challenge(code, false).unwrap(), expected);
        assert_eq!(Refusal::new(code, "").www_authenticate().unwrap(), r#"Bearer realm="vestibule""#);
    }
    assert!(challenge(Code::InvalidToken, true).unwrap().starts_with("Bearer "));
    for (code, ..) in STANDARD {
        let expected = matches!(code, Code::InvalidClient | Code::InvalidToken | Code::InsufficientScope);
        assert_eq!(challenge(code, false).is_some(), expected, "{code:?}");
        assert_eq!(challenge(code, true).is_some(), expected, "{code:?}");
    }
    // The challenge is a matter of HTTP, not of the wire.
    let refusal = Refusal::new(Code::InvalidToken, "Expired.").for_wire(Wire::Idaas);
    assert!(refusal.www_authenticate().unwrap().contains(r#"error="invalid_token", error_description="Expired.""#));
    assert!(!Refusal::new(Code::InvalidClient, "").tried_basic(true).tried_basic(false).basic);
}

#[test]
fn st_27_a_sentence_keeps_to_the_allowed_characters() {
    let refusal = Refusal::new(Code::InvalidScope, "a\"b\\c\nd\u{e9}e\0f\u{7f}g ~!#[]");
    assert_eq!(refusal.description(), "a'b/c?d?e?f?g ~!#[]");
    assert_eq!(Refusal::new(Code::InvalidScope, "\u{e9}".repeat(500)).description(), "?".repeat(400));
    assert_eq!(Refusal::new(Code::InvalidScope, "x".repeat(400)).description().len(), 400);
    assert_eq!(Refusal::new(Code::InvalidScope, "").body(), r#"{"error":"invalid_scope"}"#);
}

proptest! {
    #[test]
    fn st_27_whatever_is_quoted_the_body_is_json_and_the_header_one_line(
        sentence in any::<String>(), at in 0..STANDARD.len(), basic: bool,
        wire in prop::sample::select(vec![Wire::Standard, Wire::Idaas, Wire::Gitlife]),
    ) {
        let refusal = Refusal::new(STANDARD[at].0, sentence).for_wire(wire).tried_basic(basic);
        let allowed = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        prop_assert!(refusal.description().bytes().all(allowed));
        let body: serde_json::Value = serde_json::from_str(&refusal.body()).unwrap();
        prop_assert_eq!(body["error"].as_str().unwrap(), refusal.error());
        prop_assert_eq!(body["error_description"].as_str().unwrap_or_default(), refusal.message());
        let header = refusal.www_authenticate().unwrap_or_default();
        prop_assert!(header.bytes().all(|b| (0x20..0x7f).contains(&b)));
        prop_assert_eq!(header.matches('"').count() % 2, 0);
    }
}
