//! When an ID token is due, and what it says.

use crate::sample::{NOW, client, scope};
use serde_json::{Value, json};
use vestibule_oauth::claims_request::ClaimsRequest;
use vestibule_oauth::client::Client;
use vestibule_oauth::id_token::{IdToken, is_due};
use vestibule_oauth::jose::{Algorithm, at_hash};
use vestibule_oauth::template::Template;
use vestibule_oauth::userinfo::Profile;

fn ada() -> Profile {
    Profile {
        subject: "immutable".to_owned(),
        username: "ada".to_owned(),
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        phone: Some("+1 202 555 0100".to_owned()),
        ..Profile::default()
    }
}

fn told(client: &Client, nonce: Option<&str>, asked: &str) -> Value {
    let token = IdToken {
        issuer: "https://id.example",
        client,
        subject: "sub-for-this-client",
        issued_at: NOW + 999,
        auth_time: NOW - 7_001,
        nonce,
        access_token: "an access token",
        session: "session-for-this-client",
        profile: &ada(),
        asked: &ClaimsRequest::parse(asked).unwrap().id_token,
    };
    serde_json::from_str(&token.claims()).unwrap()
}

#[test]
fn st_126_it_tells_the_sign_in_the_nonce_and_the_hash_of_the_access_token() {
    let web = client(Template::Web);
    let now_s = NOW / 1000;
    let expected = json!({
        "iss": "https://id.example", "sub": "sub-for-this-client", "aud": "app_sample", "exp": now_s + 3600, "iat": now_s,
        "auth_time": now_s - 8, "nonce": "n-0S6_WzA2Mj", "at_hash": at_hash(Algorithm::Rs256, "an access token"),
        "acr": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport", "amr": ["pwd"],
        "sid": "session-for-this-client",
    });
    assert_eq!(told(&web, Some("n-0S6_WzA2Mj"), "{}"), expected);
    let refreshed = told(&web, None, "{}");
    assert!(refreshed.get("nonce").is_none(), "{refreshed}");
}

#[test]
fn st_126_the_hash_of_the_access_token_is_that_of_the_clients_algorithm() {
    let hashed = |id_token_alg| told(&Client { id_token_alg, ..client(Template::Web) }, None, "{}")["at_hash"].clone();
    assert_eq!(hashed(Algorithm::Es256), hashed(Algorithm::Rs256));
    assert_eq!(hashed(Algorithm::Es256).as_str().unwrap().len(), 22);
    assert_eq!(hashed(Algorithm::EdDsa).as_str().unwrap().len(), 43, "SHA-512");
}

#[test]
fn it_tells_of_the_person_what_was_asked_for_by_name_and_nothing_else() {
    let web = client(Template::Web);
    let asked = r#"{"id_token":{"email":null,"email_verified":null,"nickname":null,"auth_time":{"essential":true}}}"#;
    let claims = told(&web, None, asked);
    assert_eq!((&claims["email"], &claims["email_verified"]), (&json!("ada@example.com"), &json!(true)));
    // The person has no nickname; the telephone number was not asked for.
    assert!(claims.get("nickname").is_none() && claims.get("phone_number").is_none(), "{claims}");
    let plain = told(&web, None, r#"{"userinfo":{"email":null}}"#);
    assert!(plain.get("email").is_none(), "{plain}");
}

#[test]
fn it_is_due_with_the_scope_openid_only() {
    assert!(is_due(&scope("openid")) && is_due(&scope("email openid")));
    assert!(!is_due(&scope("email profile")) && !is_due(&scope("")));
}
