//! Tokens that are to be ended at their host: sent by one at a time, and never forgotten.

use crate::git_ground::Ground;
use crate::harness::{NOW, each_database};
use crate::world::{CALLERS, SECOND, race};
use vestibule_oauth::id::Id;
use vestibule_store::git_credentials::AddGitAuthorization;
use vestibule_store::git_revocations::{ClaimedGitRevocation, GitRevoked};

const LEASE: i64 = 30 * SECOND;

async fn claim(ground: &Ground, at: i64) -> Vec<ClaimedGitRevocation> {
    let claim = ground.world.id();
    ground.store().claim_git_revocations(ground.host, claim, at, at + LEASE, 100).await.expect("runs")
}

async fn queue(ground: &Ground, name: &str) -> Id {
    let new = ground.new_revocation(name);
    assert!(ground.store().queue_git_revocation(&new, ground.world.id(), NOW).await.expect("runs"));
    new.id
}

#[test]
fn a_revocation_is_claimed_by_one_of_64_and_again_only_when_its_lease_is_over() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let queued = [queue(&ground, "one").await, queue(&ground, "two").await, queue(&ground, "three").await];
        assert_eq!(ground.store().due_git_revocations(NOW).await.expect("reads"), [ground.host]);
        let racing = ground.clone();
        let got = race(&ground.world, CALLERS, move |_, _| {
            let ground = racing.clone();
            async move { claim(&ground, NOW).await }
        })
        .await;
        let mut claimed: Vec<Id> = got.iter().flatten().map(|claimed| claimed.revocation.id).collect();
        claimed.sort_unstable();
        assert_eq!(claimed, queued, "each once");
        assert_eq!(ground.store().due_git_revocations(NOW + LEASE - 1).await.expect("reads"), []);
        assert!(claim(&ground, NOW + LEASE - 1).await.is_empty());
        let again = claim(&ground, NOW + LEASE).await;
        assert_eq!(again.iter().map(|claimed| claimed.attempts).collect::<Vec<_>>(), [2; 3]);
        assert_eq!(again[0].created_at, NOW);
        assert_eq!(again[0].revocation.refresh, Some(ground.sealed("refresh")));
    });
}

#[test]
fn a_revocation_that_is_put_off_or_ended_by_who_lost_the_claim_is_left_alone() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        queue(&ground, "one").await;
        let lost = claim(&ground, NOW).await.remove(0);
        let held = claim(&ground, NOW + LEASE).await.remove(0);
        ground.store().defer_git_revocation(&lost, NOW).await.expect("runs");
        let note = ground.world.note(NOW);
        ground.store().settle_git_revocation(&lost, GitRevoked::Revoked, "status 204", &note).await.expect("runs");
        assert_eq!(ground.audited("git_authorization.revoke").await, 0);
        assert!(claim(&ground, NOW + LEASE).await.is_empty(), "it is still the holder's");
        ground.store().defer_git_revocation(&held, NOW + 2 * SECOND).await.expect("runs");
        let held = claim(&ground, NOW + 2 * SECOND).await.remove(0);
        let note = ground.world.note(NOW);
        ground.store().settle_git_revocation(&held, GitRevoked::GivenUp, "no answer", &note).await.expect("runs");
        let row = ground.store().list_audit(1).await.expect("reads").remove(0);
        assert_eq!((row.action.as_str(), row.outcome.as_str()), ("git_authorization.revoke", "given_up"));
        assert_eq!(row.details, format!("one, git_host:{}, attempt 3: no answer", ground.host));
        assert!(claim(&ground, NOW + 10 * LEASE).await.is_empty(), "it is gone with its tokens");
    });
}

#[test]
fn a_revocation_is_queued_once() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let new = ground.new_revocation("one");
        assert!(ground.store().queue_git_revocation(&new, ground.world.id(), NOW).await.expect("runs"));
        assert!(!ground.store().queue_git_revocation(&new, ground.world.id(), NOW).await.expect("runs"));
        let stranger = ground.store().of_tenant(2);
        let none = stranger.claim_git_revocations(ground.host, ground.world.id(), NOW, NOW + LEASE, 9).await;
        assert!(none.expect("runs").is_empty());
        assert_eq!(claim(&ground, NOW).await.len(), 1);
    });
}

#[test]
fn tokens_that_were_kept_after_all_are_not_ended() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let note = ground.world.note(NOW);
        let kept = ground.store().add_git_authorization(&ground.new_authorization("one"), &note).await.expect("runs");
        assert_eq!(kept, AddGitAuthorization::Added);
        let queue = async |name, verb| {
            ground.store().queue_git_revocation(&ground.new_revocation(name), verb, NOW).await.expect("runs")
        };
        assert!(!queue("one", note.id).await, "the caller never heard that they were kept");
        assert!(queue("one", ground.world.id()).await, "another verb's tokens");
        assert!(queue("two", note.id).await);
        assert_eq!(claim(&ground, NOW).await.len(), 2);
    });
}

#[test]
fn a_host_that_asks_for_patience_is_asked_for_nothing_until_then() {
    each_database(async |store| {
        let ground = Ground::new(store).await;
        let one = queue(&ground, "one").await;
        assert_eq!(claim(&ground, NOW).await.len(), 1);
        queue(&ground, "two").await;
        let until = NOW + 2 * LEASE;
        ground.store().spare_git_host(ground.host, until).await.expect("runs");
        assert!(claim(&ground, until - 1).await.is_empty());
        let due: Vec<Id> = claim(&ground, until).await.iter().map(|claimed| claimed.revocation.id).collect();
        assert!(due.len() == 2 && due.contains(&one), "{due:?}");
        // What is put off further stays so.
        ground.store().spare_git_host(ground.host, NOW).await.expect("runs");
        assert!(claim(&ground, until + LEASE - 1).await.is_empty());
    });
}
