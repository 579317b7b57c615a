//! Calls whose token has to be renewed: before the call because it is about to end, or in its midst because the host takes it
//! no longer. Once, and nothing is written twice.

use super::scene::{Calls, KINDS, on_both};
use crate::git_auths::scene::refused;
use crate::githosts::fake::Said;
use crate::githosts::forge::{blob_sha, to_base64};
use crate::githosts::{Asked, Fault, Gate};
use crate::harness::{Answer, Call, wait_until};
use serde_json::{Value, json};
use std::time::Duration;

/// Where a kind renews tokens.
fn renewing(kind: &str) -> &'static str {
    match kind {
        "github" => "POST /login/oauth/access_token",
        "gitlab" => "POST /gitlab/oauth/token",
        _ => "POST /oauth/token",
    }
}

/// A repository, by the id of it and of its namespace: they have to be looked up, so that a call which would have one step has
/// several.
fn by_id(calls: &Calls, kind: &str) -> String {
    calls.forge(kind, |forge| {
        let space = forge.space(calls.me(kind)).expect("the person's own").id;
        format!("{space}/{}", forge.at(&calls.demo(kind)).id)
    })
}

/// What is called: the rest of the address, the body, and how the request begins by which the host is told.
struct Wanted {
    method: &'static str,
    rest: String,
    body: Option<Value>,
    line: String,
    answer: (u16, Value),
}

/// The calls, in an order in which each finds what it needs.
fn all(calls: &Calls, kind: &str) -> Vec<Wanted> {
    let demo = by_id(calls, kind);
    let (_, id) = demo.split_once('/').expect("a namespace");
    let at = |github: &str, gitlab: &str, gitee: &str| match kind {
        "github" => github.to_owned(),
        "gitlab" => gitlab.replace("{id}", id),
        _ => gitee.to_owned(),
    };
    let file = format!("/files/{demo}/made.txt");
    let one = json!({ "message": "Add", "content": to_base64(b"one\n") });
    let two = json!({ "message": "Change", "content": to_base64(b"two\n"), "sha": blob_sha(b"one\n") });
    let write = |method, rest, body, line, answer| Wanted { method, rest, body, line, answer };
    let contents = "PUT /api/v3/repos/octocat/demo/contents/";
    vec![
        write(
            "GET",
            format!("/repos/{demo}/branches"),
            None,
            at(
                "GET /api/v3/repos/octocat/demo/branches",
                "GET /gitlab/api/v4/projects/{id}/repository/branches",
                "GET /api/v5/repos/cat/demo/branches",
            ),
            (200, json!({ "branches": ["feature/x", "main"] })),
        ),
        write(
            "POST",
            format!("{file}?ref=main"),
            Some(one),
            at(contents, "POST /gitlab/api/v4/projects/", "POST /api/v5/repos/cat/demo/contents/"),
            (200, json!({ "path": "made.txt" })),
        ),
        write(
            "PUT",
            format!("{file}?ref=main"),
            Some(two),
            at(contents, "PUT /gitlab/api/v4/projects/", "PUT /api/v5/repos/cat/demo/contents/"),
            (200, json!({ "path": "made.txt" })),
        ),
        write(
            "DELETE",
            format!("{file}?ref=main&message=Remove&sha={}", blob_sha(b"two\n")),
            None,
            at("DELETE /api/v3/", "POST /gitlab/api/v4/projects/", "DELETE /api/v5/"),
            (204, Value::Null),
        ),
        write(
            "POST",
            format!("/repos/{demo}/tags?ref=main"),
            Some(json!({ "name": "v2", "description": "Two" })),
            at(
                "POST /api/v3/repos/octocat/demo/git/tags",
                "POST /gitlab/api/v4/projects/",
                "POST /api/v5/repos/cat/demo/tags",
            ),
            (200, json!({ "name": "v2" })),
        ),
        // GitHub makes a tag in two steps, and here the second is refused.
        write(
            "POST",
            format!("/repos/{demo}/tags?ref=main"),
            Some(json!({ "name": "v3", "description": "Three" })),
            at(
                "POST /api/v3/repos/octocat/demo/git/refs",
                "POST /gitlab/api/v4/projects/",
                "POST /api/v5/repos/cat/demo/tags",
            ),
            (200, json!({ "name": "v3" })),
        ),
    ]
}

