//! `POST /v1/{project_id}/git/credentials`: the live token of a stored authorization, for programs that speak to the Git
//! host themselves. An addition of our own beside the documented calls.
//!
//! Owns the call. It is the one way by which a host's token leaves the house, so it is shut until an administrator opens it
//! for the project, asks for an editor and for the scope of the store itself, and stands in the trail before the first token
//! does (FM-127).

use crate::app::App;
use crate::broker::visiting::{self, AuthorizationName};
use crate::web::answer;
use crate::web::form::Received;
use crate::web::project_caller::{Needs, ProjectCaller};
use crate::web::segments::Segments;
use crate::web::servicestage::{Code, Refusal, respond};
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use vestibule_githost::address::Base;
use vestibule_githost::registry;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::strict_object;
use vestibule_oauth::secret::Digest;
use vestibule_store::audit::{Event, Note};
use vestibule_store::git_authorizations::{GitAuthorization, TokenType};
use vestibule_store::projects::Role;

/// Where it is served.
pub const PATH: &str = "/v1/{project_id}/git/credentials";

const NEEDS: Needs = Needs { role: Role::Editor, scope: super::git_auths::SCOPE };

/// Hands out the token.
pub async fn hand_out(State(app): State<Arc<App>>, received: Received) -> Response {
    respond(credential(&app, &received).await, &received.request_id)
}

async fn credential(app: &Arc<App>, received: &Received) -> Result<Response, Refusal> {
    let segments = Segments::read(&received.path).ok_or_else(|| Refusal::new(Code::NoSuchApi))?;
    let caller = ProjectCaller::of(app, received, segments.at(1), NEEDS).await?;
    let name = read(&received.body)?;
    let name = AuthorizationName::parse(&name).ok_or_else(|| Refusal::new(Code::NoAuthorization))?;
    let live = visiting::hand_out(app, caller.project, &name).await?;
    app.handed_out.tell(app, &live.authorization, &caller.note(app, app.clock.now())).await?;
    Ok(answer::json(200, spell(&live.authorization, live.token.expose())))
}

/// The name in the body; one that no authorization can have is looked for in vain by whoever sends it.
fn read(body: &[u8]) -> Result<String, Refusal> {
    let body = strict_object(body, 4);
    match body.and_then(|mut body| body.remove("authorization")) {
        Some(Value::String(name)) if !name.chars().any(char::is_control) => Ok(name),
        _ => Err(Refusal::saying(Code::ParameterInvalid, "the body must be {\"authorization\": \"NAME\"}")),
    }
}

fn spell(authorization: &GitAuthorization, token: &str) -> String {
    let GitAuthorization { kind, web, account, .. } = authorization;
    let site = registry::find(kind).zip(Base::parse(web).ok()).map(|(kind, web)| kind.site(web));
    let host = site.map_or_else(|| web.clone(), |site| site.api().as_str().to_owned());
    // GitLab wants to be told that it is an OAuth token; the others look at the token alone.
    let username = match (kind.as_str(), account.token_type) {
        ("gitlab", TokenType::Oauth) => "oauth2",
        _ => account.login.as_str(),
    };
    let body = json!({
        "username": username,
        "password": token,
        "expires_at": account.access_ends_at,
        "repo_type": kind,
        "repo_host": host,
        "scopes": account.scopes,
    });
    body.to_string()
}

/// What stands in the trail already: one row for each credential, caller and hour, and not one for each token.
#[derive(Default)]
pub struct HandedOut(Mutex<HashSet<Id>>);

/// Rows that are remembered; beyond that, all are forgotten and kept again, which leaves the trail as it is.
const REMEMBERED: usize = 4096;
const HOUR_MS: i64 = 3_600_000;

impl HandedOut {
    /// Keeps the row, unless it is known to be there. Its id is made of what it tells, so that of several nodes' one stays.
    async fn tell(&self, app: &App, authorization: &GitAuthorization, note: &Note) -> Result<(), Refusal> {
        let GitAuthorization { id, project, name, generation, .. } = authorization;
        let what = format!("hand out {id} {generation} {} {}", note.actor, note.at / HOUR_MS);
        let Some(row) = Id::from_slice(&Digest::of(what.as_bytes()).as_bytes()[..16]) else { return Ok(()) };
        if self.lock().contains(&row) {
            return Ok(());
        }
        let target = format!("git_authorization:{id}");
        let details = format!("project:{project}, {name}: once an hour for each caller");
        let event = Event { action: "git_authorization.hand_out", target, outcome: "done", details };
        app.store.keep_event(&Note { id: row, ..note.clone() }, event).await?;
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(row);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Id>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
