//! Authorizations at Git hosts: one of a name, changed by who has read them, gone at once, and nobody else's.

use crate::git_ground::Ground;
use crate::harness::{NOW, each_database, each_empty_database, options};
use crate::key_locks::heard;
use crate::world::{CALLERS, SECOND, count, race};
use vestibule_store::applications::Change;
use vestibule_store::db::Heard;
use vestibule_store::git_authorizations::{GitTokens, TokenType};
use vestibule_store::git_credentials::{
    AddGitAuthorization, ChangeGitAuthorization, MOST_GIT_AUTHORIZATIONS, NewGitAuthorization, NewGitCredential,
};
use vestibule_store::git_revocations::{GitFarewell, GitRevoked};
use vestibule_store::git_standing::{GitNext, GitStatus, GitTrouble};
use vestibule_store::projects::Role;
use vestibule_store::sealed::{Resealed, SEALED_COLUMNS};
use vestibule_store::{Options, Role as Process, Store};

#[test]
fn an_authorization_is_found_with_its_host_in_one_read_and_listed_by_name() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        for name in ["b", "B", "a.1"] {
            ground.keep(name).await;
        }
        let found = ground.find("b").await.expect("is there");
        let shown = &found.authorization;
        assert_eq!(
            (shown.name.as_str(), shown.kind.as_str(), shown.web.as_str()),
            ("b", "github", "https://github.com")
        );
        assert_eq!(
            (shown.generation, shown.created_by, shown.created_at, shown.updated_at),
            (1, ground.alice, NOW, NOW)
        );
        assert_eq!((&shown.account, &found.tokens), (&ground.account("octocat"), &ground.tokens("b")));
        assert_eq!(Some(&found.host), ground.store().find_git_host(ground.host).await.expect("reads").as_ref());
        assert_eq!((found.host.name.as_str(), found.host.id), (shown.host_name.as_str(), shown.host));
        let list = ground.store().list_git_authorizations(ground.project).await.expect("reads");
        assert_eq!(list.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["B", "a.1", "b"]);
        assert_eq!(list[2], *shown);
        let all = ground.store().git_authorization_lines(None).await.expect("reads");
        let all: Vec<_> = all.iter().map(|line| (line.project.as_str(), line.created_by.as_deref())).collect();
        assert_eq!(all, [("garden", Some("alice")); 3]);
    });
}

#[test]
fn of_64_authorizations_of_one_name_in_one_project_one_is_kept() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let racing = ground.clone();
        let got = race(&ground.world, CALLERS, move |world, _| {
            let new = racing.new_authorization("one");
            async move { world.store.add_git_authorization(&new, &world.note(NOW)).await.expect("runs") }
        })
        .await;
        assert_eq!(count(&got, &AddGitAuthorization::Added), 1);
        assert_eq!(count(&got, &AddGitAuthorization::NameTaken), CALLERS - 1);
        assert_eq!(ground.audited("git_authorization.add").await, 1);
        let other = ground.project("orchard").await;
        ground.tick(ground.host, other).await;
        ground.join(other, ground.alice).await;
        let elsewhere = NewGitAuthorization { project: other, ..ground.new_authorization("one") };
        let kept = ground.store().add_git_authorization(&elsewhere, &ground.world.note(NOW)).await.expect("runs");
        assert_eq!(kept, AddGitAuthorization::Added, "a name belongs to its project");
    });
}

