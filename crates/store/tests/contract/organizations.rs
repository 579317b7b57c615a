//! Organizations, groups, and who is assigned through them.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, World, count, race};
use vestibule_oauth::id::Id;
use vestibule_oauth::template::Template;
use vestibule_store::applications::Change;
use vestibule_store::assignments::Subject;
use vestibule_store::groups::AddGroup;
use vestibule_store::organizations::{AddOrganization, NewOrganization};

async fn assigned(world: &World, login: &str, application: Id) -> bool {
    world.store.find_credentials(login, Some(application)).await.expect("reads").expect("is there").assigned
}

#[test]
fn of_64_organizations_with_one_name_one_is_added_and_the_others_hear_that_it_is_taken() {
    each_database(async |store| {
        let world = World::new(store);
        let got = race(&world, CALLERS, |world, n| async move {
            let (id, external_id) = (world.id(), format!("ext-{n}"));
            let new = NewOrganization { id, name: "Sales".to_owned(), parent: None, external_id };
            world.store.add_organization(&new, &world.note(NOW)).await.expect("runs")
        })
        .await;
        assert_eq!(count(&got, &AddOrganization::Added), 1);
        assert_eq!(count(&got, &AddOrganization::NameTaken), CALLERS - 1);
        let add = async |name: &str, external_id: &str, parent| {
            let new =
                NewOrganization { id: world.id(), name: name.to_owned(), parent, external_id: external_id.to_owned() };
            world.store.add_organization(&new, &world.note(NOW)).await.expect("runs")
        };
        assert_eq!(add("Support", "s", None).await, AddOrganization::Added);
        assert_eq!(add("Other", "s", None).await, AddOrganization::ExternalIdTaken);
        assert_eq!(add("sALES", "x", None).await, AddOrganization::NameTaken);
        assert_eq!(add("Orphan", "o", Some(world.id())).await, AddOrganization::NoParent);
    });
}

#[test]
fn of_64_groups_with_one_name_one_is_added_and_the_others_hear_that_it_is_taken() {
    each_database(async |store| {
        let world = World::new(store);
        let got = race(&world, CALLERS, |world, n| async move {
            let name = if n % 2 == 0 { "Testers" } else { "TESTERS" };
            world.store.add_group(world.id(), name, &world.note(NOW)).await.expect("runs")
        })
        .await;
        assert_eq!(count(&got, &AddGroup::Added), 1);
        assert_eq!(count(&got, &AddGroup::NameTaken), CALLERS - 1);
    });
}

#[test]
fn organizations_are_found_by_name_or_external_id_and_listed_by_name() {
    each_database(async |store| {
        let world = World::new(store);
        let top = world.organization("Zentrale", None).await;
        let below = world.organization("Atelier", Some(top)).await;
        let find = async |text: &str| world.store.find_organization(text).await.expect("reads");
        assert_eq!((find("zentrale").await, find("ext-Zentrale").await), (Some(top), Some(top)));
        assert_eq!((find("ext-zentrale").await, find("").await), (None, None));
        let list = world.store.list_organizations().await.expect("reads");
        let lines: Vec<_> = list.iter().map(|line| (line.name.as_str(), line.parent)).collect();
        assert_eq!(lines, [("Atelier", Some(top)), ("Zentrale", None)]);
        assert_eq!((list[0].id, list[0].external_id.as_str(), list[0].created_at), (below, "ext-Atelier", NOW));
    });
}

