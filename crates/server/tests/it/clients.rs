//! Published clients in another language, unmodified: Authlib through the web template, requests-oauthlib through
//! the Gitlife wire. The scripts are in `tests/clients/`, with their lock file.

use crate::harness::process::Guarded;
use crate::harness::{Chromium, Database, Port, Server, on_both, process::Litter};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The Python that has the locked clients: `scripts/test` makes it. A missing one fails.
pub fn python() -> PathBuf {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/clients/bin/python");
    let path: PathBuf = std::env::var("VESTIBULE_TEST_PYTHON").map_or(usual.into(), Into::into);
    assert!(path.exists(), "{} is missing: run scripts/test, which makes it", path.display());
    path
}

/// A client under way: it prints lines of JSON.
pub struct Client {
    output: PathBuf,
    errors: PathBuf,
    process: Guarded,
    _litter: Litter,
}

impl Client {
    fn start(script: &str, settings: &Value) -> Client {
        let mut command = Command::new(python());
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/").to_owned() + script);
        // Authlib and oauthlib insist on https; loopback is where they allow an exception.
        command.env("AUTHLIB_INSECURE_TRANSPORT", "1").env("OAUTHLIB_INSECURE_TRANSPORT", "1");
        Client::run(command, settings)
    }

    /// Starts a program with these settings as its last argument.
    pub fn run(mut command: Command, settings: &Value) -> Client {
        let litter = Litter::new();
        let (output, errors) = (litter.path.join("out.txt"), litter.path.join("err.txt"));
        let file = |path: &PathBuf| std::fs::File::create(path).expect("file");
        command.arg(settings.to_string());
        let process = Guarded::spawn(command.stdin(Stdio::null()).stdout(file(&output)).stderr(file(&errors)));
        Client { output, errors, process, _litter: litter }
    }

    /// The value of the first line that has this key.
    pub fn said(&mut self, key: &str) -> Value {
        let begin = Instant::now();
        loop {
            let text = std::fs::read_to_string(&self.output).unwrap_or_default();
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(found) = lines.into_iter().find(|line| !line[key].is_null()) {
                return found[key].clone();
            }
            let errors = || std::fs::read_to_string(&self.errors).unwrap_or_default();
            // One that has died is noticed below.
            assert!(begin.elapsed() < Duration::from_secs(240), "no {key}: {text} {}", errors());
            if let Some(code) = self.process.ended() {
                let late = std::fs::read_to_string(&self.output).unwrap_or_default();
                assert!(late.contains(&format!("\"{key}\"")), "ended with {code:?} without {key}: {late} {}", errors());
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

/// A port that nobody else is given until the tests end.
pub fn free_port() -> u16 {
    let port = Port::held();
    let number = port.number;
    std::mem::forget(port);
    number
}

#[test]
fn st_14_st_30_st_34_st_39_fm_18_fm_34_authlib_goes_the_whole_way_and_is_refused_what_it_should_be() {
    on_both(|server| {
        let redirect = format!("http://127.0.0.1:{}/callback", free_port());
        let app = server.app_with("web", &[&redirect], &[]);
        let person = server.person();
        let mut client = Client::start(
            "authlib_web.py",
            &json!({
                "metadata": server.at("/.well-known/oauth-authorization-server"),
                "client_id": app.client_id, "client_secret": app.client_secret,
                "redirect_uri": redirect, "scope": "openid profile email offline_access",
            }),
        );
        let browser = Chromium::open();
        // Four authorizations: a good one, and one for each way in which a code is spoilt.
        for round in 0..4 {
            let url = client.said(&format!("open{round}"));
            browser.goto(url.as_str().expect("a URL"));
            if round == 0 {
                browser.sign_in(&person.name, &person.password);
                browser.click("allow");
            }
            browser.wait_at(&redirect);
        }
        let results = client.said("results");
        assert_eq!(results["userinfo"]["preferred_username"], person.name.as_str(), "{results}");
        assert_eq!(results["userinfo"]["email"], person.email.as_str(), "{results}");
        assert_eq!(results["token_type"], "Bearer");
        assert_eq!(results["refreshed"], true, "{results}");
        assert_eq!(results["given_again"], true, "{results}");
        assert_eq!(results["iss"], server.url.as_str(), "the client compared it with the metadata");
        for (what, error) in [
            ("wrong_secret", "invalid_client"),
            ("wrong_verifier", "invalid_grant"),
            ("replayed_code", "invalid_grant"),
            ("replayed_refresh_token", "invalid_grant"),
        ] {
            assert_eq!(results[what], error, "{what}: {results}");
        }
        assert_eq!(results["userinfo_after_replay"], 401, "{results}");
    });
}

#[test]
fn requests_oauthlib_goes_the_whole_way_on_the_gitlife_wire() {
    let server = Server::shared(Database::Postgres);
    let redirect = format!("http://127.0.0.1:{}/callback", free_port());
    let app = server.app_with("gitlife", &[&redirect], &[]);
    let person = server.person();
    let mut client = Client::start(
        "requests_oauthlib_gitlife.py",
        &json!({
            "authorize": server.at("/oauth/authorize"), "token": server.at("/oauth/token"),
            "user": server.at("/api/v5/user"), "emails": server.at("/api/v5/emails"),
            "client_id": app.client_id, "client_secret": app.client_secret, "redirect_uri": redirect,
            "email": person.email, "password": person.password,
        }),
    );
    let browser = Chromium::open();
    browser.goto(client.said("open").as_str().expect("a URL"));
    browser.sign_in(&person.email, &person.password);
    browser.click("scope-emails");
    browser.click("allow");
    browser.wait_at(&redirect);
    let results = client.said("results");
    assert_eq!(results["login"], person.name.as_str(), "{results}");
    assert_eq!(results["emails"][0]["email"], person.email.as_str(), "{results}");
    assert_eq!(results["expires_in"], 86400);
    assert_eq!(results["refreshed"], true);
    assert_eq!(results["password_mode"], true, "{results}");
}
