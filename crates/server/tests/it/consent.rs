//! The consent page: what it says, what a tick and a denial do, and when it is skipped.

use crate::harness::{Visitor, on_both};

#[test]
fn fm_55_confidential_clients_are_asked_once_and_public_ones_always() {
    on_both(|server| {
        let person = server.person();
        for (template, skipped) in [("web", true), ("spa", false), ("native", false)] {
            let app = server.app(template);
            let mut visitor = Visitor::new(server);
            visitor.go_through(&app.authorize_url(&[("scope", "openid email")]), &person, None);
            let again = visitor.open(&app.authorize_url(&[("scope", "openid email")]));
            assert_eq!(again.left_for.is_some(), skipped, "{template}");
            let less = visitor.open(&app.authorize_url(&[("scope", "openid")]));
            assert_eq!(less.left_for.is_some(), skipped, "{template}");
            let more = visitor.open(&app.authorize_url(&[("scope", "openid email phone")]));
            assert!(more.shows("allow"), "{template}: a scope that was never consented");
        }
    });
}

#[test]
fn st_26_public_clients_are_not_approved_on_an_earlier_consent_alone() {
    on_both(|server| {
        let (app, person) = server.app_and_person("spa");
        let mut visitor = Visitor::new(server);
        visitor.go_through(&app.authorize_url(&[]), &person, None);
        assert!(visitor.open(&app.authorize_url(&[])).shows("allow"));
        visitor.open(&app.authorize_url(&[("prompt", "none")])).is_error_at(&app, "consent_required");
    });
}

#[test]
fn a_denial_is_access_denied_and_nothing_else() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[]));
        let page = visitor.sign_in(&page, &person);
        let back = visitor.deny(&page);
        back.is_error_at(&app, "access_denied");
        assert!(visitor.open(&app.authorize_url(&[])).shows("allow"), "a denial is not remembered as consent");
        let late = visitor.allow(&page, None);
        assert!(late.left_for.is_none(), "a denied request cannot be allowed afterwards");
    });
}

#[test]
fn the_page_names_the_application_the_person_and_every_scope() {
    on_both(|server| {
        let app = server.app_with(
            "web",
            &["https://client.example/callback"],
            &["--home-page", "https://client.example/about"],
        );
        let person = server.person();
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[("scope", "openid profile email phone")]));
        let page = visitor.sign_in(&page, &person);
        let text = page.plain();
        for part in [app.name.as_str(), person.name.as_str()] {
            assert!(text.contains(part), "no {part}: {text}");
        }
        assert!(page.answer.text().contains("https://client.example/about"));
        for scope in ["openid", "profile", "email", "phone"] {
            assert!(page.shows(&format!("scope-{scope}")), "no row for {scope}");
        }
        assert!(page.shows("allow") && page.shows("deny"));
    });
}

