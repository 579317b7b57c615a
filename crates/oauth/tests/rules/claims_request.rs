//! The `claims` parameter: what is read, what is ignored, what is refused, and what consent opens.

use crate::sample::scope;
use vestibule_oauth::claims_request::{Claim, ClaimsRequest, KNOWN, MAX_LENGTH, MalformedClaims};

fn names(claims: &[Claim]) -> Vec<&str> {
    claims.iter().map(|claim| claim.name.as_str()).collect()
}

#[test]
fn the_example_of_openid_connect_core_is_read() {
    // Section 5.5; `given_name` and the member with a URI are not known here.
    let text = r#"{"userinfo":{"given_name":{"essential":true},"nickname":null,"email":{"essential":true},
        "email_verified":{"essential":true},"picture":null,"http://example.info/claims/groups":null},
        "id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:mace:incommon:iap:silver"]}}}"#;
    let claims = ClaimsRequest::parse(text).unwrap();
    assert_eq!(names(&claims.userinfo), ["email", "email_verified", "nickname"]);
    let essential: Vec<bool> = claims.userinfo.iter().map(|claim| claim.essential).collect();
    assert_eq!(essential, [true, true, false]);
    assert_eq!(names(&claims.id_token), ["acr", "auth_time"]);
    assert_eq!(claims.in_id_token("acr").unwrap().values, ["urn:mace:incommon:iap:silver"]);
    assert!(claims.in_id_token("email").is_none());
}

#[test]
fn what_is_kept_is_read_back_whole() {
    let text =
        r#"{"id_token":{"sub":{"value":"ada"},"acr":{"essential":true,"values":["a","b"]}},"userinfo":{"name":null}}"#;
    let claims = ClaimsRequest::parse(text).unwrap();
    assert_eq!(ClaimsRequest::from_json(&claims.to_json()), Some(claims));
    for nothing in ["{}", r#"{"id_token":null,"userinfo":{}}"#, r#"{"elsewhere":{"sub":null}}"#] {
        let claims = ClaimsRequest::parse(nothing).unwrap();
        assert!(claims.is_empty(), "{nothing}");
        assert_eq!(ClaimsRequest::from_json(&claims.to_json()), Some(claims));
    }
    assert_eq!(ClaimsRequest::from_json("7"), None);
}

#[test]
fn fm_119_what_is_no_claims_request_or_too_large_is_refused() {
    let many = |count: usize| {
        let members: Vec<String> = (0..count).map(|i| format!("\"c{i}\":null")).collect();
        format!("{{\"userinfo\":{{{}}}}}", members.join(","))
    };
    assert!(ClaimsRequest::parse(&many(64)).is_ok());
    let values =
        |count: usize| format!(r#"{{"id_token":{{"acr":{{"values":[{}]}}}}}}"#, vec!["\"a\""; count].join(","));
    assert!(ClaimsRequest::parse(&values(16)).is_ok());
    let nested = |depth: usize| format!(r#"{{"userinfo":{{"x":{}1{}}}}}"#, "[".repeat(depth), "]".repeat(depth));
    let long = format!(r#"{{"userinfo":{{"{}":null}}}}"#, "x".repeat(MAX_LENGTH));
    for text in [
        "",
        "[]",
        "null",
        "{",
        r#"{"id_token":[]}"#,
        r#"{"id_token":"sub"}"#,
        r#"{"id_token":{"sub":true}}"#,
        r#"{"id_token":{"sub":{"value":"a","values":["b"]}}}"#,
        r#"{"id_token":{"sub":{"values":"a"}}}"#,
        r#"{"id_token":{"acr":{"values":[]}}}"#,
        // Which of the two counts is what two parsers would disagree on.
        r#"{"id_token":{"sub":{"value":"a"},"sub":{"value":"b"}}}"#,
        r#"{"id_token":{},"id_token":{"sub":null}}"#,
        r#"{"id_token":{"sub":{"value":"a","value":"b"}}}"#,
        &many(65),
        &values(17),
        &nested(20),
        &long,
    ] {
        assert_eq!(ClaimsRequest::parse(text), Err(MalformedClaims), "{text:.80}");
    }
}

#[test]
fn st_126_a_person_who_is_named_by_no_text_is_nobody_rather_than_anybody() {
    for value in ["5", "null", "true", "{}", "[\"ada\"]"] {
        for name in ["sub", "acr"] {
            let text = format!(r#"{{"id_token":{{"{name}":{{"value":{value}}}}}}}"#);
            assert_eq!(ClaimsRequest::parse(&text), Err(MalformedClaims), "{text}");
            let text = format!(r#"{{"id_token":{{"{name}":{{"values":["ada",{value}]}}}}}}"#);
            assert_eq!(ClaimsRequest::parse(&text), Err(MalformedClaims), "{text}");
        }
    }
    let claims = ClaimsRequest::parse(r#"{"userinfo":{"email_verified":{"value":true}}}"#).unwrap();
    assert!(claims.userinfo[0].values.is_empty(), "other claims are wanted whatever their value");
}

#[test]
fn a_claim_about_a_person_is_opened_by_the_scope_that_it_belongs_to_and_by_no_other() {
    let all: Vec<String> = KNOWN.iter().map(|(name, _)| format!("\"{name}\":null")).collect();
    let all = all.join(",");
    let claims = ClaimsRequest::parse(&format!(r#"{{"id_token":{{{all}}},"userinfo":{{{all}}}}}"#)).unwrap();
    assert_eq!(claims.scopes(), scope("profile email phone"));
    let free = ["acr", "amr", "auth_time", "sub"];
    assert_eq!(names(&claims.opened_by(&scope("openid")).id_token), free);
    let opened = claims.opened_by(&scope("openid email"));
    for place in [&opened.id_token, &opened.userinfo] {
        assert_eq!(names(place), ["acr", "amr", "auth_time", "email", "email_verified", "sub"]);
    }
    assert_eq!(claims.opened_by(&scope("profile email phone")), claims);
}
