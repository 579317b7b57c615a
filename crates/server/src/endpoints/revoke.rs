//! `POST /oauth/revoke`: a client gives tokens back (RFC 7009).
//!
//! Owns the order of the calls. What may be revoked is `oauth::revocation`'s. Answered after the end is durable; a
//! storage that fails is told as such, never as success (FM-74).

use crate::app::App;
use crate::web::caller::{self, Denied};
use crate::web::form::Received;
use crate::web::{access_token, answer, client, cors};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::client_auth::AuthedClient;
use vestibule_oauth::presented::Presented;
use vestibule_oauth::revocation;
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::grants::Why;
use vestibule_store::tokens::FoundAccessToken;

/// Answers a revocation request: 200 also for what nobody knows, what has ended, and what is another's (section 2.2).
pub async fn answer(State(app): State<Arc<App>>, received: Received) -> Response {
    let mut response = match revoke(&app, &received).await {
        Ok(()) => answer::json(200, "{}".to_owned()),
        Err(denied) => client::refuse(&app, &received, denied).await,
    };
    let _ = cors::allow(&app, &received.headers, response.headers_mut()).await;
    response
}

async fn revoke(app: &App, received: &Received) -> Result<(), Denied> {
    let now = app.clock.now();
    let parameters = client::parameters(app, received, now).await?;
    let client = client::required(app, &parameters, now).await?;
    match revocation::read(&client, &parameters)? {
        Presented::AccessToken(token) => {
            let found = app.store.find_access_token(&token).await?;
            end(app, received, &client, found.ok(), now).await?;
        }
        Presented::Signed(token) => {
            let found = access_token::find_signed(app, token.expose(), now).await?;
            end(app, received, &client, found.ok(), now).await?;
        }
        Presented::RefreshToken(token) => {
            let found = app.store.find_refresh(&token).await?.ok();
            if let Some(found) = found.filter(|found| revocation::may_revoke(&client, found.client.id)) {
                app.store.end_grant(found.grant, Why::Revoked, &note(app, received, &client, now)).await?;
            }
        }
        Presented::OtherSecret | Presented::Unknown => {}
    }
    client::count_older_forms(app, &client, &parameters, now);
    Ok(())
}

/// Ends an access token of `client`; one of another client, or none, is left as it is.
async fn end(
    app: &App,
    received: &Received,
    client: &AuthedClient,
    found: Option<FoundAccessToken>,
    now: i64,
) -> Result<(), StoreError> {
    if let Some(found) = found.filter(|found| revocation::may_revoke(client, found.owner.id)) {
        app.store.revoke_access_token(found.id, &note(app, received, client, now)).await?;
    }
    Ok(())
}

fn note(app: &App, received: &Received, client: &AuthedClient, now: i64) -> Note {
    caller::note(app, received, format!("application:{}", client.client().client_id), now)
}
