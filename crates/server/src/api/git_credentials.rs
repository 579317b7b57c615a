//! `POST /v1/{project_id}/git/credentials`: the live token of a stored authorization, for programs that speak to the Git
//! host themselves; and `…/refused`, by which they tell that the host did not take it. Additions of our own beside the
//! documented calls.
//!
//! Owns the calls; which authorization is meant is `choosing`'s. The hand-out is the one way by which a host's token leaves
//! the house, so it is shut until an administrator opens it for the project, asks for an editor and for the scope of the
//! store itself, and stands in the trail before the first token does (FM-127).

mod choosing;

use crate::app::App;
use crate::broker::place::sealed_at;
use crate::broker::visiting::{self, AuthorizationName, Live};
use crate::seal::Scope;
use crate::web::answer;
use crate::web::form::Received;
use crate::web::project_caller::{By, Needs, ProjectCaller};
use crate::web::segments::Segments;
use crate::web::servicestage::{Code, Refusal, respond};
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use choosing::Asked;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use vestibule_githost::errand::Step;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::strict_object;
use vestibule_oauth::secret::Digest;
use vestibule_store::audit::{Event, Note};
use vestibule_store::git_authorizations::GitAuthorization;
use vestibule_store::projects::Role;

/// Where it is served.
pub const PATH: &str = "/v1/{project_id}/git/credentials";
/// Where refused tokens are told of.
pub const REFUSED: &str = "/v1/{project_id}/git/credentials/refused";

const NEEDS: Needs = Needs { role: Role::Editor, scopes: &[super::git_auths::SCOPE] };

/// Hands out the token.
pub async fn hand_out(State(app): State<Arc<App>>, received: Received) -> Response {
    respond(credential(&app, &received).await, &received.request_id)
}

async fn credential(app: &Arc<App>, received: &Received) -> Result<Response, Refusal> {
    let segments = Segments::read(&received.path).ok_or_else(|| Refusal::new(Code::NoSuchApi))?;
    let caller = ProjectCaller::of(app, received, segments.at(1), NEEDS).await?;
    let asked = Asked::read(&body(received)?)?;
    let live = visiting::hand_out(app, caller.project, &find(app, caller.project, &asked).await?).await?;
    // The name may have become another host's between the two reads.
    if !asked.fits(&live.authorization.web) {
        return Err(choosing::elsewhere());
    }
    app.handed_out.tell(app, &live.authorization, &caller).await?;
    Ok(answer::json(200, spell(&live)))
}

/// Hears that a host refused a token. Nothing is believed: the host itself is asked whether it still takes what we have, and
/// only its own word counts (one refresh where it says no, as at every visit).
pub async fn refused(State(app): State<Arc<App>>, received: Received) -> Response {
    respond(doubt(&app, &received).await, &received.request_id)
}

async fn doubt(app: &Arc<App>, received: &Received) -> Result<Response, Refusal> {
    let segments = Segments::read(&received.path).ok_or_else(|| Refusal::new(Code::NoSuchApi))?;
    let caller = ProjectCaller::of(app, received, segments.at(1), NEEDS).await?;
    let body = body(received)?;
    let asked = Asked::read(&body)?;
    let told = body.get("digest").and_then(|told| URL_SAFE_NO_PAD.decode(told.as_str()?).ok());
    let told = told.and_then(|told| Digest::from_slice(&told)).ok_or_else(choosing::wrong_digest)?;
    let Some(name) = holder(app, caller.project, &asked, &told).await? else {
        return Ok(super::git_auths::no_content());
    };
    visiting::visit(app, caller.project, &name, move |kind, visit| {
        match Digest::of(visit.token.expose().as_bytes()).matches(&told) {
            true => kind.who(visit).then(|_| Step::Done(Ok(()))),
            // Another one was refused, which we have no more.
            false => Step::Done(Ok(())),
        }
    })
    .await?;
    Ok(super::git_auths::no_content())
}

fn body(received: &Received) -> Result<Map<String, Value>, Refusal> {
    strict_object(&received.body, 4).ok_or_else(choosing::wrong_body)
}

/// The name of the authorization that is meant.
async fn find(app: &App, project: Id, asked: &Asked) -> Result<AuthorizationName, Refusal> {
    let row = match &asked.name {
        // Whoever does not say where it goes is asked nothing else, and the hand-out reads the row once.
        Some(name) if asked.to.is_none() => {
            return AuthorizationName::parse(name).ok_or_else(|| Refusal::new(Code::NoAuthorization));
        }
        Some(name) => {
            let found = app.store.find_git_authorization(project, name).await?;
            found.ok_or_else(|| Refusal::new(Code::NoAuthorization))?.authorization
        }
        None => asked.choose(fitting(app, project, asked).await?, app.clock.now())?,
    };
    let hosts = app.store.git_hosts_of(project).await?;
    match asked.fits_best(&row.web, hosts.iter().map(|host| host.web.as_str())) {
        true => name_of(&row),
        false => Err(choosing::elsewhere()),
    }
}

