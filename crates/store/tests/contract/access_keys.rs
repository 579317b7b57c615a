//! Access keys: found while they may be used, and sealed.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, World, count, race};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;
use vestibule_store::access_keys::{FoundAccessKey, KeyAnswer, KeyQuestion, NewAccessKey};
use vestibule_store::applications::Change;
use vestibule_store::data_keys::{DEPLOYMENT, WrappedKey};
use vestibule_store::key_locks::{FROM_ONE_ADDRESS, KeyCounters, LOCK_MS};
use vestibule_store::projects::Role as Member;
use vestibule_store::sealed::{Resealed, SEALED_COLUMNS, SealedValue};

/// A data key to seal under.
async fn data_key(world: &World) -> Id {
    let id = world.id();
    let (wrapped, wrapped_by) = (vec![1; 40], "kek".to_owned());
    let key = WrappedKey { id, scope: DEPLOYMENT, wrapped, wrapped_by, created_at: NOW, retired_at: None };
    world.store.keep_data_key(&key, &world.note(NOW)).await.expect("runs").id
}

async fn add(world: &World, name: &str, person: Id, key: Id) -> Change {
    let secret = SealedValue { bytes: format!("sealed {name}").into_bytes(), key };
    let new = NewAccessKey { id: world.id(), access_key: name.to_owned(), person, secret };
    world.store.add_access_key(&new, &world.note(NOW)).await.expect("runs")
}

async fn find(world: &World, name: &str) -> Option<FoundAccessKey> {
    answer(world, name, None).await.key
}

async fn answer(world: &World, access_key: &str, project: Option<Id>) -> KeyAnswer {
    let counters = KeyCounters { here: Digest::of(b"here"), everywhere: Digest::of(b"everywhere") };
    let asked = KeyQuestion { access_key, counters: &counters, of_nobody: &counters, project };
    world.store.find_access_key(&asked, NOW).await.expect("reads")
}

async fn is_alive(world: &World, name: &str) -> Option<bool> {
    find(world, name).await.map(|found| found.is_alive)
}

#[test]
fn an_access_key_is_found_with_its_person_and_its_sealed_secret_and_listed() {
    each_database(async |store| {
        let world = World::new(store);
        let (key, alice, bob) = (data_key(&world).await, world.person("alice").await, world.person("bob").await);
        for (name, person) in [("VSTKB", bob), ("VSTKA2", alice), ("VSTKA1", alice)] {
            assert_eq!(add(&world, name, person, key).await, Change::Done);
        }
        assert_eq!(add(&world, "VSTKX", world.id(), key).await, Change::NotFound);
        let found = find(&world, "VSTKB").await.expect("is there");
        assert_eq!((found.person, found.secret.bytes.as_slice(), found.is_alive), (bob, &b"sealed VSTKB"[..], true));
        assert_eq!(find(&world, "vstkb").await, None);
        let lines = world.store.list_access_keys().await.expect("reads");
        let lines: Vec<_> = lines.iter().map(|line| (line.user_name.as_str(), line.access_key.as_str())).collect();
        assert_eq!(lines, [("alice", "VSTKA2"), ("alice", "VSTKA1"), ("bob", "VSTKB")]);
        assert_eq!(world.trail().await.iter().filter(|action| *action == "access_key.add").count(), 3);
    });
}

#[test]
fn an_access_key_is_dead_while_it_its_person_or_an_organization_above_them_is_switched_off() {
    each_database(async |store| {
        let world = World::new(store);
        let (key, alice) = (data_key(&world).await, world.person("alice").await);
        let top = world.organization("top", None).await;
        let below = world.organization("below", Some(top)).await;
        world.store.join_organization(alice, below, true, &world.note(NOW)).await.expect("runs");
        add(&world, "VSTKA", alice, key).await;
        let (one, two) = (NOW + SECOND, NOW + 2 * SECOND);
        world.store.set_person_enabled(alice, false, &world.note(one)).await.expect("runs");
        assert_eq!(is_alive(&world, "VSTKA").await, Some(false));
        world.store.set_person_enabled(alice, true, &world.note(two)).await.expect("runs");
        assert_eq!(is_alive(&world, "VSTKA").await, Some(true));
        world.store.set_organization_enabled(top, false, &world.note(one)).await.expect("runs");
        assert_eq!(is_alive(&world, "VSTKA").await, Some(false));
        world.store.set_organization_enabled(top, true, &world.note(two)).await.expect("runs");
        assert_eq!(is_alive(&world, "VSTKA").await, Some(true));
        for _ in 0..2 {
            let done = world.store.disable_access_key("VSTKA", &world.note(two)).await.expect("runs");
            assert_eq!((done, is_alive(&world, "VSTKA").await), (Change::Done, Some(false)));
        }
        let unknown = world.store.disable_access_key("VSTKX", &world.note(two)).await.expect("runs");
        assert_eq!(unknown, Change::NotFound);
        assert_eq!(world.trail().await.iter().filter(|action| *action == "access_key.disable").count(), 1);
    });
}

