//! What ended stays ended: signing out, withdrawing, unassigning and switching off, each turned back where that is
//! possible, and each raced against what it ends.

use crate::harness::{NOW, each_database};
use crate::upkeep::sweep;
use crate::world::{HASH, SECOND, World, race, scopes, secret_of};
use vestibule_oauth::client::{Access, Client};
use vestibule_oauth::id::Id;
use vestibule_oauth::template::Template;
use vestibule_oauth::token::{self, Dead};
use vestibule_store::applications::{Change, NewSecret};
use vestibule_store::assignments::Subject;
use vestibule_store::authorizations::{Answer, Issue};
use vestibule_store::codes::SpendCode;
use vestibule_store::direct_grants::KeepGrant;
use vestibule_store::sessions::{EndSession, OpenSession};
use vestibule_store::statement;

/// A code that was not spent, an access token and a refresh token, all of one session.
struct Issued {
    code: Id,
    access: Id,
    refresh: Id,
}

impl Issued {
    async fn alive(&self, world: &World, now: i64) -> [bool; 3] {
        let code = world.store.find_code(&secret_of(self.code)).await.expect("reads").expect("is there");
        let code = token::judge(&code.code.standing, now).is_ok();
        [code, world.accepted(self.access, now).await, world.refreshable(self.refresh, now).await]
    }

    async fn is_dead(&self, world: &World, why: Dead) {
        assert_eq!(self.alive(world, NOW).await, [false; 3], "{why:?}");
        let found = world.store.find_access_token(&secret_of(self.access)).await.expect("reads").expect("is there");
        assert_eq!(token::judge(&found.standing, NOW), Err(why));
        let found = world.store.find_refresh(&secret_of(self.refresh)).await.expect("reads").expect("is there");
        assert_eq!(token::judge(&found.generation.standing, NOW), Err(why));
    }
}

/// What the browser issues to `client`, judged by the session as it is read now.
async fn issue(world: &World, client: &Client, session: Id) -> Issued {
    let mut codes = Vec::new();
    for _ in 0..2 {
        let issue = judged(world, client, session).await;
        let answer = world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
        assert_eq!(answer, Answer::Given);
        codes.push(issue.code.id);
    }
    let (access, refresh) = world.spend(codes[0], NOW).await;
    Issued { code: codes[1], access, refresh }
}

async fn judged(world: &World, client: &Client, session: Id) -> Issue {
    let found =
        world.store.find_session(&secret_of(session), Some(client.id), NOW).await.expect("reads").expect("is alive");
    let mut issue = world.new_issue(client.id, found.person, session, found.auth_time);
    issue.consent_generation = found.consent_generation;
    issue.last_consent = found.last_consent;
    issue.consent = Some(scopes("openid"));
    issue
}

async fn follow(world: &World, person: Id, old: Id) -> Id {
    let mut new = world.new_session(person);
    new.replaces = Some(old);
    assert_eq!(world.store.open_session(&new, &world.note(NOW)).await.expect("runs"), OpenSession::Opened);
    new.id
}

#[test]
fn st_69_fm_75_signing_out_ends_what_was_issued_in_the_session_and_in_those_that_it_followed_and_nothing_else() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let alice = world.person("alice").await;
        let (first, elsewhere) = (world.session(alice, NOW).await, world.session(alice, NOW).await);
        let (early, other) = (issue(&world, &client, first).await, issue(&world, &client, elsewhere).await);
        let second = follow(&world, alice, first).await;
        let late = issue(&world, &client, second).await;
        for issued in [&early, &late, &other] {
            assert_eq!(issued.alive(&world, NOW).await, [true; 3], "following a session ends nothing");
        }
        let stale = world.store.end_session(first, &world.note(NOW)).await.expect("runs");
        assert_eq!(stale, EndSession::AlreadyEnded, "its cookie is worth nothing any more, not even for this");
        assert_eq!(late.alive(&world, NOW).await, [true; 3]);
        assert_eq!(world.store.end_session(second, &world.note(NOW)).await.expect("runs"), EndSession::Ended);
        early.is_dead(&world, Dead::SignedOut).await;
        late.is_dead(&world, Dead::SignedOut).await;
        assert_eq!(other.alive(&world, NOW).await, [true; 3]);
        assert!(world.store.find_session(&secret_of(second), None, NOW).await.expect("reads").is_none());
        let spent = world.store.spend_code(late.code, world.id(), &world.new_tokens(NOW), NOW).await.expect("runs");
        assert_eq!(spent, SpendCode::Spent, "liveness is asked at each use, also of what this gave");
        late.is_dead(&world, Dead::SignedOut).await;
        let again = world.session(alice, NOW).await;
        assert_eq!(issue(&world, &client, again).await.alive(&world, NOW).await, [true; 3]);
        late.is_dead(&world, Dead::SignedOut).await;
    });
}

