//! Redirect URIs (RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 4.1).
//!
//! Owns which URIs may be registered and how a request's URI is compared with them: byte for byte, with the port of
//! a loopback address as the only exception. Does not own how parameters are added to one: that is `response`'s.

use crate::template::{Switch, Switches};
use std::fmt;
use url::{Host, Url};

/// A redirect URI that was found fit to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a redirect URI cannot be registered. Its `Display` says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectUriProblem {
    /// Longer than [`MAX_BYTES`].
    TooLong,
    /// Not an absolute URI with `//` and a host, or `/` after a private-use scheme.
    NotAbsolute,
    /// Has a fragment (statement 9, FM-06).
    Fragment,
    /// Holds a character that URIs do not have, or an encoded control character or backslash.
    Character,
    /// The scheme is not `https`, nor one that the application's switches allow.
    Scheme,
    /// Plain `http` to another machine, which the application's switches do not allow.
    PlainHttp,
    /// Has a user name or password before the host (FM-02, FM-03).
    UserInfo,
    /// The port is not a number from 1 to 65535 in its plain spelling.
    Port,
    /// The path has a `.` or `..` segment, plain or encoded (FM-04).
    DotSegment,
    /// The query holds a parameter that an authorization response adds (FM-06).
    ReservedName,
    /// A browser would read it differently from how it is written (FM-02).
    Ambiguous,
}

impl fmt::Display for RedirectUriProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RedirectUriProblem::TooLong => "it is longer than 2048 bytes",
            RedirectUriProblem::NotAbsolute => "it must be absolute: scheme, ://, host and path",
            RedirectUriProblem::Fragment => "it must have no fragment: leave out # and what follows",
            RedirectUriProblem::Character => "it holds a character that must be percent-encoded or left out",
            RedirectUriProblem::Scheme => {
                "its scheme is not allowed: use https, http on localhost, or for a native application a private-use \
                 scheme with a dot, such as com.example.app:/callback"
            }
            RedirectUriProblem::PlainHttp => "plain http is allowed on localhost, 127.0.0.1 and [::1] only: use https",
            RedirectUriProblem::UserInfo => "it must name no user: leave out what stands before the @",
            RedirectUriProblem::Port => "its port must be a number from 1 to 65535",
            RedirectUriProblem::DotSegment => "its path must have no . or .. segment: write the path out",
            RedirectUriProblem::ReservedName => {
                "its query must not hold a parameter that the answer adds, such as code, state, iss or error"
            }
            RedirectUriProblem::Ambiguous => {
                "a browser would spell it differently: write scheme and host in lower case ASCII, and addresses in full"
            }
        })
    }
}

impl std::error::Error for RedirectUriProblem {}

/// A request's redirect URI that is not registered, with what it was compared with: for the error page, so that the
/// application's developer sees both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectMismatch {
    /// What the request asked for.
    pub asked: String,
    /// What is registered.
    pub registered: Vec<String>,
}

/// Why no redirect URI could be chosen for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoRedirect {
    /// None was sent, and not exactly one is registered.
    Missing,
    /// The one that was sent is not registered.
    Mismatch(RedirectMismatch),
}

/// Judges whether `text` may be registered by an application with these switches.
///
/// The text is taken apart by hand after RFC 3986 and then read once more as browsers do (WHATWG URL). Both must
/// agree on every byte, because a difference between two parsers is what most redirect attacks live on.
pub fn register(text: &str, switches: &Switches) -> Result<RedirectUri, RedirectUriProblem> {
    use RedirectUriProblem as P;
    if text.len() > MAX_BYTES {
        return Err(P::TooLong);
    }
    if text.contains('#') {
        return Err(P::Fragment);
    }
    if !characters_are_plain(text) {
        return Err(P::Character);
    }
    let (scheme, rest) = text.split_once(':').ok_or(P::NotAbsolute)?;
    let expected = if matches!(scheme, "https" | "http") {
        let rest = rest.strip_prefix("//").ok_or(P::NotAbsolute)?;
        judge_web(scheme, rest, switches)?
    } else {
        judge_private_use(scheme, rest, switches)?;
        text.to_owned()
    };
    match Url::parse(text) {
        Ok(url) if url.as_str() == expected => Ok(RedirectUri(text.to_owned())),
        _ => Err(P::Ambiguous),
    }
}

