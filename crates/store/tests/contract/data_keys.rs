//! Data keys, and the values that are sealed under them.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, World, count, race};
use vestibule_oauth::id::Id;
use vestibule_store::StoreError;
use vestibule_store::data_keys::{DEPLOYMENT, WrappedKey};
use vestibule_store::sealed::{Resealed, SEALED_COLUMNS, SealedColumn, SealedRow, SealedValue};

const HOUR: i64 = 3_600 * SECOND;

fn wrapped(world: &World, scope: Id) -> WrappedKey {
    let id = world.id();
    let (wrapped, wrapped_by) = (id.as_bytes().to_vec(), "0011223344556677".to_owned());
    WrappedKey { id, scope, wrapped, wrapped_by, created_at: NOW, retired_at: None }
}

async fn kept(world: &World, scope: Id) -> WrappedKey {
    let key = wrapped(world, scope);
    let got = world.store.keep_data_key(&key, &world.note(NOW)).await.expect("runs");
    assert_eq!(got, key);
    key
}

fn secrets() -> &'static SealedColumn {
    SEALED_COLUMNS.iter().find(|column| column.table == "deployment_secrets").expect("is listed")
}

async fn keep(world: &World, name: &str, key: Id) -> Result<SealedRow, StoreError> {
    let row = SealedRow { id: world.id(), value: SealedValue { bytes: name.as_bytes().to_vec(), key } };
    world.store.keep_deployment_secret(name, &row, NOW).await
}

async fn actions(world: &World) -> Vec<String> {
    let rows = world.store.list_audit(100).await.expect("reads");
    rows.into_iter().map(|row| row.action).collect()
}

#[test]
fn of_64_nodes_that_start_at_once_all_get_the_same_data_key() {
    each_database(async |store| {
        let world = World::new(store);
        let got = race(&world, CALLERS, |world, _| async move {
            let key = wrapped(&world, DEPLOYMENT);
            world.store.keep_data_key(&key, &world.note(NOW)).await.expect("runs").id
        })
        .await;
        assert_eq!(count(&got, &got[0]), CALLERS);
        let project = world.id();
        assert!(kept(&world, project).await.id != got[0], "a project has its own");
        let made = actions(&world).await.iter().filter(|action| *action == "data_key.make").count();
        assert_eq!(made, 2, "the trail has those that were kept");
    });
}

#[test]
fn of_64_nodes_that_make_a_deployment_secret_at_once_all_get_the_same() {
    each_database(async |store| {
        let world = World::new(store);
        let key = kept(&world, DEPLOYMENT).await.id;
        let got =
            race(&world, CALLERS, |world, _| async move { keep(&world, "pairwise", key).await.expect("runs").id });
        let got = got.await;
        assert_eq!(count(&got, &got[0]), CALLERS);
    });
}

#[test]
fn of_64_rotations_at_once_one_replaces_the_data_key() {
    each_database(async |store| {
        let world = World::new(store);
        let old = kept(&world, DEPLOYMENT).await.id;
        let got = race(&world, CALLERS, |world, _| async move {
            let new = wrapped(&world, DEPLOYMENT);
            let replaced = world.store.replace_data_key(old, &new, &world.note(NOW + SECOND)).await.expect("runs");
            replaced.then_some(new.id)
        })
        .await;
        let won: Vec<Id> = got.into_iter().flatten().collect();
        assert_eq!(won.len(), 1);
        assert_eq!(world.store.sealing_key(DEPLOYMENT).await.expect("reads").expect("is there").id, won[0]);
        let retired = world.store.retired_data_keys(None, 100).await.expect("reads");
        assert_eq!(retired.iter().map(|key| (key.id, key.retired_at)).collect::<Vec<_>>(), [(old, Some(NOW + SECOND))]);
        assert_eq!(actions(&world).await.iter().filter(|action| *action == "data_key.rotate").count(), 1);
    });
}

#[test]
fn a_data_key_goes_only_when_it_was_retired_for_a_while_and_nothing_is_sealed_under_it() {
    each_database(async |store| {
        let world = World::new(store);
        let (old, new) = (kept(&world, DEPLOYMENT).await.id, wrapped(&world, DEPLOYMENT));
        let row = keep(&world, "pairwise", old).await.expect("runs");
        let forget = |before| {
            let world = world.clone();
            async move { world.store.forget_data_key(old, before, &world.note(NOW)).await.expect("runs") }
        };
        assert!(!forget(NOW + HOUR).await, "it seals");
        assert!(world.store.replace_data_key(old, &new, &world.note(NOW)).await.expect("runs"));
        assert!(!forget(NOW + HOUR).await, "something is sealed under it");
        let moved =
            Resealed { id: row.id, old: row.value.clone(), new: SealedValue { bytes: b"again".to_vec(), key: new.id } };
        assert_eq!(world.store.reseal(secrets(), &[moved]).await.expect("runs"), 1);
        assert!(!forget(NOW).await, "it was retired just now");
        assert!(forget(NOW + 1).await);
        assert!(!forget(NOW + 1).await, "it is gone");
        assert!(world.store.find_data_key(old).await.expect("reads").is_none());
        assert_eq!(actions(&world).await.iter().filter(|action| *action == "data_key.forget").count(), 1);
    });
}