#[test]
fn fm_46_signing_in_over_somebody_else_signs_them_out_here_and_has_a_root_of_its_own() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let first = world.session(alice, NOW).await;
        let elsewhere = world.session(alice, NOW).await;
        let (of_alice, stays) = (issue(&world, &client, first).await, issue(&world, &client, elsewhere).await);
        let second = follow(&world, bob, first).await;
        of_alice.is_dead(&world, Dead::SignedOut).await;
        let of_bob = issue(&world, &client, second).await;
        assert_eq!(of_bob.alive(&world, NOW).await, [true; 3]);
        world.store.end_session(second, &world.note(NOW)).await.expect("runs");
        of_bob.is_dead(&world, Dead::SignedOut).await;
        assert_eq!(stays.alive(&world, NOW).await, [true; 3]);
    });
}

#[test]
fn st_69_signing_out_everywhere_ends_every_session_and_grant_of_the_person_and_leaves_the_password() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("forge", Template::Gitlife).await;
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (one, two) = (world.session(alice, NOW).await, world.session(alice, NOW).await);
        let of_bob = world.session(bob, NOW).await;
        let issued = [issue(&world, &client, one).await, issue(&world, &client, two).await];
        let stays = issue(&world, &client, of_bob).await;
        let (grant, tokens) = (world.direct_grant(client.id, Some(alice)), world.new_tokens(NOW));
        world.store.keep_direct_grant(&grant, &tokens, NOW).await.expect("runs");
        assert!(world.accepted(tokens.access.id, NOW).await);
        // The moment of the node that ends is behind: nothing depends on that.
        let change = world.store.sign_out_everywhere(alice, &world.note(NOW - SECOND)).await.expect("runs");
        assert_eq!(change, Change::Done);
        for session in [one, two] {
            assert!(world.store.find_session(&secret_of(session), None, NOW).await.expect("reads").is_none());
        }
        for issued in &issued {
            issued.is_dead(&world, Dead::BeforePersonValid).await;
        }
        assert!(!world.accepted(tokens.access.id, NOW).await);
        assert_eq!(stays.alive(&world, NOW).await, [true; 3]);
        let again = world.session(alice, NOW).await;
        assert_eq!(issue(&world, &client, again).await.alive(&world, NOW).await, [true; 3]);
        assert!(world.trail().await.contains(&"person.sign_out_everywhere".to_owned()));
        let nobody = world.store.sign_out_everywhere(world.id(), &world.note(NOW)).await.expect("runs");
        assert_eq!(nobody, Change::NotFound);
    });
}

