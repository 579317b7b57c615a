//! Where secrets may stand: in headers and bodies, never in an address, a reason or a debug print.

use crate::every_host::place;
use crate::player::{Host, application, run};
use std::fs;
use std::path::Path;
use vestibule_githost::errand::Step;
use vestibule_githost::host::Call;
use vestibule_githost::names::{FilePath, Ref};
use vestibule_githost::reply::Reply;
use vestibule_githost::secret::Secret;
use vestibule_githost::site::{Application, Departure, Visit};

const CANARY: &str = "canary-7f3a=+";

/// What every spelling of it begins with; a part of a secret is not to be told either.
const CANARYS_HEAD: &str = "canary";

fn application_of_canaries() -> Application {
    Application { client_secret: Secret::new(CANARY), ..application() }
}

/// The first request of every conversation that carries a secret, and what a host that echoes it leads to.
fn conversations(host: &Host) -> Vec<Step<()>> {
    let (canary, app) = (Secret::new(CANARY), application_of_canaries());
    let visit = Visit { token: canary.clone(), ..host.visit() };
    let place = place("a", "b");
    vec![
        host.kind.trade_code(&host.site, &app, &canary, Some(&canary)).map(|_| ()),
        host.kind.refresh(&host.site, &app, &canary).map(|_| ()),
        host.kind.password(&host.site, &app, "cat", &canary).map(|_| ()),
        host.kind.who(&visit).map(|_| ()),
        host.kind.revoke(&host.site, &app, &canary, Some(&canary)),
        host.kind.create_hook(&visit, &place, "https://ci.example/", &canary).map(|_| ()),
        host.kind.read_file(&visit, &place, &FilePath::parse("a").unwrap(), &Ref::parse("b").unwrap()).map(|_| ()),
    ]
}

#[test]
fn fm_109_no_secret_stands_in_an_address_or_a_debug_print() {
    for host in Host::all() {
        for step in conversations(&host) {
            let _ = run(step, |request| {
                assert!(!request.url().contains(CANARYS_HEAD), "{}", request.url());
                assert!(!format!("{request:?}").contains(CANARYS_HEAD));
                assert!(!format!("{request:?}").contains('?'), "a query may hold what a person wrote: {request:?}");
                let in_headers =
                    request.headers().any(|(_, value)| value.contains(CANARY) || value.starts_with("Basic"));
                let in_body = String::from_utf8_lossy(request.body()).contains(CANARYS_HEAD);
                assert!(in_headers || in_body, "the canary is not where it should be: {request:?}");
                Reply::new(200, Vec::new(), b"[]".to_vec())
            });
        }
        let departure = Departure { state: "s", challenge: Some("c") };
        assert!(!host.kind.send_user(&host.site, &application_of_canaries(), departure).contains(CANARYS_HEAD));
    }
}

/// What hosts say when they echo what they were sent: in each member that is read, in each spelling, at the bound of a
/// reason, and in what names the scopes that would do.
fn echoes() -> Vec<Reply> {
    let long = "x".repeat(290);
    let words = [
        format!("token {CANARY} is bad"),
        format!("{long} {CANARY}"),
        "it was sent canary-7f3a%3D%2B, then canary-7f3a%3d%2b".to_owned(),
    ];
    let mut echoes = Vec::new();
    for status in [400, 401, 403, 422] {
        for words in &words {
            for body in [
                serde_json::json!({ "message": words }),
                serde_json::json!({ "error": "x", "error_description": words }),
                serde_json::json!({ "errors": [{ "message": words }] }),
                serde_json::json!({ "error": "insufficient_scope", "scope": words }),
            ] {
                echoes.push(Reply::new(status, Vec::new(), serde_json::to_vec(&body).unwrap()));
            }
            let headers = [("x-accepted-oauth-scopes", words.as_str()), ("x-oauth-scopes", "repo")];
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            echoes.push(Reply::new(status, headers, b"{\"message\":\"no\"}".to_vec()));
        }
        echoes.push(Reply::new(status, Vec::new(), format!("<html>{CANARY}").into_bytes()));
    }
    echoes
}

