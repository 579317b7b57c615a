//! Ends of sessions that applications hear of: noted in the verb that ends the session, claimed by one, never lost.

use crate::harness::{Kind, NOW, each_database, one_empty_database};
use crate::world::{CALLERS, HASH, SECOND, World, race, secret_of};
use std::time::Duration;
use vestibule_oauth::client::Client;
use vestibule_oauth::id::Id;
use vestibule_oauth::template::{SESSION_MAX_MS, Template};
use vestibule_store::applications::Change;
use vestibule_store::authorizations::Answer;
use vestibule_store::logout::{Backchannel, LogoutSettings};
use vestibule_store::logout_notices::{ClaimedNotice, Settled};
use vestibule_store::migrations::Schema;
use vestibule_store::sessions::OpenSession;
use vestibule_store::upkeep::SWEEPS;
use vestibule_store::{Role, statement};

const LEASE: i64 = 60 * SECOND;

impl World {
    /// An application that wants to hear of logouts.
    async fn listener(&self, name: &str) -> Client {
        let client = self.application(name, Template::Web).await;
        let uri = format!("https://{name}.example/logout");
        let backchannel = Some(Some(Backchannel { uri, session_required: true }));
        let settings = LogoutSettings { backchannel, ..LogoutSettings::default() };
        let set = self.store.set_logout(client.id, &settings, &self.note(NOW)).await.expect("runs");
        assert_eq!(set, Change::Done);
        client
    }

    async fn visit(&self, application: &Client, person: Id, session: Id) {
        let issue = self.new_issue(application.id, person, session, NOW);
        assert_eq!(self.store.issue_fresh(&issue, &self.note(NOW)).await.expect("runs"), Answer::Given);
    }

    /// All notices that are due at `now`, claimed, by application.
    async fn told(&self, now: i64) -> Vec<ClaimedNotice> {
        let mut all = Vec::new();
        for application in self.store.due_logouts(now).await.expect("reads") {
            let claim = self.id();
            all.extend(self.store.claim_logouts(application, claim, now, now + LEASE, 100).await.expect("runs"));
        }
        all
    }
}

fn applications(notices: &[ClaimedNotice]) -> Vec<Id> {
    let mut all: Vec<_> = notices.iter().map(|notice| notice.application).collect();
    all.sort_unstable();
    all
}

#[test]
fn st_129_signing_out_tells_each_application_that_was_visited_in_the_session_once() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let (shop, wiki) = (world.listener("shop").await, world.listener("wiki").await);
        let silent = world.application("silent", Template::Web).await;
        let session = world.session(person, NOW).await;
        let other = world.session(person, NOW).await;
        for application in [&shop, &shop, &wiki, &silent] {
            world.visit(application, person, session).await;
        }
        world.visit(&wiki, person, other).await;
        assert!(world.told(NOW).await.is_empty(), "nobody has signed out yet");
        // The session goes on in another one of the same browser.
        let mut again = world.new_session(person);
        again.replaces = Some(session);
        world.store.open_session(&again, &world.note(NOW)).await.expect("runs");
        assert!(world.told(NOW).await.is_empty(), "the session goes on");
        for _ in 0..2 {
            world.store.end_session(again.id, &world.note(NOW + 1)).await.expect("runs");
        }
        let told = world.told(NOW + 1).await;
        let mut expected = vec![shop.id, wiki.id];
        expected.sort_unstable();
        assert_eq!(applications(&told), expected);
        assert!(told.iter().all(|n| n.session == session && n.person == person && n.attempts == 1), "{told:?}");
        let addressee = world.store.find_addressee(&told[0]).await.expect("reads").expect("is there");
        assert!(addressee.uri.ends_with(".example/logout"));
        world.store.end_session(other, &world.note(NOW + 2)).await.expect("runs");
        let told = world.told(NOW + 2).await;
        assert_eq!((applications(&told), told[0].session), (vec![wiki.id], other));
    });
}

