//! Renewals of which nobody knows what became: a reply that was lost, a process that was killed or frozen in between.

use super::renewals::{TOKEN, ended, rested, second_node, status};
use super::scene::{Scene, refused};
use crate::githosts::{Fault, Gate};
use crate::harness::process::signal;
use crate::harness::{Database, Server, wait_until};
use serde_json::json;
use std::cell::RefCell;
use std::time::Duration;
use vestibule_oauth::id::Id;
use vestibule_store::Store;
use vestibule_store::audit::Note;
use vestibule_store::git_authorizations::{FoundGitAuthorization, GitTokens};
use vestibule_store::git_credentials::ChangeGitAuthorization;
use vestibule_store::git_refreshes::{ClaimGitRefresh, RefreshedGitCredential};
use vestibule_store::git_standing::GitTrouble;

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

/// Puts the end of the lease into the past, as if a minute had gone by.
fn lease_ends(scene: &Scene) {
    scene.server.with_store(async |store| {
        const END: &str = "UPDATE git_authorizations SET refresh_until = 1 WHERE refresh_until > $1 RETURNING id";
        let rows = store.run(vec![vestibule_store::statement!(END, 1_i64)]).await.expect("runs");
        assert_eq!(rows[0].len(), 1, "a renewal is written down");
    });
}

#[test]
fn after_a_lost_reply_the_old_token_is_tried_once_and_then_somebody_has_to_authorize_again() {
    on_both(|scene| {
        ended(&scene, "auth1");
        scene.gitlab.fails(TOKEN, Fault::DropAfter, 1);
        refused(&scene.hand_out("auth1"), 502, "SVCSTG.REPO.0500");
        assert_eq!(status(&scene), 0, "nobody has said anything definite");
        let told = scene.shown("auth1")["renewal"].as_str().expect("it is told").to_owned();
        assert!(told.contains("nobody knows what became"), "{told}");
        rested(&scene);
        for _ in 0..2 {
            let why = refused(&scene.hand_out("auth1"), 400, "SVCSTG.REPO.0451");
            assert!(why.contains("cut off") && why.contains("authorize it again"), "{why}");
        }
        assert_eq!((status(&scene), scene.gitlab.count(TOKEN)), (2, 2), "the old one was tried once");
        let shown = scene.shown("auth1");
        assert!(shown["next"].as_str().is_some_and(|next| next.contains("authorizes it again")), "{shown}");
        assert_eq!(shown["renewal"], json!(null), "{shown}");
        // The way back.
        scene.delete("auth1");
        scene.authorize("gitlab", "auth1");
        assert_eq!(status(&scene), 0);
        // Where the host never heard of it, the old token is still good.
        scene.delete("auth1");
        ended(&scene, "auth1");
        scene.gitlab.fails(TOKEN, Fault::DropBefore, 1);
        refused(&scene.hand_out("auth1"), 502, "SVCSTG.REPO.0500");
        rested(&scene);
        assert!(scene.gitlab.is_alive(&scene.credential("auth1")));
        assert_eq!((status(&scene), scene.shown("auth1")["renewal"].clone()), (0, json!(null)));
    });
}

/// Kills the server while a renewal is under way at the host, and starts it again.
fn killed_in_between(scene: &mut Scene, frozen: impl Fn(Gate) -> Fault) {
    ended(scene, "auth1");
    let gate = Gate::default();
    scene.gitlab.fails(TOKEN, frozen(gate.clone()), 1);
    std::thread::scope(|scope| {
        let (server, project, token) = (&scene.server, &scene.project, &scene.token);
        let call = crate::harness::Call::post(server.at(&format!("/v1/{project}/git/credentials")));
        let call = call.header("X-Auth-Token", token).json(&json!({ "authorization": "auth1" }));
        let caller =
            scope.spawn(move || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| call.send())).is_ok());
        wait_until("nothing was sent", || scene.gitlab.count(TOKEN) == 1);
        let written = scene.shown("auth1")["renewal"].as_str().expect("it is written down").to_owned();
        assert!(written.starts_with("under way since"), "{written}");
        signal("KILL", server.process_id());
        let _ = caller.join();
    });
    gate.open();
    scene.server.process().kill();
    scene.server.restart();
}

