//! Refusals: what the protocol answers when it says no.
//!
//! Owns the codes of RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1 and the IDaaS error table, the HTTP
//! status as a function of the code, and the spelling of the error body. Does not own pages for people.

use crate::template::Wire;

/// An error code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A parameter is missing, repeated or malformed.
    InvalidRequest,
    /// The client is unknown or could not be authenticated.
    InvalidClient,
    /// The code, refresh token or password is not good.
    InvalidGrant,
    /// The client may not use this grant.
    UnauthorizedClient,
    /// The server does not know this grant.
    UnsupportedGrantType,
    /// The server does not know this response type.
    UnsupportedResponseType,
    /// The scope is unknown, malformed or more than was granted.
    InvalidScope,
    /// The person or the server said no.
    AccessDenied,
    /// `prompt=none` and the person is not signed in.
    LoginRequired,
    /// `prompt=none` and consent is due.
    ConsentRequired,
    /// The access token is unknown, expired or ended.
    InvalidToken,
    /// The access token's scope is not enough.
    InsufficientScope,
    /// The person may not use this application (IDaaS `Forbidden`).
    Forbidden,
    /// There is nothing at this address (IDaaS `ResourceNotFound`).
    NotFound,
    /// The method is not served here.
    MethodNotAllowed,
    /// The body is of a type that is not read (IDaaS `UnsupportedMediaType`).
    UnsupportedMediaType,
    /// The body is too large.
    PayloadTooLarge,
    /// Too many requests, or a queue is full.
    TemporarilyUnavailable,
    /// Our fault.
    ServerError,
}

/// A refusal: the code, and a sentence that names the parameter and says what to do.
///
/// The sentence must hold no secret and only the characters of RFC 6749 section 5.2 (`%x20-21 / %x23-5B /
/// %x5D-7E`); [`Refusal::new`] replaces any other (statement 27).
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The error code.
    pub code: Code,
    /// The sentence.
    pub description: String,
    /// The wire form; set by whoever knows the client.
    pub wire: Wire,
    /// Whether the client tried HTTP Basic, so that a 401 names that scheme (statement 47).
    pub basic: bool,
}

impl Code {
    /// The code in RFC 6749's and RFC 6750's vocabulary: what stands in an error redirect and on a standard wire.
    pub const fn name(self) -> &'static str {
        todo!()
    }
}

impl Refusal {
    /// Makes a refusal on the standard wire. Characters that RFC 6749 does not allow in `error_description` are replaced.
    pub fn new(code: Code, description: impl Into<String>) -> Refusal {
        let _ = (code, description.into());
        todo!()
    }

    /// The same refusal for this wire.
    pub fn for_wire(mut self, wire: Wire) -> Refusal {
        self.wire = wire;
        self
    }

    /// The same refusal, told whether the client tried HTTP Basic.
    pub fn tried_basic(mut self, basic: bool) -> Refusal {
        self.basic = basic;
        self
    }

    /// The error code as this wire spells it (IDaaS has names of its own).
    pub fn error(&self) -> &'static str {
        todo!()
    }

    /// The sentence as this wire has it: IDaaS repeats some codes instead, Gitlife has one text for `invalid_grant`.
    pub fn message(&self) -> &str {
        todo!()
    }

    /// The HTTP status: a function of the code.
    pub const fn status(&self) -> u16 {
        todo!()
    }

    /// The JSON error body of RFC 6749 section 5.2: `{"error":…,"error_description":…}`.
    pub fn body(&self) -> String {
        todo!()
    }

    /// The `WWW-Authenticate` header that goes with the status, if one does.
    pub fn www_authenticate(&self) -> Option<String> {
        todo!()
    }
}