#[test]
fn fm_107_a_host_that_echoes_a_secret_does_not_get_it_into_our_words() {
    for host in Host::all() {
        for at in 0..conversations(&host).len() {
            for echo in echoes() {
                assert!(!format!("{echo:?}").contains(CANARYS_HEAD));
                let Step::Ask(errand) = conversations(&host).swap_remove(at) else { continue };
                let told = match errand.read(&echo, 0) {
                    Step::Done(outcome) => format!("{:?}", outcome.unwrap_err()),
                    Step::Ask(errand) => format!("{errand:?}"),
                };
                assert!(!told.contains(CANARYS_HEAD) && told.len() < 800, "{}: {told}", host.name());
            }
        }
    }
}

#[test]
fn fm_107_a_hooks_secret_that_the_second_request_carries_is_not_echoed_either() {
    for host in Host::all() {
        for echo in echoes() {
            let mut echo = Some(echo);
            let visit = host.visit();
            let step = host.kind.create_hook(&visit, &place("a", "b"), "https://ci.example/", &Secret::new(CANARY));
            let outcome = run(step, |request| match request.method().name() {
                "GET" => Reply::new(200, Vec::new(), b"[]".to_vec()),
                _ => echo.take().unwrap(),
            });
            let told = format!("{:?}", outcome.unwrap_err());
            assert!(!told.contains(CANARYS_HEAD), "{}: {told}", host.name());
        }
    }
}

#[test]
fn fm_107_a_first_refusal_that_is_told_under_a_later_request_is_scrubbed_of_its_own_secrets() {
    // The name of a project is tried first; its refusal is told when its id leads nowhere either.
    let host = Host::new("gitlab", "https://gitlab.com");
    let visit = Visit { token: Secret::new(CANARY), ..host.visit() };
    let mut asked = 0;
    let outcome = run(host.kind.branches(&visit, &place("a", "1")), |_| {
        asked += 1;
        Reply::new(404, Vec::new(), format!("{{\"message\":\"{CANARY} sees nothing\"}}").into_bytes())
    });
    let refusal = outcome.unwrap_err();
    assert!(asked > 1 && !refusal.reason.contains(CANARYS_HEAD) && refusal.reason.contains("sees nothing"));
}

#[test]
fn fm_107_the_pair_of_basic_credentials_is_scrubbed_in_the_form_in_which_it_was_sent() {
    let host = Host::new("github", "https://github.com");
    let step = host.kind.revoke(&host.site, &application(), &Secret::new("T0KEN"), None);
    // app-1:S3CRET
    let body = "{\"message\":\"bad Authorization: Basic YXBwLTE6UzNDUkVU\"}";
    let refusal = run(step, |_| Reply::new(403, Vec::new(), body.as_bytes().to_vec())).unwrap_err();
    assert!(refusal.reason.contains("bad Authorization") && !refusal.reason.contains("YXBw"), "{}", refusal.reason);
}

#[test]
fn control_characters_cannot_begin_another_header() {
    let host = Host::new("github", "https://github.com");
    let visit = Visit { token: Secret::new("a\r\nX-Evil: 1"), ..host.visit() };
    let _ = run(host.kind.who(&visit), |request| {
        assert!(request.headers().all(|(_, value)| !value.contains(['\r', '\n'])));
        Reply::new(500, Vec::new(), Vec::new())
    });
}

#[test]
fn secrets_are_laid_open_where_requests_are_spelled_only() {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read_to_string(&path).unwrap().contains("expose") {
                found.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    assert_eq!(found, ["fields.rs", "secret.rs", "wire.rs"]);
}

#[test]
fn what_a_kind_cannot_do_is_refused_before_anything_is_sent() {
    for host in Host::all() {
        let step = host.kind.password(&host.site, &application(), "cat", &Secret::new("p"));
        assert_eq!(matches!(step, Step::Done(Err(_))), host.kind.habits().cannot(Call::Password).is_some());
    }
}
