//! The one-time link of the first administrator.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, World, count, guessed, race, secret_of};
use vestibule_oauth::id::Id;
use vestibule_oauth::template::SETUP_LINK_MS;
use vestibule_store::people::AddPerson;
use vestibule_store::setup_links::{OpenSetupLink, SpendSetupLink};

async fn open(world: &World, at: i64) -> Id {
    let id = world.id();
    let opened = world.store.open_setup_link(id, &secret_of(id).digest(), &world.note(at)).await.expect("runs");
    assert_eq!(opened, OpenSetupLink::Opened);
    id
}

#[test]
fn fm_112_a_setup_link_that_64_callers_use_at_once_makes_one_administrator() {
    each_database(async |store| {
        let world = World::new(store);
        let link = open(&world, NOW).await;
        let got = race(&world, CALLERS, |world, n| async move {
            let person = world.new_person(&format!("admin{n}"));
            world.store.spend_setup_link(link, world.id(), &person, &world.note(NOW)).await.expect("runs")
        })
        .await;
        assert_eq!(got.iter().filter(|got| matches!(got, SpendSetupLink::Created(_))).count(), 1);
        assert_eq!(count(&got, &SpendSetupLink::NoLongerGood), CALLERS - 1);
        let people = world.store.list_people().await.expect("reads");
        assert_eq!(people.len(), 1);
        assert!(people[0].administrator && people[0].has_password);
        assert!(world.store.has_administrator().await.expect("reads"));
        assert!(!world.store.knows_setup_link(&secret_of(link), NOW).await.expect("reads"));
    });
}

#[test]
fn links_that_are_opened_at_once_leave_one_that_works() {
    each_database(async |store| {
        let world = World::new(store);
        let links = race(&world, 16, |world, _| async move { open(&world, NOW).await }).await;
        let mut good = 0;
        for link in links {
            good += usize::from(world.store.knows_setup_link(&secret_of(link), NOW).await.expect("reads"));
            assert!(!world.store.knows_setup_link(&guessed(link), NOW).await.expect("reads"));
        }
        assert_eq!(good, 1);
    });
}

#[test]
fn of_an_older_and_a_newer_link_the_newer_works() {
    each_database(async |store| {
        let world = World::new(store);
        let older = open(&world, NOW).await;
        let newer = open(&world, NOW + 1).await;
        let person = world.new_person("root");
        let spent = world.store.spend_setup_link(older, world.id(), &person, &world.note(NOW + 2)).await;
        assert_eq!(spent.expect("runs"), SpendSetupLink::NoLongerGood);
        let spent = world.store.spend_setup_link(newer, world.id(), &person, &world.note(NOW + 2)).await;
        assert!(matches!(spent.expect("runs"), SpendSetupLink::Created(1..)));
    });
}

#[test]
fn a_link_is_over_after_an_hour_to_the_millisecond() {
    each_database(async |store| {
        let world = World::new(store);
        let link = open(&world, NOW).await;
        let end = NOW + SETUP_LINK_MS;
        assert!(world.store.knows_setup_link(&secret_of(link), end - 1).await.expect("reads"));
        assert!(!world.store.knows_setup_link(&secret_of(link), end).await.expect("reads"));
        let person = world.new_person("root");
        let spent = world.store.spend_setup_link(link, world.id(), &person, &world.note(end)).await.expect("runs");
        assert_eq!(spent, SpendSetupLink::NoLongerGood);
        assert!(!world.store.has_administrator().await.expect("reads"));
    });
}

#[test]
fn a_name_that_is_taken_leaves_the_link_good() {
    each_database(async |store| {
        let world = World::new(store);
        world.person("alice").await;
        let link = open(&world, NOW).await;
        let mut person = world.new_person("ALICE");
        let spend = |person| {
            let world = world.clone();
            async move { world.store.spend_setup_link(link, world.id(), &person, &world.note(NOW)).await.expect("runs") }
        };
        assert_eq!(spend(person.clone()).await, SpendSetupLink::NameTaken);
        person.user_name = "root".to_owned();
        assert_eq!(spend(person.clone()).await, SpendSetupLink::EmailTaken);
        person.email = None;
        assert!(
            matches!(spend(person).await, SpendSetupLink::Created(2..)),
            "numbers may be left out, never given twice"
        );
    });
}

#[test]
fn no_link_is_opened_while_there_is_an_administrator_not_even_one_who_is_switched_off() {
    each_database(async |store| {
        let world = World::new(store);
        assert!(!world.store.has_administrator().await.expect("reads"));
        let link = open(&world, NOW).await;
        let mut person = world.new_person("root");
        person.administrator = true;
        world.store.add_person(&person, &world.note(NOW)).await.expect("runs");
        world.store.set_person_enabled(person.id, false, &world.note(NOW)).await.expect("runs");
        let opened = world.store.open_setup_link(world.id(), &world.digest(), &world.note(NOW)).await.expect("runs");
        assert_eq!(opened, OpenSetupLink::AdministratorExists);
        let other = world.new_person("mallory");
        let spent = world.store.spend_setup_link(link, world.id(), &other, &world.note(NOW)).await.expect("runs");
        assert_eq!(spent, SpendSetupLink::NoLongerGood, "and one that was open is over");
    });
}

#[test]
fn an_external_id_that_is_somebodys_number_leaves_the_link_good() {
    each_database(async |store| {
        let world = World::new(store);
        let number = world.store.add_person(&world.new_person("alice"), &world.note(NOW)).await.expect("runs");
        let AddPerson::Added(number) = number else { panic!("{number:?}") };
        let link = open(&world, NOW).await;
        let mut person = world.new_person("root");
        person.external_id = Some(number.to_string());
        let spend = |person| {
            let world = world.clone();
            async move { world.store.spend_setup_link(link, world.id(), &person, &world.note(NOW)).await.expect("runs") }
        };
        assert_eq!(spend(person.clone()).await, SpendSetupLink::NameTaken);
        assert!(world.store.knows_setup_link(&secret_of(link), NOW).await.expect("reads"));
        person.external_id = None;
        assert!(matches!(spend(person).await, SpendSetupLink::Created(_)));
    });
}
