//! Renewing a credential: one renewal in flight over all nodes, and whoever else wants it waits and looks again.
//!
//! Owns who asks the host, and what its answer means for the row. On one node callers wait for one task; between nodes a
//! lease in the row decides, which outlives the whole outbound deadline. The task is nobody's: a caller who hangs up takes
//! nothing away, and one that dies leaves the next caller its place (FM-129). What is kept is decided by the credential's
//! generation (`git_refreshes` in the store), never by the lease. When a credential is due is `visiting`'s.

use super::NotKept;
use super::keeping::{Keeper, end_unkept, seal};
use super::place::{Place, sealed_at, text};
use crate::app::App;
use crate::githosts::{TOKENS_DEADLINE_MS, converse_for_tokens};
use crate::seal::{Scope, Unsealed};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use vestibule_githost::answers::Tokens;
use vestibule_githost::refusal::Why;
use vestibule_oauth::id::Id;
use vestibule_store::audit::Note;
use vestibule_store::git_authorizations::FoundGitAuthorization;
use vestibule_store::git_credentials::ChangeGitAuthorization;
use vestibule_store::git_refreshes::{ClaimGitRefresh, FailedGitRefresh, GitRefreshFailed, RefreshedGitCredential};
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
/// Pauses between tries at keeping what a host gave, in milliseconds: it is in no other place.
const KEEP_AGAIN_MS: [u64; 5] = [100, 400, 1_500, 4_000, 12_000];

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
        let (now, latest) = (app.clock.now(), app.clock.ticks() + LEASE_MS - TOKENS_DEADLINE_MS);
        match app.store.claim_git_refresh(&of.authorization, claim, now, now + LEASE_MS).await {
            Ok(ClaimGitRefresh::Claimed { in_doubt }) => return renew(app, of, (claim, latest), in_doubt).await,
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

/// Asks the host, and keeps what comes of it.
async fn renew(app: &App, of: &FoundGitAuthorization, (claim, latest): (Id, i64), in_doubt: bool) {
    let asked = ask(app, of, latest).await;
    let settled = match verdict(asked, in_doubt) {
        Verdict::Keep(tokens) => keep(app, of, *tokens).await,
        Verdict::Blame(trouble) => {
            let blamed = app.store.blame_git_authorization(&of.authorization, trouble, &note(app)).await;
            blamed.map(drop).map_err(NotKept::from)
        }
        Verdict::Fail { how, is_certain, wait } => {
            let failed = FailedGitRefresh { claim, how, is_certain, after: app.clock.now() + wait };
            let failed = app.store.fail_git_refresh(&of.authorization, &failed, &note(app)).await;
            failed.map(drop).map_err(NotKept::from)
        }
    };
    if let Err(why) = settled {
        tracing::warn!(authorization = %of.authorization.id, ?why, "what came of a renewal could not be kept");
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
        Why::Unreachable => away(true, AWAY_MS),
        Why::HostBroken { retry_after } => away(false, retry_after.unwrap_or(0).max(AWAY_MS)),
        Why::TooLarge => away(false, AWAY_MS),
        _ => Verdict::Fail { how: GitRefreshFailed::ClientRefused, is_certain: true, wait: CLIENT_REFUSED_MS },
    }
}

/// `latest` is when something may be sent at the latest, in the clock's ticks.
async fn ask(app: &App, of: &FoundGitAuthorization, latest: i64) -> Result<Tokens, NotKept> {
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
    if app.clock.ticks() > latest {
        // This process slept, and the lease may be another one's before the host has answered.
        return Err(NotKept::Ours("the lease was over before anything was sent".to_owned()));
    }
    let step = place.kind.refresh(&place.site, &application, &refresh);
    Ok(converse_for_tokens(&app.outbound, &app.clock, step).await?)
}

/// Keeps what the host gave, and tries so for a while: the former tokens may be dead already.
async fn keep(app: &App, of: &FoundGitAuthorization, tokens: Tokens) -> Result<(), NotKept> {
    let mut pauses = KEEP_AGAIN_MS.into_iter();
    loop {
        match keep_once(app, of, &tokens).await {
            Ok(ChangeGitAuthorization::Done) => return Ok(()),
            Ok(ChangeGitAuthorization::Changed) => return part(app, of, &tokens).await,
            Err(why) => match pauses.next() {
                Some(pause) => tokio::time::sleep(Duration::from_millis(pause)).await,
                None => return Err(why),
            },
        }
    }
}

async fn keep_once(app: &App, of: &FoundGitAuthorization, tokens: &Tokens) -> Result<ChangeGitAuthorization, NotKept> {
    let (id, project) = (of.authorization.id, of.authorization.project);
    let sealed = seal(app, project, id, (&tokens.access, tokens.refresh.as_ref())).await?;
    let new = RefreshedGitCredential {
        access: sealed.access,
        refresh: sealed.refresh,
        access_ends_at: tokens.access_ends_at,
        refresh_ends_at: tokens.refresh_ends_at,
        scopes: tokens.scopes.clone(),
    };
    Ok(app.store.keep_refreshed_git_credential(&of.authorization, &new, &note(app)).await?)
}

/// What becomes of tokens that came too late: the authorization is gone, or has another credential by now. They are ended at
/// the host, if it knows a way, and the trail says what came of it: whoever authorizes anew because a token was stolen must
/// be able to rely on that. Each kind ends one pair by itself, so that nobody else's is harmed (FM-130).
async fn part(app: &App, of: &FoundGitAuthorization, tokens: &Tokens) -> Result<(), NotKept> {
    let read = &of.authorization;
    let found = app.store.find_git_authorization(read.project, &read.name).await?;
    let (project, name) = (read.project, read.name.clone());
    if let Some(found) = found.filter(|found| found.authorization.id == read.id) {
        let at = sealed_at("git_authorizations", "access", read.id);
        let kept = app.seal.open_value(Scope::Project(project), &at, &found.tokens.access).await?;
        if text(&kept)?.expose() == tokens.access.expose() {
            return Ok(());
        }
    }
    let keeper = Keeper { person: read.created_by, project, name, in_place: true, note: note(app) };
    end_unkept(app, &keeper, read.host, &tokens.access, tokens.refresh.as_ref()).await;
    Ok(())
}

fn note(app: &App) -> Note {
    let at = app.clock.now();
    Note { id: app.dice.id(at), at, actor: "server".to_owned(), request_id: None }
}

/// The renewals that this node has under way.
#[derive(Default)]
pub struct Flights(Arc<Mutex<HashMap<Id, watch::Receiver<()>>>>);

/// Whether somebody is the first.
enum Boarding {
    First(Flight),
    Later(watch::Receiver<()>),
}

/// A renewal under way; it is over when this is dropped, by whatever way.
struct Flight {
    of: Id,
    flights: Arc<Mutex<HashMap<Id, watch::Receiver<()>>>>,
    over: watch::Sender<()>,
}

impl Flights {
    fn board(&self, of: Id) -> Boarding {
        let mut flights = lock(&self.0);
        if let Some(landing) = flights.get(&of) {
            return Boarding::Later(landing.clone());
        }
        let over = watch::Sender::new(());
        flights.insert(of, over.subscribe());
        Boarding::First(Flight { of, flights: self.0.clone(), over })
    }
}

impl Flight {
    fn landing(&self) -> watch::Receiver<()> {
        self.over.subscribe()
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Before those who wait are woken, which the sender's end does: whoever comes from now on begins anew.
        lock(&self.flights).remove(&self.of);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!((TOKENS_DEADLINE_MS, LEASE_MS), (20_000, 60_000));
        const { assert!(PATIENCE_MS > TOKENS_DEADLINE_MS && PATIENCE_MS < LEASE_MS) };
    }

    #[tokio::test]
    async fn fm_129_a_renewal_whose_task_dies_in_flight_leaves_its_place_to_the_next_10000_times() {
        let (flights, of) = (Flights::default(), Id::from_bytes([1; 16]));
        for n in 0..10_000_u32 {
            let Boarding::First(flight) = flights.board(of) else { panic!("round {n} is stuck") };
            let Boarding::Later(mut waits) = flights.board(of) else { panic!("round {n} has two flights") };
            let task = tokio::spawn(async move {
                let _flight = flight;
                std::future::pending::<()>().await;
            });
            if n % 2 == 0 {
                // Some die before they have begun.
                tokio::task::yield_now().await;
            }
            task.abort();
            assert!(waits.changed().await.is_err(), "round {n}: whoever waits is woken");
        }
        assert!(lock(&flights.0).is_empty());
    }
}