impl Wanted {
    fn send(&self, calls: &Calls, name: &str) -> Answer {
        let url = calls.server.at(&format!("/v1/{}/git{}", calls.project, self.rest));
        let call = Call::new(self.method, url).header("X-Auth-Token", &calls.token).header("X-Repo-Auth", name);
        match &self.body {
            Some(body) => call.json(body).send(),
            None => call.send(),
        }
    }

    #[track_caller]
    fn is_served(&self, answer: &Answer) {
        assert_eq!(answer.status, self.answer.0, "{} {}: {}", self.method, self.rest, answer.text());
        match &self.answer.1 {
            Value::Null => assert!(answer.body.is_empty()),
            body => assert_eq!(&answer.json(), body, "{} {}", self.method, self.rest),
        }
    }
}

/// An authorization by redirect, whose tokens are renewed. Gives its name.
fn authorize(calls: &Calls, kind: &str) -> String {
    let name = format!("by-code-{kind}");
    calls.authorize(kind, &name);
    name
}

fn bearer(asked: &Asked) -> String {
    asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default().to_owned()
}

fn is_alive(calls: &Calls, kind: &str, token: &str) -> bool {
    match kind {
        "github" => calls.github.is_alive(token),
        "gitlab" => calls.gitlab.is_alive(token),
        _ => calls.gitee.is_alive(token),
    }
}

/// How long tokens live at the hosts that are given from now on, in seconds.
fn lives(calls: &Calls, seconds: i64) {
    calls.github.lives(seconds);
    calls.gitlab.lives(seconds);
    calls.gitee.lives(seconds);
}

/// Each of the calls has done what it should, once.
fn is_done_once(calls: &Calls, kind: &str) {
    calls.forge(kind, |forge| {
        let demo = forge.at(&calls.demo(kind));
        let history = demo.history("main");
        let messages: Vec<&str> = history.iter().map(|commit| commit.message.as_str()).collect();
        for message in ["Add", "Change", "Remove"] {
            assert_eq!(messages.iter().filter(|told| **told == message).count(), 1, "{kind} {message}: {messages:?}");
        }
        for (name, message) in [("v2", "Two"), ("v3", "Three")] {
            assert_eq!(demo.tags[name].message.as_deref(), Some(message), "{kind}");
        }
        assert_eq!(demo.tags.len(), 3, "{kind}");
    });
    let trail = calls.trail("git_repository.change");
    for what in ["create file", "update file", "delete file", "create tag v2", "create tag v3"] {
        let begin = format!("through by-code-{kind}: {what}");
        for outcome in ["asked", "done"] {
            let told = trail.iter().filter(|(told, details)| told == outcome && details.starts_with(&begin)).count();
            assert_eq!(told, 1, "{outcome} {begin}: {trail:?}");
        }
    }
}

#[test]
fn a_call_with_a_token_that_has_less_than_a_minute_is_made_with_a_renewed_one() {
    on_both(|calls| {
        calls.github.tokens_end();
        // Each token that is given is one of these, so that each call has to renew the one before.
        lives(calls, 59);
        for kind in KINDS {
            let (name, fake) = (authorize(calls, kind), calls.fake(kind));
            let mut last = String::new();
            for wanted in all(calls, kind) {
                fake.forget();
                wanted.is_served(&wanted.send(calls, &name));
                let log = fake.log();
                assert_eq!(fake.count(renewing(kind)), 1, "{kind} {}: {log:?}", wanted.line);
                assert_eq!(fake.count(&wanted.line), 1, "{kind} {}: {log:?}", wanted.line);
                assert!(log[0].line().starts_with(renewing(kind)), "{kind} {}: before anything else", wanted.line);
                let token = bearer(&log[1]);
                assert!(log[1..].iter().all(|asked| bearer(asked) == token), "{kind}: with the new token alone");
                assert!(token != last && is_alive(calls, kind, &token), "{kind}");
                last = token;
            }
            is_done_once(calls, kind);
        }
        assert_eq!(calls.trail("git_authorization.refresh_failed"), []);
    });
}