#[test]
fn st_68_fm_30_withdrawing_ends_every_grant_to_the_application_and_is_asked_about_anew() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("forge", Template::Gitlife).await;
        let other = world.application("shop", Template::Web).await;
        let alice = world.person("alice").await;
        let session = world.session(alice, NOW).await;
        let names = async || {
            let list = world.store.list_allowed(alice, NOW).await.expect("reads");
            list.into_iter().map(|one| (one.name, one.scopes, one.given_at)).collect::<Vec<_>>()
        };
        assert_eq!(names().await, []);
        let (issued, stays) = (issue(&world, &client, session).await, issue(&world, &other, session).await);
        let (grant, tokens) = (world.direct_grant(client.id, Some(alice)), world.new_tokens(NOW));
        world.store.keep_direct_grant(&grant, &tokens, NOW).await.expect("runs");
        let shop = ("shop".to_owned(), scopes("email openid"), NOW);
        assert_eq!(names().await, [("forge".to_owned(), scopes("api email openid"), NOW), shop.clone()]);
        let change = world.store.withdraw_consent(alice, client.id, &world.note(NOW)).await.expect("runs");
        assert_eq!(change, Change::Done);
        issued.is_dead(&world, Dead::ConsentWithdrawn).await;
        assert!(!world.accepted(tokens.access.id, NOW).await);
        assert_eq!(stays.alive(&world, NOW).await, [true; 3]);
        assert_eq!(world.store.last_consent(alice, client.id).await.expect("reads"), None);
        assert_eq!(names().await, std::slice::from_ref(&shop));
        let found = world
            .store
            .find_session(&secret_of(session), Some(client.id), NOW)
            .await
            .expect("reads")
            .expect("is alive");
        assert_eq!((found.last_consent, found.consent_generation), (None, 1));
        // Given again, at the same moment: the new one counts, the old ones do not.
        let anew = issue(&world, &client, session).await;
        assert_eq!(anew.alive(&world, NOW).await, [true; 3]);
        assert_eq!(world.store.last_consent(alice, client.id).await.expect("reads"), Some(scopes("openid")));
        issued.is_dead(&world, Dead::ConsentWithdrawn).await;
        let direct = world.direct_grant(client.id, Some(alice));
        let again = world.new_tokens(NOW);
        assert_eq!(world.store.keep_direct_grant(&direct, &again, NOW).await.expect("runs"), KeepGrant::Kept);
        assert!(world.accepted(again.access.id, NOW).await && !world.accepted(tokens.access.id, NOW).await);
        world.store.withdraw_consent(alice, client.id, &world.note(NOW)).await.expect("runs");
        anew.is_dead(&world, Dead::ConsentWithdrawn).await;
        let trail = world.trail().await;
        assert_eq!(trail.iter().filter(|action| *action == "consent.withdraw").count(), 2);
        let nothing = world.store.withdraw_consent(alice, world.id(), &world.note(NOW)).await.expect("runs");
        assert_eq!(nothing, Change::NotFound);
    });
}

#[test]
fn fm_30_a_grant_that_was_judged_before_a_withdrawal_is_not_given_after_it() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let alice = world.person("alice").await;
        let session = world.session(alice, NOW).await;
        issue(&world, &client, session).await;
        let (fresh, stored) = (judged(&world, &client, session).await, judged(&world, &client, session).await);
        let request = world.request(client.id, NOW).await;
        world.store.withdraw_consent(alice, client.id, &world.note(NOW)).await.expect("runs");
        let answer = world.store.issue_fresh(&fresh, &world.note(NOW)).await.expect("runs");
        assert_eq!(answer, Answer::NoLongerAllowed);
        let answer = world.store.issue_stored(request, &stored, &world.note(NOW)).await.expect("runs");
        assert_eq!(answer, Answer::NoLongerAllowed, "and the request waits for another answer");
        assert_eq!(world.store.last_consent(alice, client.id).await.expect("reads"), None);
        let anew = judged(&world, &client, session).await;
        let answer = world.store.issue_stored(request, &anew, &world.note(NOW)).await.expect("runs");
        assert_eq!(answer, Answer::Given);
    });
}

