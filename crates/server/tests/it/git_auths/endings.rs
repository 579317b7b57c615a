//! The end of an authorization: at once here, and at its host as soon as that can be reached.

use super::scene::{Scene, refused};
use crate::githosts::Fault;
use crate::harness::Database;
use serde_json::json;
use std::time::{Duration, Instant};

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn deleting_ends_the_tokens_at_the_host_and_the_trail_says_so() {
    on_both(|scene| {
        scene.github.tokens_end();
        scene.authorize("github", "auth1");
        let tokens = scene.github.live_tokens();
        assert_eq!(tokens.len(), 1);
        let answer = scene.delete("auth1");
        assert_eq!((answer.status, answer.body.len()), (204, 0));
        assert_eq!(scene.list().len(), 0);
        refused(&scene.delete("auth1"), 404, "SVCSTG.REPO.0450");
        wait_until("the token stays alive", || scene.github.live_tokens().is_empty());
        wait_until("the trail says nothing", || !scene.trail("git_authorization.revoke").is_empty());
        assert_eq!(scene.trail("git_authorization.revoke")[0].0, "done");
        assert_eq!(scene.trail("git_authorization.end").len(), 1);
        scene.authorize("github", "auth1");
    });
}

#[test]
fn deleting_does_not_wait_for_a_host_that_is_away_and_is_told_when_it_is_back() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        scene.github.fails("DELETE", Fault::Slow(Duration::from_secs(4)), 1);
        scene.github.fails("DELETE", Fault::Status(503), 1);
        let start = Instant::now();
        assert_eq!(scene.delete("auth1").status, 204);
        assert!(start.elapsed() < Duration::from_secs(3), "the answer waited for the host");
        wait_until("the token stays alive", || scene.github.live_tokens().is_empty());
        wait_until("the trail says nothing", || !scene.trail("git_authorization.revoke").is_empty());
        assert_eq!(scene.trail("git_authorization.revoke")[0].0, "done");
    });
}

#[test]
fn what_cannot_be_ended_at_the_host_is_said_in_the_trail() {
    on_both(|scene| {
        let token = scene.github.classic_token(&["repo"], None);
        assert_eq!(scene.post("/github/personal", &json!({ "name": "own-1", "token": token })).status, 200);
        scene.authorize("gitee", "tee-1");
        for name in ["own-1", "tee-1"] {
            assert_eq!(scene.delete(name).status, 204);
        }
        wait_until("the trail says nothing", || scene.trail("git_authorization.revoke").len() == 2);
        for (outcome, details) in scene.trail("git_authorization.revoke") {
            assert_eq!(outcome, "cannot_be", "{details}");
        }
        assert!(scene.github.is_alive(&token), "a personal token is its owner's");
        assert_eq!(scene.github.count("DELETE"), 0);
    });
}
