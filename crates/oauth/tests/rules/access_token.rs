//! What a signed access token says, which rows one may open, and how little it takes to be none.

use crate::sample::{NOW, client, id, scope};
use serde_json::{Map, Value, json};
use vestibule_oauth::access_token::{SignedAccessToken, Unspelled, mark, row_of, signed_with};
use vestibule_oauth::client::AccessTokenFormat;
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::secret::{Kind, MachineSecret};
use vestibule_oauth::template::Template;

const ISSUER: &str = "https://id.example";

fn claims(subject: Option<&str>, scopes: &str) -> Map<String, Value> {
    let (client, scope) = (client(Template::Web), scope(scopes));
    let token = SignedAccessToken {
        issuer: ISSUER,
        client: &client,
        subject,
        id: id(9),
        scope: &scope,
        issued_at: NOW + 1,
        expires_at: NOW + 600_001,
        auth_time: subject.map(|_| NOW - 5_000),
    };
    serde_json::from_str(&token.claims()).unwrap()
}

#[test]
fn st_109_st_110_it_says_who_for_whom_and_what_and_is_for_the_issuer_by_default() {
    let told = Value::Object(claims(Some("ada"), "openid email"));
    let now_s = NOW / 1000;
    assert_eq!(
        told,
        json!({"iss": ISSUER, "exp": now_s + 600, "aud": ISSUER, "sub": "ada", "client_id": "app_sample", "iat": now_s,
               "jti": "09090909090909090909090909090909", "scope": "openid email", "auth_time": now_s - 5})
    );
    let machine = claims(None, "");
    assert_eq!(machine["sub"], "app_sample", "a client that acts for itself is its own subject");
    assert!(!machine.contains_key("scope") && !machine.contains_key("auth_time"), "{machine:?}");
}

#[test]
fn fm_72_a_token_for_somebody_else_for_nobody_or_for_several_opens_no_row() {
    assert_eq!(row_of(&claims(Some("ada"), "openid"), ISSUER, NOW), Some(id(9)));
    let wrong = [json!("https://other.example"), json!([ISSUER]), json!([]), json!(""), json!(null), json!(7)];
    for audience in wrong {
        let mut claims = claims(Some("ada"), "openid");
        claims.insert("aud".to_owned(), audience.clone());
        assert_eq!(row_of(&claims, ISSUER, NOW), None, "{audience}");
    }
    for absent in ["iss", "aud", "sub", "client_id", "iat", "exp", "jti"] {
        let mut claims = claims(Some("ada"), "openid");
        claims.remove(absent);
        assert_eq!(row_of(&claims, ISSUER, NOW), None, "without {absent}");
    }
    assert_eq!(row_of(&claims(Some("ada"), "openid"), "https://id.example.evil", NOW), None);
}

#[test]
fn fm_73_a_token_opens_its_row_from_its_issue_to_its_end_and_not_a_second_longer() {
    let opens = |now| row_of(&claims(Some("ada"), "openid"), ISSUER, now).is_some();
    assert!(opens(NOW) && opens(NOW + 599_999));
    assert!(!opens(NOW + 600_000) && !opens(NOW + 86_400_000));
    // Another node's clock may be ahead by as much as two may differ.
    assert!(opens(NOW - 4_000) && !opens(NOW - 5_000));
    for (name, value) in [("exp", json!("9999999999")), ("exp", json!(1e300)), ("iat", json!("0")), ("jti", json!("9"))]
    {
        let mut claims = claims(Some("ada"), "openid");
        claims.insert(name.to_owned(), value.clone());
        assert_eq!(row_of(&claims, ISSUER, NOW), None, "{name} {value}");
    }
}

#[test]
fn fm_78_the_row_of_a_signed_token_tells_what_signed_it_and_no_secret_opens_it() {
    let secret = || MachineSecret::new(Kind::AccessToken, id(9), [3; 32]);
    for format in AccessTokenFormat::ALL {
        let token = Unspelled::new(format, secret());
        assert_eq!(token.id(), id(9));
        let expected = match format {
            AccessTokenFormat::Opaque => None,
            AccessTokenFormat::Signed(algorithm) => Some(algorithm),
        };
        assert_eq!(signed_with(&token.digest()), expected);
    }
    for algorithm in Algorithm::ALL {
        // The secret from which it might have been made, and secrets that look like the mark.
        let mut like_the_mark = *mark(algorithm).as_bytes();
        for bytes in [[3; 32], [0; 32], like_the_mark] {
            let opaque = MachineSecret::new(Kind::AccessToken, id(9), bytes);
            assert!(!opaque.digest().matches(&mark(algorithm)));
        }
        like_the_mark.reverse();
        assert!(!mark(algorithm).matches(&vestibule_oauth::secret::Digest::from_slice(&like_the_mark).unwrap()));
    }
}

#[test]
fn a_format_is_named_as_the_command_line_and_the_database_have_it() {
    let names = AccessTokenFormat::ALL.map(AccessTokenFormat::name);
    assert_eq!(names, ["opaque", "EdDSA", "ES256", "RS256"]);
    assert!(AccessTokenFormat::ALL.iter().all(|format| AccessTokenFormat::parse(format.name()) == Some(*format)));
    assert_eq!(AccessTokenFormat::parse("none"), None);
}