/// Size in CI: 60 rounds of 8 issues against a withdrawal, on each database.
#[test]
fn st_68_fm_30_issuing_against_withdrawing_leaves_nothing_alive_and_nothing_remembered() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        for round in 0..60 {
            let person = world.person(&format!("person{round}")).await;
            let session = world.session(person, NOW).await;
            let judged_before = judged(&world, &client, session).await;
            let issued = race(&world, 9, |world, n| {
                let (client, template) = (client.clone(), judged_before.clone());
                async move {
                    if n == 4 {
                        world.store.withdraw_consent(person, client.id, &world.note(NOW)).await.expect("runs");
                        return None;
                    }
                    let mut issue = world.new_issue(client.id, person, session, template.auth_time);
                    issue.consent = template.consent;
                    issue.last_consent = template.last_consent;
                    issue.consent_generation = template.consent_generation;
                    let answer = world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
                    if answer != Answer::Given {
                        return None;
                    }
                    let tokens = world.new_tokens(NOW);
                    world.store.spend_code(issue.code.id, world.id(), &tokens, NOW).await.expect("runs");
                    Some((issue.code.id, tokens.access.id, tokens.refresh.expect("was made").id))
                }
            })
            .await;
            for (code, access, refresh) in issued.into_iter().flatten() {
                let issued = Issued { code, access, refresh };
                assert_eq!(issued.alive(&world, NOW).await, [false; 3], "round {round}");
            }
            assert_eq!(world.store.last_consent(person, client.id).await.expect("reads"), None, "round {round}");
        }
    });
}

/// Size in CI: 60 rounds of 8 redemptions against switching off and on again, on each database.
#[test]
fn fm_30_fm_63_redeeming_against_disabling_leaves_nothing_alive_also_when_it_is_enabled_again() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..60 {
            let client = world.application(&format!("shop{round}"), Template::Web).await;
            let top = world.organization(&format!("top{round}"), None).await;
            let mut new = world.new_person(&format!("person{round}"));
            new.organizations = vec![top];
            world.store.add_person(&new, &world.note(NOW)).await.expect("runs");
            let session = world.session(new.id, NOW).await;
            let mut codes = Vec::new();
            for _ in 0..8 {
                let issue = judged(&world, &client, session).await;
                world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
                codes.push(issue.code.id);
            }
            let (application, person) = (client.id, new.id);
            let switch = async move |world: &World, enabled: bool, at: i64| {
                let note = world.note(at);
                match round % 3 {
                    0 => world.store.set_person_enabled(person, enabled, &note).await,
                    1 => world.store.set_application_enabled(application, enabled, &note).await,
                    _ => world.store.set_organization_enabled(top, enabled, &note).await,
                }
                .expect("runs")
            };
            let given = race(&world, 9, |world, n| {
                let code = codes.get(n).copied();
                async move {
                    let Some(code) = code else {
                        switch(&world, false, NOW + 1).await;
                        return None;
                    };
                    let tokens = world.new_tokens(NOW);
                    let spent = world.store.spend_code(code, world.id(), &tokens, NOW).await.expect("runs");
                    assert_eq!(spent, SpendCode::Spent);
                    Some((code, tokens.access.id, tokens.refresh.expect("was made").id))
                }
            })
            .await;
            for enabled in [false, true] {
                if enabled {
                    switch(&world, true, NOW + 2).await;
                }
                for (code, access, refresh) in given.iter().flatten().copied() {
                    let issued = Issued { code, access, refresh };
                    assert_eq!(issued.alive(&world, NOW + 2).await, [false; 3], "round {round}, enabled {enabled}");
                }
            }
        }
    });
}

