//! Renewals of credentials: one at a time, written down first, kept by generation and not by lease, nobody else's harmed.

use crate::git_ground::Ground;
use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, count, race};
use vestibule_oauth::id::Id;
use vestibule_store::git_authorizations::{FoundGitAuthorization, GitTokens};
use vestibule_store::git_credentials::ChangeGitAuthorization::{Changed, Done};
use vestibule_store::git_refreshes::ClaimGitRefresh::{Claimed, NotClaimed};
use vestibule_store::git_refreshes::{
    ClaimGitRefresh, FailedGitRefresh, GitRefresh, GitRefreshFailed, RefreshedGitCredential,
};
use vestibule_store::git_revocations::GitFarewell;
use vestibule_store::git_standing::{GitNext, GitStatus, GitTrouble};

const LEASE: i64 = 60 * SECOND;
const HOUR: i64 = 3600 * SECOND;

/// An authorization that can be renewed.
async fn renewable(ground: &Ground, name: &str) -> FoundGitAuthorization {
    let mut new = ground.new_authorization(name);
    (new.account.access_ends_at, new.account.refresh_ends_at) = (Some(NOW + 30 * SECOND), Some(NOW + 99 * HOUR));
    new.tokens.refresh = Some(ground.sealed("refresh"));
    ground.store().add_git_authorization(&new, &ground.world.note(NOW)).await.expect("runs");
    ground.find(name).await.expect("is there")
}

async fn claim(ground: &Ground, of: &FoundGitAuthorization, by: Id, at: i64) -> ClaimGitRefresh {
    ground.store().claim_git_refresh(&of.authorization, by, at, at + LEASE).await.expect("runs")
}

fn renewed(ground: &Ground, text: &str) -> RefreshedGitCredential {
    RefreshedGitCredential {
        access: ground.sealed(&format!("{text} access")),
        refresh: Some(ground.sealed(&format!("{text} refresh"))),
        access_ends_at: Some(NOW + 2 * HOUR),
        refresh_ends_at: None,
        scopes: None,
    }
}

#[test]
fn of_64_who_want_to_renew_one_does_until_its_lease_ends_and_the_next_one_knows_of_the_doubt() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let (one, other) = (renewable(&ground, "one").await, renewable(&ground, "other").await);
        for (at, in_doubt) in [(NOW, false), (NOW + LEASE, true), (NOW + 2 * LEASE, true)] {
            let (read, early) = (one.clone(), Id::from_bytes([7; 16]));
            let got = race(&ground.world, CALLERS, move |world, _| {
                let read = read.authorization.clone();
                async move { world.store.claim_git_refresh(&read, world.id(), at, at + LEASE).await.expect("runs") }
            })
            .await;
            assert_eq!(count(&got, &Claimed { in_doubt }), 1);
            assert_eq!(count(&got, &NotClaimed), CALLERS - 1);
            assert_eq!(claim(&ground, &one, early, at + LEASE - 1).await, NotClaimed);
            let known = ground.find("one").await.expect("is there").authorization.known.refresh;
            assert_eq!((known.since, known.until), (Some(at), Some(at + LEASE)), "it is written down");
            assert_eq!((known.held_until(at), known.held_until(at + LEASE)), (Some(at + LEASE), None));
        }
        assert_eq!(ground.find("other").await, Some(other));
    });
}

