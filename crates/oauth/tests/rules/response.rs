//! The spelling of redirects and token answers, byte for byte.

use crate::sample::scope;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::response::{AuthorizationResponse, ResponseMode, TokenAnswer};
use vestibule_oauth::secret::Secret;
use vestibule_oauth::template::Wire;

const ISSUER: &str = "https://id.example";

fn success_location(uri: &str, code: &Secret, state: Option<&str>, issuer: &str) -> String {
    AuthorizationResponse::success(uri, ResponseMode::Query, code, state, issuer).location()
}

fn failure_location(uri: &str, refusal: &Refusal, state: Option<&str>, issuer: &str) -> String {
    AuthorizationResponse::failure(uri, ResponseMode::Query, refusal, state, issuer).location()
}

/// The pairs of the query of `location`, decoded.
fn pairs(location: &str) -> Vec<(String, String)> {
    let (_, query) = location.split_once('?').unwrap();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[test]
fn st_13_st_14_fm_41_success_carries_code_state_and_issuer_once_each() {
    let location = success_location("https://app.example/cb", &Secret::new("c0de"), Some("s t&a=t/e%ü"), ISSUER);
    assert_eq!(
        location,
        "https://app.example/cb?code=c0de&state=s+t%26a%3Dt%2Fe%25%C3%BC&iss=https%3A%2F%2Fid.example"
    );
    let expected = [("code", "c0de"), ("state", "s t&a=t/e%ü"), ("iss", ISSUER)];
    assert_eq!(pairs(&location), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let without = success_location("https://app.example/cb", &Secret::new("c0de"), None, ISSUER);
    assert_eq!(without, "https://app.example/cb?code=c0de&iss=https%3A%2F%2Fid.example");
}

#[test]
fn st_13_st_14_st_27_fm_41_failure_carries_error_sentence_state_and_issuer_once_each() {
    let refusal = Refusal::new(Code::AccessDenied, "The person said \"no\".");
    let location = failure_location("https://app.example/cb", &refusal, Some("xyz"), ISSUER);
    let expected =
        [("error", "access_denied"), ("error_description", "The person said 'no'."), ("state", "xyz"), ("iss", ISSUER)];
    assert_eq!(pairs(&location), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let without = failure_location("https://app.example/cb", &refusal, None, ISSUER);
    assert_eq!(pairs(&without).len(), 3);
    assert!(location.starts_with("https://app.example/cb?error=access_denied&"));
}

#[test]
fn st_9_fm_06_the_uris_own_query_is_kept_byte_for_byte() {
    let located = |uri: &str| success_location(uri, &Secret::new("c"), None, "i");
    assert_eq!(located("https://a.example/cb?x=%7e&y"), "https://a.example/cb?x=%7e&y&code=c&iss=i");
    assert_eq!(located("https://a.example/cb?"), "https://a.example/cb?code=c&iss=i");
    assert_eq!(located("https://a.example"), "https://a.example?code=c&iss=i");
    assert_eq!(located("com.example.app:/cb"), "com.example.app:/cb?code=c&iss=i");
    assert_eq!(located("http://[::1]:4711/cb"), "http://[::1]:4711/cb?code=c&iss=i");
}

#[test]
fn fm_41_every_error_code_carries_the_issuer_and_is_ascii() {
    for code in [
        Code::InvalidRequest,
        Code::UnauthorizedClient,
        Code::UnsupportedResponseType,
        Code::InvalidScope,
        Code::AccessDenied,
        Code::LoginRequired,
        Code::ConsentRequired,
        Code::UnmetAuthenticationRequirements,
        Code::RequestNotSupported,
        Code::RequestUriNotSupported,
        Code::RegistrationNotSupported,
        Code::TemporarilyUnavailable,
        Code::ServerError,
    ] {
        let location =
            failure_location("https://a.example/cb", &Refusal::new(code, "ü\r\nX: y"), Some("ß\r\n"), ISSUER);
        assert!(location.is_ascii() && !location.contains(['\r', '\n', ' ']), "{location}");
        let pairs = pairs(&location);
        assert_eq!(pairs.iter().filter(|(name, value)| name == "iss" && value == ISSUER).count(), 1);
        assert_eq!(pairs.iter().find(|(name, _)| name == "error").unwrap().1, code.name());
    }
}

#[test]
fn st_13_st_14_fm_06_a_form_carries_each_parameter_once_and_byte_for_byte() {
    let state = "s t&a=t/e%ü\"<";
    let success = AuthorizationResponse::success(
        "https://app.example/cb?x=1",
        ResponseMode::FormPost,
        &Secret::new("c0de"),
        Some(state),
        ISSUER,
    );
    let told: Vec<_> = success.parameters().collect();
    assert_eq!(told, [("code", "c0de"), ("state", state), ("iss", ISSUER)]);
    assert_eq!((success.redirect_uri.as_str(), success.mode), ("https://app.example/cb?x=1", ResponseMode::FormPost));
    assert!(!format!("{success:?}").contains("c0de"), "a code is not printed");
    let refusal = Refusal::new(Code::LoginRequired, "Nobody is signed in.");
    let failure =
        AuthorizationResponse::failure("https://app.example/cb", ResponseMode::FormPost, &refusal, None, ISSUER);
    let told: Vec<_> = failure.parameters().map(|(name, _)| name).collect();
    assert_eq!(told, ["error", "error_description", "iss"]);
}

fn answer(refresh_token: Option<&str>) -> TokenAnswer {
    TokenAnswer {
        access_token: Secret::new("at"),
        expires_in_s: 7200,
        refresh_token: refresh_token.map(Secret::new),
        id_token: None,
        scope: scope("read write"),
        created_at_s: 1_564_944_346,
    }
}

#[test]
fn st_53_a_token_answer_has_the_members_of_its_wire_in_their_order() {
    assert_eq!(
        answer(Some("rt")).spell(Wire::Standard),
        r#"{"access_token":"at","token_type":"Bearer","expires_in":7200,"refresh_token":"rt","scope":"read write"}"#
    );
    assert_eq!(
        answer(None).spell(Wire::Standard),
        r#"{"access_token":"at","token_type":"Bearer","expires_in":7200,"scope":"read write"}"#
    );
    assert_eq!(
        answer(Some("rt")).spell(Wire::Idaas),
        r#"{"access_token":"at","token_type":"bearer","refresh_token":"rt","expires_in":7200,"scope":"read write"}"#
    );
    assert_eq!(
        answer(None).spell(Wire::Idaas),
        r#"{"access_token":"at","token_type":"bearer","expires_in":7200,"scope":"read write"}"#
    );
    assert_eq!(
        answer(Some("rt")).spell(Wire::Gitlife),
        r#"{"access_token":"at","token_type":"bearer","expires_in":7200,"refresh_token":"rt","scope":"read write","created_at":1564944346}"#
    );
}

#[test]
fn an_id_token_comes_last_on_every_wire_and_changes_nothing_before_it() {
    for wire in [Wire::Standard, Wire::Idaas, Wire::Gitlife] {
        let without = answer(Some("rt")).spell(wire);
        let with = TokenAnswer { id_token: Some(Secret::new("h.c.s")), ..answer(Some("rt")) }.spell(wire);
        let opened = without.strip_suffix('}').unwrap();
        assert_eq!(with, format!(r#"{opened},"id_token":"h.c.s"}}"#));
    }
}

#[test]
fn fm_108_a_token_answer_that_is_printed_by_mistake_shows_no_secret() {
    let printed = format!("{:?}", TokenAnswer { access_token: Secret::new("tell-tale"), ..answer(Some("tell-tale")) });
    assert!(!printed.contains("tell-tale"), "{printed}");
}
