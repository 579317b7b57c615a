//! Refresh tokens: each generation traded once, a family is a path, and everything dies with its grant.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, World, count, guessed, race, scopes, secret_of};
use std::collections::BTreeSet;
use vestibule_oauth::access_token::Unspelled;
use vestibule_oauth::client::RegisteredClient;
use vestibule_oauth::client_auth::{AuthedClient, authenticate};
use vestibule_oauth::grant::refresh_token::{self, Ask, REPEAT_MS, Verdict};
use vestibule_oauth::id::Id;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::secret::{Digest, Kind, MachineSecret};
use vestibule_oauth::template::Template;
use vestibule_oauth::token;
use vestibule_store::codes::SpendCode;
use vestibule_store::grants::Why;
use vestibule_store::presented::Missing;
use vestibule_store::refresh_tokens::{RotateRefresh, Rotation};
use vestibule_store::statement;
use vestibule_store::tokens::{NewAccessToken, NewRefreshToken, NewTokens};

async fn family(world: &World, name: &str) -> (Id, Id, Id) {
    let client = match world.store.find_application("shop").await.expect("reads") {
        Some(id) => world.store.show_application(id).await.expect("reads").expect("is there").client,
        None => world.application("shop", Template::Web).await,
    };
    let flow = world.flow(&client, name).await;
    let (access, refresh) = world.spend(flow.code, NOW).await;
    (flow.grant, access, refresh)
}

/// A family with secrets as the server makes them; gives its grant, its client and its first refresh token.
async fn spelled_family(world: &World, name: &str) -> (Id, AuthedClient, Digest, MachineSecret) {
    let client = world.application(&format!("app of {name}"), Template::Spa).await;
    let flow = world.flow(&client, name).await;
    let first = MachineSecret::new(Kind::RefreshToken, world.id(), *world.digest().as_bytes());
    let mut tokens = world.new_tokens(NOW);
    let refresh = tokens.refresh.as_mut().expect("was made");
    (refresh.id, refresh.digest) = (first.id(), first.digest());
    let spent = world.store.spend_code(flow.code, world.id(), &tokens, NOW).await.expect("runs");
    assert_eq!(spent, SpendCode::Spent);
    let body = format!("client_id={}", client.client_id);
    let parameters = Parameters::read(None, Body::Form(body.as_bytes()), None).expect("reads");
    let authed = authenticate(&parameters, RegisteredClient { client, secrets: Vec::new() }).expect("is public");
    let sender = refresh_token::sender(&authed, [192, 0, 2, 1].into(), "tests").expect("has no secret");
    (flow.grant, authed, sender, first)
}

/// How an answer is compared: both tokens as they are spelled.
type Pair = (String, String);

fn spelled(pair: &token::Pair) -> Pair {
    let Unspelled::Opaque(access) = &pair.access else { panic!("{pair:?}") };
    let refresh = pair.refresh.as_ref().expect("is there");
    (access.spell().expose().to_owned(), refresh.spell().expose().to_owned())
}

/// Presents a refresh token as the server's endpoint does: find, judge, rotate, and once more after a lost race. The
/// error is whether the family is to be ended.
async fn present(
    world: &World,
    client: &AuthedClient,
    sender: &Digest,
    presented: &MachineSecret,
    now: i64,
) -> Result<Pair, bool> {
    let ask = Ask { refresh_token: presented.spell(), scope: None };
    for _ in 0..2 {
        let found = world.store.find_refresh(presented).await.expect("reads").ok();
        let generation = found.as_ref().map(|found| &found.generation);
        let scope = match refresh_token::judge(client, &ask, generation, Some(sender), now) {
            Verdict::Rotate(scope) => scope,
            Verdict::Repeat(pair) => return Ok(spelled(&pair)),
            Verdict::Reuse(_) => return Err(true),
            Verdict::Refuse(_) => return Err(false),
        };
        let salt = *world.digest().as_bytes();
        let (access, refresh) = refresh_token::successors(presented, &salt, world.id(), world.id());
        let plan = world.new_tokens(now).refresh.expect("was made").plan;
        let tokens = NewTokens {
            access: NewAccessToken {
                id: access.id(),
                digest: access.digest(),
                scopes: scope,
                expires_at: now + 600 * SECOND,
            },
            refresh: Some(NewRefreshToken { id: refresh.id(), digest: refresh.digest(), plan }),
        };
        let rotation = Rotation { tokens, salt, sender: Some(sender.clone()) };
        let found = found.expect("was judged");
        match world.store.rotate_refresh(&found, world.id(), &rotation, now).await.expect("runs") {
            RotateRefresh::Rotated => return Ok((access.spell().expose().into(), refresh.spell().expose().into())),
            RotateRefresh::AlreadySpent => {}
            RotateRefresh::Ended => return Err(false),
        }
    }
    panic!("a token that was traded stands as good");
}

