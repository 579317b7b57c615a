//! Hostile names and values are shown, and nothing of them runs.

use crate::harness::{App, Chromium, Database, Server, unique};

const PAYLOADS: [&str; 8] = [
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><svg onload=\"document.title='owned'\">",
    "'><a href=\"javascript:document.title='owned'\" autofocus onfocus=\"document.title='owned'\">x",
    "</title><script>document.title='owned'</script>",
    "{{constructor.constructor('document.title=1')()}}",
    "<style>*{display:none}</style>",
    "&lt;script&gt;document.title='owned'&lt;/script&gt;",
];

/// Size in CI: 8 payloads as the name of the application and of the person, on 4 pages.
#[test]
fn st_25_fm_92_fm_93_no_payload_runs_and_no_policy_is_violated() {
    let server = Server::shared(Database::Sqlite);
    let browser = Chromium::open();
    for payload in PAYLOADS {
        let name = format!("{payload} {}", unique("x"));
        let uri = "http://127.0.0.1:9/callback";
        let shown = server.json(&["app", "add", &name, "--template", "web", "--redirect-uri", uri], "");
        let app = App::read(server, name, uri, shown);
        let person = server.person_with(&["--nickname", payload]);
        let look = |what: &str| {
            assert!(!browser.evaluate("document.title").to_string().contains("owned"), "{what}: {payload} ran");
            assert_eq!(browser.console(), Vec::<String>::new(), "{what}: {payload} violated the policy");
        };
        browser.goto(&app.authorize_url(&[("login_hint", payload), ("prompt", "login")]));
        assert!(browser.text("application-name").contains(payload.trim()), "shown as it is");
        look("sign-in");
        browser.sign_in(payload, "wrong password");
        browser.wait_for("sign-in-wrong");
        look("wrong password");
        browser.sign_in(&person.name, &person.password);
        browser.wait_for("allow");
        assert!(browser.text("application-name").contains(payload.trim()));
        look("consent");
        browser.goto(&app.authorize_url(&[("redirect_uri", payload)]));
        browser.wait_for("error-code");
        look("wrong callback");
    }
}
