//! The Vestibule server, as the credential helper calls it.
//!
//! Owns the two calls: who signs in to them, how long they may take, and what an answer means to git. It never goes where a
//! redirect points, and over plain http only to this machine: what comes back is a token.

use super::secret_file::Key;
use super::wish::Wish;
use crate::clock::Clock;
use crate::config;
use crate::outbound::allowed::AllowedHost;
use crate::outbound::{Outbound, Reply, Request, Why};
use crate::web::aksk::{Presented, Signed, spell_date};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::Duration;
use url::{Host, Url};
use vestibule_oauth::secret::{Kind, MachineSecret, Secret};

/// A server, a project of it, and what to sign in with.
pub struct Server {
    origin: String,
    authority: String,
    path: String,
    outbound: Outbound,
    key: Key,
}

impl Server {
    /// The server at `url`.
    pub fn at(url: &str, project: &str, extra_ca: Vec<PathBuf>, key: Key) -> Result<Server, String> {
        let origin = config::public_url(url).map_err(|why| why.replace("the public URL", "--server"))?;
        let url = Url::parse(&origin).map_err(|_| "--server cannot be read".to_owned())?;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let is_here = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if url.scheme() != "https" && !is_here {
            return Err("--server must be https: whoever is on the way could read the token".to_owned());
        }
        let is_id = project.len() == 32 && project.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            return Err("--project must be the project's id, 32 digits (`vestibule project list`)".to_owned());
        }
        let house = AllowedHost::parse(&format!("{host}:{port}")).map_err(|_| "--server cannot be read".to_owned())?;
        let proxy = if is_here { None } else { config::proxy_to(host)? };
        let outbound = Outbound::to_house(house, extra_ca, proxy)?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Server { authority, path: format!("/v1/{project}/git/credentials"), origin, outbound, key })
    }

    /// Asks for the token that is good for where git goes. `None` where the project has none for that host.
    pub async fn ask(&self, authorization: Option<&str>, wish: &Wish) -> Result<Option<Value>, String> {
        let reply = self.call(&self.path, body(authorization, wish)).await?;
        match reply.status {
            200 => Ok(Some(serde_json::from_slice(&reply.body).map_err(|_| self.no_vestibule(&reply))?)),
            _ => self.refusal(&reply).map(|()| None),
        }
    }

    /// Tells that the host refused a token, of which only the digest is sent: the server asks the host about its own.
    pub async fn doubt(&self, authorization: Option<&str>, wish: &Wish, refused: &Secret) -> Result<(), String> {
        let mut body = body(authorization, wish);
        body.insert("digest".to_owned(), URL_SAFE_NO_PAD.encode(refused.digest().as_bytes()).into());
        let reply = self.call(&format!("{}/refused", self.path), body).await?;
        if reply.status == 204 { Ok(()) } else { self.refusal(&reply) }
    }

    async fn call(&self, path: &str, body: Map<String, Value>) -> Result<Reply, String> {
        let body = Bytes::from(Value::Object(body).to_string());
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.sign_in(path, &body, &mut headers).ok_or("the secret file holds something that cannot be sent")?;
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name?, value))).collect();
        let (method, url) = (Method::POST, format!("{}{path}", self.origin));
        let (patience, deadline) = (PATIENCE, PATIENCE);
        let (whole, until) = (Duration::MAX, None);
        let request = Request { method, url, headers, body, patience, deadline, whole, until, most: MOST_ANSWER };
        self.outbound.send(request).await.map_err(|failure| match failure.why() {
            Why::Tls => format!("{} has no certificate that this machine trusts; --extra-ca names more", self.origin),
            Why::Late => format!("{} did not answer in time", self.origin),
            Why::Proxy => format!("the proxy makes no tunnel to {}", self.origin),
            why => format!("{} cannot be reached ({})", self.origin, why.name()),
        })
    }

    fn sign_in(&self, path: &str, body: &[u8], headers: &mut HeaderMap) -> Option<()> {
        let secret = |text: &str| {
            let mut value = HeaderValue::from_str(text).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        match &self.key {
            Key::Token(token) if MachineSecret::parse(Kind::ProjectToken, token.expose()).is_some() => {
                headers.insert(HeaderName::from_static("x-auth-token"), secret(token.expose())?);
            }
            Key::Token(token) => {
                headers.insert(header::AUTHORIZATION, secret(&format!("Bearer {}", token.expose()))?);
            }
            Key::Signs(access, key) => {
                headers.insert(header::HOST, HeaderValue::from_str(&self.authority).ok()?);
                let date = spell_date(Clock::system().now());
                headers.insert(HeaderName::from_static("x-sdk-date"), HeaderValue::from_str(&date).ok()?);
                let method = &Method::POST;
                let signature = Presented::sign(access, key, &Signed { method, path, query: "", headers, body })?;
                headers.insert(header::AUTHORIZATION, secret(&signature)?);
            }
        }
        Some(())
    }

    /// What a refusal means to git: that there is nothing for this host, or a sentence.
    fn refusal(&self, reply: &Reply) -> Result<(), String> {
        let answer: Option<Value> = serde_json::from_slice(&reply.body).ok();
        let text = |name: &str| answer.as_ref().and_then(|answer| answer.get(name)?.as_str()).map(printable);
        match (text("error_code").as_deref(), text("error_msg")) {
            (Some(NOT_THERE), _) => Ok(()),
            (Some(_), Some(sentence)) => Err(format!("{} says: {sentence}", self.origin)),
            _ => Err(self.no_vestibule(reply)),
        }
    }

    fn no_vestibule(&self, reply: &Reply) -> String {
        format!(
            "{} does not answer as a Vestibule server does (status {}); is --server right?",
            self.origin, reply.status
        )
    }
}

/// What is asked for.
fn body(authorization: Option<&str>, wish: &Wish) -> Map<String, Value> {
    let mut body = Map::new();
    let members = [
        ("authorization", authorization.map(str::to_owned)),
        ("url", Some(wish.to.as_str().to_owned())),
        ("username", wish.user.clone()),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    body
}

/// A server's words, as they may stand on a terminal: one line, nothing that moves the cursor.
fn printable(text: &str) -> String {
    let line: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_SENTENCE).collect();
    line.trim_end_matches('.').to_owned()
}

/// What the server says when the project has no authorization at the host, or the named one is another host's.
const NOT_THERE: &str = "SVCSTG.REPO.0452";
/// How long a call may take: longer than the server waits for a host that renews a token, so that its own answer comes, which
/// says when to come again.
const PATIENCE: Duration = Duration::from_secs(40);
const MOST_ANSWER: usize = 64 * 1024;
const LONGEST_SENTENCE: usize = 500;
