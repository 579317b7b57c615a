//! What is large comes and goes in turns: a few bodies of a person, a few answers of a project, and a turn lasts as long as what
//! it is for.

use super::scene::{Calls, on_both};
use crate::git_auths::scene::{join, refused, token};
use crate::githosts::forge::{blob_sha, to_base64};
use crate::githosts::{Fault, Gate};
use crate::harness::{Answer, Call, Visitor, http, wait_until};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

/// Sends these bytes and reads nothing.
fn send(calls: &Calls, bytes: &str) -> TcpStream {
    let mut stream = http::connect(calls.server.authority()).expect("a connection");
    stream.write_all(bytes.as_bytes()).expect("is sent");
    stream
}

#[track_caller]
fn is_crowded(answer: &Answer) {
    refused(answer, 429, "SVCSTG.REPO.0400");
    assert_eq!(answer.header("retry-after"), Some("5"));
}

/// Where a page shows what lies at this place of the repository.
fn page(calls: &Calls, rest: &str) -> String {
    let start = format!("/git/{}/browse/{}", calls.project, calls.name("github"));
    calls.server.at(&format!("{start}?namespace=octocat&repository=demo{rest}"))
}

#[test]
fn fm_117_whoever_asks_for_large_answers_and_reads_none_keeps_their_projects_turns_and_no_others() {
    on_both(|calls| {
        let demo = calls.demo("github");
        let large = vec![7; 6 << 20];
        calls.forge("github", |forge| drop(forge.at(&demo).commit("main", "Large", &[("large.bin", Some(&large))])));
        let file = format!("/files/{demo}/large.bin?ref=main");
        let head = format!(
            "GET /v1/{}/git{file} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\nX-Repo-Auth: by-token-github\r\n\r\n",
            calls.project, calls.token
        );
        let waiting: Vec<_> = (0..4).map(|_| send(calls, &head)).collect();
        // Until the host has been asked for all of them, and a little longer.
        let blobs = "GET /api/v3/repos/octocat/demo/git/blobs/";
        wait_until("the host is asked for all of them", || calls.github.count(blobs) == 4);
        std::thread::sleep(Duration::from_secs(2));
        is_crowded(&calls.read("github", &file));
        let branches = calls.good("github", &format!("/repos/{demo}/branches"));
        assert_eq!(branches["branches"][0], "feature/x", "small ones go on");
        let mut visitor = calls.visitor(&calls.ada);
        for rest in ["&ref=main", "&ref=main&file=README.md"] {
            let shown = visitor.open(&page(calls, rest)).answer;
            assert_eq!((shown.status, shown.header("retry-after")), (429, Some("5")), "pages count too: {rest}");
        }
        assert_eq!(visitor.open(&page(calls, "")).answer.status, 200, "and small ones go on there");
        drop(waiting);
        let mut again = None;
        wait_until("the turns are free again", || {
            again = Some(calls.read("github", &file)).filter(|answer| answer.status == 200);
            again.is_some()
        });
        assert_eq!(again.expect("an answer").json()["sha"], blob_sha(&large));
    });
}

#[test]
fn fm_117_pages_that_show_a_file_take_the_turns_of_their_projects_large_answers() {
    on_both(|calls| {
        let (gate, line) = (Gate::default(), "GET /api/v3/repos/octocat/demo/contents/README.md");
        calls.github.fails(line, Fault::FrozenBefore(gate.clone()), 4);
        let file = format!("/files/{}/README.md?ref=main", calls.demo("github"));
        let visitors: Vec<_> = (0..4).map(|_| calls.visitor(&calls.ada)).collect();
        let address = page(calls, "&ref=main&file=README.md");
        std::thread::scope(|scope| {
            let open = |mut visitor: Visitor| {
                let address = &address;
                scope.spawn(move || visitor.open(address))
            };
            let shown: Vec<_> = visitors.into_iter().map(open).collect();
            wait_until("the host is asked for all of them", || calls.github.count(line) == 4);
            is_crowded(&calls.read("github", &file));
            gate.open();
            for page in shown {
                let page = page.join().expect("a page");
                assert!(page.shows("browse-file"), "{} {}", page.answer.status, page.plain());
            }
        });
        wait_until("the turns are free again", || calls.read("github", &file).status == 200);
    });
}

