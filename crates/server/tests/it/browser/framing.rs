//! No page can be framed by another site (clickjacking).

use crate::harness::{Callback, Chromium, Database, Server, Visitor};

/// Size in CI: 6 pages, each in an iframe from another origin.
#[test]
fn st_18_fm_58_no_page_shows_in_a_frame_of_another_site() {
    let server = Server::shared(Database::Sqlite);
    let (app, person) = server.app_and_person("web");
    let browser = Chromium::open();
    // The consent page is due only in a browser that has signed in.
    browser.goto(&app.authorize_url(&[]));
    browser.sign_in(&person.name, &person.password);
    browser.wait_for("allow");
    let consent = browser.url();
    let fresh = Visitor::new(server).open(&app.authorize_url(&[])).url;
    let wrong = app.authorize_url(&[("redirect_uri", "https://evil.example/")]);
    for (what, url) in [
        ("consent", consent.as_str()),
        ("sign-in", &server.at("/sign-in")),
        ("another browser's request", &fresh),
        ("error", &wrong),
        ("home", &server.at("/")),
        ("sign-out", &server.at("/sign-out")),
    ] {
        let escaped = url.replace('&', "&amp;");
        let site = Callback::serving(&format!("<!doctype html><title>evil</title><iframe src=\"{escaped}\"></iframe>"));
        // `localhost` is another site than 127.0.0.1, and so is every other port.
        browser.goto(&site.url.replace("127.0.0.1", "localhost").replace("/callback", "/frame"));
        browser.frame(Some(0));
        for id in ["allow", "deny", "sign-in", "sign-in-password", "sign-out", "error-code", "go-sign-in"] {
            assert!(!browser.shows(id), "{what} shows #{id} in a foreign frame");
        }
        browser.frame(None);
    }
    let said = browser.console().join("\n");
    assert!(said.contains("frame-ancestors") || said.contains("X-Frame-Options"), "nothing was refused: {said}");
}
