//! Signing in and out: the session, its cookie, and what a wrong name or password gives away.

use crate::harness::{Answer, Visitor, on_both, page};

/// The page without what is random in it: the form token and the request's id.
fn without_tokens(answer: &Answer) -> String {
    let mut html = answer.text();
    for form in page::forms(&answer.text()) {
        if let Some(token) = form.value("form_token") {
            html = html.replace(token, "TOKEN");
        }
    }
    html
}

#[test]
fn fm_96_an_unknown_user_and_a_wrong_password_answer_alike() {
    on_both(|server| {
        let app = server.app("web");
        let person = server.person();
        let disabled = server.person();
        server.json(&["user", "disable", &disabled.name], "");
        let attempt = |name: &str, password: &str| {
            let mut visitor = Visitor::new(server);
            let page = visitor.open(&app.authorize_url(&[]));
            visitor.sign_in_as(&page, name, password).answer
        };
        let same_length = "x".repeat(person.name.len());
        let wrong = attempt(&person.name, "not the password");
        for (name, password) in [
            (same_length.as_str(), "not the password"),
            (&disabled.name, "not the password"),
            (&disabled.name, &disabled.password),
            (&person.email, "not the password"),
            (&person.name, ""),
            (&person.name, &"long".repeat(300)),
        ] {
            let other = attempt(name, password);
            assert_eq!(other.status, wrong.status, "{name}");
            let strip = |a: &Answer| without_tokens(a);
            assert_eq!(strip(&other).replace(name, "NAME"), strip(&wrong).replace(&person.name, "NAME"), "{name}");
            let names = |a: &Answer| a.headers.iter().map(|(n, _)| n.clone()).collect::<Vec<_>>();
            assert_eq!(names(&other), names(&wrong));
        }
    });
}

#[test]
fn fm_46_fm_52_the_session_changes_at_sign_in_and_ends_at_sign_out() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[]));
        let planted = format!("vst_se_{}", "A".repeat(68));
        visitor.cookies.insert("vestibule-session".into(), planted.clone());
        let page = visitor.sign_in(&page, &person);
        assert!(page.shows("allow"), "{}", page.answer.text());
        let first = visitor.cookies["vestibule-session"].clone();
        assert_ne!(first, planted, "a session id that came with the browser was kept");

        let page = visitor.open(&app.authorize_url(&[("prompt", "login")]));
        let again = visitor.sign_in(&page, &person);
        assert!(again.answer.status < 400);
        let second = visitor.cookies["vestibule-session"].clone();
        assert_ne!(first, second, "the id is kept over a second sign-in");
        let mut old = Visitor::new(server);
        old.cookies.insert("vestibule-session".into(), first);
        assert!(!old.open(&server.at("/")).plain().contains(&person.name), "the first session still lives");

        let home = visitor.open(&server.at("/"));
        assert!(home.plain().contains(&person.name), "{}", home.plain());
        let mut page = home;
        if page::forms(&page.answer.text()).is_empty() {
            page = visitor.open(&server.at("/sign-out"));
        }
        let out = visitor.submit(&page, "sign-out", &[]);
        assert!(out.answer.status < 400, "{}", out.answer.text());
        let mut stolen = Visitor::new(server);
        stolen.cookies.insert("vestibule-session".into(), second);
        assert!(!stolen.open(&server.at("/")).plain().contains(&person.name), "signed out and still in");
    });
}

#[test]
fn fm_57_cookies_are_out_of_reach_of_scripts_and_other_sites() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[]));
        let mut set: Vec<String> = Vec::new();
        let mut collect =
            |answer: &Answer| set.extend(answer.headers_named("set-cookie").iter().map(|s| (*s).to_owned()));
        collect(&crate::harness::Call::get(&page.url).send());
        let form = page.form("sign-in-password");
        let token = form.value("form_token").expect("form_token");
        let call = crate::harness::Call::post(visitor.resolve(&page.url, &form.action));
        let fields =
            [("form_token", token), ("step", "sign_in"), ("name", &person.name), ("password", &person.password)];
        collect(&visitor.send(call.form(&fields)));
        assert!(set.iter().any(|c| c.contains("session=")), "{set:?}");
        for cookie in set {
            let attributes = cookie.to_lowercase();
            for needed in ["httponly", "samesite=lax", "path=/"] {
                assert!(attributes.contains(needed), "{cookie}");
            }
            assert!(!attributes.contains("domain="), "{cookie}");
        }
    });
}

#[test]
fn fm_57_under_https_cookies_are_secure_and_host_bound() {
    use crate::harness::{Database, Server};
    let server = Server::start(Database::Sqlite, &["--public-url", "https://login.example"]);
    let shown = server
        .json(&["app", "add", "web", "--template", "web", "--redirect-uri", "https://client.example/callback"], "");
    assert!(
        shown["authorize_url"].as_str().is_some_and(|u| u.starts_with("https://login.example/oauth/authorize?")),
        "{shown}"
    );
    let path =
        shown["authorize_url"].as_str().expect("url").strip_prefix("https://login.example").expect("path").to_owned();
    let answer = crate::harness::Call::get(server.at(&path)).send();
    let cookies = answer.headers_named("set-cookie");
    assert!(!cookies.is_empty(), "{answer:?}");
    for cookie in cookies {
        assert!(cookie.starts_with("__Host-vestibule-") && cookie.to_lowercase().contains("secure"), "{cookie}");
    }
}

#[test]
fn people_sign_in_by_name_or_email_in_any_case() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        for name in
            [&person.name, &person.email, &person.name.to_uppercase(), &format!(" {} ", person.email.to_uppercase())]
        {
            let mut visitor = Visitor::new(server);
            let page = visitor.open(&app.authorize_url(&[]));
            let page = visitor.sign_in_as(&page, name, &person.password);
            assert!(page.shows("allow"), "{name}: {}", page.plain());
        }
        for wrong in [person.password.to_uppercase(), format!(" {}", person.password), format!("{} ", person.password)]
        {
            let mut visitor = Visitor::new(server);
            let page = visitor.open(&app.authorize_url(&[]));
            let page = visitor.sign_in_as(&page, &person.name, &wrong);
            assert!(page.shows("sign-in-password"), "a password is not trimmed or folded");
        }
    });
}
