//! Locks of access keys: counted in rows, for one address after five failures in a row, for all far beyond that.

use crate::harness::{NOW, each_database, each_empty_database, options};
use crate::world::{CALLERS, SECOND, World, race};
use std::collections::BTreeSet;
use vestibule_oauth::secret::Digest;
use vestibule_store::access_keys::KeyQuestion;
use vestibule_store::db::Heard;
use vestibule_store::key_locks::{FROM_EVERYWHERE, FROM_ONE_ADDRESS, KeyCounters, KeyLock, LOCK_MS, WINDOW_MS};
use vestibule_store::projects::{ProjectRef, Role as Member};
use vestibule_store::upkeep::SWEEPS;
use vestibule_store::{Options, Role, Store};

fn counters(address: i64) -> KeyCounters {
    KeyCounters { here: Digest::of(format!("key at {address}").as_bytes()), everywhere: Digest::of(b"key") }
}

async fn fail(world: &World, address: i64, at: i64) {
    let note = world.note(at);
    world.store.count_key_failure(&counters(address), "VSTKA", "an address", &note).await.expect("runs");
}

async fn lock(world: &World, address: i64, at: i64) -> KeyLock {
    let counters = counters(address);
    let of_nobody = &counters;
    let asked = KeyQuestion { access_key: "VSTKNOBODY", counters: &counters, of_nobody, project: None };
    let answer = world.store.find_access_key(&asked, at).await.expect("reads");
    assert_eq!((answer.key, answer.role), (None, None));
    answer.lock
}

#[test]
fn fm_99_five_failures_in_a_row_lock_a_key_for_their_address_for_five_minutes_and_a_right_one_breaks_the_row() {
    each_database(async |store| {
        let world = World::new(store);
        assert_eq!(lock(&world, 1, NOW).await, KeyLock { until: None, has_failures: false });
        for _ in 1..FROM_ONE_ADDRESS {
            fail(&world, 1, NOW).await;
        }
        assert_eq!(lock(&world, 1, NOW).await, KeyLock { until: None, has_failures: true });
        world.store.forget_key_failures(&counters(1)).await.expect("runs");
        assert_eq!(lock(&world, 1, NOW).await, KeyLock { until: None, has_failures: false });
        let hour = 3_600_000;
        for n in 0..FROM_ONE_ADDRESS {
            assert_eq!(lock(&world, 1, NOW + n * hour).await.until, None, "in a row, however slowly: {n}");
            fail(&world, 1, NOW + n * hour).await;
        }
        let at = NOW + (FROM_ONE_ADDRESS - 1) * hour;
        assert_eq!(lock(&world, 1, at).await.until, Some(at + LOCK_MS));
        assert_eq!(lock(&world, 2, at).await, KeyLock { until: None, has_failures: false });
        fail(&world, 1, at + SECOND).await;
        assert_eq!(lock(&world, 1, at + LOCK_MS - 1).await.until, Some(at + LOCK_MS), "what is locked is not counted");
        let over = at + LOCK_MS;
        assert_eq!(lock(&world, 1, over).await.until, None);
        fail(&world, 1, over).await;
        assert_eq!(lock(&world, 1, over).await.until, None, "a new row begins");
    });
}

/// Size in CI: 51 failures from 51 addresses.
#[test]
fn fm_102_a_key_is_locked_for_all_above_fifty_failures_a_minute_and_not_by_fifty() {
    each_database(async |store| {
        let world = World::new(store);
        for n in 1..FROM_EVERYWHERE {
            fail(&world, n, NOW).await;
        }
        assert_eq!(lock(&world, 999, NOW).await.until, None);
        fail(&world, 998, NOW + WINDOW_MS).await;
        assert_eq!(lock(&world, 999, NOW + WINDOW_MS).await.until, None, "another minute");
        let at = NOW + WINDOW_MS + SECOND;
        for n in 2..=FROM_EVERYWHERE {
            fail(&world, n, at).await;
        }
        assert_eq!(lock(&world, 999, at).await.until, Some(at + LOCK_MS));
    });
}

#[test]
fn fm_101_64_failures_at_once_are_all_counted() {
    each_database(async |store| {
        let world = World::new(store);
        race(&world, CALLERS, |world, n| async move { fail(&world, n as i64, NOW).await }).await;
        assert_eq!(lock(&world, 999, NOW).await.until, Some(NOW + LOCK_MS));
        let world = World::new(world.store.of_tenant(2));
        race(&world, CALLERS, |world, _| async move { fail(&world, 1, NOW).await }).await;
        assert_eq!(lock(&world, 1, NOW).await.until, Some(NOW + LOCK_MS));
    });
}

#[test]
fn fm_117_counters_of_access_keys_are_swept_an_hour_after_their_last_failure() {
    each_database(async |store| {
        let world = World::new(store);
        fail(&world, 1, NOW).await;
        for (at, there) in [(NOW + 3_600_000, true), (NOW + 3_600_001, false)] {
            for sweep in &SWEEPS {
                world.store.sweep(sweep, at, 100).await.expect("runs");
            }
            assert_eq!(lock(&world, 1, at).await.has_failures, there);
        }
    });
}

/// What `work` is heard to run.
pub async fn heard(heard: &Heard, work: impl Future<Output = ()>) -> BTreeSet<&'static str> {
    heard.lock().expect("is whole").clear();
    work.await;
    heard.lock().expect("is whole").clone()
}

#[test]
fn fm_131_a_project_of_others_runs_the_same_statements_as_one_that_is_not_there_and_as_ones_own() {
    each_empty_database(async |database| {
        let told = Heard::default();
        let options = Options { heard: Some(told.clone()), ..options(Role::Server) };
        let world = World::new(Store::open(&database.url, Role::Server, options).await.expect("opens"));
        let (store, alice, bob) = (&world.store, world.person("alice").await, world.person("bob").await);
        let (project, note) = (world.id(), world.note(NOW));
        store.add_project(project, "bob's", &note).await.expect("runs");
        store.set_project_member(project, bob, Member::Owner, &world.note(NOW)).await.expect("runs");
        let ask = async |person, project, name: &'static str| {
            assert_eq!(store.role_in(project, person).await.expect("reads").is_some(), person == bob);
            assert!(
                store.own_project(person, ProjectRef::Id(project)).await.expect("reads").is_some() == (person == bob)
            );
            store.own_project(person, ProjectRef::Name(name)).await.expect("reads");
        };
        let foreign = heard(&told, ask(alice, project, "bob's")).await;
        assert_eq!(heard(&told, ask(alice, world.id(), "nobody's")).await, foreign);
        assert_eq!(heard(&told, ask(bob, project, "bob's")).await, foreign);
        assert_eq!(foreign.len(), 3);
        store.close().await;
    });
}
