//! HTTP/1.1 as the load generator speaks it: one kept-alive connection, one request at a time, no copies.
//!
//! Owns writing requests and finding the end of an answer. Ours because the generator has one core for thousands of
//! requests a second that the server answers with the other: a client library would be the bottleneck.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection with what has come in on it.
pub struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
}

/// An answer, as it lies in the connection's buffer.
pub struct Reply<'a> {
    pub status: u16,
    head: &'a str,
    pub body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub async fn open(to: SocketAddr) -> Result<Connection, String> {
        let stream = TcpStream::connect(to).await.map_err(|error| format!("no connection to {to}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Connection { stream, inbox: Vec::with_capacity(16 * 1024) })
    }

    /// Sends one request and waits for its whole answer.
    pub async fn call(&mut self, request: &[u8]) -> Result<Reply<'_>, String> {
        self.stream.write_all(request).await.map_err(|error| format!("a request could not be sent: {error}"))?;
        self.inbox.clear();
        loop {
            if let Some((head, whole)) = measure(&self.inbox)
                && self.inbox.len() >= whole
            {
                return read(&self.inbox, head, whole).ok_or_else(|| "an answer is no HTTP".to_owned());
            }
            match self.stream.read_buf(&mut self.inbox).await {
                Ok(0) => return Err("the server closed a connection".to_owned()),
                Ok(_) => {}
                Err(error) => return Err(format!("an answer broke off: {error}")),
            }
        }
    }
}

/// Where the head ends and where the answer does; `None` until the head is whole.
fn measure(inbox: &[u8]) -> Option<(usize, usize)> {
    let head = inbox.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&inbox[..head]).ok()?;
    let length = header(text, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    Some((head, head + length))
}

fn read(inbox: &[u8], head: usize, whole: usize) -> Option<Reply<'_>> {
    let text = std::str::from_utf8(&inbox[..head]).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    Some(Reply { status, head: text, body: &inbox[head..whole] })
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    headers(head, name).next()
}

fn headers<'a>(head: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    head.split("\r\n").filter_map(move |line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Reply<'_> {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// All headers of this name.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        headers(self.head, name)
    }

    /// The body, if it is text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.body).unwrap_or_default()
    }

    /// A member of the JSON body that is text.
    pub fn member(&self, name: &str) -> Option<String> {
        let json: serde_json::Value = serde_json::from_slice(self.body).ok()?;
        json.get(name)?.as_str().map(str::to_owned)
    }

    /// What to say when it is not what was wanted.
    pub fn complaint(&self) -> String {
        format!("{}: {}", self.status, self.text().chars().take(200).collect::<String>())
    }
}

/// A GET with these header lines.
pub fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    spell("GET", path, headers, None)
}

/// A POST of a form.
pub fn post(path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Vec<u8> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    spell("POST", path, headers, Some(("application/x-www-form-urlencoded", &body)))
}

/// A POST of a JSON text.
pub fn post_json(path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    spell("POST", path, headers, Some(("application/json", body)))
}

fn spell(method: &str, path: &str, headers: &[(&str, &str)], body: Option<(&str, &str)>) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: bench\r\naccept: */*\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some((kind, body)) = body {
        text.push_str(&format!("content-type: {kind}\r\n"));
        text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    } else {
        text.push_str("\r\n");
    }
    text.into_bytes()
}