#[test]
fn after_kill_9_in_between_the_old_token_is_tried_once_when_the_lease_is_over() {
    on_both(|mut scene| {
        killed_in_between(&mut scene, Fault::FrozenAfter);
        let wait = scene.hand_out("auth1");
        refused(&wait, 429, "SVCSTG.REPO.0400");
        let seconds = wait.header("retry-after").and_then(|wait| wait.parse::<i64>().ok()).expect("Retry-After");
        assert!((1..=60).contains(&seconds), "as long as the lease: {seconds}");
        assert_eq!((status(&scene), scene.gitlab.count(TOKEN)), (0, 1));
        lease_ends(&scene);
        for _ in 0..2 {
            let why = refused(&scene.hand_out("auth1"), 400, "SVCSTG.REPO.0451");
            assert!(why.contains("cut off"), "{why}");
        }
        assert_eq!((status(&scene), scene.gitlab.count(TOKEN)), (2, 2));
        assert_eq!(scene.shown("auth1")["renewal"], json!(null), "within the minute of the lease, too");
        scene.delete("auth1");
        // The host had done nothing yet: the old one is still good.
        killed_in_between(&mut scene, Fault::FrozenAway);
        lease_ends(&scene);
        assert!(scene.gitlab.is_alive(&scene.credential("auth1")));
        assert_eq!(status(&scene), 0);
    });
}

/// A process whose renewal is frozen at the host and which is itself frozen past its lease, and another holder meanwhile.
fn frozen(scene: &Scene, fault: Fault, meanwhile: impl FnOnce(Option<&Server>), gate: &Gate) -> u16 {
    ended(scene, "auth1");
    let other = second_node(scene);
    // A process that stops in the midst of a write would keep everybody else from theirs.
    scene.server.settles();
    scene.gitlab.fails(TOKEN, fault, 1);
    std::thread::scope(|scope| {
        let caller = scope.spawn(|| scene.hand_out("auth1").status);
        wait_until("nothing was sent", || scene.gitlab.count(TOKEN) == 1);
        signal("STOP", scene.server.process_id());
        lease_ends(scene);
        meanwhile(other.as_ref());
        gate.open();
        // What the host says waits for it.
        std::thread::sleep(Duration::from_millis(300));
        signal("CONT", scene.server.process_id());
        caller.join().expect("the first caller")
    })
}

/// What another holder does where there is no room for another node: SQLite serves one process at a time.
fn by_hand(scene: &Scene, act: impl AsyncFnOnce(&Store, FoundGitAuthorization, Note)) {
    let project = Id::parse(&scene.project).expect("an id");
    scene.server.with_store(async |store| {
        let found = store.find_git_authorization(project, "auth1").await.expect("reads").expect("is there");
        let id = |n| Id::from_bytes([n; 16]);
        let claimed = store.claim_git_refresh(&found.authorization, id(1), 2, 60_002).await.expect("runs");
        assert_eq!(claimed, ClaimGitRefresh::Claimed { in_doubt: true });
        act(&store, found, Note { id: id(2), at: 3, actor: "another holder".to_owned(), request_id: None }).await;
    });
}

#[test]
fn fm_130_a_holder_frozen_past_its_lease_whose_answer_comes_late_has_it_kept_because_nobody_renewed_since() {
    on_both(|scene| {
        let gate = Gate::default();
        // The host has renewed for the first, so it refuses the second, who cannot know why.
        let meanwhile = |other: Option<&Server>| match other {
            Some(other) => {
                let why = refused(&scene.hand_out_at(other, "auth1"), 400, "SVCSTG.REPO.0451");
                assert!(why.contains("cut off"), "{why}");
            }
            None => by_hand(&scene, async |store, found, note| {
                let blamed = store.blame_git_authorization(&found.authorization, GitTrouble::RefreshLost, &note).await;
                assert_eq!(blamed.expect("runs"), ChangeGitAuthorization::Done);
            }),
        };
        frozen(&scene, Fault::FrozenAfter(gate.clone()), meanwhile, &gate);
        wait_until("the late answer is not kept", || status(&scene) == 0);
        assert!(scene.gitlab.is_alive(&scene.credential("auth1")));
        assert_eq!(scene.trail("git_authorization.refresh").len(), 1);
    });
}

