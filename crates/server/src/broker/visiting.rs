//! A call to a Git host on behalf of a stored authorization: found by its name, renewed if it is due, the host asked.
//!
//! Owns what a token must be before it is used or handed out, and what the host's no means for the authorization: only a
//! definite no to its token makes it worse. How a credential is renewed is `refreshing`'s. Does not own what is asked, nor
//! the codes of our own wire.

mod refusal;

pub use refusal::VisitRefusal;

use super::keeping::TRIES;
use super::place::{Place, sealed_at, text};
use super::{NotKept, is_name, refreshing};
use crate::app::App;
use crate::githosts::converse;
use crate::seal::{Scope, Unsealed};
use crate::web::large::Turn;
use std::sync::Arc;
use std::time::Duration;
use vestibule_githost::errand::Step;
use vestibule_githost::host::GitHost;
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::secret::Secret;
use vestibule_githost::site::Visit;
use vestibule_oauth::id::Id;
use vestibule_store::audit::Note;
use vestibule_store::git_authorizations::{FoundGitAuthorization, GitAuthorization};
use vestibule_store::git_refreshes::GitRefreshFailed;
use vestibule_store::git_standing::{GitNext, GitTrouble};

/// The name of an authorization, as a caller gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationName(String);

impl AuthorizationName {
    /// The name; `None` for one that no authorization can have.
    pub fn parse(text: &str) -> Option<AuthorizationName> {
        is_name(text).then(|| AuthorizationName(text.to_owned()))
    }
}

/// An authorization whose token the host will take, as far as anybody knows.
pub struct Live {
    /// The authorization.
    pub authorization: GitAuthorization,
    /// Its token.
    pub token: Secret,
    /// How hosts of its kind are asked.
    pub kind: &'static dyn GitHost,
    /// Where it is asked, with the token.
    pub visit: Visit,
    /// Whether it was renewed for this caller.
    is_renewed: bool,
}

/// Asks the host behind the project's authorization of this name. A token that the host refuses is renewed and tried once more,
/// so `ask` may be called again.
pub async fn visit<T: Send + 'static>(
    app: &Arc<App>,
    project: Id,
    name: &AuthorizationName,
    ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T>,
) -> Result<T, VisitRefusal> {
    visit_since(app, app.clock.ticks(), project, name, ask).await
}

/// The same for a call that has waited for something else already: it came at `began`, in the clock's ticks.
pub async fn visit_since<T: Send + 'static>(
    app: &Arc<App>,
    began: i64,
    project: Id,
    name: &AuthorizationName,
    ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T>,
) -> Result<T, VisitRefusal> {
    let mut live = live(app, project, name, Purpose::Visit).await?;
    for _ in 0..MOST_TOKENS {
        patience(app, &live.authorization)?;
        let seat = app.visiting.take(project, SEAT_WAITS).await.ok_or_else(crowded)?;
        if app.clock.ticks() - began > LATEST_MS {
            let reason = "the call has waited for so long that there is no time left to ask the host".to_owned();
            return Err(VisitRefusal::Crowded { wait_s: COME_AGAIN_S, reason });
        }
        let refusal = match converse(&app.outbound, &app.clock, ask(live.kind, &live.visit)).await {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        drop(seat);
        if refusal.why != Why::TokenRefused {
            return Err(refused(app, &live.authorization, refusal));
        }
        live = another(app, project, name, &live).await?;
    }
    // Somebody gives it another credential each time that we look, and the host takes none of them.
    Err(broken("the host takes none of the tokens that it gave"))
}

/// The same for what may be large, in a turn of the project's: whoever answers holds it until the answer was read (FM-117).
pub async fn visit_large<T: Send + 'static>(
    app: &Arc<App>,
    project: Id,
    name: &AuthorizationName,
    ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T>,
) -> Result<(T, Turn), VisitRefusal> {
    let crowded = || {
        let reason = "several large answers of this project are on their way".to_owned();
        VisitRefusal::Crowded { wait_s: COME_AGAIN_S, reason }
    };
    let turn = app.large_answers.take(project, SEAT_WAITS).await.ok_or_else(crowded)?;
    Ok((visit(app, project, name, ask).await?, turn))
}

/// Conversations that one project may have with hosts at once: the turns at a host are everybody's.
pub const VISITS_AT_ONCE: usize = 8;

/// How long one more waits, and after how many seconds it may come again if that was in vain.
const SEAT_WAITS: Duration = Duration::from_secs(2);
const COME_AGAIN_S: u32 = 5;

/// When a conversation may begin at the latest, in milliseconds since the call came: it may last half a minute, and the caller's
/// connection is closed after a whole one. What is written must be heard of.
const LATEST_MS: i64 = 27_000;

fn crowded() -> VisitRefusal {
    let reason = "the project has as many calls under way to hosts as it may".to_owned();
    VisitRefusal::Crowded { wait_s: COME_AGAIN_S, reason }
}

