//! An ID token that comes back as a hint: what is believed of it.

use crate::sample::{CLIENT_ID, HintKey, ISSUER, hint_key};
use vestibule_oauth::id_token_hint::{Hint, HintError, key_name, read_hint};
use vestibule_oauth::jose::{JoseError, Typ};

fn read(token: &str, key: &HintKey) -> Result<Hint, HintError> {
    read_hint(token, ISSUER, Some(CLIENT_ID), Some(&key.verifying))
}

#[test]
fn st_126_a_hint_says_whom_it_speaks_of_though_its_time_is_over() {
    let key = hint_key();
    let token =
        key.token(Typ::Jwt, &format!(r#"{{"iss":"{ISSUER}","aud":"{CLIENT_ID}","sub":"ada","exp":1,"sid":"aa"}}"#));
    let hint = Hint { subject: "ada".into(), client_id: CLIENT_ID.into(), session: Some("aa".into()) };
    assert_eq!(read(&token, &key), Ok(hint.clone()));
    assert_eq!(read_hint(&token, ISSUER, None, Some(&key.verifying)), Ok(hint));
    assert_eq!(key_name(&token).as_deref(), Some(key.signing.kid()));
    let listed = key.token(Typ::Jwt, &format!(r#"{{"iss":"{ISSUER}","aud":["{CLIENT_ID}"],"sub":"ada"}}"#));
    assert_eq!(read(&listed, &key).map(|hint| (hint.subject, hint.session)), Ok(("ada".to_owned(), None)));
}

#[test]
fn st_126_st_128_fm_72_nothing_but_the_end_of_a_hint_is_forgiven() {
    let key = hint_key();
    for (claims, error) in [
        (r#"{"iss":"https://evil.example","aud":"app_sample","sub":"ada"}"#, HintError::Issuer),
        (r#"{"iss":"https://id.example/","aud":"app_sample","sub":"ada"}"#, HintError::Issuer),
        (r#"{"iss":["https://id.example"],"aud":"app_sample","sub":"ada"}"#, HintError::Issuer),
        (r#"{"aud":"app_sample","sub":"ada"}"#, HintError::Issuer),
        (r#"{"iss":"https://id.example","sub":"ada"}"#, HintError::Audience),
        (r#"{"iss":"https://id.example","aud":"app_other","sub":"ada"}"#, HintError::Audience),
        (r#"{"iss":"https://id.example","aud":["app_sample","app_other"],"sub":"ada"}"#, HintError::Audience),
        (r#"{"iss":"https://id.example","aud":[],"sub":"ada"}"#, HintError::Audience),
        (r#"{"iss":"https://id.example","aud":{"app_sample":1},"sub":"ada"}"#, HintError::Audience),
        (r#"{"iss":"https://id.example","aud":"app_sample"}"#, HintError::Subject),
        (r#"{"iss":"https://id.example","aud":"app_sample","sub":""}"#, HintError::Subject),
        (r#"{"iss":"https://id.example","aud":"app_sample","sub":7}"#, HintError::Subject),
    ] {
        assert_eq!(read(&key.token(Typ::Jwt, claims), &key), Err(error), "{claims}");
    }
    let good = r#"{"iss":"https://id.example","aud":"app_sample","sub":"ada"}"#;
    assert!(read(&key.token(Typ::Jwt, good), &key).is_ok());
    // Tokens of other kinds, another's key, no key at all, and a changed one.
    for typ in [Typ::AccessToken, Typ::LogoutToken] {
        assert_eq!(read(&key.token(typ, good), &key), Err(HintError::Token(JoseError::Type)));
    }
    let token = key.token(Typ::Jwt, good);
    assert_eq!(read(&token, &hint_key()), Err(HintError::Token(JoseError::Signature)));
    assert_eq!(read_hint(&token, ISSUER, Some(CLIENT_ID), None), Err(HintError::Token(JoseError::Key)));
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = rest.split_once('.').unwrap();
    let other = key.token(Typ::Jwt, &good.replace("ada", "bob"));
    let forged = format!("{header}.{}.{signature}", other.split('.').nth(1).unwrap());
    assert_eq!(read(&forged, &key), Err(HintError::Token(JoseError::Signature)));
    for none in ["", "x", "a.b", "a.b.c", "....."] {
        assert!(matches!(read(none, &key), Err(HintError::Token(_))), "{none}");
        assert_eq!(key_name(none), None);
    }
}