#[test]
fn a_person_has_one_primary_organization_the_first_or_the_one_that_was_named_so() {
    each_database(async |store| {
        let world = World::new(store);
        let person = world.person("alice").await;
        let primary = async || {
            let sheet = world.store.show_person(person).await.expect("reads").expect("is there");
            sheet.profile.organization.map(|organization| organization.name)
        };
        let (one, two) = (world.organization("one", None).await, world.organization("two", None).await);
        let join = async |organization, first| {
            world.store.join_organization(person, organization, first, &world.note(NOW)).await.expect("runs")
        };
        assert_eq!(primary().await, None);
        assert_eq!(join(one, false).await, Change::Done);
        assert_eq!(primary().await.as_deref(), Some("one"));
        assert_eq!(join(two, false).await, Change::Done);
        assert_eq!(primary().await.as_deref(), Some("one"));
        assert_eq!(join(two, true).await, Change::Done);
        assert_eq!(primary().await.as_deref(), Some("two"));
        assert_eq!(join(two, true).await, Change::Done);
        assert_eq!(primary().await.as_deref(), Some("two"));
        let sheet = world.store.show_person(person).await.expect("reads").expect("is there");
        assert_eq!(sheet.organizations, ["two", "one"]);
        assert_eq!(join(world.id(), true).await, Change::NotFound);
        assert_eq!(primary().await.as_deref(), Some("two"));
    });
}

#[test]
fn group_members_are_added_once_listed_by_name_and_taken_out() {
    each_database(async |store| {
        let world = World::new(store);
        let group = world.id();
        world.store.add_group(group, "Testers", &world.note(NOW)).await.expect("runs");
        let (zed, adam) = (world.person("zed").await, world.person("adam").await);
        for person in [zed, adam, zed] {
            let done = world.store.add_member(group, person, &world.note(NOW)).await.expect("runs");
            assert_eq!(done, Change::Done);
        }
        let members = world.store.list_members(group).await.expect("reads");
        let names: Vec<_> = members.iter().map(|member| member.user_name.as_str()).collect();
        assert_eq!(names, ["adam", "zed"]);
        let groups = world.store.list_groups().await.expect("reads");
        assert_eq!((groups[0].id, groups[0].name.as_str(), groups[0].members), (group, "Testers", 2));
        assert_eq!(world.store.find_group(" testers").await.expect("reads"), Some(group));
        let removed = async || world.store.remove_member(group, zed, &world.note(NOW)).await.expect("runs");
        assert_eq!((removed().await, removed().await), (Change::Done, Change::NotFound));
        let nobody = world.store.add_member(group, world.id(), &world.note(NOW)).await.expect("runs");
        let nowhere = world.store.add_member(world.id(), adam, &world.note(NOW)).await.expect("runs");
        assert_eq!((nobody, nowhere), (Change::NotFound, Change::NotFound));
        assert_eq!(world.trail().await.iter().filter(|action| *action == "group.remove_member").count(), 1);
    });
}

