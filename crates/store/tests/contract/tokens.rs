//! Access tokens: one read says everything, and everything that is switched off is off at the next use.

use crate::harness::{NOW, each_database};
use crate::world::{SECOND, World, guessed, race, scopes, secret_of};
use vestibule_oauth::client::{Access, Client};
use vestibule_oauth::id::Id;
use vestibule_oauth::template::Template;
use vestibule_oauth::token::{self, Dead};
use vestibule_store::applications::AddApplication;
use vestibule_store::assignments::Subject;
use vestibule_store::direct_grants::KeepGrant;
use vestibule_store::grants::Why;
use vestibule_store::presented::Missing;
use vestibule_store::sessions::OpenSession;
use vestibule_store::upkeep::SWEEPS;

async fn verdict(world: &World, access: Id, now: i64) -> Option<Dead> {
    let found = world.store.find_access_token(&secret_of(access)).await.expect("reads").expect("is there");
    token::judge(&found.standing, now).err()
}

#[test]
fn an_access_token_is_found_with_grant_person_organization_and_application_in_one_read() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let (top, below) = (world.organization("top", None).await, world.organization("below", None).await);
        let mut person = world.new_person("alice");
        person.organizations = vec![below, top];
        person.external_id = Some("e-1".to_owned());
        world.store.add_person(&person, &world.note(NOW)).await.expect("runs");
        let session = world.session(person.id, NOW).await;
        let issue = world.new_issue(client.id, person.id, session, NOW);
        world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
        let tokens = world.new_tokens(NOW);
        world.store.spend_code(issue.code.id, world.id(), &tokens, NOW).await.expect("runs");
        let found =
            world.store.find_access_token(&secret_of(tokens.access.id)).await.expect("reads").expect("is there");
        let why = |found: Result<_, Missing>| found.map(drop).expect_err("is not there");
        let other = world.store.find_access_token(&guessed(tokens.access.id)).await.expect("reads");
        assert_eq!(why(other), Missing::Wrong);
        assert_eq!((found.grant, found.scopes), (issue.grant, scopes("openid email")));
        assert_eq!((found.owner.id, found.owner.client_id), (client.id, client.client_id));
        assert_eq!(found.owner.scopes, client.scopes);
        assert_eq!((found.owner.template, found.owner.switches), (client.template, client.switches));
        assert_eq!((found.standing.begun_at, found.standing.expires_at), (NOW, tokens.access.expires_at));
        let owner = found.person.expect("a person's token");
        assert_eq!(owner.id, person.id);
        assert_eq!((owner.profile.subject, owner.profile.username), (person.subject, person.user_name));
        assert_eq!((owner.profile.email, owner.profile.email_verified), (person.email, true));
        assert_eq!((owner.profile.external_id, owner.profile.locale), (person.external_id, person.locale));
        let organization = owner.profile.organization.expect("the primary one");
        assert_eq!((organization.name.as_str(), organization.external_id.as_deref()), ("below", Some("ext-below")));
        let nothing = world.store.find_access_token(&secret_of(world.id())).await.expect("reads");
        assert_eq!(why(nothing), Missing::Gone);
    });
}

