//! People: names that are unique, numbers that are never given twice.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, HASH, World, count, race, secret_of};
use std::collections::BTreeSet;
use vestibule_oauth::template::Template;
use vestibule_store::applications::Change;
use vestibule_store::people::{AddPerson, canonical};
use vestibule_store::sessions::OpenSession;

#[test]
fn of_64_people_with_one_name_one_is_added_and_the_others_hear_that_it_is_taken() {
    each_database(async |store| {
        let world = World::new(store);
        let got = race(&world, CALLERS, |world, n| async move {
            let mut new = world.new_person(if n % 2 == 0 { "Alice" } else { "aLICE" });
            new.email = Some(format!("{n}@example.com"));
            world.store.add_person(&new, &world.note(NOW)).await.expect("runs")
        })
        .await;
        assert_eq!(got.iter().filter(|got| matches!(got, AddPerson::Added(_))).count(), 1);
        assert_eq!(count(&got, &AddPerson::NameTaken), CALLERS - 1);
        assert_eq!(world.trail().await, ["person.add"]);
        let got = race(&world, CALLERS, |world, n| async move {
            let mut new = world.new_person(&format!("person{n}"));
            new.email = Some(if n % 2 == 0 { "Bob@Example.com" } else { " bob@example.COM" }.to_owned());
            world.store.add_person(&new, &world.note(NOW)).await.expect("runs")
        })
        .await;
        assert_eq!(got.iter().filter(|got| matches!(got, AddPerson::Added(_))).count(), 1);
        assert_eq!(count(&got, &AddPerson::EmailTaken), CALLERS - 1);
    });
}

#[test]
fn numbers_of_people_who_are_added_at_once_are_all_different_and_a_refused_one_is_not_given_again() {
    each_database(async |store| {
        let world = World::new(store);
        let got = race(&world, CALLERS, |world, n| async move {
            let name = format!("person{}", n / 2);
            world.store.add_person(&world.new_person(&name), &world.note(NOW)).await.expect("runs")
        })
        .await;
        let number = |added: &AddPerson| match added {
            AddPerson::Added(number) => Some(*number),
            _ => None,
        };
        let numbers: BTreeSet<i64> = got.iter().filter_map(number).collect();
        assert_eq!(numbers.len(), CALLERS / 2);
        assert!(numbers.iter().all(|number| (1..1 << 53).contains(number)));
    });
}

#[test]
fn a_number_and_another_persons_external_id_are_never_the_same() {
    each_database(async |store| {
        let world = World::new(store);
        let add = async |name: &str, external_id: Option<&str>| {
            let mut new = world.new_person(name);
            new.external_id = external_id.map(str::to_owned);
            world.store.add_person(&new, &world.note(NOW)).await.expect("runs")
        };
        assert_eq!(add("first", None).await, AddPerson::Added(1));
        assert_eq!(add("thief", Some("1")).await, AddPerson::ExternalIdTaken);
        assert_eq!(add("thief2", Some("01")).await, AddPerson::Added(3), "another text is another id");
        for n in 0..60 {
            // The first take every other number above 30 as their external ids, the others come past them.
            let external_id = (n < 16).then(|| (30 + 2 * n).to_string());
            let added = add(&format!("person{n}"), external_id.as_deref()).await;
            assert!(matches!(added, AddPerson::Added(_)), "{added:?}");
        }
        let people = world.store.list_people().await.expect("reads");
        let numbers: BTreeSet<String> = people.iter().map(|person| person.profile.number.to_string()).collect();
        for person in &people {
            let external_id = person.profile.external_id.as_ref();
            let own = person.profile.number.to_string();
            assert!(external_id.is_none_or(|id| *id == own || !numbers.contains(id)), "{person:?}");
        }
        assert_eq!(add("twice", Some("01")).await, AddPerson::ExternalIdTaken);
    });
}

#[test]
fn fm_99_a_sign_in_finds_a_person_by_name_or_e_mail_in_any_spelling_of_it() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("Ålice").await;
        for login in ["Ålice", "ålice", " ÅLICE ", "Ålice@example.com", "ålice@EXAMPLE.com"] {
            let found = world.store.find_credentials(login, None).await.expect("reads").expect(login);
            assert_eq!((found.person, found.number, found.user_name.as_str()), (person, 1, "Ålice"));
            assert_eq!((found.password_hash.as_deref(), found.enabled), (Some(HASH), true));
            assert!(!found.assigned);
            assert_eq!(world.store.find_person(login).await.expect("reads"), Some(person));
        }
        for login in ["alice", "", "%", "Ålice@example.org", "' OR 1=1 --"] {
            assert!(world.store.find_credentials(login, None).await.expect("reads").is_none(), "{login}");
        }
        let (open, closed) =
            (world.application("open", Template::Web).await, world.application("closed", Template::IdaasOauth2).await);
        for (application, assigned) in [(open.id, true), (closed.id, false)] {
            let found =
                world.store.find_credentials("ålice", Some(application)).await.expect("reads").expect("is there");
            assert_eq!(found.assigned, assigned);
        }
        assert_eq!(canonical(" ÅLICE@Example.com\n"), "ålice@example.com");
    });
}

