//! The only opener of connections to other machines.
//!
//! Owns one policy for all of them, because every way in that had one of its own was a hole somewhere (FM-86): a name is
//! resolved once, every address of it is judged, and the connection goes to a judged address (FM-88); redirects are not
//! followed (FM-87, FM-91) and the server asks no proxy; https only, unless an administrator allowed the host; time, size and
//! number are bounded. An answer is handed to whoever asked and is never shown to anybody else (FM-90).
//!
//! Each call has a connection of its own. Keeping some open belongs here too, once calls come in numbers that pay for it.

pub mod address;
pub mod allowed;
pub mod proxy;
mod resolver;
mod tls;

#[cfg(test)]
pub(crate) mod tests;

use crate::clock::Until;
use crate::places::Places;
use address::{Reach, judge};
use allowed::AllowedHost;
use axum::body::Bytes;
use axum::http::{self, HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use proxy::Proxy;
use resolver::{ADDRESSES, Resolve, System};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tls::Tls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::{Host, Url};

/// Calls that may be under way at once; more wait, in the order in which they came.
const IN_FLIGHT: usize = 64;
/// Those of them that go to one host and port: one that takes everybody's time must leave turns to the others.
const AT_ONE_HOST: usize = 16;
/// How long one address may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// What an answer's head may be long, in bytes, and how many headers it may have.
const HEAD_BYTES: usize = 32 * 1024;
const HEADERS: usize = 100;
/// The longest address that is called, in bytes.
const LONGEST_URL: usize = 8 * 1024;
/// Some hosts answer 403 to whoever does not say what they are.
const USER_AGENT: &str = concat!("Vestibule/", env!("CARGO_PKG_VERSION"));

/// A call to another machine.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do there.
    pub method: Method,
    /// Where.
    pub url: String,
    /// What to send along. `Host`, `User-Agent` and `Connection` are ours.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What to send.
    pub body: Bytes,
    /// How long it may wait for its turn while as many go to the same host as may.
    pub patience: Duration,
    /// How long all of it may take from its turn on: that others were slow is not held against this one.
    pub deadline: Duration,
    /// How long the wait for its turn and all of it may take together.
    pub whole: Duration,
    /// After which moment it is not sent any more, wherever it stands by then: this process may have slept.
    pub until: Option<Until>,
    /// How many bytes of an answer are read; with 0 its head is the answer, and what follows is neither read nor waited for.
    pub most: usize,
}

/// What came back.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "of a logout only the status counts; who reads more comes later")]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no reply, and whether the request may have been received all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was sent: trying again does nothing twice.
    Definite(Why),
    /// It may have been received and acted upon.
    Unknown(Why),
}

/// Why there is no reply. Never holds what the other side said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The address cannot be called: no http or https, no host, credentials before the host, too long.
    Address,
    /// Plain http to a host that nobody allowed.
    PlainHttp,
    /// The host, or one of its addresses, is private and nobody allowed it, or is one that is never called.
    Forbidden,
    /// The name has no address.
    NoAddress,
    /// As many calls as may went to the host already, for as long as this one could wait.
    Crowded,
    /// No address accepted a connection.
    Connect,
    /// The proxy made no tunnel.
    Proxy,
    /// There was no handshake: the certificate, mostly.
    Tls,
    /// It took longer than it may.
    Late,
    /// The answer is larger than it may be.
    TooLarge,
    /// The connection broke, or what came back is no HTTP.
    Broken,
}

impl Why {
    /// In a word, for the trail and the log.
    pub const fn name(self) -> &'static str {
        match self {
            Why::Address => "address",
            Why::PlainHttp => "plain_http",
            Why::Forbidden => "forbidden_address",
            Why::NoAddress => "no_address",
            Why::Crowded => "crowded",
            Why::Connect => "connect",
            Why::Proxy => "proxy",
            Why::Tls => "tls",
            Why::Late => "late",
            Why::TooLarge => "too_large",
            Why::Broken => "broken",
        }
    }
}

impl Failure {
    /// Why.
    pub const fn why(self) -> Why {
        match self {
            Failure::Definite(why) | Failure::Unknown(why) => why,
        }
    }
}

/// Opens connections to other machines.
pub struct Outbound {
    resolver: Box<dyn Resolve>,
    allowed: Vec<AllowedHost>,
    tls: Tls,
    proxy: Option<Proxy>,
    at_hosts: Places<String>,
    in_flight: Semaphore,
}

impl Outbound {
    /// Asks the system's resolver. `extra` are files with certificates to trust besides the machine's.
    pub fn new(allowed: Vec<AllowedHost>, extra: Vec<PathBuf>) -> Result<Outbound, String> {
        let tls = Tls::new(extra);
        tls.try_extra()?;
        Ok(Outbound::resolving_by(Box::new(System::new()), allowed, tls))
    }

    /// For a command that calls the one house that its caller named, wherever it is; by way of `proxy` where https goes there.
    pub fn to_house(house: AllowedHost, extra: Vec<PathBuf>, proxy: Option<Proxy>) -> Result<Outbound, String> {
        Ok(Outbound { proxy, ..Outbound::new(vec![house], extra)? })
    }

