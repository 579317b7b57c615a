//! `GET /oauth/jwks`: the public halves of the keys that tokens are signed with (RFC 7517 section 5).
//!
//! Owns the answer and how long it may be kept. Which keys are in the set, and for how long before and after they sign,
//! is `keys`'s.

use crate::app::App;
use crate::web::form::Received;
use crate::web::{answer, cors, entity};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use vestibule_oauth::refusal::{Code, Refusal};

/// Answers with the set once there is a key of every algorithm. Any site's script may read it.
pub async fn answer(State(app): State<Arc<App>>, received: Received) -> Response {
    if !app.keys.ready().await {
        return not_yet();
    }
    let set = app.keys.set();
    let mut response = match entity::is_known(&received.headers, &set.tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, "application/jwk-set+json")], set.text).into_response(),
    };
    let headers = response.headers_mut();
    let kept = format!("public, max-age={}", app.keys.max_age_s());
    for (name, value) in [(header::ETAG, &*set.tag), (header::CACHE_CONTROL, kept.as_str())] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    cors::any(headers);
    response
}

/// At the very first start an RSA key is still being made: what is published now without it would be kept for minutes.
pub fn not_yet() -> Response {
    let sentence = "The signing keys are being made. Try again in a moment.";
    let mut response = answer::refusal(&Refusal::new(Code::TemporarilyUnavailable, sentence));
    answer::retry_after(&mut response, 2);
    response
}