/// Judges what follows `https://` or `http://`, and gives the URI as a browser must spell it.
fn judge_web(scheme: &str, rest: &str, switches: &Switches) -> Result<String, RedirectUriProblem> {
    let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = judge_authority(authority)?;
    if scheme == "http" && !LOOPBACK.contains(&host) && !switches.has(Switch::PlainHttpRedirects) {
        return Err(RedirectUriProblem::PlainHttp);
    }
    judge_tail(tail)?;
    let default_port = if scheme == "https" { 443 } else { 80 };
    let port = port.filter(|p| *p != default_port).map(|p| format!(":{p}")).unwrap_or_default();
    let slash = if tail.starts_with('/') { "" } else { "/" };
    Ok(format!("{scheme}://{host}{port}{slash}{tail}"))
}

/// Judges what follows the colon of any other scheme.
fn judge_private_use(scheme: &str, rest: &str, switches: &Switches) -> Result<(), RedirectUriProblem> {
    // RFC 8252 section 7.1: the scheme is a reversed domain name. The dot keeps javascript:, data: and file: out.
    if !scheme.contains('.') || !switches.has(Switch::PrivateUseSchemes) {
        return Err(RedirectUriProblem::Scheme);
    }
    match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            judge_authority(authority)?;
            judge_tail(tail)
        }
        None if rest.starts_with('/') => judge_tail(rest),
        None => Err(RedirectUriProblem::NotAbsolute),
    }
}

/// Splits `host[:port]`. The host may be an IPv6 literal in brackets.
fn judge_authority(authority: &str) -> Result<(&str, Option<u16>), RedirectUriProblem> {
    use RedirectUriProblem as P;
    if authority.contains('@') {
        return Err(P::UserInfo);
    }
    let host_end = match authority.find(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_end);
    if host.is_empty() {
        return Err(P::NotAbsolute);
    }
    // Whatever else URIs allow in a host would end a directive when `csp_sources` go into a policy.
    let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if !is_name && !host.starts_with('[') {
        return Err(P::Character);
    }
    match port.strip_prefix(':') {
        Some(digits) => Ok((host, Some(port_number(digits).ok_or(P::Port)?))),
        None if port.is_empty() => Ok((host, None)),
        None => Err(P::Port),
    }
}

/// Judges path and query.
fn judge_tail(tail: &str) -> Result<(), RedirectUriProblem> {
    use RedirectUriProblem as P;
    if tail.contains(['[', ']']) {
        return Err(P::Character);
    }
    let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
    // Some servers decode %2F before they resolve dots, some cut a segment at its semicolon (FM-04): neither may
    // find a dot segment here.
    let path = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/");
    if path.split(['/', ';']).any(|segment| segment == "." || segment == "..") {
        return Err(P::DotSegment);
    }
    // Old frameworks also split a query at semicolons.
    let names = query.split(['&', ';']).flat_map(|pair| form_urlencoded::parse(pair.as_bytes()));
    for (name, _) in names {
        if RESPONSE_PARAMETERS.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(P::ReservedName);
        }
    }
    Ok(())
}

/// Whether there are only the characters of RFC 3986, well-formed percent-encodings, and among these no control
/// character and no backslash.
fn characters_are_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(i, byte)| match byte {
        b'%' => match bytes.get(i + 1..i + 3) {
            Some(&[high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                !matches!(high, b'0' | b'1') && !matches!(&[high, low.to_ascii_lowercase()], b"5c" | b"7f")
            }
            _ => false,
        },
        b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'?' | b'[' | b']' | b'@' | b'!' | b'$' | b'&' => true,
        b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
        other => other.is_ascii_alphanumeric(),
    })
}

