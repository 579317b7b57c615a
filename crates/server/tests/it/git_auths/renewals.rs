//! Renewals that go well, and hosts that say no: once for everybody, before the token ends, and what each no means.

use super::scene::{Scene, refused};
use crate::githosts::{Fault, gitlab};
use crate::harness::process::run;
use crate::harness::server::binary;
use crate::harness::{Call, Database, Server};
use serde_json::json;
use std::sync::Barrier;
use std::time::Duration;

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

/// Where GitLab renews.
pub const TOKEN: &str = "POST /gitlab/oauth/token";

/// An authorization at GitLab whose token has less than a minute of life; those that come after it live two hours.
pub fn ending(scene: &Scene, name: &str, life: i64) {
    scene.gitlab.lives(life);
    scene.authorize("gitlab", name);
    scene.gitlab.lives(7200);
    scene.gitlab.forget();
}

/// The same with a token that has ended. Hosts count in whole seconds, so it is given more than one to be looked at.
pub fn ended(scene: &Scene, name: &str) {
    ending(scene, name, 3);
    std::thread::sleep(Duration::from_millis(3100));
}

/// Another node, where the database has room for one.
pub fn second_node(scene: &Scene) -> Option<Server> {
    (scene.server.database == Database::Postgres).then(|| scene.server.second_node())
}

/// The one authorization's status.
#[track_caller]
pub fn status(scene: &Scene) -> i64 {
    let rows = scene.list();
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0]["status"].as_i64().expect("a status")
}

#[test]
fn a_token_with_less_than_a_minute_of_life_is_renewed_before_it_is_used_over_every_kind() {
    on_both(|scene| {
        scene.github.tokens_end();
        let (hub, tee) = (&scene.github, &scene.gitee);
        hub.lives(59);
        tee.lives(59);
        ending(&scene, "at-lab", 59);
        scene.authorize("github", "at-hub");
        scene.authorize("gitee", "at-tee");
        hub.lives(28_800);
        tee.lives(86_400);
        for (name, life, is_alive) in [
            ("at-lab", 7_200, (&|token: &str| scene.gitlab.is_alive(token)) as &dyn Fn(&str) -> bool),
            ("at-hub", 28_800, &|token: &str| hub.is_alive(token)),
            ("at-tee", 86_400, &|token: &str| tee.is_alive(token)),
        ] {
            let first = scene.hand_out(name);
            assert_eq!(first.status, 200, "{name}: {}", first.text());
            let told = first.json();
            let token = told["password"].as_str().expect("a token").to_owned();
            assert!(is_alive(&token), "{name}");
            let ends = told["expires_at"].as_i64().expect("an end") / 1000;
            assert!((ends - scene.gitlab.clock.now() - life).abs() < 30, "{name}: {told}");
            assert_eq!(scene.credential(name), token, "{name}: once");
            let shown = scene.shown(name);
            assert_eq!((&shown["status"], &shown["renewal"]), (&json!("normal"), &json!(null)), "{shown}");
        }
        assert_eq!(scene.gitlab.count(TOKEN), 1);
        assert_eq!(scene.gitlab.alive(), 1, "the old pair died with it");
        let told = scene.trail("git_authorization.refresh");
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().all(|(_, details)| details.contains("generation 2")), "{told:?}");
        let listed: Vec<_> = scene.list().iter().map(|row| row["status"].clone()).collect();
        assert_eq!(listed, [0, 0, 0]);
    });
}

#[test]
fn of_64_callers_at_expiry_on_all_nodes_one_asks_the_host_and_all_get_what_it_gave() {
    on_both(|scene| {
        ended(&scene, "auth1");
        let other = second_node(&scene);
        let servers: [&Server; 2] = [&scene.server, other.as_ref().unwrap_or(&scene.server)];
        scene.gitlab.fails(TOKEN, Fault::Slow(Duration::from_millis(700)), 99);
        let start = Barrier::new(64);
        let got: Vec<String> = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..64)
                .map(|n| {
                    let (scene, start) = (&scene, &start);
                    scope.spawn(move || {
                        start.wait();
                        let answer = scene.hand_out_at(servers[n % 2], "auth1");
                        assert_eq!(answer.status, 200, "{}", answer.text());
                        answer.json()["password"].as_str().expect("a token").to_owned()
                    })
                })
                .collect();
            callers.into_iter().map(|caller| caller.join().expect("a caller")).collect()
        });
        assert_eq!(scene.gitlab.count(TOKEN), 1, "one renewal over all nodes");
        assert!(got.iter().all(|token| *token == got[0] && scene.gitlab.is_alive(token)), "all have the new one");
        assert_eq!((status(&scene), scene.trail("git_authorization.refresh").len()), (0, 1));
        assert_eq!(scene.trail("git_authorization.refresh_failed"), []);
    });
}

