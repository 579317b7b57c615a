//! Signing out at an application's wish: who is asked, who is sent where, and what a hint is worth.

use crate::harness::visitor::{parameter, parameters};
use crate::harness::{Answer, App, Call, Database, Page, Person, Server, Visitor, on_both};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const BACK: &str = "https://client.example/signed-out?by=us";

fn leaving_app(server: &Server) -> App {
    server.app_with("web", &["https://client.example/callback"], &["--post-logout-redirect-uri", BACK])
}

fn logout_url(server: &Server, fields: &[(&str, &str)]) -> String {
    Call::get(server.at("/oauth/logout")).query(fields).url().to_owned()
}

/// A browser in which the person is signed in, and the ID token that the application got there.
fn signed_in(server: &Server, app: &App, person: &Person) -> (Visitor, String) {
    let mut visitor = Visitor::new(server);
    let back = visitor.go_through(&app.authorize_url(&[("scope", "openid")]), person, None);
    let tokens = app.trade(&parameter(&back, "code").expect("a code")).tokens();
    (visitor, tokens.json["id_token"].as_str().expect("id_token").to_owned())
}

fn is_signed_in(server: &Server, visitor: &Visitor) -> bool {
    visitor.clone().open(&server.at("/")).shows("sign-out")
}

fn stays(page: &Page) {
    assert!(page.left_for.is_none() && page.answer.header("location").is_none(), "sent to {:?}", page.left_for);
}

#[test]
fn st_128_without_a_hint_the_person_is_asked_and_then_sent_to_the_registered_address_with_state() {
    on_both(|server| {
        let (app, person) = (leaving_app(server), server.person());
        let (mut visitor, _) = signed_in(server, &app, &person);
        let state = "st a+te/%&=\"<";
        let fields = [("client_id", app.client_id.as_str()), ("post_logout_redirect_uri", BACK), ("state", state)];
        let page = visitor.open(&logout_url(server, &fields));
        stays(&page);
        assert_eq!(page.answer.status, 200);
        assert!(page.plain().contains(&person.name) && page.plain().contains(&app.name), "{}", page.plain());
        assert!(is_signed_in(server, &visitor), "a GET signed the person out");
        let gone = visitor.submit(&page, "sign-out", &[]);
        let left = gone.left_for.clone().expect("is sent back");
        assert!(left.starts_with(BACK), "{left}");
        assert_eq!(parameters(&left), [("by".to_owned(), "us".to_owned()), ("state".to_owned(), state.to_owned())]);
        assert_eq!(gone.answer.status, 303);
        assert!(!is_signed_in(server, &visitor));
        // Without an address the person stays with us, and without an application too.
        for fields in [&fields[..1], &[]] {
            let (mut visitor, _) = signed_in(server, &app, &person);
            let page = visitor.open(&logout_url(server, fields));
            assert_eq!(page.plain().contains(&app.name), !fields.is_empty());
            let gone = visitor.submit(&page, "sign-out", &[]);
            assert!(gone.url.ends_with("/signed-out") && gone.answer.status == 200, "{}", gone.url);
        }
    });
}

#[test]
fn st_128_fm_15_fm_13_nobody_is_sent_to_an_address_that_is_not_registered() {
    on_both(|server| {
        let (app, other, person) = (leaving_app(server), server.app("web"), server.person());
        let (mut visitor, hint) = signed_in(server, &app, &person);
        let strange = [
            "https://client.example/signed-out",
            "https://client.example/signed-out?by=us&more=1",
            "https://client.example/signed-out/?by=us",
            "https://client.example.evil.example/signed-out?by=us",
            "https://evil.example/",
            "HTTPS://client.example/signed-out?by=us",
            "http://client.example/signed-out?by=us",
            "https://client.example/callback",
            "//evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/",
        ];
        for uri in strange {
            for who in [("client_id", app.client_id.as_str()), ("id_token_hint", hint.as_str())] {
                let page = visitor.open(&logout_url(server, &[who, ("post_logout_redirect_uri", uri)]));
                assert_eq!(page.is_error_page(400), "redirect_uri_mismatch", "{uri}");
            }
        }
        let foreign = [("client_id", other.client_id.as_str()), ("post_logout_redirect_uri", BACK)];
        assert_eq!(visitor.open(&logout_url(server, &foreign)).is_error_page(400), "redirect_uri_mismatch");
        let nobodys = logout_url(server, &[("post_logout_redirect_uri", BACK)]);
        assert_eq!(visitor.open(&nobodys).is_error_page(400), "invalid_request");
        let unknown = logout_url(server, &[("client_id", "app_0"), ("post_logout_redirect_uri", BACK)]);
        assert_eq!(visitor.open(&unknown).is_error_page(400), "unknown_application");
        // The form that comes back is judged as well, and belongs to what was asked.
        let good = [("client_id", app.client_id.as_str()), ("post_logout_redirect_uri", BACK)];
        let page = visitor.open(&logout_url(server, &good));
        for changed in [
            ("post_logout_redirect_uri", "https://evil.example/"),
            ("client_id", &other.client_id),
            ("state", "planted"),
            ("form_token", ""),
        ] {
            assert_eq!(visitor.submit(&page, "sign-out", &[changed]).is_error_page(403), "form_stale", "{changed:?}");
        }
        assert!(is_signed_in(server, &visitor), "a refused request signed the person out");
        // What is no longer registered is not gone to either, however old the page.
        server.json(&["app", "set", &app.name, "--no-post-logout-redirect-uris"], "");
        let gone = visitor.submit(&page, "sign-out", &[]);
        assert!(gone.left_for.is_none() && gone.url.ends_with("/signed-out"), "{:?}", gone.left_for);
        server.json(&["app", "disable", &app.name], "");
        let off = logout_url(server, &[("client_id", &app.client_id)]);
        assert_eq!(visitor.open(&off).is_error_page(403), "application_disabled");
    });
}

