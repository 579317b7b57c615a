//! `GET /.well-known/openid-configuration` and `…/oauth-authorization-server`: what this server can do (OpenID Connect
//! Discovery 1.0, RFC 8414). One document at both.
//!
//! Derived from the router's own constants and the rulebook's own lists, so that it cannot promise what is not served.

use super::jwks;
use crate::app::App;
use crate::router::path;
use crate::text::Language;
use crate::web::form::Received;
use crate::web::{cors, entity};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use vestibule_oauth::grant::Kind;
use vestibule_oauth::metadata::{self, Served};

/// The document and its tag: the same for as long as the process lives.
pub struct Document {
    text: Bytes,
    tag: String,
}

impl Document {
    /// The document of the server with this issuer.
    pub fn of(issuer: &str) -> Document {
        let served = Served {
            authorization_endpoint: Some(path::AUTHORIZE),
            token_endpoint: Some(path::TOKEN),
            userinfo_endpoint: Some(path::USERINFO),
            revocation_endpoint: Some(path::REVOKE),
            introspection_endpoint: Some(path::INTROSPECT),
            jwks_uri: Some(path::JWKS),
            end_session_endpoint: Some(path::LOGOUT),
            backchannel_logout: true,
            grants: &Kind::ALL,
            scopes: &["openid", "profile", "email", "phone", "offline_access", "git_authorizations"],
            ui_locales: &Language::ALL.map(|language| language.text().lang),
            service_documentation: None,
        };
        let text = metadata::document(issuer, &served);
        Document { tag: entity::tag(&text), text: Bytes::from(text) }
    }
}

/// Answers with the document; it may be kept for five minutes, and by any site's script be read.
pub async fn answer(State(app): State<Arc<App>>, received: Received) -> Response {
    if !app.keys.ready().await {
        return jwks::not_yet();
    }
    let Document { text, tag } = &app.metadata;
    let mut response = match entity::is_known(&received.headers, tag) {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    cors::any(headers);
    response
}
