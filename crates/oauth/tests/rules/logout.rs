//! Signing out at an application's wish, and the token that tells of it.

use crate::sample;
use serde_json::Value;
use vestibule_oauth::id_token_hint::Hint;
use vestibule_oauth::logout::{LogoutRequest, Next, location, next};
use vestibule_oauth::logout_token::{LIFE_S, LogoutToken};
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::template::Template;

fn read(query: &str) -> LogoutRequest {
    LogoutRequest::read(&Parameters::read(Some(query), Body::None, None).expect("reads")).expect("is a request")
}

fn hint(client_id: &str, session: Option<&str>) -> Hint {
    Hint { subject: "s".to_owned(), client_id: client_id.to_owned(), session: session.map(str::to_owned) }
}

#[test]
fn st_128_only_a_hint_of_this_very_session_signs_out_without_a_question() {
    let ours = hint("app_1", Some("5e55"));
    assert_eq!(next(Some(&ours), Some("5e55")), Next::Leave);
    assert_eq!(next(Some(&ours), Some("5e56")), Next::Ask);
    assert_eq!(next(Some(&ours), Some("")), Next::Ask);
    assert_eq!(next(Some(&hint("app_1", None)), Some("5e55")), Next::Ask);
    assert_eq!(next(None, Some("5e55")), Next::Ask);
    assert_eq!(next(Some(&ours), None), Next::Ask);
    assert_eq!(next(Some(&hint("app_1", None)), None), Next::Ask);
}

#[test]
fn st_128_who_asks_is_said_once_or_twice_alike() {
    let ours = hint("app_1", None);
    assert_eq!(read("client_id=app_1").asker(None).expect("fits"), Some("app_1"));
    assert_eq!(read("").asker(Some(&ours)).expect("fits"), Some("app_1"));
    assert_eq!(read("client_id=app_1").asker(Some(&ours)).expect("fits"), Some("app_1"));
    assert!(read("client_id=app_2").asker(Some(&ours)).is_err());
    assert_eq!(read("").asker(None).expect("fits"), None);
    assert_eq!(read("ui_locales=de+en-GB").ui_locales, ["de", "en-GB"]);
    assert_eq!(read("ui_locales=de++a_b+en-GB").ui_locales, ["de", "en-GB"], "what is no language is left out");
}

#[test]
fn st_128_fm_15_the_way_back_is_a_registered_address_byte_for_byte_with_the_applications_state() {
    let client = sample::client(Template::Web);
    let registered = ["https://a.example/out?x=1".to_owned()];
    let asked = |uri: &str| {
        let query =
            form_urlencoded::Serializer::new(String::new()).append_pair("post_logout_redirect_uri", uri).finish();
        read(&query).way_back(&client, &registered)
    };
    assert_eq!(asked(&registered[0]), Ok(Some(registered[0].clone())));
    for other in
        ["https://a.example/out", "https://a.example/out?x=1&y", "//a.example/out?x=1", "/out?x=1", "javascript:1"]
    {
        assert_eq!(asked(other).expect_err(other).registered, registered);
    }
    assert_eq!(read("").way_back(&client, &registered), Ok(None));
    assert_eq!(location("https://a.example/", None), "https://a.example/");
    assert_eq!(location("https://a.example/", Some("a b&c")), "https://a.example/?state=a+b%26c");
    assert_eq!(location("https://a.example/?x=1", Some("s")), "https://a.example/?x=1&state=s");
    assert_eq!(location("https://a.example/?", Some("s")), "https://a.example/?state=s");
}

#[test]
fn st_129_a_logout_token_says_who_and_which_session_and_is_good_for_two_minutes() {
    let token =
        LogoutToken { issuer: "https://id.example", client_id: "app_1", subject: "sub\"", session: "5e55", id: "j" };
    let claims: Value = serde_json::from_str(&token.claims(1_900_000_000_999)).expect("is JSON");
    let expected = serde_json::json!({
        "iss": "https://id.example", "sub": "sub\"", "aud": "app_1", "iat": 1_900_000_000, "exp": 1_900_000_000 + LIFE_S,
        "jti": "j", "sid": "5e55", "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
    });
    assert_eq!(claims, expected);
    const { assert!(LIFE_S <= 120) }
}