async fn generations(world: &World, grant: Id) -> (Vec<i64>, usize) {
    let path = statement!("SELECT number FROM refresh_tokens WHERE grant_id = $1 ORDER BY number", grant);
    let rows = world.store.scan(&path).await.expect("reads");
    let numbers = rows.iter().map(|row| row.int(0).expect("a number")).collect();
    let tokens = statement!("SELECT id FROM tokens WHERE grant_id = $1", grant);
    (numbers, world.store.scan(&tokens).await.expect("reads").len())
}

#[test]
fn fm_25_fm_28_fm_29_64_presenters_of_one_sender_get_one_identical_pair_and_one_generation_is_added() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..5 {
            let (grant, client, sender, first) = spelled_family(&world, &format!("person{round}")).await;
            let text = first.spell();
            let mut last: Option<MachineSecret> = None;
            for generation in 1..=3 {
                let presented =
                    last.as_ref().map_or_else(|| text.expose().to_owned(), |t| t.spell().expose().to_owned());
                let got = race(&world, CALLERS, |world, n| {
                    let (client, sender, presented) = (client.clone(), sender.clone(), presented.clone());
                    async move {
                        let presented = MachineSecret::parse(Kind::RefreshToken, &presented).expect("is ours");
                        let now = NOW + i64::try_from(n).expect("is small");
                        present(&world, &client, &sender, &presented, now).await
                    }
                })
                .await;
                let pair = got[0].clone().expect("is given");
                assert!(got.iter().all(|one| one.as_ref() == Ok(&pair)), "round {round}: {got:?}");
                let next = MachineSecret::parse(Kind::RefreshToken, &pair.1).expect("is ours");
                let access = MachineSecret::parse(Kind::AccessToken, &pair.0).expect("is ours");
                assert!(world.accepts(&access, NOW + 100).await && world.refreshes(&next, NOW + 100).await);
                // One access token came with the code, and one with each generation after it.
                let (numbers, tokens) = generations(&world, grant).await;
                assert_eq!(
                    (numbers, tokens),
                    ((0..=generation).collect(), 1 + usize::try_from(generation).expect("is small"))
                );
                last = Some(next);
            }
        }
    });
}

#[test]
fn fm_29_fm_32_another_sender_a_late_one_and_one_whose_successor_was_used_get_nothing_and_it_is_reuse() {
    each_database(async |store| {
        let world = World::new(store);
        let (_, client, sender, first) = spelled_family(&world, "alice").await;
        let pair = present(&world, &client, &sender, &first, NOW).await.expect("is given");
        assert_eq!(present(&world, &client, &Digest::of(b"somebody else"), &first, NOW).await, Err(true));
        assert_eq!(present(&world, &client, &sender, &first, NOW + REPEAT_MS).await.as_ref(), Ok(&pair));
        assert_eq!(present(&world, &client, &sender, &first, NOW + REPEAT_MS + 1).await, Err(true));
        let next = MachineSecret::parse(Kind::RefreshToken, &pair.1).expect("is ours");
        present(&world, &client, &sender, &next, NOW + 1).await.expect("is given");
        assert_eq!(present(&world, &client, &sender, &first, NOW + 2).await, Err(true));
    });
}

#[test]
fn fm_28_the_database_alone_does_not_hold_what_makes_the_pair() {
    each_database(async |store| {
        let world = World::new(store);
        let (grant, client, sender, first) = spelled_family(&world, "alice").await;
        let pair = present(&world, &client, &sender, &first, NOW).await.expect("is given");
        let next = MachineSecret::parse(Kind::RefreshToken, &pair.1).expect("is ours");
        let sql = "SELECT digest, salt FROM refresh_tokens WHERE grant_id = $1 AND number = 1";
        let row = world.store.find(&statement!(sql, grant)).await.expect("reads").expect("is there");
        let (digest, salt) = (row.digest(0).expect("a digest"), row.blob(1).expect("a salt").to_vec());
        assert!(digest.matches(&next.digest()) && salt.len() == 32);
        let salt: [u8; 32] = salt.try_into().expect("32 bytes");
        for guess in [salt, *digest.as_bytes(), *first.digest().as_bytes()] {
            let presented = MachineSecret::new(Kind::RefreshToken, first.id(), guess);
            let (_, made) = refresh_token::successors(&presented, &salt, world.id(), next.id());
            assert!(!made.digest().matches(&digest));
        }
    });
}

