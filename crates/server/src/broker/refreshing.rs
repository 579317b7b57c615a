//! Renewing a credential: one renewal in flight over all nodes, and whoever else wants it waits and looks again.
//!
//! Owns who asks the host, and what its answer means for the row. On one node callers wait for one task (`flights`); between
//! nodes a lease in the row decides, which outlives the whole outbound deadline. The task is nobody's: a caller who hangs up
//! takes nothing away, and one that dies leaves the next caller its place (FM-129). What is kept is decided by the
//! credential's generation (`git_refreshes` in the store), never by the lease. When a credential is due is `visiting`'s.

mod flights;
mod holding;

pub use flights::Flights;
pub use holding::Holding;

use super::NotKept;
use super::place::{Place, sealed_at, text};
use crate::app::App;
use crate::clock::Until;
use crate::githosts::{TOKENS_DEADLINE_MS, converse_for_tokens};
use crate::seal::{Scope, Unsealed};
use flights::Boarding;
use std::sync::Arc;
use std::time::Duration;
use vestibule_githost::answers::Tokens;
use vestibule_githost::refusal::Why;
use vestibule_oauth::id::Id;
use vestibule_store::audit::Note;
use vestibule_store::git_authorizations::FoundGitAuthorization;
use vestibule_store::git_credentials::ChangeGitAuthorization;
use vestibule_store::git_refreshes::{ClaimGitRefresh, FailedGitRefresh, GitRefreshFailed};
use vestibule_store::git_standing::GitTrouble;

/// How long a lease holds: longer than the outbound deadline of 20 seconds and all around it, on clocks that disagree.
const LEASE_MS: i64 = 60_000;
/// How long somebody waits for a renewal: as long as one may take, and a little for the row.
const PATIENCE_MS: i64 = 25_000;
/// How long a host that did not answer is left alone, in milliseconds: callers who come meanwhile are told so at once.
const AWAY_MS: i64 = 2_000;
/// The same for one that does not take our application, which only an administrator mends.
const CLIENT_REFUSED_MS: i64 = 10_000;
/// Pauses between looks at a row that another node renews, in milliseconds.
const SHORTEST_LOOK_MS: u64 = 50;
const LONGEST_LOOK_MS: u64 = 400;
/// How long before its lease ends its holder is done with the host: the clocks of nodes disagree, and the next holder goes by
/// its own.
const MARGIN_MS: i64 = 5_000;
/// How long after its claim a renewal may be sent, so that it is answered, or given up, before that.
const SENT_WITHIN_MS: i64 = LEASE_MS - MARGIN_MS - TOKENS_DEADLINE_MS;

/// Has the credential renewed that was read, by whomever, and comes back when that is done or has failed, or takes too long:
/// the row says which.
pub async fn refresh(app: &Arc<App>, of: &FoundGitAuthorization) {
    let mut landing = match app.flights.board(of.authorization.id) {
        Boarding::Later(landing) => landing,
        Boarding::First(flight) => {
            let landing = flight.landing();
            let (here, of) = (app.clone(), of.clone());
            // Waited for by nobody: it ends by itself, and its flight with it.
            drop(app.under_way.spawn(async move {
                let _flight = flight;
                lead(&here, &of).await;
            }));
            landing
        }
    };
    let patience = Duration::from_millis(PATIENCE_MS.unsigned_abs());
    // An error says that the flight is over.
    let _ = tokio::time::timeout(patience, landing.changed()).await;
}

