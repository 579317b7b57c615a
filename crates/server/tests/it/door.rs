//! What every answer carries, whatever its status.

use crate::harness::{Answer, App, Call, Person, Server, Visitor, on_both};

/// An answer of every kind and status that the server has, by name.
fn answers(server: &Server) -> Vec<(String, Answer)> {
    let (app, person): (App, Person) = server.app_and_person("web");
    let idaas = server.app("idaas-oauth2");
    let mut visitor = Visitor::new(server);
    let sign_in = visitor.open(&app.authorize_url(&[]));
    let wrong = visitor.sign_in_as(&sign_in, &person.name, "wrong");
    let consent = visitor.sign_in(&sign_in, &person);
    let mut stranger = Visitor::new(server);
    let refused = stranger.open(&idaas.authorize_url(&[("scope", "read")]));
    let not_assigned = stranger.sign_in(&refused, &person);
    let other_browser = Visitor::new(server).open(&sign_in.url);
    let sent_back = visitor.allow(&consent, None);
    let over = visitor.open(&sign_in.url);
    let forged =
        visitor.send(Call::post(&sign_in.url).header("Origin", "https://evil.example").form(&[("step", "consent")]));
    let mut all = vec![
        ("sign-in".to_owned(), sign_in.answer),
        ("wrong password".to_owned(), wrong.answer),
        ("consent".to_owned(), consent.answer),
        ("not assigned".to_owned(), not_assigned.answer),
        ("other browser".to_owned(), other_browser.answer),
        ("sent back".to_owned(), sent_back.answer),
        ("over".to_owned(), over.answer),
        ("forged".to_owned(), forged),
        (
            "wrong callback".to_owned(),
            Call::get(app.authorize_url(&[("redirect_uri", "https://evil.example/")])).send(),
        ),
        ("unknown application".to_owned(), Call::get(app.authorize_url(&[("client_id", "x")])).send()),
        ("body too large".to_owned(), Call::post(server.at("/sign-in")).form(&[("name", &"x".repeat(100_000))]).send()),
    ];
    for path in [
        "/",
        "/sign-in",
        "/sign-out",
        "/signed-out",
        "/setup/vst_su_x",
        "/nothing",
        "/oauth/authorize/0123",
        "/assets/nothing.css",
        "/livez",
        "/readyz",
        "/robots.txt",
        "/oauth/token",
        "/oauth/userinfo",
        "/api/v5/user",
        "/api/bff/v1/oauth2/userinfo",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/oauth/jwks",
        "/a;b",
        "/%2f",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            all.push((format!("{method} {path}"), Call::new(method, server.at(path)).send()));
        }
    }
    all
}

#[test]
fn st_18_st_20_st_22_fm_58_fm_94_fm_95_every_answer_of_every_status_keeps_its_manners() {
    on_both(|server| {
        let mut statuses = std::collections::BTreeSet::new();
        for (what, answer) in answers(server) {
            statuses.insert(answer.status);
            assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text());
            assert!(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "{what}");
            assert_eq!(answer.headers_named("x-content-type-options"), ["nosniff"], "{what}");
            assert_eq!(answer.headers_named("referrer-policy"), ["no-referrer"], "{what}");
            assert_eq!(answer.headers_named("x-frame-options"), ["DENY"], "{what}");
            let policies = answer.headers_named("content-security-policy");
            assert_eq!(policies.len(), 1, "{what}: {policies:?}");
            let policy = policies[0];
            for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
                assert!(policy.contains(part), "{what}: {policy}");
            }
            assert!(
                !policy.contains("unsafe") && !policy.contains("script-src") && !policy.contains('*'),
                "{what}: {policy}"
            );
            assert!(answer.header("server").is_none() && answer.header("x-powered-by").is_none(), "{what}");
            if answer.header("content-type").is_some_and(|c| c.contains("html")) {
                assert!(policy.contains("form-action"), "{what}: {policy}");
                assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
                assert!(answer.header("content-type").is_some_and(|c| c.contains("charset=utf-8")), "{what}");
                third_party_free(&what, &answer.text(), server);
            }
        }
        for needed in [200, 303, 400, 401, 403, 404, 405, 413] {
            assert!(statuses.contains(&needed), "no answer with {needed} was looked at: {statuses:?}");
        }
    });
}

/// Pages load nothing from elsewhere, run no script and carry no style of their own.
fn third_party_free(what: &str, html: &str, server: &Server) {
    for tag in crate::harness::page::tags(html) {
        assert!(!matches!(tag.name.as_str(), "script" | "iframe" | "object" | "embed" | "base"), "{what}: {tag:?}");
        assert!(!tag.attributes.keys().any(|name| name.starts_with("on") || name == "style"), "{what}: {tag:?}");
        for name in ["src", "srcset", "data", "poster"] {
            assert!(tag.get(name).is_none_or(|v| v.starts_with('/') || v.starts_with(&server.url)), "{what}: {tag:?}");
        }
        if tag.name == "link" {
            assert!(tag.get("href").is_some_and(|v| v.starts_with('/')), "{what}: {tag:?}");
        }
        if tag.name == "html" {
            assert!(tag.get("lang").is_some(), "{what}: a page says its language");
        }
    }
}

#[test]
fn a_request_id_that_came_along_is_kept_when_it_is_harmless() {
    on_both(|server| {
        let with = |id: &str| {
            Call::get(server.at("/livez")).header("X-Request-Id", id).send().header("x-request-id").map(str::to_owned)
        };
        assert_eq!(with("a1-b_2.c").as_deref(), Some("a1-b_2.c"));
        for bad in ["a b", "<x>", &"x".repeat(300), "a\"b"] {
            assert_ne!(with(bad).as_deref(), Some(bad));
        }
    });
}

/// Labels, language, headings: what a screen reader needs.
#[test]
fn every_field_has_a_label_and_every_page_a_title_and_one_heading() {
    on_both(|server| {
        for (what, answer) in answers(server) {
            if !answer.header("content-type").is_some_and(|c| c.contains("html")) {
                continue;
            }
            let html = answer.text();
            let tags = crate::harness::page::tags(&html);
            assert_eq!(tags.iter().filter(|t| t.name == "h1").count(), 1, "{what}: {html}");
            assert_eq!(tags.iter().filter(|t| t.name == "title").count(), 1, "{what}");
            assert!(tags.iter().any(|t| t.name == "meta" && t.get("name") == Some("viewport")), "{what}");
            for field in tags.iter().filter(|t| t.name == "input" && t.get("type") != Some("hidden")) {
                let id = field.get("id").unwrap_or_else(|| panic!("{what}: a field without an id: {field:?}"));
                let labelled = tags.iter().any(|t| t.name == "label" && t.get("for") == Some(id));
                assert!(
                    labelled || field.get("aria-label").is_some() || field.get("aria-labelledby").is_some(),
                    "{what}: {field:?}"
                );
            }
        }
    });
}