#[test]
fn fm_130_of_64_answers_for_one_generation_one_is_kept_and_the_others_harm_nobody() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let one = renewable(&ground, "one").await;
        claim(&ground, &one, ground.world.id(), NOW).await;
        let (racing, read) = (ground.clone(), one.clone());
        let got = race(&ground.world, CALLERS, move |world, n| {
            let (new, read) = (renewed(&racing, &format!("{n}")), read.authorization.clone());
            async move {
                let done = world.store.keep_refreshed_git_credential(&read, &new, &world.note(NOW + SECOND)).await;
                (done.expect("runs"), new.access)
            }
        })
        .await;
        let winners: Vec<_> = got.iter().filter(|(done, _)| *done == Done).collect();
        assert_eq!(winners.len(), 1);
        let kept = ground.find("one").await.expect("is there");
        assert_eq!((&kept.tokens.access, kept.authorization.generation), (&winners[0].1, 2));
        assert_eq!(kept.authorization.known.refresh, GitRefresh::default(), "nothing is under way or in doubt");
        assert_eq!(ground.audited("git_authorization.refresh").await, 1);
        let note = || ground.world.note(NOW + 2 * SECOND);
        let store = ground.store();
        let failed = FailedGitRefresh {
            claim: ground.world.id(),
            how: GitRefreshFailed::Away,
            is_certain: false,
            after: NOW + HOUR,
        };
        assert_eq!(store.fail_git_refresh(&one.authorization, &failed, &note()).await.expect("runs"), Changed);
        let blamed = store.blame_git_authorization(&one.authorization, GitTrouble::RefreshRefused, &note()).await;
        assert_eq!(blamed.expect("runs"), Changed);
        assert_eq!(claim(&ground, &one, ground.world.id(), NOW + LEASE).await, NotClaimed);
        assert_eq!(ground.find("one").await, Some(kept));
    });
}

#[test]
fn an_answer_that_comes_after_its_lease_is_kept_if_nobody_renewed_since_even_after_a_blame() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let keep = async |of: &FoundGitAuthorization, text: &str, at: i64| {
            let (new, note) = (renewed(&ground, text), ground.world.note(at));
            ground.store().keep_refreshed_git_credential(&of.authorization, &new, &note).await.expect("runs")
        };
        let one = renewable(&ground, "one").await;
        claim(&ground, &one, ground.world.id(), NOW).await;
        // Another one came when the lease was over, and the host no longer took what the first one had renewed.
        assert_eq!(claim(&ground, &one, ground.world.id(), NOW + LEASE).await, Claimed { in_doubt: true });
        let note = ground.world.note(NOW + LEASE + 1);
        let blamed = ground.store().blame_git_authorization(&one.authorization, GitTrouble::RefreshLost, &note).await;
        assert_eq!(blamed.expect("runs"), Done);
        let standing = ground.find("one").await.expect("is there").authorization.standing(NOW + LEASE + 2);
        assert_eq!((standing.status, standing.since), (GitStatus::Unauthenticated, NOW + LEASE + 1));
        assert_eq!(standing.next, GitNext::Reauthorize);
        assert_eq!(
            claim(&ground, &one, ground.world.id(), NOW + 9 * LEASE).await,
            NotClaimed,
            "nothing is tried again"
        );
        assert_eq!(keep(&one, "late", NOW + 9 * LEASE).await, Done);
        let kept = ground.find("one").await.expect("is there");
        let standing = kept.authorization.standing(NOW + 9 * LEASE);
        assert_eq!((standing.status, standing.since), (GitStatus::Normal, NOW + 9 * LEASE));
        assert_eq!(kept.tokens.access, ground.sealed("late access"));
        // The other order: whoever came later has kept theirs, and the late answer changes nothing.
        let two = renewable(&ground, "two").await;
        claim(&ground, &two, ground.world.id(), NOW).await;
        claim(&ground, &two, ground.world.id(), NOW + LEASE).await;
        assert_eq!(keep(&two, "second", NOW + LEASE + 1).await, Done);
        assert_eq!(keep(&two, "late", NOW + LEASE + 2).await, Changed);
        assert_eq!(ground.find("two").await.expect("is there").tokens.access, ground.sealed("second access"));
    });
}