#[test]
fn fm_30_fm_63_st_68_each_off_switch_kills_tokens_at_once_and_switching_on_again_does_not_bring_them_back() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let flow = world.flow(&client, "alice").await;
        let (access, refresh) = world.spend(flow.code, NOW).await;
        let expires_at = NOW + 600 * SECOND;
        assert_eq!(verdict(&world, access, expires_at - 1).await, None);
        assert_eq!(verdict(&world, access, expires_at).await, Some(Dead::Expired));

        world.store.set_application_enabled(flow.application, false, &world.note(NOW + 10)).await.expect("runs");
        assert_eq!(verdict(&world, access, NOW + 10).await, Some(Dead::ClientDisabled));
        assert!(!world.refreshable(refresh, NOW + 10).await);
        world.store.set_application_enabled(flow.application, true, &world.note(NOW + 20)).await.expect("runs");
        assert_eq!(verdict(&world, access, NOW + 20).await, Some(Dead::BeforeClientValid));
        assert!(!world.refreshable(refresh, NOW + 20).await);

        let bob = world.flow(&client, "bob").await;
        let (access, refresh) = world.spend(bob.code, NOW + 20).await;
        assert_eq!(verdict(&world, access, NOW + 20).await, None, "a session from before serves a grant from after");
        world.store.set_person_enabled(bob.person, false, &world.note(NOW + 30)).await.expect("runs");
        assert_eq!(verdict(&world, access, NOW + 30).await, Some(Dead::PersonDisabled));
        world.store.set_person_enabled(bob.person, true, &world.note(NOW + 40)).await.expect("runs");
        assert_eq!(verdict(&world, access, NOW + 40).await, Some(Dead::BeforePersonValid));
        assert!(!world.refreshable(refresh, NOW + 40).await);

        let carol = world.flow(&client, "carol").await;
        let (access, refresh) = world.spend(carol.code, NOW + 50).await;
        world.store.set_password(carol.person, "$argon2id$new", &world.note(NOW + 60)).await.expect("runs");
        assert_eq!(verdict(&world, access, NOW + 60).await, Some(Dead::BeforePersonValid));
        assert!(!world.refreshable(refresh, NOW + 60).await);

        let dave = world.flow(&client, "dave").await;
        let (access, _) = world.spend(dave.code, NOW + 50).await;
        world.store.end_grant(dave.grant, Why::Revoked, &world.note(NOW + 60)).await.expect("runs");
        assert_eq!(verdict(&world, access, NOW + 60).await, Some(Dead::GrantEnded));

        let erin = world.flow(&client, "erin").await;
        let (access, refresh) = world.spend(erin.code, NOW + 50).await;
        world.store.remove_application(client.id, &world.note(NOW + 60)).await.expect("runs");
        assert!(!world.accepted(access, NOW + 60).await && !world.refreshable(refresh, NOW + 60).await);
        assert!(world.store.find_code(&secret_of(erin.code)).await.expect("reads").is_none());
    });
}

#[test]
fn a_token_that_is_issued_while_a_password_changes_dies_with_the_session_that_it_hangs_on() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        for round in 0..20 {
            let person = world.person(&format!("person{round}")).await;
            let session = world.session(person, NOW).await;
            let issued = race(&world, 8, |world, n| async move {
                if n == 0 {
                    world.store.set_password(person, "$argon2id$new", &world.note(NOW + 5)).await.expect("runs");
                    return None;
                }
                let issue = world.new_issue(client.id, person, session, NOW);
                world.store.issue_fresh(&issue, &world.note(NOW + 9)).await.expect("runs");
                let tokens = world.new_tokens(NOW + 9);
                world.store.spend_code(issue.code.id, world.id(), &tokens, NOW + 9).await.expect("runs");
                Some(tokens.access.id)
            })
            .await;
            for access in issued.into_iter().flatten() {
                assert!(!world.accepted(access, NOW + 10).await, "round {round}");
            }
        }
    });
}

#[test]
fn fm_62_being_assigned_is_asked_at_each_use() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("desk", Template::IdaasOauth2).await;
        let flow = world.flow(&client, "alice").await;
        let (access, refresh) = world.spend(flow.code, NOW).await;
        assert_eq!(verdict(&world, access, NOW).await, Some(Dead::NotAssigned));
        assert!(!world.refreshable(refresh, NOW).await);
        let subject = Subject::Person(flow.person);
        world.store.assign(client.id, subject, &world.note(NOW)).await.expect("runs");
        assert_eq!(verdict(&world, access, NOW).await, Some(Dead::NotAssigned), "what was issued before stays dead");
        let issue = world.new_issue(client.id, flow.person, flow.session, NOW);
        world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs");
        let (access, refresh) = world.spend(issue.code.id, NOW).await;
        assert_eq!(verdict(&world, access, NOW).await, None);
        assert!(world.refreshable(refresh, NOW).await);
        world.store.unassign(client.id, subject, &world.note(NOW)).await.expect("runs");
        assert_eq!(verdict(&world, access, NOW).await, Some(Dead::NotAssigned));
        assert!(!world.refreshable(refresh, NOW).await);
    });
}