    fn resolving_by(resolver: Box<dyn Resolve>, allowed: Vec<AllowedHost>, tls: Tls) -> Outbound {
        let (at_hosts, in_flight) = (Places::new(AT_ONE_HOST), Semaphore::new(IN_FLIGHT));
        Outbound { resolver, allowed, tls, proxy: None, at_hosts, in_flight }
    }

    /// Makes the call and reads the answer, whatever its status: a redirect is an answer like any other.
    pub async fn send(&self, request: Request) -> Result<Reply, Failure> {
        let url = read_url(&request.url).ok_or(Failure::Definite(Why::Address))?;
        let (turned, sent) = (AtomicBool::new(false), AtomicBool::new(false));
        let outcome = match timeout(request.whole, self.send_in_turn(&url, &request, &turned, &sent)).await {
            Ok(outcome) => outcome,
            Err(_) if turned.load(Ordering::Relaxed) => Err(Why::Late),
            Err(_) => Err(Why::Crowded),
        };
        // Whoever has sent nothing must know, whatever there was no time left for.
        outcome.map_err(|why| match sent.load(Ordering::Relaxed) {
            false => Failure::Definite(why),
            true => Failure::Unknown(why),
        })
    }

    async fn send_in_turn(
        &self,
        url: &Url,
        request: &Request,
        turned: &AtomicBool,
        sent: &AtomicBool,
    ) -> Result<Reply, Why> {
        let host =
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let _seat = self.at_hosts.take(host, request.patience).await.ok_or(Why::Crowded)?;
        let turn = timeout(request.patience, self.in_flight.acquire()).await;
        let _turn = turn.map_err(|_| Why::Crowded)?.map_err(|_| Why::Broken)?;
        turned.store(true, Ordering::Relaxed);
        timeout(request.deadline, self.call(url, request, sent)).await.unwrap_or(Err(Why::Late))
    }

    async fn call(&self, url: &Url, request: &Request, sent: &AtomicBool) -> Result<Reply, Why> {
        let allowed = self.allowed.iter().any(|host| host.allows(url));
        if url.scheme() != "https" && !allowed {
            return Err(Why::PlainHttp);
        }
        let stream = match &self.proxy {
            Some(proxy) if url.scheme() == "https" => {
                let mut stream = connect(&self.addresses(proxy.url(), true).await?).await?;
                proxy.tunnel(&mut stream, url).await?;
                stream
            }
            _ => connect(&self.addresses(url, allowed).await?).await?,
        };
        if url.scheme() == "https" {
            let stream = self.tls.connect(url, stream).await.map_err(|error| {
                tracing::debug!(%error, "no handshake");
                Why::Tls
            })?;
            return talk(stream, url, request, sent).await;
        }
        talk(stream, url, request, sent).await
    }

    /// Where to connect: resolved once, and good only if every address is.
    async fn addresses(&self, url: &Url, allowed: bool) -> Result<Vec<SocketAddr>, Why> {
        let worst = if allowed { Reach::Private } else { Reach::Public };
        let port = url.port_or_known_default().ok_or(Why::Address)?;
        let found: Vec<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            Some(Host::Domain(name)) => self.resolver.resolve(name).await.map_err(|_| Why::NoAddress)?,
            None => return Err(Why::Address),
        };
        if found.is_empty() {
            return Err(Why::NoAddress);
        }
        if found.len() > ADDRESSES || found.iter().any(|address| judge(*address) > worst) {
            return Err(Why::Forbidden);
        }
        Ok(found.into_iter().map(|address| SocketAddr::new(address, port)).collect())
    }
}

/// Reads an address as it will be called. What other readers take for another host is refused, not mended.
fn read_url(text: &str) -> Option<Url> {
    if text.len() > LONGEST_URL || text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let web = matches!(url.scheme(), "https" | "http") && url.host().is_some();
    (web && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// Connects to the first address that accepts.
async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, Why> {
    for address in addresses {
        if let Ok(Ok(stream)) = timeout(CONNECT, TcpStream::connect(address)).await {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(Why::Connect)
}

/// One request and its answer over a fresh connection. Dropping it ends the connection.
async fn talk<S>(stream: S, url: &Url, request: &Request, sent: &AtomicBool) -> Result<Reply, Why>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES).max_headers(HEADERS);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| Why::Broken)?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let message = spell(url, request)?;
    if request.until.as_ref().is_some_and(Until::is_over) {
        return Err(Why::Late);
    }
    sent.store(true, Ordering::Relaxed);
    let answer = sender.send_request(message).await.map_err(|error| match error.is_parse_too_large() {
        true => Why::TooLarge,
        false => Why::Broken,
    })?;
    read(answer, request.most).await
}

fn spell(url: &Url, request: &Request) -> Result<http::Request<Full<Bytes>>, Why> {
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut message = http::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = target.parse().map_err(|_| Why::Address)?;
    let headers = message.headers_mut();
    for (name, value) in &request.headers {
        headers.append(name, value.clone());
    }
    headers.insert(header::HOST, HeaderValue::from_str(&host).map_err(|_| Why::Address)?);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(message)
}

async fn read(answer: http::Response<Incoming>, most: usize) -> Result<Reply, Why> {
    let (parts, body) = answer.into_parts();
    if most == 0 {
        return Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body: Bytes::new() });
    }
    let body = Limited::new(body, most).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
        true => Why::TooLarge,
        false => Why::Broken,
    })?;
    Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body: body.to_bytes() })
}
