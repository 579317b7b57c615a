//! `POST /oauth/introspect`: an application asks whether a token is alive (RFC 7662).
//!
//! Owns the order of the calls. Who may ask and what is told is `oauth::introspection`'s. The read and the judgement are
//! those of every other use of a token; nothing is cached (FM-76).

use crate::app::App;
use crate::web::caller::Denied;
use crate::web::form::Received;
use crate::web::{access_token, answer, client, guessing};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::introspection::{self, AccessToken, INACTIVE, RefreshToken};
use vestibule_oauth::presented::Presented;
use vestibule_store::presented::Missing;
use vestibule_store::tokens::{FoundAccessToken, FoundRefreshToken};

/// Answers an introspection request.
pub async fn answer(State(app): State<Arc<App>>, received: Received) -> Response {
    match introspect(&app, &received).await {
        Ok(told) => answer::json(200, told),
        Err(denied) => client::refuse(&app, &received, denied).await,
    }
}

async fn introspect(app: &App, received: &Received) -> Result<String, Denied> {
    let now = app.clock.now();
    let parameters = client::parameters(app, received, now).await?;
    let client = client::required(app, &parameters, now).await?;
    introspection::judge_caller(&client)?;
    let wire = client.client().wire();
    let tell = |found: FoundAccessToken| {
        let token = AccessToken {
            id: found.id,
            owner: &found.owner,
            scope: &found.scopes,
            standing: &found.standing,
            created_at: found.created_at,
            person: found.person.as_ref().map(|person| &person.profile),
        };
        introspection::access_token(client.client(), &app.issuer, app.keys.pairwise(), &token, now)
    };
    let tell_refresh = |found: FoundRefreshToken| {
        let generation = &found.generation;
        let token = RefreshToken {
            owner: &found.client,
            scope: &generation.scope,
            standing: &generation.standing,
            spent: generation.spent.is_some(),
        };
        introspection::refresh_token(client.client(), &app.issuer, &token, now)
    };
    // What is missing, and whether it ever was.
    let told = match Presented::read(&parameters).map_err(|refusal| refusal.for_wire(wire))? {
        Presented::AccessToken(token) => {
            app.store.find_access_token(&token).await?.map(tell).map_err(|why| guessing::never_was(why, &token, now))
        }
        // What we have signed and know no more is none that somebody made up.
        Presented::Signed(text) => {
            access_token::find_signed(app, text.expose(), now).await?.map(tell).map_err(|why| why == Missing::Wrong)
        }
        Presented::RefreshToken(token) => {
            let found = app.store.find_refresh(&token).await?;
            found.map(tell_refresh).map_err(|why| guessing::never_was(why, &token, now))
        }
        Presented::OtherSecret | Presented::Unknown => Err(true),
    };
    if told == Err(true)
        && let Err(wait) = guessing::count_scan(app, client.client().id, now).await?
    {
        return Err(guessing::too_many(wait).for_wire(wire).into());
    }
    client::count_older_forms(app, &client, &parameters, now);
    Ok(told.unwrap_or_else(|_| INACTIVE.to_owned()))
}
