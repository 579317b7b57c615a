//! Which scripts on other sites may read an answer (the Fetch standard's CORS protocol).
//!
//! Owns the headers. Metadata may be read by any site, token, revocation and userinfo by the origins of public
//! clients' redirect URIs, introspection, the authorization endpoint and the pages by none (statement 21).

use crate::app::App;
use crate::router::path;
use crate::web::form::Received;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use vestibule_store::StoreError;

/// Answers the question that a browser asks before a script's request.
pub async fn preflight(State(app): State<Arc<App>>, received: Received) -> Response {
    let mut response = axum::http::StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    let methods = match received.path.as_str() {
        path::METADATA | path::DISCOVERY | path::JWKS => "GET, HEAD, OPTIONS",
        path::TOKEN | path::REVOKE => "POST, OPTIONS",
        _ => "GET, HEAD, POST, OPTIONS",
    };
    headers.insert(header::ALLOW, HeaderValue::from_static(methods));
    if [path::METADATA, path::DISCOVERY, path::JWKS].contains(&received.path.as_str()) {
        any(headers);
    } else if allow(&app, &received.headers, headers).await.is_err() {
        // A browser that is told nothing does not ask further; the cause shows up at the request itself.
        return response;
    }
    let headers = response.headers_mut();
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, content-type, x-request-id"),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

/// Lets any site's script read the answer: it is the same for everybody.
pub fn any(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// Lets the asking site's script read the answer if the site is where a public client lives. Cookies are never part
/// of it: credentials are not allowed.
pub async fn allow(app: &App, asked: &HeaderMap, answered: &mut HeaderMap) -> Result<(), StoreError> {
    // A cache must not hand one site's permission to another.
    answered.append(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = asked.get(header::ORIGIN) else { return Ok(()) };
    let Ok(text) = origin.to_str() else { return Ok(()) };
    if text != "null" && app.store.allows_origin(text).await? {
        answered.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answered.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("www-authenticate, x-request-id, retry-after"),
        );
    }
    Ok(())
}