#[test]
fn fm_30_fm_62_an_assignment_that_is_given_back_revives_nothing_by_whatever_way_it_came() {
    each_database(async |store| {
        let world = World::new(store);
        let mut new = world.new_application("desk", Template::IdaasOauth2);
        new.client.access = Access::Assigned;
        world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
        let client = new.client;
        let (above, team) = (world.organization("above", None).await, world.id());
        let below = world.organization("below", Some(above)).await;
        world.store.add_group(team, "team", &world.note(NOW)).await.expect("runs");
        let mut alice = world.new_person("alice");
        alice.organizations = vec![below];
        world.store.add_person(&alice, &world.note(NOW)).await.expect("runs");
        let session = world.session(alice.id, NOW).await;
        let assigned = async || {
            let found = world.store.find_session(&secret_of(session), Some(client.id), NOW).await.expect("reads");
            found.expect("is alive").assigned
        };
        for subject in [Subject::Person(alice.id), Subject::Group(team), Subject::Organization(above)] {
            world.store.assign(client.id, subject, &world.note(NOW)).await.expect("runs");
            if subject == Subject::Group(team) {
                assert!(!assigned().await);
                world.store.add_member(team, alice.id, &world.note(NOW)).await.expect("runs");
            }
            assert!(assigned().await, "{subject:?}");
            let before = issue(&world, &client, session).await;
            assert_eq!(before.alive(&world, NOW).await, [true; 3], "{subject:?}");
            // Assigned twice is assigned once: nothing dies of it.
            world.store.assign(client.id, subject, &world.note(NOW)).await.expect("runs");
            assert_eq!(before.alive(&world, NOW).await, [true; 3], "{subject:?}");
            world.store.unassign(client.id, subject, &world.note(NOW)).await.expect("runs");
            before.is_dead(&world, Dead::NotAssigned).await;
            assert!(!assigned().await, "{subject:?}");
            world.store.assign(client.id, subject, &world.note(NOW - SECOND)).await.expect("runs");
            before.is_dead(&world, Dead::NotAssigned).await;
            let after = issue(&world, &client, session).await;
            assert_eq!(after.alive(&world, NOW).await, [true; 3], "{subject:?}");
            if subject == Subject::Group(team) {
                world.store.remove_member(team, alice.id, &world.note(NOW)).await.expect("runs");
                after.is_dead(&world, Dead::NotAssigned).await;
                world.store.add_member(team, alice.id, &world.note(NOW - SECOND)).await.expect("runs");
                after.is_dead(&world, Dead::NotAssigned).await;
                let last = issue(&world, &client, session).await;
                assert_eq!(last.alive(&world, NOW).await, [true; 3]);
            }
            world.store.unassign(client.id, subject, &world.note(NOW)).await.expect("runs");
        }
    });
}

#[test]
fn st_68_fm_30_an_organization_that_is_switched_off_lets_nobody_below_it_in_and_gives_nothing_back() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let above = world.organization("above", None).await;
        let below = world.organization("below", Some(above)).await;
        let beside = world.organization("beside", None).await;
        let mut alice = world.new_person("alice");
        alice.organizations = vec![below, beside];
        world.store.add_person(&alice, &world.note(NOW)).await.expect("runs");
        let enabled =
            async || world.store.find_credentials("alice", None).await.expect("reads").expect("there").enabled;
        let set = async |organization, on| {
            world.store.set_organization_enabled(organization, on, &world.note(NOW - SECOND)).await.expect("runs")
        };
        for organization in [below, above] {
            let session = world.session(alice.id, NOW).await;
            let issued = issue(&world, &client, session).await;
            assert_eq!(set(beside, false).await, Change::Done);
            assert_eq!(set(beside, true).await, Change::Done);
            assert_eq!(issued.alive(&world, NOW).await, [true; 3], "it is not the primary one");
            assert_eq!(set(organization, false).await, Change::Done);
            issued.is_dead(&world, Dead::OrganizationOff).await;
            assert!(!enabled().await);
            assert!(world.store.find_session(&secret_of(session), None, NOW).await.expect("reads").is_none());
            let while_off = world.session(alice.id, NOW).await;
            assert!(world.store.find_session(&secret_of(while_off), None, NOW).await.expect("reads").is_none());
            let (grant, tokens) = (world.direct_grant(client.id, Some(alice.id)), world.new_tokens(NOW));
            world.store.keep_direct_grant(&grant, &tokens, NOW).await.expect("runs");
            assert!(!world.accepted(tokens.access.id, NOW).await);
            assert_eq!(set(organization, true).await, Change::Done);
            assert!(enabled().await);
            issued.is_dead(&world, Dead::OrganizationOff).await;
            assert!(!world.accepted(tokens.access.id, NOW).await);
            for session in [session, while_off] {
                assert!(world.store.find_session(&secret_of(session), None, NOW).await.expect("reads").is_none());
            }
            assert_eq!(set(organization, true).await, Change::Done, "stands so already");
            let again = world.session(alice.id, NOW).await;
            assert_eq!(issue(&world, &client, again).await.alive(&world, NOW).await, [true; 3]);
        }
        assert_eq!(set(world.id(), false).await, Change::NotFound);
        let trail = world.trail().await;
        let count = |action: &str| trail.iter().filter(|one| *one == action).count();
        assert_eq!((count("organization.disable"), count("organization.enable")), (4, 4));
    });
}

