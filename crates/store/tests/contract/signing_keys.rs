//! Signing keys: one current and one next key of each algorithm, whoever makes and promotes them at once.

use crate::harness::{Kind, NOW, each_database, one_empty_database};
use crate::world::{CALLERS, SECOND, World, count, race};
use std::time::Duration;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;
use vestibule_store::data_keys::{DEPLOYMENT, WrappedKey};
use vestibule_store::migrations::Schema;
use vestibule_store::sealed::{Resealed, SEALED_COLUMNS, SealedValue};
use vestibule_store::signing_keys::{NewSigningKey, Promotion, SigningKeyRow, Stage};
use vestibule_store::{Role, statement};

const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 86_400 * SECOND;

async fn data_key(world: &World) -> Id {
    let id = world.id();
    let key = WrappedKey {
        id,
        scope: DEPLOYMENT,
        wrapped: vec![1],
        wrapped_by: "k".to_owned(),
        created_at: NOW,
        retired_at: None,
    };
    world.store.keep_data_key(&key, &world.note(NOW)).await.expect("runs").id
}

fn new(world: &World, key: Id, algorithm: Algorithm, usable_at: Option<i64>) -> NewSigningKey {
    let id = world.id();
    let private = SealedValue { bytes: id.as_bytes().to_vec(), key };
    NewSigningKey { id, algorithm, kid: format!("kid {id}"), jwk: "{}".to_owned(), private, usable_at }
}

async fn keep(world: &World, key: Id, algorithm: Algorithm, usable_at: Option<i64>) -> bool {
    let new = new(world, key, algorithm, usable_at);
    world.store.keep_signing_key(&new, &world.note(NOW)).await.expect("runs")
}

async fn row(world: &World, algorithm: Algorithm, stage: Stage) -> Option<SigningKeyRow> {
    let rows = world.store.signing_keys().await.expect("reads");
    rows.into_iter().find(|row| row.algorithm == algorithm && row.stage() == stage)
}

async fn promote(world: &World, when_usable: bool, at: i64) -> bool {
    let current = row(world, Algorithm::EdDsa, Stage::Current).await.expect("is there");
    let next = row(world, Algorithm::EdDsa, Stage::Next).await.expect("is there");
    let promotion = Promotion { current: current.id, next: next.id, when_usable, ends_at: at + DAY };
    world.store.promote_signing_key(promotion, &next, world.id(), &world.note(at)).await.expect("runs")
}

#[test]
fn of_64_nodes_that_make_keys_at_once_one_key_of_each_algorithm_signs_and_one_is_next() {
    each_database(async |store| {
        let world = World::new(store);
        let key = data_key(&world).await;
        let got = race(&world, CALLERS, |world, n| async move {
            let algorithm = Algorithm::ALL[n % 3];
            let usable_at = (n % 2 == 0).then_some(NOW + MINUTE);
            (algorithm, keep(&world, key, algorithm, usable_at).await)
        })
        .await;
        assert_eq!(got.iter().filter(|(_, kept)| *kept).count(), 6);
        for algorithm in Algorithm::ALL {
            assert_eq!(row(&world, algorithm, Stage::Current).await.expect("is there").promoted_at, Some(NOW));
            assert_eq!(row(&world, algorithm, Stage::Next).await.expect("is there").usable_at, NOW + MINUTE);
        }
        assert_eq!(world.store.signing_keys().await.expect("reads").len(), 6);
    });
}

#[test]
fn st_85_a_key_signs_only_from_the_moment_on_at_which_everybody_has_it() {
    each_database(async |store| {
        let world = World::new(store);
        let key = data_key(&world).await;
        assert!(keep(&world, key, Algorithm::EdDsa, None).await);
        assert!(keep(&world, key, Algorithm::EdDsa, Some(NOW + MINUTE)).await);
        let (first, second) = (
            row(&world, Algorithm::EdDsa, Stage::Current).await.expect("is there"),
            row(&world, Algorithm::EdDsa, Stage::Next).await.expect("is there"),
        );
        assert!(!promote(&world, true, NOW + MINUTE - 1).await);
        assert!(row(&world, Algorithm::EdDsa, Stage::Previous).await.is_none(), "nothing was changed");
        assert!(promote(&world, true, NOW + MINUTE).await);
        let now = row(&world, Algorithm::EdDsa, Stage::Current).await.expect("is there");
        assert_eq!((now.id, now.promoted_at), (second.id, Some(NOW + MINUTE)));
        let before = row(&world, Algorithm::EdDsa, Stage::Previous).await.expect("is kept");
        assert_eq!((before.id, before.ends_at), (first.id, Some(NOW + MINUTE + DAY)));
        assert!(row(&world, Algorithm::EdDsa, Stage::Next).await.is_none());
    });
}

