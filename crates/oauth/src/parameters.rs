//! The parameters of a request, as they came: query, body and HTTP Basic, kept apart.
//!
//! Owns how they are read and how a name is looked up over its sources. Which sources a client may use is judged by
//! `client_auth` once the client is known; what a value means is the grant's or the endpoint's.

use crate::refusal::Refusal;
use crate::secret::Secret;

/// The body of a request, told apart by its `Content-Type`. An empty body is [`Body::None`] whatever its type.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// There is none.
    None,
    /// `application/x-www-form-urlencoded`.
    Form(&'a [u8]),
    /// `application/json`.
    Json(&'a [u8]),
    /// There is a body and no `Content-Type`.
    Untyped(&'a [u8]),
    /// Of a type that is not read here. Pass [`Body::None`] where a foreign body is simply of no interest.
    Foreign,
}

/// Where a parameter stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the request URI's query (also when it stood in the body too, with the same value).
    Query,
    /// In the body only.
    Body,
}

/// What an `Authorization: Basic` header said (RFC 6749 section 2.3.1), form-decoded.
#[derive(Clone, Debug)]
pub struct Basic {
    /// The client identifier; never empty.
    pub client_id: String,
    /// The client secret; may be empty, which counts as none.
    pub secret: Secret,
}

/// The parameters of one request.
pub struct Parameters {
    basic: Option<Basic>,
}

impl Parameters {
    /// Reads a request's parameters.
    ///
    /// `query` is the request URI's raw query, `basic` the whole value of the `Authorization` header when its scheme
    /// is Basic (give `None` for any other scheme).
    pub fn read(query: Option<&str>, body: Body<'_>, basic: Option<&str>) -> Result<Parameters, Refusal> {
        let _ = (query, body, basic);
        todo!()
    }

    /// The value of `name` over query and body. Absent and empty are both `None`; the same value in both sources
    /// counts once; different values, a value that is not text, or control characters are refused.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let _ = name;
        todo!()
    }

    /// The value of `name`; its absence is an `invalid_request` that names it.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        let _ = name;
        todo!()
    }

    /// Where `name` stood, if it was there with a value.
    pub fn place(&self, name: &str) -> Option<Place> {
        let _ = name;
        todo!()
    }

    /// The HTTP Basic credentials, if that header was sent.
    pub fn basic(&self) -> Option<&Basic> {
        self.basic.as_ref()
    }

    /// Whether parameters were read from a JSON body.
    pub fn body_is_json(&self) -> bool {
        todo!()
    }
}