#[test]
fn st_129_a_session_that_another_persons_sign_in_replaces_is_signed_out_of_and_told() {
    each_database(async |store| {
        let world = World::new(store);
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let (shop, wiki) = (world.listener("shop").await, world.listener("wiki").await);
        let first = world.session(alice, NOW).await;
        world.visit(&shop, alice, first).await;
        let mut again = world.new_session(alice);
        again.replaces = Some(first);
        world.store.open_session(&again, &world.note(NOW)).await.expect("runs");
        let issue = world.new_issue(wiki.id, alice, again.id, NOW);
        assert_eq!(world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs"), Answer::Given);
        let (access, refresh) = world.spend(issue.code.id, NOW).await;
        let mut other = world.new_session(bob);
        (other.replaces, other.password_hash) = (Some(again.id), "$argon2id$wrong".to_owned());
        world.store.open_session(&other, &world.note(NOW)).await.expect("runs");
        assert!(world.told(NOW).await.is_empty(), "nobody signed in");
        assert!(world.accepted(access, NOW).await && world.refreshable(refresh, NOW).await);
        other.password_hash = HASH.to_owned();
        let opened = world.store.open_session(&other, &world.note(NOW)).await.expect("runs");
        assert_eq!(opened, OpenSession::Opened);
        let told = world.told(NOW).await;
        let mut expected = vec![shop.id, wiki.id];
        expected.sort_unstable();
        assert_eq!(applications(&told), expected);
        assert!(told.iter().all(|n| n.session == first && n.person == alice), "{told:?}");
        assert!(!world.accepted(access, NOW).await && !world.refreshable(refresh, NOW).await);
        let rows = world.store.list_audit(100).await.expect("reads");
        let row = rows.iter().find(|row| row.target == format!("person:{bob}") && row.action == "person.sign_in");
        assert_eq!(row.expect("is in the trail").details, format!("in place of session:{}", again.id));
        // The one who is here now is told of on their own.
        world.visit(&shop, bob, other.id).await;
        world.store.end_session(other.id, &world.note(NOW + 1)).await.expect("runs");
        let told = world.told(NOW + 1).await;
        assert_eq!((told.len(), told[0].person, told[0].session), (1, bob, other.id));
    });
}

/// In one browser, at once: the person signs out or in again, and others sign in over them.
#[test]
fn st_129_fm_46_of_many_that_end_a_session_at_once_one_tells_and_it_goes_on_or_is_over() {
    each_database(async |store| {
        let world = World::new(store);
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let shop = world.listener("shop").await;
        let mut followed = 0;
        for round in 0..20 {
            let session = world.session(alice, NOW).await;
            let issue = world.new_issue(shop.id, alice, session, NOW);
            assert_eq!(world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs"), Answer::Given);
            let (access, _) = world.spend(issue.code.id, NOW).await;
            let opened = race(&world, 9, |world, n| async move {
                if n % 3 == 0 {
                    world.store.end_session(session, &world.note(NOW)).await.expect("runs");
                    return None;
                }
                let mut new = world.new_session(if n % 3 == 1 { bob } else { alice });
                new.replaces = Some(session);
                let opened = world.store.open_session(&new, &world.note(NOW)).await.expect("runs");
                assert_eq!(opened, OpenSession::Opened);
                (n % 3 == 2).then_some(new.id)
            })
            .await;
            let mut goes_on = false;
            for one in opened.into_iter().flatten() {
                let found = world.store.find_session(&secret_of(one), None, NOW).await.expect("reads");
                goes_on |= found.is_some_and(|found| found.root == session);
            }
            followed += i32::from(goes_on);
            let told = world.told(NOW).await;
            assert_eq!(told.len(), usize::from(!goes_on), "round {round}: {told:?}");
            assert!(told.iter().all(|n| n.session == session && n.person == alice), "{told:?}");
            assert_eq!(world.accepted(access, NOW).await, goes_on, "round {round}");
        }
        eprintln!("in {followed} of 20 rounds the session went on");
    });
}

#[test]
fn st_129_whatever_ends_a_persons_sessions_tells_their_applications() {
    each_database(async |store| {
        let world = World::new(store);
        let shop = world.listener("shop").await;
        let (above, below) = {
            let above = world.organization("above", None).await;
            (above, world.organization("below", Some(above)).await)
        };
        let bystander = world.person("bob").await;
        let beside = world.session(bystander, NOW).await;
        world.visit(&shop, bystander, beside).await;
        for (n, name) in ["everywhere", "disable", "password", "organization"].into_iter().enumerate() {
            let mut new = world.new_person(name);
            new.organizations = vec![below];
            world.store.add_person(&new, &world.note(NOW)).await.expect("runs");
            let session = world.session(new.id, NOW).await;
            world.visit(&shop, new.id, session).await;
            let (store, note) = (&world.store, world.note(NOW + 1));
            let change = match n {
                0 => store.sign_out_everywhere(new.id, &note).await,
                1 => store.set_person_enabled(new.id, false, &note).await,
                2 => store.set_password(new.id, "$argon2id$second", &note).await,
                _ => store.set_organization_enabled(above, false, &note).await,
            };
            assert_eq!(change.expect("runs"), Change::Done, "{name}");
            let told = world.told(NOW + 1).await;
            assert_eq!(told.len(), 1, "{name}");
            assert_eq!((told[0].person, told[0].session), (new.id, session), "{name}");
        }
        world.store.sign_out_everywhere(bystander, &world.note(NOW + 2)).await.expect("runs");
        assert_eq!(world.told(NOW + 2).await.len(), 1);
    });
}

#[test]
fn st_129_fm_112_a_notice_is_claimed_by_one_and_again_when_its_lease_is_over() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let shop = world.listener("shop").await;
        let session = world.session(person, NOW).await;
        world.visit(&shop, person, session).await;
        world.store.end_session(session, &world.note(NOW)).await.expect("runs");
        let got = race(&world, CALLERS, |world, _| async move { world.told(NOW).await }).await;
        let claimed: Vec<_> = got.into_iter().flatten().collect();
        assert_eq!(claimed.len(), 1, "of {CALLERS} callers");
        assert!(world.told(NOW + LEASE - 1).await.is_empty(), "the lease holds");
        // Its sender died: another takes over, and the first can neither put it off nor end it any more.
        let second = world.told(NOW + LEASE).await;
        assert_eq!((second.len(), second[0].attempts), (1, 2));
        world.store.settle_logout(&claimed[0], Settled::Told, "200", &world.note(NOW)).await.expect("runs");
        world.store.defer_logout(&claimed[0], NOW + 9 * LEASE).await.expect("runs");
        assert!(!world.trail().await.contains(&"logout.notice".to_owned()));
        let third = world.told(NOW + 2 * LEASE).await;
        assert_eq!(third.len(), 1, "the notice was lost");
        world.store.defer_logout(&third[0], NOW + 3 * LEASE).await.expect("runs");
        assert!(world.told(NOW + 3 * LEASE - 1).await.is_empty());
        let last = world.told(NOW + 3 * LEASE).await;
        world.store.settle_logout(&last[0], Settled::Told, "200", &world.note(NOW)).await.expect("runs");
        assert!(world.told(NOW + 99 * LEASE).await.is_empty(), "told and still due");
        let rows = world.store.list_audit(100).await.expect("reads");
        let row = rows.iter().find(|row| row.action == "logout.notice").expect("is in the trail");
        assert_eq!((row.outcome.as_str(), row.target.as_str()), ("done", &*format!("application:{}", shop.id)));
        assert!(row.details.ends_with("attempt 4: 200"), "{}", row.details);
    });
}

