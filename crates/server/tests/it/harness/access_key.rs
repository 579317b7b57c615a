//! An access key and requests that are signed with it, by an implementation of its own: written from the wire page, so
//! that a mistake of the server's is not made twice.

use super::{Call, Server};
use aws_lc_rs::{digest, hmac};
use serde_json::Value;

/// An access key of somebody's.
#[derive(Clone)]
pub struct AccessKey {
    pub name: String,
    pub secret: String,
}

impl AccessKey {
    /// A new one of this person's.
    pub fn add(server: &Server, person: &str) -> AccessKey {
        let added = server.json(&["access-key", "add", person], "");
        let text = |name: &str| added[name].as_str().unwrap_or_else(|| panic!("{name}: {added}")).to_owned();
        AccessKey { name: text("access_key"), secret: text("secret") }
    }

    /// A signed GET.
    pub fn get(&self, url: impl Into<String>) -> Call {
        self.call("GET", url, None)
    }

    /// A signed request of this moment.
    pub fn call(&self, method: &str, url: impl Into<String>, body: Option<&Value>) -> Call {
        self.call_at(method, url, body, 0)
    }

    /// The same, dated this many seconds from now.
    pub fn call_at(&self, method: &str, url: impl Into<String>, body: Option<&Value>, away_s: i64) -> Call {
        let url = url.into();
        let (authority, target) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URL");
        let target = format!("/{target}");
        let date = date(away_s);
        let body = body.map(Value::to_string).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let request = format!(
            "{method}\n{}\n{}\nhost:{authority}\nx-sdk-date:{date}\n\nhost;x-sdk-date\n{}",
            canonical_path(path),
            canonical_query(query),
            hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref())
        );
        let sum = hex(digest::digest(&digest::SHA256, request.as_bytes()).as_ref());
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        let signature = hex(hmac::sign(&key, format!("SDK-HMAC-SHA256\n{date}\n{sum}").as_bytes()).as_ref());
        let value =
            format!("SDK-HMAC-SHA256 Access={}, SignedHeaders=host;x-sdk-date, Signature={signature}", self.name);
        let call = Call::new(method, &url).header("X-Sdk-Date", date).header("Authorization", value);
        if body.is_empty() { call } else { call.body(Some("application/json"), body) }
    }
}

fn date(away_s: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let at = format!("@{}", now as i64 + away_s);
    let output = std::process::Command::new("date").args(["-u", "-d", &at, "+%Y%m%dT%H%M%SZ"]).output().expect("date");
    String::from_utf8(output.stdout).expect("a date").trim().to_owned()
}

fn canonical_path(path: &str) -> String {
    let decoded = decode(path);
    let mut out: String = decoded.split('/').map(encode).collect::<Vec<_>>().join("/");
    if !out.ends_with('/') {
        out.push('/');
    }
    out
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

fn decode(text: &str) -> String {
    let (mut out, bytes, mut at) = (Vec::new(), text.as_bytes(), 0);
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).expect("hex"));
                at += 3;
            }
            byte => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).expect("UTF-8")
}

fn encode(text: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
