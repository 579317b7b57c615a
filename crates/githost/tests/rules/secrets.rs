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

const CANARY: &str = "canary-7f3a";

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
        host.kind.revoke(&host.site, &app, &canary),
        host.kind.create_hook(&visit, &place, "https://ci.example/", &canary).map(|_| ()),
        host.kind.read_file(&visit, &place, &FilePath::parse("a").unwrap(), &Ref::parse("b").unwrap()).map(|_| ()),
    ]
}

#[test]
fn fm_109_no_secret_stands_in_an_address_or_a_debug_print() {
    for host in Host::all() {
        for step in conversations(&host) {
            let _ = run(step, |request| {
                assert!(!request.url().contains(CANARY), "{}", request.url());
                assert!(!format!("{request:?}").contains(CANARY));
                let in_headers =
                    request.headers().any(|(_, value)| value.contains(CANARY) || value.starts_with("Basic"));
                let in_body = String::from_utf8_lossy(request.body()).contains(CANARY);
                assert!(in_headers || in_body, "the canary is not where it should be: {request:?}");
                Reply::new(200, Vec::new(), b"[]".to_vec())
            });
        }
        let departure = Departure { state: "s", challenge: Some("c") };
        assert!(!host.kind.send_user(&host.site, &application_of_canaries(), departure).contains(CANARY));
    }
}

#[test]
fn fm_107_a_host_that_echoes_a_secret_does_not_get_it_into_our_words() {
    for host in Host::all() {
        for step in conversations(&host) {
            for body in [
                format!("{{\"message\":\"token {CANARY} is bad\"}}"),
                format!("{{\"error\":\"x\",\"error_description\":\"code {CANARY}\"}}"),
                format!("{{\"errors\":[{{\"message\":\"{CANARY}\"}}]}}"),
                format!("<html>{CANARY}"),
            ] {
                let Step::Ask(errand) = step_again(&host, &step) else { continue };
                let reply = Reply::new(400, Vec::new(), body.into_bytes());
                assert!(!format!("{reply:?}").contains(CANARY));
                let Step::Done(outcome) = errand.read(&reply, 0) else { panic!("a refusal is the end") };
                assert!(!outcome.unwrap_err().reason.contains(CANARY), "{}", host.name());
            }
        }
    }
}

/// A conversation is used up by reading, so the one of the same request is begun anew.
fn step_again(host: &Host, step: &Step<()>) -> Step<()> {
    let wanted = format!("{step:?}");
    conversations(host).into_iter().find(|again| format!("{again:?}") == wanted).unwrap()
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
fn secrets_are_laid_open_in_one_file_only() {
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
    assert_eq!(found, ["secret.rs", "wire.rs"]);
}

#[test]
fn what_a_kind_cannot_do_is_refused_before_anything_is_sent() {
    for host in Host::all() {
        let step = host.kind.password(&host.site, &application(), "cat", &Secret::new("p"));
        assert_eq!(matches!(step, Step::Done(Err(_))), host.kind.habits().cannot(Call::Password).is_some());
    }
}
