//! `/applications` as people see it: on a phone, in the dark, by keyboard alone and without JavaScript.

use crate::harness::{App, Call, Chromium, Database, Person, Server, Visitor, process::Litter, wait_until};

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';

/// A person who allowed two applications, one of which has a long name, and a browser in which they are signed in.
fn two_allowed(server: &Server) -> (Person, [App; 2], Chromium) {
    let person = server.person();
    let uri = "https://client.example/callback";
    let apps = [server.app("gitlife"), server.app_with("web", &[uri], &["--home-page", "https://shop.example/"])];
    for app in &apps {
        Visitor::new(server).go_through(&app.authorize_url(&[]), &person, None);
    }
    let browser = Chromium::open();
    browser.goto(&server.at("/sign-in"));
    browser.sign_in(&person.name, &person.password);
    browser.wait_for("sign-out");
    (person, apps, browser)
}

fn withdraw(app: &App) -> String {
    format!("withdraw-{}", app.client_id)
}

#[test]
fn access_is_withdrawn_by_keyboard_alone() {
    let server = Server::shared(Database::Sqlite);
    let (_, apps, browser) = two_allowed(server);
    browser.goto(&server.at("/applications"));
    let button = withdraw(&apps[1]);
    browser.wait_for(&button);
    for _ in 0..20 {
        browser.press(TAB);
        if browser.focused() == button {
            break;
        }
    }
    assert_eq!(browser.focused(), button, "the button cannot be reached");
    let seen = format!(
        "(() => {{ const s = getComputedStyle(document.getElementById('{button}')); \
         return (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none'; }})()"
    );
    assert_eq!(browser.evaluate(&seen), true, "what has the focus cannot be seen");
    browser.press(ENTER);
    wait_until("it is withdrawn", || !browser.shows(&button));
    assert!(browser.shows(&withdraw(&apps[0])), "the other one stays");
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn access_is_withdrawn_without_javascript_and_the_tokens_are_dead() {
    let server = Server::shared(Database::Postgres);
    let (person, apps, browser) = two_allowed(server);
    let token = apps[1].tokens(server, &person, &[]).access;
    let read = || Call::get(server.at("/oauth/userinfo")).bearer(&token).send().status;
    assert_eq!(read(), 200);
    browser.without_scripts();
    browser.goto(&server.at("/applications"));
    browser.click(&withdraw(&apps[1]));
    wait_until("it is withdrawn", || !browser.shows(&withdraw(&apps[1])));
    assert_eq!(read(), 401);
    browser.click(&withdraw(&apps[0]));
    browser.wait_for("no-applications");
}

/// Kept for whoever wants to look: `VESTIBULE_TEST_PICTURES` names a directory.
#[test]
fn the_page_fits_a_phone_in_the_dark_and_in_the_light() {
    let litter = Litter::new();
    let folder = std::env::var("VESTIBULE_TEST_PICTURES").map_or(litter.path.clone(), Into::into);
    let server = Server::shared(Database::Sqlite);
    let (_, apps, browser) = two_allowed(server);
    browser.become_phone();
    let mut colours = Vec::new();
    for scheme in ["light", "dark"] {
        let feature = serde_json::json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.cdp("Emulation.setEmulatedMedia", feature);
        browser.goto(&server.at("/applications"));
        browser.wait_for(&withdraw(&apps[0]));
        let wide = browser.evaluate("document.documentElement.scrollWidth - window.innerWidth");
        assert!(wide.as_i64().is_some_and(|wide| wide <= 0), "{wide} pixels too wide");
        let small =
            "[...document.querySelectorAll('main button')].filter(b => b.getBoundingClientRect().height < 40).length";
        assert_eq!(browser.evaluate(small), 0, "a button that a thumb misses");
        let picture = folder.join(format!("applications-{scheme}.png"));
        browser.screenshot(&picture.display().to_string());
        assert!(std::fs::read(picture).expect("a picture").len() > 8_000);
        colours.push(browser.evaluate("getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(colours[0], colours[1]);
}
