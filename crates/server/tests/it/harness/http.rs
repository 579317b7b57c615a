//! A plain HTTP/1.1 client that sends exactly the bytes that a test wrote: no redirects, no normalised paths, no
//! header of its own but Host, Content-Length and Connection.
//!
//! Owns no cookies: those are the visitor's.

use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// A request on its way.
#[derive(Clone)]
pub struct Call {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Call {
    pub fn new(method: &str, url: impl Into<String>) -> Call {
        Call { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(url: impl Into<String>) -> Call {
        Call::new("GET", url)
    }

    pub fn post(url: impl Into<String>) -> Call {
        Call::new("POST", url)
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Call {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn bearer(self, token: &str) -> Call {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// HTTP Basic with id and secret form-encoded, as RFC 6749 section 2.3.1 says.
    pub fn basic(self, id: &str, secret: &str) -> Call {
        let encode = |s: &str| form_urlencoded::byte_serialize(s.as_bytes()).collect::<String>();
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", encode(id), encode(secret)));
        self.header("Authorization", format!("Basic {pair}"))
    }

    pub fn body(mut self, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> Call {
        if let Some(kind) = content_type {
            self.headers.push(("Content-Type".into(), kind.into()));
        }
        self.body = body.into();
        self
    }

    pub fn form(self, fields: &[(&str, &str)]) -> Call {
        self.body(Some("application/x-www-form-urlencoded"), query(fields))
    }

    pub fn json(self, value: &Value) -> Call {
        self.body(Some("application/json"), value.to_string())
    }

    /// The same call with these parameters in the query.
    pub fn query(mut self, fields: &[(&str, &str)]) -> Call {
        let sign = if self.url.contains('?') { '&' } else { '?' };
        self.url = format!("{}{sign}{}", self.url, query(fields));
        self
    }

    /// Where it goes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sends it and reads the whole answer. Panics when there is none within a minute.
    pub fn send(&self) -> Answer {
        self.try_send().unwrap_or_else(|why| panic!("{} {}: {why}", self.method, self.url))
    }

    /// Sends it; an error is a connection that gave no answer.
    pub fn try_send(&self) -> Result<Answer, String> {
        let (authority, bytes) = self.spell()?;
        raw(&authority, &bytes)
    }

    /// Sends it from this address of the machine's.
    pub fn send_from(&self, address: Ipv4Addr) -> Result<Answer, String> {
        let (authority, bytes) = self.spell()?;
        speak(connect_from(&authority, address)?, &bytes)
    }

    /// Where it goes, and its bytes.
    fn spell(&self) -> Result<(String, Vec<u8>), String> {
        let rest = self.url.strip_prefix("http://").ok_or("only http:// here")?;
        let (authority, target) = match rest.find(['/', '?']) {
            Some(at) if rest.as_bytes()[at] == b'/' => (&rest[..at], rest[at..].to_owned()),
            Some(at) => (&rest[..at], format!("/{}", &rest[at..])),
            None => (rest, "/".to_owned()),
        };
        let mut head = format!("{} {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n", self.method);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || self.method != "GET" {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        Ok((authority.to_owned(), bytes))
    }
}

/// Sends `bytes` as they are to `authority` (host:port) and reads one answer.
pub fn raw(authority: &str, bytes: &[u8]) -> Result<Answer, String> {
    speak(connect(authority)?, bytes)
}

fn speak(mut stream: TcpStream, bytes: &[u8]) -> Result<Answer, String> {
    // A server may answer and close before it has read everything: the answer counts, not the write.
    let _ = stream.write_all(bytes);
    let mut reply = Vec::new();
    let mut piece = [0; 16 * 1024];
    while !is_whole(&reply) {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => reply.extend_from_slice(&piece[..n]),
            // A read with a time limit is not taken up again by itself when the process was halted meanwhile.
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
            Err(why) if reply.is_empty() => return Err(why.to_string()),
            Err(_) => break,
        }
    }
    parse(&reply)
}

/// Whether the answer has come as far as its Content-Length says: chromedriver does not close when asked to.
fn is_whole(reply: &[u8]) -> bool {
    let Some(end) = reply.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&reply[..end]).to_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    length.is_some_and(|length| reply.len() >= end + 4 + length)
}

/// A connection with the time limits of the tests.
pub fn connect(authority: &str) -> Result<TcpStream, String> {
    within_limits(TcpStream::connect(authority).map_err(|e| e.to_string())?)
}

/// The same from another address of the machine's: the whole network 127.0.0.0/8 is.
fn connect_from(authority: &str, address: Ipv4Addr) -> Result<TcpStream, String> {
    let to = authority.parse().map_err(|_| "an address and a port")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let connected = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind((address, 0).into())?;
        socket.connect(to).await?.into_std()
    });
    let stream = connected.map_err(|e| e.to_string())?;
    stream.set_nonblocking(false).map_err(|e| e.to_string())?;
    within_limits(stream)
}

fn within_limits(stream: TcpStream) -> Result<TcpStream, String> {
    let limit = Some(Duration::from_secs(60));
    stream.set_read_timeout(limit).and_then(|()| stream.set_write_timeout(limit)).map_err(|e| e.to_string())?;
    Ok(stream)
}

/// Form-encodes these fields.
pub fn query(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn parse(reply: &[u8]) -> Result<Answer, String> {
    let end = reply.windows(4).position(|w| w == b"\r\n\r\n").ok_or("no complete header came back")?;
    let head = String::from_utf8_lossy(&reply[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|l| l.split(' ').nth(1)).and_then(|s| s.parse().ok()).ok_or("no status")?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|l| l.split_once(':'))
        .map(|(n, v)| (n.trim().to_ascii_lowercase(), v.trim().to_owned()))
        .collect();
    let body = &reply[end + 4..];
    let chunked = headers.iter().any(|(n, v)| n == "transfer-encoding" && v.eq_ignore_ascii_case("chunked"));
    let body = if chunked { unchunk(body) } else { body.to_vec() };
    Ok(Answer { status, headers, body })
}

fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = body.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(String::from_utf8_lossy(&body[..line]).trim(), 16).unwrap_or(0);
        let start = line + 2;
        if size == 0 || body.len() < start + size {
            break;
        }
        whole.extend_from_slice(&body[start..start + size]);
        body = &body[(start + size + 2).min(body.len())..];
    }
    whole
}

impl Answer {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Every header of this name (lower case).
    pub fn headers_named(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {} {}", self.status, self.text()))
    }

    /// Where it sends the browser.
    pub fn location(&self) -> &str {
        self.header("location").unwrap_or_else(|| panic!("no Location: {} {}", self.status, self.text()))
    }

    /// Asserts an OAuth error: this status, this code, and a sentence beside it.
    #[track_caller]
    pub fn refused(&self, status: u16, error: &str) -> Value {
        let text = self.text();
        assert_eq!(self.status, status, "{text}");
        let json = self.json();
        assert_eq!(json["error"], error, "{text}");
        assert!(json["error_description"].as_str().is_some_and(|d| !d.is_empty()), "no sentence: {text}");
        json
    }
}
