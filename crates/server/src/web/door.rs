//! The door that every request walks through, and every answer.
//!
//! Owns the request's id, which paths are read at all, what happens when a conductor panics, the headers that every
//! answer carries, and the one log line of an answer that is our fault. Does not know any conductor.

use crate::app::App;
use crate::web::answer::{self, Cause};
use crate::web::segments;
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use tower::ServiceExt;
use vestibule_oauth::refusal::Code;

/// What is known of a request before it is read; put on it when it walks in.
#[derive(Debug)]
pub struct Visit {
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// What it is called in answers and logs.
    pub id: String,
    /// Where it was led to.
    route: OnceLock<MatchedPath>,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Visit {
    /// The visit that `request` is, noting where it was led to.
    pub fn of(extensions: &axum::http::Extensions) -> Arc<Visit> {
        let Some(visit) = extensions.get::<Arc<Visit>>() else {
            let peer = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            return Arc::new(Visit { peer, id: String::new(), route: OnceLock::new() });
        };
        if let Some(route) = extensions.get::<MatchedPath>() {
            let _ = visit.route.set(route.clone());
        }
        visit.clone()
    }
}

/// Lets a request of `peer` in and its answer out. It stands before the router and not in it, where a layer would cost
/// every request four allocations.
pub async fn pass(app: Arc<App>, router: Router, peer: IpAddr, mut request: Request) -> Response {
    let id = incoming_id(request.headers()).unwrap_or_else(|| app.dice.id(app.clock.now()).to_string());
    let visit = Arc::new(Visit { peer, id, route: OnceLock::new() });
    let method = request.method().clone();
    // Shares what it holds with the request.
    let uri = request.uri().clone();
    request.extensions_mut().insert(visit.clone());

    let mut response = if is_plain(uri.path()) || segments::is_readable(uri.path()) {
        let routed = router.oneshot(request);
        match caught(async { routed.await.unwrap_or_else(|never| match never {}) }).await {
            Some(response) => response,
            None => answer::by_path(uri.path(), Code::ServerError, &visit.id),
        }
    } else {
        answer::by_path(uri.path(), Code::NotFound, &visit.id)
    };
    // A Git host that is away is not our fault, and the log knows why already.
    if response.status().is_server_error() && response.status() != StatusCode::BAD_GATEWAY {
        // The route and not the path: a path may hold a setup link.
        log(&method, visit.route.get().map_or("-", MatchedPath::as_str), &response, &visit.id);
    }
    dress(response.headers_mut(), &visit.id);
    response
}

/// There is nothing at this address.
pub async fn nothing_here(request: Request) -> Response {
    answer::by_path(request.uri().path(), Code::NotFound, &Visit::of(request.extensions()).id)
}

/// There is something, but not for this method. The `Allow` header is added by the router.
pub async fn wrong_method(request: Request) -> Response {
    answer::by_path(request.uri().path(), Code::MethodNotAllowed, &Visit::of(request.extensions()).id)
}

/// A caller's own id is kept when it can do no harm in a log or a page.
fn incoming_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fits = (1..=64).contains(&id.len());
    let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    (fits && plain).then(|| id.to_owned())
}

/// Whether a path has only one reading. Everything that a proxy before us and we might read differently (`;`, `%2f`,
/// `//`, `..`, back-slashes, any escape at all) is nothing that we serve (FM-106). Names in the project API's paths may hold
/// anything; how those are read is `segments`'s.
fn is_plain(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    rest.is_empty()
        || rest
            .split('/')
            .all(|segment| !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(allowed))
}

/// Runs a conductor; `None` when it panics, which ends that request and no other (FM-120).
async fn caught(future: impl Future<Output = Response>) -> Option<Response> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(response)) => Poll::Ready(Some(response)),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// The one line of an answer that is our fault: no query, no header, no body (FM-107).
fn log(method: &Method, route: &str, response: &Response, id: &str) {
    let cause = response.extensions().get::<Cause>().map_or("", |cause| cause.0.as_str());
    let status = response.status().as_u16();
    tracing::error!(request_id = id, %method, route, status, cause, "answered with an error of ours");
}

/// What every answer carries, unless its conductor has said otherwise.
fn dress(headers: &mut HeaderMap, id: &str) {
    headers.reserve(6);
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let defaults = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm_106_a_path_has_one_reading_or_none() {
        for path in ["/", "/oauth/token", "/.well-known/oauth-authorization-server", "/api/bff/v1.2/oauth2/userinfo"] {
            assert!(is_plain(path), "{path}");
        }
        for path in [
            "",
            "*",
            "//",
            "/oauth//token",
            "/oauth/token/",
            "/oauth/./token",
            "/oauth/../oauth/token",
            "/oauth/token;a=b",
            "/oauth%2ftoken",
            "/oauth%2Ftoken",
            "/oauth/%74oken",
            "/oauth\\token",
            "/oauth/..;/token",
            "/ü",
        ] {
            assert!(!is_plain(path), "{path}");
        }
    }

    #[test]
    fn a_foreign_request_id_is_kept_only_when_harmless() {
        let with = |value: &'static str| HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static(value))]);
        assert_eq!(incoming_id(&with("a-1.B_2")).as_deref(), Some("a-1.B_2"));
        for bad in ["", "a b", "<x>", "0123456789012345678901234567890123456789012345678901234567890123x"] {
            assert_eq!(incoming_id(&with(bad)), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn fm_120_a_panic_ends_one_request_and_no_other() {
        assert!(caught(async { panic!("a defect") }).await.is_none());
        assert!(caught(async { Response::default() }).await.is_some());
    }

    #[test]
    fn st_18_fm_58_every_answer_is_protected_and_keeps_what_its_conductor_said() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
        dress(&mut headers, "r-1");
        for (name, value) in [
            ("x-request-id", "r-1"),
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "public, max-age=300"),
        ] {
            assert_eq!(headers[name], value);
        }
        assert!(headers["content-security-policy"].to_str().unwrap().contains("frame-ancestors 'none'"));
    }
}
