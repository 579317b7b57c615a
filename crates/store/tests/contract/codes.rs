//! Authorization codes: spent once, burnt at a wrong try, dead with their grant.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, World, count, guessed, race, secret_of};
use vestibule_oauth::id::Id;
use vestibule_oauth::pkce::Challenge;
use vestibule_oauth::template::{CODE_MS, Template};
use vestibule_oauth::token;
use vestibule_store::codes::SpendCode;
use vestibule_store::grants::Why;

#[test]
fn a_code_is_found_with_everything_that_it_hangs_on_in_one_read() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let mut issue = world.new_issue(client.id, person, session, NOW);
        let challenge = Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        issue.code.challenge = challenge.clone();
        assert!(challenge.is_some());
        world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
        let found = world.store.find_code(&secret_of(issue.code.id)).await.expect("reads").expect("is there");
        assert!(world.store.find_code(&guessed(issue.code.id)).await.expect("reads").is_none());
        assert_eq!((found.grant, found.person.id, found.code.client), (issue.grant, person, client.id));
        assert_eq!(found.code.redirect_uri, issue.code.redirect_uri);
        assert!(found.code.redirect_uri_sent && !found.code.spent);
        assert_eq!(found.code.challenge, challenge);
        assert_eq!(found.code.scope, issue.scopes);
        assert_eq!(found.code.standing.expires_at, NOW + CODE_MS);
        assert_eq!(token::judge(&found.code.standing, NOW), Ok(()));
        assert!(world.store.find_code(&secret_of(world.id())).await.expect("reads").is_none());
    });
}

#[test]
fn fm_18_st_30_a_code_that_64_callers_spend_at_once_is_spent_by_one_and_the_others_hear_that_it_was_spent() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        for round in 0..5 {
            let code = world.flow(&client, &format!("person{round}")).await.code;
            let got = race(&world, CALLERS, |world, _| async move {
                let tokens = world.new_tokens(NOW);
                let spent = world.store.spend_code(code, world.id(), &tokens, NOW + 1).await.expect("runs");
                (spent, world.accepted(tokens.access.id, NOW + 2).await)
            })
            .await;
            let spent: Vec<_> = got.iter().map(|(spent, _)| *spent).collect();
            assert_eq!(count(&spent, &SpendCode::Spent), 1);
            assert_eq!(count(&spent, &SpendCode::AlreadySpent), CALLERS - 1);
            assert!(got.iter().all(|(spent, accepted)| *accepted == (*spent == SpendCode::Spent)), "{got:?}");
        }
    });
}

#[test]
fn fm_19_st_30_a_second_presentation_ends_everything_that_the_first_gave() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let flow = world.flow(&client, "alice").await;
        let (access, refresh) = world.spend(flow.code, NOW).await;
        assert!(world.accepted(access, NOW + 1).await && world.refreshable(refresh, NOW + 1).await);
        let second = world.store.spend_code(flow.code, world.id(), &world.new_tokens(NOW), NOW + 1).await;
        assert_eq!(second.expect("runs"), SpendCode::AlreadySpent);
        let ended = world.store.end_grant_of_replayed_code(flow.code, &world.note(NOW + 2)).await;
        assert!(ended.expect("runs"));
        assert!(!world.accepted(access, NOW + 2).await && !world.refreshable(refresh, NOW + 2).await);
        let again = world.store.end_grant_of_replayed_code(flow.code, &world.note(NOW + 3)).await;
        assert!(!again.expect("runs"), "it ends once");
        let trail = world.store.list_audit(100).await.expect("reads");
        let ends: Vec<_> = trail.iter().filter(|row| row.action == "grant.end").collect();
        assert_eq!(ends.len(), 1, "and stands in the trail once");
        assert_eq!((ends[0].details.as_str(), ends[0].node.as_str()), ("code_replayed", "test-node"));
    });
}

#[test]
fn fm_18_fm_19_the_losers_of_a_race_end_what_the_winner_got() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let code = world.flow(&client, "alice").await.code;
        let got = race(&world, CALLERS, |world, _| async move {
            let tokens = world.new_tokens(NOW);
            let spent = world.store.spend_code(code, world.id(), &tokens, NOW).await.expect("runs");
            let ended = spent == SpendCode::AlreadySpent
                && world.store.end_grant_of_replayed_code(code, &world.note(NOW)).await.expect("runs");
            (tokens.access.id, ended)
        })
        .await;
        assert_eq!(got.iter().filter(|(_, ended)| *ended).count(), 1, "one of them ends it, the others find it ended");
        for (access, _) in got {
            assert!(!world.accepted(access, NOW + 1).await);
        }
    });
}