#[test]
fn a_refresh_token_is_found_with_everything_that_it_hangs_on_in_one_read() {
    each_database(async |store| {
        let world = World::new(store);
        let (grant, _, refresh) = family(&world, "alice").await;
        let found = world.store.find_refresh(&secret_of(refresh)).await.expect("reads").expect("is there");
        assert_eq!((found.id, found.grant), (refresh, grant));
        assert_eq!(found.client.name, "shop");
        assert_eq!(found.generation.client, found.client.id);
        assert_eq!(found.generation.scope, scopes("openid email"));
        assert_eq!(found.generation.max_ends_at, NOW + 86_400 * SECOND);
        assert_eq!(found.generation.standing.expires_at, NOW + 3_600 * SECOND);
        assert!(found.generation.spent.is_none() && world.refreshable(refresh, NOW).await);
        for (presented, why) in [(guessed(refresh), Missing::Wrong), (secret_of(world.id()), Missing::Gone)] {
            let missing = world.store.find_refresh(&presented).await.expect("reads");
            assert_eq!(missing.map(drop).expect_err("is not there"), why);
        }
    });
}

#[test]
fn fm_25_fm_28_fm_29_of_64_callers_with_one_refresh_token_one_gets_the_next_and_the_others_hear_why_not() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..5 {
            let (grant, _, refresh) = family(&world, &format!("person{round}")).await;
            let found = world.store.find_refresh(&secret_of(refresh)).await.expect("reads").expect("is there");
            let got = race(&world, CALLERS, |world, _| {
                let found = found.clone();
                async move {
                    let rotation = world.new_rotation(NOW);
                    let next = rotation.tokens.refresh.as_ref().expect("was made").id;
                    let rotated = world.store.rotate_refresh(&found, world.id(), &rotation, NOW + 1).await;
                    (
                        rotated.expect("runs"),
                        world.accepted(rotation.tokens.access.id, NOW + 2).await,
                        world.refreshable(next, NOW + 2).await,
                    )
                }
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
            let rotation = world.new_rotation(NOW);
            let rotated = world.rotate(refresh, &rotation, NOW).await.expect("runs");
            assert_eq!(rotated, RotateRefresh::Rotated);
            older.push(std::mem::replace(&mut refresh, rotation.tokens.refresh.expect("was made").id));
        }
        for old in older {
            let found = world.store.find_refresh(&secret_of(old)).await.expect("reads").expect("is there");
            assert!(found.generation.spent.is_some());
            let again = world.rotate(old, &world.new_rotation(NOW), NOW).await.expect("runs");
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
            let next = world.new_rotation(NOW);
            world.rotate(last, &next, NOW).await.expect("runs");
            last = next.tokens.refresh.expect("was made").id;
            tokens.insert(next.tokens.access.id);
        }
        for access in &tokens {
            assert!(world.accepted(*access, NOW).await);
        }
        assert!(world.store.end_grant(grant, Why::RefreshReused, &world.note(NOW)).await.expect("runs"));
        for access in &tokens {
            assert!(!world.accepted(*access, NOW).await);
        }
        assert!(!world.refreshable(last, NOW).await);
        let rotated = world.rotate(last, &world.new_rotation(NOW), NOW).await.expect("runs");
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
                let rotation = world.new_rotation(NOW);
                world.rotate(refresh, &rotation, NOW).await.expect("runs");
                Some((rotation.tokens.access.id, rotation.tokens.refresh.expect("was made").id))
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
        let late = world.rotate(refresh, &world.new_rotation(NOW), idle_end).await;
        assert_eq!(late.expect("runs"), RotateRefresh::Ended);
        let mut rotation = world.new_rotation(idle_end);
        rotation.tokens.refresh.as_mut().expect("was made").plan.max_ends_at = idle_end + 10;
        let timely = world.rotate(refresh, &rotation, idle_end - 1).await;
        assert_eq!(timely.expect("runs"), RotateRefresh::Rotated);
        let next = rotation.tokens.refresh.expect("was made").id;
        assert!(world.refreshable(next, idle_end + 9).await && !world.refreshable(next, idle_end + 10).await);
        let over = world.rotate(next, &world.new_rotation(NOW), idle_end + 10).await;
        assert_eq!(over.expect("runs"), RotateRefresh::Ended);
    });
}
