//! Project tokens: kept for a proof that still holds, and dead from the moment on that something they hang on ends.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, HASH, SECOND, World, count, guessed, race, secret_of};
use vestibule_oauth::id::Id;
use vestibule_store::access_keys::NewAccessKey;
use vestibule_store::applications::Change;
use vestibule_store::data_keys::{DEPLOYMENT, WrappedKey};
use vestibule_store::presented::Missing;
use vestibule_store::project_tokens::{KeepProjectToken, NewProjectToken, Proof};
use vestibule_store::projects::Role;
use vestibule_store::sealed::SealedValue;
use vestibule_store::upkeep::SWEEPS;

const DAY: i64 = 86_400_000;

/// A person in a project.
#[derive(Clone)]
struct Member {
    world: World,
    person: Id,
    project: Id,
}

impl Member {
    async fn new(world: &World, name: &str) -> Member {
        let (person, project) = (world.person(name).await, world.id());
        world.store.add_project(project, &format!("of {name}"), &world.note(NOW)).await.expect("runs");
        let member = Member { world: world.clone(), person, project };
        member.join(NOW).await;
        member
    }

    async fn join(&self, at: i64) {
        let note = self.world.note(at);
        let set = self.world.store.set_project_member(self.project, self.person, Role::Editor, &note).await;
        assert_eq!(set.expect("runs"), Change::Done);
    }

    async fn keep(&self, proof: Proof, at: i64) -> (Id, KeepProjectToken) {
        let id = self.world.id();
        let (digest, expires_at) = (secret_of(id).digest(), at + DAY);
        let new = NewProjectToken { id, digest, person: self.person, project: self.project, proof, expires_at };
        (id, self.world.store.keep_project_token(&new, &self.world.note(at)).await.expect("runs"))
    }

    async fn token(&self, at: i64) -> Id {
        let (id, kept) = self.keep(Proof::Password(HASH.to_owned()), at).await;
        assert_eq!(kept, KeepProjectToken::Kept);
        id
    }

    async fn access_key(&self, name: &str) -> Id {
        let (id, key) = (self.world.id(), self.world.id());
        let wrapped_by = "kek".to_owned();
        let data_key = WrappedKey {
            id: key,
            scope: DEPLOYMENT,
            wrapped: vec![1; 40],
            wrapped_by,
            created_at: NOW,
            retired_at: None,
        };
        let key = self.world.store.keep_data_key(&data_key, &self.world.note(NOW)).await.expect("runs").id;
        let secret = SealedValue { bytes: vec![1], key };
        let new = NewAccessKey { id, access_key: name.to_owned(), person: self.person, secret };
        self.world.store.add_access_key(&new, &self.world.note(NOW)).await.expect("runs");
        id
    }

    async fn is_alive(&self, token: Id) -> bool {
        let found = self.world.store.find_project_token(&secret_of(token)).await.expect("reads").expect("is there");
        found.is_alive && found.role.is_some()
    }
}

#[test]
fn a_project_token_is_found_by_its_own_secret_with_its_person_project_and_role() {
    each_database(async |store| {
        let world = World::new(store);
        let member = Member::new(&world, "alice").await;
        let key = member.access_key("VSTKA").await;
        let (by_key, kept) = member.keep(Proof::AccessKey(key), NOW).await;
        assert_eq!(kept, KeepProjectToken::Kept);
        for (token, by_access_key) in [(member.token(NOW).await, false), (by_key, true)] {
            let found = world.store.find_project_token(&secret_of(token)).await.expect("reads").expect("is there");
            assert_eq!((found.id, found.person, found.project), (token, member.person, member.project));
            assert_eq!((found.user_name.as_str(), found.project_name.as_str()), ("alice", "of alice"));
            assert_eq!((found.role, found.by_access_key, found.is_alive), (Some(Role::Editor), by_access_key, true));
            assert_eq!((found.created_at, found.expires_at), (NOW, NOW + DAY));
            let wrong = world.store.find_project_token(&guessed(token)).await.expect("reads");
            assert_eq!(wrong.err(), Some(Missing::Wrong));
        }
        let gone = world.store.find_project_token(&secret_of(world.id())).await.expect("reads");
        assert_eq!(gone.err(), Some(Missing::Gone));
        assert_eq!(world.trail().await.iter().filter(|action| *action == "project_token.add").count(), 2);
    });
}

#[test]
fn no_project_token_is_kept_for_what_does_not_hold_any_more() {
    each_database(async |store| {
        let world = World::new(store);
        let (alice, bob) = (Member::new(&world, "alice").await, Member::new(&world, "bob").await);
        let (keys, bobs) = (alice.access_key("VSTKA").await, bob.access_key("VSTKB").await);
        let no = KeepProjectToken::NoLongerAllowed;
        let keep = async |member: &Member, proof: Proof| member.keep(proof, NOW + SECOND).await.1;
        let password = || Proof::Password(HASH.to_owned());
        assert_eq!(keep(&alice, Proof::Password("$argon2id$other".to_owned())).await, no);
        assert_eq!(keep(&alice, Proof::AccessKey(bobs)).await, no);
        let abroad = Member { project: bob.project, ..alice.clone() };
        assert_eq!((keep(&abroad, password()).await, keep(&abroad, Proof::AccessKey(keys)).await), (no, no));
        world.store.disable_access_key("VSTKA", &world.note(NOW)).await.expect("runs");
        assert_eq!(keep(&alice, Proof::AccessKey(keys)).await, no);
        world.store.set_person_enabled(bob.person, false, &world.note(NOW)).await.expect("runs");
        assert_eq!((keep(&bob, password()).await, keep(&bob, Proof::AccessKey(bobs)).await), (no, no));
        assert_eq!(keep(&alice, password()).await, KeepProjectToken::Kept);
        assert_eq!(world.trail().await.iter().filter(|action| *action == "project_token.add").count(), 1);
    });
}