#[test]
fn fm_24_a_code_that_is_burnt_gives_nothing_and_is_burnt_once() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let flow = world.flow(&client, "alice").await;
        let burnt = race(&world, CALLERS, |world, _| async move {
            world.store.burn_code(flow.code, world.id(), &world.note(NOW)).await.expect("runs")
        })
        .await;
        assert_eq!(count(&burnt, &true), 1);
        let tokens = world.new_tokens(NOW);
        let spent = world.store.spend_code(flow.code, world.id(), &tokens, NOW).await.expect("runs");
        assert_eq!(spent, SpendCode::AlreadySpent);
        assert!(!world.accepted(tokens.access.id, NOW).await);
        let found = world.store.find_code(&secret_of(flow.code)).await.expect("reads").expect("is there");
        assert!(found.code.spent && found.code.standing.grant_ended);
        assert_eq!(world.trail().await.iter().filter(|action| *action == "code.burn").count(), 1);
    });
}

#[test]
fn st_30_fm_18_fm_24_of_a_spending_and_a_burning_at_once_one_wins_and_nothing_is_left_alive() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        for round in 0..20 {
            let code = world.flow(&client, &format!("person{round}")).await.code;
            let got = race(&world, 2, |world, n| async move {
                let tokens = world.new_tokens(NOW);
                let won = if n == 0 {
                    world.store.spend_code(code, world.id(), &tokens, NOW).await.expect("runs") == SpendCode::Spent
                } else {
                    world.store.burn_code(code, world.id(), &world.note(NOW)).await.expect("runs")
                };
                (won, tokens.access.id, tokens.refresh.expect("was made").id)
            })
            .await;
            let won: Vec<_> = got.iter().map(|(won, ..)| *won).collect();
            assert_eq!(count(&won, &true), 1, "round {round}: {won:?}");
            for (_, access, refresh) in got {
                assert!(!world.accepted(access, NOW + 1).await, "round {round}: {won:?}");
                assert!(!world.refreshable(refresh, NOW + 1).await, "round {round}: {won:?}");
            }
        }
        let trail = world.trail().await;
        let ends = trail.iter().filter(|action| ["code.burn", "grant.end"].contains(&action.as_str())).count();
        assert_eq!(ends, 20, "each round stands in the trail once");
    });
}

#[test]
fn st_30_fm_24_a_wrong_try_of_a_code_that_was_spent_ends_what_it_gave() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let flow = world.flow(&client, "alice").await;
        let (access, refresh) = world.spend(flow.code, NOW).await;
        for _ in 0..2 {
            assert!(!world.store.burn_code(flow.code, world.id(), &world.note(NOW)).await.expect("runs"));
        }
        assert!(!world.accepted(access, NOW + 1).await && !world.refreshable(refresh, NOW + 1).await);
        let trail = world.store.list_audit(100).await.expect("reads");
        let ends: Vec<_> = trail.iter().filter(|row| row.action == "grant.end").collect();
        assert_eq!((ends.len(), ends[0].details.as_str()), (1, "code_replayed"));
        assert!(!trail.iter().any(|row| row.action == "code.burn"));
    });
}

#[test]
fn st_29_fm_113_a_code_is_over_after_60_seconds_to_the_millisecond() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let code = world.flow(&client, "alice").await.code;
        let late = world.store.spend_code(code, world.id(), &world.new_tokens(NOW), NOW + 60 * SECOND).await;
        assert_eq!(late.expect("runs"), SpendCode::GrantEnded);
        let timely = world.store.spend_code(code, world.id(), &world.new_tokens(NOW), NOW + 60 * SECOND - 1).await;
        assert_eq!(timely.expect("runs"), SpendCode::Spent);
    });
}

#[test]
fn a_code_whose_grant_was_ended_gives_nothing() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let flow = world.flow(&client, "alice").await;
        assert!(world.store.end_grant(flow.grant, Why::Revoked, &world.note(NOW)).await.expect("runs"));
        let tokens = world.new_tokens(NOW);
        let spent = world.store.spend_code(flow.code, world.id(), &tokens, NOW).await.expect("runs");
        assert_eq!(spent, SpendCode::GrantEnded);
        assert!(world.store.find_access_token(&secret_of(tokens.access.id)).await.expect("reads").is_err());
        let unknown = world.store.spend_code(world.id(), world.id(), &tokens, NOW).await.expect("runs");
        assert_eq!(unknown, SpendCode::GrantEnded);
    });
}

#[test]
fn fm_27_a_redemption_that_overlaps_a_revocation_leaves_no_living_token_after_the_revocations_answer() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        for round in 0..40 {
            let flow = world.flow(&client, &format!("person{round}")).await;
            let (code, grant) = (flow.code, flow.grant);
            let issued: Vec<Option<Id>> = race(&world, 8, |world, n| async move {
                if n == 0 {
                    assert!(world.store.end_grant(grant, Why::Revoked, &world.note(NOW)).await.expect("runs"));
                    return None;
                }
                let tokens = world.new_tokens(NOW);
                world.store.spend_code(code, world.id(), &tokens, NOW).await.expect("runs");
                Some(tokens.access.id)
            })
            .await;
            for access in issued.into_iter().flatten() {
                assert!(!world.accepted(access, NOW + 1).await, "round {round}");
            }
        }
    });
}
