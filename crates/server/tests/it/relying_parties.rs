//! Published OpenID Connect clients, unmodified: the `openidconnect` crate in a program of its own, requests-oauth2client in
//! a script, and Debian's Apache module. Each goes the whole way with a real Chromium.

use crate::clients::{Client, free_port, python};
use crate::harness::process::{Guarded, Litter};
use crate::harness::{Call, Chromium, Database, Person, Server, wait_until};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The program around the crate: `scripts/test` builds it. A missing one fails.
fn relying_party() -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/relying-party/debug/relying-party");
    assert!(path.exists(), "{} is missing: run scripts/test, which builds it", path.display());
    Command::new(path)
}

/// The script around requests-oauth2client.
fn oauth2client() -> Command {
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/oauth2client_party.py"));
    command
}

/// Rotates the keys of `algorithm`, and waits until the server has heard of it.
fn rotate(server: &Server, algorithm: &str, more: &[&str]) {
    let keys = || Call::get(server.at("/oauth/jwks")).send().body;
    let before = keys();
    let arguments = [&["keys", "rotate", "--algorithm", algorithm], more].concat();
    wait_until("keys rotate", || server.command(&arguments, "").status.success());
    wait_until("another key set", || keys() != before);
}

/// The way of both clients, whose programs tell what they do: three sign-ins with a rotation of keys before each but the
/// first, and out again. Gives what the client found, and whom the browser signed in.
fn go_the_whole_way(server: &Server, program: Command, port: u16, algorithm: &str) -> (Value, Person, String) {
    let [redirect, after, told] =
        ["callback", "signed-out", "told"].map(|path| format!("http://127.0.0.1:{port}/{path}"));
    let settings =
        ["--id-token-alg", algorithm, "--post-logout-redirect-uri", &after, "--backchannel-logout-uri", &told];
    let app = server.app_with("web", &[&redirect], &settings);
    let person = server.person();
    // The client keeps what it fetches longer than the second that it may: what signs next must be there from the start.
    wait_until("the next key", || {
        let set = Call::get(server.at("/oauth/jwks")).send().json();
        let keys = set["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
        keys.iter().filter(|key| key["alg"] == algorithm).count() >= 2
    });
    let mut client = Client::run(
        program,
        &json!({
            "issuer": server.url, "client_id": app.client_id, "client_secret": app.client_secret,
            "redirect_uri": redirect, "after_logout": after, "told_of_logout": told, "algorithm": algorithm,
        }),
    );
    let browser = Chromium::open();
    let go = |url: Value| browser.goto(url.as_str().expect("a URL"));
    go(client.said("open0"));
    browser.sign_in(&person.name, &person.password);
    browser.click("allow");
    client.said("rotate0");
    rotate(server, algorithm, &[]);
    go(client.said("open1"));
    client.said("rotate1");
    rotate(server, algorithm, &["--now"]);
    go(client.said("open2"));
    go(client.said("logout"));
    go(client.said("silent"));
    let results = client.said("results");
    assert!(results["sub"].as_str().is_some_and(|subject| !subject.is_empty()), "{results}");
    assert!(results["refreshed_sub"].is_null() || results["refreshed_sub"] == results["sub"], "{results}");
    (results, person, app.client_id)
}

/// The crate's way: everything of its `main.rs`, with ID tokens signed by `algorithm`.
fn the_crate_goes_the_whole_way(database: Database, algorithm: &str) {
    let server = Server::start(database, &["--keys-max-age", "1"]);
    let (results, person, _) = go_the_whole_way(&server, relying_party(), free_port(), algorithm);
    let expected = json!({
        "sub": results["sub"], "userinfo_sub": results["sub"], "issuer": server.url, "alg": algorithm,
        "email": person.email, "auth_time": true, "wrong_nonce": true, "refreshed": true,
        "refreshed_sub": results["refreshed_sub"], "another_key": true, "kept_keys_suffice": true, "third_key": true,
        "kept_keys_know_it": false, "old_token_verifies": true, "logged_out": true, "afterwards": "login_required",
    });
    assert_eq!(results, expected);
}

/// The script's way: the same, and it takes the logout token that the server sends it.
fn the_script_goes_the_whole_way(database: Database, algorithm: &str) {
    let port = free_port();
    let here = format!("127.0.0.1:{port}");
    let server = Server::start(database, &["--keys-max-age", "1", "--allow-private-host", &here]);
    let (results, person, client_id) = go_the_whole_way(&server, oauth2client(), port, algorithm);
    let subject = &results["sub"];
    let told = json!({
        "typ": "logout+jwt", "aud": [client_id], "sub": subject, "nonce": false,
        "events": ["http://schemas.openid.net/event/backchannel-logout"],
    });
    let expected = json!({
        "sub": subject, "userinfo_sub": subject, "issuer": server.url, "alg": algorithm, "email": person.email,
        "auth_time": true, "at_hash": true, "wrong_nonce": true, "refreshed": true,
        "refreshed_sub": results["refreshed_sub"], "refreshed_userinfo": subject, "another_key": true,
        "fetched_after_one_rotation": 0, "third_key": true, "fetched_after_a_rotation_at_once": 1,
        "old_tokens_verify": true, "logged_out": true, "told": told, "afterwards": "login_required",
    });
    assert_eq!(results, expected);
}

/// Size in CI: once with each algorithm, EdDSA on SQLite.
#[test]
fn st_126_st_127_st_128_st_130_the_openidconnect_crate_goes_the_whole_way_with_eddsa() {
    the_crate_goes_the_whole_way(Database::Sqlite, "EdDSA");
}

/// Size in CI: once with each algorithm, ES256 on SQLite.
#[test]
fn st_126_st_127_st_128_st_130_the_openidconnect_crate_goes_the_whole_way_with_es256() {
    the_crate_goes_the_whole_way(Database::Sqlite, "ES256");
}

/// Size in CI: once with each algorithm, RS256 on PostgreSQL.
#[test]
fn st_126_st_127_st_128_st_130_the_openidconnect_crate_goes_the_whole_way_with_rs256() {
    the_crate_goes_the_whole_way(Database::Postgres, "RS256");
}

/// Size in CI: once on each database, ES256 on SQLite.
#[test]
fn st_126_st_127_st_128_st_129_st_130_requests_oauth2client_goes_the_whole_way_with_es256() {
    the_script_goes_the_whole_way(Database::Sqlite, "ES256");
}

/// Size in CI: once on each database, EdDSA on PostgreSQL.
#[test]
fn st_126_st_127_st_128_st_129_st_130_requests_oauth2client_goes_the_whole_way_with_eddsa() {
    the_script_goes_the_whole_way(Database::Postgres, "EdDSA");
}

/// Debian's Apache with mod_auth_openidc, which guards `/secure/`.
struct Apache {
    url: String,
    home: PathBuf,
    _process: Guarded,
    _litter: Litter,
}

impl Apache {
    /// Starts it as the relying party `client_id` of the provider at `issuer`.
    fn start(port: u16, issuer: &str, client_id: &str, client_secret: &str) -> Apache {
        let litter = Litter::new();
        let home = litter.path.clone();
        let url = format!("http://127.0.0.1:{port}");
        std::fs::create_dir_all(home.join("pages/secure")).expect("folders");
        let page = "<!doctype html><title>guarded</title><p id=user><!--#echo var=\"REMOTE_USER\" --></p>\
                    <p id=email><!--#echo var=\"OIDC_CLAIM_email\" --></p>";
        std::fs::write(home.join("pages/secure/index.shtml"), page).expect("a page");
        std::fs::write(home.join("pages/out.html"), "<!doctype html><title>out</title><p id=out>signed out")
            .expect("a page");
        // Apache gives up being root before it reads pages.
        for folder in ["", "pages", "pages/secure"] {
            let everyone = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(home.join(folder), everyone).expect("permissions");
        }
        let written = include_str!("../clients/apache.conf")
            .replace("@HOME@", &home.display().to_string())
            .replace("@URL@", &url)
            .replace("@PORT@", &port.to_string())
            .replace("@ISSUER@", issuer)
            .replace("@CLIENT_ID@", client_id)
            .replace("@CLIENT_SECRET@", client_secret);
        std::fs::write(home.join("apache.conf"), written).expect("a configuration");
        let mut command = Command::new("/usr/sbin/apache2");
        command.arg("-X").arg("-f").arg(home.join("apache.conf")).stdin(Stdio::null());
        let log = std::fs::File::create(home.join("start.log")).expect("a log");
        let process = Guarded::spawn(command.stdout(log.try_clone().expect("a log")).stderr(log));
        let apache = Apache { url, home, _process: process, _litter: litter };
        wait_until(&format!("Apache starts: {}", apache.log()), || {
            Call::get(format!("{}/out.html", apache.url)).try_send().is_ok_and(|answer| answer.status == 200)
        });
        apache
    }

    fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.home.join(name)).unwrap_or_default();
        read("start.log") + &read("error.log")
    }

    fn page(&self) -> String {
        format!("{}/secure/index.shtml", self.url)
    }
}