#[test]
fn fm_130_a_revoked_grant_is_overdue_since_the_hosts_word_and_the_host_is_not_asked_again() {
    on_both(|scene| {
        ending(&scene, "auth1", 30);
        scene.gitlab.revoke_all();
        for _ in 0..3 {
            let why = refused(&scene.hand_out("auth1"), 400, "SVCSTG.REPO.0451");
            assert!(why.contains("no longer renews the token; authorize it again"), "{why}");
        }
        assert_eq!((status(&scene), scene.gitlab.count(TOKEN)), (1, 1));
        let shown = scene.shown("auth1");
        assert_eq!(shown["reason"], "the host no longer renews the token");
        assert!(shown["next"].as_str().is_some_and(|next| next.contains("authorizes it again")), "{shown}");
        assert_eq!(shown["renewal"], json!(null), "nothing is under way or tried any more: {shown}");
        // People who list them see why, too.
        let mut list = binary(&scene.server.directory, scene.server.database_url.as_deref());
        let list = run(list.args(["git-auth", "list", "--project", &scene.project]), "");
        let list = String::from_utf8(list.stdout).expect("text");
        let lines: Vec<&str> = list.lines().collect();
        assert!(lines[0].ends_with("REASON"), "{list}");
        assert!(lines[1].contains("overdue") && lines[1].ends_with("the host no longer renews the token"), "{list}");
        assert_eq!(scene.trail("git_authorization.blame").len(), 1);
    });
}

#[test]
fn a_host_that_is_away_or_broken_makes_nothing_worse_and_is_asked_again_when_it_is_back() {
    on_both(|scene| {
        ended(&scene, "auth1");
        // None of these does anything at the host.
        for fault in [Fault::Status(502), Fault::DropBefore, Fault::Status(401), Fault::Nonsense, Fault::Flood] {
            scene.gitlab.forget();
            scene.gitlab.fails(TOKEN, fault.clone(), 99);
            let why = refused(&scene.hand_out("auth1"), 502, "SVCSTG.REPO.0500");
            assert!(!why.contains(crate::githosts::SAYS), "{why}");
            refused(&scene.hand_out("auth1"), 502, "SVCSTG.REPO.0500");
            let asked = scene.gitlab.count(TOKEN);
            assert!((1..=2).contains(&asked), "{fault:?}: it is left alone for a moment: {asked}");
            assert_eq!(status(&scene), 0, "{fault:?}");
            let shown = scene.shown("auth1");
            assert!(shown["renewal"].as_str().is_some_and(|told| told.contains("the last one failed")), "{shown}");
            scene.gitlab.recovers();
            rested(&scene);
        }
        assert!(scene.gitlab.is_alive(&scene.credential("auth1")));
        assert_eq!((status(&scene), scene.shown("auth1")["renewal"].clone()), (0, json!(null)));
        assert_eq!(scene.trail("git_authorization.blame"), []);
    });
}

#[test]
fn as_long_as_the_old_token_has_life_a_host_that_is_away_keeps_nobody_waiting() {
    on_both(|scene| {
        ending(&scene, "auth1", 50);
        scene.gitlab.fails(TOKEN, Fault::DropBefore, 99);
        let old = scene.credential("auth1");
        assert!(scene.gitlab.is_alive(&old));
        scene.gitlab.recovers();
        rested(&scene);
        let new = scene.credential("auth1");
        assert!(new != old && scene.gitlab.is_alive(&new) && !scene.gitlab.is_alive(&old));
    });
}

/// Lets the time pass in which a host that failed is left alone.
pub fn rested(scene: &Scene) {
    scene.server.with_store(async |store| {
        const PASS: &str = "UPDATE git_authorizations SET refresh_after = 1 WHERE refresh_after > $1 RETURNING id";
        let rows = store.run(vec![vestibule_store::statement!(PASS, 1_i64)]).await.expect("runs");
        assert_eq!(rows[0].len(), 1, "it rests");
    });
}

#[test]
fn a_host_that_asks_for_patience_is_left_alone_that_long_and_nothing_is_worse() {
    on_both(|scene| {
        ended(&scene, "auth1");
        let limited = |wait| Fault::Says(gitlab::too_many(wait, scene.gitlab.clock.now()));
        let told = |answer: &crate::harness::Answer| {
            refused(answer, 429, "SVCSTG.REPO.0400");
            answer.header("retry-after").and_then(|wait| wait.parse::<i64>().ok()).expect("Retry-After")
        };
        // At its token endpoint: over all nodes, because the row says so.
        scene.gitlab.fails(TOKEN, limited(300), 1);
        let other = second_node(&scene);
        for server in [&scene.server, &scene.server].into_iter().chain(&other) {
            let wait = told(&scene.hand_out_at(server, "auth1"));
            assert!((250..=300).contains(&wait), "{wait}");
        }
        assert_eq!((scene.gitlab.count(TOKEN), status(&scene)), (1, 0));
        rested(&scene);
        let token = scene.credential("auth1");
        // At a call: Retry-After, and where that is missing the moment at which the allowance is renewed.
        let user = "GET /gitlab/api/v4/user";
        scene.gitlab.fails(user, limited(5), 1);
        assert!((1..=5).contains(&told(&scene.doubt("auth1", &token))));
        assert!((1..=5).contains(&told(&scene.doubt("auth1", &token))));
        assert_eq!(scene.gitlab.count(user), 1, "the host is not asked");
        std::thread::sleep(Duration::from_millis(5100));
        assert!(scene.doubt("auth1", &token).status < 300);
        assert_eq!(scene.gitlab.count(user), 2);
        let mut reset = gitlab::too_many(100, scene.gitlab.clock.now());
        reset.headers.retain(|(name, _)| name != "Retry-After");
        scene.gitlab.fails(user, Fault::Says(reset), 1);
        assert!((90..=100).contains(&told(&scene.doubt("auth1", &token))));
        assert_eq!(status(&scene), 0);
        assert_eq!(scene.trail("git_authorization.blame"), []);
    });
}