#[test]
fn of_64_promotions_at_once_one_is_done_and_never_is_there_no_key_that_signs() {
    each_database(async |store| {
        let world = World::new(store);
        let key = data_key(&world).await;
        assert!(keep(&world, key, Algorithm::EdDsa, None).await);
        assert!(keep(&world, key, Algorithm::EdDsa, Some(NOW + MINUTE)).await);
        let current = row(&world, Algorithm::EdDsa, Stage::Current).await.expect("is there");
        let next = row(&world, Algorithm::EdDsa, Stage::Next).await.expect("is there");
        let promotion = Promotion { current: current.id, next: next.id, when_usable: false, ends_at: NOW + DAY };
        let got = race(&world, CALLERS, |world, _| {
            let next = next.clone();
            async move {
                assert!(row(&world, Algorithm::EdDsa, Stage::Current).await.is_some());
                world.store.promote_signing_key(promotion, &next, world.id(), &world.note(NOW)).await.expect("runs")
            }
        })
        .await;
        assert_eq!(count(&got, &true), 1);
        assert_eq!(row(&world, Algorithm::EdDsa, Stage::Current).await.expect("is there").id, next.id);
        let trail = world.store.list_audit(200).await.expect("reads");
        let promoted: Vec<_> = trail.iter().filter(|row| row.action == "signing_key.promote").collect();
        assert_eq!(promoted.len(), 1);
        assert_eq!(promoted[0].target, format!("signing_key:{}", next.kid));
    });
}

#[test]
fn st_85_st_130_a_replaced_key_stays_until_its_end_and_goes_once() {
    each_database(async |store| {
        let world = World::new(store);
        let key = data_key(&world).await;
        assert!(keep(&world, key, Algorithm::EdDsa, None).await);
        assert!(keep(&world, key, Algorithm::EdDsa, Some(NOW)).await);
        let current = row(&world, Algorithm::EdDsa, Stage::Current).await.expect("is there");
        world.store.end_signing_key(&current, &world.note(NOW + 9 * DAY)).await.expect("runs");
        assert!(row(&world, Algorithm::EdDsa, Stage::Current).await.is_some(), "a key that signs never ends");
        assert!(promote(&world, true, NOW).await);
        world.store.end_signing_key(&current, &world.note(NOW + DAY - 1)).await.expect("runs");
        let previous = row(&world, Algorithm::EdDsa, Stage::Previous).await.expect("is kept");
        let note = world.note(NOW + DAY);
        let ends = race(&world, 16, |world, _| {
            let (previous, note) = (previous.clone(), note.clone());
            async move { world.store.end_signing_key(&previous, &note).await.expect("runs") }
        });
        ends.await;
        assert!(row(&world, Algorithm::EdDsa, Stage::Previous).await.is_none());
        let trail = world.store.list_audit(100).await.expect("reads");
        assert_eq!(trail.iter().filter(|row| row.action == "signing_key.retire").count(), 1);
    });
}

#[test]
fn a_next_key_that_cannot_be_opened_makes_room_and_one_that_changed_meanwhile_does_not() {
    each_database(async |store| {
        let world = World::new(store);
        let key = data_key(&world).await;
        assert!(keep(&world, key, Algorithm::Es256, None).await);
        assert!(keep(&world, key, Algorithm::Es256, Some(NOW)).await);
        let next = row(&world, Algorithm::Es256, Stage::Next).await.expect("is there");
        let mut seen = next.clone();
        seen.private.bytes.push(0);
        world.store.drop_next_signing_key(&seen, &world.note(NOW)).await.expect("runs");
        assert!(row(&world, Algorithm::Es256, Stage::Next).await.is_some());
        world.store.drop_next_signing_key(&next, &world.note(NOW)).await.expect("runs");
        assert!(row(&world, Algorithm::Es256, Stage::Next).await.is_none());
        assert!(keep(&world, key, Algorithm::Es256, Some(NOW)).await);
    });
}

#[test]
fn st_85_a_key_name_is_given_once() {
    each_database(async |store| {
        let world = World::new(store);
        let key = data_key(&world).await;
        let one = new(&world, key, Algorithm::EdDsa, None);
        let two = NewSigningKey { kid: one.kid.clone(), ..new(&world, key, Algorithm::Es256, None) };
        assert!(world.store.keep_signing_key(&one, &world.note(NOW)).await.expect("runs"));
        assert!(!world.store.keep_signing_key(&two, &world.note(NOW)).await.expect("runs"));
    });
}

#[test]
fn the_longest_life_of_access_tokens_is_read_from_the_applications() {
    each_database(async |store| {
        let world = World::new(store);
        assert_eq!(world.store.longest_access_ms().await.expect("reads"), 0);
        world.application("wiki", vestibule_oauth::template::Template::Web).await;
        assert!(world.store.longest_access_ms().await.expect("reads") > 0);
    });
}

