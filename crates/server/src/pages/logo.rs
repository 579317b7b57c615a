//! An application's logo.
//!
//! Owns that only raster images ever leave this address, told from their first bytes and not from what was stored
//! beside them: an HTML or SVG file could carry script into our origin (FM-95).

use crate::admin::fields;
use crate::app::App;
use crate::pages::problem::Problem;
use crate::web::answer;
use crate::web::form::Received;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use std::sync::Arc;

/// `GET /applications/{client_id}/logo`.
pub async fn serve(State(app): State<Arc<App>>, Path(client_id): Path<String>, received: Received) -> Response {
    let logo = match app.store.find_logo(&client_id).await {
        Ok(logo) => logo,
        Err(error) => return answer::store_page(&error, &received.request_id),
    };
    match logo.and_then(|logo| image(logo.bytes)) {
        Some(response) => response,
        None => answer::problem(Problem::NotFound, &received.request_id),
    }
}

/// The answer with an image; `None` when the bytes are none that we show.
fn image(bytes: Vec<u8>) -> Option<Response> {
    let kind = fields::logo(&bytes).ok()?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm_95_only_raster_images_are_served_and_as_what_they_are() {
        let png = image(b"\x89PNG\r\n\x1a\n<script>alert(1)</script>".to_vec()).unwrap();
        assert_eq!(png.headers()[header::CONTENT_TYPE], "image/png");
        assert_eq!(png.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(png.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
        for other in [
            &b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"[..],
            b"<?xml version='1.0'?><svg/>",
            b"<!doctype html><script>alert(1)</script>",
            b" \x89PNG\r\n\x1a\n",
            b"%PDF-1.7",
            b"BM",
            b"",
        ] {
            assert!(image(other.to_vec()).is_none());
        }
    }
}