#[test]
fn a_value_that_changed_meanwhile_is_not_overwritten_by_its_resealed_self() {
    each_database(async |store| {
        let world = World::new(store);
        let (old, new) = (kept(&world, DEPLOYMENT).await.id, wrapped(&world, DEPLOYMENT));
        let row = keep(&world, "a", old).await.expect("runs");
        let other = keep(&world, "b", old).await.expect("runs");
        assert!(world.store.replace_data_key(old, &new, &world.note(NOW)).await.expect("runs"));
        let resealed = |row: &SealedRow, seen: &[u8]| Resealed {
            id: row.id,
            old: SealedValue { bytes: seen.to_vec(), key: old },
            new: SealedValue { bytes: b"again".to_vec(), key: new.id },
        };
        // What was read of the first is not what stands there.
        let values = [resealed(&row, b"something else"), resealed(&other, b"b")];
        assert_eq!(world.store.reseal(secrets(), &values).await.expect("runs"), 1);
        let found = world.store.deployment_secret("a").await.expect("reads").expect("is there");
        assert_eq!(found.value, row.value);
        let left = world.store.sealed_under(secrets(), old, None, 10).await.expect("reads");
        assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [row.id]);
        assert!(world.store.sealed_under(secrets(), old, Some(row.id), 10).await.expect("reads").is_empty());
    });
}

/// A node that has not heard of a rotation seals under the old key at the moment at which that key goes: one of the two
/// is refused, and nothing is kept that no key opens.
#[test]
fn a_value_that_is_kept_while_its_data_key_goes_keeps_the_key_or_is_refused() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..8 {
            let scope = world.id();
            let (old, new) = (kept(&world, scope).await.id, wrapped(&world, scope));
            assert!(world.store.replace_data_key(old, &new, &world.note(NOW)).await.expect("runs"));
            let got = race(&world, 16, |world, n| async move {
                if n % 2 == 0 {
                    let gone = world.store.forget_data_key(old, NOW + 1, &world.note(NOW)).await;
                    assert!(matches!(gone, Ok(_) | Err(StoreError::Statement { .. })), "{gone:?}");
                    return None;
                }
                let name = format!("{round} {n}");
                match keep(&world, &name, old).await {
                    Ok(_) => Some(name),
                    Err(StoreError::Statement { .. } | StoreError::Inconsistent { .. }) => None,
                    Err(other) => panic!("{other}"),
                }
            })
            .await;
            let kept: Vec<String> = got.into_iter().flatten().collect();
            let there = world.store.find_data_key(old).await.expect("reads").is_some();
            for name in kept {
                let row = world.store.deployment_secret(&name).await.expect("reads").expect("was kept");
                assert!(there && row.value.key == old, "{name} is sealed under a key that is gone");
            }
        }
    });
}

#[test]
fn a_data_key_is_wrapped_anew_only_in_place_of_what_was_read() {
    each_database(async |store| {
        let world = World::new(store);
        let key = kept(&world, DEPLOYMENT).await;
        let got = race(&world, 16, |world, n| {
            let key = key.clone();
            async move {
                let by = format!("{n:016x}");
                world.store.rewrap_data_key(&key, by.as_bytes(), &by, &world.note(NOW)).await.expect("runs")
            }
        })
        .await;
        assert_eq!(count(&got, &true), 1);
        let by = world.store.wrapping_keys().await.expect("reads");
        let found = world.store.find_data_key(key.id).await.expect("reads").expect("is there");
        assert_eq!((by.len(), &by[0]), (1, &found.wrapped_by));
        assert_eq!(found.wrapped, found.wrapped_by.as_bytes());
        assert_eq!(actions(&world).await.iter().filter(|action| *action == "data_key.rewrap").count(), 1);
    });
}

#[test]
fn fm_127_a_tenant_does_not_see_another_tenants_data_keys() {
    each_database(async |store| {
        let world = World::new(store.clone());
        let key = kept(&world, DEPLOYMENT).await;
        let other = store.of_tenant(2);
        assert!(other.find_data_key(key.id).await.expect("reads").is_none());
        assert!(other.sealing_key(DEPLOYMENT).await.expect("reads").is_none());
        assert!(other.list_data_keys(None, 10).await.expect("reads").is_empty());
        assert!(!other.forget_data_key(key.id, NOW + HOUR, &world.note(NOW)).await.expect("runs"));
    });
}