#[test]
fn a_token_that_the_host_refuses_in_the_midst_of_a_call_is_renewed_and_the_call_is_made_once_more() {
    on_both(|calls| {
        calls.github.tokens_end();
        lives(calls, 7_200);
        for kind in KINDS {
            let (name, fake) = (authorize(calls, kind), calls.fake(kind));
            // Branches on two pages: the first is read with the old token.
            calls.forge(kind, |forge| forge.most_per_page = 1);
            for wanted in all(calls, kind) {
                let (gate, pages) = (Gate::default(), usize::from(wanted.method == "GET"));
                fake.recovers();
                fake.forget();
                fake.fails(&wanted.line, Fault::Slow(Duration::ZERO), pages);
                fake.fails(&wanted.line, Fault::FrozenBefore(gate.clone()), 1);
                let answer = std::thread::scope(|scope| {
                    let under_way = scope.spawn(|| wanted.send(calls, &name));
                    wait_until("the host hears of it", || fake.count(&wanted.line) == 1 + pages);
                    // Everything before went well; now the host's clock says that the token is over, and ours does not.
                    for clock in [&calls.github.clock, &calls.gitlab.clock, &calls.gitee.clock] {
                        clock.advance(7_300);
                    }
                    gate.open();
                    under_way.join().expect("an answer")
                });
                wanted.is_served(&answer);
                let log = fake.log();
                let at = log.iter().position(|asked| asked.line().starts_with(renewing(kind))).expect("was renewed");
                assert_eq!(fake.count(renewing(kind)), 1, "{kind} {}: {log:?}", wanted.line);
                let (before, after) = (&log[..at], &log[at + 1..]);
                let [old, new] = [before, after].map(|some| bearer(&some[0]));
                assert!(before.len() > 1 && before.iter().all(|asked| bearer(asked) == old), "{kind}: {before:?}");
                assert!(old != new && after.iter().all(|asked| bearer(asked) == new), "{kind}: {after:?}");
                let asked = |some: &[Asked]| some.iter().map(|one| (one.line(), one.query.clone())).collect::<Vec<_>>();
                let (before, mut after) = (asked(before), asked(after));
                // What GitHub's tag still needs comes after the request that was refused.
                let more = after.split_off(before.len());
                assert_eq!(before, after, "{kind}: from the beginning, once");
                assert!(more.iter().all(|(line, _)| line.ends_with("/git/refs")), "{kind}: {more:?}");
                assert!(before.last().is_some_and(|(line, _)| line.starts_with(&wanted.line)), "{kind}: {before:?}");
            }
            is_done_once(calls, kind);
        }
    });
}

#[test]
fn a_host_that_takes_the_renewed_token_no_more_than_the_one_before_is_asked_twice_and_is_believed() {
    on_both(|calls| {
        calls.github.tokens_end();
        for kind in KINDS {
            let (name, fake) = (authorize(calls, kind), calls.fake(kind));
            let create = all(calls, kind).remove(1);
            fake.fails(&create.line, Fault::Says(Said::json(401, &json!({ "message": "401 Unauthorized" }))), 99);
            fake.forget();
            refused(&create.send(calls, &name), 400, "SVCSTG.REPO.0451");
            assert_eq!((fake.count(&create.line), fake.count(renewing(kind))), (2, 1), "{kind}: {:?}", fake.log());
            let row = calls.list().into_iter().find(|row| row["name"] == name.as_str()).expect("is listed");
            assert_eq!(row["status"], 2, "{kind}: {row}");
            fake.recovers();
            fake.forget();
            refused(&create.send(calls, &name), 400, "SVCSTG.REPO.0451");
            assert!(fake.log().is_empty(), "{kind}: a host whose word is known is not asked");
            assert_eq!(calls.forge(kind, |forge| forge.at(&calls.demo(kind)).content("main", "made.txt")), None);
        }
    });
}
