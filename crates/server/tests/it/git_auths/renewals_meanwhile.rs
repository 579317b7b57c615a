//! What happens elsewhere while a renewal is under way or waited for: a host or a door that is shut, another holder.

use super::renewals::{TOKEN, ended, ending, status};
use super::scene::{Scene, refused};
use crate::githosts::{Fault, Gate};
use crate::harness::{Database, wait_until};
use std::time::{Duration, Instant};
use vestibule_oauth::id::Id;
use vestibule_store::Store;
use vestibule_store::audit::Note;
use vestibule_store::git_authorizations::{FoundGitAuthorization, GitTokens};
use vestibule_store::git_credentials::ChangeGitAuthorization;
use vestibule_store::git_refreshes::{ClaimGitRefresh, RefreshedGitCredential};

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

/// Does something as another holder of the authorization's renewal would.
fn by_hand(scene: &Scene, act: impl AsyncFnOnce(&Store, FoundGitAuthorization)) {
    let project = Id::parse(&scene.project).expect("an id");
    scene.server.with_store(async |store| {
        let found = store.find_git_authorization(project, "auth1").await.expect("reads").expect("is there");
        act(&store, found).await;
    });
}

/// Takes the renewal for a minute from now, though it is somebody's.
fn take(scene: &Scene) {
    let now = scene.gitlab.clock.now() * 1000;
    by_hand(scene, async |store, found| {
        const OVER: &str = "UPDATE git_authorizations SET refresh_until = $1 WHERE refresh_until > $1 RETURNING id";
        store.run(vec![vestibule_store::statement!(OVER, 1_i64)]).await.expect("runs");
        let claimed = store.claim_git_refresh(&found.authorization, Id::from_bytes([1; 16]), now, now + 60_000).await;
        assert!(matches!(claimed.expect("runs"), ClaimGitRefresh::Claimed { .. }));
    });
}

#[test]
fn a_renewal_that_is_waited_for_is_over_when_its_host_is_switched_off_meanwhile() {
    on_both(|scene| {
        ended(&scene, "auth1");
        take(&scene);
        std::thread::scope(|scope| {
            let caller = scope.spawn(|| scene.hand_out("auth1"));
            std::thread::sleep(Duration::from_millis(800));
            assert!(!caller.is_finished(), "it waits for the other holder");
            // Whoever looks only at the lease would ask for it again and again from now on, and never get it.
            by_hand(&scene, async |store, _| {
                const OFF: &str = "UPDATE git_hosts SET disabled_at = $1 WHERE kind = 'gitlab' RETURNING id";
                const OVER: &str =
                    "UPDATE git_authorizations SET refresh_until = $1 WHERE refresh_until > $1 RETURNING id";
                let statements =
                    vec![vestibule_store::statement!(OFF, 1_i64), vestibule_store::statement!(OVER, 1_i64)];
                let rows = store.run(statements).await.expect("runs");
                assert_eq!((rows[0].len(), rows[1].len()), (1, 1));
            });
            let start = Instant::now();
            let why = refused(&caller.join().expect("a caller"), 400, "SVCSTG.REPO.0451");
            assert!(why.contains("an administrator must let the host serve the project"), "{why}");
            assert!(start.elapsed() < Duration::from_secs(15), "it went on for {:?}", start.elapsed());
        });
        assert_eq!(scene.gitlab.count(TOKEN), 0, "the host is not asked");
    });
}

#[test]
fn a_token_is_not_handed_out_where_the_door_was_shut_while_it_was_renewed() {
    on_both(|scene| {
        // Where the host renews it, and where it does not and there is some life left.
        for (life, fault) in [(3, Fault::FrozenAfter as fn(Gate) -> Fault), (50, Fault::FrozenAway)] {
            scene.server.json(&["project", "set", &scene.project, "--hand-out", "on"], "");
            ending(&scene, "auth1", life);
            let gate = Gate::default();
            scene.gitlab.fails(TOKEN, fault(gate.clone()), 1);
            std::thread::scope(|scope| {
                let caller = scope.spawn(|| scene.hand_out("auth1"));
                wait_until("nothing was sent", || scene.gitlab.count(TOKEN) == 1);
                scene.server.json(&["project", "set", &scene.project, "--hand-out", "off"], "");
                gate.open();
                let answer = caller.join().expect("a caller");
                assert_eq!(answer.status, 403, "{life}: {}", answer.text());
                assert!(answer.text().contains("--hand-out on"), "{life}: {}", answer.text());
            });
            scene.delete("auth1");
        }
    });
}

#[test]
fn fm_130_a_holder_whose_renewal_was_taken_over_does_not_blame_a_credential_that_the_other_has_renewed() {
    on_both(|scene| {
        ended(&scene, "auth1");
        let gate = Gate::default();
        scene.gitlab.fails(TOKEN, Fault::FrozenBefore(gate.clone()), 1);
        std::thread::scope(|scope| {
            let caller = scope.spawn(|| scene.hand_out("auth1"));
            wait_until("nothing was sent", || scene.gitlab.count(TOKEN) == 1);
            take(&scene);
            // The other's renewal is done at the host and not kept yet: the first one's token is dead.
            scene.gitlab.revoke_all();
            gate.open();
            std::thread::sleep(Duration::from_millis(1500));
            assert_eq!((status(&scene), scene.trail("git_authorization.blame")), (0, Vec::new()));
            by_hand(&scene, async |store, found| {
                let GitTokens { access, refresh } = found.tokens;
                let (access_ends_at, refresh_ends_at, scopes) = (Some(i64::MAX / 2), None, None);
                let new = RefreshedGitCredential { access, refresh, access_ends_at, refresh_ends_at, scopes };
                let note =
                    Note { id: Id::from_bytes([2; 16]), at: 3, actor: "another holder".to_owned(), request_id: None };
                let kept = store.keep_refreshed_git_credential(&found.authorization, &new, &note).await;
                assert_eq!(kept.expect("runs"), ChangeGitAuthorization::Done);
            });
            let answer = caller.join().expect("a caller");
            assert_eq!(answer.status, 200, "what the other kept: {}", answer.text());
        });
        assert_eq!((status(&scene), scene.trail("git_authorization.blame")), (0, Vec::new()));
    });
}