#[test]
fn fm_48_not_you_ends_the_session_and_asks_who_it_is() {
    on_both(|server| {
        let (app, first) = server.app_and_person("web");
        let second = server.person();
        let mut visitor = Visitor::new(server);
        let page = visitor.open(&app.authorize_url(&[("scope", "openid profile")]));
        let page = visitor.sign_in(&page, &first);
        let before = visitor.cookies.clone();
        let form = crate::harness::page::forms(&page.answer.text())
            .into_iter()
            .find(|f| f.value("step") == Some("switch") || f.tags.iter().any(|t| t.get("value") == Some("switch")))
            .expect("a form for \"not you?\"");
        let mut fields = form.fields();
        if form.value("step").is_none_or(|s| s != "switch") {
            fields.push(("step".into(), "switch".into()));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let page = visitor.post(&page, &form, &fields);
        assert!(page.shows("sign-in-password"), "{}", page.answer.text());
        let page = visitor.sign_in(&page, &second);
        let back = visitor.allow(&page, None);
        let code = back.sent_back().into_iter().find(|(n, _)| n == "code").expect("code").1;
        let token = app.trade(&code).tokens().access;
        let info = crate::harness::Call::get(server.at("/oauth/userinfo")).bearer(&token).send().json();
        assert_eq!(info["preferred_username"], second.name.as_str(), "the second person's token: {info}");
        let mut old = Visitor::new(server);
        old.cookies = before;
        let page = old.open(&server.at("/"));
        assert!(!page.plain().contains(&first.name), "the first session still lives");
    });
}

#[test]
fn fm_48_a_consent_form_speaks_only_for_the_person_it_was_shown_to() {
    on_both(|server| {
        let (app, first) = server.app_and_person("web");
        let second = server.person();
        let mut browser = Visitor::new(server);
        let page = browser.open(&app.authorize_url(&[]));
        let shown_to_first = browser.sign_in(&page, &first);
        // In another tab of the same browser somebody else signs in.
        let tab = browser.open(&app.authorize_url(&[("prompt", "login")]));
        browser.sign_in(&tab, &second);
        let late = browser.allow(&shown_to_first, None);
        assert_eq!(late.left_for, None, "the first person's tick spoke for the second");
        assert!(late.answer.status >= 400, "{}", late.plain());
    });
}

/// Size in CI: 100 interleavings of two people in one browser, on each database.
#[test]
fn fm_48_two_people_in_one_browser_never_get_each_others_tokens() {
    on_both(|server| {
        let app = server.app("web");
        let people = [server.person(), server.person()];
        let mut visitor = Visitor::new(server);
        for turn in 0..100 {
            let person = &people[(turn * 7 / 3) % 2];
            if turn % 5 == 0 {
                visitor.cookies.clear();
            }
            let page = visitor.open(&app.authorize_url(&[("prompt", "login"), ("scope", "openid profile")]));
            let mut page = visitor.sign_in(&page, person);
            if page.shows("allow") {
                page = visitor.allow(&page, None);
            }
            let code = page.sent_back().into_iter().find(|(n, _)| n == "code").expect("code").1;
            let token = app.trade(&code).tokens().access;
            let info = crate::harness::Call::get(server.at("/oauth/userinfo")).bearer(&token).send().json();
            assert_eq!(info["preferred_username"], person.name.as_str(), "turn {turn}");
        }
    });
}

#[test]
fn fm_92_fm_93_hostile_names_are_text_and_nothing_else() {
    on_both(|server| {
        let person = server.person_with(&["--nickname", "<img src=x onerror=alert(1)>"]);
        for nasty in
            ["<script>alert(1)</script>", "\"><svg onload=alert(1)>", "'-alert(1)-'", "{{7*7}}", "</title><h1>x"]
        {
            let name = format!("{nasty}{}", crate::harness::unique("n"));
            let shown = server.json(
                &["app", "add", &name, "--template", "web", "--redirect-uri", "https://client.example/callback"],
                "",
            );
            let app = crate::harness::App::read(server, name, "https://client.example/callback", shown);
            let mut visitor = Visitor::new(server);
            let sign_in = visitor.open(&app.authorize_url(&[("login_hint", nasty), ("state", nasty)]));
            let failed = visitor.sign_in_as(&sign_in, nasty, nasty);
            let consent = visitor.sign_in(&sign_in, &person);
            let wrong = visitor.open(&app.authorize_url(&[("redirect_uri", nasty)]));
            for page in [&sign_in, &failed, &consent, &wrong] {
                let html = page.answer.text();
                for tag in crate::harness::page::tags(&html) {
                    assert!(!matches!(tag.name.as_str(), "script" | "iframe" | "object"), "{html}");
                    assert!(!tag.attributes.keys().any(|k| k.starts_with("on") || k == "style"), "{tag:?}");
                }
                assert!(!html.contains("<h1>x"), "{html}");
            }
            assert!(consent.plain().contains(nasty), "the name is shown as it is: {}", consent.plain());
        }
        let page = Visitor::new(server)
            .open(&server.at("/oauth/authorize?error=<script>x</script>&error_description=hello-from-the-address"));
        assert!(!page.answer.text().contains("hello-from-the-address"), "an error page says what the address says");
    });
}
