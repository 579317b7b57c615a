//! What callers and hosts say in confidence stands in no log, no answer and no row: tokens, webhooks' secrets, contents, the
//! messages of commits.

use super::scene::{Calls, KINDS, on_both};
use crate::git_auths::scene::refused;
use crate::githosts::forge::{blob_sha, to_base64};
use crate::githosts::{Fault, fake::Said};
use crate::harness::{Database, Server};
use serde_json::{Value, json};

/// Size in CI: seven kinds of secret through the calls, well and badly formed, on each database.
#[test]
fn fm_107_fm_108_canaries_of_the_calls_reach_no_log_no_answer_and_no_row() {
    on_both(|calls| {
        let demo = calls.demo("github");
        let secrets = [
            "CANARY-hook-secret-9a1e".to_owned(),
            "CANARY-hook-password-9a1e".to_owned(),
            "CANARY-hook-token-9a1e".to_owned(),
            to_base64(b"CANARY-file-content-9a1e"),
            "CANARY-message-9a1e".to_owned(),
            calls.token.clone(),
        ];
        let hook = json!({ "secret": secrets[0], "url": format!("https://u:{}@ci.example/h?token={}", secrets[1], secrets[2]) });
        let file = json!({ "message": secrets[4], "content": secrets[3] });
        let stale = json!({ "message": secrets[4], "content": secrets[3], "sha": "0".repeat(40) });
        let tag = json!({ "name": "v1.0", "description": secrets[4] });
        let mut answers = Vec::new();
        for (method, rest, body) in [
            ("POST", format!("/repos/{demo}/hooks"), &hook),
            ("POST", format!("/repos/{demo}/hooks"), &hook),
            ("POST", format!("/files/{demo}/c.txt?ref=main"), &file),
            ("POST", format!("/files/{demo}/c.txt?ref=main"), &file),
            ("PUT", format!("/files/{demo}/c.txt?ref=main"), &stale),
            ("POST", format!("/repos/{demo}/tags?ref=main"), &tag),
        ] {
            let whole = body.to_string();
            answers.push(calls.git("github", method, &rest).json(body).send().text());
            let torn = calls.git("github", method, &rest).body(Some("application/json"), &whole[..whole.len() - 1]);
            answers.push(torn.send().text());
            calls.github.fails(&format!("{} ", if method == "GET" { "GET" } else { "P" }), Fault::Status(500), 1);
            answers.push(calls.git("github", method, &rest).json(body).send().text());
            calls.github.recovers();
        }
        let bearers: Vec<String> = calls
            .github
            .log()
            .iter()
            .filter_map(|asked| asked.header("authorization").strip_prefix("Bearer ").map(str::to_owned))
            .collect();
        // A host that says our own token back.
        let bearer = bearers[0].clone();
        let echo = Said::json(422, &json!({ "message": format!("we know {bearer} and {}", secrets[0]) }));
        calls.github.fails("POST /api/v3/repos/octocat/demo/hooks", Fault::Says(echo), 1);
        let other = json!({ "secret": secrets[0], "url": "https://ci.example/other" });
        let echoed = calls.git("github", "POST", &format!("/repos/{demo}/hooks")).json(&other).send().text();
        assert!(echoed.contains("we know … and …"), "{echoed}");
        answers.push(echoed);
        // A webhook's address is its answer; what stands in it is nobody's secret but in logs and rows.
        for answer in &mut answers {
            *answer = answer.replace(hook["url"].as_str().expect("text"), "");
        }
        calls.end();
        let log = std::fs::read(calls.server.directory.join("log.txt")).expect("log");
        let rows = crate::leaks::stored(&calls.server);
        assert!(crate::leaks::holds(&rows, b"create a webhook to ci.example"), "the search finds what is there");
        for secret in secrets.iter().chain(&bearers) {
            for (place, heap) in [("log", &log), ("database", &rows)] {
                assert!(!crate::leaks::holds(heap, secret.as_bytes()), "{secret} stands in the {place}");
            }
            for answer in &answers {
                assert!(!answer.contains(secret.as_str()), "{secret} came back: {answer}");
            }
        }
    });
}