#[test]
fn what_failed_rests_and_only_what_is_certain_leaves_no_doubt_and_the_trail_tells_when_it_begins_to_fail() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let one = renewable(&ground, "one").await;
        let fail = async |claim: Id, how, is_certain, at: i64| {
            let failed = FailedGitRefresh { claim, how, is_certain, after: at + SECOND };
            ground.store().fail_git_refresh(&one.authorization, &failed, &ground.world.note(at)).await.expect("runs")
        };
        let known = async || ground.find("one").await.expect("is there").authorization.known.refresh;
        let mut at = NOW;
        for (how, is_certain, doubt) in [
            (GitRefreshFailed::RateLimited, true, 0),
            (GitRefreshFailed::RateLimited, true, 0),
            (GitRefreshFailed::Away, false, 1),
            (GitRefreshFailed::ClientRefused, true, 1),
        ] {
            let mine = ground.world.id();
            assert!(matches!(claim(&ground, &one, mine, at).await, Claimed { .. }), "{how:?}");
            assert_eq!(fail(ground.world.id(), how, is_certain, at).await, Changed, "it is another one's");
            assert_eq!(fail(mine, how, is_certain, at).await, Done);
            let now = known().await;
            assert_eq!((now.claim, now.until, now.doubt, now.failed), (None, None, doubt, Some(how)));
            assert_eq!((now.rests_until(at), now.rests_until(at + SECOND)), (Some(at + SECOND), None));
            assert_eq!(claim(&ground, &one, mine, at + SECOND - 1).await, NotClaimed, "it rests");
            at += SECOND;
        }
        assert_eq!(ground.audited("git_authorization.refresh_failed").await, 3, "once for each way to fail");
        let standing = ground.find("one").await.expect("is there").authorization.standing(at);
        assert_eq!(standing.status, GitStatus::Normal, "nothing of this makes it worse");
        assert_eq!(claim(&ground, &one, ground.world.id(), at).await, Claimed { in_doubt: true });
    });
}

#[test]
fn a_host_that_gives_no_other_refresh_token_leaves_the_former_and_a_new_credential_forgets_all() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let one = renewable(&ground, "one").await;
        let only = RefreshedGitCredential { refresh: None, ..renewed(&ground, "new") };
        let store = ground.store();
        let kept = store.keep_refreshed_git_credential(&one.authorization, &only, &ground.world.note(NOW)).await;
        assert_eq!(kept.expect("runs"), Done);
        let two = ground.find("one").await.expect("is there");
        let tokens = GitTokens { access: ground.sealed("new access"), refresh: Some(ground.sealed("refresh")) };
        let account = &two.authorization.account;
        assert_eq!((&two.tokens, account.refresh_ends_at), (&tokens, Some(NOW + 99 * HOUR)));
        assert_eq!(
            (&account.scopes, account.access_ends_at),
            (&one.authorization.account.scopes, Some(NOW + 2 * HOUR))
        );
        let told = RefreshedGitCredential {
            refresh_ends_at: Some(NOW + 3 * HOUR),
            scopes: Some(vec!["api".to_owned()]),
            ..renewed(&ground, "newer")
        };
        let kept = store.keep_refreshed_git_credential(&two.authorization, &told, &ground.world.note(NOW)).await;
        assert_eq!(kept.expect("runs"), Done);
        let three = ground.find("one").await.expect("is there");
        let account = &three.authorization.account;
        assert_eq!((account.refresh_ends_at, &account.scopes), (told.refresh_ends_at, &told.scopes));
        claim(&ground, &three, ground.world.id(), NOW).await;
        let new = ground.new_credential(&three, "octocat");
        let done = store.replace_git_credential(&new, &GitFarewell::StaysInUse, &ground.world.note(NOW)).await;
        assert_eq!(done.expect("runs"), Done);
        let four = ground.find("one").await.expect("is there");
        assert_eq!((four.authorization.generation, four.authorization.known.refresh), (4, GitRefresh::default()));
        assert_eq!(claim(&ground, &four, ground.world.id(), NOW).await, NotClaimed, "nothing renews it");
    });
}