fn broken(reason: &str) -> VisitRefusal {
    VisitRefusal::Host(Refusal::broken(reason))
}

/// Tokens that one visit tries: the one that was there, one that somebody else brought meanwhile, and a renewed one.
const MOST_TOKENS: usize = 3;

/// The project's authorization of this name with a token that leaves the house, if an administrator lets it.
pub async fn hand_out(app: &Arc<App>, project: Id, name: &AuthorizationName) -> Result<Live, VisitRefusal> {
    live(app, project, name, Purpose::HandOut).await
}

/// What a token is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Visit,
    HandOut,
}

/// With a minute of life at least, wherever it can be renewed.
async fn live(app: &Arc<App>, project: Id, name: &AuthorizationName, purpose: Purpose) -> Result<Live, VisitRefusal> {
    let found = find(app, project, name).await?;
    may_leave(&found, purpose)?;
    judge(&found.authorization, app.clock.now())?;
    if !is_due(&found.authorization, app.clock.now()) {
        return open(app, found, false).await;
    }
    // A renewal takes its time, and an administrator may have shut the door meanwhile.
    match renewed(app, project, name, &found).await {
        Ok(found) => {
            may_leave(&found, purpose)?;
            open(app, found, true).await
        }
        Err(why @ (VisitRefusal::RateLimited { .. } | VisitRefusal::Crowded { .. } | VisitRefusal::Host(_))) => {
            let found = find(app, project, name).await?;
            may_leave(&found, purpose)?;
            judge(&found.authorization, app.clock.now())?;
            // What is left of it is good as long as it lasts.
            if has_life(&found, app.clock.now()) { open(app, found, false).await } else { Err(why) }
        }
        Err(why) => Err(why),
    }
}

/// Refuses a token that would leave the house where no administrator lets it.
fn may_leave(found: &FoundGitAuthorization, purpose: Purpose) -> Result<(), VisitRefusal> {
    match purpose == Purpose::Visit || found.hands_out {
        true => Ok(()),
        false => Err(VisitRefusal::StaysHere),
    }
}

/// The life, in milliseconds, that a token must have to be used: a conversation may take half of it.
const LEAST_LIFE_MS: i64 = 60_000;

fn is_due(authorization: &GitAuthorization, now: i64) -> bool {
    let ends_soon = authorization.account.access_ends_at.is_some_and(|end| end < now + LEAST_LIFE_MS);
    ends_soon && is_renewable(authorization, now)
}

fn is_renewable(authorization: &GitAuthorization, now: i64) -> bool {
    authorization.known.is_renewable && authorization.account.refresh_ends_at.is_none_or(|end| end > now)
}

fn has_life(found: &FoundGitAuthorization, now: i64) -> bool {
    found.authorization.account.access_ends_at.is_none_or(|end| end > now)
}

async fn find(app: &App, project: Id, name: &AuthorizationName) -> Result<FoundGitAuthorization, VisitRefusal> {
    app.store.find_git_authorization(project, &name.0).await?.ok_or(VisitRefusal::Unknown)
}

/// The authorization with another credential than the one that was read: renewed by whomever.
async fn renewed(
    app: &Arc<App>,
    project: Id,
    name: &AuthorizationName,
    read: &FoundGitAuthorization,
) -> Result<FoundGitAuthorization, VisitRefusal> {
    let credential = |found: &FoundGitAuthorization| (found.authorization.id, found.authorization.generation);
    let (mut found, ends) = (read.clone(), app.clock.ticks() + LATEST_MS);
    for _ in 0..TRIES {
        if found.authorization.known.refresh.rests_until(app.clock.now()).is_some() || app.clock.ticks() > ends {
            break;
        }
        refreshing::refresh(app, &found).await;
        found = find(app, project, name).await?;
        judge(&found.authorization, app.clock.now())?;
        if credential(&found) != credential(read) {
            return Ok(found);
        }
        if found.authorization.known.refresh.held_until(app.clock.now()).is_some() {
            break;
        }
    }
    Err(unrenewed(&found.authorization, app.clock.now()))
}

/// Why there is no renewed token, and when to come again. None of it is the authorization's fault.
fn unrenewed(authorization: &GitAuthorization, now: i64) -> VisitRefusal {
    let refresh = &authorization.known.refresh;
    let wait = refresh.rests_until(now).map(|until| until - now);
    // Written down and not heard of: whoever renews it may be waiting for our own database.
    let unheard = refresh.failed.is_none() && wait.is_none() && refresh.doubt > 0;
    if let Some(until) = refresh.held_until(now).or(unheard.then_some(now + i64::from(COME_AGAIN_S) * 1000)) {
        let reason = "the token is being renewed, and nobody knows yet what came of it".to_owned();
        return VisitRefusal::Crowded { wait_s: seconds(until - now), reason };
    }
    let failed = refresh.failed.unwrap_or(GitRefreshFailed::Away);
    match failed {
        GitRefreshFailed::RateLimited => {
            VisitRefusal::RateLimited { wait_s: seconds(wait.unwrap_or(0)), reason: failed.reason().to_owned() }
        }
        GitRefreshFailed::Crowded => {
            VisitRefusal::Crowded { wait_s: seconds(wait.unwrap_or(0)), reason: failed.reason().to_owned() }
        }
        GitRefreshFailed::ClientRefused => VisitRefusal::Host(Refusal::new(Why::ClientRefused, failed.reason())),
        GitRefreshFailed::Away => {
            VisitRefusal::Host(Refusal::new(Why::HostBroken { retry_after: wait }, failed.reason()))
        }
    }
}