#[test]
fn of_64_callers_who_remove_an_access_key_one_does_and_it_is_gone() {
    each_database(async |store| {
        let world = World::new(store);
        let (key, alice) = (data_key(&world).await, world.person("alice").await);
        add(&world, "VSTKA", alice, key).await;
        add(&world, "VSTKB", alice, key).await;
        let got = race(&world, CALLERS, |world, _| async move {
            world.store.remove_access_key("VSTKA", &world.note(NOW)).await.expect("runs")
        })
        .await;
        assert_eq!((count(&got, &Change::Done), count(&got, &Change::NotFound)), (1, CALLERS - 1));
        assert_eq!((is_alive(&world, "VSTKA").await, is_alive(&world, "VSTKB").await), (None, Some(true)));
        assert_eq!(world.trail().await.iter().filter(|action| *action == "access_key.remove").count(), 1);
    });
}

#[test]
fn the_secret_of_an_access_key_moves_with_the_data_keys() {
    each_database(async |store| {
        let world = World::new(store);
        let (key, alice) = (data_key(&world).await, world.person("alice").await);
        add(&world, "VSTKA", alice, key).await;
        let column = SEALED_COLUMNS.iter().find(|column| column.table == "access_keys").expect("is sealed");
        let rows = world.store.sealed_under(column, key, None, 10).await.expect("reads");
        assert_eq!(rows.len(), 1);
        let new = SealedValue { bytes: b"sealed anew".to_vec(), key };
        let moved = Resealed { id: rows[0].id, old: rows[0].value.clone(), new: new.clone() };
        assert_eq!(world.store.reseal(column, &[moved]).await.expect("runs"), 1);
        let found = find(&world, "VSTKA").await.expect("is there");
        assert_eq!(found.secret, new);
    });
}

#[test]
fn fm_96_one_read_tells_key_lock_and_role_and_names_that_nobody_has_are_counted_apart() {
    each_database(async |store| {
        let world = World::new(store);
        let (key, alice) = (data_key(&world).await, world.person("alice").await);
        add(&world, "VSTKA", alice, key).await;
        let (project, note) = (world.id(), world.note(NOW));
        world.store.add_project(project, "atlas", &note).await.expect("runs");
        world.store.set_project_member(project, alice, Member::Editor, &world.note(NOW)).await.expect("runs");
        let found = answer(&world, "VSTKA", Some(project)).await;
        assert_eq!((found.key.map(|key| key.person), found.role), (Some(alice), Some(Member::Editor)));
        for elsewhere in [Some(world.id()), None] {
            let found = answer(&world, "VSTKA", elsewhere).await;
            assert!(found.key.is_some() && found.role.is_none());
        }
        let counters = |name: &[u8]| KeyCounters { here: Digest::of(name), everywhere: Digest::of(b"everywhere") };
        let (own, of_nobody) = (counters(b"own"), counters(b"nobody's"));
        let ask = async |access_key| {
            let asked = KeyQuestion { access_key, counters: &own, of_nobody: &of_nobody, project: None };
            world.store.find_access_key(&asked, NOW).await.expect("reads").lock.until
        };
        for _ in 0..FROM_ONE_ADDRESS {
            world.store.count_key_failure(&of_nobody, "VSTKX", "here", &world.note(NOW)).await.expect("runs");
        }
        assert_eq!((ask("VSTKA").await, ask("VSTKX").await), (None, Some(NOW + LOCK_MS)));
        for _ in 0..FROM_ONE_ADDRESS {
            world.store.count_key_failure(&own, "VSTKA", "here", &world.note(NOW)).await.expect("runs");
        }
        assert_eq!(ask("VSTKA").await, Some(NOW + LOCK_MS));
    });
}