/// Size in CI: the eight calls that change something, over each kind and on each database, each cut off at its first request and
/// at the one that changes; all that any library logs.
#[test]
fn fm_107_fm_109_no_line_of_the_log_holds_what_was_in_a_request_that_a_host_never_answered() {
    const MESSAGE: &str = "CANARY-message-3e7d";
    const SECRET: &str = "CANARY-hook-secret-3e7d";
    for database in [Database::Sqlite, Database::Postgres] {
        let mut calls =
            Calls::with(|arguments| Server::start(database, &[arguments, &["--log-level", "trace"]].concat()));
        let mut tokens = vec![calls.token.clone()];
        for kind in KINDS {
            let (demo, me) = (calls.demo(kind), calls.me(kind));
            let sha = blob_sha(b"fn main() {}\n");
            let at = |path: &str| format!("/files/{demo}/{path}?ref=main");
            let removal = format!("{}&message={MESSAGE}&sha={sha}", at("src%3Alib.rs"));
            let wanted: [(&str, String, Value); 8] = [
                ("DELETE", removal, Value::Null),
                ("POST", at("new.txt"), json!({ "message": MESSAGE, "content": to_base64(b"new") })),
                ("PUT", at("src%3Alib.rs"), json!({ "message": MESSAGE, "content": to_base64(b"new"), "sha": sha })),
                ("POST", format!("/repos/{demo}/tags?ref=main"), json!({ "name": "v9", "description": MESSAGE })),
                ("DELETE", format!("/repos/{demo}/tags/v1.0"), Value::Null),
                ("POST", format!("/repos/{demo}/hooks"), json!({ "secret": SECRET, "url": "https://ci.example/h" })),
                ("DELETE", format!("/repos/{demo}/hooks/7"), Value::Null),
                ("POST", format!("/repos/{me}/projects"), json!({ "name": "made" })),
            ];
            for (method, rest, body) in &wanted {
                let is_possible = kind != "gitee" || !rest.contains("/tags/");
                for lines in [&["POST ", "PUT ", "DELETE "][..], &[""]] {
                    let fake = calls.fake(kind);
                    lines.iter().for_each(|line| fake.fails(line, Fault::DropBefore, 99));
                    let call = calls.git(kind, method, rest);
                    let answer = if body.is_null() { call.send() } else { call.json(body).send() };
                    fake.recovers();
                    for secret in [MESSAGE, SECRET] {
                        assert!(!answer.text().contains(secret), "{kind} {rest}: {}", answer.text());
                    }
                    match is_possible {
                        true => drop(refused(&answer, 502, "SVCSTG.REPO.0500")),
                        false => drop(refused(&answer, 400, "SVCSTG.REPO.0401")),
                    }
                }
            }
            let log = calls.fake(kind).log();
            let sent = |secret: &str| log.iter().any(|asked| asked.all().contains(secret));
            assert!(sent(MESSAGE) && sent(SECRET), "{kind}: they went to the host");
            tokens
                .extend(log.iter().map(|asked| asked.header("authorization").trim_start_matches("Bearer ").to_owned()));
        }
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), 1 + KINDS.len(), "{tokens:?}");
        calls.end();
        let log = std::fs::read_to_string(calls.server.directory.join("log.txt")).expect("log");
        for (line, what) in [
            ("DELETE http", "a removal is told of"),
            ("/api/v5/repos/cat/demo/contents/src/lib.rs [0 bytes]", "and where it went"),
        ] {
            assert!(log.contains(line), "{what}");
        }
        for secret in tokens.iter().map(String::as_str).chain([MESSAGE, SECRET]) {
            let found = log.lines().find(|line| crate::leaks::holds(line.as_bytes(), secret.as_bytes()));
            assert_eq!(found, None, "{secret}");
        }
        let asks = log.lines().find(|line| line.contains("http://") && line.contains('?') && line.contains("ref="));
        assert_eq!(asks, None, "an address with its query");
    }
}
