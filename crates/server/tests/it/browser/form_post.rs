//! The answer by a form: posted by itself where scripts run, by a button where they do not.

use crate::harness::visitor::parameter;
use crate::harness::{App, Callback, Chromium, Database, Server, process::Litter};

fn asking(app: &App, scope: &str, state: &str) -> String {
    app.authorize_url(&[("response_mode", "form_post"), ("scope", scope), ("state", state)])
}

#[test]
fn fm_94_a_form_is_posted_by_itself_and_nothing_is_blocked() {
    let server = Server::shared(Database::Sqlite);
    let callback = Callback::new();
    let app = server.app_with("web", &[&callback.url], &[]);
    let person = server.person();
    let browser = Chromium::open();
    let state = "\"><script>document.title='owned'</script> st a+te/%&=";
    browser.goto(&asking(&app, "openid", state));
    browser.sign_in(&person.name, &person.password);
    browser.click("allow");
    let target = callback.next();
    assert!(target.starts_with("/callback (posted)?"), "{target}");
    assert_eq!(browser.text("client"), "back at the client");
    assert_eq!(parameter(&target, "state").as_deref(), Some(state));
    assert_eq!(parameter(&target, "iss").as_deref(), Some(server.url.as_str()));
    app.trade(&parameter(&target, "code").expect("a code")).tokens();
    // Straight away, and as an error.
    browser.goto(&asking(&app, "openid", "s"));
    assert!(parameter(&callback.next(), "code").is_some());
    browser.goto(&asking(&app, "nonsense", "s"));
    assert_eq!(parameter(&callback.next(), "error").as_deref(), Some("invalid_scope"));
    assert_eq!(browser.console(), Vec::<String>::new(), "nothing was blocked on the way");
}

#[test]
fn fm_94_without_scripts_the_button_posts_the_form() {
    let litter = Litter::new();
    let folder = std::env::var("VESTIBULE_TEST_PICTURES").map_or(litter.path.clone(), Into::into);
    let server = Server::shared(Database::Sqlite);
    let callback = Callback::new();
    let app = server.app_with("web", &[&callback.url], &[]);
    let person = server.person();
    let browser = Chromium::open();
    browser.without_scripts();
    browser.goto(&asking(&app, "openid", "s"));
    browser.sign_in(&person.name, &person.password);
    browser.click("allow");
    browser.wait_for("continue");
    browser.screenshot(&folder.join("form-post.png").display().to_string());
    assert!(callback.is_untouched());
    browser.click("continue");
    app.trade(&parameter(&callback.next(), "code").expect("a code")).tokens();
    // The way back from a refusal is a button too.
    let stranger = server.app_with("web", &[&callback.url], &[]);
    browser.goto(&server.at("/sign-out"));
    browser.click("sign-out");
    browser.wait_at(&server.at("/signed-out"));
    browser.goto(&asking(&stranger, "nonsense", "s"));
    browser.click("back");
    assert_eq!(parameter(&callback.next(), "error").as_deref(), Some("invalid_scope"));
}

#[test]
fn an_account_is_chosen_or_changed_by_hand() {
    let litter = Litter::new();
    let folder = std::env::var("VESTIBULE_TEST_PICTURES").map_or(litter.path.clone(), Into::into);
    let server = Server::shared(Database::Sqlite);
    let callback = Callback::new();
    let app = server.app_with("web", &[&callback.url], &[]);
    let (ada, bob) = (server.person_with(&["--nickname", "Ada"]), server.person_with(&["--nickname", "Bob"]));
    let browser = Chromium::open();
    browser.become_phone();
    browser.goto(&app.authorize_url(&[("scope", "openid")]));
    browser.sign_in(&ada.name, &ada.password);
    browser.click("allow");
    let tokens = app.trade(&parameter(&callback.next(), "code").expect("a code")).tokens();
    browser.goto(&app.authorize_url(&[("scope", "openid"), ("prompt", "select_account")]));
    assert_eq!(browser.text("signed-in-as"), "Ada");
    let fits = || {
        let wide = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth");
        assert!(wide.as_i64().is_some_and(|w| w <= 0), "{wide} pixels too wide");
    };
    fits();
    browser.screenshot(&folder.join("choose-account.png").display().to_string());
    browser.click("go-on");
    assert!(parameter(&callback.next(), "code").is_some());
    browser.goto(&app.authorize_url(&[("scope", "openid"), ("prompt", "select_account")]));
    browser.click("switch");
    browser.sign_in(&bob.name, &bob.password);
    browser.click("allow");
    assert!(parameter(&callback.next(), "code").is_some());
    let hint = tokens.json["id_token"].as_str().expect("an ID token");
    browser.goto(&app.authorize_url(&[("scope", "openid"), ("id_token_hint", hint)]));
    assert_eq!(browser.text("signed-in-as"), "Bob");
    fits();
    let feature = serde_json::json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.cdp("Emulation.setEmulatedMedia", feature);
    browser.screenshot(&folder.join("somebody-else.png").display().to_string());
    browser.click("switch");
    browser.sign_in(&ada.name, &ada.password);
    assert!(parameter(&callback.next(), "code").is_some());
    assert_eq!(browser.console(), Vec::<String>::new());
}

/// Chromium holds every redirect behind a form to the page's `form-action`, those of the application too.
#[test]
fn an_application_may_send_the_person_on_to_another_site_after_the_form() {
    let server = Server::shared(Database::Sqlite);
    let elsewhere = Callback::new();
    let there = elsewhere.url.replace("127.0.0.1", "localhost");
    let callback = Callback::redirecting(&there);
    let app = server.app_with("web", &[&callback.url], &[]);
    let person = server.person();
    let browser = Chromium::open();
    for mode in ["query", "form_post"] {
        browser.goto(&app.authorize_url(&[("response_mode", mode), ("prompt", "login")]));
        browser.sign_in(&person.name, &person.password);
        if mode == "query" {
            browser.click("allow");
        }
        assert!(parameter(&callback.next(), "code").is_some());
        assert_eq!(elsewhere.next(), "/callback", "{mode}");
        assert_eq!(browser.text("client"), "back at the client");
        assert_eq!(browser.console(), Vec::<String>::new(), "{mode}: nothing was blocked on the way");
    }
}
