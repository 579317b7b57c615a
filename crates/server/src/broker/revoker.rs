//! The revoker: has tokens ended at their hosts once an authorization is gone.
//!
//! Owns what a host's answer means for a revocation, and for how long a host that is away is asked. When, and how many at
//! once, is `turns`'s. The trail says what came of each.

use super::NotKept;
use super::place::{Place, sealed_at, text};
use crate::app::App;
use crate::githosts::converse;
use crate::seal::{Scope, Unsealed};
use crate::turns::{Bell, Errands, Turns, pause_ms};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use std::sync::Arc;
use vestibule_githost::refusal::Why;
use vestibule_githost::secret::Secret;
use vestibule_oauth::id::Id;
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::git_revocations::{ClaimedGitRevocation, GitRevoked};
use vestibule_store::sealed::SealedValue;

/// How long a claim holds: longer than a conversation and all around it.
const LEASE_MS: i64 = 120_000;
/// For how long a host is asked, in milliseconds: a long weekend and some days.
const TRIED_FOR_MS: i64 = 7 * 24 * 3_600_000;

/// Tokens that are to be ended.
pub struct Revocations;

impl Errands for Revocations {
    const UNREADABLE: &'static str = "the tokens that are to be ended at Git hosts cannot be read";

    fn bell(app: &App) -> &Bell {
        &app.revocations
    }

    async fn send_due(app: &Arc<App>, turns: &mut Turns) -> Result<(), StoreError> {
        let now = app.clock.now();
        let mut due = app.store.due_git_revocations(now).await?;
        turns.order(&mut due);
        for host in due {
            let room = turns.room(host);
            if room == 0 {
                continue;
            }
            let (claim, most) = (app.dice.id(now), i64::try_from(room).unwrap_or(1));
            for claimed in app.store.claim_git_revocations(host, claim, now, now + LEASE_MS, most).await? {
                let app = app.clone();
                turns.begin(host, async move {
                    revoke(&app, &claimed).await.unwrap_or_else(|error| {
                        tracing::warn!(%error, "a token could not be ended; it will be when its lease is over");
                        false
                    })
                });
            }
        }
        Ok(())
    }
}

/// What becomes of a revocation.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Settle(GitRevoked, &'static str),
    Retry(i64, &'static str),
}

/// Ends the tokens of one authorization. Gives whether the host is well.
async fn revoke(app: &App, claimed: &ClaimedGitRevocation) -> Result<bool, StoreError> {
    let outcome = ask(app, claimed).await;
    let (is_well, at) = (is_well(&outcome), app.clock.now());
    if let Some(until) = patience(&outcome, at) {
        app.store.spare_git_host(claimed.revocation.host, until).await?;
    }
    match judge(outcome, claimed.attempts, claimed.created_at, at) {
        Verdict::Settle(settled, how) => {
            let note = Note { id: app.dice.id(at), at, actor: "server".to_owned(), request_id: None };
            app.store.settle_git_revocation(claimed, settled, how, &note).await?;
        }
        Verdict::Retry(due_at, how) => {
            let (host, attempt) = (claimed.revocation.host, claimed.attempts);
            tracing::info!(%host, attempt, how, "tokens could not be ended at their host yet");
            app.store.defer_git_revocation(claimed, due_at).await?;
        }
    }
    Ok(is_well)
}

/// Whether the host answers. One that asks for patience does: it is not one of the dead, who share few turns.
const fn is_well(outcome: &Result<Asked, NotKept>) -> bool {
    match outcome {
        Err(NotKept::Host(why)) => {
            matches!(
                why,
                Why::TokenRefused | Why::GrantRefused | Why::CannotDo | Why::RateLimited { .. } | Why::Crowded { .. }
            )
        }
        _ => true,
    }
}

/// Until when the host wants nothing more asked, whatever it is.
const fn patience(outcome: &Result<Asked, NotKept>, now: i64) -> Option<i64> {
    match outcome {
        Err(NotKept::Host(Why::RateLimited { retry_after } | Why::Crowded { retry_after })) => {
            Some(now.saturating_add(*retry_after))
        }
        _ => None,
    }
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// The host has ended the tokens.
    Ended,
    /// They are another authorization's too: the host was not asked.
    StaysInUse,
}

async fn ask(app: &App, claimed: &ClaimedGitRevocation) -> Result<Asked, NotKept> {
    let revocation = &claimed.revocation;
    let host = app.store.find_git_host(revocation.host).await?.ok_or(NotKept::NotServed)?;
    let place = Place::asked(&host)?;
    let open = async |column, value: &SealedValue| -> Result<Secret, NotKept> {
        let at = sealed_at("git_revocations", column, revocation.id);
        match app.seal.open_value(Scope::Project(revocation.project), &at, value).await {
            Ok(opened) => text(&opened),
            Err(Unsealed::Changed { .. }) => Err(NotKept::Changed),
            Err(why) => Err(why.into()),
        }
    };
    let access = open("access", &revocation.access).await?;
    let refresh = match &revocation.refresh {
        Some(value) => Some(open("refresh", value).await?),
        None => None,
    };
    if is_held(app, host.id, &access).await? {
        return Ok(Asked::StaysInUse);
    }
    let application = place.application(app).await?;
    let step = place.kind.revoke(&place.site, &application, &access, refresh.as_ref());
    converse(&app.outbound, &app.clock, step).await?;
    Ok(Asked::Ended)
}

