//! Reading what came: query, headers and body, once, within limits.
//!
//! Owns the size limit of a body, how its type is told, and our own pages' forms. The parameters of the protocol are
//! judged by `oauth::parameters`, which is handed query and body apart and untouched.

use crate::web::answer;
use crate::web::door::Visit;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, Method, header};
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use std::net::IpAddr;
use std::time::Duration;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::refusal::{Code, Refusal};

/// The largest body that is read, in bytes (FM-119), but for those that hold a file.
pub const BODY_LIMIT: usize = 64 * 1024;
/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// The most fields that a form of ours may have.
const FIELD_LIMIT: usize = 100;

/// A request, read whole.
pub struct Received {
    /// Its method.
    pub method: Method,
    /// Its path.
    pub path: String,
    /// Its query, as it came.
    pub query: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: axum::body::Bytes,
    /// The address at the other end of the connection. Forwarding headers are not believed (FM-104).
    pub peer: IpAddr,
    /// What this request is called in answers and logs.
    pub request_id: String,
}

impl<S: Sync> FromRequest<S> for Received {
    type Rejection = Response;

    async fn from_request(request: Request, _state: &S) -> Result<Received, Response> {
        Received::within(request, BODY_LIMIT, BODY_PATIENCE).await
    }
}

impl Received {
    /// Reads a request whose body has at most `limit` bytes and arrives within `patience`.
    pub async fn within(request: Request, limit: usize, patience: Duration) -> Result<Received, Response> {
        let (parts, body) = request.into_parts();
        let visit = Visit::of(&parts.extensions);
        let path = parts.uri.path().to_owned();
        let body = tokio::select! {
            biased;
            read = Limited::new(body, limit).collect() => Some(read),
            // Begun only where the body is not there yet.
            () = async { tokio::time::sleep(patience).await } => None,
        };
        let body = match body {
            Some(Ok(body)) => body.to_bytes(),
            Some(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(answer::by_path(&path, Code::PayloadTooLarge, &visit.id));
            }
            // The connection broke, or dripped: whatever is answered, hardly anybody reads it.
            Some(Err(_)) | None => return Err(answer::by_path(&path, Code::InvalidRequest, &visit.id)),
        };
        let query = parts.uri.query().map(str::to_owned);
        let (peer, request_id) = (visit.peer, visit.id.clone());
        Ok(Received { method: parts.method, path, query, headers: parts.headers, body, peer, request_id })
    }

    /// The value of a header that may stand only once; `None` when it is absent, repeated or not text.
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    /// The body with its type, as the parameter reader takes it.
    pub fn typed_body(&self) -> Body<'_> {
        let Some(value) = self.headers.get(header::CONTENT_TYPE) else {
            return if self.body.is_empty() { Body::None } else { Body::Untyped(&self.body) };
        };
        let essence = value.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        match self.body.is_empty() {
            true if is("application/x-www-form-urlencoded") || is("application/json") => Body::None,
            _ if is("application/x-www-form-urlencoded") => Body::Form(&self.body),
            _ if is("application/json") => Body::Json(&self.body),
            _ => Body::Foreign,
        }
    }

    /// The parameters of the protocol, from the query, `body` and HTTP Basic.
    pub fn parameters(&self, body: Body<'_>) -> Result<Parameters, Refusal> {
        if self.headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
            let sentence = "The Authorization header stands more than once: send it once, or the secret in the body.";
            return Err(Refusal::new(Code::InvalidRequest, sentence));
        }
        let is_basic = |value: &&str| value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "));
        let basic = self.header(header::AUTHORIZATION).filter(is_basic);
        Parameters::read(self.query.as_deref(), body, basic)
    }

    /// The fields of a form of one of our own pages; empty for any other body.
    pub fn page_form(&self) -> PageForm {
        let fields = match self.typed_body() {
            Body::Form(bytes) => form_urlencoded::parse(bytes).into_owned().take(FIELD_LIMIT).collect(),
            _ => Vec::new(),
        };
        PageForm(fields)
    }
}

/// The fields of a form of one of our own pages.
pub struct PageForm(Vec<(String, String)>);

impl PageForm {
    /// The field's value; empty when it is absent or stands twice.
    pub fn get(&self, name: &str) -> &str {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => "",
        }
    }

    /// All values of a field that may stand several times.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Drop for PageForm {
    fn drop(&mut self) {
        // A password may be among them.
        for (_, value) in &mut self.0 {
            zeroize::Zeroize::zeroize(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use std::net::Ipv4Addr;

    fn received(kind: Option<&'static str>, body: &'static str) -> Received {
        let mut headers = HeaderMap::new();
        kind.map(|kind| headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind)));
        Received {
            method: Method::POST,
            path: "/".to_owned(),
            query: None,
            headers,
            body: body.into(),
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            request_id: String::new(),
        }
    }

    #[test]
    fn a_body_is_told_by_its_type() {
        const FORM: &str = "Application/X-WWW-form-urlencoded; charset=UTF-8";
        assert!(matches!(received(Some(FORM), "a=1").typed_body(), Body::Form(b"a=1")));
        assert!(matches!(received(Some(FORM), "").typed_body(), Body::None));
        assert!(matches!(received(Some("application/json"), "{}").typed_body(), Body::Json(b"{}")));
        assert!(matches!(received(None, "x").typed_body(), Body::Untyped(b"x")));
        assert!(matches!(received(None, "").typed_body(), Body::None));
        assert!(matches!(received(Some("text/xml"), "<a/>").typed_body(), Body::Foreign));
        assert!(matches!(received(Some("application/jsonp"), "{}").typed_body(), Body::Foreign));
    }

    #[test]
    fn fm_51_a_field_that_stands_twice_in_a_form_is_none() {
        let form = received(Some("application/x-www-form-urlencoded"), "step=a&step=b&scope=x&scope=y&name=%C3%A9")
            .page_form();
        assert_eq!(form.get("step"), "");
        assert_eq!(form.get("absent"), "");
        assert_eq!(form.get("name"), "é");
        assert_eq!(form.all("scope").collect::<Vec<_>>(), ["x", "y"]);
    }
}
