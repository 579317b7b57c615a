//! Client authentication (RFC 6749 sections 2.3 and 3.2.1).
//!
//! Owns who a client is, whether it proved it, and whether it sent its parameters where its template allows. This is
//! the only file that can make an [`AuthedClient`], and every grant needs one (house rule 7).

use crate::client::{Client, RegisteredClient};
use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::template::Switch;

/// How a client proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// HTTP Basic.
    Basic,
    /// `client_secret` in the body.
    Body,
    /// `client_secret` in the query (an older form).
    Query,
    /// A public client: it has named itself and proves nothing.
    Public,
    /// By its refresh token alone (an older form).
    RefreshToken,
}

/// A client that has passed authentication. Only this file makes one.
#[derive(Clone, Debug)]
pub struct AuthedClient {
    client: Client,
    method: Method,
}

impl AuthedClient {
    /// The client.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// How it authenticated.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The older forms that this request made use of, each once: what is counted and audited per application.
    pub fn older_forms(&self, parameters: &Parameters) -> Vec<Switch> {
        let _ = parameters;
        todo!()
    }
}

/// The `client_id` that a request names: from Basic, the query or the body. `None` when it names none; different
/// names in one request are refused.
pub fn identify(parameters: &Parameters) -> Result<Option<&str>, Refusal> {
    let _ = parameters;
    todo!()
}

/// Authenticates the client that [`identify`] named, and judges where its parameters stood.
pub fn authenticate(parameters: &Parameters, registered: RegisteredClient) -> Result<AuthedClient, Refusal> {
    let _ = (parameters, registered);
    todo!()
}

/// Stands for authentication when a refresh token comes alone: `client` is the application that the refresh token
/// belongs to. Refused unless its switch allows that form and the request names no client and holds no credentials.
pub fn by_refresh_token(parameters: &Parameters, client: Client) -> Result<AuthedClient, Refusal> {
    let _ = (parameters, client);
    todo!()
}

/// What a request gets whose client is unknown, or that names none where one is needed: the same answer as a wrong
/// secret gets.
pub fn unknown(parameters: &Parameters) -> Refusal {
    let _ = parameters;
    todo!()
}