#[test]
fn an_application_that_is_off_or_gone_hears_nothing_and_leaves_nothing_behind() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let (off, gone) = (world.listener("off").await, world.listener("gone").await);
        let session = world.session(person, NOW).await;
        world.visit(&off, person, session).await;
        world.visit(&gone, person, session).await;
        world.store.end_session(session, &world.note(NOW)).await.expect("runs");
        world.store.set_application_enabled(off.id, false, &world.note(NOW)).await.expect("runs");
        world.store.remove_application(gone.id, &world.note(NOW)).await.expect("runs");
        let told = world.told(NOW).await;
        assert_eq!(applications(&told), [off.id]);
        assert!(world.store.find_addressee(&told[0]).await.expect("reads").is_none());
        let late = NOW + SESSION_MAX_MS + 3 * 86_400 * SECOND;
        for what in &SWEEPS {
            world.store.sweep(what, late, 100).await.expect("runs");
        }
        assert!(world.told(late).await.is_empty(), "an old notice was not swept");
    });
}

/// On a database with many writers an issue may see the session alive while its end is under way: its application has a
/// code, and its tokens, before the end is durable, and hears of it all the same.
#[test]
fn st_129_an_application_that_is_visited_while_the_end_is_under_way_is_told_too() {
    const HOLD: &str = "UPDATE session_applications SET kept_until = kept_until WHERE session = $1";
    one_empty_database(Kind::Postgres, async |database| {
        let store = database.open(Role::Server, Schema::ours()).await.expect("opens");
        let world = World::new(store.clone());
        for everywhere in [false, true] {
            let person = world.person(&format!("alice {everywhere}")).await;
            let listener = async |name: &str| world.listener(&format!("{name}-{everywhere}")).await;
            let (shop, wiki) = (listener("shop").await, listener("wiki").await);
            let session = world.session(person, NOW).await;
            world.visit(&shop, person, session).await;
            // The end has made its notices and waits for this row: it forgets whom it has told.
            let held = world.store.clone();
            let holder = tokio::spawn(async move {
                let sleep = statement!("SELECT 1 FROM pg_sleep(2)");
                held.run(vec![statement!(HOLD, session), sleep]).await.expect("runs");
            });
            tokio::time::sleep(Duration::from_millis(400)).await;
            let (ending, note) = (world.store.clone(), world.note(NOW));
            let ender = tokio::spawn(async move {
                match everywhere {
                    true => drop(ending.sign_out_everywhere(person, &note).await.expect("runs")),
                    false => drop(ending.end_session(session, &note).await.expect("runs")),
                }
            });
            tokio::time::sleep(Duration::from_millis(400)).await;
            let issue = world.new_issue(wiki.id, person, session, NOW);
            assert_eq!(world.store.issue_fresh(&issue, &world.note(NOW)).await.expect("runs"), Answer::Given);
            let (access, _) = world.spend(issue.code.id, NOW).await;
            assert!(!ender.is_finished(), "nothing overlapped");
            holder.await.expect("ends");
            ender.await.expect("ends");
            assert!(!world.accepted(access, NOW).await);
            let mut expected = vec![shop.id, wiki.id];
            expected.sort_unstable();
            assert_eq!(applications(&world.told(NOW + 1).await), expected, "everywhere: {everywhere}");
        }
        store.close().await;
    });
}

