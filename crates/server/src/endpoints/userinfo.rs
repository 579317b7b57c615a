//! `GET|POST /oauth/userinfo`: who the person behind an access token is (OpenID Connect Core section 5.3).
//!
//! Owns the order of the calls. Whether the token is good is `caller`'s and `oauth::token`'s, what is told of a person
//! `oauth::userinfo`'s.

use crate::app::App;
use crate::web::caller::{self, Denied};
use crate::web::form::Received;
use crate::web::{answer, cors};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::subject;
use vestibule_oauth::template::Wire;
use vestibule_oauth::userinfo;

/// The scopes that open something here; a token without any of them is of no use.
const OPENING: [&str; 4] = ["openid", "profile", "email", "phone"];

/// Answers with the claims that the token's scope opens.
pub async fn answer(State(app): State<Arc<App>>, received: Received) -> Response {
    let mut response = match claims(&app, &received).await {
        Ok(claims) => answer::json(200, claims),
        Err(Denied::Refused(refusal)) => answer::refusal(&refusal),
        Err(Denied::Store(error)) => answer::store_refusal(&error, Wire::Standard),
    };
    let _ = cors::allow(&app, &received.headers, response.headers_mut()).await;
    response
}

async fn claims(app: &App, received: &Received) -> Result<String, Denied> {
    let found = caller::bearer(app, received, Wire::Standard, app.clock.now()).await?;
    let opened = OPENING.iter().any(|scope| found.scopes.contains(scope));
    match found.person {
        Some(person) if opened => {
            let sub = subject::subject_for(&found.owner, &person.profile.subject, app.keys.pairwise());
            // Only what the application still registers is open.
            let asked = person.claims.map(|claims| claims.opened_by(&found.owner.scopes).userinfo);
            Ok(userinfo::standard(&person.profile, &sub, &found.scopes, asked.as_deref().unwrap_or_default()))
        }
        _ => {
            let sentence = "The access token needs one of the scopes openid, profile, email and phone.";
            Err(Refusal::new(Code::InsufficientScope, sentence).into())
        }
    }
}