/// Whether it can be used, as far as we know; if not, why, and the way back.
fn judge(authorization: &GitAuthorization, now: i64) -> Result<(), VisitRefusal> {
    let standing = authorization.standing(now);
    let Some(reason) = standing.reason else { return Ok(()) };
    let way = match standing.next {
        GitNext::ServeAgain => "an administrator must let the host serve the project",
        _ => "authorize it again",
    };
    Err(VisitRefusal::Invalid(format!("{reason}; {way}")))
}

async fn open(app: &App, found: FoundGitAuthorization, is_renewed: bool) -> Result<Live, VisitRefusal> {
    let FoundGitAuthorization { authorization, tokens, host, .. } = found;
    let unknown = || VisitRefusal::Host(Refusal::new(Why::CannotDo, "this kind of host is not known here"));
    let place = Place::of(&host).ok_or_else(unknown)?;
    let at = sealed_at("git_authorizations", "access", authorization.id);
    let token = match app.seal.open_value(Scope::Project(authorization.project), &at, &tokens.access).await {
        Ok(opened) => text(&opened).map_err(ours)?,
        // The seal has named the row in the log and in the trail; people see it at the authorization (FM-128).
        Err(Unsealed::Changed { .. }) => return Err(blame(app, &authorization, GitTrouble::Unreadable).await?),
        Err(why) => return Err(VisitRefusal::Ours(why.to_string())),
    };
    let (kind, visit) = (place.kind, place.visit(&token));
    Ok(Live { authorization, token, kind, visit, is_renewed })
}

/// Another token after the host has refused this one: what somebody brought meanwhile, or a renewed one. Where there is
/// none to be had, the authorization is to blame.
async fn another(app: &Arc<App>, project: Id, name: &AuthorizationName, refused: &Live) -> Result<Live, VisitRefusal> {
    let found = find(app, project, name).await?;
    judge(&found.authorization, app.clock.now())?;
    let read = (refused.authorization.id, refused.authorization.generation);
    if (found.authorization.id, found.authorization.generation) != read {
        return open(app, found, refused.is_renewed).await;
    }
    if refused.is_renewed || !is_renewable(&found.authorization, app.clock.now()) {
        return Err(blame(app, &found.authorization, GitTrouble::TokenRefused).await?);
    }
    open(app, renewed(app, project, name, &found).await?, true).await
}

/// Says no without asking a host that has asked for patience.
fn patience(app: &App, authorization: &GitAuthorization) -> Result<(), VisitRefusal> {
    match app.patience.left(authorization, app.clock.ticks()) {
        Some((wait, reason)) => Err(VisitRefusal::RateLimited { wait_s: seconds(wait), reason }),
        None => Ok(()),
    }
}

/// What the host's no means for the caller; nothing of it is the authorization's fault.
fn refused(app: &App, authorization: &GitAuthorization, refusal: Refusal) -> VisitRefusal {
    match refusal.why {
        Why::RateLimited { retry_after } => {
            app.patience.learn(authorization, app.clock.ticks(), retry_after, &refusal.reason);
            VisitRefusal::RateLimited { wait_s: seconds(retry_after), reason: refusal.reason }
        }
        Why::Crowded { retry_after } => VisitRefusal::Crowded { wait_s: seconds(retry_after), reason: refusal.reason },
        _ => VisitRefusal::Host(refusal),
    }
}

/// Keeps what is wrong, unless it has another credential by now, and says so to the caller.
async fn blame(app: &App, authorization: &GitAuthorization, trouble: GitTrouble) -> Result<VisitRefusal, VisitRefusal> {
    let at = app.clock.now();
    let note = Note { id: app.dice.id(at), at, actor: "server".to_owned(), request_id: None };
    app.store.blame_git_authorization(authorization, trouble, &note).await?;
    Ok(VisitRefusal::Invalid(format!("{}; authorize it again", trouble.reason())))
}

/// Whole seconds, rounded up: whoever waits them has waited long enough.
fn seconds(ms: i64) -> u32 {
    u32::try_from(ms.max(0).saturating_add(999) / 1000).unwrap_or(u32::MAX)
}

fn ours(why: NotKept) -> VisitRefusal {
    match why {
        NotKept::Ours(cause) => VisitRefusal::Ours(cause),
        other => VisitRefusal::Ours(format!("{other:?}")),
    }
}
