//! A call to a Git host on behalf of a stored authorization: found by its name, its token opened, the host asked.
//!
//! Owns what a token must be before it is used or handed out, and what the host's no means for the authorization: only a
//! definite no to its token makes it worse. Does not own what is asked, nor the codes of our own wire.

use super::place::{Place, sealed_at, text};
use super::{NotKept, is_name};
use crate::app::App;
use crate::githosts::converse;
use crate::seal::{Scope, Unsealed};
use std::sync::Arc;
use vestibule_githost::errand::Step;
use vestibule_githost::host::GitHost;
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::secret::Secret;
use vestibule_githost::site::Visit;
use vestibule_oauth::id::Id;
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::git_authorizations::{FoundGitAuthorization, GitAuthorization};
use vestibule_store::git_standing::GitTrouble;

/// The name of an authorization, as a caller gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationName(String);

impl AuthorizationName {
    /// The name; `None` for one that no authorization can have.
    pub fn parse(text: &str) -> Option<AuthorizationName> {
        is_name(text).then(|| AuthorizationName(text.to_owned()))
    }
}

/// Why nothing came of a visit.
#[derive(Debug)]
pub enum VisitRefusal {
    /// The project has no authorization of this name.
    Unknown,
    /// The authorization is there and does not open the host: why, and the way back.
    Invalid(String),
    /// The tokens of this project are not handed out.
    StaysHere,
    /// The host has had enough of us for now; nothing was done, and nothing is wrong with the authorization.
    RateLimited {
        /// After how many seconds it is worth coming again.
        wait_s: u32,
        /// In whose words: the host's, or ours where it was not asked again.
        reason: String,
    },
    /// The host said no to what was asked, or did not answer.
    Host(Refusal),
    /// We failed; for the log.
    Ours(String),
}

impl From<StoreError> for VisitRefusal {
    fn from(error: StoreError) -> VisitRefusal {
        VisitRefusal::Ours(error.to_string())
    }
}

/// An authorization whose token the host will take, as far as anybody knows.
pub struct Live {
    /// The authorization.
    pub authorization: GitAuthorization,
    /// Its token.
    pub token: Secret,
    kind: &'static dyn GitHost,
    visit: Visit,
}

/// Asks the host behind the project's authorization of this name.
pub async fn visit<T: Send + 'static>(
    app: &Arc<App>,
    project: Id,
    name: &AuthorizationName,
    ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T>,
) -> Result<T, VisitRefusal> {
    let live = live(app, project, name, Purpose::Visit).await?;
    match converse(&app.outbound, &app.clock, ask(live.kind, &live.visit)).await {
        Ok(answer) => Ok(answer),
        Err(refusal) => Err(refused(app, &live, refusal).await),
    }
}

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

async fn live(app: &App, project: Id, name: &AuthorizationName, purpose: Purpose) -> Result<Live, VisitRefusal> {
    let found = app.store.find_git_authorization(project, &name.0).await?.ok_or(VisitRefusal::Unknown)?;
    if purpose == Purpose::HandOut && !found.hands_out {
        return Err(VisitRefusal::StaysHere);
    }
    judge(&found.authorization, app.clock.now())?;
    open(app, found).await
}

/// Whether there is a token that the host will take, as far as we know.
fn judge(authorization: &GitAuthorization, now: i64) -> Result<(), VisitRefusal> {
    let reason = match authorization.account.access_ends_at {
        Some(end) if end <= now => Some("the token has ended"),
        _ => None,
    };
    match authorization.standing(now).reason.or(reason) {
        Some(reason) => Err(VisitRefusal::Invalid(reason.to_owned())),
        None => Ok(()),
    }
}

async fn open(app: &App, found: FoundGitAuthorization) -> Result<Live, VisitRefusal> {
    let FoundGitAuthorization { authorization, tokens, host, .. } = found;
    let place = Place::of(&host)
        .ok_or_else(|| VisitRefusal::Host(Refusal::new(Why::CannotDo, "this kind of host is not known here")))?;
    let at = sealed_at("git_authorizations", "access", authorization.id);
    let token = match app.seal.open_value(Scope::Project(authorization.project), &at, &tokens.access).await {
        Ok(opened) => text(&opened).map_err(ours)?,
        Err(Unsealed::Changed { .. }) => {
            // The seal has named the row in the log and in the trail; people see it at the authorization (FM-128).
            blame(app, &authorization, GitTrouble::Unreadable).await?;
            return Err(VisitRefusal::Invalid("the sealed token was changed in the database".to_owned()));
        }
        Err(why) => return Err(VisitRefusal::Ours(why.to_string())),
    };
    let (kind, visit) = (place.kind, place.visit(&token));
    Ok(Live { authorization, token, kind, visit })
}

/// What the host's no means for the caller, and for the authorization.
async fn refused(app: &App, live: &Live, refusal: Refusal) -> VisitRefusal {
    match refusal.why {
        Why::TokenRefused => match blame(app, &live.authorization, GitTrouble::TokenRefused).await {
            Ok(()) => VisitRefusal::Invalid("the host no longer takes the token".to_owned()),
            Err(why) => why,
        },
        Why::RateLimited { retry_after } => {
            VisitRefusal::RateLimited { wait_s: seconds(retry_after), reason: refusal.reason }
        }
        _ => VisitRefusal::Host(refusal),
    }
}

async fn blame(app: &App, authorization: &GitAuthorization, trouble: GitTrouble) -> Result<(), VisitRefusal> {
    let at = app.clock.now();
    let note = Note { id: app.dice.id(at), at, actor: "server".to_owned(), request_id: None };
    app.store.blame_git_authorization(authorization, trouble, &note).await?;
    Ok(())
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
