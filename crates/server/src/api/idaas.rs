//! `GET /api/bff/{v1|v1.2}/oauth2/userinfo`: the person behind an access token, in the envelope of the IDaaS wire.
//!
//! Owns the order of the calls and that every answer, good or bad, comes in the envelope.

use crate::app::App;
use crate::web::answer;
use crate::web::caller::{self, Denied};
use crate::web::form::Received;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::template::Wire;
use vestibule_oauth::userinfo;

/// Answers with the envelope.
pub async fn userinfo(State(app): State<Arc<App>>, received: Received) -> Response {
    match envelope(&app, &received).await {
        Ok(envelope) => answer::json(200, envelope),
        Err(Denied::Refused(refusal)) => answer::envelope(&refusal, &received.request_id),
        Err(Denied::Store(error)) => {
            answer::because(answer::envelope(&answer::unavailable(), &received.request_id), &error)
        }
    }
}

async fn envelope(app: &App, received: &Received) -> Result<String, Denied> {
    let found = caller::bearer(app, received, Wire::Idaas, app.clock.now()).await?;
    let nobody = || Refusal::new(Code::Forbidden, "The access token stands for no person").for_wire(Wire::Idaas);
    let person = found.person.ok_or_else(nobody)?;
    Ok(userinfo::idaas_envelope(&person.profile, &answer::uuid(&received.request_id)))
}