#[test]
fn fm_30_fm_63_a_project_token_ends_with_what_it_hangs_on_and_stays_dead_when_that_comes_back() {
    each_database(async |store| {
        let world = World::new(store);
        let (store, off, on) = (&world.store, NOW + SECOND, NOW + 2 * SECOND);
        let hall = world.organization("hall", None).await;
        let ends = |token: Id, member: Member| async move { (token, member) };
        let mut dead = Vec::new();
        for what in ["disabled", "password", "signed out", "organization", "member", "key off", "key gone", "ended"] {
            let member = Member::new(&world, what).await;
            store.join_organization(member.person, hall, true, &world.note(NOW)).await.expect("runs");
            let key = member.access_key(&what.replace(' ', "")).await;
            let token = match what.starts_with("key") {
                true => member.keep(Proof::AccessKey(key), NOW).await.0,
                false => member.token(NOW).await,
            };
            assert!(member.is_alive(token).await, "{what}");
            dead.push((what, ends(token, member).await));
        }
        for (what, (token, member)) in &dead {
            let (person, note) = (member.person, world.note(off));
            let name = what.replace(' ', "");
            match *what {
                "disabled" => drop(store.set_person_enabled(person, false, &note).await.expect("runs")),
                "password" => drop(store.set_password(person, "$argon2id$new", &note).await.expect("runs")),
                "signed out" => drop(store.sign_out_everywhere(person, &note).await.expect("runs")),
                "member" => drop(store.remove_project_member(member.project, person, &note).await.expect("runs")),
                "key off" => drop(store.disable_access_key(&name, &note).await.expect("runs")),
                "key gone" => drop(store.remove_access_key(&name, &note).await.expect("runs")),
                "ended" => assert!(store.end_project_token(*token, &note).await.expect("runs")),
                _ => continue,
            }
            assert!(!member.is_alive(*token).await, "{what}");
        }
        store.set_organization_enabled(hall, false, &world.note(off)).await.expect("runs");
        for (what, (token, member)) in &dead {
            assert!(!member.is_alive(*token).await, "{what}");
        }
        store.set_organization_enabled(hall, true, &world.note(on)).await.expect("runs");
        for (what, (token, member)) in &dead {
            store.set_person_enabled(member.person, true, &world.note(on)).await.expect("runs");
            member.join(on).await;
            assert!(!member.is_alive(*token).await, "{what} came back");
        }
        let member = &dead.last().expect("the last").1.1;
        assert!(member.is_alive(member.token(on).await).await);
    });
}

#[test]
fn of_64_callers_who_end_one_project_token_one_ends_it() {
    each_database(async |store| {
        let world = World::new(store);
        let token = Member::new(&world, "alice").await.token(NOW).await;
        let got = race(&world, CALLERS, move |world, _| async move {
            world.store.end_project_token(token, &world.note(NOW + SECOND)).await.expect("runs")
        });
        assert_eq!(count(&got.await, &true), 1);
        assert_eq!(world.trail().await.iter().filter(|action| *action == "project_token.end").count(), 1);
    });
}

/// Size in CI: 64 tokens asked for while the password changes.
#[test]
fn fm_30_no_project_token_that_is_asked_for_while_the_password_changes_outlives_the_change() {
    each_database(async |store| {
        let world = World::new(store);
        let member = Member::new(&world, "alice").await;
        let racer = member.clone();
        let got = race(&world, CALLERS, move |world, n| {
            let member = racer.clone();
            async move {
                if n == 0 {
                    let note = world.note(NOW + SECOND);
                    world.store.set_password(member.person, "$argon2id$new", &note).await.expect("runs");
                    return None;
                }
                // Half of the nodes' clocks are ahead.
                let at = if n % 2 == 0 { NOW } else { NOW + 2 * SECOND };
                let (token, kept) = member.keep(Proof::Password(HASH.to_owned()), at).await;
                (kept == KeepProjectToken::Kept).then_some(token)
            }
        });
        for token in got.await.into_iter().flatten() {
            assert!(!member.is_alive(token).await);
        }
    });
}

#[test]
fn a_project_token_is_swept_after_its_end() {
    each_database(async |store| {
        let world = World::new(store);
        let token = Member::new(&world, "alice").await.token(NOW).await;
        for (at, there) in [(NOW + DAY, true), (NOW + 2 * DAY, false)] {
            for sweep in &SWEEPS {
                world.store.sweep(sweep, at, 100).await.expect("runs");
            }
            let found = world.store.find_project_token(&secret_of(token)).await.expect("reads");
            assert_eq!(found.is_ok(), there);
        }
    });
}
