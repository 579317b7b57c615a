//! Secrets of the way to a Git host and back: sealed before the first write, and nowhere else.

use super::scene::{Scene, brought, join, token};
use crate::githosts::fake::value;
use crate::githosts::{Fault, SAYS};
use crate::harness::visitor::parameter;
use crate::harness::{AccessKey, Call, Database, Server, wait_until};
use crate::leaks::{holds, memmem, stored};
use base64::Engine as _;
use serde_json::json;

/// Size in CI: 14 kinds of secret through the six calls, well and badly formed, and the landing page, on each database.
#[test]
fn st_56_fm_107_fm_108_fm_110_fm_127_canaries_of_git_authorizations_reach_no_log_no_answer_and_no_row() {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        // At the level at which libraries tell what they do, too.
        let mut scene = Scene::with(|arguments| {
            Server::start(database, &[arguments, &["--log-level", "trace", "--pending-per-minute", "1000000"]].concat())
        });
        let mut answers: Vec<(&str, String)> = Vec::new();
        let mut secrets: Vec<(&str, String)> = vec![
            ("client secret", scene.github.client_secret.clone()),
            ("other client secret", scene.gitee.client_secret.clone()),
            ("gitlab's client secret", scene.gitlab.client_secret.clone()),
        ];
        scene.github.tokens_end();
        // GitLab's tokens are due at once: each is renewed where it is used first.
        scene.gitlab.lives(59);
        for (kind, name) in
            [("github", "by-code"), ("gitee", "by-code-2"), ("gitlab", "by-code-3"), ("gitlab", "by-code-4")]
        {
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
        scene.gitlab.lives(7200);
        let before = scene.gitlab.every_token();
        let renewed = scene.credential("by-code-3");
        assert!(!before.contains(&renewed), "it was renewed");
        scene.gitlab.fails("POST /gitlab/oauth/token", Fault::Nonsense, 1);
        // A renewal whose answer makes no sense: the token that there was is handed out as long as it lives.
        assert!(before.contains(&scene.credential("by-code-4")));
        scene.gitlab.recovers();
        answers.push(("a doubted token", scene.doubt("by-code-3", &renewed).text()));
        let at_gitlab = scene.gitlab.personal_token(&["api"], scene.gitlab.clock.now() + 30 * 86_400);
        let personal = scene.github.classic_token(&["repo"], None);
        let (email, password) = scene.gitee.add_person("grace");
        let bodies = [
            ("personal", "/github/personal", json!({ "name": "own-1", "token": personal })),
            ("personal at gitlab", "/gitlab/personal", json!({ "name": "own-5", "token": at_gitlab })),
            (
                "personal refused at gitlab",
                "/gitlab/personal",
                json!({ "name": "own-6", "token": "CANARY-token-4f1c" }),
            ),
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
        // What callers are known by, and the page's own field for a token.
        let key = AccessKey::add(&scene.server, &scene.ada.name);
        answers.push(("signed", key.get(scene.path("")).send().text()));
        answers
            .push(("wrongly signed", key.get(scene.path("")).header("X-Sdk-Date", "20200101T000000Z").send().text()));
        let wrong = Call::get(scene.path("")).header("X-Auth-Token", format!("{}x", scene.token)).send();
        answers.push(("a wrong token", wrong.text()));
        let mut visitor = scene.visitor(&scene.ada);
        let page = visitor.open(&scene.server.at(&format!("/git/{}", scene.project)));
        for token in ["CANARY-token-4f1c", personal.as_str()] {
            let host = page.form("git-token");
            let fields: Vec<(&str, &str)> = vec![("name", "by-page"), ("token", token)];
            assert!(host.has("git-host"));
            let chosen = page.answer.text();
            let chosen =
                chosen.split("<option value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a host");
            let all: Vec<(&str, &str)> = fields.into_iter().chain([("host", chosen)]).collect();
            answers.push(("page", visitor.submit(&page, "git-token", &all).answer.text()));
        }
        secrets.extend(visitor.cookies.values().map(|cookie| ("cookie", cookie.clone())));
        secrets.extend([("project token", scene.token.clone()), ("access key", key.secret.clone())]);
        let pair = base64::engine::general_purpose::STANDARD.encode("grace:CANARY-pass-4f1c");
        let body = json!({ "name": "pass-4", "token": pair });
        answers.push(("password in the other form", scene.post("/gitee/password", &body).text()));
        secrets.push(("the other form", pair));
        answers.push(("list", scene.get("").text()));
        answers.push(("delete", scene.delete("by-code-2").text()));
        answers.push(("delete at gitlab", scene.delete("by-code-4").text()));
        let ends = || scene.trail("git_authorization.revoke").iter().any(|(_, details)| details.contains("by-code-4"));
        wait_until("the trail says nothing", ends);
        for path in ["/metrics", "/livez", "/readyz", "/healthz"] {
            answers.push((path, Call::get(scene.server.at(path)).send().text()));
        }
        secrets.extend(scene.github.every_token().into_iter().map(|token| ("issued token", token)));
        secrets.extend(scene.gitee.every_token().into_iter().map(|token| ("issued token", token)));
        secrets.extend(scene.gitlab.every_token().into_iter().map(|token| ("issued token", token)));
        secrets.extend(scene.github.live_tokens().into_iter().map(|token| ("access token", token)));
        let asked_at_gitlab = scene.gitlab.log();
        assert!(
            asked_at_gitlab.iter().any(|asked| value(&asked.form(), "refresh_token").is_some()),
            "a renewal was sent"
        );
        for asked in scene.github.log().iter().chain(&scene.gitee.log()).chain(&asked_at_gitlab) {
            let verifier = asked.form().into_iter().find(|(name, _)| name == "code_verifier");
            secrets.extend(verifier.map(|(_, value)| ("verifier", value)));
            let bearer = asked.header("authorization").strip_prefix("Bearer ").map(str::to_owned);
            secrets.extend(bearer.map(|token| ("bearer", token)));
        }
        secrets.extend([("personal token", personal), ("gitlab's personal token", at_gitlab), ("password", password)]);
        secrets
            .extend(["token", "pass", "code", "state", "secret"].map(|kind| ("canary", format!("CANARY-{kind}-4f1c"))));
        assert!(secrets.iter().filter(|(what, _)| *what == "bearer").count() >= 5, "{}", secrets.len());

        // A host that speaks no TLS: of that the lowest levels tell.
        let (web, client) = (format!("https://{}", scene.github.authority), ("Iv1.cafe", "CANARY-secret-4f1c"));
        scene.add_host("no-tls", "github", &web, client, &["--project", &scene.project]);
        let body = json!({ "name": "no-tls-1", "token": "CANARY-token-4f1c" });
        // By somebody else: ada has tried as many tokens as one person may.
        let eve = scene.server.person();
        join(&scene.server, &scene.project, &eve, "editor");
        let hers = token(&scene.server, &eve, &scene.project);
        let call = Call::post(scene.path("/no-tls/personal")).header("X-Auth-Token", &hers);
        answers.push(("no tls", call.json(&body).send().text()));
        // While it runs: with the pages that stand in the write-ahead log alone.
        let wal = scene.server.data_directory().join("vestibule.db-wal");
        let running = stored(&scene.server);
        if database == Database::Sqlite {
            let wal = std::fs::read(wal).expect("the write-ahead log is there");
            assert!(holds(&wal, b"by-code"), "the write-ahead log holds what was written last");
        }
        scene.server.process().terminate();
        scene.server.process().wait(std::time::Duration::from_secs(30));
        let log = std::fs::read(scene.server.directory.join("log.txt")).expect("log");
        assert!(holds(&log, b"\"level\":\"DEBUG\""), "more is logged than as a rule");
        let rows = stored(&scene.server);
        assert!(holds(&rows, b"by-code") && holds(&running, b"by-code"), "the search finds what is there");
        for (what, secret) in secrets.iter().filter(|(_, secret)| !secret.is_empty()) {
            for (place, heap) in [("log", &log), ("database", &rows), ("running database", &running)] {
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
