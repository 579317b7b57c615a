//! Redirect URIs (RFC 6749 section 3.1.2, RFC 8252 section 7, RFC 9700 section 4.1).
//!
//! Owns which URIs may be registered and how a request's URI is compared with them: byte for byte, with the port of
//! a loopback address as the only exception. Does not own how parameters are added to one: that is `response`'s.

use crate::template::Switches;

/// A redirect URI that was found fit to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a redirect URI cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectUriProblem {
    /// Longer than [`MAX_BYTES`].
    TooLong,
}

impl std::fmt::Display for RedirectUriProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("")
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

/// The longest redirect URI that may be registered, in bytes.
pub const MAX_BYTES: usize = 2048;

/// Judges whether `text` may be registered by an application with these switches.
pub fn register(text: &str, switches: &Switches) -> Result<RedirectUri, RedirectUriProblem> {
    let _ = (text, switches);
    todo!()
}

/// Whether `asked` is one of `registered`, byte for byte; with `any_loopback_port` also when both are `http` on
/// `localhost`, `127.0.0.1` or `[::1]` and differ in the port only (RFC 8252 section 7.3).
pub fn matches(registered: &[String], asked: &str, any_loopback_port: bool) -> bool {
    let _ = (registered, asked, any_loopback_port);
    todo!()
}

/// Chooses the redirect URI of an authorization request: the one asked for if it [`matches`], or the only registered
/// one if none was asked for.
pub fn select<'a>(
    asked: Option<&'a str>,
    registered: &'a [String],
    any_loopback_port: bool,
) -> Result<&'a str, NoRedirect> {
    let _ = (asked, registered, any_loopback_port);
    todo!()
}

/// The web origin (`scheme://host[:port]`) of an `http` or `https` redirect URI, as a browser's `Origin` header spells
/// it; `None` for any other scheme.
pub fn origin(text: &str) -> Option<String> {
    let _ = text;
    todo!()
}

/// The source that a content security policy's `form-action` needs so that a browser follows a redirect to this URI:
/// its origin, or only its scheme where the policy's grammar has no form for the host (private-use schemes, IPv6).
pub fn csp_source(text: &str) -> Option<String> {
    let _ = text;
    todo!()
}

/// Whether this is plain `http` to another machine: an older form ([`crate::template::Switch::PlainHttpRedirects`]).
pub fn is_plain_http(text: &str) -> bool {
    let _ = text;
    todo!()
}