#[test]
fn an_assignment_reaches_a_person_directly_through_a_group_and_from_an_organization_above() {
    each_database(async |store| {
        let world = World::new(store);
        let client = world.application("desk", Template::IdaasOauth2).await;
        let other = world.application("till", Template::IdaasOauth2).await;
        let top = world.organization("top", None).await;
        let middle = world.organization("middle", Some(top)).await;
        let bottom = world.organization("bottom", Some(middle)).await;
        let beside = world.organization("beside", Some(top)).await;
        let person = world.person("alice").await;
        world.person("bob").await;
        world.store.join_organization(person, beside, true, &world.note(NOW)).await.expect("runs");
        world.store.join_organization(person, bottom, false, &world.note(NOW)).await.expect("runs");
        let (group, empty) = (world.id(), world.id());
        world.store.add_group(group, "group", &world.note(NOW)).await.expect("runs");
        world.store.add_group(empty, "empty", &world.note(NOW)).await.expect("runs");
        world.store.add_member(group, person, &world.note(NOW)).await.expect("runs");
        let cases = [
            (Subject::Person(person), true),
            (Subject::Group(group), true),
            (Subject::Group(empty), false),
            (Subject::Organization(bottom), true),
            (Subject::Organization(middle), true),
            (Subject::Organization(top), true),
            (Subject::Organization(beside), true),
        ];
        for (subject, reaches) in cases {
            assert!(!assigned(&world, "alice", client.id).await);
            for _ in 0..2 {
                let done = world.store.assign(client.id, subject, &world.note(NOW)).await.expect("runs");
                assert_eq!(done, Change::Done, "doing it twice is doing it once");
            }
            assert_eq!(assigned(&world, "alice", client.id).await, reaches, "{subject:?}");
            assert!(!assigned(&world, "bob", client.id).await && !assigned(&world, "alice", other.id).await);
            let list = world.store.list_assignments(client.id).await.expect("reads");
            assert_eq!(list.iter().map(|line| line.subject).collect::<Vec<_>>(), [subject]);
            let undo = async || world.store.unassign(client.id, subject, &world.note(NOW)).await.expect("runs");
            assert_eq!((undo().await, undo().await), (Change::Done, Change::NotFound));
        }
        let below = world.organization("below", Some(bottom)).await;
        world.store.assign(client.id, Subject::Organization(below), &world.note(NOW)).await.expect("runs");
        assert!(!assigned(&world, "alice", client.id).await, "an assignment does not reach upwards");
        for (application, subject) in [
            (world.id(), Subject::Person(person)),
            (client.id, Subject::Person(world.id())),
            (client.id, Subject::Group(person)),
            (client.id, Subject::Organization(group)),
        ] {
            let done = world.store.assign(application, subject, &world.note(NOW)).await.expect("runs");
            assert_eq!(done, Change::NotFound, "{subject:?}");
        }
    });
}

#[test]
fn organizations_joined_at_once_leave_one_primary_and_a_row_of_the_trail_for_each_that_changed_something() {
    each_database(async |store| {
        let world = World::new(store);
        let mut organizations = Vec::new();
        for n in 0..16 {
            organizations.push(world.organization(&format!("o{n}"), None).await);
        }
        let joins = async || count(&world.trail().await, &"organization.join".to_owned());
        for round in 1..=3 {
            let person = world.person(&format!("person{round}")).await;
            let joined = race(&world, 16, |world, n| {
                let organization = organizations[n];
                async move {
                    world.store.join_organization(person, organization, true, &world.note(NOW)).await.expect("runs")
                }
            })
            .await;
            assert_eq!(count(&joined, &Change::Done), 16);
            let sheet = world.store.show_person(person).await.expect("reads").expect("is there");
            assert_eq!(sheet.organizations.len(), 16);
            let first = sheet.profile.organization.expect("one is primary").name;
            assert_eq!(joins().await, 16 * round);
            let primary = world.store.find_organization(&first).await.expect("reads").expect("is there");
            for again in [true, false] {
                let done = world.store.join_organization(person, primary, again, &world.note(NOW)).await.expect("runs");
                assert_eq!(done, Change::Done);
            }
            assert_eq!(joins().await, 16 * round, "what stands so already is not done again");
        }
    });
}

#[test]
fn of_16_who_add_or_remove_one_member_at_once_one_stands_in_the_trail() {
    each_database(async |store| {
        let world = World::new(store);
        let (group, person) = (world.id(), world.person("alice").await);
        world.store.add_group(group, "Testers", &world.note(NOW)).await.expect("runs");
        for round in 1..=5 {
            let added = race(&world, 16, |world, _| async move {
                world.store.add_member(group, person, &world.note(NOW)).await.expect("runs")
            })
            .await;
            assert_eq!(count(&added, &Change::Done), 16);
            let removed = race(&world, 16, |world, _| async move {
                world.store.remove_member(group, person, &world.note(NOW)).await.expect("runs")
            })
            .await;
            assert_eq!(count(&removed, &Change::Done), 1, "round {round}");
            let trail = world.trail().await;
            assert_eq!(count(&trail, &"group.add_member".to_owned()), round);
            assert_eq!(count(&trail, &"group.remove_member".to_owned()), round);
        }
    });
}
