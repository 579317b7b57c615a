//! Tries at tokens and passwords of Git hosts: few at once for a project, few wrong ones for a person.

use super::scene::{Scene, brought, join, project, refused, token};
use crate::githosts::{Fault, Gate};
use crate::harness::{Answer, Call, Database, wait_until};
use serde_json::json;

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

fn bring(scene: &Scene, (project, by): (&str, &str), name: &str, token: &str) -> Answer {
    let call = Call::post(scene.server.at(&format!("/v1/{project}/git/auths/github/personal")));
    call.header("X-Auth-Token", by).json(&json!({ "name": name, "token": token })).send()
}

#[track_caller]
fn has_to_wait(answer: &Answer) -> u64 {
    refused(answer, 429, "SVCSTG.REPO.0400");
    let seconds = answer.header("retry-after").and_then(|value| value.parse().ok()).expect("Retry-After");
    assert!((1..=61).contains(&seconds), "{seconds}");
    seconds
}

#[test]
fn whoever_brings_five_wrong_tokens_waits_whatever_comes_next_and_nobody_else_does() {
    on_both(|scene| {
        let right = scene.github.classic_token(&["repo", "read:user"], None);
        let ada = (scene.project.as_str(), scene.token.as_str());
        // One that is right gives only itself back.
        for (n, wrong) in ["ghp_1", "ghp_2", "ghp_3"].into_iter().enumerate() {
            refused(&bring(&scene, ada, "wrong", wrong), 400, "SVCSTG.REPO.0400");
            assert_eq!(bring(&scene, ada, &format!("own-{n}"), &right).status, 200);
        }
        let password = json!({ "name": "pass-1", "user": "grace", "password": "wrong" });
        refused(&scene.post("/gitee/password", &password), 400, "SVCSTG.REPO.0400");
        refused(&bring(&scene, ada, "wrong", "ghp_5"), 400, "SVCSTG.REPO.0400");
        // The second that has to pass now is stretched, so that a slow machine does not sit it out.
        let held = scene.server.with_store(async |store| {
            const STRETCH: &str = "UPDATE guesses SET next_at = next_at + 60000 WHERE next_at > 0 RETURNING failures";
            store.run(vec![vestibule_store::Statement::new(STRETCH, vec![])]).await.expect("runs")
        });
        assert_eq!(held[0].iter().map(|row| row.int(0).expect("a number")).collect::<Vec<_>>(), [5]);
        let asked = scene.asked();
        has_to_wait(&bring(&scene, ada, "own-9", &right));
        has_to_wait(&scene.post("/gitee/password", &password));
        let mut visitor = scene.visitor(&scene.ada);
        let page = visitor.open(&scene.server.at("/git"));
        let page = visitor.submit(&page, "token-own-1", &[("token", right.as_str())]);
        assert_eq!(page.is_error_page(429), "git_too_many_tries");
        assert!(page.answer.header("retry-after").is_some());
        assert_eq!(scene.asked(), asked, "nothing was sent to a host");
        let eve = scene.server.person();
        join(&scene.server, &scene.project, &eve, "editor");
        let hers = token(&scene.server, &eve, &scene.project);
        assert_eq!(bring(&scene, (&scene.project, &hers), "hers", &right).status, 200);
    });
}

#[test]
fn one_project_has_four_tries_under_way_and_others_have_theirs() {
    on_both(|scene| {
        let right = scene.github.classic_token(&["repo", "read:user"], None);
        let other = project(&scene.server);
        let eve = scene.server.person();
        join(&scene.server, &other, &eve, "editor");
        scene.server.json(&["git-host", "project", "add", "hub", &other], "");
        let hers = token(&scene.server, &eve, &other);
        let (address, _, _) = scene.landed("github");
        let gate = Gate::default();
        scene.github.fails("GET /api/v3/user", Fault::FrozenBefore(gate.clone()), 4);
        std::thread::scope(|scope| {
            let ada = (scene.project.as_str(), scene.token.as_str());
            let four: Vec<_> = (0..4)
                .map(|n| {
                    let (scene, right) = (&scene, &right);
                    scope.spawn(move || bring(scene, ada, &format!("own-{n}"), right).status)
                })
                .collect();
            wait_until("the host is asked", || scene.github.count("GET /api/v3/user") == 4);
            // Each waits a while for a place.
            let (scene, right, eve) = (&scene, &right, (other.as_str(), hers.as_str()));
            let fifth = scope.spawn(move || bring(scene, ada, "own-9", right));
            let hers = scope.spawn(move || bring(scene, eve, "hers", right));
            assert_eq!(has_to_wait(&scene.post("/github/oauth", &brought("by-code", &address))), 5);
            assert_eq!(has_to_wait(&fifth.join().expect("a caller")), 5);
            assert_eq!(hers.join().expect("a caller").status, 200);
            gate.open();
            assert!(four.into_iter().all(|one| one.join().expect("a caller") == 200));
            assert_eq!(bring(scene, ada, "own-9", right).status, 200, "the places are free again");
            let kept = scene.post("/github/oauth", &brought("by-code", &address));
            assert_eq!(kept.status, 200, "code and state were not spent by waiting: {}", kept.text());
        });
    });
}

/// Size in CI: 20 callers of 5 projects at a host that answers none of them, on each database.
#[test]
fn fm_117_a_host_that_keeps_everybody_waiting_leaves_other_hosts_their_turns_and_the_excess_is_told_when_to_come() {
    on_both(|scene| {
        let right = scene.github.classic_token(&["repo", "read:user"], None);
        let crews: Vec<(String, String)> = (0..5)
            .map(|_| {
                let (project, person) = (project(&scene.server), scene.server.person());
                join(&scene.server, &project, &person, "editor");
                scene.server.json(&["git-host", "project", "add", "hub", &project], "");
                let token = token(&scene.server, &person, &project);
                (project, token)
            })
            .collect();
        let gate = Gate::default();
        scene.github.fails("GET /api/v3/user", Fault::FrozenBefore(gate.clone()), 20);
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..20)
                .map(|n| {
                    let (scene, right, (project, token)) = (&scene, &right, &crews[n % 5]);
                    scope.spawn(move || bring(scene, (project, token), &format!("own-{n}"), right))
                })
                .collect();
            wait_until("the host is asked", || scene.github.count("GET /api/v3/user") == 16);
            let other = scene.gitee.personal_token(&["user_info"], None);
            let answer = scene.post("/gitee/personal", &json!({ "name": "elsewhere", "token": other }));
            assert_eq!(answer.status, 200, "{}", answer.text());
            // Those who find no place are told so, and the sixteen are still there: nothing else has waited for them.
            wait_until("the excess is told", || callers.iter().filter(|caller| caller.is_finished()).count() >= 4);
            assert_eq!(scene.github.count("GET /api/v3/user"), 16, "another host had to wait for the one that hangs");
            gate.open();
            let answers: Vec<Answer> = callers.into_iter().map(|caller| caller.join().expect("a caller")).collect();
            let (kept, crowded): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
            assert_eq!((kept.len(), crowded.len()), (16, 4));
            for answer in crowded {
                has_to_wait(answer);
            }
        });
    });
}