#[test]
fn a_password_grant_is_kept_only_with_the_password_that_was_verified() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("forge", Template::Gitlife).await;
        let person = world.person("alice").await;
        let keep = async |person: Id, at: i64| {
            let tokens = world.new_tokens(at);
            let grant = world.direct_grant(client.id, Some(person));
            let kept = world.store.keep_direct_grant(&grant, &tokens, at).await.expect("runs");
            (kept, tokens.access.id, tokens.refresh.expect("was made").id)
        };
        let (kept, access, refresh) = keep(person, NOW).await;
        assert_eq!(kept, KeepGrant::Kept);
        assert!(world.accepted(access, NOW).await && world.refreshable(refresh, NOW).await);
        let found = world.store.find_refresh(&secret_of(refresh)).await.expect("reads").expect("is there");
        assert_eq!(found.generation.scope, scopes("api"));
        world.store.set_person_enabled(person, false, &world.note(NOW + 1)).await.expect("runs");
        assert_eq!(keep(person, NOW + 1).await.0, KeepGrant::NoLongerAllowed);
        world.store.set_person_enabled(person, true, &world.note(NOW + 2)).await.expect("runs");
        let (kept, again, _) = keep(person, NOW).await;
        assert_eq!(kept, KeepGrant::Kept);
        assert!(world.accepted(again, NOW + 2).await, "also on a node whose clock is behind");
        assert!(!world.accepted(access, NOW + 2).await);
        world.store.set_password(person, "$argon2id$new", &world.note(NOW + 3)).await.expect("runs");
        assert!(!world.accepted(again, NOW + 3).await);
        let (kept, lost, _) = keep(person, NOW + 3).await;
        assert_eq!(kept, KeepGrant::NoLongerAllowed);
        assert!(world.store.find_access_token(&secret_of(lost)).await.expect("reads").is_err());
    });
}

#[test]
fn an_application_gets_a_token_for_itself_and_only_while_it_is_switched_on() {
    each_database(async |store| {
        let world = World::new(store);
        let mut new = world.new_application("robot", Template::Service);
        new.client.access = Access::Assigned;
        let added = world.store.add_application(&new, &world.note(NOW)).await.expect("runs");
        assert_eq!(added, AddApplication::Added);
        let Client { id, .. } = new.client;
        let mut tokens = world.new_tokens(NOW);
        tokens.refresh = None;
        let grant = world.direct_grant(id, None);
        let kept = world.store.keep_direct_grant(&grant, &tokens, NOW).await.expect("runs");
        assert_eq!(kept, KeepGrant::Kept);
        let found =
            world.store.find_access_token(&secret_of(tokens.access.id)).await.expect("reads").expect("is there");
        assert!(found.person.is_none() && found.standing.person.is_none());
        assert!(world.accepted(tokens.access.id, NOW).await, "assignments speak of people");
        world.store.set_application_enabled(id, false, &world.note(NOW + 1)).await.expect("runs");
        let grant = world.direct_grant(id, None);
        let kept = world.store.keep_direct_grant(&grant, &world.new_tokens(NOW), NOW + 1).await.expect("runs");
        assert_eq!(kept, KeepGrant::NoLongerAllowed);
        assert!(!world.accepted(tokens.access.id, NOW + 1).await);
    });
}

#[test]
fn an_applications_tokens_of_an_hour_share_a_grant_that_outlives_them_and_switching_off_ends_all_of_them() {
    const HOUR: i64 = 3_600_000;
    each_database(async |store| {
        let world = World::new(store);
        let (one, two) =
            (world.application("robot", Template::Service).await, world.application("other", Template::Service).await);
        let hour = NOW - NOW.rem_euclid(HOUR) + HOUR;
        let keep = async |client: &Client, at: i64, life: i64| {
            let mut tokens = world.new_tokens(at);
            (tokens.refresh, tokens.access.expires_at) = (None, at + life);
            let grant = world.direct_grant(client.id, None);
            let kept = world.store.keep_direct_grant(&grant, &tokens, at).await.expect("runs");
            assert_eq!(kept, KeepGrant::Kept);
            tokens.access.id
        };
        let grant_of = async |access| {
            world.store.find_access_token(&secret_of(access)).await.expect("reads").expect("is there").grant
        };
        let (first, last) = (keep(&one, hour, HOUR).await, keep(&one, hour + HOUR - 1, HOUR).await);
        let shared = grant_of(first).await;
        assert_eq!(grant_of(last).await, shared);
        for other in
            [keep(&one, hour + HOUR, HOUR).await, keep(&one, hour, 2 * HOUR).await, keep(&two, hour, HOUR).await]
        {
            assert_ne!(grant_of(other).await, shared);
        }
        // What is swept an hour after the shared grant's end finds nothing alive on it.
        let end = hour + 2 * HOUR - 1;
        for sweep in &SWEEPS {
            world.store.sweep(sweep, end, 100).await.expect("runs");
        }
        assert!(world.accepted(last, end - 1).await);
        // Off and on again: what hangs on the shared grant stays dead, and what comes then is alive.
        let at = hour + SECOND;
        for enabled in [false, true] {
            world.store.set_application_enabled(one.id, enabled, &world.note(at)).await.expect("runs");
        }
        let anew = keep(&one, at, HOUR).await;
        assert!(world.accepted(anew, at).await && !world.accepted(first, at).await);
        assert_ne!(grant_of(anew).await, shared);
    });
}