/// Whether an authorization at the host holds this very token: some hosts give a live one again to whoever comes again, and
/// what one authorization leaves behind is another's. Asked at the last moment, so that of two that go together the later
/// one ends it.
async fn is_held(app: &App, host: Id, access: &Secret) -> Result<bool, NotKept> {
    let mut after = None;
    loop {
        let held = app.store.git_tokens_at(host, after, LOOKED_AT_ONCE).await?;
        for one in &held {
            let at = sealed_at("git_authorizations", "access", one.id);
            match app.seal.open_value(Scope::Project(one.project), &at, &one.access).await {
                Ok(opened) if verify_slices_are_equal(&opened, access.expose().as_bytes()).is_ok() => return Ok(true),
                // One that somebody changed holds nothing that works.
                Ok(_) | Err(Unsealed::Changed { .. }) => {}
                Err(why) => return Err(why.into()),
            }
        }
        match held.last() {
            Some(last) => after = Some(last.id),
            None => return Ok(false),
        }
    }
}

/// Tokens that are compared from one read.
const LOOKED_AT_ONCE: i64 = 200;

/// Judges what came of the `attempts`-th try of a revocation that was queued at `created_at`.
fn judge(outcome: Result<Asked, NotKept>, attempts: i64, created_at: i64, now: i64) -> Verdict {
    let (wait, how) = match outcome {
        Ok(Asked::Ended) => return Verdict::Settle(GitRevoked::Revoked, "the host has ended them"),
        Ok(Asked::StaysInUse) => {
            return Verdict::Settle(GitRevoked::StaysInUse, "another authorization holds the same token");
        }
        Err(NotKept::Host(Why::TokenRefused | Why::GrantRefused)) => {
            return Verdict::Settle(GitRevoked::Revoked, "the host no longer knows them");
        }
        Err(NotKept::CannotDo(_) | NotKept::Host(Why::CannotDo)) => {
            return Verdict::Settle(GitRevoked::CannotBe, "this kind of host has no way to end a token");
        }
        Err(NotKept::NotServed) => return Verdict::Settle(GitRevoked::CannotBe, "the host configuration is gone"),
        Err(NotKept::Changed) => return Verdict::Settle(GitRevoked::Unreadable, "a sealed token was changed"),
        Err(NotKept::Host(Why::RateLimited { retry_after } | Why::HostBroken { retry_after: Some(retry_after) })) => {
            (retry_after, "the host asks for patience")
        }
        Err(NotKept::Host(Why::Crowded { retry_after })) => {
            (retry_after, "as many requests as may were under way to the host")
        }
        Err(NotKept::Host(Why::HostBroken { retry_after: None } | Why::Unreachable)) => (0, "the host did not answer"),
        // Said by whatever stands in the host's place, too: a proxy, or an address that it has moved away from.
        Err(NotKept::Host(Why::NotFound)) => (0, "nothing is where tokens are ended"),
        // An administrator may mend it; it is asked again as a host that is away.
        Err(NotKept::Host(Why::ClientRefused)) => (0, "the host does not take our application's secret"),
        Err(NotKept::NoApplication) => (0, "the host configuration has no secret"),
        Err(NotKept::Host(_)) => return Verdict::Settle(GitRevoked::Refused, "the host said no"),
        Err(_) => (0, "it could not be read here"),
    };
    match now >= created_at + TRIED_FOR_MS {
        true => Verdict::Settle(GitRevoked::GivenUp, how),
        false => Verdict::Retry(now + pause_ms(attempts).max(wait), how),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_away_is_asked_again_until_a_week_is_over_and_one_that_knows_no_way_is_not() {
        let judged = |why: Why, at| judge(Err(NotKept::Host(why)), 1, 0, at);
        let away = || Why::HostBroken { retry_after: None };
        for again in [away(), Why::Unreachable, Why::ClientRefused, Why::NotFound] {
            assert!(matches!(judged(again.clone(), 1_000), Verdict::Retry(3_000, _)), "{again:?}");
            let last = judged(again.clone(), TRIED_FOR_MS);
            assert!(matches!(last, Verdict::Settle(GitRevoked::GivenUp, _)), "{again:?}");
        }
        assert!(matches!(judged(Why::RateLimited { retry_after: 60_000 }, 0), Verdict::Retry(60_000, _)));
        assert!(matches!(judge(Ok(Asked::Ended), 1, 0, 1), Verdict::Settle(GitRevoked::Revoked, _)));
        assert!(matches!(judged(Why::TokenRefused, 1), Verdict::Settle(GitRevoked::Revoked, _)));
        assert!(matches!(judged(Why::CannotDo, 1), Verdict::Settle(GitRevoked::CannotBe, _)));
        assert!(matches!(judged(Why::Forbidden, 1), Verdict::Settle(GitRevoked::Refused, _)));
        let limited = Err(NotKept::Host(Why::RateLimited { retry_after: 60_000 }));
        assert_eq!(
            (is_well(&limited), patience(&limited, 7)),
            (true, Some(60_007)),
            "all that wait for it are put off"
        );
        assert_eq!((is_well(&Err(NotKept::Host(away()))), patience(&Ok(Asked::Ended), 7)), (false, None));
        let changed = judge(Err(NotKept::Changed), 1, 0, 1);
        assert!(matches!(changed, Verdict::Settle(GitRevoked::Unreadable, _)));
    }
}
