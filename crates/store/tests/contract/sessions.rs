//! Browser sessions: opened with the password that was verified, found while alive, ended at once.

use crate::harness::{NOW, each_database};
use crate::world::{HASH, SECOND, World, count, guessed, race, scopes, secret_of};
use vestibule_oauth::template::{SESSION_IDLE_MS, SESSION_MAX_MS, Template};
use vestibule_store::authorizations::Answer;
use vestibule_store::sessions::{EndSession, OpenSession};

#[test]
fn a_session_is_found_with_its_person_and_what_the_application_needs_to_know_in_one_read() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let new = world.new_session(person);
        let opened = world.store.open_session(&new, &world.note(NOW)).await.expect("runs");
        assert_eq!(opened, OpenSession::Opened);
        let found = world.store.find_session(&secret_of(new.id), None, NOW).await.expect("reads").expect("is alive");
        assert!(world.store.find_session(&guessed(new.id), None, NOW).await.expect("reads").is_none());
        assert_eq!((found.id, found.person, found.user_name.as_str()), (new.id, person, "alice"));
        assert_eq!(found.nickname.as_deref(), Some("alice the tester"));
        assert_eq!((found.auth_time, found.seen_at), (NOW, NOW));
        assert_eq!((found.idle_ends_at, found.ends_at), (NOW + SESSION_IDLE_MS, NOW + SESSION_MAX_MS));
        assert!(!found.administrator && !found.assigned && found.last_consent.is_none());
        let open = world.application("shop", Template::Web).await;
        let closed = world.application("desk", Template::IdaasOauth2).await;
        let found =
            world.store.find_session(&secret_of(new.id), Some(closed.id), NOW).await.expect("reads").expect("is alive");
        assert!(!found.assigned && found.last_consent.is_none());
        let mut issue = world.new_issue(open.id, person, new.id, NOW);
        issue.consent = Some(scopes("openid"));
        assert_eq!(world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs"), Answer::Given);
        let found =
            world.store.find_session(&secret_of(new.id), Some(open.id), NOW).await.expect("reads").expect("is alive");
        assert!(found.assigned);
        assert_eq!(found.last_consent, issue.consent);
        assert!(world.store.find_session(&secret_of(world.id()), None, NOW).await.expect("reads").is_none());
    });
}

#[test]
fn fm_46_a_session_ends_in_the_verb_that_opens_the_one_after_it() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let old = world.session(person, NOW).await;
        let mut new = world.new_session(person);
        new.replaces = Some(old);
        new.password_hash = "$argon2id$wrong".to_owned();
        let refused = world.store.open_session(&new, &world.note(NOW + 1)).await.expect("runs");
        assert_eq!(refused, OpenSession::CredentialsChanged);
        assert!(world.store.find_session(&secret_of(old), None, NOW + 1).await.expect("reads").is_some());
        assert!(world.store.find_session(&secret_of(new.id), None, NOW + 1).await.expect("reads").is_none());
        new.password_hash = HASH.to_owned();
        let opened = world.store.open_session(&new, &world.note(NOW + 1)).await.expect("runs");
        assert_eq!(opened, OpenSession::Opened);
        assert!(world.store.find_session(&secret_of(old), None, NOW + 1).await.expect("reads").is_none());
        assert!(world.store.find_session(&secret_of(new.id), None, NOW + 1).await.expect("reads").is_some());
    });
}

#[test]
fn fm_113_a_session_ends_when_idle_and_at_its_end_to_the_millisecond_and_use_moves_only_the_idle_end() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let at = async |now| world.store.find_session(&secret_of(session), None, now).await.expect("reads");
        assert!(at(NOW + SESSION_IDLE_MS - 1).await.is_some() && at(NOW + SESSION_IDLE_MS).await.is_none());
        let found = at(NOW).await.expect("is alive");
        world.store.touch_session(&found, NOW + 59 * SECOND).await.expect("runs");
        assert_eq!(at(NOW).await.expect("is alive").seen_at, NOW, "not within a minute");
        let mut used = NOW;
        while used + SESSION_IDLE_MS < NOW + SESSION_MAX_MS {
            used += SESSION_IDLE_MS - 1;
            let found = at(used).await.expect("use keeps it alive");
            world.store.touch_session(&found, used).await.expect("runs");
            assert_eq!(at(used).await.expect("is alive").idle_ends_at, used + SESSION_IDLE_MS);
        }
        assert!(at(NOW + SESSION_MAX_MS - 1).await.is_some() && at(NOW + SESSION_MAX_MS).await.is_none());
    });
}

#[test]
fn fm_75_a_session_that_was_ended_is_not_found_from_the_answer_on_and_ends_once() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let stays = world.session(person, NOW).await;
        let found = world.store.find_session(&secret_of(session), None, NOW).await.expect("reads").expect("is alive");
        let ended = race(&world, 16, |world, _| async move {
            world.store.end_session(session, &world.note(NOW + 1)).await.expect("runs")
        })
        .await;
        assert_eq!(count(&ended, &EndSession::Ended), 1);
        world.store.touch_session(&found, NOW + SESSION_IDLE_MS / 2).await.expect("runs");
        assert!(world.store.find_session(&secret_of(session), None, NOW + 2).await.expect("reads").is_none());
        assert!(world.store.find_session(&secret_of(stays), None, NOW + 2).await.expect("reads").is_some());
        let unknown = world.store.end_session(world.id(), &world.note(NOW)).await.expect("runs");
        assert_eq!(unknown, EndSession::AlreadyEnded);
    });
}

#[test]
fn fm_63_no_session_is_opened_for_a_person_who_is_switched_off() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        world.store.set_person_enabled(person, false, &world.note(NOW)).await.expect("runs");
        let opened = world.store.open_session(&world.new_session(person), &world.note(NOW)).await.expect("runs");
        assert_eq!(opened, OpenSession::CredentialsChanged);
    });
}

#[test]
fn st_69_a_sign_in_that_overlaps_a_password_change_leaves_no_session_of_the_old_password() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..20 {
            let person = world.person(&format!("person{round}")).await;
            let sessions = race(&world, 16, |world, n| async move {
                if n == 0 {
                    let set = world.store.set_password(person, "$argon2id$second", &world.note(NOW)).await;
                    set.expect("runs");
                    return None;
                }
                // Nodes' clocks differ: some of these sign-ins are of a moment after the change.
                let at = NOW + i64::try_from(n).expect("small") * 100;
                let new = world.new_session(person);
                let opened = world.store.open_session(&new, &world.note(at)).await.expect("runs");
                (opened == OpenSession::Opened).then_some(new.id)
            })
            .await;
            for session in sessions.into_iter().flatten() {
                let found = world.store.find_session(&secret_of(session), None, NOW + 1_700).await.expect("reads");
                assert!(found.is_none(), "round {round}");
            }
            let mut new = world.new_session(person);
            new.password_hash = "$argon2id$second".to_owned();
            let opened = world.store.open_session(&new, &world.note(NOW + 1)).await.expect("runs");
            assert_eq!(opened, OpenSession::Opened);
            let found = world.store.find_session(&secret_of(new.id), None, NOW + 1).await.expect("reads");
            assert!(found.is_some(), "the new password works at once, also on the node whose clock is behind");
        }
    });
}