/// Renews it, or waits until another node has.
async fn lead(app: &App, of: &FoundGitAuthorization) {
    let (claim, ends) = (app.dice.id(app.clock.now()), app.clock.ticks() + PATIENCE_MS);
    let mut pause = SHORTEST_LOOK_MS;
    loop {
        // Before the lease begins: it ends later, if at all.
        let until = app.clock.until(SENT_WITHIN_MS);
        let now = app.clock.now();
        match app.store.claim_git_refresh(&of.authorization, claim, now, now + LEASE_MS).await {
            Ok(ClaimGitRefresh::Claimed { in_doubt }) => match renew(app, of, (claim, until), in_doubt).await {
                Renewal::Settled => return,
                // Somebody else has it by now, and is waited for like any other.
                Renewal::Lost => {}
            },
            Ok(ClaimGitRefresh::NotClaimed) => {}
            Err(error) => return tracing::warn!(%error, "a renewal could not be written down, and was not begun"),
        }
        loop {
            if !is_held(app, of).await {
                break;
            }
            if app.clock.ticks() >= ends {
                return;
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            pause = (pause * 2).min(LONGEST_LOOK_MS);
        }
        if !may_be_claimed(app, of).await || app.clock.ticks() >= ends {
            return;
        }
        // Whatever the claim was refused for, it is not asked for again at once.
        tokio::time::sleep(Duration::from_millis(pause)).await;
        pause = (pause * 2).min(LONGEST_LOOK_MS);
    }
}

async fn is_held(app: &App, of: &FoundGitAuthorization) -> bool {
    let now = app.clock.now();
    look(app, of).await.is_some_and(|found| found.authorization.known.refresh.held_until(now).is_some())
}

async fn may_be_claimed(app: &App, of: &FoundGitAuthorization) -> bool {
    let now = app.clock.now();
    look(app, of).await.is_some_and(|found| found.authorization.known.refresh.rests_until(now).is_none())
}

/// The authorization, if it still has the credential that was read, nothing is known to be wrong with it, and its host serves
/// the project.
async fn look(app: &App, of: &FoundGitAuthorization) -> Option<FoundGitAuthorization> {
    let read = &of.authorization;
    let found = app.store.find_git_authorization(read.project, &read.name).await;
    let found = found.inspect_err(|error| tracing::warn!(%error, "a renewal could not be looked for")).ok()??;
    let is_same = (found.authorization.id, found.authorization.generation) == (read.id, read.generation);
    let known = &found.authorization.known;
    (is_same && known.trouble.is_none() && known.is_served && known.host_off_since.is_none()).then_some(found)
}

/// Whether what came of a renewal was its holder's to say.
enum Renewal {
    Settled,
    Lost,
}

/// Asks the host, and keeps what comes of it.
async fn renew(app: &App, of: &FoundGitAuthorization, (claim, until): (Id, Until), in_doubt: bool) -> Renewal {
    let asked = ask(app, of, until).await;
    let settled = match verdict(asked, in_doubt) {
        Verdict::Keep(tokens) => app.holding.keep(app, of, *tokens).await.map(|()| ChangeGitAuthorization::Done),
        Verdict::Blame(trouble) => {
            let blamed = app.store.blame_after_git_refresh(&of.authorization, claim, trouble, &note(app)).await;
            blamed.map_err(NotKept::from)
        }
        Verdict::Fail { how, is_certain, wait } => {
            let failed = FailedGitRefresh { claim, how, is_certain, after: app.clock.now() + wait };
            let failed = app.store.fail_git_refresh(&of.authorization, &failed, &note(app)).await;
            failed.map_err(NotKept::from)
        }
    };
    match settled {
        Ok(ChangeGitAuthorization::Done) => Renewal::Settled,
        Ok(ChangeGitAuthorization::Changed) => Renewal::Lost,
        Err(why) => {
            tracing::warn!(authorization = %of.authorization.id, ?why, "what came of a renewal could not be kept");
            Renewal::Settled
        }
    }
}

/// What a host's answer means for the row.
#[derive(Debug)]
enum Verdict {
    Keep(Box<Tokens>),
    Blame(GitTrouble),
    Fail { how: GitRefreshFailed, is_certain: bool, wait: i64 },
}

/// Only a definite word on the credential makes its status worse.
fn verdict(asked: Result<Tokens, NotKept>, in_doubt: bool) -> Verdict {
    let why = match asked {
        Ok(tokens) => return Verdict::Keep(Box::new(tokens)),
        Err(NotKept::Host(why)) => why,
        Err(NotKept::Changed) => return Verdict::Blame(GitTrouble::Unreadable),
        Err(NotKept::NoApplication) => Why::ClientRefused,
        Err(why) => {
            tracing::warn!(?why, "a renewal failed before anything was sent");
            Why::Unreachable
        }
    };
    let away = |is_certain, wait: i64| Verdict::Fail { how: GitRefreshFailed::Away, is_certain, wait };
    match why {
        // The former renewal may have been done, and what it gave was lost: its word is about that, too.
        Why::GrantRefused if in_doubt => Verdict::Blame(GitTrouble::RefreshLost),
        Why::GrantRefused => Verdict::Blame(GitTrouble::RefreshRefused),
        Why::RateLimited { retry_after } => {
            Verdict::Fail { how: GitRefreshFailed::RateLimited, is_certain: true, wait: retry_after }
        }
        Why::Crowded { retry_after } => {
            Verdict::Fail { how: GitRefreshFailed::Crowded, is_certain: true, wait: retry_after }
        }
        Why::Unreachable => away(true, AWAY_MS),
        Why::HostBroken { retry_after } => away(false, retry_after.unwrap_or(0).max(AWAY_MS)),
        Why::TooLarge => away(false, AWAY_MS),
        _ => Verdict::Fail { how: GitRefreshFailed::ClientRefused, is_certain: true, wait: CLIENT_REFUSED_MS },
    }
}

/// Nothing is sent after `until`.
async fn ask(app: &App, of: &FoundGitAuthorization, until: Until) -> Result<Tokens, NotKept> {
    let (row, project) = (of.authorization.id, of.authorization.project);
    let sealed = of.tokens.refresh.as_ref().ok_or(NotKept::Changed)?;
    let at = sealed_at("git_authorizations", "refresh", row);
    let refresh = match app.seal.open_value(Scope::Project(project), &at, sealed).await {
        Ok(opened) => text(&opened)?,
        Err(Unsealed::Changed { .. }) => return Err(NotKept::Changed),
        Err(why) => return Err(why.into()),
    };
    let place = Place::asked(&of.host)?;
    let application = place.application(app).await?;
    if until.is_over() {
        // This process slept, and the lease may be another one's before the host has answered.
        return Err(NotKept::Ours("the lease was over before anything was sent".to_owned()));
    }
    let step = place.kind.refresh(&place.site, &application, &refresh);
    Ok(converse_for_tokens(&app.outbound, &app.clock, until, step).await?)
}

fn note(app: &App) -> Note {
    let at = app.clock.now();
    Note { id: app.dice.id(at), at, actor: "server".to_owned(), request_id: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_githost::secret::Secret;

    #[test]
    fn fm_130_only_a_definite_word_on_the_credential_makes_it_worse() {
        let judged = |why: Why, in_doubt| verdict(Err(NotKept::Host(why)), in_doubt);
        let broken = |retry_after| Why::HostBroken { retry_after };
        assert!(matches!(judged(Why::GrantRefused, false), Verdict::Blame(GitTrouble::RefreshRefused)));
        assert!(matches!(judged(Why::GrantRefused, true), Verdict::Blame(GitTrouble::RefreshLost)));
        for (why, how, certain, waits) in [
            (Why::RateLimited { retry_after: 9_000 }, GitRefreshFailed::RateLimited, true, 9_000),
            (Why::Crowded { retry_after: 5_000 }, GitRefreshFailed::Crowded, true, 5_000),
            (Why::Unreachable, GitRefreshFailed::Away, true, AWAY_MS),
            (broken(None), GitRefreshFailed::Away, false, AWAY_MS),
            (broken(Some(7_000)), GitRefreshFailed::Away, false, 7_000),
            (Why::TooLarge, GitRefreshFailed::Away, false, AWAY_MS),
            (Why::ClientRefused, GitRefreshFailed::ClientRefused, true, CLIENT_REFUSED_MS),
            (Why::Forbidden, GitRefreshFailed::ClientRefused, true, CLIENT_REFUSED_MS),
        ] {
            for in_doubt in [false, true] {
                let got = judged(why.clone(), in_doubt);
                let Verdict::Fail { how: told, is_certain, wait } = got else { panic!("{why:?}: {got:?}") };
                assert_eq!((told, is_certain, wait), (how, certain, waits), "{why:?}");
            }
        }
        let ours = verdict(Err(NotKept::Ours("no key".to_owned())), true);
        assert!(matches!(ours, Verdict::Fail { how: GitRefreshFailed::Away, is_certain: true, .. }));
        assert!(matches!(verdict(Err(NotKept::Changed), false), Verdict::Blame(GitTrouble::Unreadable)));
        let tokens = Tokens {
            access: Secret::new("t"),
            refresh: None,
            access_ends_at: None,
            refresh_ends_at: None,
            scopes: None,
        };
        assert!(matches!(verdict(Ok(tokens), true), Verdict::Keep(_)));
    }

    #[test]
    fn the_lease_outlives_the_deadline_and_whoever_waits_for_it() {
        assert_eq!(
            (TOKENS_DEADLINE_MS, LEASE_MS, LEASE_MS - SENT_WITHIN_MS - TOKENS_DEADLINE_MS),
            (20_000, 60_000, 5_000)
        );
        const { assert!(PATIENCE_MS > TOKENS_DEADLINE_MS && PATIENCE_MS < LEASE_MS) };
    }
}
