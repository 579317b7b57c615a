//! A host's reply as a plain value, and how it is read.
//!
//! Owns bounded, strict reading: JSON of a known shape, headers by name. Does not own what a status means
//! ([`crate::judge`]).

use crate::refusal::Refusal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;
use zeroize::Zeroizing;

/// Status, headers and body, as they came.
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Zeroizing<Vec<u8>>,
}

impl Reply {
    /// A reply as it came over the wire; its body is wiped when it is dropped, because it may hold tokens.
    pub fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Reply {
        Reply { status, headers, body: Zeroizing::new(body) }
    }

    /// The status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// How many bytes the body has.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether there is no body.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// Reads the body as JSON of the shape `T`. What else is in it is passed over, at most 128 levels deep.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        // The parser's own message would quote the body, which may hold a token.
        serde_json::from_slice(&self.body).map_err(|_| Refusal::broken(NOT_AS_DOCUMENTED))
    }

    /// The sha that was asked for: alone, as the media type for it has it, or in the whole object, as servers answer that do not
    /// know that type.
    pub fn sha(&self) -> Result<String, Refusal> {
        let is_sha = |text: &str| matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        let alone = std::str::from_utf8(&self.body).unwrap_or_default().trim();
        let sha = if is_sha(alone) { alone.to_owned() } else { self.read::<Named>()?.sha };
        is_sha(&sha).then_some(sha).ok_or_else(|| Refusal::broken(NOT_AS_DOCUMENTED))
    }

    /// The parameters of a body in form encoding.
    pub fn form(&self) -> impl Iterator<Item = (String, String)> {
        form_urlencoded::parse(&self.body).map(|(name, value)| (name.into_owned(), value.into_owned()))
    }

    /// Whether the body says that it is in form encoding.
    pub fn is_form(&self) -> bool {
        self.header("content-type").is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"))
    }
}

const NOT_AS_DOCUMENTED: &str = "the host's answer is not what it documents";

/// An object that tells its sha.
#[derive(Deserialize)]
struct Named {
    sha: String,
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{} bytes]", self.status, self.body.len())
    }
}