fn name_of(row: &GitAuthorization) -> Result<AuthorizationName, Refusal> {
    AuthorizationName::parse(&row.name).ok_or_else(|| Refusal::new(Code::NoAuthorization))
}

/// The project's authorizations that are good for where the program goes.
async fn fitting(app: &App, project: Id, asked: &Asked) -> Result<Vec<GitAuthorization>, Refusal> {
    let (mut rows, hosts) = (app.store.list_git_authorizations(project).await?, app.store.git_hosts_of(project).await?);
    rows.retain(|row| asked.fits_best(&row.web, hosts.iter().map(|host| host.web.as_str())));
    Ok(rows)
}

/// The authorization whose token has this digest. What chose it when it was handed out may not be known any more: git says the
/// user name that it was answered, and not the one that stood in the address.
async fn holder(app: &App, project: Id, asked: &Asked, told: &Digest) -> Result<Option<AuthorizationName>, Refusal> {
    if asked.name.is_some() {
        return find(app, project, asked).await.map(Some);
    }
    for row in fitting(app, project, asked).await?.into_iter().take(MOST_OPENED) {
        let Some(found) = app.store.find_git_authorization(project, &row.name).await? else { continue };
        let place = sealed_at("git_authorizations", "access", found.authorization.id);
        let opened = app.seal.open_value(Scope::Project(project), &place, &found.tokens.access).await;
        // One that cannot be opened is not the one: it was never handed out.
        if opened.is_ok_and(|token| Digest::of(&token).matches(told)) {
            return name_of(&row).map(Some);
        }
    }
    Ok(None)
}

/// The most tokens that are looked at for one that was refused.
const MOST_OPENED: usize = 1000;

/// A credential as it is answered.
#[derive(Serialize)]
struct Credential<'a> {
    authorization: &'a str,
    username: &'a str,
    password: &'a str,
    expires_at: Option<i64>,
    repo_type: &'a str,
    repo_host: &'a str,
    repo_web: &'a str,
    scopes: Option<&'a [String]>,
}

fn spell(live: &Live) -> String {
    let GitAuthorization { name, kind, web, account, .. } = &live.authorization;
    let credential = Credential {
        authorization: name,
        username: live.kind.habits().git_user.unwrap_or(&account.login),
        password: live.token.expose(),
        expires_at: account.access_ends_at,
        repo_type: kind,
        repo_host: live.visit.site.api().as_str(),
        repo_web: web,
        scopes: account.scopes.as_deref(),
    };
    // Nothing in it has a key that is no text.
    serde_json::to_string(&credential).unwrap_or_default()
}

/// What stands in the trail already: one row for each credential, caller and hour, and not one for each token.
#[derive(Default)]
pub struct HandedOut(Mutex<HashSet<Told>>);

/// Which credential, by its authorization and its generation; to whom, with what in hand, and in which hour since 1970.
type Told = (Id, i64, i64, Hand, i64);

/// A project token or an application, or an access key.
#[derive(PartialEq, Eq, Hash)]
enum Hand {
    Row(Id),
    Key(String),
}

impl Hand {
    fn of(by: &By) -> Hand {
        match by {
            By::Token(id) | By::Bearer { application: id, .. } => Hand::Row(*id),
            By::AccessKey(name) => Hand::Key(name.clone()),
        }
    }
}

/// Rows that are remembered; beyond that, all are forgotten and kept again, which leaves the trail as it is.
const REMEMBERED: usize = 4096;
const HOUR_MS: i64 = 3_600_000;

impl HandedOut {
    /// Keeps the row, unless it is known to be there. Its id is made of what it tells, so that of several nodes' one stays.
    async fn tell(&self, app: &App, authorization: &GitAuthorization, caller: &ProjectCaller) -> Result<(), Refusal> {
        let GitAuthorization { id, project, name, generation, .. } = authorization;
        let now = app.clock.now();
        let told = (*id, *generation, caller.number, Hand::of(&caller.by), now / HOUR_MS);
        if self.lock().contains(&told) {
            return Ok(());
        }
        let note = caller.note(app, now);
        let what = format!("hand out {id} {generation} {} {}", note.actor, now / HOUR_MS);
        let row = Id::from_slice(&Digest::of(what.as_bytes()).as_bytes()[..16]).unwrap_or(note.id);
        let target = format!("git_authorization:{id}");
        let details = format!("project:{project}, {name}: once an hour for each caller");
        let event = Event { action: "git_authorization.hand_out", target, outcome: "done", details };
        app.store.keep_event(&Note { id: row, ..note }, event).await?;
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(told);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Told>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
