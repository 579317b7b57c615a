//! The way to a Git host and back in a real browser.

use super::scene::{Scene, brought};
use crate::harness::{Callback, Chromium, Database};

fn signs_in_and_authorizes(scene: &Scene, browser: &Chromium) -> String {
    scene.github.asks();
    let url = scene.departure("/github/redirect");
    browser.goto(&url);
    browser.click("authorize");
    // Nobody is signed in yet: the page asks, stays at its address, and code and state with it.
    browser.wait_for("sign-in-password");
    let address = browser.url();
    assert!(address.starts_with(&scene.server.at("/git/callback/")) && address.contains("code="), "{address}");
    browser.sign_in(&scene.ada.name, &scene.ada.password);
    browser.wait_for("git-keep");
    assert_eq!(browser.url(), address);
    address
}

#[test]
fn a_person_signs_in_authorizes_lands_and_finishes_by_the_page() {
    let scene = Scene::on(Database::Sqlite);
    let browser = Chromium::open();
    browser.become_phone();
    signs_in_and_authorizes(&scene, &browser);
    assert_eq!(browser.focused(), "git-name", "the name can be typed at once");
    browser.press('\u{e007}');
    browser.wait_for("git-kept");
    assert_eq!(browser.text("git-kept-name"), "github");
    assert_eq!(browser.url(), scene.server.at(&format!("/git/{}?kept=github", scene.project)));
    assert_eq!(browser.console(), Vec::<String>::new(), "nothing was blocked on the way");
    browser.click("git-list");
    browser.wait_for("status-github");
    assert_eq!(scene.list().len(), 1);
}

#[test]
fn a_person_signs_in_authorizes_lands_and_a_program_finishes_with_what_the_page_shows() {
    let scene = Scene::on(Database::Postgres);
    let browser = Chromium::open();
    browser.without_scripts();
    let address = signs_in_and_authorizes(&scene, &browser);
    let shown = format!("x?code={}&state={}", browser.text("git-code"), browser.text("git-state"));
    assert_eq!(brought("auth1", &shown), brought("auth1", &address), "the page shows what stands in its address");
    let answer = scene.post("/github/oauth", &brought("auth1", &shown));
    assert_eq!(answer.status, 200, "{}", answer.text());
    browser.refresh();
    browser.wait_for("error-code");
    assert_eq!(browser.text("error-code"), "git_way_used");
    browser.click("git-list");
    browser.wait_for("status-auth1");
}

#[test]
fn a_person_sets_out_on_the_portal_and_says_no_at_the_host() {
    let scene = Scene::on(Database::Sqlite);
    scene.github.asks();
    let browser = Chromium::open();
    browser.goto(&scene.server.at("/sign-in"));
    browser.sign_in(&scene.ada.name, &scene.ada.password);
    browser.wait_for("git");
    browser.click("git");
    browser.wait_for("git-create");
    let script = "document.querySelector('button[id^=create-]').id";
    let ids = browser.evaluate(script);
    let hub = browser.source();
    let button = hub.split("id=\"create-").skip(1).find(|rest| rest.contains("hub")).expect("the hub is offered");
    let button = format!("create-{}", button.split('"').next().unwrap());
    assert!(ids.is_string());
    browser.click(&button);
    browser.wait_for("cancel");
    browser.click("cancel");
    browser.wait_for("error-code");
    assert_eq!(browser.text("error-code"), "git_denied");
    assert_eq!(browser.console().len(), browser.console().iter().filter(|line| line.contains("403")).count());
}

/// Size in CI: 3 pages, each in an iframe from another origin.
#[test]
fn st_18_fm_58_no_page_of_authorizations_shows_in_a_frame_of_another_site() {
    let scene = Scene::on(Database::Sqlite);
    scene.authorize("github", "auth1");
    let browser = Chromium::open();
    let landing = signs_in_and_authorizes(&scene, &browser);
    let here = scene.server.at(&format!("/git/{}", scene.project));
    for (what, url) in [("landing", landing.as_str()), ("portal", &here), ("projects", &scene.server.at("/git"))] {
        let escaped = url.replace('&', "&amp;");
        let site = Callback::serving(&format!("<!doctype html><title>evil</title><iframe src=\"{escaped}\"></iframe>"));
        browser.goto(&site.url.replace("127.0.0.1", "localhost").replace("/callback", "/frame"));
        browser.frame(Some(0));
        for id in ["git-keep", "git-code", "status-auth1", "git-create", "sign-in-password", "error-code"] {
            assert!(!browser.shows(id), "{what} shows #{id} in a foreign frame");
        }
        browser.frame(None);
    }
    let said = browser.console().join("\n");
    assert!(said.contains("frame-ancestors") || said.contains("X-Frame-Options"), "nothing was refused: {said}");
}