/// Goes to the guarded page and through whatever the provider shows.
fn enter(browser: &Chromium, apache: &Apache, person: &Person, consents: bool) {
    browser.goto(&apache.page());
    browser.sign_in(&person.name, &person.password);
    if consents {
        browser.click("allow");
    }
    let start = Instant::now();
    while !browser.shows("email") {
        assert!(start.elapsed() < Duration::from_secs(60), "at {}: {}", browser.url(), apache.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(browser.text("email"), person.email);
    assert!(browser.text("user").len() > 10, "a subject: {}", browser.text("user"));
    assert!(browser.url().starts_with(&apache.url));
}

fn guarded_by_apache(database: Database) {
    let port = free_port();
    let server = Server::start(database, &["--allow-private-host", &format!("127.0.0.1:{port}")]);
    let url = format!("http://127.0.0.1:{port}");
    let redirect = format!("{url}/secure/redirect_uri");
    let (out, told) = (format!("{url}/out.html"), format!("{redirect}?logout=backchannel"));
    let app = server.app_with(
        "web",
        &[&redirect],
        &["--id-token-alg", "ES256", "--post-logout-redirect-uri", &out, "--backchannel-logout-uri", &told],
    );
    let person = server.person();
    let apache = Apache::start(port, &server.url, &app.client_id, &app.client_secret);
    let browser = Chromium::open();

    // In, and out again at the application's wish: the provider's session is over too.
    enter(&browser, &apache, &person, true);
    browser.goto(&format!("{redirect}?logout={url}/out.html"));
    browser.wait_for("out");
    browser.goto(&server.at("/"));
    assert!(!browser.shows("sign-out"), "still signed in at the provider");

    // In once more, and out at the provider's: Apache is told behind the browser's back.
    enter(&browser, &apache, &person, false);
    browser.goto(&server.at("/"));
    browser.click("sign-out");
    browser.wait_for("signed-out");
    wait_until("Apache asks for a sign-in", || {
        browser.goto(&apache.page());
        browser.shows("sign-in-name")
    });
    assert!(apache.log().contains("mod_auth_openidc"), "{}", apache.log());
}

#[test]
fn st_126_st_128_st_129_debians_apache_module_signs_a_browser_in_and_out_on_sqlite() {
    guarded_by_apache(Database::Sqlite);
}

#[test]
fn st_126_st_128_st_129_debians_apache_module_signs_a_browser_in_and_out_on_postgresql() {
    guarded_by_apache(Database::Postgres);
}
