//! What an operator's tools ask: is the process alive, is it of use.
//!
//! Owns when a server is ready. Says nothing about people, applications or the database's address.

use crate::app::App;
use crate::web::answer;
use crate::web::door::Visit;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use vestibule_store::StoreError;

/// The furthest that a node's clock may be from its database's, in milliseconds.
const SKEW_MS: i64 = 2_000;
/// A database that takes longer is not reachable.
const PATIENCE: Duration = Duration::from_secs(2);

/// `GET /livez`: the process answers.
pub async fn live() -> Response {
    answer::json(200, r#"{"status":"alive"}"#.to_owned())
}

/// `GET /readyz`, `GET /healthz`: requests sent here will be answered well.
pub async fn ready(State(app): State<Arc<App>>, request: Request) -> Response {
    // So that the line in the log names the route.
    Visit::of(request.extensions());
    match obstacle(&app).await {
        None => answer::json(200, r#"{"status":"ready"}"#.to_owned()),
        Some(why) => {
            let mut response = answer::json(503, format!(r#"{{"status":"not ready","why":"{why}"}}"#));
            response.extensions_mut().insert(answer::Cause(why.to_owned()));
            response
        }
    }
}

async fn obstacle(app: &App) -> Option<&'static str> {
    if app.draining.started() {
        return Some("draining");
    }
    if app.store.failure().is_some() {
        return Some("the store has failed");
    }
    let asked = async { Ok((app.store.clock_skew(app.clock.now()).await?, app.store.schema_fits().await?)) };
    match tokio::time::timeout(PATIENCE, asked).await {
        Err(_) | Ok(Err::<_, StoreError>(_)) => Some("the database cannot be reached"),
        Ok(Ok((_, false))) => Some("the database's schema has moved on: run the newer release"),
        Ok(Ok((skew, _))) if skew.abs() > SKEW_MS => Some("the clock differs from the database's"),
        Ok(Ok(_)) => None,
    }
}

/// `GET /robots.txt`: nothing here is for search engines.
pub async fn robots() -> Response {
    let mut response = "User-agent: *\nDisallow: /\n".into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=86400"));
    response
}
