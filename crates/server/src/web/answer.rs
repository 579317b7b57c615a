//! Shaping what goes out: JSON, pages and redirects, each with the headers that protect it.
//!
//! Owns headers and statuses of answers. What a refusal says is `oauth::refusal`'s, what a page says `pages`'s. What
//! every answer carries besides (request id, framing, sniffing) is added at the `door`.

use crate::pages::problem::{ForDevelopers, Problem, ProblemPage};
use crate::text::Language;
use crate::web::{keystone, servicestage};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use vestibule_oauth::id::Id;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::secret::Digest;
use vestibule_oauth::template::Wire;
use vestibule_oauth::userinfo;
use vestibule_store::StoreError;

/// Why an answer is a 5xx: logged once, at the door, and never part of the answer.
#[derive(Clone)]
pub struct Cause(pub String);

/// A JSON answer that nobody keeps (RFC 6749 section 5.1).
pub fn json(status: u16, body: String) -> Response {
    let mut response = with_body(status, "application/json", body);
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A refusal in the form of its wire at the token endpoint.
pub fn refusal(refusal: &Refusal) -> Response {
    let body = if is_bare(refusal) { "{}".to_owned() } else { refusal.body() };
    let mut response = json(refusal.status(), body);
    challenge(&mut response, refusal);
    response
}

/// Whether no token was sent at all: then neither challenge nor body tells of an error (RFC 6750 section 3.1).
fn is_bare(refusal: &Refusal) -> bool {
    refusal.code == Code::InvalidToken && refusal.description().is_empty()
}

/// Adds the challenge and the waiting time that go with `refusal`.
pub fn challenge(response: &mut Response, refusal: &Refusal) {
    if let Some(value) = refusal.www_authenticate().and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    if let Some(seconds) = refusal.wait_s() {
        retry_after(response, seconds);
    }
}

/// Says when to come back.
pub fn retry_after(response: &mut Response, seconds: u32) {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
}

/// A page. `follow` are origins (or `scheme:`) that the page's forms may lead to besides ourselves: Chromium applies
/// `form-action` to the redirects that follow a form.
pub fn page(status: u16, html: String, follow: &[String]) -> Response {
    let mut policy = String::from(
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    );
    for origin in follow {
        policy.push(' ');
        policy.push_str(origin);
    }
    page_under(&policy, status, html)
}

/// A page under a content security policy of its own.
pub fn page_under(policy: &str, status: u16, html: String) -> Response {
    let mut response = with_body(status, "text/html; charset=utf-8", html);
    if let Ok(policy) = HeaderValue::from_str(policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// A page that says what is wrong and what to do.
pub fn problem(problem: Problem, request_id: &str) -> Response {
    problem_for(problem, request_id, None)
}

/// As [`problem`], with what only the application's developer can use.
pub fn problem_for(problem: Problem, request_id: &str, for_developers: Option<ForDevelopers<'_>>) -> Response {
    let page_of = ProblemPage { language: Language::English, problem, request_id, for_developers };
    let mut response = page(problem.status(), page_of.render(), &[]);
    if let Some(seconds) = problem.retry_after_s() {
        retry_after(&mut response, seconds);
    }
    response
}

/// Sends the browser on with a GET, never with the form again (303, statement 16).
pub fn see_other(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    match HeaderValue::from_str(location) {
        Ok(value) => {
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, value);
        }
        Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    no_store(response)
}

/// The store failed while a page was being made: 503, the cause goes to the log only.
pub fn store_page(error: &StoreError, request_id: &str) -> Response {
    because(problem(Problem::Unavailable, request_id), error)
}

/// The store failed while a client waited for JSON: 503 in the client's wire.
pub fn store_refusal(error: &StoreError, wire: Wire) -> Response {
    because(refusal(&unavailable().for_wire(wire)), error)
}

/// What is said when the store fails.
pub fn unavailable() -> Refusal {
    Refusal::new(Code::TemporarilyUnavailable, "The server cannot reach its storage. Try again in a moment.")
}

/// The same answer, with its cause for the log.
pub fn because(mut response: Response, error: &StoreError) -> Response {
    response.extensions_mut().insert(Cause(error.to_string()));
    response
}

/// A refusal at `/api/bff/…`: the IDaaS envelope, and the challenge of RFC 6750 beside it.
pub fn envelope(refusal: &Refusal, request_id: &str) -> Response {
    let refusal = refusal.clone().for_wire(Wire::Idaas);
    let body = userinfo::idaas_error(refusal.error(), refusal.message(), &uuid(request_id));
    let mut response = json(refusal.status(), body);
    challenge(&mut response, &refusal);
    response
}

/// A refusal at `/api/v5/…`: one sentence that begins with the status, and the challenge of RFC 6750 beside it.
pub fn message(refusal: &Refusal) -> Response {
    let refusal = refusal.clone().for_wire(Wire::Gitlife);
    // Clients split the message at ": ", so there is always a reason where a token was wanted.
    let reason = if is_bare(&refusal) { "Access token is missing" } else { refusal.message() };
    let mut response = json(refusal.status(), userinfo::gitlife_error(refusal.status(), reason));
    challenge(&mut response, &refusal);
    response
}

/// A request's id in the form that the IDaaS envelope has it: an upper-case UUID.
pub fn uuid(request_id: &str) -> String {
    let hex = match Id::parse(request_id) {
        Some(id) => id.to_string(),
        // A caller's own name for the request: the same name gives the same UUID.
        None => Digest::of(request_id.as_bytes()).as_bytes()[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let hex = hex.to_uppercase();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// An answer for a request that no conductor has taken up, in the form of the address that it went to.
pub fn by_path(path: &str, code: Code, request_id: &str) -> Response {
    let refusal = Refusal::new(code, sentence(code));
    if path.starts_with("/api/bff/") {
        return envelope(&refusal, request_id);
    }
    if path.starts_with("/api/v5/") {
        return message(&refusal);
    }
    if path.starts_with("/v1/") {
        return servicestage::nobody(code, request_id);
    }
    if path.starts_with("/v3/") {
        return keystone::nobody(code);
    }
    let page = path == "/oauth/authorize"
        || path == "/oauth/logout"
        || path.strip_prefix("/oauth/authorize/").is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
    if path.starts_with("/oauth/") && !page {
        // Unknown addresses are answered as the IDaaS table says; everything else as RFC 6749 does.
        let wire = if code == Code::NotFound { Wire::Idaas } else { Wire::Standard };
        return self::refusal(&refusal.for_wire(wire));
    }
    problem(
        match code {
            Code::NotFound => Problem::NotFound,
            Code::MethodNotAllowed => Problem::MethodNotAllowed,
            Code::PayloadTooLarge => Problem::TooLarge,
            Code::ServerError => Problem::ServerError,
            _ => Problem::InvalidRequest,
        },
        request_id,
    )
}

fn sentence(code: Code) -> &'static str {
    match code {
        Code::NotFound => "",
        Code::MethodNotAllowed => "This method is not served here: see the Allow header.",
        Code::PayloadTooLarge => "The request's body is larger than 64 KiB.",
        Code::ServerError => "The server made an error. Tell its operator the X-Request-Id.",
        _ => "The request could not be read.",
    }
}

fn with_body(status: u16, kind: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    // Room for what the door adds, at once.
    *response.headers_mut() = HeaderMap::with_capacity(12);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    no_store(response)
}

fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn answered(path: &str, code: Code) -> (u16, String) {
        let response = by_path(path, code, "01a2002a7e187df586f03973a3b3012a");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_unknown_address_is_answered_in_the_form_of_its_neighbours() {
        let oauth = r#"{"error":"ResourceNotFound","error_description":"ResourceNotFound"}"#;
        assert_eq!(answered("/oauth/nothing", Code::NotFound).await, (404, oauth.to_owned()));
        assert_eq!(answered("/oauth/authorize/a/b", Code::NotFound).await, (404, oauth.to_owned()));
        let bff = concat!(
            r#"{"success":false,"code":"ResourceNotFound","message":"ResourceNotFound","#,
            r#""requestId":"01A2002A-7E18-7DF5-86F0-3973A3B3012A","data":null}"#
        );
        assert_eq!(answered("/api/bff/v3/nothing", Code::NotFound).await, (404, bff.to_owned()));
        let gitlife = r#"{"message":"404 Not Found: Not Found"}"#;
        assert_eq!(answered("/api/v5/nothing", Code::NotFound).await, (404, gitlife.to_owned()));
        for page in ["/nothing", "/oauth/authorize/nothing", "/api/v6"] {
            let (status, body) = answered(page, Code::NotFound).await;
            assert_eq!(status, 404);
            assert!(body.starts_with("<!doctype html>"), "{page}");
        }
    }

    #[tokio::test]
    async fn a_method_or_a_body_that_is_not_served_is_answered_as_rfc_6749_has_it() {
        assert_eq!(answered("/oauth/token", Code::MethodNotAllowed).await.0, 405);
        let (status, body) = answered("/oauth/token", Code::PayloadTooLarge).await;
        assert_eq!(status, 413);
        assert!(body.starts_with(r#"{"error":"invalid_request""#), "{body}");
    }

    #[test]
    fn st_16_fm_94_a_redirect_is_303_and_a_location_that_is_no_header_goes_nowhere() {
        assert_eq!(see_other("/a").status(), StatusCode::SEE_OTHER);
        let bad = see_other("/a\r\nSet-Cookie: x=y");
        assert_eq!(bad.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!bad.headers().contains_key(header::LOCATION));
    }

    #[test]
    fn a_callers_own_request_id_becomes_the_same_uuid_each_time() {
        assert_eq!(uuid("mine"), uuid("mine"));
        assert_ne!(uuid("mine"), uuid("yours"));
        assert_eq!(uuid("mine").len(), 36);
    }
}