#[test]
fn the_addresses_of_a_logout_are_set_whole_and_told_in_order() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("shop", Template::Web).await;
        let uris: Vec<String> = (0..12).map(|n| format!("https://shop.example/out/{n}")).collect();
        let backchannel =
            Some(Some(Backchannel { uri: "https://shop.example/bc".to_owned(), session_required: false }));
        let settings = LogoutSettings { post_logout_redirect_uris: Some(uris.clone()), backchannel };
        world.store.set_logout(client.id, &settings, &world.note(NOW)).await.expect("runs");
        let sheet = world.store.show_application(client.id).await.expect("reads").expect("is there").logout;
        assert_eq!((&sheet.post_logout_redirect_uris, Some(sheet.backchannel)), (&uris, settings.backchannel.clone()));
        let found = world.store.find_leaving_client(&client.client_id).await.expect("reads").expect("is there");
        assert_eq!((found.client.id, &found.post_logout_redirect_uris), (client.id, &uris));
        let fewer = LogoutSettings { post_logout_redirect_uris: Some(Vec::new()), backchannel: None };
        world.store.set_logout(client.id, &fewer, &world.note(NOW)).await.expect("runs");
        let sheet = world.store.show_logout(client.id).await.expect("reads");
        assert!(sheet.post_logout_redirect_uris.is_empty() && sheet.backchannel.is_some());
        let nobody = world.store.set_logout(world.id(), &settings, &world.note(NOW)).await.expect("runs");
        assert_eq!(nobody, Change::NotFound);
        assert!(world.store.find_leaving_client("app_nobody").await.expect("reads").is_none());
    });
}
