//! What OpenID Connect adds to an authorization request, from the query to the next step.

use crate::sample::{CLIENT_ID, HINTING, ISSUER, NOW, client, hint_key, id, query, scope, with};
use vestibule_oauth::acr;
use vestibule_oauth::authorize::{AuthorizationRequest, Hinting, MAX_AGE_S, Rejection, judge};
use vestibule_oauth::client::Client;
use vestibule_oauth::jose::Typ;
use vestibule_oauth::next_step::{Facts, Step, Visitor, next_step};
use vestibule_oauth::refusal::Code;
use vestibule_oauth::response::ResponseMode;
use vestibule_oauth::template::{Switch, Template};

const SIGNED_IN_AT: i64 = NOW - 100_000;

fn ask_with(client: &Client, pairs: &[(&str, &str)], hinting: &Hinting) -> Result<AuthorizationRequest, Rejection> {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs([("response_type", "code"), ("client_id", CLIENT_ID), ("state", "s")]).extend_pairs(pairs);
    judge(&query(&text.finish()), client, &["https://app.example/cb".to_owned()], hinting)
}

fn ask(pairs: &[(&str, &str)]) -> AuthorizationRequest {
    ask_with(&client(Template::Web), pairs, &HINTING).unwrap()
}

fn refusal(pairs: &[(&str, &str)]) -> Code {
    match ask_with(&client(Template::Web), pairs, &HINTING) {
        Err(Rejection::Redirect { refusal, .. }) => refusal.code,
        other => panic!("{pairs:?}: {other:?}"),
    }
}

/// Ada, who signed in 100 seconds ago.
fn facts<'a>(client: &'a Client, request: &'a AuthorizationRequest) -> Facts<'a> {
    Facts {
        request,
        client,
        visitor: Some(Visitor { session: id(9), subject: "ada", auth_time: SIGNED_IN_AT, assigned: true }),
        last_consent: Some(&client.scopes),
        consented_now: None,
        request_created_at: None,
        chosen: None,
        now: NOW,
    }
}

