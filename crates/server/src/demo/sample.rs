//! The sample application: a real OAuth 2.0 client, in the same process only so that one command shows the round trip.
//!
//! Owns its pages and its two calls to the server. It uses nothing of the server but its public HTTP endpoints: the
//! metadata, the browser's redirects, `POST /oauth/token` with HTTP Basic and the userinfo endpoint. It is written as an
//! application should be: `state`, PKCE and `iss` are checked, tokens stay on its own server.

use super::call::{Peer, Reply};
use super::flow::{Flow, cookie, encode, key};
use super::visits::{self, Visit};
use crate::dice::Dice;
use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use vestibule_oauth::secret::Secret;

/// How many finished sign-ins it keeps to show.
const KEPT: usize = 32;

/// What the sample application knows.
pub struct Sample {
    /// Where the server is.
    pub peer: Peer,
    /// The server's public URL.
    pub issuer: String,
    /// Its own address, `http://localhost:<port>`.
    pub origin: String,
    /// Its credentials.
    pub client_id: String,
    /// Its credentials.
    pub client_secret: Secret,
    /// The demo's other applications, which it gives a place to land.
    pub visits: Vec<Visit>,
    /// Randomness for `state`, PKCE and result keys.
    pub dice: Dice,
    /// Finished sign-ins by their key, the newest last.
    pub results: Mutex<VecDeque<(String, String)>>,
}

/// What the server's metadata (RFC 8414) says.
struct Metadata {
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
}

/// Why a sign-in came to nothing: a sentence, and the server's error code if it gave one.
pub struct Problem {
    /// What happened, for the person.
    pub sentence: String,
    /// The error code on the wire, or nothing.
    pub code: String,
}

impl Problem {
    /// A problem that the server gave no code for.
    pub fn new(sentence: impl Into<String>) -> Problem {
        Problem { sentence: sentence.into(), code: String::new() }
    }
}

#[derive(Template)]
#[template(path = "sample/home.html")]
struct Home<'a> {
    issuer: &'a str,
    visits: &'a [Visit],
}

#[derive(Template)]
#[template(path = "sample/signed_in.html")]
struct SignedIn<'a> {
    issuer: &'a str,
    person: String,
    token_endpoint: &'a str,
    userinfo_endpoint: &'a str,
    token: Vec<(String, String)>,
    userinfo: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "sample/problem.html")]
struct ProblemPage<'a> {
    issuer: &'a str,
    sentence: &'a str,
    code: &'a str,
}

/// All its routes.
pub fn router(sample: Arc<Sample>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/start", get(start))
        .route("/start/{template}", get(visits::start))
        .route("/callback", get(callback))
        .route("/callback/{template}", get(visits::land))
        .route("/signed-in", get(signed_in))
        .route("/style.css", get(style))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn_with_state(sample.clone(), dress))
        .with_state(sample)
}

/// Every answer's headers; and only its own name is served, so that no foreign page can read it by rebinding a name.
async fn dress(State(sample): State<Arc<Sample>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if sample.origin.strip_prefix("http://") != Some(host) {
        return (StatusCode::MISDIRECTED_REQUEST, format!("Open {} instead.\n", sample.origin)).into_response();
    }
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("sample.css")).into_response()
}

async fn home(State(sample): State<Arc<Sample>>) -> Response {
    page(&Home { issuer: &sample.issuer, visits: &sample.visits })
}

/// Sends the person to the server, with `state` and a PKCE challenge that only this browser's cookie answers to.
async fn start(State(sample): State<Arc<Sample>>) -> Response {
    match sample.metadata().await {
        Err(problem) => sample.problem(&problem),
        Ok(metadata) => {
            let flow = Flow::new(sample.dice);
            let scope = "openid profile email phone offline_access";
            let redirect_uri = format!("{}/callback", sample.origin);
            let query = flow.query(&sample.client_id, &redirect_uri, Some(scope), true);
            go(&format!("{}?{query}", metadata.authorization_endpoint), &[flow.cookie()])
        }
    }
}

async fn callback(State(sample): State<Arc<Sample>>, request: Request) -> Response {
    let parameters = query(&request);
    let flow = Flow::of(request.headers());
    match sample.finish(flow, &parameters).await {
        Err(problem) => sample.problem(&problem),
        Ok(html) => {
            let key = key(sample.dice);
            let mut results = sample.results.lock().unwrap_or_else(PoisonError::into_inner);
            if results.len() == KEPT {
                results.pop_front();
            }
            results.push_back((key.clone(), html));
            drop(results);
            // A page of its own: reloading it does not present the code again.
            let kept = format!("sample_result={key}; HttpOnly; SameSite=Lax; Path=/signed-in");
            go("/signed-in", &[kept, Flow::FORGET.to_owned()])
        }
    }
}

async fn signed_in(State(sample): State<Arc<Sample>>, headers: HeaderMap) -> Response {
    let key = cookie(&headers, "sample_result");
    let results = sample.results.lock().unwrap_or_else(PoisonError::into_inner);
    match results.iter().find(|(stored, _)| Some(stored) == key.as_ref()) {
        Some((_, html)) => html_page(StatusCode::OK, html.clone()),
        None => go("/", &[]),
    }
}