#[test]
fn fm_130_a_holder_frozen_past_its_lease_who_comes_too_late_harms_nobody() {
    // Two nodes that ask one host: the second's tokens are the only ones that are alive. SQLite serves one process at a time,
    // so that nobody else could have renewed at the host there; what is left of it is the test below.
    let (scene, gate) = (Scene::on(Database::Postgres), Gate::default());
    let meanwhile = |other: Option<&Server>| {
        let answer = scene.hand_out_at(other.expect("another node"), "auth1");
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    let first = frozen(&scene, Fault::FrozenBefore(gate.clone()), meanwhile, &gate);
    assert_eq!(first, 200, "the loser reads what the winner kept");
    assert_eq!(status(&scene), 0);
    assert!(scene.gitlab.is_alive(&scene.credential("auth1")), "the winner's tokens live");
    assert_eq!(scene.trail("git_authorization.blame"), []);
    assert_eq!(scene.trail("git_authorization.refresh").len(), 1);
}

#[test]
fn fm_130_whatever_a_host_says_to_a_holder_who_comes_too_late_the_row_stays_as_the_winner_left_it() {
    for gives in [true, false] {
        on_both(|scene| {
            let (gate, ends) = (Gate::default(), i64::MAX / 2);
            let kept = || {
                let project = Id::parse(&scene.project).expect("an id");
                let find = async |store: Store| store.find_git_authorization(project, "auth1").await;
                let found = scene.server.with_store(find).expect("reads").expect("is there");
                (found.authorization.generation, found.authorization.account.access_ends_at, found.tokens)
            };
            let winners = RefCell::new(None);
            let meanwhile = |_: Option<&Server>| {
                by_hand(&scene, async |store, found, note| {
                    let GitTokens { access, refresh } = found.tokens;
                    let (access_ends_at, refresh_ends_at, scopes) = (Some(ends), None, None);
                    let new = RefreshedGitCredential { access, refresh, access_ends_at, refresh_ends_at, scopes };
                    let kept = store.keep_refreshed_git_credential(&found.authorization, &new, &note).await;
                    assert_eq!(kept.expect("runs"), ChangeGitAuthorization::Done);
                });
                if !gives {
                    scene.gitlab.revoke_all();
                }
                winners.replace(Some(kept()));
            };
            let first = frozen(&scene, Fault::FrozenBefore(gate.clone()), meanwhile, &gate);
            assert_eq!((first, status(&scene)), (200, 0), "the loser reads what the winner kept");
            // What it was given is nobody's, and is ended there.
            wait_until("no token is left at the host", || scene.gitlab.alive() == 0);
            let left = kept();
            assert_eq!((left.0, left.1), (2, Some(ends)));
            assert!(winners.take() == Some(left), "another credential stands there");
            assert_eq!(scene.trail("git_authorization.blame"), []);
            assert_eq!(scene.trail("git_authorization.refresh").len(), 1);
        });
    }
}

#[test]
fn fm_127_tokens_that_come_after_somebody_authorized_anew_are_ended_at_the_host() {
    on_both(|scene| {
        ended(&scene, "auth1");
        let gate = Gate::default();
        scene.gitlab.fails(TOKEN, Fault::FrozenAfter(gate.clone()), 1);
        let midnight = (scene.gitlab.clock.now() / 86_400 + 30) * 86_400;
        let personal = scene.gitlab.personal_token(&["api"], midnight);
        std::thread::scope(|scope| {
            let caller = scope.spawn(|| scene.hand_out("auth1"));
            wait_until("nothing was sent", || scene.gitlab.count(TOKEN) == 1);
            let mut visitor = scene.visitor(&scene.ada);
            let page = visitor.open(&scene.server.at("/git"));
            visitor.submit(&page, "token-auth1", &[("token", &personal)]);
            assert_eq!(scene.shown("auth1")["token_type"], "personal");
            assert_eq!(scene.gitlab.alive(), 2, "the personal token, and the pair that is on its way");
            gate.open();
            let answer = caller.join().expect("a caller");
            assert_eq!((answer.status, &answer.json()["password"]), (200, &json!(personal)));
        });
        wait_until("the pair lives on", || scene.gitlab.alive() == 1);
        assert!(scene.gitlab.is_alive(&personal));
    });
}
