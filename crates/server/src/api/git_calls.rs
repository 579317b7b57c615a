//! Calls that act at a Git host through a stored authorization: what the seventeen of `git_repos` and `git_files` share.
//!
//! Owns who may make one, the authorization that the header `X-Repo-Auth` names, the names in the path, the trail of those
//! that change something, and the form of its answer. The code of each refusal is `git_visits`'s. Which host is asked, with which token, is
//! `broker::visiting`'s; what is asked is `vestibule-githost`'s.

mod body;
mod query;

pub use super::git_visits::of_host;
pub use body::Members;
pub use query::Query;

use crate::app::App;
use crate::broker::visiting::{AuthorizationName, VisitRefusal, visit, visit_large, visit_since};
use crate::web::answer;
use crate::web::form::Received;
use crate::web::large::{Turn, holding};
use crate::web::project_caller::{Needs, ProjectCaller};
use crate::web::segments::Segments;
use crate::web::servicestage::{Code, Refusal};
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use vestibule_githost::answers::Listing;
use vestibule_githost::errand::Step;
use vestibule_githost::host::{GitHost, Place};
use vestibule_githost::names::{Namespace, Project, Ref};
use vestibule_githost::site::Visit;
use vestibule_store::audit::{Event, Note};
use vestibule_store::projects::Role;

/// The scopes that an access token needs: for repositories and their files, and for webhooks. What namespaces there are is
/// opened by the scope for groups alone, too, as at Gitee, whose name it is.
const REPOSITORIES: &[&str] = &["projects"];
const HOOKS: &[&str] = &["hook"];
const SPACES: &[&str] = &["projects", "groups"];

/// What the calls ask of their caller.
pub const READ: Needs = Needs { role: Role::Viewer, scopes: REPOSITORIES };
pub const READ_SPACES: Needs = Needs { role: Role::Viewer, scopes: SPACES };
pub const CHANGE: Needs = Needs { role: Role::Editor, scopes: REPOSITORIES };
pub const READ_HOOKS: Needs = Needs { role: Role::Viewer, scopes: HOOKS };
pub const CHANGE_HOOKS: Needs = Needs { role: Role::Editor, scopes: HOOKS };

/// A call on its way: who makes it, through which authorization, and the path's segments.
pub struct GitCall<'a> {
    app: &'a Arc<App>,
    received: &'a Received,
    caller: ProjectCaller,
    segments: Segments,
    through: AuthorizationName,
    /// The authorization's name, for the trail.
    named: &'a str,
}

impl<'a> GitCall<'a> {
    /// Begins a call: its caller, and the authorization that it acts through.
    pub async fn begin(app: &'a Arc<App>, received: &'a Received, needs: Needs) -> Result<GitCall<'a>, Refusal> {
        let segments = Segments::read(&received.path).ok_or_else(|| Refusal::new(Code::NoSuchApi))?;
        let caller = ProjectCaller::of(app, received, segments.at(1), needs).await?;
        let named = received.header(AUTHORIZATION).map(str::trim).unwrap_or_default();
        if named.is_empty() {
            return Err(Refusal::saying(Code::NoAuthorization, "name one in the header X-Repo-Auth, once"));
        }
        let through = AuthorizationName::parse(named).ok_or_else(|| Refusal::new(Code::NoAuthorization))?;
        Ok(GitCall { app, received, caller, segments, through, named })
    }

    /// The segment at this place of the path, decoded.
    pub fn segment(&self, place: usize) -> &str {
        self.segments.at(place)
    }

    /// The path as it came.
    pub fn path(&self) -> &str {
        &self.received.path
    }

    /// The namespace that the path names.
    pub fn namespace(&self) -> Result<Namespace, Refusal> {
        Namespace::parse(self.segment(NAMESPACE)).map_err(of_host)
    }

    /// The repository that the path names.
    pub fn place(&self) -> Result<Place, Refusal> {
        let project = Project::parse(self.segment(PROJECT)).map_err(of_host)?;
        Ok(Place { namespace: self.namespace()?, project })
    }

    /// The query's parameters.
    pub fn query(&self) -> Result<Query, Refusal> {
        Query::read(self.received.query.as_deref())
    }

    /// Asks the host.
    pub async fn ask<T: Send + 'static>(
        &self,
        ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T>,
    ) -> Result<T, Refusal> {
        visit(self.app, self.caller.project, &self.through, ask).await.map_err(Refusal::from)
    }

    /// Asks the host for what may be large: a few at a time for a project, until whoever asked has read the answer.
    pub async fn ask_large<T: Send + 'static>(
        &self,
        ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T>,
    ) -> Result<(T, Turn), Refusal> {
        visit_large(self.app, self.caller.project, &self.through, ask).await.map_err(Refusal::from)
    }

    /// Asks the host to change something. The trail says so before and after: at the host all that is to be seen is the
    /// account of the authorization, and not who acted through it. It is finished though its caller hangs up, because a
    /// change may have several steps.
    pub async fn change<T: Send + 'static>(
        &self,
        what: String,
        ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T> + Send + Sync + 'static,
    ) -> Result<T, Refusal> {
        self.change_alone(None, what, ask).await
    }

    /// The same where a host would do twice what it is asked for twice, and what is there already is looked for first: one
    /// after the other for each `thing`, through the project's authorizations at one host. Whoever asks again while the first
    /// is under way would look too early.
    pub async fn change_alone<T: Send + 'static>(
        &self,
        thing: Option<String>,
        what: String,
        ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T> + Send + Sync + 'static,
    ) -> Result<T, Refusal> {
        let (project, began) = (self.caller.project, self.app.clock.ticks());
        let found = self.app.store.find_git_authorization(project, self.named).await?;
        let host = found.ok_or_else(|| Refusal::new(Code::NoAuthorization))?.authorization.host;
        let alone = match thing {
            Some(thing) => Some(self.app.making.take((project, host, thing), TURN_WAITS).await.ok_or_else(|| {
                let sentence = "another call of the project's that makes such a thing is under way";
                Refusal::saying(Code::Crowded, sentence).waiting(CROWDED_S)
            })?),
            None => None,
        };
        let tell = |outcome| Event {
            action: "git_repository.change",
            target: format!("project:{project}"),
            outcome,
            details: format!("through {}: {what}", self.named),
        };
        let note = self.caller.note(self.app, self.app.clock.now());
        self.app.store.keep_event(&note, tell("asked")).await?;
        let (app, through) = (self.app.clone(), self.through.clone());
        let [done, refused, unknown] = ["done", "refused", "unknown"].map(tell);
        let work = self.app.under_way.spawn(async move {
            // Not its caller's: whoever hangs up leaves it to the work.
            let _alone = alone;
            let outcome = visit_since(&app, began, project, &through, ask).await;
            let came_of_it = match &outcome {
                Ok(_) => done,
                Err(VisitRefusal::Host(refusal)) if !refusal.is_definite() => unknown,
                Err(_) => refused,
            };
            let at = app.clock.now();
            if let Err(error) = app.store.keep_event(&Note { id: app.dice.id(at), at, ..note }, came_of_it).await {
                // That it was asked stands there. What the host did is not undone by saying that we failed.
                tracing::warn!(%error, "what came of a change at a Git host could not be written down");
            }
            outcome
        });
        let died = |_| Refusal::because("the task that asks a Git host has died");
        work.await.map_err(died)?.map_err(Refusal::from)
    }
}