#[test]
fn a_token_that_the_host_refuses_is_tried_once_after_a_renewal_and_only_then_it_is_bad() {
    on_both(|scene| {
        ending(&scene, "auth1", 7200);
        let token = scene.credential("auth1");
        assert_eq!(scene.gitlab.count(TOKEN), 0, "it has life");
        // The host's clock runs ahead: it has ended there.
        scene.gitlab.clock.advance(7300);
        assert!(scene.doubt("auth1", &token).status < 300);
        assert_eq!((scene.gitlab.count(TOKEN), status(&scene)), (1, 0));
        let new = scene.credential("auth1");
        assert!(new != token && scene.gitlab.is_alive(&new));
        // It cannot be renewed just now: that is no word on the token.
        scene.gitlab.clock.advance(7300);
        scene.gitlab.fails(TOKEN, Fault::Status(503), 99);
        refused(&scene.doubt("auth1", &new), 502, "SVCSTG.REPO.0500");
        assert_eq!(status(&scene), 0);
        scene.gitlab.recovers();
        rested(&scene);
        scene.gitlab.revoke_all();
        refused(&scene.doubt("auth1", &new), 400, "SVCSTG.REPO.0451");
        assert_ne!(status(&scene), 0);
        scene.delete("auth1");
        // A personal token cannot be renewed: the host's word is the last.
        let ends = scene.gitlab.clock.now() + 40 * 86_400;
        let personal = scene.gitlab.personal_token(&["api"], ends / 86_400 * 86_400);
        let kept = scene.post("/gitlab/personal", &json!({ "name": "auth2", "token": personal }));
        assert_eq!((kept.status, &kept.json()["authorization"]["token_type"]), (200, &json!("personal")));
        let shown = scene.shown("auth2");
        assert!(shown["next"].as_str().is_some_and(|next| next.starts_with("ends at ")), "it tells its end: {shown}");
        assert_eq!(scene.credential("auth2"), personal);
        scene.gitlab.revoke_all();
        let why = refused(&scene.doubt("auth2", &personal), 400, "SVCSTG.REPO.0451");
        assert!(why.contains("no longer takes the token; authorize it again"), "{why}");
        assert_eq!(status(&scene), 2);
        assert_eq!(scene.shown("auth2")["reason"], "the host no longer takes the token");
    });
}

#[test]
fn one_project_that_asks_a_slow_host_a_lot_keeps_nobody_elses_calls_waiting() {
    on_both(|scene| {
        let project = super::scene::project(&scene.server);
        super::scene::join(&scene.server, &project, &scene.ada, "editor");
        scene.server.json(&["git-host", "project", "add", "hub", &project], "");
        let theirs = super::scene::token(&scene.server, &scene.ada, &project);
        let token = scene.github.classic_token(&["repo", "read:user"], None);
        let bring = |project: &str, by: &str| {
            let call = Call::post(scene.server.at(&format!("/v1/{project}/git/auths/github/personal")));
            let kept = call.header("X-Auth-Token", by).json(&json!({ "name": "auth1", "token": token })).send();
            assert_eq!(kept.status, 200, "{}", kept.text());
        };
        bring(&scene.project, &scene.token);
        bring(&project, &theirs);
        let namespaces = |project: &str, by: &str| {
            let call = Call::get(scene.server.at(&format!("/v1/{project}/git/repos/namespaces")));
            call.header("X-Auth-Token", by).header("X-Repo-Auth", "auth1").send().status
        };
        scene.github.forget();
        scene.github.fails("GET /api/v3/", Fault::Slow(Duration::from_secs(10)), 20);
        std::thread::scope(|scope| {
            let crowd: Vec<_> = (0..20).map(|_| scope.spawn(|| namespaces(&scene.project, &scene.token))).collect();
            while scene.github.log().len() < 8 {
                std::thread::sleep(Duration::from_millis(10));
            }
            scene.github.recovers();
            assert_eq!(namespaces(&project, &theirs), 200, "another project's call finds a turn");
            let answered: Vec<u16> = crowd.into_iter().map(|caller| caller.join().expect("a caller")).collect();
            assert_eq!(answered.iter().filter(|status| **status == 429).count(), 12, "{answered:?}");
        });
    });
}
