//! What a client reads about a person, per scope and wire.

use crate::sample::scope;
use serde_json::{Value, json};
use vestibule_oauth::claims_request::ClaimsRequest;
use vestibule_oauth::userinfo::{
    Organization, Profile, gitlife_emails, gitlife_error, gitlife_user, idaas_envelope, idaas_error, standard,
};

fn ada() -> Profile {
    Profile {
        subject: "5ub".to_owned(),
        number: 42,
        external_id: Some("4982789226325725762".to_owned()),
        username: "admin_wli".to_owned(),
        email: Some("sz@xxxx.com".to_owned()),
        email_verified: true,
        nickname: Some("admin".to_owned()),
        phone: Some("86 13811111111".to_owned()),
        locale: Some("en".to_owned()),
        time_zone: Some("Asia/Shanghai".to_owned()),
        organization: Some(Organization {
            external_id: Some("5920417439492153461".to_owned()),
            name: "PG China".to_owned(),
        }),
        created_at: 1_564_944_346_000,
        updated_at: 1_564_944_346_999,
    }
}

fn unknown() -> Profile {
    Profile { subject: "5ub".to_owned(), number: 42, username: "admin_wli".to_owned(), ..Profile::default() }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn fm_61_claims_follow_the_scopes() {
    let claims = |scopes: &str| parsed(&standard(&ada(), "5ub", &scope(scopes), &[]));
    assert_eq!(claims("openid"), json!({"sub": "5ub"}));
    assert_eq!(claims("email"), json!({"sub": "5ub", "email": "sz@xxxx.com", "email_verified": true}));
    assert_eq!(claims("phone"), json!({"sub": "5ub", "phone_number": "86 13811111111"}));
    assert_eq!(
        claims("profile"),
        json!({"sub": "5ub", "name": "admin", "nickname": "admin", "preferred_username": "admin_wli", "locale": "en",
               "zoneinfo": "Asia/Shanghai", "updated_at": 1_564_944_346})
    );
    assert_eq!(claims("openid profile email phone").as_object().unwrap().len(), 10);
}

#[test]
fn a_claim_that_was_asked_for_by_name_is_told_without_its_scope_and_alone() {
    let asked = ClaimsRequest::parse(r#"{"userinfo":{"nickname":null,"email":{"essential":true}}}"#).unwrap().userinfo;
    let claims = parsed(&standard(&ada(), "pairwise", &scope("openid"), &asked));
    assert_eq!(claims, json!({"sub": "pairwise", "nickname": "admin", "email": "sz@xxxx.com"}));
}

#[test]
fn claims_that_nobody_knows_are_left_out() {
    let claims = parsed(&standard(&unknown(), "5ub", &scope("openid profile email phone"), &[]));
    assert_eq!(claims, json!({"sub": "5ub", "name": "admin_wli", "preferred_username": "admin_wli", "updated_at": 0}));
}

#[test]
fn an_unverified_address_is_said_to_be_so() {
    let claims = parsed(&standard(&Profile { email_verified: false, ..ada() }, "5ub", &scope("email"), &[]));
    assert_eq!(claims["email_verified"], json!(false));
}

#[test]
fn the_idaas_envelope_is_that_of_the_document() {
    let request_id = "59C5766B-C7F9-4DF6-B5E4-0F2A89942749";
    let expected = concat!(
        r#"{"success":true,"code":"200","message":null,"requestId":"59C5766B-C7F9-4DF6-B5E4-0F2A89942749","data":{"#,
        r#""sub":"4982789226325725762","ou_id":"5920417439492153461","nickname":"admin","phone_number":null,"#,
        r#""ou_name":"PG China","email":"sz@xxxx.com","username":"admin_wli"}}"#,
    );
    assert_eq!(idaas_envelope(&Profile { phone: None, ..ada() }, request_id), expected);
    assert_eq!(parsed(&idaas_envelope(&ada(), request_id))["data"]["phone_number"], json!("86 13811111111"));
    assert_eq!(
        parsed(&idaas_envelope(&unknown(), request_id))["data"],
        json!({"sub": "42", "ou_id": null, "nickname": null, "phone_number": null, "ou_name": null, "email": null,
               "username": "admin_wli"})
    );
}

#[test]
fn the_idaas_error_is_the_same_envelope() {
    assert_eq!(
        idaas_error("Forbidden", "Forbidden", "59C5766B"),
        r#"{"success":false,"code":"Forbidden","message":"Forbidden","requestId":"59C5766B","data":null}"#
    );
}

/// The documented keys, in the order of the samples, and the type of what Vestibule has no notion of.
const GITLIFE_KEYS: [(&str, Value); 24] = [
    ("avatar_url", Value::Null),
    ("url", Value::Null),
    ("html_url", Value::Null),
    ("remark", Value::Null),
    ("followers_url", Value::Null),
    ("following_url", Value::Null),
    ("gists_url", Value::Null),
    ("starred_url", Value::Null),
    ("subscriptions_url", Value::Null),
    ("organizations_url", Value::Null),
    ("repos_url", Value::Null),
    ("events_url", Value::Null),
    ("received_events_url", Value::Null),
    ("member_role", Value::Null),
    ("blog", Value::Null),
    ("weibo", Value::Null),
    ("bio", Value::Null),
    ("email", Value::Null),
    ("company", Value::Null),
    ("profession", Value::Null),
    ("wechat", Value::Null),
    ("qq", Value::Null),
    ("linkedin", Value::Null),
    ("address", Value::Null),
];

#[test]
fn the_gitlife_user_has_every_documented_key() {
    let text = gitlife_user(&ada(), &scope("user_info"));
    assert!(text.starts_with(r#"{"id":42,"login":"admin_wli","name":"admin","avatar_url":null,"url":null,"#), "{text}");
    let user = parsed(&text);
    for (key, value) in &GITLIFE_KEYS {
        assert_eq!(user.get(key), Some(value), "{key}");
    }
    for count in ["public_repos", "public_gists", "followers", "following", "stared", "watched"] {
        assert_eq!(user[count], json!(0), "{count}");
    }
    assert_eq!(user["type"], json!("User"));
    assert_eq!(user["created_at"], json!("2019-08-05T02:45:46+08:00"));
    assert_eq!(user["updated_at"], json!("2019-08-05T02:45:46+08:00"));
    assert_eq!(user.as_object().unwrap().len(), 36);
    assert_eq!(parsed(&gitlife_user(&unknown(), &scope("user_info")))["name"], json!("admin_wli"));
}

#[test]
fn fm_61_the_gitlife_address_needs_its_scope() {
    assert_eq!(parsed(&gitlife_user(&ada(), &scope("user_info")))["email"], Value::Null);
    assert_eq!(parsed(&gitlife_user(&ada(), &scope("user_info emails")))["email"], json!("sz@xxxx.com"));
}

#[test]
fn gitlife_times_are_right_over_leap_days_and_ends_of_years() {
    let created = |ms| {
        let user = parsed(&gitlife_user(&Profile { created_at: ms, ..ada() }, &scope("user_info")));
        user["created_at"].as_str().unwrap().to_owned()
    };
    for (seconds, text) in [
        (0, "1970-01-01T08:00:00+08:00"),
        (951_753_600, "2000-02-29T00:00:00+08:00"),
        (951_839_999, "2000-02-29T23:59:59+08:00"),
        (951_840_000, "2000-03-01T00:00:00+08:00"),
        (1_709_136_000, "2024-02-29T00:00:00+08:00"),
        (1_735_660_799, "2024-12-31T23:59:59+08:00"),
        (1_735_660_800, "2025-01-01T00:00:00+08:00"),
        (1_740_758_399, "2025-02-28T23:59:59+08:00"),
        (1_740_758_400, "2025-03-01T00:00:00+08:00"),
        (4_107_484_800, "2100-02-28T16:00:00+08:00"),
        (4_107_571_200, "2100-03-01T16:00:00+08:00"),
        (-1, "1970-01-01T07:59:59+08:00"),
        (-2_208_988_801, "1900-01-01T07:59:59+08:00"),
        (-12_219_292_800, "1582-10-15T08:00:00+08:00"),
    ] {
        assert_eq!(created(seconds * 1000), text, "{seconds}");
    }
    assert_eq!(created(1_564_944_346_999), "2019-08-05T02:45:46+08:00");
    assert_eq!(created(-1), "1970-01-01T07:59:59+08:00");
}

#[test]
fn gitlife_emails_say_whether_they_are_confirmed() {
    assert_eq!(gitlife_emails(&ada()), r#"[{"email":"sz@xxxx.com","state":"confirmed","scope":["primary"]}]"#);
    let unverified = Profile { email_verified: false, ..ada() };
    assert_eq!(gitlife_emails(&unverified), r#"[{"email":"sz@xxxx.com","state":"unconfirmed","scope":["primary"]}]"#);
    assert_eq!(gitlife_emails(&unknown()), "[]");
}

#[test]
fn gitlife_errors_have_status_phrase_and_reason() {
    assert_eq!(
        gitlife_error(401, "Access token is expired"),
        r#"{"message":"401 Unauthorized: Access token is expired"}"#
    );
    assert_eq!(gitlife_error(403, ""), r#"{"message":"403 Forbidden: Forbidden"}"#);
    for (status, start) in [
        (400, "400 Bad Request: x"),
        (403, "403 Forbidden: x"),
        (404, "404 Not Found: x"),
        (405, "405 Method Not Allowed: x"),
        (429, "429 Too Many Requests: x"),
        (500, "500 Internal Server Error: x"),
        (503, "503 Service Unavailable: x"),
    ] {
        assert_eq!(parsed(&gitlife_error(status, "x"))["message"], json!(start));
    }
}
