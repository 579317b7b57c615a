//! The Keystone v3 forms of the identity calls: how a request for a project token is read, and how refusals are spelled.
//!
//! Owns both forms and nothing of what they mean. A domain is our tenant; its name is accepted and ignored while there is
//! one.

use crate::web::answer::{self, Cause};
use crate::web::servicestage::{self, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use vestibule_oauth::jose::strict_object;
use vestibule_oauth::parameters::MAX_JSON_DEPTH;
use vestibule_oauth::refusal;
use vestibule_oauth::secret::Secret;
use vestibule_store::Store;

/// Who asks for a project token.
#[derive(Debug)]
pub enum Identity {
    /// A person by name and password.
    Password {
        /// The user name, or an e-mail address.
        name: String,
        /// The password.
        password: Secret,
    },
    /// A person's program by access key (`hw_ak_sk`).
    AccessKey {
        /// The key's name.
        key: String,
        /// Its secret.
        secret: Secret,
    },
}

/// For which project.
#[derive(Debug, PartialEq, Eq)]
pub enum Named {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

/// A request for a project token.
#[derive(Debug)]
pub struct Asked {
    /// Who.
    pub identity: Identity,
    /// Where.
    pub project: Named,
}

/// Reads the body of `POST /v3/auth/tokens`; an `Err` is a sentence that says what is missing.
pub fn read(body: &[u8]) -> Result<Asked, &'static str> {
    let mut body = strict_object(body, MAX_JSON_DEPTH).ok_or("the body must be one JSON object")?;
    let mut auth = object(&mut body, "auth").ok_or("auth is missing")?;
    let mut identity = object(&mut auth, "identity").ok_or("auth.identity is missing")?;
    let methods = identity.remove("methods");
    let method = match methods.as_ref().and_then(Value::as_array).map(Vec::as_slice) {
        Some([method]) => method.as_str().unwrap_or_default(),
        _ => return Err("auth.identity.methods must name one method"),
    };
    let identity = match method {
        "password" => read_password(&mut identity),
        "hw_ak_sk" => read_access_key(&mut identity),
        _ => return Err("auth.identity.methods must be password or hw_ak_sk"),
    };
    let identity = identity.ok_or("auth.identity does not hold what its method needs")?;
    let project = object(&mut auth, "scope").and_then(|mut scope| object(&mut scope, "project"));
    let mut project = project.ok_or("auth.scope.project is missing")?;
    let named = match (text(&mut project, "id"), text(&mut project, "name")) {
        (Some(id), _) => Named::Id(id),
        (None, Some(name)) => Named::Name(name),
        (None, None) => return Err("auth.scope.project must have an id or a name"),
    };
    Ok(Asked { identity, project: named })
}

fn read_password(identity: &mut Map<String, Value>) -> Option<Identity> {
    let mut user = object(&mut object(identity, "password")?, "user")?;
    let password = Secret::new(text(&mut user, "password")?);
    Some(Identity::Password { name: text(&mut user, "name")?, password })
}

fn read_access_key(identity: &mut Map<String, Value>) -> Option<Identity> {
    let mut method = object(identity, "hw_ak_sk")?;
    let (mut access, mut secret) = (object(&mut method, "access")?, object(&mut method, "secret")?);
    let secret = Secret::new(text(&mut secret, "key")?);
    Some(Identity::AccessKey { key: text(&mut access, "key")?, secret })
}

fn object(within: &mut Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    match within.remove(name) {
        Some(Value::Object(members)) => Some(members),
        _ => None,
    }
}

fn text(within: &mut Map<String, Value>, name: &str) -> Option<String> {
    match within.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// A refusal in the form of these calls.
pub fn refusal(status: u16, message: &str) -> Response {
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let body = json!({ "error": { "code": status, "message": message, "title": title } });
    answer::json(status, body.to_string())
}

/// A refusal of the project API in the form of these calls.
pub fn refused(why: &Refusal) -> Response {
    let mut response = refusal(why.status(), &why.message());
    why.dress(&mut response);
    response
}

/// The answer to a request that no conductor has taken up.
pub fn nobody(code: refusal::Code) -> Response {
    let message = match code {
        refusal::Code::NotFound => "There is nothing at this address.",
        refusal::Code::MethodNotAllowed => "This method is not served here: see the Allow header.",
        refusal::Code::PayloadTooLarge => "The body is larger than 64 KiB.",
        refusal::Code::ServerError => "The server made an error. Tell its operator the X-Request-Id.",
        _ => "The request could not be read.",
    };
    refusal(servicestage::status_of(code), message)
}

/// The id of the only domain: the tenant's number.
pub fn domain_id(store: &Store) -> String {
    format!("{:032x}", store.tenant())
}

/// We failed: `cause` goes to the log only.
pub fn failed(cause: impl ToString) -> Response {
    let mut response = refusal(500, "The server made an error. Tell its operator the X-Request-Id.");
    response.extensions_mut().insert(Cause(cause.to_string()));
    response
}
