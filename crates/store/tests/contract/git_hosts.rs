//! Host configurations: which of them serve a project, and which one a caller means.

use crate::git_ground::Ground;
use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, count, race};
use vestibule_oauth::id::Id;
use vestibule_store::applications::Change;
use vestibule_store::git_host_changes::{AddGitHost, SetGitHostSecret};
use vestibule_store::git_hosts::{GitHost, MeantHost};
use vestibule_store::git_revocations::{GitFarewell, GitRevoked};
use vestibule_store::sealed::{Resealed, SEALED_COLUMNS};

async fn meant(ground: &Ground, project: Id, asked: &str, tag: Option<&str>) -> Result<String, MeantHost> {
    match ground.store().git_host_for(project, asked, tag).await.expect("reads") {
        MeantHost::Found(host) => Ok(host.name),
        other => Err(other),
    }
}

fn tagged(tag: &'static str) -> impl FnOnce(&mut GitHost) {
    move |host| host.tags = vec![tag.to_owned(), "all".to_owned()]
}

#[test]
fn st_122_fm_132_a_host_serves_the_projects_that_were_ticked_for_it_and_no_other() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let other = ground.project("orchard").await;
        assert_eq!(meant(&ground, ground.project, "hub", None).await, Ok("hub".to_owned()));
        assert_eq!(meant(&ground, other, "hub", None).await, Err(MeantHost::Unknown));
        assert_eq!(meant(&ground, other, "github", None).await, Err(MeantHost::Unknown));
        ground.tick(ground.host, other).await;
        assert_eq!(meant(&ground, other, "github", None).await, Ok("hub".to_owned()));
        ground.tick(ground.host, other).await;
        assert_eq!(ground.audited("git_host.tick").await, 2, "doing it twice is doing it once");
        assert_eq!(ground.store().git_host_projects(ground.host).await.expect("reads"), ["garden", "orchard"]);
        let note = ground.world.note(NOW);
        let unticked = ground.store().untick_git_host(ground.host, other, &note).await.expect("runs");
        assert_eq!((unticked, meant(&ground, other, "hub", None).await), (Change::Done, Err(MeantHost::Unknown)));
        let note = ground.world.note(NOW);
        let again = ground.store().untick_git_host(ground.host, other, &note).await.expect("runs");
        assert_eq!((again, ground.audited("git_host.untick").await), (Change::NotFound, 1));
        assert_eq!(meant(&ground, ground.project, "hub", None).await, Ok("hub".to_owned()));
    });
}

#[test]
fn st_122_fm_131_fm_132_a_host_of_a_project_serves_it_alone_and_cannot_be_ticked() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let other = ground.project("orchard").await;
        let own = ground.host(Some(other), "own", |_| {}).await;
        assert_eq!(meant(&ground, other, "own", None).await, Ok("own".to_owned()));
        assert_eq!(meant(&ground, ground.project, "own", None).await, Err(MeantHost::Unknown));
        for project in [ground.project, other] {
            let ticked = ground.store().tick_git_host(own, project, &ground.world.note(NOW)).await.expect("runs");
            assert_eq!(ticked, Change::NotFound);
        }
        let nowhere = ground.store().tick_git_host(ground.host, ground.world.id(), &ground.world.note(NOW)).await;
        assert_eq!(nowhere.expect("runs"), Change::NotFound);
        let stranger = ground.store().of_tenant(2);
        assert_eq!(stranger.git_hosts_of(other).await.expect("reads"), []);
        assert_eq!(stranger.find_git_host(own).await.expect("reads"), None);
        let disabled = stranger.set_git_host_enabled(own, false, &ground.world.note(NOW)).await.expect("runs");
        assert_eq!(disabled, Change::NotFound);
    });
}

#[test]
fn a_kind_means_the_default_of_the_project_then_the_deployments_then_the_only_one_and_a_tag_picks() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let project = ground.project;
        let second = ground.host(None, "Second", tagged("intl")).await;
        ground.tick(second, project).await;
        let several = MeantHost::Several(vec!["hub".to_owned(), "Second".to_owned()]);
        assert_eq!(meant(&ground, project, "GitHub", None).await, Err(several));
        assert_eq!(meant(&ground, project, "github", Some("intl")).await, Ok("Second".to_owned()));
        assert_eq!(meant(&ground, project, "github", Some("mars")).await, Err(MeantHost::UnknownTag));
        assert_eq!(meant(&ground, project, "hub", Some("intl")).await, Err(MeantHost::UnknownTag));
        assert_eq!(meant(&ground, project, "SECOND", Some("all")).await, Ok("Second".to_owned()));
        assert_eq!(meant(&ground, project, "gitee", None).await, Err(MeantHost::Unknown));
        let default = async |host, at| {
            let done = ground.store().make_git_host_default(host, &ground.world.note(at)).await.expect("runs");
            assert_eq!(done, Change::Done);
            meant(&ground, project, "github", None).await.expect("there is a default")
        };
        assert_eq!(default(second, NOW).await, "Second");
        assert_eq!(default(ground.host, NOW + 1).await, "hub");
        assert_eq!(default(second, NOW + 2).await, "Second");
        let own = ground.host(Some(project), "own", |_| {}).await;
        assert_eq!(meant(&ground, project, "github", None).await, Ok("Second".to_owned()));
        assert_eq!(default(own, NOW).await, "own");
        // A project may call its own like one of the deployment's, and then means its own.
        ground.host(Some(project), "hub", |host| host.kind = "gitee".to_owned()).await;
        let hub = ground.store().git_host_for(project, "Hub", None).await.expect("reads");
        assert!(matches!(hub, MeantHost::Found(host) if host.project == Some(project) && host.kind == "gitee"));
        let kinds = ground.store().git_hosts_of_kind(project, "GITHUB").await.expect("reads");
        assert_eq!(kinds.iter().map(|host| host.name.as_str()).collect::<Vec<_>>(), ["own", "hub", "Second"]);
    });
}