/// A port in its only spelling: no sign, no leading zero, 1 to 65535.
fn port_number(digits: &str) -> Option<u16> {
    if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// A registered URI with `query` behind its own, which is kept byte for byte.
pub fn with_query(uri: &str, query: &str) -> String {
    let joint = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{joint}{query}")
}

/// Whether `asked` is one of `registered`, byte for byte; with `any_loopback_port` also when both are `http` on
/// `localhost`, `127.0.0.1` or `[::1]` and differ in the port only (RFC 8252 section 7.3).
pub fn matches(registered: &[String], asked: &str, any_loopback_port: bool) -> bool {
    if registered.iter().any(|uri| uri == asked) {
        return true;
    }
    any_loopback_port
        && without_loopback_port(asked)
            .is_some_and(|asked| registered.iter().any(|uri| without_loopback_port(uri) == Some(asked)))
}

/// Takes the port out of a loopback URI: the host, and everything after the port. `None` for any other URI.
fn without_loopback_port(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("http://")?;
    let host = LOOPBACK.into_iter().find(|host| rest.starts_with(host))?;
    let rest = &rest[host.len()..];
    let (port, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // What stands between host and path is nothing or a port: `localhost.evil.example` is not `localhost` (FM-07).
    let port_is_good = port.is_empty() || port.strip_prefix(':').and_then(port_number).is_some();
    port_is_good.then_some((host, tail))
}

/// Chooses the redirect URI of an authorization request: the one asked for if it [`matches()`], or the only registered
/// one if none was asked for.
pub fn select<'a>(
    asked: Option<&'a str>,
    registered: &'a [String],
    any_loopback_port: bool,
) -> Result<&'a str, NoRedirect> {
    match (asked, registered) {
        (Some(asked), _) if matches(registered, asked, any_loopback_port) => Ok(asked),
        (Some(asked), _) => {
            Err(NoRedirect::Mismatch(RedirectMismatch { asked: asked.to_owned(), registered: registered.to_vec() }))
        }
        (None, [only]) => Ok(only),
        (None, _) => Err(NoRedirect::Missing),
    }
}

/// The web origin (`scheme://host[:port]`) of an `http` or `https` redirect URI, as a browser's `Origin` header spells
/// it; `None` for any other scheme.
pub fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

/// The sources that a content security policy's `form-action` needs so that a browser follows a form to this URI, and from
/// there to wherever the application sends it: Chromium holds every redirect behind a form to the policy. So it is the
/// scheme that is named and not the one host; applications on the person's machine go on from port to port.
pub fn csp_sources(text: &str) -> Vec<String> {
    let Ok(url) = Url::parse(text) else { return Vec::new() };
    let sources: &[&str] = match (url.scheme(), url.host()) {
        ("https", Some(_)) => &["https:"],
        // A policy's grammar has no form for an IPv6 host.
        ("http", Some(Host::Ipv6(_))) => &["http:", "https:"],
        ("http", Some(_)) if is_plain_http(text) => &["http:", "https:"],
        ("http", Some(_)) => &["http://localhost:*", "http://127.0.0.1:*", "https:"],
        (scheme, _) if scheme.contains('.') => return vec![format!("{scheme}:"), "https:".to_owned()],
        _ => &[],
    };
    sources.iter().map(|source| (*source).to_owned()).collect()
}

/// Whether this is plain `http` to another machine: an older form ([`Switch::PlainHttpRedirects`]).
pub fn is_plain_http(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| url.scheme() == "http" && !LOOPBACK.contains(&url.host_str().unwrap_or_default()))
}

/// The longest redirect URI that may be registered, in bytes.
pub const MAX_BYTES: usize = 2048;

/// The hosts that never leave the person's machine (RFC 8252 section 7.3, and `localhost` as many clients still use).
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// What an authorization response may add, in any response mode: a registered URI that held one of these would make
/// it stand twice (FM-06).
const RESPONSE_PARAMETERS: [&str; 12] = [
    "code",
    "state",
    "iss",
    "error",
    "error_description",
    "error_uri",
    "response",
    "session_state",
    "id_token",
    "access_token",
    "token_type",
    "expires_in",
];
