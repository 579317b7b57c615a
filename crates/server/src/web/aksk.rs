//! Requests that are signed with an access key: `SDK-HMAC-SHA256`, byte for byte as Huawei Cloud's SDKs sign.
//!
//! Owns what is read from the headers, the canonical form of a request, and the comparison. All of it is pure: who holds
//! the key, how often it was tried, and when it ends are the caller's to ask. Other algorithms of that family are refused.

#[cfg(test)]
mod tests;

use crate::clock::rfc3339;
use aws_lc_rs::{digest, hmac};
use axum::http::{HeaderMap, Method, header};
use std::fmt::Write as _;
use vestibule_oauth::secret::Secret;

/// Why a request is not taken for its key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The headers cannot be read, or are not what may be signed.
    Malformed,
    /// The date is more than [`SKEW_MS`] away.
    Date,
    /// The signature is another one.
    Signature,
}

/// What a request says of its signature.
#[derive(Debug)]
pub struct Presented<'a> {
    /// The access key's name.
    pub access: &'a str,
    signed_headers: &'a str,
    signature: [u8; 32],
    date: &'a str,
}

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path, percent-encoded as it came.
    pub path: &'a str,
    /// The query, percent-encoded as it came, without the question mark.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// Whether a request claims to be signed: anything else may be another kind of `Authorization`.
pub fn is_claimed(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    value.is_some_and(|value| value.starts_with(b"SDK-") || value.starts_with(b"V11-"))
}

impl Signed<'_> {
    /// Whether there is a body that the signature says nothing about.
    pub fn leaves_body_open(&self) -> bool {
        !self.body.is_empty()
            && self.headers.get(CONTENT_HEADER).is_some_and(|said| said.as_bytes() == UNSIGNED.as_bytes())
    }
}

impl<'a> Presented<'a> {
    /// Reads the headers of a signed request; `now` in Unix milliseconds.
    pub fn read(headers: &'a HeaderMap, now: i64) -> Result<Presented<'a>, Refused> {
        let authorization = only(headers, "authorization")?;
        let rest = authorization.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' '));
        let mut parts = rest.ok_or(Refused::Malformed)?.split(',').map(str::trim);
        let mut part = |name: &str| {
            let value = parts.next().and_then(|part| part.strip_prefix(name));
            value.and_then(|value| value.strip_prefix('=')).ok_or(Refused::Malformed)
        };
        let (access, signed_headers, signature) = (part("Access")?, part("SignedHeaders")?, part("Signature")?);
        let signature = read_hex(signature).ok_or(Refused::Malformed)?;
        let is_key = (1..=64).contains(&access.len()) && access.bytes().all(|b| b.is_ascii_alphanumeric());
        if parts.next().is_some() || !is_key || !is_sorted(signed_headers) {
            return Err(Refused::Malformed);
        }
        let date = only(headers, "x-sdk-date")?;
        judge_date(date, now)?;
        Ok(Presented { access, signed_headers, signature, date })
    }

    /// The value of `Authorization` for a request of ours, whose headers are `host` and `x-sdk-date`: the command line signs
    /// as the vendor's clients do. `None` for a request that cannot be signed.
    pub fn sign(access: &str, secret: &Secret, request: &Signed<'_>) -> Option<String> {
        let date = only(request.headers, "x-sdk-date").ok()?;
        let unsigned = Presented { access, signed_headers: "host;x-sdk-date", signature: [0; 32], date };
        let to_sign = unsigned.to_sign(request).ok()?;
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()), to_sign.as_bytes());
        let headers = unsigned.signed_headers;
        Some(format!("{ALGORITHM} Access={access}, SignedHeaders={headers}, Signature={}", hex(tag.as_ref())))
    }

    /// Compares the signature with the one that `secret` makes, in constant time.
    pub fn verify(&self, request: &Signed<'_>, secret: &Secret) -> Result<(), Refused> {
        let to_sign = self.to_sign(request)?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        hmac::verify(&key, to_sign.as_bytes(), &self.signature).map_err(|_| Refused::Signature)
    }

    fn to_sign(&self, request: &Signed<'_>) -> Result<String, Refused> {
        let canonical = self.canonical(request)?;
        Ok(format!("{ALGORITHM}\n{}\n{}", self.date, hex_sha256(canonical.as_bytes())))
    }

    /// The canonical form of a request: six lines, of which the fourth has a line for each signed header.
    fn canonical(&self, request: &Signed<'_>) -> Result<String, Refused> {
        let mut text = format!("{}\n", request.method);
        spell_path(request.path, &mut text)?;
        text.push('\n');
        spell_query(request.query, &mut text)?;
        text.push('\n');
        for name in self.signed_headers.split(';') {
            let value = only(request.headers, name)?;
            let _ = writeln!(text, "{name}:{}", value.trim());
        }
        let _ = write!(text, "\n{}\n{}", self.signed_headers, payload(request)?);
        Ok(text)
    }
}

