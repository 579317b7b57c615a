//! Refresh tokens: each generation traded once, a family is a path, and everything dies with its grant.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, World, count, race, scopes};
use std::collections::BTreeSet;
use vestibule_oauth::id::Id;
use vestibule_oauth::template::Template;
use vestibule_store::grants::Why;
use vestibule_store::refresh_tokens::RotateRefresh;
use vestibule_store::statement;

async fn family(world: &World, name: &str) -> (Id, Id, Id) {
    let client = match world.store.find_application("shop").await.expect("reads") {
        Some(id) => world.store.show_application(id).await.expect("reads").expect("is there").client,
        None => world.application("shop", Template::Web).await,
    };
    let flow = world.flow(&client, name).await;
    let (access, refresh) = world.spend(flow.code, NOW).await;
    (flow.grant, access, refresh)
}

#[test]
fn a_refresh_token_is_found_with_everything_that_it_hangs_on_in_one_read() {
    each_database(async |store| {
        let world = World::new(store);
        let (grant, _, refresh) = family(&world, "alice").await;
        let found = world.store.find_refresh(refresh).await.expect("reads").expect("is there");
        assert_eq!((found.id, found.grant), (refresh, grant));
        assert_eq!(found.client.name, "shop");
        assert_eq!(found.generation.client, found.client.id);
        assert_eq!(found.generation.scope, scopes("openid email"));
        assert_eq!(found.generation.max_ends_at, NOW + 86_400 * SECOND);
        assert_eq!(found.generation.standing.expires_at, NOW + 3_600 * SECOND);
        assert!(!found.generation.spent && world.refreshable(refresh, NOW).await);
        assert!(world.store.find_refresh(world.id()).await.expect("reads").is_none());
    });
}

#[test]
fn fm_25_fm_28_fm_29_of_64_callers_with_one_refresh_token_one_gets_the_next_and_the_others_hear_why_not() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..5 {
            let (grant, _, refresh) = family(&world, &format!("person{round}")).await;
            let got = race(&world, CALLERS, |world, _| async move {
                let tokens = world.new_tokens(NOW);
                let next = tokens.refresh.as_ref().expect("was made").id;
                let rotated = world.store.rotate_refresh(refresh, world.id(), &tokens, NOW + 1).await.expect("runs");
                (rotated, world.accepted(tokens.access.id, NOW + 2).await, world.refreshable(next, NOW + 2).await)
            })
            .await;
            let outcomes: Vec<_> = got.iter().map(|(outcome, ..)| *outcome).collect();
            assert_eq!(count(&outcomes, &RotateRefresh::Rotated), 1);
            assert_eq!(count(&outcomes, &RotateRefresh::AlreadySpent), CALLERS - 1);
            for (outcome, access, next) in got {
                let won = outcome == RotateRefresh::Rotated;
                assert_eq!((access, next), (won, won));
            }
            let path = statement!("SELECT number FROM refresh_tokens WHERE grant_id = $1 ORDER BY number", grant);
            let rows = world.store.scan(&path).await.expect("reads");
            let numbers: Vec<i64> = rows.iter().map(|row| row.int(0).expect("a number")).collect();
            assert_eq!(numbers, [0, 1], "the family is a path");
        }
    });
}

#[test]
fn fm_26_generations_that_were_traded_within_one_millisecond_are_all_known_as_traded() {
    each_database(async |store| {
        let world = World::new(store);
        let (_, _, mut refresh) = family(&world, "alice").await;
        let mut older = Vec::new();
        for _ in 0..100 {
            let tokens = world.new_tokens(NOW);
            let rotated = world.store.rotate_refresh(refresh, world.id(), &tokens, NOW).await.expect("runs");
            assert_eq!(rotated, RotateRefresh::Rotated);
            older.push(std::mem::replace(&mut refresh, tokens.refresh.expect("was made").id));
        }
        for old in older {
            let found = world.store.find_refresh(old).await.expect("reads").expect("is there");
            assert!(found.generation.spent);
            let again = world.store.rotate_refresh(old, world.id(), &world.new_tokens(NOW), NOW).await.expect("runs");
            assert_eq!(again, RotateRefresh::AlreadySpent);
        }
        assert!(world.refreshable(refresh, NOW).await);
    });
}

#[test]
fn fm_32_st_66_ending_a_family_after_reuse_kills_every_token_of_it() {
    each_database(async |store| {
        let world = World::new(store);
        let (grant, first, refresh) = family(&world, "alice").await;
        let mut tokens = BTreeSet::from([first]);
        let mut last = refresh;
        for _ in 0..3 {
            let next = world.new_tokens(NOW);
            world.store.rotate_refresh(last, world.id(), &next, NOW).await.expect("runs");
            last = next.refresh.expect("was made").id;
            tokens.insert(next.access.id);
        }
        for access in &tokens {
            assert!(world.accepted(*access, NOW).await);
        }
        assert!(world.store.end_grant(grant, Why::RefreshReused, &world.note(NOW)).await.expect("runs"));
        for access in &tokens {
            assert!(!world.accepted(*access, NOW).await);
        }
        assert!(!world.refreshable(last, NOW).await);
        let rotated = world.store.rotate_refresh(last, world.id(), &world.new_tokens(NOW), NOW).await.expect("runs");
        assert_eq!(rotated, RotateRefresh::Ended);
    });
}

#[test]
fn fm_27_a_refresh_that_overlaps_a_revocation_leaves_no_living_token_after_the_revocations_answer() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..40 {
            let (grant, _, refresh) = family(&world, &format!("person{round}")).await;
            let issued: Vec<Option<(Id, Id)>> = race(&world, 4, |world, n| async move {
                if n == 0 {
                    assert!(world.store.end_grant(grant, Why::Revoked, &world.note(NOW)).await.expect("runs"));
                    return None;
                }
                let tokens = world.new_tokens(NOW);
                world.store.rotate_refresh(refresh, world.id(), &tokens, NOW).await.expect("runs");
                Some((tokens.access.id, tokens.refresh.expect("was made").id))
            })
            .await;
            for (access, next) in issued.into_iter().flatten() {
                assert!(!world.accepted(access, NOW + 1).await, "round {round}");
                assert!(!world.refreshable(next, NOW + 1).await, "round {round}");
            }
        }
    });
}

#[test]
fn st_69_fm_31_a_refresh_token_ends_after_its_idle_time_and_a_family_at_its_end_to_the_millisecond() {
    each_database(async |store| {
        let world = World::new(store);
        let (_, _, refresh) = family(&world, "alice").await;
        let idle_end = NOW + 3_600 * SECOND;
        let late = world.store.rotate_refresh(refresh, world.id(), &world.new_tokens(NOW), idle_end).await;
        assert_eq!(late.expect("runs"), RotateRefresh::Ended);
        let mut tokens = world.new_tokens(idle_end);
        tokens.refresh.as_mut().expect("was made").plan.max_ends_at = idle_end + 10;
        let timely = world.store.rotate_refresh(refresh, world.id(), &tokens, idle_end - 1).await;
        assert_eq!(timely.expect("runs"), RotateRefresh::Rotated);
        let next = tokens.refresh.expect("was made").id;
        assert!(world.refreshable(next, idle_end + 9).await && !world.refreshable(next, idle_end + 10).await);
        let over = world.store.rotate_refresh(next, world.id(), &world.new_tokens(NOW), idle_end + 10).await;
        assert_eq!(over.expect("runs"), RotateRefresh::Ended);
    });
}