#[test]
fn fm_62_an_assignment_through_an_organization_that_is_switched_off_does_not_count() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("desk", Template::IdaasOauth2).await;
        let (home, guests) = (world.organization("home", None).await, world.organization("guests", None).await);
        let mut alice = world.new_person("alice");
        alice.organizations = vec![home, guests];
        world.store.add_person(&alice, &world.note(NOW)).await.expect("runs");
        world.store.assign(client.id, Subject::Organization(guests), &world.note(NOW)).await.expect("runs");
        let session = world.session(alice.id, NOW).await;
        let issued = issue(&world, &client, session).await;
        assert_eq!(issued.alive(&world, NOW).await, [true; 3]);
        world.store.set_organization_enabled(guests, false, &world.note(NOW)).await.expect("runs");
        issued.is_dead(&world, Dead::NotAssigned).await;
        let found = world
            .store
            .find_session(&secret_of(session), Some(client.id), NOW)
            .await
            .expect("reads")
            .expect("is alive");
        assert!(!found.assigned);
        world.store.set_organization_enabled(guests, true, &world.note(NOW)).await.expect("runs");
        issued.is_dead(&world, Dead::NotAssigned).await;
        assert_eq!(issue(&world, &client, session).await.alive(&world, NOW).await, [true; 3]);
    });
}

#[test]
fn a_secret_that_is_removed_is_gone_at_once_and_the_last_takes_along_what_it_got() {
    each_database(async |store| {
        let world = World::new(store);
        let new = world.new_application("shop", Template::Web);
        world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
        let (client, first) = (&new.client, new.secret.as_ref().expect("was made"));
        let flow = world.flow(client, "alice").await;
        let (access, _) = world.spend(flow.code, NOW).await;
        let secrets = async |now| {
            let found = world.store.find_client(&client.client_id, now).await.expect("reads");
            found.expect("is there").secrets.len()
        };
        let other = world.application("other", Template::Web).await;
        let foreign = world.store.remove_secret(other.id, first.id, &world.note(NOW)).await.expect("runs");
        assert_eq!((foreign, secrets(NOW).await), (Change::NotFound, 1));

        let second = NewSecret { id: world.id(), digest: first.digest.clone() };
        world.store.rotate_secret(client.id, &second, SECOND, &world.note(NOW)).await.expect("runs");
        let removed = race(&world, 8, |world, _| {
            let (application, secret) = (client.id, first.id);
            async move { world.store.remove_secret(application, secret, &world.note(NOW)).await.expect("runs") }
        })
        .await;
        assert_eq!(removed.iter().filter(|change| **change == Change::Done).count(), 1);
        assert_eq!(secrets(NOW).await, 1);
        assert!(world.accepted(access, NOW).await, "it has another one");

        // One that has ended is none that could be left.
        let third = NewSecret { id: world.id(), digest: first.digest.clone() };
        world.store.rotate_secret(client.id, &third, 0, &world.note(NOW)).await.expect("runs");
        assert!(world.accepted(access, NOW).await);
        world.store.remove_secret(client.id, third.id, &world.note(NOW + SECOND)).await.expect("runs");
        assert_eq!(secrets(NOW + SECOND).await, 0);
        assert!(!world.accepted(access, NOW + SECOND).await, "the last one takes along what was issued");
        // Who was let in by it a moment before gets nothing any more.
        let bob = world.person("bob").await;
        for (person, refreshed) in [(None, false), (None, true), (Some(bob), true)] {
            let (grant, mut tokens) = (world.direct_grant(client.id, person), world.new_tokens(NOW + SECOND));
            tokens.refresh = tokens.refresh.filter(|_| refreshed);
            let kept = world.store.keep_direct_grant(&grant, &tokens, NOW + SECOND).await.expect("runs");
            assert_eq!(kept, KeepGrant::NoLongerAllowed, "{person:?}, {refreshed}");
        }
        let trail = statement!("SELECT details FROM audit WHERE action = 'application.remove_secret' ORDER BY at, id");
        let rows = world.store.scan(&trail).await.expect("reads");
        let told: Vec<&str> = rows.iter().map(|row| row.text(0).expect("text")).collect();
        assert!(told.len() == 2 && !told[0].contains("last") && told[1].contains("the last one"), "{told:?}");

        let fourth = NewSecret { id: world.id(), digest: first.digest.clone() };
        world.store.rotate_secret(client.id, &fourth, 0, &world.note(NOW + SECOND)).await.expect("runs");
        assert!(!world.accepted(access, NOW + SECOND).await, "and a new one brings nothing back");
    });
}