/// What stands for the body: its digest, or the word for an unsigned one, which only a body that is not JSON may have.
fn payload(request: &Signed<'_>) -> Result<String, Refused> {
    let sum = hex_sha256(request.body);
    let said = match request.headers.contains_key(CONTENT_HEADER) {
        true => only(request.headers, CONTENT_HEADER)?,
        false => return Ok(sum),
    };
    // The SDKs sign an empty body as such, whatever the header says.
    if request.body.is_empty() || said == sum {
        return Ok(sum);
    }
    let content_type = only(request.headers, "content-type").unwrap_or_default().to_ascii_lowercase();
    // A digest that is not the body's would let anybody put another body under a signature.
    if said != UNSIGNED || content_type.is_empty() || content_type.contains("json") {
        return Err(Refused::Malformed);
    }
    Ok(UNSIGNED.to_owned())
}

/// The one value of a header. A header that comes twice could be read in two ways.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refused> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => std::str::from_utf8(value.as_bytes()).map_err(|_| Refused::Malformed),
        _ => Err(Refused::Malformed),
    }
}

/// Whether these are header names in lower case, each once, in order, and the host among them: a signature that leaves
/// the host out would hold at every house that has this key.
fn is_sorted(names: &str) -> bool {
    let names: Vec<&str> = names.split(';').collect();
    let is_name = |name: &&str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    names.len() <= MOST_HEADERS
        && names.iter().all(is_name)
        && names.windows(2).all(|pair| pair[0] < pair[1])
        && names.contains(&"host")
}

/// A moment (Unix milliseconds) as `X-Sdk-Date` spells it.
pub fn spell_date(at: i64) -> String {
    rfc3339(at).replace(['-', ':'], "")
}

/// Judges `YYYYMMDDTHHMMSSZ`: in this spelling the order of letters is the order of time.
fn judge_date(date: &str, now: i64) -> Result<(), Refused> {
    let is_date = date.len() == 16
        && date.bytes().enumerate().all(|(at, b)| match at {
            8 => b == b'T',
            15 => b == b'Z',
            _ => b.is_ascii_digit(),
        });
    match is_date {
        false => Err(Refused::Malformed),
        true if *date < *spell_date(now - SKEW_MS) || *date > *spell_date(now + SKEW_MS) => Err(Refused::Date),
        true => Ok(()),
    }
}

/// The path, decoded once, split at slashes (those that were encoded too), encoded again, with a slash at its end.
fn spell_path(path: &str, out: &mut String) -> Result<(), Refused> {
    let decoded = decode(path)?;
    for (at, segment) in decoded.split('/').enumerate() {
        if at > 0 {
            out.push('/');
        }
        encode(segment, out);
    }
    if !out.ends_with('/') {
        out.push('/');
    }
    Ok(())
}

/// The query's pairs, decoded, in order of name and then value, encoded again.
fn spell_query(query: &str, out: &mut String) -> Result<(), Refused> {
    let mut pairs = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.push((decode(name)?, decode(value)?));
    }
    pairs.sort();
    for (at, (name, value)) in pairs.iter().enumerate() {
        if at > 0 {
            out.push('&');
        }
        encode(name, out);
        out.push('=');
        encode(value, out);
    }
    Ok(())
}

/// Decodes percent-encodings once; a plus sign is a plus sign.
fn decode(text: &str) -> Result<String, Refused> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let pair = rest.next().zip(rest.next()).ok_or(Refused::Malformed)?;
        bytes.push(hex_byte(pair).ok_or(Refused::Malformed)?);
    }
    String::from_utf8(bytes).map_err(|_| Refused::Malformed)
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// 32 bytes in lower-case hexadecimal digits.
fn read_hex(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = hex_byte((pair[0], pair[1]))?;
    }
    Some(out)
}

fn hex_byte((high, low): (u8, u8)) -> Option<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// The only algorithm that is taken.
const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// Where a body's digest may stand instead of being computed.
const CONTENT_HEADER: &str = "x-sdk-content-sha256";

/// What stands there when the body is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// How far a request's date may be from ours, in milliseconds: fifteen minutes.
pub const SKEW_MS: i64 = 15 * 60_000;

/// The most headers that are signed.
const MOST_HEADERS: usize = 64;