#[test]
fn st_128_a_hint_of_this_very_session_signs_out_at_once_and_any_other_asks() {
    on_both(|server| {
        let (app, person) = (leaving_app(server), server.person());
        let (mut visitor, hint) = signed_in(server, &app, &person);
        let (mut elsewhere, _) = signed_in(server, &app, &person);
        let somebody = server.person();
        let (mut another, _) = signed_in(server, &app, &somebody);
        let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", BACK), ("state", "s")];
        // The same person in another browser, and another person: the page says who is signed in.
        for (visitor, name) in [(&mut elsewhere, &person.name), (&mut another, &somebody.name)] {
            let page = visitor.open(&logout_url(server, &fields));
            stays(&page);
            assert!(page.plain().contains(name.as_str()), "{}", page.plain());
            assert!(is_signed_in(server, visitor));
        }
        // A client_id that fits says no more; a second sign-in in the same browser is the same session to applications.
        let page = visitor.open(&app.authorize_url(&[("prompt", "login")]));
        assert!(visitor.sign_in(&page, &person).answer.status < 400);
        let fitting = [&fields[..], &[("client_id", app.client_id.as_str())]].concat();
        let gone = visitor.open(&logout_url(server, &fitting));
        assert_eq!(gone.left_for.as_deref(), Some(&*format!("{BACK}&state=s")));
        assert_eq!(gone.answer.status, 303);
        assert!(!is_signed_in(server, &visitor));
        // Nobody is signed in any more: whoever shows the hint is sent back again, also from a fresh browser.
        let again = Visitor::new(server).open(&logout_url(server, &fields));
        assert_eq!(again.left_for.as_deref(), Some(&*format!("{BACK}&state=s")));
        let stay = visitor.open(&logout_url(server, &fields[..1]));
        assert!(stay.url.ends_with("/signed-out"), "{}", stay.url);
    });
}

#[test]
fn st_128_fm_17_without_hint_and_session_the_way_back_is_a_link() {
    on_both(|server| {
        let app = leaving_app(server);
        let fields = [("client_id", app.client_id.as_str()), ("post_logout_redirect_uri", BACK), ("state", "s")];
        let page = Visitor::new(server).open(&logout_url(server, &fields));
        stays(&page);
        assert_eq!(page.answer.status, 200);
        assert!(page.shows("back") && page.shows("signed-out"), "{}", page.plain());
        let html = page.answer.text();
        let href = format!("href=\"{BACK}&#38;state=s\"");
        assert!(html.contains(&href), "{html}");
    });
}