#[test]
fn an_authorization_is_kept_only_while_its_host_serves_the_project_and_there_is_room() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let keep = async |name: &str| {
            let new = ground.new_authorization(name);
            ground.store().add_git_authorization(&new, &ground.world.note(NOW)).await.expect("runs")
        };
        let note = ground.world.note(NOW);
        ground.store().set_git_host_enabled(ground.host, false, &note).await.expect("runs");
        assert_eq!(keep("one").await, AddGitAuthorization::NotServed);
        let note = ground.world.note(NOW);
        ground.store().set_git_host_enabled(ground.host, true, &note).await.expect("runs");
        let most = usize::try_from(MOST_GIT_AUTHORIZATIONS).expect("is small");
        for n in 0..most - 8 {
            assert_eq!(keep(&format!("name {n}")).await, AddGitAuthorization::Added);
        }
        let racing = ground.clone();
        let got = race(&ground.world, CALLERS, move |world, n| {
            let new = racing.new_authorization(&format!("last {n}"));
            async move { world.store.add_git_authorization(&new, &world.note(NOW)).await.expect("runs") }
        })
        .await;
        let counted = [AddGitAuthorization::Added, AddGitAuthorization::TooMany].map(|what| count(&got, &what));
        assert_eq!(counted, [8, CALLERS - 8]);
        assert_eq!(keep("one more").await, AddGitAuthorization::TooMany);
        assert_eq!(keep("name 7").await, AddGitAuthorization::NameTaken);
    });
}

#[test]
fn fm_131_an_authorization_of_another_project_or_tenant_is_neither_found_nor_changed() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let mine = ground.keep("mine").await;
        let other = ground.project("orchard").await;
        ground.tick(ground.host, other).await;
        let (store, stranger) = (ground.store(), ground.store().of_tenant(2));
        assert_eq!(store.find_git_authorization(other, "mine").await.expect("reads"), None);
        assert_eq!(stranger.find_git_authorization(ground.project, "mine").await.expect("reads"), None);
        assert_eq!(store.list_git_authorizations(other).await.expect("reads"), []);
        assert_eq!(stranger.list_git_authorizations(ground.project).await.expect("reads"), []);
        let mut swapped = mine.authorization.clone();
        swapped.project = other;
        let note = || ground.world.note(NOW);
        let credential = NewGitCredential { project: other, ..ground.new_credential(&mine, "mallory") };
        let revocation = GitFarewell::Queued(ground.new_revocation("mine"));
        for got in [
            store.replace_git_credential(&credential, &revocation, &note()).await,
            store.end_git_authorization(&swapped, &revocation, &note()).await,
            store.blame_git_authorization(&swapped, GitTrouble::TokenRefused, &note()).await,
            stranger.end_git_authorization(&mine.authorization, &revocation, &note()).await,
            stranger.blame_git_authorization(&mine.authorization, GitTrouble::TokenRefused, &note()).await,
        ] {
            assert_eq!(got.expect("runs"), ChangeGitAuthorization::Changed);
        }
        assert_eq!(ground.find("mine").await, Some(mine));
        assert_eq!(store.due_git_revocations(NOW).await.expect("reads"), [], "nothing is queued");
        assert_eq!(ground.audited("git_authorization.end").await, 0);
    });
}

/// Every call that names an authorization begins with this read, and goes no further where it finds none.
#[test]
fn fm_131_an_authorization_of_another_project_runs_the_same_statements_as_one_that_is_not_there() {
    each_empty_database(async |database| {
        let told = Heard::default();
        let options = Options { heard: Some(told.clone()), ..options(Process::Server) };
        let ground = Ground::new(Store::open(&database.url, Process::Server, options).await.expect("opens")).await;
        ground.keep("theirs").await;
        let (store, own) = (ground.store(), ground.project("orchard").await);
        let find = async |project, name| {
            let is_there = store.find_git_authorization(project, name).await.expect("reads").is_some();
            assert_eq!(is_there, (project, name) == (ground.project, "theirs"));
        };
        let foreign = heard(&told, find(own, "theirs")).await;
        assert_eq!(heard(&told, find(own, "nobodys")).await, foreign);
        assert_eq!(heard(&told, find(ground.project, "nobodys")).await, foreign);
        assert_eq!(heard(&told, find(ground.project, "theirs")).await, foreign);
        assert_eq!(foreign.len(), 1);
        store.close().await;
    });
}

