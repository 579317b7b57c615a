//! The client behind a request to the token, revocation or introspection endpoint.
//!
//! Owns the reads and their order. Who a client is and whether it proved it is `oauth::client_auth`'s.

use crate::app::App;
use crate::web::caller::Denied;
use crate::web::form::Received;
use crate::web::{answer, guessing};
use axum::response::Response;
use vestibule_oauth::client_auth::{self, AuthedClient};
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::refusal::Refusal;
use vestibule_oauth::template::Wire;

/// Reads the parameters. A request that cannot be read is still refused in the wire of the client that its query or
/// header names.
pub async fn parameters(app: &App, received: &Received, now: i64) -> Result<Parameters, Refusal> {
    match received.parameters(received.typed_body()) {
        Ok(parameters) => Ok(parameters),
        Err(refusal) => Err(in_the_clients_wire(app, received, refusal, now).await),
    }
}

async fn in_the_clients_wire(app: &App, received: &Received, refusal: Refusal, now: i64) -> Refusal {
    let Ok(parameters) = received.parameters(Body::None) else { return refusal };
    let Ok(Some(client_id)) = client_auth::identify(&parameters) else { return refusal };
    match app.store.find_client(client_id, now).await {
        Ok(Some(registered)) => refusal.for_wire(registered.client.wire()),
        _ => refusal,
    }
}

/// The client that the request names, authenticated; `None` when it names none.
pub async fn authenticate(app: &App, parameters: &Parameters, now: i64) -> Result<Option<AuthedClient>, Denied> {
    let Some(client_id) = client_auth::identify(parameters)? else { return Ok(None) };
    let registered = app.store.find_client(client_id, now).await?;
    let registered = registered.ok_or_else(|| client_auth::unknown(parameters))?;
    Ok(Some(client_auth::authenticate(parameters, registered)?))
}

/// As [`authenticate`], where a request that names no client is refused.
pub async fn required(app: &App, parameters: &Parameters, now: i64) -> Result<AuthedClient, Denied> {
    authenticate(app, parameters, now).await?.ok_or_else(|| client_auth::unknown(parameters).into())
}

/// Answers a refusal, counted if what was wrong is a secret: then it may say to wait instead.
pub async fn refuse(app: &App, received: &Received, denied: Denied) -> Response {
    let refusal = match denied {
        Denied::Refused(refusal) => guessing::weigh(app, received, refusal).await,
        Denied::Store(error) => Err(error),
    };
    match refusal {
        Ok(refusal) => answer::refusal(&refusal),
        Err(error) => answer::store_refusal(&error, Wire::Standard),
    }
}

/// Counts the older forms that a request which was served made use of.
pub fn count_older_forms(app: &App, client: &AuthedClient, parameters: &Parameters, now: i64) {
    for form in client.older_forms(parameters) {
        app.older_forms.count(client.client().id, form, now);
    }
}
