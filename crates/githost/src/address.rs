//! Addresses: a host's base URL as an administrator typed it, and the addresses built below it.
//!
//! Owns the percent-encoding of path segments and queries, and the rule that what a caller named can never leave the
//! place where it was put: a segment is encoded whole, and dot segments do not exist. Does not own which hosts may be
//! reached: that is the server's outbound policy.

use std::fmt;
use url::Url;

/// The base of a host's pages or of its API: scheme, host, port and path, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    text: String,
    host: String,
    port: Option<u16>,
    path: String,
}

impl Base {
    /// Reads a base URL.
    ///
    /// Refuses anything but `http` and `https`, user names, queries, fragments and dot segments. Whether plain `http`
    /// is wanted is for the caller to judge ([`Base::is_plain_http`]).
    pub fn parse(text: &str) -> Result<Base, BadBase> {
        if text.len() > MAX_BYTES || text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(BadBase::Character);
        }
        let url = Url::parse(text).map_err(|_| BadBase::NotAbsolute)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadBase::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadBase::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BadBase::Tail);
        }
        // The parser resolves dot segments silently; an address that had some is not what its author read.
        if text.split(['/', ':']).any(|s| matches!(s.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")) {
            return Err(BadBase::DotSegment);
        }
        let host = url.host_str().ok_or(BadBase::NotAbsolute)?.to_owned();
        let path = url.path().trim_end_matches('/').to_owned();
        let text = format!("{}{path}", url.origin().ascii_serialization());
        Ok(Base { text, host, port: url.port(), path })
    }

    /// The base, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, unless it is the scheme's own.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path below the origin: empty, or with a slash at the beginning and none at the end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether what is sent there can be read on the way.
    pub fn is_plain_http(&self) -> bool {
        self.text.starts_with("http:")
    }

    /// The base with fixed segments below it, for instance `api/v4`.
    pub fn join(&self, fixed: &str) -> Base {
        let (text, path) = (format!("{}/{fixed}", self.text), format!("{}/{fixed}", self.path));
        Base { text, host: self.host.clone(), port: self.port, path }
    }

    /// An address that begins at the base.
    pub fn at(&self) -> Address {
        Address { text: self.text.clone(), has_query: false }
    }

    /// Whether both have the same scheme, host and port.
    pub fn same_origin(&self, other: &Base) -> bool {
        (self.host(), self.port, self.is_plain_http()) == (other.host(), other.port, other.is_plain_http())
    }

    /// Whether this is `other`, or an address below it.
    pub fn is_below(&self, other: &Base) -> bool {
        let rest = self.path().strip_prefix(other.path());
        self.same_origin(other) && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Why a base URL is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBase {
    /// A space, a control character, a backslash, or too long.
    Character,
    /// No scheme or no host.
    NotAbsolute,
    /// Neither `http` nor `https`.
    Scheme,
    /// A user name or a password.
    UserInfo,
    /// A query or a fragment.
    Tail,
    /// `.` or `..`, encoded or not.
    DotSegment,
}

impl fmt::Display for BadBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadBase::Character => "the address has a space, a control character or a backslash, or is too long",
            BadBase::NotAbsolute => "the address is not complete: it begins with https:// and names a host",
            BadBase::Scheme => "the address is neither https nor http",
            BadBase::UserInfo => "the address has a user name or a password in it",
            BadBase::Tail => "the address has a query or a fragment",
            BadBase::DotSegment => "the address has a dot segment",
        })
    }
}

/// An absolute URL in the making. Takes open text only: there is no way to put a [`crate::secret::Secret`] into it.
#[derive(Clone)]
pub struct Address {
    text: String,
    has_query: bool,
}

impl Address {
    /// Adds fixed segments, as they stand in a host's documentation: `user/repos`.
    pub fn fixed(mut self, segments: &'static str) -> Address {
        self.text.push('/');
        self.text.push_str(segments);
        self
    }

    /// Adds one segment, encoded whole: a slash in it becomes `%2F`.
    pub fn segment(mut self, text: &str) -> Address {
        self.text.push('/');
        encode(text, &mut self.text);
        self
    }

    /// Adds as many segments as `text` has, slashes kept.
    pub fn segments(self, text: &str) -> Address {
        text.split('/').fold(self, |address, segment| address.segment(segment))
    }

    /// Adds a parameter to the query.
    pub fn query(mut self, name: &'static str, value: &str) -> Address {
        self.text.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        self.text.push_str(name);
        self.text.push('=');
        encode(value, &mut self.text);
        self
    }

    /// Adds a parameter to the query if it has a value.
    pub fn query_if(self, name: &'static str, value: Option<&str>) -> Address {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL as far as it may stand in a log: a query may hold what a person wrote, such as the message of a commit.
    pub fn without_query(&self) -> &str {
        self.text.split_once('?').map_or(&self.text, |(place, _)| place)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.without_query())
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// The longest base URL, in bytes.
const MAX_BYTES: usize = 512;