/// Size in CI: 10 rounds in which each of an application's two secrets is removed by 4 at once.
#[test]
fn fm_30_who_remove_the_last_two_secrets_at_once_leave_nothing_alive() {
    each_database(async |store| {
        let world = World::new(store);
        for round in 0..10 {
            let new = world.new_application(&format!("shop {round}"), Template::Web);
            world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
            let first = new.secret.as_ref().expect("was made");
            let flow = world.flow(&new.client, &format!("alice {round}")).await;
            let (access, _) = world.spend(flow.code, NOW).await;
            let second = NewSecret { id: world.id(), digest: first.digest.clone() };
            world.store.rotate_secret(new.client.id, &second, 60 * SECOND, &world.note(NOW)).await.expect("runs");
            let removed = race(&world, 8, |world, n| {
                let (application, secret) = (new.client.id, [first.id, second.id][n % 2]);
                async move { world.store.remove_secret(application, secret, &world.note(NOW)).await.expect("runs") }
            })
            .await;
            assert_eq!(removed.iter().filter(|change| **change == Change::Done).count(), 2);
            assert!(!world.accepted(access, NOW).await, "round {round}");
        }
    });
}

#[test]
fn fm_75_sweeping_forgets_no_sign_out_before_what_it_ended() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let issue = judged(&world, &client, session).await;
        world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
        let mut tokens = world.new_tokens(NOW);
        let month = 30 * 86_400 * SECOND;
        let plan = &mut tokens.refresh.as_mut().expect("was made").plan;
        (plan.idle_ends_at, plan.max_ends_at) = (NOW + month, NOW + month);
        world.store.spend_code(issue.code.id, world.id(), &tokens, NOW).await.expect("runs");
        let refresh = tokens.refresh.expect("was made").id;
        let mut new = world.new_session(person);
        (new.replaces, new.password_hash) = (Some(session), HASH.to_owned());
        world.store.open_session(&new, &world.note(NOW)).await.expect("runs");
        world.store.end_session(new.id, &world.note(NOW)).await.expect("runs");
        for day in 1..30 {
            while sweep(&world.store, NOW + day * 86_400 * SECOND, 3).await.expect("runs") > 0 {}
            assert!(!world.refreshable(refresh, NOW).await, "day {day}");
        }
        while sweep(&world.store, NOW + 2 * month, 3).await.expect("runs") > 0 {}
        let left =
            world.store.scan(&vestibule_store::statement!("SELECT COUNT(*) FROM sessions")).await.expect("reads");
        assert_eq!(left[0].int(0), Ok(0), "and nothing stays for ever");
    });
}
