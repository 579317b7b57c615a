//! Secrets of the way to a Git host and back: sealed before the first write, and nowhere else.

use super::scene::{Scene, brought};
use crate::githosts::{Fault, SAYS};
use crate::harness::visitor::parameter;
use crate::harness::{Call, Database};
use crate::leaks::{holds, memmem, stored};
use serde_json::json;

/// Size in CI: 12 kinds of secret through the six calls, well and badly formed, and the landing page, on each database.
#[test]
fn st_56_fm_107_fm_108_fm_110_fm_127_canaries_of_git_authorizations_reach_no_log_no_answer_and_no_row() {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        let mut scene = Scene::on(database);
        let mut answers: Vec<(&str, String)> = Vec::new();
        let mut secrets: Vec<(&str, String)> = vec![
            ("client secret", scene.github.client_secret.clone()),
            ("other client secret", scene.gitee.client_secret.clone()),
        ];
        scene.github.tokens_end();
        for (kind, name) in [("github", "by-code"), ("gitee", "by-code-2")] {
            let (address, _, _) = scene.landed(kind);
            for part in ["code", "state"] {
                secrets.push((part, parameter(&address, part).expect(part)));
            }
            let answer = scene.post(&format!("/{kind}/oauth"), &brought(name, &address));
            assert_eq!(answer.status, 200, "{}", answer.text());
            answers.push(("oauth", answer.text()));
            answers.push(("oauth again", scene.post(&format!("/{kind}/oauth"), &brought("again", &address)).text()));
        }
        // One that only landed, and one whose host broke down.
        let (waiting, _, _) = scene.landed("github");
        let (broken, _, _) = scene.landed("github");
        scene.github.fails("POST /login/oauth/access_token", Fault::Nonsense, 1);
        answers.push(("oauth broken", scene.post("/github/oauth", &brought("broken", &broken)).text()));
        scene.github.recovers();
        for address in [&waiting, &broken] {
            secrets.extend(["code", "state"].map(|part| (part, parameter(address, part).expect(part))));
        }
        let personal = scene.github.classic_token(&["repo"], None);
        let (email, password) = scene.gitee.add_person("grace");
        let bodies = [
            ("personal", "/github/personal", json!({ "name": "own-1", "token": personal })),
            ("personal refused", "/github/personal", json!({ "name": "own-2", "token": "CANARY-token-4f1c" })),
            (
                "personal misplaced",
                "/github/personal",
                json!({ "name": "own-4", "token": personal, "host": "CANARY-token-4f1c" }),
            ),
            (
                "personal elsewhere",
                "/github/personal",
                json!({ "name": "own-3", "token": personal, "host": "https://x" }),
            ),
            ("password", "/gitee/password", json!({ "name": "pass-1", "user": email, "password": password })),
            (
                "password refused",
                "/gitee/password",
                json!({ "name": "pass-2", "user": email, "password": "CANARY-pass-4f1c" }),
            ),
            (
                "password at github",
                "/github/password",
                json!({ "name": "pass-3", "user": email, "password": password }),
            ),
            (
                "oauth refused",
                "/github/oauth",
                json!({ "name": "auth", "code": "CANARY-code-4f1c", "state": "CANARY-state-4f1c" }),
            ),
            (
                "misnamed",
                "/github/oauth",
                json!({ "name": ["CANARY-code-4f1c"], "code": {}, "secret": "CANARY-state-4f1c" }),
            ),
        ];
        for (what, rest, body) in bodies {
            answers.push((what, scene.post(rest, &body).text()));
            let torn = body.to_string();
            let torn = scene.call("POST", rest).body(Some("application/json"), &torn[..torn.len() - 1]).send();
            answers.push((what, torn.text()));
        }
        answers.push(("list", scene.get("").text()));
        answers.push(("delete", scene.delete("by-code-2").text()));
        for path in ["/metrics", "/livez", "/readyz", "/healthz"] {
            answers.push((path, Call::get(scene.server.at(path)).send().text()));
        }
        secrets.extend(scene.github.live_tokens().into_iter().map(|token| ("access token", token)));
        for asked in scene.github.log().iter().chain(&scene.gitee.log()) {
            let verifier = asked.form().into_iter().find(|(name, _)| name == "code_verifier");
            secrets.extend(verifier.map(|(_, value)| ("verifier", value)));
            let bearer = asked.header("authorization").strip_prefix("Bearer ").map(str::to_owned);
            secrets.extend(bearer.map(|token| ("bearer", token)));
        }
        secrets.extend([("personal token", personal), ("password", password)]);
        secrets.extend(["token", "pass", "code", "state"].map(|kind| ("canary", format!("CANARY-{kind}-4f1c"))));
        assert!(secrets.iter().filter(|(what, _)| *what == "bearer").count() >= 5, "{}", secrets.len());

        scene.server.process().terminate();
        scene.server.process().wait(std::time::Duration::from_secs(30));
        let log = std::fs::read(scene.server.directory.join("log.txt")).expect("log");
        let rows = stored(&scene.server);
        assert!(holds(&rows, b"by-code"), "the search finds what is there");
        for (what, secret) in secrets.iter().filter(|(_, secret)| !secret.is_empty()) {
            for (place, heap) in [("log", &log), ("database", &rows)] {
                assert!(!holds(heap, secret.as_bytes()), "{what} stands in the {place}");
            }
            for (call, answer) in &answers {
                assert!(!memmem(answer.as_bytes(), secret.as_bytes()), "{what} came back from {call}: {answer}");
            }
        }
        for (call, answer) in &answers {
            assert!(!answer.contains(SAYS), "{call} quotes the host: {answer}");
        }
    }
}