fn told(step: &Step) -> String {
    match step {
        Step::Issue(_) => "issue".to_owned(),
        Step::Refuse(refusal) => refusal.code.name().to_owned(),
        Step::Consent(_) => "consent".to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn st_126_max_age_is_a_number_of_seconds_and_a_longer_one_than_a_century_is_a_century() {
    for (text, read) in [
        ("0", 0),
        ("00", 0),
        ("3600", 3600),
        ("3155760000", MAX_AGE_S),
        ("3155760001", MAX_AGE_S),
        ("9223372036854775807", MAX_AGE_S),
        ("9223372036854775808", MAX_AGE_S),
        ("99999999999999999999999999999999999999", MAX_AGE_S),
    ] {
        assert_eq!(ask(&[("max_age", text)]).max_age, Some(read), "{text}");
    }
    for text in ["-1", "+1", "1.0", "1e3", "0x10", " 1", "1 ", "١", "ten", "1,000"] {
        assert_eq!(refusal(&[("max_age", text)]), Code::InvalidRequest, "{text}");
    }
}

#[test]
fn st_126_a_session_older_than_max_age_is_signed_in_anew_to_the_millisecond() {
    let web = client(Template::Web);
    for (max_age, step) in [("0", "SignIn"), ("99", "SignIn"), ("100", "issue"), ("3600", "issue")] {
        let request = ask(&[("max_age", max_age), ("scope", "openid")]);
        assert_eq!(told(&next_step(&facts(&web, &request))), step, "{max_age}");
        let silent = ask(&[("max_age", max_age), ("scope", "openid"), ("prompt", "none")]);
        let silent_step = if step == "SignIn" { "login_required" } else { step };
        assert_eq!(told(&next_step(&facts(&web, &silent))), silent_step, "{max_age}");
    }
    let request = ask(&[("max_age", "100"), ("scope", "openid")]);
    assert_eq!(told(&next_step(&Facts { now: NOW + 1, ..facts(&web, &request) })), "SignIn");
    let huge = ask(&[("max_age", "99999999999999999999"), ("scope", "openid")]);
    assert_eq!(told(&next_step(&Facts { now: i64::MAX, ..facts(&web, &huge) })), "SignIn", "nothing overflows");
    assert_eq!(told(&next_step(&Facts { now: i64::MIN, ..facts(&web, &huge) })), "issue");
}

#[test]
fn st_126_who_signed_in_for_the_request_is_not_asked_again_however_slowly_they_read() {
    let web = client(Template::Web);
    for max_age in ["0", "5"] {
        let request = ask(&[("max_age", max_age), ("scope", "openid")]);
        let at =
            |created_at| told(&next_step(&Facts { request_created_at: Some(created_at), ..facts(&web, &request) }));
        assert_eq!(at(SIGNED_IN_AT), "issue", "{max_age}");
        assert_eq!(at(SIGNED_IN_AT + 1), "SignIn", "{max_age}");
    }
}

#[test]
fn st_126_an_id_token_hint_for_another_user_is_refused() {
    let (web, key) = (client(Template::Web), hint_key());
    let hinting = Hinting { issuer: ISSUER, key: Some(&key.verifying) };
    for (subject, step, silent) in [("ada", "issue", "issue"), ("bob", "SomebodyElse", "login_required")] {
        let claims = format!(r#"{{"iss":"{ISSUER}","aud":"{CLIENT_ID}","sub":"{subject}","exp":1}}"#);
        let hint = key.token(Typ::Jwt, &claims);
        let request = ask_with(&web, &[("id_token_hint", &hint), ("scope", "openid")], &hinting).unwrap();
        assert_eq!(request.hinted.as_deref(), Some(subject));
        assert_eq!(told(&next_step(&facts(&web, &request))), step);
        assert_eq!(told(&next_step(&Facts { visitor: None, ..facts(&web, &request) })), "SignIn");
        let kept = AuthorizationRequest::from_json(&request.to_json()).unwrap();
        assert_eq!(told(&next_step(&facts(&web, &kept))), step, "also after it was stored");
        let pairs = [("id_token_hint", hint.as_str()), ("scope", "openid"), ("prompt", "none")];
        let request = ask_with(&web, &pairs, &hinting).unwrap();
        assert_eq!(told(&next_step(&facts(&web, &request))), silent);
        // The same hint without a published key, and without OpenID Connect.
        assert_eq!(refusal(&pairs), Code::InvalidRequest);
        let plain = ask_with(&web, &[("id_token_hint", &hint), ("scope", "email")], &HINTING).unwrap();
        assert_eq!(plain.hinted, None);
    }
}

#[test]
fn st_126_a_sub_that_is_asked_for_by_value_is_another_user_refused() {
    let web = client(Template::Web);
    for (claims, step) in [
        (r#"{"id_token":{"sub":{"value":"ada"}}}"#, "issue"),
        (r#"{"id_token":{"sub":{"values":["bob","ada"]}}}"#, "issue"),
        (r#"{"id_token":{"sub":null}}"#, "issue"),
        (r#"{"id_token":{"sub":{"essential":true}}}"#, "issue"),
        (r#"{"id_token":{"sub":{"value":"bob"}}}"#, "SomebodyElse"),
        (r#"{"id_token":{"sub":{"value":"Ada"}}}"#, "SomebodyElse"),
        (r#"{"id_token":{"sub":{"value":""}}}"#, "SomebodyElse"),
        (r#"{"userinfo":{"sub":{"value":"bob"}}}"#, "SomebodyElse"),
        (r#"{"id_token":{"sub":{"value":"ada"}},"userinfo":{"sub":{"value":"bob"}}}"#, "SomebodyElse"),
    ] {
        let request = ask(&[("claims", claims), ("scope", "openid")]);
        assert_eq!(told(&next_step(&facts(&web, &request))), step, "{claims}");
        let silent = ask(&[("claims", claims), ("scope", "openid"), ("prompt", "none")]);
        let silent_step = if step == "issue" { "issue" } else { "login_required" };
        assert_eq!(told(&next_step(&facts(&web, &silent))), silent_step, "{claims}");
    }
}

#[test]
fn st_126_an_essential_acr_that_nobody_can_reach_fails_and_a_voluntary_one_does_not() {
    for (claims, code) in [
        (
            r#"{"id_token":{"acr":{"essential":true,"values":["phr","phrh"]}}}"#,
            Some(Code::UnmetAuthenticationRequirements),
        ),
        (r#"{"id_token":{"acr":{"essential":true,"value":"phr"}}}"#, Some(Code::UnmetAuthenticationRequirements)),
        (r#"{"id_token":{"acr":{"values":["phr"]}}}"#, None),
        (r#"{"id_token":{"acr":{"essential":false,"value":"phr"}}}"#, None),
        (r#"{"id_token":{"acr":{"essential":true}}}"#, None),
        (r#"{"userinfo":{"acr":{"essential":true,"value":"phr"}}}"#, None),
    ] {
        match code {
            Some(code) => assert_eq!(refusal(&[("claims", claims), ("scope", "openid")]), code, "{claims}"),
            None => drop(ask(&[("claims", claims), ("scope", "openid")])),
        }
        assert!(ask(&[("claims", claims), ("scope", "email")]).claims.is_none(), "no claims without openid");
    }
    let ours = format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["phr","{}"]}}}}}}"#, acr::PASSWORD);
    assert!(ask(&[("claims", &ours), ("scope", "openid")]).claims.is_some());
    assert!(
        acr::SUPPORTED.contains(&acr::PASSWORD) && acr::reachable(&["x", acr::PASSWORD]) && !acr::reachable(&["x"])
    );
    drop(ask(&[("acr_values", "phr urn:mace:incommon:iap:silver"), ("scope", "openid")]));
}

#[test]
fn openid_connect_begins_with_the_scope_openid() {
    let nonsense = [("claims", "no json"), ("id_token_hint", "no token")];
    for scope in ["email", "profile offline_access"] {
        let pairs = [&[("scope", scope), ("nonce", "n"), ("max_age", "9")], &nonsense[..]].concat();
        let request = ask(&pairs);
        assert_eq!((request.nonce.as_deref(), request.max_age), (Some("n"), Some(9)), "kept without harm");
        assert!(request.claims.is_none() && request.hinted.is_none());
    }
    for pair in nonsense {
        assert_eq!(refusal(&[("scope", "openid"), pair]), Code::InvalidRequest);
        // Without a scope all that is registered is asked for, openid among it.
        assert_eq!(refusal(&[pair]), Code::InvalidRequest);
    }
    for template in [Template::Gitlife, Template::IdaasOauth2] {
        assert!(ask_with(&client(template), &nonsense, &HINTING).is_ok(), "{template:?} knows no OpenID Connect");
    }
}

#[test]
fn ui_locales_are_never_an_error_and_have_a_bound() {
    for (text, kept) in [
        ("de-CH  en", vec!["de-CH", "en"]),
        ("<script> de \"", vec!["de"]),
        ("   ", vec![]),
        ("x".repeat(36).as_str(), vec![]),
        ("a ".repeat(40).as_str(), vec!["a"; 16]),
    ] {
        assert_eq!(ask(&[("ui_locales", text)]).ui_locales, kept, "{text}");
    }
}

#[test]
fn fm_94_a_form_is_posted_to_a_web_address_only_and_refusals_travel_as_asked() {
    let native = client(Template::Native);
    let pairs = [
        ("response_mode", "form_post"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    let ask_at = |uri: &str, more: (&str, &str)| {
        let mut text = form_urlencoded::Serializer::new(String::new());
        let text = text.extend_pairs([("response_type", "code")]).extend_pairs(pairs).extend_pairs([more]).finish();
        judge(&query(&text), &native, &[uri.to_owned()], &HINTING)
    };
    for uri in ["https://app.example/cb", "http://127.0.0.1:9/cb", "http://[::1]/cb"] {
        assert_eq!(ask_at(uri, ("", "")).unwrap().response_mode, ResponseMode::FormPost, "{uri}");
        match ask_at(uri, ("prompt", "create")) {
            Err(Rejection::Redirect { response_mode, .. }) => assert_eq!(response_mode, ResponseMode::FormPost),
            other => panic!("{other:?}"),
        }
    }
    for uri in ["org.example.app:/cb", "org.example.app://host/cb"] {
        match ask_at(uri, ("", "")) {
            Err(Rejection::Redirect { response_mode: ResponseMode::Query, refusal, .. }) => {
                assert_eq!(refusal.code, Code::InvalidRequest, "{uri}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ask(&[("response_mode", "query")]).response_mode, ResponseMode::Query);
}

#[test]
fn st_126_select_account_asks_once_and_for_the_session_that_is_there() {
    let web = client(Template::Web);
    let request = ask(&[("prompt", "select_account"), ("scope", "openid")]);
    let facts = facts(&web, &request);
    assert_eq!(told(&next_step(&facts)), "ChooseAccount");
    let stored = Facts { request_created_at: Some(NOW), ..facts };
    assert_eq!(told(&next_step(&stored)), "ChooseAccount");
    assert_eq!(told(&next_step(&Facts { chosen: Some(id(9)), ..stored })), "issue");
    assert_eq!(told(&next_step(&Facts { chosen: Some(id(8)), ..stored })), "ChooseAccount", "another session's choice");
    assert_eq!(
        told(&next_step(&Facts { request_created_at: Some(SIGNED_IN_AT), ..facts })),
        "issue",
        "signed in for this"
    );
    assert_eq!(told(&next_step(&Facts { visitor: None, ..stored })), "SignIn");
    let stranger = facts.visitor.map(|visitor| Visitor { assigned: false, ..visitor });
    assert_eq!(
        told(&next_step(&Facts { visitor: stranger, ..stored })),
        "ChooseAccount",
        "they may choose who is assigned"
    );
}

#[test]
fn st_54_fm_61_a_claim_by_name_is_consented_to_like_its_scope_and_does_not_widen_the_tokens() {
    let web = client(Template::Web);
    let claims = r#"{"id_token":{"email":{"essential":true}},"userinfo":{"phone_number":null,"acr":null}}"#;
    let request = ask(&[("claims", claims), ("scope", "openid profile")]);
    let before = scope("openid profile");
    let unasked = Facts { last_consent: Some(&before), ..facts(&web, &request) };
    match next_step(&unasked) {
        Step::Consent(offer) => {
            let rows: Vec<_> = offer.rows.iter().map(|row| row.scope.as_str()).collect();
            assert_eq!(rows, ["openid", "profile", "email", "phone"]);
        }
        other => panic!("{other:?}"),
    }
    for (ticked, scopes, id_token, userinfo) in [
        ("openid profile email phone", "openid profile", vec!["email"], vec!["acr", "phone_number"]),
        ("openid email", "openid", vec!["email"], vec!["acr"]),
        ("openid", "openid", vec![], vec!["acr"]),
    ] {
        let ticked = scope(ticked);
        match next_step(&Facts { consented_now: Some(&ticked), ..unasked }) {
            Step::Issue(granted) => {
                let claims = granted.claims.unwrap();
                let names = |claims: &[vestibule_oauth::claims_request::Claim]| -> Vec<String> {
                    claims.iter().map(|claim| claim.name.clone()).collect()
                };
                assert_eq!(granted.scopes.to_string(), scopes);
                assert_eq!(
                    (names(&claims.id_token), names(&claims.userinfo)),
                    (
                        id_token.iter().map(|name| (*name).to_owned()).collect(),
                        userinfo.iter().map(|name| (*name).to_owned()).collect(),
                    )
                );
            }
            other => panic!("{other:?}"),
        }
    }
    // What the application does not register is not offered, and so not opened.
    let mut narrow = client(Template::Web);
    narrow.scopes = scope("openid profile");
    let request = ask_with(&narrow, &[("claims", claims), ("scope", "openid")], &HINTING).unwrap();
    match next_step(&facts(&narrow, &request)) {
        Step::Issue(granted) => {
            assert_eq!(granted.claims.unwrap().to_json(), r#"{"userinfo":[{"name":"acr"}]}"#);
            assert_eq!(granted.scopes, scope("openid"));
        }
        other => panic!("{other:?}"),
    }
    // Ticking only what a claim belongs to grants nothing that was requested.
    let per_scope = with(client(Template::Web), Switch::ConsentPerScope, true);
    let request = ask_with(&per_scope, &[("claims", claims), ("scope", "openid")], &HINTING).unwrap();
    let ticked = scope("email");
    let step = next_step(&Facts { consented_now: Some(&ticked), ..facts(&per_scope, &request) });
    assert_eq!(told(&step), "access_denied");
}