#[test]
fn a_password_that_is_hashed_anew_replaces_only_the_hash_that_was_verified_and_ends_nothing() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let got = race(&world, 16, |world, n| async move {
            world.store.keep_rehashed(person, HASH, &format!("$argon2id$anew{n}")).await.expect("runs")
        })
        .await;
        assert_eq!(count(&got, &true), 1);
        assert!(world.store.find_session(&secret_of(session), None, NOW).await.expect("reads").is_some());
        world.store.set_password(person, "$argon2id$other", &world.note(NOW + 1)).await.expect("runs");
        assert!(!world.store.keep_rehashed(person, HASH, "$argon2id$late").await.expect("runs"));
        let found = world.store.find_credentials("alice", None).await.expect("reads").expect("is there");
        assert_eq!(found.password_hash.as_deref(), Some("$argon2id$other"));
    });
}

#[test]
fn st_69_a_new_password_ends_every_session_and_works_itself() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let done = world.store.set_password(person, "$argon2id$new", &world.note(NOW)).await.expect("runs");
        assert_eq!(done, Change::Done);
        assert!(
            world.store.find_session(&secret_of(session), None, NOW).await.expect("reads").is_none(),
            "within a millisecond"
        );
        let old = world.store.open_session(&world.new_session(person), &world.note(NOW + 1)).await.expect("runs");
        assert_eq!(old, OpenSession::CredentialsChanged);
        let mut new = world.new_session(person);
        new.password_hash = "$argon2id$new".to_owned();
        let opened = world.store.open_session(&new, &world.note(NOW)).await.expect("runs");
        assert_eq!(opened, OpenSession::Opened);
        assert!(world.store.find_session(&secret_of(new.id), None, NOW).await.expect("reads").is_some());
        let nobody = world.store.set_password(world.id(), "$argon2id$new", &world.note(NOW)).await.expect("runs");
        assert_eq!(nobody, Change::NotFound);
    });
}

#[test]
fn switching_a_person_off_ends_sessions_for_good_and_doing_it_twice_is_doing_it_once() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let session = world.session(person, NOW).await;
        let switch = async |on, at| world.store.set_person_enabled(person, on, &world.note(at)).await.expect("runs");
        let alive =
            async || world.store.find_session(&secret_of(session), None, NOW + 9).await.expect("reads").is_some();
        assert_eq!(switch(true, NOW + 1).await, Change::Done);
        assert!(alive().await, "who is on already is left as they are");
        assert_eq!(switch(false, NOW + 2).await, Change::Done);
        assert_eq!(switch(false, NOW + 3).await, Change::Done);
        assert!(!alive().await);
        let sheet = world.store.show_person(person).await.expect("reads").expect("is there");
        assert_eq!((sheet.disabled_at, sheet.valid_from), (Some(NOW + 2), NOW + 2));
        assert!(!world.store.find_credentials("alice", None).await.expect("reads").expect("is there").enabled);
        assert_eq!(switch(true, NOW + 4).await, Change::Done);
        assert!(!alive().await);
        assert_eq!(world.trail().await, ["person.add", "person.sign_in", "person.disable", "person.enable"]);
        let nobody = world.store.set_person_enabled(world.id(), false, &world.note(NOW)).await.expect("runs");
        assert_eq!(nobody, Change::NotFound);
    });
}

#[test]
fn people_are_listed_in_the_order_of_their_numbers_and_shown_with_everything() {
    each_database(async |store| {
        let world = World::new(store);
        let (zoo, ant) = (world.organization("Zoo", None).await, world.organization("Ant", None).await);
        let mut new = world.new_person("zed");
        new.organizations = vec![zoo, ant];
        new.administrator = true;
        world.store.add_person(&new, &world.note(NOW)).await.expect("runs");
        world.person("adam").await;
        let group = world.id();
        world.store.add_group(group, "Keepers", &world.note(NOW)).await.expect("runs");
        world.store.add_member(group, new.id, &world.note(NOW)).await.expect("runs");
        let list = world.store.list_people().await.expect("reads");
        let names: Vec<_> = list.iter().map(|sheet| sheet.profile.username.as_str()).collect();
        assert_eq!(names, ["zed", "adam"]);
        let sheet = world.store.show_person(new.id).await.expect("reads").expect("is there");
        assert_eq!(sheet.organizations, ["Zoo", "Ant"], "the primary one first");
        assert_eq!(sheet.groups, ["Keepers"]);
        assert!(sheet.administrator && sheet.has_password && sheet.disabled_at.is_none());
        assert_eq!(sheet.last_sign_in_at, None);
        assert_eq!(sheet.profile.organization.expect("the primary one").name, "Zoo");
        world.session(new.id, NOW + 5).await;
        let sheet = world.store.show_person(new.id).await.expect("reads").expect("is there");
        assert_eq!(sheet.last_sign_in_at, Some(NOW + 5));
        assert!(world.store.show_person(world.id()).await.expect("reads").is_none());
    });
}
