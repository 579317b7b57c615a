//! What is asked for once more while the first time is still under way is made once.

use super::scene::Calls;
use crate::git_auths::scene::refused;
use crate::githosts::{Fault, Gate};
use crate::harness::{Answer, Database, http, wait_until};
use serde_json::{Value, json};
use std::io::Write;
use std::time::Duration;

/// The line of the request that makes a webhook at this host.
fn line(kind: &str) -> &'static str {
    match kind {
        "github" => "POST /api/v3/repos/octocat/demo/hooks",
        "gitlab" => "POST /gitlab/api/v4/projects/lynx%2Fdemo/hooks",
        _ => "POST /api/v5/repos/cat/demo/hooks",
    }
}

fn hook(calls: &Calls, kind: &str, body: &Value) -> Answer {
    calls.git(kind, "POST", &format!("/repos/{}/hooks", calls.demo(kind))).json(body).send()
}

#[test]
fn a_webhook_whose_caller_hangs_up_and_asks_again_while_it_is_being_made_is_made_once() {
    for database in [Database::Sqlite, Database::Postgres] {
        let calls = Calls::on(database);
        for kind in ["gitlab", "gitee", "github"] {
            let (fake, gate) = (calls.fake(kind), Gate::default());
            let body = json!({ "secret": "s3cret", "url": "https://ci.example/hook" });
            let text = body.to_string();
            fake.fails(line(kind), Fault::FrozenBefore(gate.clone()), 1);
            let mut stream = http::connect(calls.server.url.trim_start_matches("http://")).expect("a line");
            let head = format!(
                "POST /v1/{}/git/repos/{}/hooks HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\n\
                 X-Repo-Auth: {}\r\nContent-Length: {}\r\n\r\n{text}",
                calls.project,
                calls.demo(kind),
                calls.token,
                calls.name(kind),
                text.len()
            );
            stream.write_all(head.as_bytes()).expect("is sent");
            wait_until("the host is asked", || fake.count(line(kind)) == 1);
            drop(stream);
            let (again, other) = std::thread::scope(|scope| {
                let again = scope.spawn(|| hook(&calls, kind, &body));
                // Another address is in nobody's way, though it comes later.
                let other = hook(&calls, kind, &json!({ "secret": "s", "url": "https://ci.example/other" }));
                std::thread::sleep(Duration::from_millis(500));
                assert_eq!(fake.count(line(kind)), 2, "{kind}: the second waits for the first");
                gate.open();
                (again.join().expect("an answer"), other)
            });
            assert_eq!(other.status, 200, "{kind}: {}", other.text());
            refused(&again, 400, "SVCSTG.REPO.0403");
            let urls: Vec<String> = calls
                .forge(kind, |forge| forge.at(&calls.demo(kind)).hooks.iter().map(|hook| hook.url.clone()).collect());
            let times = urls.iter().filter(|url| *url == "https://ci.example/hook").count();
            assert_eq!((times, urls.len()), (1, 2), "{kind}: {urls:?}");
        }
    }
}
