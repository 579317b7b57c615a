//! The end of an authorization: at once here, and at its host as soon as that can be reached.

use super::scene::{Scene, brought, refused};
use crate::githosts::{Fault, Gate};
use crate::harness::{Database, http, wait_until};
use serde_json::{Value, json};
use std::io::Write;
use std::time::{Duration, Instant};

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
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
        let gate = Gate::default();
        scene.github.fails("DELETE", Fault::FrozenAway(gate.clone()), 1);
        scene.github.fails("DELETE", Fault::Status(503), 1);
        let start = Instant::now();
        assert_eq!(scene.delete("auth1").status, 204);
        // As long as a request may take.
        assert!(start.elapsed() < Duration::from_secs(10), "the answer waited for the host");
        gate.open();
        wait_until("the token stays alive", || scene.github.live_tokens().is_empty());
        wait_until("the trail says nothing", || !scene.trail("git_authorization.revoke").is_empty());
        assert_eq!(scene.trail("git_authorization.revoke")[0].0, "done");
    });
}

#[test]
fn a_host_whose_port_was_closed_is_told_when_it_is_back_and_after_a_week_the_trail_says_that_it_was_given_up() {
    on_both(|scene| {
        for name in ["auth1", "auth2"] {
            scene.authorize("github", name);
        }
        scene.github.closes();
        assert_eq!(scene.delete("auth1").status, 204);
        assert_eq!(scene.trail("git_authorization.revoke").len(), 0, "nothing came of it yet");
        scene.github.opens();
        wait_until("the token stays alive", || scene.github.live_tokens().len() == 1);
        wait_until("the trail says nothing", || scene.trail("git_authorization.revoke").len() == 1);
        assert_eq!(scene.trail("git_authorization.revoke")[0].0, "done");
        scene.github.closes();
        assert_eq!(scene.delete("auth2").status, 204);
        scene.server.with_store(async |store| {
            // A week has passed, as the row tells it.
            const WEEK: &str = "UPDATE git_revocations SET created_at = created_at - 604800001";
            store.run(vec![vestibule_store::Statement::new(WEEK, vec![])]).await.expect("time has passed");
        });
        wait_until("the trail says nothing", || scene.trail("git_authorization.revoke").len() == 2);
        let (outcome, details) = scene.trail("git_authorization.revoke").remove(0);
        assert!(outcome == "given_up" && details.contains("the host did not answer"), "{outcome} {details}");
        scene.github.opens();
        std::thread::sleep(Duration::from_secs(5));
        assert_eq!(scene.github.live_tokens().len(), 1, "nobody asks any more, and the trail has said so");
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

#[test]
fn a_token_that_the_host_has_given_twice_lives_as_long_as_one_authorization_holds_it() {
    on_both(|scene| {
        scene.github.gives_the_same_again();
        scene.authorize("github", "auth1");
        let token = scene.github.live_tokens().remove(0);
        // Renewed in place with the same one: nothing is ended.
        let (_, mut visitor, page) = scene.landed("github");
        assert!(visitor.submit(&page, "git-renew-auth1", &[]).shows("git-kept"));
        scene.authorize("github", "auth2");
        assert_eq!(scene.github.live_tokens(), std::slice::from_ref(&token), "one token, two authorizations");
        // A third way to it breaks off after the code was traded: the token is not ended for that either.
        let (address, _, _) = scene.landed("github");
        scene.github.fails("GET /api/v3/user", Fault::Status(502), 2);
        refused(&scene.post("/github/oauth", &brought("auth3", &address)), 500, "SVCSTG.REPO.0500");
        scene.github.recovers();
        wait_until("the trail says nothing", || scene.trail("git_authorization.revoke").len() == 1);
        assert_eq!(scene.delete("auth1").status, 204);
        wait_until("the trail says nothing", || scene.trail("git_authorization.revoke").len() == 2);
        for (outcome, details) in scene.trail("git_authorization.revoke") {
            assert!(outcome == "in_use" && details.contains("another authorization"), "{outcome} {details}");
        }
        assert_eq!((scene.github.is_alive(&token), scene.github.count("DELETE")), (true, 0));
        assert_eq!(scene.delete("auth2").status, 204);
        wait_until("the token stays alive", || !scene.github.is_alive(&token));
        wait_until("the trail says nothing", || scene.trail("git_authorization.revoke").len() == 3);
        assert_eq!(scene.trail("git_authorization.revoke")[0].0, "done");
    });
}

/// Posts without waiting for the answer: whoever asked hangs up once the host was reached.
fn post_and_leave(scene: &Scene, rest: &str, body: &Value, reached: impl Fn() -> bool) {
    let (authority, body) = (scene.server.authority(), body.to_string());
    let mut stream = http::connect(authority).expect("a connection");
    let head = format!("POST /v1/{}/git/auths{rest} HTTP/1.1\r\nHost: {authority}\r\n", scene.project);
    let token = format!("X-Auth-Token: {}\r\nContent-Length: {}\r\n\r\n", scene.token, body.len());
    stream.write_all(format!("{head}{token}{body}").as_bytes()).expect("is sent");
    wait_until("the host was not reached", reached);
}

#[test]
fn what_was_begun_at_a_host_is_finished_before_the_server_ends_though_its_caller_is_gone() {
    on_both(|mut scene| {
        let (address, _, _) = scene.landed("github");
        let slow = || Fault::Slow(Duration::from_secs(2));
        scene.github.fails("POST /login/oauth/access_token", slow(), 1);
        let trades = || scene.github.count("POST /login/oauth/access_token") == 1;
        post_and_leave(&scene, "/github/oauth", &brought("auth1", &address), trades);
        let (user, password) = scene.gitee.add_person("grace");
        scene.gitee.fails("POST /oauth/token", slow(), 1);
        let tries = || scene.gitee.count("POST /oauth/token") == 1;
        let person = json!({ "name": "auth2", "user": user, "password": password });
        post_and_leave(&scene, "/gitee/password", &person, tries);
        scene.server.process().terminate();
        assert_eq!(scene.server.process().wait(Duration::from_secs(60)), Some(Some(0)));
        scene.server.restart();
        let kept: Vec<Value> = scene.list().iter().map(|row| row["name"].clone()).collect();
        assert_eq!(kept, ["auth1", "auth2"]);
    });
}

/// Longer than requests get at the end: what was begun at a host gets as long as a host may take.
#[test]
fn what_a_slow_host_was_asked_for_is_kept_though_the_server_was_told_to_end_long_before() {
    std::thread::scope(|scope| {
        for database in [Database::Sqlite, Database::Postgres] {
            scope.spawn(move || {
                let mut scene = Scene::on(database);
                let (address, _, _) = scene.landed("github");
                // Two requests, each as slow as one may be: together slower than the drain of ordinary requests.
                for line in ["POST /login/oauth/access_token", "GET /api/v3/user"] {
                    scene.github.fails(line, Fault::Slow(Duration::from_secs(7)), 1);
                }
                let trades = || scene.github.count("POST /login/oauth/access_token") == 1;
                post_and_leave(&scene, "/github/oauth", &brought("auth1", &address), trades);
                scene.server.process().terminate();
                assert_eq!(scene.server.process().wait(Duration::from_secs(60)), Some(Some(0)));
                scene.server.restart();
                assert_eq!(scene.list()[0]["name"], "auth1", "on {database:?}");
                assert_eq!(scene.github.live_tokens().len(), 1);
            });
        }
    });
}

/// What somebody does who changes the stored token of this authorization.
fn damage(scene: &Scene, name: &str) {
    scene.server.with_store(async |store| {
        const DAMAGE: &str = "UPDATE git_authorizations SET access = access_by WHERE name = $1";
        let damage = vestibule_store::statement!(DAMAGE, name);
        store.run(vec![damage]).await.expect("is damaged");
    });
}

#[test]
fn fm_124_a_token_that_can_no_longer_be_read_is_replaced_and_deleted_and_the_trail_says_that_it_stays_alive() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        damage(&scene, "auth1");
        let (_, mut visitor, page) = scene.landed("github");
        let kept = visitor.submit(&page, "git-renew-auth1", &[]);
        assert!(kept.shows("git-kept"), "{}", kept.plain());
        let unreadable = |rows: Vec<(String, String)>| {
            let is_told = |(outcome, details): &(String, String)| {
                outcome == "unreadable" && details.starts_with("auth1, git_host:") && details.contains("was changed")
            };
            rows.iter().filter(|row| is_told(row)).count()
        };
        assert_eq!(unreadable(scene.trail("git_authorization.revoke")), 1);
        damage(&scene, "auth1");
        assert_eq!(scene.delete("auth1").status, 204);
        assert_eq!(unreadable(scene.trail("git_authorization.revoke")), 2);
        assert_eq!(scene.github.live_tokens().len(), 2, "they stay alive at the host");
    });
}