#[test]
fn a_credential_takes_the_place_of_the_one_that_was_read_and_the_name_stays() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let first = ground.keep("one").await;
        let blamed = ground
            .store()
            .blame_git_authorization(&first.authorization, GitTrouble::TokenRefused, &ground.world.note(NOW + 1))
            .await;
        assert_eq!(blamed.expect("runs"), ChangeGitAuthorization::Done);
        let mut new = ground.new_credential(&first, "hubot");
        new.account.token_type = TokenType::Personal;
        new.tokens.refresh = Some(ground.sealed("refresh"));
        let revocation = GitFarewell::Queued(ground.new_revocation("one"));
        let note = ground.world.note(NOW + SECOND);
        let replaced = ground.store().replace_git_credential(&new, &revocation, &note).await.expect("runs");
        assert_eq!(replaced, ChangeGitAuthorization::Done);
        let second = ground.find("one").await.expect("is there");
        assert_eq!((second.authorization.id, second.authorization.generation), (first.authorization.id, 2));
        assert_eq!((&second.authorization.account, &second.tokens), (&new.account, &new.tokens));
        assert_eq!((second.authorization.created_at, second.authorization.updated_at), (NOW, NOW + SECOND));
        assert_eq!(second.authorization.standing(NOW + SECOND).status, GitStatus::Normal);
        assert_eq!(ground.store().due_git_revocations(NOW + SECOND).await.expect("reads"), [ground.host]);
        let trail = ground.store().list_audit(100).await.expect("reads");
        let told = trail.iter().find(|row| row.action == "git_authorization.replace").expect("is audited");
        let accounts = "personal of hubot (id 583231) in place of oauth of octocat (id 583231)";
        assert!(told.details.ends_with(accounts), "{}", told.details);
        let elsewhere = ground.host(Some(ground.project), "other", |_| {}).await;
        let moved = NewGitCredential { host: elsewhere, ..ground.new_credential(&second, "hubot") };
        let stays_alive = GitFarewell::StaysAlive {
            row: ground.world.id(),
            because: GitRevoked::Unreadable,
            details: "one: unreadable".to_owned(),
        };
        let note = || ground.world.note(NOW);
        let moved = ground.store().replace_git_credential(&moved, &stays_alive, &note()).await.expect("runs");
        assert_eq!(moved, ChangeGitAuthorization::Changed, "it stays at its host");
        assert_eq!(ground.audited("git_authorization.revoke").await, 0, "nothing is told of what was not done");
        let third = ground.new_credential(&second, "hubot");
        let third = ground.store().replace_git_credential(&third, &stays_alive, &note()).await.expect("runs");
        assert_eq!(third, ChangeGitAuthorization::Done);
        assert_eq!(ground.audited("git_authorization.revoke").await, 1, "told in the very verb");
    });
}

#[test]
fn fm_130_of_64_credentials_for_one_generation_one_takes_its_place_and_the_loser_harms_nobody() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let first = ground.keep("one").await;
        let (racing, read) = (ground.clone(), first.clone());
        let got = race(&ground.world, CALLERS, move |world, n| {
            let (new, old) =
                (racing.new_credential(&read, &format!("login{n}")), GitFarewell::Queued(racing.new_revocation("one")));
            async move {
                let done = world.store.replace_git_credential(&new, &old, &world.note(NOW)).await.expect("runs");
                (done, new.account.login)
            }
        })
        .await;
        let winners: Vec<_> = got.iter().filter(|(done, _)| *done == ChangeGitAuthorization::Done).collect();
        assert_eq!(winners.len(), 1);
        let kept = ground.find("one").await.expect("is there");
        assert_eq!(
            (kept.authorization.account.login.as_str(), kept.authorization.generation),
            (winners[0].1.as_str(), 2)
        );
        let claimed = ground.store().claim_git_revocations(ground.host, ground.world.id(), NOW, NOW + SECOND, 99).await;
        assert_eq!(claimed.expect("runs").len(), 1, "the former credential is ended once");
        // Whoever still has the former one in hand blames and ends nothing any more.
        let note = || ground.world.note(NOW);
        let store = ground.store();
        let blamed = store.blame_git_authorization(&first.authorization, GitTrouble::RefreshRefused, &note()).await;
        assert_eq!(blamed.expect("runs"), ChangeGitAuthorization::Changed);
        let ended = store.end_git_authorization(&first.authorization, &GitFarewell::StaysInUse, &note()).await;
        assert_eq!(ended.expect("runs"), ChangeGitAuthorization::Changed);
        assert_eq!(ground.find("one").await, Some(kept));
    });
}