/// A branch, tag or commit by its name; a colon stands for a slash here too, which no such name can have.
pub fn reference(text: &str) -> Result<Ref, Refusal> {
    Ref::parse(&text.replace(':', "/")).map_err(of_host)
}

/// The answer with this body.
pub fn answer(body: &impl Serialize) -> Response {
    // Texts and lists of them are spelled without fail; should one ever not be, an empty body says so to everybody.
    answer::json(200, serde_json::to_string(body).unwrap_or_default())
}

/// The answer with a list; one that is not whole says so beside it, where a client of the documented forms sees nothing
/// that it does not know.
pub fn answer_list<T, U: Serialize>(listing: Listing<T>, body: impl FnOnce(Vec<T>) -> U) -> Response {
    let mut response = answer(&body(listing.items));
    if listing.is_cut {
        response.headers_mut().insert(TRUNCATED, HeaderValue::from_static("true"));
    }
    response
}

/// The same answer, whose turn is over when its reader has it.
pub fn answer_large((response, turn): (Response, Turn)) -> Response {
    holding(response, turn)
}

/// What is read of a body, away from where others wait: megabytes of JSON and base64 take their time.
pub async fn read_aside<T: Send + 'static>(
    body: Bytes,
    read: impl FnOnce(&[u8]) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    if body.len() <= AT_ONCE_BYTES {
        return read(&body);
    }
    let died = |_| Refusal::because("the task that reads a body has died");
    tokio::task::spawn_blocking(move || read(&body)).await.map_err(died)?
}

/// The answer without a body.
pub fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = axum::http::StatusCode::NO_CONTENT;
    response
}

/// Where a caller names the authorization to act through.
const AUTHORIZATION: HeaderName = HeaderName::from_static("x-repo-auth");

/// How an answer tells that there is more at the host than it holds.
const TRUNCATED: HeaderName = HeaderName::from_static("x-truncated");

/// How many answers that may be large are under way at once, of one project and in all.
pub const LARGE_OF_ONE: usize = 4;
pub const LARGE_AT_ONCE: usize = 16;
/// After how many seconds another try makes sense.
const CROWDED_S: u32 = 5;
/// How long a call waits for another one that makes the same: nearly as long as a slow one takes.
const TURN_WAITS: Duration = Duration::from_secs(25);
/// A body up to this length is read where it is, in bytes.
const AT_ONCE_BYTES: usize = 256 * 1024;

/// The places of the path's segments, counted from 0.
const NAMESPACE: usize = 4;
const PROJECT: usize = 5;