/// Size in CI: twenty rounds of 64 at once, half of them promoting and half deleting the next key.
#[test]
fn st_85_a_promotion_that_meets_the_end_of_the_next_key_never_leaves_no_key_that_signs() {
    each_database(async |store| {
        let world = World::new(store);
        let key = data_key(&world).await;
        assert!(keep(&world, key, Algorithm::EdDsa, None).await);
        for round in 0..20 {
            keep(&world, key, Algorithm::EdDsa, Some(NOW)).await;
            let current = row(&world, Algorithm::EdDsa, Stage::Current).await.expect("is there");
            let next = row(&world, Algorithm::EdDsa, Stage::Next).await.expect("is there");
            let promotion = Promotion { current: current.id, next: next.id, when_usable: true, ends_at: NOW + DAY };
            let got = race(&world, CALLERS, |world, n| {
                let next = next.clone();
                async move {
                    if n % 2 == 0 {
                        let (verb, note) = (world.id(), world.note(NOW));
                        return world.store.promote_signing_key(promotion, &next, verb, &note).await.expect("runs");
                    }
                    world.store.drop_next_signing_key(&next, &world.note(NOW)).await.expect("runs");
                    false
                }
            })
            .await;
            let signs = row(&world, Algorithm::EdDsa, Stage::Current).await;
            let signs = signs.unwrap_or_else(|| panic!("round {round}: nothing signs"));
            let promoted = count(&got, &true);
            assert_eq!(signs.id, if promoted == 1 { next.id } else { current.id }, "round {round}");
            assert!(promoted <= 1, "round {round}");
        }
    });
}

#[test]
fn a_key_is_withdrawn_once_whatever_it_signed_but_not_while_it_signs() {
    each_database(async |store| {
        let world = World::new(store);
        let key = data_key(&world).await;
        assert!(keep(&world, key, Algorithm::EdDsa, None).await);
        assert!(keep(&world, key, Algorithm::EdDsa, Some(NOW)).await);
        let current = row(&world, Algorithm::EdDsa, Stage::Current).await.expect("is there");
        let note = world.note(NOW);
        assert!(!world.store.withdraw_signing_key(&current, &note).await.expect("runs"), "it signs");
        assert!(row(&world, Algorithm::EdDsa, Stage::Current).await.is_some());
        assert!(promote(&world, true, NOW).await);
        let got = race(&world, 16, |world, _| {
            let (current, note) = (current.clone(), note.clone());
            async move { world.store.withdraw_signing_key(&current, &note).await.expect("runs") }
        })
        .await;
        assert_eq!(count(&got, &true), 16, "it is gone for all of them");
        assert!(row(&world, Algorithm::EdDsa, Stage::Previous).await.is_none());
        let trail = world.store.list_audit(100).await.expect("reads");
        let told: Vec<_> = trail.iter().filter(|row| row.action == "signing_key.withdraw").collect();
        assert_eq!((told.len(), &told[0].target), (1, &format!("signing_key:{}", current.kid)));
    });
}

/// One moves values from one data key to another while another node promotes: both lock two keys of an algorithm.
#[test]
fn a_promotion_and_a_resealing_at_once_never_wait_for_each_other() {
    const HOLD: &str = "UPDATE signing_keys SET kid = kid WHERE id = $1";
    const DEADLOCKS: &str = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    one_empty_database(Kind::Postgres, async |database| {
        let store = database.open(Role::Server, Schema::ours()).await.expect("opens");
        let world = World::new(store.clone());
        let key = data_key(&world).await;
        assert!(keep(&world, key, Algorithm::EdDsa, None).await);
        assert!(keep(&world, key, Algorithm::Es256, None).await);
        assert!(keep(&world, key, Algorithm::EdDsa, Some(NOW)).await);
        let between = row(&world, Algorithm::Es256, Stage::Current).await.expect("is there").id;
        let resealed = |row: SigningKeyRow| Resealed {
            id: row.id,
            new: SealedValue { bytes: b"anew".to_vec(), key },
            old: row.private,
        };
        let values: Vec<Resealed> = store.signing_keys().await.expect("reads").into_iter().map(resealed).collect();
        let column = SEALED_COLUMNS.iter().find(|column| column.table == "signing_keys").expect("is sealed");
        let start = |statements| {
            let store = store.clone();
            tokio::spawn(async move { store.run(statements).await.expect("runs") })
        };
        // It stands between the two keys in every order.
        let holder = start(vec![statement!(HOLD, between), statement!("SELECT 1 FROM pg_sleep(2)")]);
        tokio::time::sleep(Duration::from_millis(400)).await;
        let resealing = store.clone();
        let resealer = tokio::spawn(async move { resealing.reseal(column, &values).await.expect("runs") });
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(promote(&world, true, NOW).await);
        holder.await.expect("ends");
        assert_eq!(resealer.await.expect("ends"), 3);
        // The database counts when a connection is at rest, once a second.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        for _ in 0..16 {
            store.signing_keys().await.expect("reads");
        }
        let row = store.find(&statement!(DEADLOCKS)).await.expect("reads").expect("is there");
        assert_eq!(row.int(0).expect("a number"), 0);
        store.close().await;
    });
}
