//! What can be measured of the looks: a phone's width, focus that can be seen, keyboard alone.

use crate::harness::{Chromium, Database, Server};

#[test]
fn no_page_scrolls_sideways_on_a_phone() {
    let server = Server::shared(Database::Sqlite);
    let app =
        server.app_with("gitlife", &["https://a-rather-long-host-name.client.example/with/a/long/path/callback"], &[]);
    let person = server.person_with(&["--nickname", "Rhoshandiatellyneshiaunneveshenk Koyaanisquatsiuth"]);
    let browser = Chromium::open();
    browser.become_phone();
    let fits = |what: &str| {
        let wide = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth");
        assert!(wide.as_i64().is_some_and(|w| w <= 0), "{what} is {wide} pixels too wide");
    };
    browser.goto(&server.at("/"));
    fits("home");
    browser.goto(&app.authorize_url(&[]));
    fits("sign-in");
    browser.sign_in(&person.name, "wrong password");
    browser.wait_for("sign-in-wrong");
    fits("wrong password");
    browser.sign_in(&person.name, &person.password);
    browser.wait_for("allow");
    fits("consent");
    let long = format!("https://client.example/{}", "x".repeat(300));
    browser.goto(&app.authorize_url(&[("redirect_uri", &long)]));
    fits("wrong callback");
    browser.goto(&server.at("/sign-out"));
    fits("sign-out");
}

#[test]
fn what_has_the_focus_can_be_seen() {
    let server = Server::shared(Database::Sqlite);
    let app = server.app("web");
    let browser = Chromium::open();
    browser.goto(&app.authorize_url(&[]));
    for id in ["sign-in-name", "sign-in-password", "sign-in"] {
        let script = format!(
            "(() => {{ const e = document.getElementById('{id}'); e.focus({{focusVisible: true}}); \
             const s = getComputedStyle(e); \
             return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none'; }})()"
        );
        assert_eq!(browser.evaluate(&script), true, "#{id}");
    }
}

#[test]
fn dark_and_light_are_both_there() {
    let server = Server::shared(Database::Sqlite);
    let browser = Chromium::open();
    let colour = |scheme: &str| {
        let feature = serde_json::json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.cdp("Emulation.setEmulatedMedia", feature);
        browser.goto(&server.at("/sign-in"));
        browser.evaluate("getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color")
    };
    assert_ne!(colour("light"), colour("dark"));
}
