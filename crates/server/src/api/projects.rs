//! `GET /v3/projects` and `GET /v3/auth/domains`: where the caller may act, as clients of the vendor ask for it.
//!
//! Owns the order of the calls and both lists. A domain is our tenant.

use crate::app::App;
use crate::web::credential::{self, Someone};
use crate::web::form::Received;
use crate::web::servicestage::{Code, Refusal};
use crate::web::{answer, keystone};
use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_store::projects::ProjectRef;

/// The projects that the caller is in, or the one of them that has this name.
pub async fn list(State(app): State<Arc<App>>, received: Received) -> Response {
    respond(projects(&app, &received).await)
}

/// The only domain.
pub async fn domains(State(app): State<Arc<App>>, received: Received) -> Response {
    respond(domain(&app, &received).await)
}

fn respond(told: Result<Value, Refusal>) -> Response {
    match told {
        Ok(told) => answer::json(200, told.to_string()),
        Err(why) => keystone::refused(&why),
    }
}

async fn projects(app: &App, received: &Received) -> Result<Value, Refusal> {
    let Someone { person, by, .. } = credential::identify(app, received).await?;
    by.opens(&OPENING)?;
    let unreadable = |_| Refusal::saying(Code::ParameterInvalid, "name may stand once, and must be text");
    let query = Parameters::read(received.query.as_deref(), Body::None, None).map_err(unreadable)?;
    let own = match query.get("name").map_err(unreadable)? {
        Some(name) => app.store.own_project(person, ProjectRef::Name(name)).await?.into_iter().collect(),
        None => app.store.projects_of(person).await?,
    };
    let domain = keystone::domain_id(&app.store);
    let spell = |id: String, name: String| json!({ "id": id, "name": name, "domain_id": domain, "enabled": true });
    let own: Vec<Value> = own.into_iter().map(|project| spell(project.id.to_string(), project.name)).collect();
    Ok(json!({ "projects": own }))
}

async fn domain(app: &App, received: &Received) -> Result<Value, Refusal> {
    credential::identify(app, received).await?.by.opens(&OPENING)?;
    let (id, name) = (keystone::domain_id(&app.store), app.store.tenant_name().await?);
    Ok(json!({ "domains": [{ "id": id, "name": name, "enabled": true }] }))
}

/// The scopes of which an access token must have one: whoever may act in a project must find it.
const OPENING: [&str; 4] = ["git_authorizations", "projects", "hook", "groups"];
