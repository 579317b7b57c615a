//! The IDaaS OAuth2 application, whole: the Authorize URL as it is, everything in the query, the userinfo envelope,
//! the error table, and only people who are assigned.

use crate::harness::visitor::parameter;
use crate::harness::{Answer, App, Call, Person, Server, Visitor, on_both};
use serde_json::Value;

const USERINFO: [&str; 2] = ["/api/bff/v1/oauth2/userinfo", "/api/bff/v1.2/oauth2/userinfo"];

/// The source document's steps 5 and 6: the Authorize URL in a browser, then everything in the query.
fn code(server: &Server, app: &App, person: &Person) -> String {
    let url = app.shown["authorize_url"].as_str().expect("authorize_url");
    let back = Visitor::new(server).go_through(url, person, None);
    assert!(back.starts_with(&app.redirect_uri), "{back}");
    parameter(&back, "code").expect("code")
}

fn token(server: &Server, app: &App, code: &str, over: &[(&str, &str)]) -> Answer {
    let usual = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("client_id", &app.client_id),
        ("client_secret", &app.client_secret),
        ("redirect_uri", &app.redirect_uri),
    ];
    let mut fields: Vec<(&str, &str)> = usual.into_iter().filter(|(n, _)| !over.iter().any(|(o, _)| o == n)).collect();
    fields.extend(over.iter().filter(|(_, v)| !v.is_empty()));
    Call::post(server.at("/oauth/token")).query(&fields).send()
}

/// Asserts a row of the error table at the token endpoint.
#[track_caller]
fn is_row(answer: &Answer, status: u16, error: &str, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let json = answer.json();
    assert_eq!((&json["error"], &json["error_description"]), (&Value::from(error), &Value::from(message)), "{json}");
}

/// Asserts the envelope of an error at userinfo.
#[track_caller]
fn is_envelope(answer: &Answer, status: u16, code: &str, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let json = answer.json();
    assert_eq!((&json["success"], &json["data"]), (&Value::Bool(false), &Value::Null), "{json}");
    assert_eq!((&json["code"], &json["message"]), (&Value::from(code), &Value::from(message)), "{json}");
    assert!(is_request_id(&json["requestId"]), "{json}");
}

/// An upper-case UUID, as in the document's sample.
fn is_request_id(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let dashes = [8, 13, 18, 23];
    text.len() == 36
        && text
            .char_indices()
            .all(|(i, c)| if dashes.contains(&i) { c == '-' } else { matches!(c, '0'..='9' | 'A'..='F') })
}

#[test]
fn the_authorize_url_opens_as_it_is_and_asks_for_no_consent() {
    on_both(|server| {
        let (app, person) = server.app_and_person("idaas-oauth2");
        let url = app.shown["authorize_url"].as_str().expect("authorize_url").to_owned();
        assert!(url.starts_with(&server.at("/oauth/authorize?")), "{url}");
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", &app.client_id),
            ("redirect_uri", &app.redirect_uri),
            ("scope", "read"),
        ] {
            assert_eq!(parameter(&url, name).as_deref(), Some(value), "{url}");
        }
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&url);
        let back = visitor.sign_in(&page, &person);
        assert!(back.sent_back().iter().any(|(n, _)| n == "code"), "no consent page: {:?}", back.left_for);
        let again = visitor.open(&format!("{url}&state=a%2Fb"));
        assert_eq!(parameter(again.left_for.as_deref().expect("at once"), "state").as_deref(), Some("a/b"));
    });
}