#[test]
fn of_64_who_end_an_authorization_one_does_it_is_gone_with_its_secrets_and_one_revocation_is_queued() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let (one, other) = (ground.keep("one").await, ground.keep("other").await);
        let (racing, read) = (ground.clone(), one.clone());
        let got = race(&ground.world, CALLERS, move |world, _| {
            let (read, old) = (read.authorization.clone(), GitFarewell::Queued(racing.new_revocation("one")));
            async move { world.store.end_git_authorization(&read, &old, &world.note(NOW)).await.expect("runs") }
        })
        .await;
        assert_eq!(count(&got, &ChangeGitAuthorization::Done), 1);
        assert_eq!((ground.find("one").await, ground.find("other").await), (None, Some(other)));
        let claimed = ground.store().claim_git_revocations(ground.host, ground.world.id(), NOW, NOW + SECOND, 99).await;
        assert_eq!(claimed.expect("runs").len(), 1);
        assert_eq!(ground.audited("git_authorization.end").await, 1);
        for column in SEALED_COLUMNS.iter().filter(|column| column.table == "git_authorizations") {
            let left = ground.store().sealed_at(column, one.authorization.id).await.expect("reads");
            assert_eq!(left, None, "nothing of the secrets is left");
        }
        ground.keep("one").await;
    });
}

#[test]
fn fm_128_what_is_wrong_is_kept_with_its_moment_and_audited_once_and_others_are_not_touched() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let (one, other) = (ground.keep("one").await, ground.keep("other").await);
        let blame = async |trouble, at| {
            let note = ground.world.note(at);
            let done = ground.store().blame_git_authorization(&one.authorization, trouble, &note).await.expect("runs");
            assert_eq!(done, ChangeGitAuthorization::Done);
            ground.find("one").await.expect("is there").authorization.standing(at + SECOND)
        };
        for at in [NOW + 1, NOW + 2] {
            let standing = blame(GitTrouble::Unreadable, at).await;
            assert_eq!((standing.status, standing.since), (GitStatus::Unauthenticated, NOW + 1));
            assert_eq!(standing.next, GitNext::Reauthorize);
        }
        let standing = blame(GitTrouble::RefreshRefused, NOW + 3).await;
        assert_eq!((standing.status, standing.since), (GitStatus::Overdue, NOW + 3));
        assert_eq!(ground.audited("git_authorization.blame").await, 2);
        assert_eq!(ground.find("other").await, Some(other));
    });
}