/// The body of a request that brings a large file.
fn large(byte: u8) -> Value {
    json!({ "message": "Large", "content": to_base64(&vec![byte; 100_000]) })
}

#[test]
fn strangers_take_no_turn_for_a_large_body_from_those_who_are_known() {
    on_both(|calls| {
        let demo = calls.demo("github");
        let path = format!("/v1/{}/git/files/{demo}/large.bin?ref=main", calls.project);
        // Each says that much will come, and sends next to nothing of it.
        let drip = |headers: &str| {
            send(calls, &format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 9000000\r\n\r\n{{"))
        };
        let signature =
            "Authorization: SDK-HMAC-SHA256 Access=VSTKNOBODY, SignedHeaders=host;x-sdk-date, Signature=00\r\n";
        let kinds = ["", "X-Auth-Token: vst_pt_no\r\n", "Authorization: Bearer no\r\n", signature];
        let waiting: Vec<_> = (0..40).map(|n| drip(kinds[n % kinds.len()])).collect();
        let made = calls.git("github", "POST", &format!("/files/{demo}/large.bin?ref=main")).json(&large(7)).send();
        assert_eq!(made.status, 200, "{}", made.text());
        drop(waiting);
        // One who is known has three turns, and another one has their own.
        let own = format!("X-Auth-Token: {}\r\n", calls.token);
        let waiting: Vec<_> = (0..3).map(|_| drip(&own)).collect();
        // Until the three have their turns, there is one left.
        let tries = (0..100).map(|n| {
            std::thread::sleep(Duration::from_millis(50));
            calls.git("github", "POST", &format!("/files/{demo}/try{n}.bin?ref=main")).json(&large(8)).send()
        });
        let crowded = tries.into_iter().find(|answer| answer.status != 200).expect("the turns are taken");
        is_crowded(&crowded);
        assert_eq!(by_another(calls, "more.bin").status, 200);
        drop(waiting);
    });
}

/// A large file that another member of the project brings.
fn by_another(calls: &Calls, name: &str) -> Answer {
    let bob = calls.server.person();
    join(&calls.server, &calls.project, &bob, "editor");
    let bobs = token(&calls.server, &bob, &calls.project);
    let url = calls.server.at(&format!("/v1/{}/git/files/{}/{name}?ref=main", calls.project, calls.demo("github")));
    let call = Call::post(url).header("X-Auth-Token", &bobs).header("X-Repo-Auth", "by-token-github");
    call.json(&large(9)).send()
}

#[test]
fn fm_117_the_turn_of_a_large_body_lasts_as_long_as_its_bytes_though_its_caller_has_hung_up() {
    on_both(|calls| {
        let (gate, line) = (Gate::default(), "PUT /api/v3/repos/octocat/demo/contents/held");
        calls.github.fails(line, Fault::FrozenBefore(gate.clone()), 3);
        let body = large(7).to_string();
        let bring = |n: usize| {
            let head = format!(
                "POST /v1/{}/git/files/{}/held{n}.bin?ref=main HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\n\
                 X-Repo-Auth: by-token-github\r\nContent-Length: {}\r\n\r\n{body}",
                calls.project,
                calls.demo("github"),
                calls.token,
                body.len()
            );
            send(calls, &head)
        };
        let callers: Vec<_> = (0..3).map(bring).collect();
        wait_until("the host has all of them", || calls.github.count(line) == 3);
        drop(callers);
        // The server has time to notice that they are gone.
        std::thread::sleep(Duration::from_millis(700));
        let fourth = || {
            calls
                .git("github", "POST", &format!("/files/{}/fourth.bin?ref=main", calls.demo("github")))
                .json(&large(8))
                .send()
        };
        is_crowded(&fourth());
        assert_eq!(by_another(calls, "others.bin").status, 200, "another one's turns are their own");
        gate.open();
        wait_until("the turns are free again", || fourth().status == 200);
        let written = calls.forge("github", |forge| {
            let demo = forge.at("octocat/demo");
            (0..3).filter(|n| demo.content("main", &format!("held{n}.bin")).is_some()).count()
        });
        assert_eq!(written, 3, "what was under way is finished");
    });
}