#[test]
fn fm_131_nothing_of_another_project_or_tenant_or_host_that_serves_no_more_is_renewed() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let one = renewable(&ground, "one").await;
        let (store, stranger) = (ground.store(), ground.store().of_tenant(2));
        let mut swapped = one.authorization.clone();
        swapped.project = ground.project("orchard").await;
        let (new, by) = (renewed(&ground, "theirs"), ground.world.id());
        let note = || ground.world.note(NOW);
        assert_eq!(store.claim_git_refresh(&swapped, by, NOW, NOW + LEASE).await.expect("runs"), NotClaimed);
        assert_eq!(
            stranger.claim_git_refresh(&one.authorization, by, NOW, NOW + LEASE).await.expect("runs"),
            NotClaimed
        );
        assert_eq!(store.keep_refreshed_git_credential(&swapped, &new, &note()).await.expect("runs"), Changed);
        let kept = stranger.keep_refreshed_git_credential(&one.authorization, &new, &note()).await;
        assert_eq!(kept.expect("runs"), Changed);
        assert_eq!(ground.find("one").await, Some(one.clone()));
        store.set_git_host_enabled(ground.host, false, &note()).await.expect("runs");
        assert_eq!(claim(&ground, &one, by, NOW).await, NotClaimed);
        store.set_git_host_enabled(ground.host, true, &note()).await.expect("runs");
        assert_eq!(claim(&ground, &one, by, NOW).await, Claimed { in_doubt: false });
    });
}

#[test]
fn fm_130_whoever_has_lost_the_renewal_to_another_does_not_blame_what_that_one_may_have_renewed() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let one = renewable(&ground, "one").await;
        let (first, second) = (ground.world.id(), ground.world.id());
        claim(&ground, &one, first, NOW).await;
        assert_eq!(claim(&ground, &one, second, NOW + LEASE).await, Claimed { in_doubt: true });
        let blame = async |claim: Id, at: i64| {
            let (trouble, note) = (GitTrouble::RefreshRefused, ground.world.note(at));
            let done = ground.store().blame_after_git_refresh(&one.authorization, claim, trouble, &note).await;
            done.expect("runs")
        };
        let before = ground.find("one").await;
        assert_eq!(blame(first, NOW + LEASE + 1).await, Changed);
        assert_eq!((ground.find("one").await, ground.audited("git_authorization.blame").await), (before, 0));
        assert_eq!(blame(second, NOW + LEASE + 2).await, Done);
        let standing = ground.find("one").await.expect("is there").authorization.standing(NOW + LEASE + 3);
        assert_eq!((standing.status, standing.since), (GitStatus::Overdue, NOW + LEASE + 2));
        assert_eq!(ground.audited("git_authorization.blame").await, 1);
    });
}

#[test]
fn once_the_status_is_final_nothing_is_under_way_or_in_doubt_or_tried_later_whoever_wrote_it() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        for (name, by_holder) in [("hers", true), ("theirs", false)] {
            let one = renewable(&ground, name).await;
            let (first, second, note) = (ground.world.id(), ground.world.id(), || ground.world.note(NOW + 3 * LEASE));
            claim(&ground, &one, first, NOW).await;
            let how = GitRefreshFailed::Away;
            let failed = FailedGitRefresh { claim: first, how, is_certain: false, after: NOW + LEASE };
            let done = ground.store().fail_git_refresh(&one.authorization, &failed, &note()).await;
            assert_eq!(done.expect("runs"), Done);
            assert_eq!(claim(&ground, &one, second, NOW + LEASE).await, Claimed { in_doubt: true });
            let (of, trouble) = (&one.authorization, GitTrouble::RefreshLost);
            let blamed = match by_holder {
                true => ground.store().blame_after_git_refresh(of, second, trouble, &note()).await,
                false => ground.store().blame_git_authorization(of, trouble, &note()).await,
            };
            assert_eq!(blamed.expect("runs"), Done);
            let known = ground.find(name).await.expect("is there").authorization.known;
            assert_eq!((known.trouble, known.refresh), (Some(trouble), GitRefresh::default()), "{name}");
            assert_eq!(claim(&ground, &one, ground.world.id(), NOW + 9 * LEASE).await, NotClaimed, "{name}");
        }
    });
}