#[test]
fn time_and_the_administrator_decide_how_an_authorization_stands_without_a_write() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let end = NOW + 100 * SECOND;
        let mut new = ground.new_authorization("one");
        new.account.access_ends_at = Some(end);
        ground.store().add_git_authorization(&new, &ground.world.note(NOW)).await.expect("runs");
        let standing = async |name: &str, at| {
            let standing = ground.find(name).await.expect("is there").authorization.standing(at);
            (standing.status, standing.since, standing.next)
        };
        assert_eq!(standing("one", end - 1).await, (GitStatus::Normal, NOW, GitNext::Ends(end)));
        assert_eq!(standing("one", end).await, (GitStatus::Overdue, end, GitNext::Reauthorize));
        let mut new = ground.new_authorization("two");
        (new.account.access_ends_at, new.account.refresh_ends_at) = (Some(end), Some(end + SECOND));
        new.tokens = GitTokens { refresh: Some(ground.sealed("refresh")), ..new.tokens };
        ground.store().add_git_authorization(&new, &ground.world.note(NOW)).await.expect("runs");
        assert_eq!(standing("two", end).await, (GitStatus::Normal, NOW, GitNext::Renewal(end)));
        assert_eq!(standing("two", end + SECOND).await, (GitStatus::Overdue, end + SECOND, GitNext::Reauthorize));
        let note = ground.world.note(NOW + 5);
        ground.store().set_git_host_enabled(ground.host, false, &note).await.expect("runs");
        assert_eq!(standing("one", end).await, (GitStatus::Unauthenticated, NOW + 5, GitNext::ServeAgain));
        let note = ground.world.note(NOW + 6);
        ground.store().set_git_host_enabled(ground.host, true, &note).await.expect("runs");
        let note = ground.world.note(NOW + 7);
        let unticked = ground.store().untick_git_host(ground.host, ground.project, &note).await.expect("runs");
        assert_eq!(unticked, Change::Done);
        assert_eq!(standing("two", NOW).await, (GitStatus::Unauthenticated, NOW, GitNext::ServeAgain));
        let replaced = ground.new_credential(&ground.find("one").await.expect("is there"), "hubot");
        let done = ground
            .store()
            .replace_git_credential(&replaced, &GitFarewell::StaysInUse, &ground.world.note(NOW))
            .await
            .expect("runs");
        assert_eq!(done, ChangeGitAuthorization::Changed, "nothing comes to a host that does not serve the project");
    });
}

#[test]
fn what_is_sealed_in_an_authorization_moves_with_the_data_keys() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let mut new = ground.new_authorization("one");
        new.tokens.refresh = Some(ground.sealed("refresh"));
        ground.store().add_git_authorization(&new, &ground.world.note(NOW)).await.expect("runs");
        ground.keep("two").await;
        for (column, rows) in [("access", 2), ("refresh", 1)] {
            let mut columns = SEALED_COLUMNS.iter().filter(|known| known.table == "git_authorizations");
            let column = columns.find(|known| known.column == column).expect("is sealed");
            let sealed = ground.store().sealed_under(column, ground.key, None, 10).await.expect("reads");
            assert_eq!(sealed.len(), rows);
            let row = sealed.iter().find(|row| row.id == new.id).expect("is sealed under it");
            let moved = Resealed { id: row.id, old: row.value.clone(), new: ground.sealed(column.column) };
            assert_eq!(ground.store().reseal(column, &[moved]).await.expect("runs"), 1);
        }
        let found = ground.find("one").await.expect("is there").tokens;
        assert_eq!(found, GitTokens { access: ground.sealed("access"), refresh: Some(ground.sealed("refresh")) });
    });
}

#[test]
fn nothing_is_kept_for_somebody_who_was_taken_out_demoted_or_switched_off_while_the_host_was_asked() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let kept = ground.keep("one").await;
        let (store, alice, project) = (ground.store(), ground.alice, ground.project);
        let note = || ground.world.note(NOW);
        let tries = async || {
            let added = store.add_git_authorization(&ground.new_authorization("two"), &note()).await.expect("runs");
            let new = ground.new_credential(&kept, "hubot");
            (added, store.replace_git_credential(&new, &GitFarewell::StaysInUse, &note()).await.expect("runs"))
        };
        let refused = (AddGitAuthorization::NotAllowed, ChangeGitAuthorization::Changed);
        store.set_project_member(project, alice, Role::Viewer, &note()).await.expect("runs");
        assert_eq!(tries().await, refused);
        store.remove_project_member(project, alice, &note()).await.expect("runs");
        assert_eq!(tries().await, refused);
        store.set_project_member(project, alice, Role::Owner, &note()).await.expect("runs");
        store.set_person_enabled(alice, false, &note()).await.expect("runs");
        assert_eq!(tries().await, refused);
        store.set_person_enabled(alice, true, &note()).await.expect("runs");
        assert_eq!(tries().await, (AddGitAuthorization::Added, ChangeGitAuthorization::Done));
    });
}