#[test]
fn everything_in_the_query_gives_a_two_hour_token() {
    on_both(|server| {
        let (app, person) = server.app_and_person("idaas-oauth2");
        let answer = token(server, &app, &code(server, &app, &person), &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        assert_eq!(json["token_type"], "bearer");
        assert_eq!(json["expires_in"], 7200, "a number, as RFC 6749 says");
        assert_eq!(json["scope"], "read");
        assert!(json["refresh_token"].is_null() && json["created_at"].is_null(), "{json}");
        let text = answer.text();
        let order: Vec<Option<usize>> =
            ["access_token", "token_type", "expires_in", "scope"].map(|m| text.find(&format!("\"{m}\""))).to_vec();
        assert!(order.is_sorted() && order.iter().all(Option::is_some), "member order: {text}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("pragma"), Some("no-cache"));
        assert!(answer.header("content-type").is_some_and(|c| c.to_lowercase().starts_with("application/json")));
    });
}

#[test]
fn form_bodies_and_basic_work_too() {
    on_both(|server| {
        let (app, person) = server.app_and_person("idaas-oauth2");
        let c = code(server, &app, &person);
        app.trade_with(&c, &[("code_verifier", "")]).tokens();
        let c = code(server, &app, &person);
        let fields = [("grant_type", "authorization_code"), ("code", c.as_str()), ("redirect_uri", &app.redirect_uri)];
        Call::post(server.at("/oauth/token")).basic(&app.client_id, &app.client_secret).form(&fields).send().tokens();
        let c = code(server, &app, &person);
        let split = Call::post(server.at("/oauth/token"))
            .query(&[("client_id", &app.client_id), ("grant_type", "authorization_code"), ("code", &c)])
            .form(&[("client_secret", &app.client_secret), ("redirect_uri", &app.redirect_uri), ("code", &c)]);
        split.send().tokens();
    });
}

#[test]
fn the_userinfo_envelope_has_the_documents_bytes() {
    on_both(|server| {
        let org = crate::harness::unique("PG China");
        server.json(&["org", "add", &org, "--external-id", &format!("59204174-{org}")], "");
        let app = server.app("idaas-oauth2");
        let person = server.person_with(&[
            "--org",
            &org,
            "--nickname",
            "admin",
            "--external-id",
            &crate::harness::unique("49827892"),
        ]);
        server.json(&["app", "assign", &app.name, "--org", &org], "");
        let t = token(server, &app, &code(server, &app, &person), &[]).tokens().access;
        for path in USERINFO {
            let by_query = Call::get(server.at(path)).query(&[("access_token", &t)]).send();
            let by_header = Call::get(server.at(path)).bearer(&t).send();
            for answer in [by_query, by_header] {
                assert_eq!(answer.status, 200, "{}", answer.text());
                let text = answer.text();
                let json = answer.json();
                let id = json["requestId"].as_str().expect("requestId");
                assert!(is_request_id(&json["requestId"]), "{text}");
                let data = &json["data"];
                let expected = format!(
                    "{{\"success\":true,\"code\":\"200\",\"message\":null,\"requestId\":\"{id}\",\"data\":{{\"sub\":{},\"ou_id\":{},\"nickname\":\"admin\",\"phone_number\":null,\"ou_name\":\"{org}\",\"email\":\"{}\",\"username\":\"{}\"}}}}",
                    data["sub"], data["ou_id"], person.email, person.name
                );
                assert_eq!(text, expected);
                assert!(data["sub"].as_str().is_some_and(|s| s.starts_with("49827892")), "the external id: {data}");
                assert!(data["ou_id"].as_str().is_some_and(|s| s.starts_with("59204174-")), "{data}");
            }
        }
        let bare = server.person();
        server.json(&["app", "assign", &app.name, "--user", &bare.name], "");
        let t = token(server, &app, &code(server, &app, &bare), &[]).tokens().access;
        let data = Call::get(server.at(USERINFO[1])).bearer(&t).send().json()["data"].clone();
        assert!(
            data["sub"].as_str().is_some_and(|s| s.bytes().all(|b| b.is_ascii_digit())),
            "the number stands in: {data}"
        );
        assert!(data["ou_id"].is_null() && data["ou_name"].is_null(), "{data}");
    });
}

#[test]
fn st_32_st_33_the_error_table_of_the_token_endpoint() {
    on_both(|server| {
        let (app, person) = server.app_and_person("idaas-oauth2");
        let unknown = token(server, &app, "vuQ3n6", &[]);
        is_row(&unknown, 400, "invalid_grant", "Invalid authorization code: vuQ3n6");
        let c = code(server, &app, &person);
        is_row(
            &token(server, &app, &c, &[("redirect_uri", "https://evil.example/")]),
            400,
            "invalid_grant",
            "Redirect URI mismatch.",
        );
        let dead = format!("Invalid authorization code: {c}");
        is_row(&token(server, &app, &c, &[]), 400, "invalid_grant", &dead);
        let c = code(server, &app, &person);
        token(server, &app, &c, &[]).tokens();
        is_row(&token(server, &app, &c, &[]), 400, "invalid_grant", &format!("Invalid authorization code: {c}"));
        for secret in ["", "wrong"] {
            is_row(&token(server, &app, "x", &[("client_secret", secret)]), 401, "Unauthorized", "Unauthorized");
        }
        let media = Call::post(server.at("/oauth/token"))
            .basic(&app.client_id, &app.client_secret)
            .body(Some("application/xml"), "<grant_type>authorization_code</grant_type>");
        let media = media.send();
        assert_eq!(media.status, 415, "{}", media.text());
        assert_eq!(media.json()["error"], "UnsupportedMediaType", "{}", media.text());
        for path in ["/oauth/nothing", "/api/bff/v1.2/nothing", "/api/bff/v9/oauth2/userinfo"] {
            let missing = Call::get(server.at(path)).send();
            assert_eq!(missing.status, 404, "{path}");
            assert!(missing.text().contains("ResourceNotFound"), "{path}: {}", missing.text());
        }
        let other = server.app("idaas-oauth2");
        let c = code(server, &app, &person);
        let foreign = token(server, &other, &c, &[("redirect_uri", &app.redirect_uri)]);
        assert_eq!((foreign.status, foreign.json()["error"].as_str().unwrap_or_default()), (400, "invalid_grant"));
    });
}

#[test]
fn fm_93_a_code_is_echoed_only_in_allowed_characters_and_only_when_short() {
    on_both(|server| {
        let app = server.app("idaas-oauth2");
        for nasty in ["\"><script>", "a\\b", "ü", "\r\nX: y", &"x".repeat(129)] {
            let answer = token(server, &app, nasty, &[]);
            assert_eq!(answer.status, 400);
            let text = answer.json()["error_description"].as_str().unwrap_or_default().to_owned();
            assert!(!text.contains(nasty), "{text}");
            assert!(!text.is_empty());
        }
    });
}

#[test]
fn the_error_envelope_of_userinfo() {
    on_both(|server| {
        for path in USERINFO {
            for call in [
                Call::get(server.at(path)),
                Call::get(server.at(path)).query(&[("access_token", "333ab704-abc0-48b3-8af0-496eedd15383")]),
                Call::get(server.at(path)).bearer("nonsense"),
            ] {
                let answer = call.send();
                is_envelope(&answer, 401, "Unauthorized", "Unauthorized");
                assert!(answer.header("www-authenticate").is_some_and(|c| c.starts_with("Bearer")));
            }
        }
    });
}

#[test]
fn fm_63_who_is_not_assigned_sees_a_page_and_tokens_answer_403_after_unassigning() {
    on_both(|server| {
        let app = server.app("idaas-oauth2");
        let stranger = server.person();
        let url = app.shown["authorize_url"].as_str().expect("authorize_url").to_owned();
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&url);
        let page = visitor.sign_in(&page, &stranger);
        assert_eq!((page.answer.status, &page.left_for), (403, &None), "{}", page.answer.text());
        assert!(page.error_code().is_some());

        let group = crate::harness::unique("crew");
        server.json(&["group", "add", &group], "");
        server.json(&["group", "member", "add", &group, &stranger.name], "");
        server.json(&["app", "assign", &app.name, "--group", &group], "");
        let c = code(server, &app, &stranger);
        let pending = code(server, &app, &stranger);
        let t = token(server, &app, &c, &[]).tokens().access;
        let read = || Call::get(server.at(USERINFO[0])).bearer(&t).send();
        assert_eq!(read().status, 200);
        server.json(&["app", "unassign", &app.name, "--group", &group], "");
        is_envelope(&read(), 403, "Forbidden", "Forbidden");
        is_row(&token(server, &app, &pending, &[]), 403, "Forbidden", "Forbidden");
    });
}

#[test]
fn who_is_not_assigned_may_be_somebody_else_and_the_visit_goes_on() {
    on_both(|server| {
        let (app, person) = server.app_and_person("idaas-oauth2");
        let stranger = server.person();
        let url = app.shown["authorize_url"].as_str().expect("authorize_url").to_owned();
        let mut visitor = Visitor::new(server);
        for signed_in_before in [false, true] {
            let mut page = visitor.open(&url);
            if page.shows("sign-in-password") {
                page = visitor.sign_in(&page, &stranger);
            }
            if signed_in_before {
                page = visitor.open(&url);
            }
            assert_eq!(page.answer.status, 403, "{}", page.plain());
            let page = visitor.submit(&page, "switch", &[]);
            assert!(page.shows("sign-in-password"), "{}", page.plain());
            let mut other = visitor.clone();
            let page = other.sign_in(&page, &person);
            assert!(page.left_for.as_deref().is_some_and(|back| back.contains("code=")), "{}", page.plain());
        }
    });
}

#[test]
fn people_of_an_organization_below_the_assigned_one_may_enter() {
    on_both(|server| {
        let (top, below) = (crate::harness::unique("top"), crate::harness::unique("below"));
        server.json(&["org", "add", &top], "");
        server.json(&["org", "add", &below, "--parent", &top], "");
        let app = server.app("idaas-oauth2");
        server.json(&["app", "assign", &app.name, "--org", &top], "");
        let person = server.person_with(&["--org", &below]);
        token(server, &app, &code(server, &app, &person), &[]).tokens();
    });
}
