//! `GET /api/v5/user` and `GET /api/v5/emails`: the person behind an access token, as the code-hosting wire has it.
//!
//! Owns the order of the calls and which scope opens what.

use crate::app::App;
use crate::web::answer;
use crate::web::caller::{self, Denied};
use crate::web::form::Received;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::template::Wire;
use vestibule_oauth::userinfo::{self, Profile};

/// `GET /api/v5/user`: the user object.
pub async fn user(State(app): State<Arc<App>>, received: Received) -> Response {
    shaped(person(&app, &received, "user_info").await, userinfo::gitlife_user)
}

/// `GET /api/v5/emails`: the person's addresses.
pub async fn emails(State(app): State<Arc<App>>, received: Received) -> Response {
    shaped(person(&app, &received, "emails").await, |profile, _| userinfo::gitlife_emails(profile))
}

/// The person, if the token is good and has `scope`.
async fn person(app: &App, received: &Received, scope: &str) -> Result<(Profile, ScopeSet), Denied> {
    let found = caller::bearer(app, received, Wire::Gitlife, app.clock.now()).await?;
    match found.person {
        Some(person) if found.scopes.contains(scope) => Ok((person.profile, found.scopes)),
        _ => {
            let sentence = format!("The access token needs the scope {scope}");
            Err(Refusal::new(Code::InsufficientScope, sentence).for_wire(Wire::Gitlife).into())
        }
    }
}

fn shaped(person: Result<(Profile, ScopeSet), Denied>, shape: impl Fn(&Profile, &ScopeSet) -> String) -> Response {
    match person {
        Ok((profile, scope)) => answer::json(200, shape(&profile, &scope)),
        Err(Denied::Refused(refusal)) => answer::message(&refusal),
        Err(Denied::Store(error)) => answer::because(answer::message(&answer::unavailable()), &error),
    }
}