impl Sample {
    async fn metadata(&self) -> Result<Metadata, Problem> {
        let reply = self.get("/.well-known/oauth-authorization-server", &[]).await?;
        let value: Value = serde_json::from_str(&reply.body)
            .map_err(|_| Problem::new(format!("{} gave metadata that is not JSON.", self.issuer)))?;
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        if text("issuer").as_deref() != Some(&self.issuer) {
            return Err(Problem::new(format!("The metadata is not that of {}.", self.issuer)));
        }
        let missing = |name: &str| Problem::new(format!("The metadata names no {name}."));
        Ok(Metadata {
            authorization_endpoint: text("authorization_endpoint").ok_or_else(|| missing("authorization_endpoint"))?,
            token_endpoint: text("token_endpoint").ok_or_else(|| missing("token_endpoint"))?,
            userinfo_endpoint: text("userinfo_endpoint").unwrap_or_else(|| format!("{}/oauth/userinfo", self.issuer)),
        })
    }

    /// Everything after the browser came back; gives the page that shows it.
    async fn finish(&self, flow: Option<Flow>, parameters: &[(String, String)]) -> Result<String, Problem> {
        let flow = flow.ok_or_else(|| {
            Problem::new(
                "This browser has no sign-in under way here: it may be finished already, or have taken too long.",
            )
        })?;
        let code = flow.check(parameters, &self.issuer)?;
        let metadata = self.metadata().await?;
        let redirect_uri = format!("{}/callback", self.origin);
        let body = encode(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &flow.verifier),
        ]);
        let headers = [
            format!("Authorization: Basic {}", basic(&self.client_id, self.client_secret.expose())),
            "Content-Type: application/x-www-form-urlencoded".to_owned(),
        ];
        let reply = self.call("POST", self.path(&metadata.token_endpoint)?, &headers, &body).await?;
        let token = object(&reply, "token endpoint")?;
        let access_token = token["access_token"].as_str().unwrap_or_default().to_owned();
        let bearer = format!("Authorization: Bearer {access_token}");
        let reply = self.get(self.path(&metadata.userinfo_endpoint)?, &[bearer]).await?;
        let userinfo = object(&reply, "userinfo endpoint")?;
        let person = ["nickname", "name", "preferred_username", "email", "sub"];
        let person = person.into_iter().find_map(|claim| userinfo[claim].as_str()).unwrap_or("somebody").to_owned();
        let page = SignedIn {
            issuer: &self.issuer,
            person,
            token_endpoint: &metadata.token_endpoint,
            userinfo_endpoint: &metadata.userinfo_endpoint,
            token: rows(&token),
            userinfo: rows(&userinfo),
        };
        page.render().map_err(|_| Problem::new("The page cannot be drawn."))
    }

    /// The path of an endpoint of the server; an endpoint elsewhere is not called.
    fn path<'a>(&self, endpoint: &'a str) -> Result<&'a str, Problem> {
        let path = endpoint.strip_prefix(&self.issuer).filter(|path| path.starts_with('/'));
        path.ok_or_else(|| Problem::new(format!("The metadata points elsewhere: {endpoint}.")))
    }

    async fn get(&self, path: &str, headers: &[String]) -> Result<Reply, Problem> {
        self.call("GET", path, headers, "").await
    }

    async fn call(&self, method: &str, path: &str, headers: &[String], body: &str) -> Result<Reply, Problem> {
        let reply = self.peer.call(method, path, headers, body).await;
        reply.map_err(|why| Problem::new(format!("{} could not be asked: {why}.", self.issuer)))
    }

    /// The other application of this template.
    pub fn visit(&self, template: &str) -> Option<&Visit> {
        self.visits.iter().find(|visit| visit.template() == template)
    }

    /// The page for a sign-in that came to nothing.
    pub fn problem(&self, problem: &Problem) -> Response {
        let shown = ProblemPage { issuer: &self.issuer, sentence: &problem.sentence, code: &problem.code };
        let mut response = page(&shown);
        *response.status_mut() = StatusCode::BAD_REQUEST;
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_static(Flow::FORGET));
        response
    }
}

/// The JSON object of a good answer, or the server's refusal.
fn object(reply: &Reply, from: &str) -> Result<Value, Problem> {
    let value: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    if reply.status == 200 && value.is_object() {
        return Ok(value);
    }
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let sentence = format!("The {from} refused with status {}. {}", reply.status, text("error_description"));
    Err(Problem { sentence: sentence.trim_end().to_owned(), code: text("error") })
}

/// The members of an answer for a table, tokens shortened: a screen is no place for a whole one.
fn rows(value: &Value) -> Vec<(String, String)> {
    let members = value.as_object().into_iter().flatten();
    let row = |(name, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let shown = if name.ends_with("_token") {
            format!("{}… ({} characters)", text.chars().take(12).collect::<String>(), text.chars().count())
        } else {
            text
        };
        (name.clone(), shown)
    };
    members.map(row).collect()
}

/// Client credentials for HTTP Basic: each form-encoded first (RFC 6749 section 2.3.1).
fn basic(client_id: &str, client_secret: &str) -> String {
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    STANDARD.encode(format!("{}:{}", part(client_id), part(client_secret)))
}

/// The parameters of the request's query.
pub fn query(request: &Request) -> Vec<(String, String)> {
    form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect()
}

/// Sends the browser on, with these cookies.
pub fn go(location: &str, cookies: &[String]) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A page of the sample.
pub fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => html_page(StatusCode::OK, html),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn html_page(status: StatusCode, html: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_whole_token_reaches_the_screen() {
        let token = "vst_at_0123456789";
        let shown = rows(&serde_json::json!({"access_token": token, "expires_in": 600}));
        assert!(shown.iter().all(|(_, text)| !text.contains(token)), "{shown:?}");
        assert!(shown.contains(&("expires_in".to_owned(), "600".to_owned())), "{shown:?}");
    }

    #[test]
    fn credentials_are_form_encoded_before_basic() {
        assert_eq!(STANDARD.decode(basic("a:b", "c d")).unwrap(), b"a%3Ab:c+d");
    }
}
