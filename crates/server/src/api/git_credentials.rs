//! `POST /v1/{project_id}/git/credentials`: the live token of a stored authorization, for programs that speak to the Git
//! host themselves. An addition of our own beside the documented calls.
//!
//! Owns the call. It is the one way by which a host's token leaves the house, so it is shut until an administrator opens it
//! for the project, asks for an editor and for the scope of the store itself, and stands in the trail before the first token
//! does (FM-127).

use crate::app::App;
use crate::broker::place::sealed_at;
use crate::seal::{Scope, Unsealed};
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
use vestibule_store::git_standing::GitTrouble;
use vestibule_store::projects::Role;

/// Where it is served.
pub const PATH: &str = "/v1/{project_id}/git/credentials";

const NEEDS: Needs = Needs { role: Role::Editor, scope: super::git_auths::SCOPE };

/// Hands out the token.
pub async fn hand_out(State(app): State<Arc<App>>, received: Received) -> Response {
    respond(credential(&app, &received).await, &received.request_id)
}

async fn credential(app: &App, received: &Received) -> Result<Response, Refusal> {
    let segments = Segments::read(&received.path).ok_or_else(|| Refusal::new(Code::NoSuchApi))?;
    let caller = ProjectCaller::of(app, received, segments.at(1), NEEDS).await?;
    let name = read(&received.body)?;
    let now = app.clock.now();
    let found = app.store.find_git_authorization(caller.project, &name).await?;
    let found = found.ok_or_else(|| Refusal::new(Code::NoAuthorization))?;
    let authorization = &found.authorization;
    if !found.hands_out {
        return Err(Refusal::saying(Code::NotAllowed, STAYS));
    }
    judge(authorization, now)?;
    let note = caller.note(app, now);
    let place = sealed_at("git_authorizations", "access", authorization.id);
    let opened = app.seal.open_value(Scope::Project(caller.project), &place, &found.tokens.access).await;
    let token = match opened {
        Ok(token) => token,
        Err(Unsealed::Changed { .. }) => {
            // The seal has named the row in the log and in the trail; people see it at the authorization (FM-128).
            app.store.blame_git_authorization(authorization, GitTrouble::Unreadable, &note).await?;
            return Err(Refusal::saying(Code::AuthorizationInvalid, "the sealed token was changed in the database"));
        }
        Err(why) => return Err(Refusal::because(why)),
    };
    let token = std::str::from_utf8(&token).map_err(|_| Refusal::because("a sealed token is no text"))?;
    app.handed_out.tell(app, authorization, &note).await?;
    Ok(answer::json(200, spell(authorization, token)))
}

/// What is said as long as nobody has let the project's tokens leave the house.
const STAYS: &str = "tokens of this project stay here until an administrator lets them out: vestibule project set PROJECT --hand-out on";

/// The name in the body; one that no authorization can have is looked for in vain by whoever sends it.
fn read(body: &[u8]) -> Result<String, Refusal> {
    let body = strict_object(body, 4);
    match body.and_then(|mut body| body.remove("authorization")) {
        Some(Value::String(name)) if !name.chars().any(char::is_control) => Ok(name),
        _ => Err(Refusal::saying(Code::ParameterInvalid, "the body must be {\"authorization\": \"NAME\"}")),
    }
}

/// Whether there is a token that the host will take, as far as we know.
fn judge(authorization: &GitAuthorization, now: i64) -> Result<(), Refusal> {
    let reason = match authorization.account.access_ends_at {
        Some(end) if end <= now => Some("the token has ended"),
        _ => None,
    };
    match authorization.standing(now).reason.or(reason) {
        Some(reason) => Err(Refusal::saying(Code::AuthorizationInvalid, reason)),
        None => Ok(()),
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
