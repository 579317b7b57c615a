//! Projects, and who may act in them.

use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, World, count, race};
use vestibule_oauth::id::Id;
use vestibule_store::applications::Change;
use vestibule_store::projects::{AddProject, Role};

async fn project(world: &World, name: &str) -> Id {
    let id = world.id();
    assert_eq!(world.store.add_project(id, name, &world.note(NOW)).await.expect("runs"), AddProject::Added);
    id
}

async fn set(world: &World, project: Id, person: Id, role: Role) -> Change {
    world.store.set_project_member(project, person, role, &world.note(NOW)).await.expect("runs")
}

#[test]
fn of_64_projects_with_one_name_one_is_added_and_the_others_hear_that_it_is_taken() {
    each_database(async |store| {
        let world = World::new(store);
        let got = race(&world, CALLERS, |world, n| async move {
            let name = if n % 2 == 0 { "Payments" } else { "PAYMENTS" };
            world.store.add_project(world.id(), name, &world.note(NOW)).await.expect("runs")
        })
        .await;
        assert_eq!(count(&got, &AddProject::Added), 1);
        assert_eq!(count(&got, &AddProject::NameTaken), CALLERS - 1);
        assert_eq!(world.trail().await, ["project.add"]);
    });
}

#[test]
fn a_project_is_found_by_its_id_or_its_name_and_listed_by_name() {
    each_database(async |store| {
        let world = World::new(store);
        let (zoo, atlas) = (project(&world, "Zoo").await, project(&world, "Atlas").await);
        let find = async |text: &str| world.store.find_project(text).await.expect("reads");
        assert_eq!((find(" zoo").await, find(&zoo.to_string()).await), (Some(zoo), Some(zoo)));
        assert_eq!((find("Zo").await, find(&world.id().to_string()).await), (None, None));
        let lines = world.store.list_projects().await.expect("reads");
        let lines: Vec<_> = lines.into_iter().map(|line| (line.id, line.name, line.members, line.created_at)).collect();
        assert_eq!(lines, [(atlas, "Atlas".to_owned(), 0, NOW), (zoo, "Zoo".to_owned(), 0, NOW)]);
        let shown = world.store.show_project(zoo).await.expect("reads").expect("is there");
        assert_eq!((shown.id, shown.name.as_str()), (zoo, "Zoo"));
        assert_eq!(world.store.show_project(world.id()).await.expect("reads"), None);
    });
}

#[test]
fn of_64_callers_who_put_one_person_into_a_project_all_are_done_and_one_changes_it() {
    each_database(async |store| {
        let world = World::new(store);
        let (atlas, alice) = (project(&world, "Atlas").await, world.person("alice").await);
        let got = race(&world, CALLERS, move |world, _| async move { set(&world, atlas, alice, Role::Editor).await });
        assert_eq!(count(&got.await, &Change::Done), CALLERS);
        assert_eq!(world.store.role_in(atlas, alice).await.expect("reads"), Some(Role::Editor));
        let trail = world.trail().await;
        assert_eq!(trail.iter().filter(|action| *action == "project.set_member").count(), 1, "{trail:?}");
    });
}

#[test]
fn of_64_callers_who_change_a_role_each_one_that_changed_it_stands_in_the_trail_and_the_last_one_holds() {
    each_database(async |store| {
        let world = World::new(store);
        let (atlas, alice) = (project(&world, "Atlas").await, world.person("alice").await);
        let got = race(&world, CALLERS, move |world, n| async move {
            set(&world, atlas, alice, Role::ALL[n % Role::ALL.len()]).await
        });
        assert_eq!(count(&got.await, &Change::Done), CALLERS);
        let role = world.store.role_in(atlas, alice).await.expect("reads").expect("is a member");
        let rows = world.store.list_audit(1000).await.expect("reads");
        let said = |role: Role| format!("person:{alice} as {}", role.name());
        let changes: Vec<_> = rows.iter().filter(|row| row.action == "project.set_member").collect();
        assert!(changes.iter().any(|row| row.details == said(role)), "{role:?} was given by nobody: {changes:?}");
        assert!(changes.iter().all(|row| row.target == format!("project:{atlas}")));
    });
}

#[test]
fn a_role_is_given_changed_and_taken_and_the_next_read_says_so() {
    each_database(async |store| {
        let world = World::new(store);
        let (atlas, zoo) = (project(&world, "Atlas").await, project(&world, "Zoo").await);
        let (alice, bob) = (world.person("alice").await, world.person("bob").await);
        let role = async |project, person| world.store.role_in(project, person).await.expect("reads");
        assert_eq!(role(atlas, alice).await, None);
        for one in [Role::Viewer, Role::Owner, Role::Owner, Role::Editor] {
            assert_eq!(set(&world, atlas, alice, one).await, Change::Done);
            assert_eq!(role(atlas, alice).await, Some(one));
        }
        assert_eq!((role(zoo, alice).await, role(atlas, bob).await, role(world.id(), alice).await), (None, None, None));
        assert_eq!(set(&world, atlas, bob, Role::Owner).await, Change::Done);
        let members = world.store.project_members(atlas).await.expect("reads");
        let members: Vec<_> = members.iter().map(|m| (m.person, m.user_name.as_str(), m.role, m.added_at)).collect();
        assert_eq!(members, [(bob, "bob", Role::Owner, NOW), (alice, "alice", Role::Editor, NOW)]);
        let own = world.store.projects_of(alice).await.expect("reads");
        assert_eq!(
            own.iter().map(|p| (p.id, p.name.as_str(), p.role)).collect::<Vec<_>>(),
            [(atlas, "Atlas", Role::Editor)]
        );
        let remove = async || world.store.remove_project_member(atlas, alice, &world.note(NOW)).await.expect("runs");
        assert_eq!((remove().await, remove().await), (Change::Done, Change::NotFound));
        assert_eq!(role(atlas, alice).await, None);
        assert_eq!(role(atlas, bob).await, Some(Role::Owner));
        let trail = world.trail().await;
        let counted = |what: &str| trail.iter().filter(|action| *action == what).count();
        assert_eq!((counted("project.set_member"), counted("project.remove_member")), (4, 1), "{trail:?}");
    });
}

#[test]
fn nobody_is_put_into_a_project_that_is_not_there_and_nobody_unknown_into_one() {
    each_database(async |store| {
        let world = World::new(store);
        let (atlas, alice) = (project(&world, "Atlas").await, world.person("alice").await);
        assert_eq!(set(&world, world.id(), alice, Role::Owner).await, Change::NotFound);
        assert_eq!(set(&world, atlas, world.id(), Role::Owner).await, Change::NotFound);
        assert!(!world.trail().await.iter().any(|action| action == "project.set_member"));
    });
}
