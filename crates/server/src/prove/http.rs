//! A plain HTTP/1.1 client on blocking sockets: one connection for one call.
//!
//! Owns no cookies and follows nothing: those are `browser`'s. What comes back broken off is no answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a server may take, and how large an answer may be.
const PATIENCE: Duration = Duration::from_secs(20);
const LARGEST: u64 = 1024 * 1024;

/// An answer that came back whole.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A member of the JSON body that is true or false.
    pub fn flag(&self, member: &str) -> Option<bool> {
        let json: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        json.get(member)?.as_bool()
    }

    /// A member of the JSON body that is text.
    pub fn text(&self, member: &str) -> Option<String> {
        let json: serde_json::Value = serde_json::from_str(&self.body).ok()?;
        json.get(member)?.as_str().map(str::to_owned)
    }
}

/// Sends one call to `path` (with its query) at `to`. An error is a connection that gave no whole answer.
pub fn call(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Reply, String> {
    exchange(to, method, path, headers, body).map_err(|error| error.to_string()).and_then(|bytes| read(&bytes))
}

fn exchange(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n");
    request.push_str("User-Agent: vestibule-prove\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if method == "POST" {
        request.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(LARGEST).read_to_end(&mut answer)?;
    Ok(answer)
}

/// Takes an answer apart; one that is shorter than it says was cut off.
fn read(bytes: &[u8]) -> Result<Reply, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the answer is not UTF-8".to_owned())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no whole answer came back")?;
    let mut lines = head.split("\r\n");
    let status =
        lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or("the answer has no status")?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let reply = Reply { status, headers, body: body.to_owned() };
    match reply.header("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) if length == body.len() => Ok(reply),
        None if body.is_empty() => Ok(reply),
        _ => Err("the answer was cut off".to_owned()),
    }
}

/// These pairs as `application/x-www-form-urlencoded`.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_was_cut_off_is_none() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"a\":\"b \\u41\"";
        assert!(read(&whole.as_bytes()[..whole.len() - 1]).is_err());
        let reply = read(whole.as_bytes()).unwrap();
        assert_eq!((reply.status, reply.body.len()), (200, 13));
        assert!(read(b"HTTP/1.1 200 OK\r\nContent-Le").is_err());
        assert!(read(b"").is_err());
        assert_eq!(read(b"HTTP/1.1 303 See Other\r\nLocation: /x\r\n\r\n").unwrap().header("location"), Some("/x"));
    }
}