#[test]
fn tokens_that_64_callers_ask_for_in_an_hours_first_moment_are_dead_once_the_application_was_switched_off() {
    each_database(async |store| {
        let world = World::new(store);
        let robot = world.application("robot", Template::Service).await.id;
        let hour = NOW - NOW.rem_euclid(3_600_000) + 3_600_000;
        let switch = async |world: &World, enabled, at| {
            world.store.set_application_enabled(robot, enabled, &world.note(at)).await.expect("runs")
        };
        let got = race(&world, 64, |world, n| async move {
            if n == 31 {
                world.store.set_application_enabled(robot, false, &world.note(hour + 1)).await.expect("runs");
                return None;
            }
            let mut tokens = world.new_tokens(hour);
            tokens.refresh = None;
            let kept = world.store.keep_direct_grant(&world.direct_grant(robot, None), &tokens, hour).await;
            (kept.expect("is no error") == KeepGrant::Kept).then_some(tokens.access.id)
        })
        .await;
        switch(&world, true, hour + 2).await;
        for access in got.into_iter().flatten() {
            assert!(!world.accepted(access, hour + 2).await);
        }
    });
}

#[test]
fn fm_131_nothing_of_one_tenant_is_found_by_another() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let flow = world.flow(&client, "alice").await;
        let request = world.request(client.id, NOW).await;
        let other = world.store.of_tenant(2);
        let spent = other.spend_code(flow.code, world.id(), &world.new_tokens(NOW), NOW).await.expect("runs");
        assert_eq!(spent, vestibule_store::codes::SpendCode::GrantEnded);
        let (access, refresh) = world.spend(flow.code, NOW).await;
        assert!(other.find_access_token(&secret_of(access)).await.expect("reads").is_err());
        assert!(other.find_refresh(&secret_of(refresh)).await.expect("reads").is_err());
        assert!(other.find_code(&secret_of(flow.code)).await.expect("reads").is_none());
        assert!(other.find_session(&secret_of(flow.session), None, NOW).await.expect("reads").is_none());
        assert!(other.find_request(request).await.expect("reads").is_none());
        assert!(other.find_client(&client.client_id, NOW).await.expect("reads").is_none());
        assert!(other.find_redirecting_client(&client.client_id).await.expect("reads").is_none());
        assert!(other.find_credentials("alice", None).await.expect("reads").is_none());
        assert!(other.show_person(flow.person).await.expect("reads").is_none());
        assert!(other.show_application(client.id).await.expect("reads").is_none());
        assert!(other.list_people().await.expect("reads").is_empty());
        assert!(other.list_applications().await.expect("reads").is_empty());
        assert!(!other.end_grant(flow.grant, Why::Revoked, &world.note(NOW)).await.expect("runs"));
        let opened = other.open_session(&world.new_session(flow.person), &world.note(NOW)).await.expect("runs");
        assert_eq!(opened, OpenSession::CredentialsChanged);
        assert!(world.accepted(access, NOW).await, "nor ended");
    });
}

#[test]
fn st_73_fm_27_an_access_token_that_is_revoked_is_dead_from_the_answer_on_and_alone() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let code = world.flow(&client, "alice").await.code;
        let (access, refresh) = world.spend(code, NOW).await;
        let rotation = world.new_rotation(NOW);
        world.rotate(refresh, &rotation, NOW).await.expect("runs");
        assert!(world.accepted(access, NOW).await);
        assert!(world.store.revoke_access_token(access, &world.note(NOW)).await.expect("runs"));
        assert!(!world.accepted(access, NOW).await);
        let found = world.store.find_access_token(&secret_of(access)).await.expect("reads").expect("is there");
        assert!(found.standing.revoked && found.created_at == NOW);
        assert!(world.accepted(rotation.tokens.access.id, NOW).await, "the other one lives on");
        assert!(!world.store.revoke_access_token(access, &world.note(NOW + 1)).await.expect("runs"), "was before");
        assert!(!world.store.revoke_access_token(world.id(), &world.note(NOW)).await.expect("runs"), "is not there");
        let trail = world.trail().await;
        assert_eq!(trail.iter().filter(|action| *action == "token.revoke").count(), 1, "{trail:?}");
    });
}