#[test]
fn st_128_fm_78_a_hint_that_was_changed_or_is_of_another_kind_is_refused() {
    on_both(|server| {
        let (app, other, person) = (leaving_app(server), leaving_app(server), server.person());
        let (mut visitor, hint) = signed_in(server, &app, &person);
        let parts: Vec<&str> = hint.split('.').collect();
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(parts[1]).expect("base64")).expect("text");
        let resigned = |claims: &str| format!("{}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims), parts[2]);
        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        let signed = server.app_with(
            "web",
            &["https://client.example/callback"],
            &["--access-token", "ES256", "--post-logout-redirect-uri", BACK],
        );
        let access = signed.tokens(server, &person, &[("scope", "openid")]).access;
        assert_eq!(access.matches('.').count(), 2, "no signed access token: {access}");
        let bad = [
            resigned(&claims.replace(&app.client_id, &other.client_id)),
            resigned(&claims.replace("\"sid\":\"", "\"sid\":\"0")),
            format!("{}.{}.{}", parts[0], parts[1], parts[2].chars().rev().collect::<String>()),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{none}.{}.", parts[1]),
            format!("{hint}x"),
            format!("{}.{}", parts[0], parts[1]),
            "x".to_owned(),
            access,
        ];
        for hint in &bad {
            for more in [&[][..], &[("post_logout_redirect_uri", BACK), ("client_id", &app.client_id)]] {
                let fields = [&[("id_token_hint", hint.as_str())][..], more].concat();
                assert_eq!(visitor.open(&logout_url(server, &fields)).is_error_page(400), "invalid_request", "{hint}");
            }
        }
        let foreign = [("id_token_hint", hint.as_str()), ("client_id", &other.client_id)];
        assert_eq!(visitor.open(&logout_url(server, &foreign)).is_error_page(400), "invalid_request");
        assert!(is_signed_in(server, &visitor), "a refused hint signed the person out");
    });
}

#[test]
fn st_128_fm_57_a_post_from_another_site_comes_again_by_get_and_signs_nobody_out_by_itself() {
    on_both(|server| {
        let (app, person) = (leaving_app(server), server.person());
        let (visitor, _) = signed_in(server, &app, &person);
        let fields = [("client_id", app.client_id.as_str()), ("post_logout_redirect_uri", BACK), ("state", "a b")];
        // SameSite=Lax: the browser sends no cookie along.
        let answer = Call::post(server.at("/oauth/logout")).form(&fields).send();
        assert_eq!(answer.status, 303);
        assert_eq!(answer.location(), logout_url(server, &fields).strip_prefix(&server.url).expect("ours"));
        assert!(answer.header("set-cookie").is_none(), "a fresh cookie would replace the one that was not sent");
        // With cookies, as a form of the same site has them: the question.
        let page = visitor.clone().post_to(&server.at("/oauth/logout"), &fields);
        assert!(page.shows("sign-out") && page.left_for.is_none(), "{}", page.plain());
        // The answer to the question counts only from our own page.
        let token = page.form("sign-out").value("form_token").expect("form_token").to_owned();
        let form = [&fields[..], &[("form_token", token.as_str())]].concat();
        let foreign = Call::post(server.at("/sign-out")).header("Sec-Fetch-Site", "cross-site").form(&form);
        assert_eq!(visitor.clone().send(foreign).status, 403);
        assert!(is_signed_in(server, &visitor));
        let long = "x".repeat(9000);
        let long = Call::post(server.at("/oauth/logout")).form(&[("state", &long)]).send();
        assert_eq!(long.status, 400);
        let status = |answer: Answer| (answer.status, answer.header("allow").unwrap_or_default().to_owned());
        assert_eq!(status(Call::new("HEAD", server.at("/oauth/logout")).send()), (405, "GET, POST".to_owned()));
        assert_eq!(Call::new("PUT", server.at("/oauth/logout")).send().status, 405);
    });
}

#[test]
fn an_application_says_where_people_go_after_signing_out_and_hears_what_is_wrong_with_it() {
    let server = Server::shared(Database::Sqlite);
    let app = leaving_app(server);
    assert_eq!(app.shown["post_logout_redirect_uris"], serde_json::json!([BACK]));
    let two = [
        "app",
        "set",
        &app.name,
        "--post-logout-redirect-uri",
        BACK,
        "--post-logout-redirect-uri",
        "http://localhost:1/",
    ];
    assert_eq!(server.json(&two, "")["post_logout_redirect_uris"], serde_json::json!([BACK, "http://localhost:1/"]));
    for wrong in ["http://client.example/", "javascript:alert(1)", "https://client.example/#x", "client.example"] {
        let output = server.command(&["app", "set", &app.name, "--post-logout-redirect-uri", wrong], "");
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--post-logout-redirect-uri"));
    }
    let metadata = Call::get(server.at("/.well-known/oauth-authorization-server")).send().json();
    assert_eq!(metadata["end_session_endpoint"], server.at("/oauth/logout"));
    assert_eq!(metadata["backchannel_logout_supported"], true);
    assert_eq!(metadata["backchannel_logout_session_supported"], true);
}