#[test]
fn a_host_that_is_switched_off_serves_nobody_until_it_is_on_again() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        for round in 0..2 {
            for (enabled, at) in [(false, NOW + SECOND), (true, NOW + 2 * SECOND)] {
                for _ in 0..2 {
                    let note = ground.world.note(at);
                    let done = ground.store().set_git_host_enabled(ground.host, enabled, &note).await.expect("runs");
                    assert_eq!(done, Change::Done, "round {round}");
                }
                let found = meant(&ground, ground.project, "hub", None).await;
                assert_eq!(found.is_ok(), enabled, "{found:?}");
            }
        }
        assert_eq!(ground.audited("git_host.disable").await, 2, "one that stands so already is left as it is");
        assert_eq!(ground.audited("git_host.enable").await, 2);
        assert!(ground.store().find_git_host(ground.host).await.expect("reads").is_some());
    });
}

#[test]
fn of_64_hosts_of_one_name_in_one_scope_one_is_added_whatever_the_case() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let racing = ground.clone();
        let got = race(&ground.world, CALLERS, move |world, n| {
            let new = racing.new_host(Some(racing.project), if n % 2 == 0 { "Forge" } else { " forge" });
            async move { world.store.add_git_host(&new, &world.note(NOW)).await.expect("runs") }
        })
        .await;
        assert_eq!((count(&got, &AddGitHost::Added), count(&got, &AddGitHost::NameTaken)), (1, CALLERS - 1));
        let named = async |project, name| ground.store().find_git_host_named(project, name).await.expect("reads");
        assert!(named(Some(ground.project), "FORGE").await.is_some());
        assert_eq!(named(None, "forge").await, None, "a name belongs to its scope");
        assert_eq!(named(None, "HUB").await, Some(ground.host));
        assert_eq!(ground.audited("git_host.add").await, 2);
    });
}

#[test]
fn a_host_is_listed_with_what_hangs_on_it_and_its_secret_is_replaced_and_moves_with_the_data_keys() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        ground.host(Some(ground.project), "own", tagged("intl")).await;
        ground.keep("one").await;
        let lines = ground.store().list_git_hosts().await.expect("reads");
        let told: Vec<_> = lines.iter().map(|line| (line.host.name.as_str(), line.project.as_deref())).collect();
        assert_eq!(told, [("hub", None), ("own", Some("garden"))]);
        assert_eq!(lines.iter().map(|line| (line.projects, line.authorizations)).collect::<Vec<_>>(), [(1, 1), (1, 0)]);
        assert_eq!(lines[1].host.tags, ["intl", "all"]);
        assert_eq!(lines[0].host.scopes, ["repo", "read:user"]);
        let set = async |client_id, text| {
            let secret = ground.sealed(text);
            let note = ground.world.note(NOW);
            ground.store().set_git_host_secret(ground.host, client_id, &secret, &note).await.expect("runs")
        };
        assert_eq!(set(None, "second").await, SetGitHostSecret::Set);
        let found = ground.store().find_git_host(ground.host).await.expect("reads").expect("is there");
        assert_eq!((found.client_id.as_deref(), &found.secret), (Some("our-client"), &Some(ground.sealed("second"))));
        assert_eq!(set(Some("our-client"), "third").await, SetGitHostSecret::Set);
        // Only the application that was given the tokens can end them.
        assert_eq!(set(Some("another"), "fourth").await, SetGitHostSecret::InUse);
        let one = ground.find("one").await.expect("is there").authorization;
        let old = GitFarewell::Queued(ground.new_revocation("one"));
        ground.store().end_git_authorization(&one, &old, &ground.world.note(NOW)).await.expect("runs");
        assert_eq!(set(Some("another"), "fourth").await, SetGitHostSecret::InUse, "until they are ended");
        let claimed = ground.store().claim_git_revocations(ground.host, ground.world.id(), NOW, NOW, 1).await;
        let claimed = claimed.expect("runs").remove(0);
        let note = ground.world.note(NOW);
        ground.store().settle_git_revocation(&claimed, GitRevoked::Revoked, "status 204", &note).await.expect("runs");
        assert_eq!(set(Some("another"), "fourth").await, SetGitHostSecret::Set);
        let nowhere = ground.world.id();
        let secret = ground.sealed("x");
        let set = ground.store().set_git_host_secret(nowhere, None, &secret, &ground.world.note(NOW)).await;
        assert_eq!(set.expect("runs"), SetGitHostSecret::NotFound);
        let column = SEALED_COLUMNS.iter().find(|column| column.table == "git_hosts").expect("is sealed");
        let rows = ground.store().sealed_under(column, ground.key, None, 10).await.expect("reads");
        let row = rows.iter().find(|row| row.id == ground.host).expect("is sealed under it");
        let new = ground.sealed("anew");
        let moved = Resealed { id: row.id, old: row.value.clone(), new: new.clone() };
        assert_eq!(ground.store().reseal(column, &[moved]).await.expect("runs"), 1);
        let found = ground.store().find_git_host(ground.host).await.expect("reads").expect("is there");
        assert_eq!((found.client_id.as_deref(), found.secret), (Some("another"), Some(new)));
        let none = ground.host(None, "tokens only", |host| host.secret = None).await;
        assert_eq!(ground.store().sealed_at(column, none).await.expect("reads"), None);
    });
}
