//! Where a host is, and as whom we come: what an administrator configured, as the rules need it.
//!
//! Owns the types that every call is made with. Does not own storing them, nor which addresses may be reached.

use crate::address::Base;
use crate::secret::Secret;
use std::sync::Arc;

/// One host: its pages and its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    web: Base,
    api: Base,
}

impl Site {
    /// A host whose pages begin at `web` and whose API begins at `api`.
    pub const fn new(web: Base, api: Base) -> Site {
        Site { web, api }
    }

    /// Where its pages begin.
    pub const fn web(&self) -> &Base {
        &self.web
    }

    /// Where its API begins.
    pub const fn api(&self) -> &Base {
        &self.api
    }

    /// Whether `text` is how a person names this host: its origin, its API's address, or any page of it, such as
    /// their own profile. It chooses among configured hosts; it never makes a new address.
    pub fn is_meant_by(&self, text: &str) -> bool {
        let text = text.trim_end_matches('/');
        Base::parse(text).is_ok_and(|named| named.is_below(&self.web) || named.is_below(&self.api))
    }

    /// Whether `iss` (RFC 9207) in an answer that came by way of a browser can be this host's: its pages, or an address
    /// below them. Any other issuer's answer is for somebody else (statement 123).
    pub fn may_be_issuer(&self, iss: &str) -> bool {
        Base::parse(iss).is_ok_and(|named| named.is_below(&self.web))
    }
}

/// Our application, as it is registered at a host.
#[derive(Clone, Debug)]
pub struct Application {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: Secret,
    /// The redirect URI: one path per host configuration (statement 121).
    pub redirect_uri: String,
    /// The scopes that are asked for, as the host spells them.
    pub scopes: Vec<String>,
}

/// Whom we visit, with whose token.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The host.
    pub site: Arc<Site>,
    /// The access token or personal token.
    pub token: Secret,
}

/// What binds a browser's way to a host and back together.
#[derive(Clone, Copy, Debug)]
pub struct Departure<'a> {
    /// The one-time `state`; URL-safe characters only (FM-134).
    pub state: &'a str,
    /// The code challenge (S256), where the host knows PKCE.
    pub challenge: Option<&'a str>,
}
