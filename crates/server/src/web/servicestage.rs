//! What the project API answers when it refuses: the codes of the ServiceStage Git API, and those of the gateway that
//! its clients expect before it.
//!
//! Owns the codes, their statuses, and the two forms: the service's `{"error_code","error_msg"}` and the gateway's
//! `{"error_msg","error_code","request_id"}`. What a call answers when it is served is each conductor's.

use crate::web::answer::{self, Cause};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::json;
use vestibule_oauth::refusal;
use vestibule_store::StoreError;

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::enum_variant_names, reason = "one of them is about OAuth's own code")]
pub enum Code {
    /// Something in the request is not as it must be.
    ParameterInvalid,
    /// No Git host of this kind is served.
    NotImplemented,
    /// The code or the state of an authorization by redirect is not good.
    CodeOrStateInvalid,
    /// There is one of this name.
    AlreadyExists,
    /// The call acts through an authorization, and there is none of this name.
    NoAuthorization,
    /// The authorization is there and does not open the host any more.
    AuthorizationInvalid,
    /// The address to clone from cannot be read.
    CloneUrlInvalid,
    /// There is no authorization of the name that the path bears.
    UnknownAuthorization,
    /// There is no such thing at the Git host, or the authorization's account must not know of it.
    NothingThere,
    /// The Git host cannot be reached, or does not answer as it should.
    HostAway,
    /// We failed.
    Internal,
    /// Nobody is behind the request, or nobody who can be believed.
    NotAuthenticated,
    /// The caller may not do this in this project, or there is no such project for them.
    NotAllowed,
    /// Nothing is served at this address.
    NoSuchApi,
    /// Something is served there, but not for this method.
    WrongMethod,
    /// The body is larger than is read.
    TooLarge,
    /// Too many tries were wrong, or are under way.
    TooManyTries,
    /// The Git host has had enough of us for now.
    RateLimited,
    /// Nothing is wrong but the moment: something is under way here, or as much as may be, and no Git host asks for patience.
    Crowded,
}

impl Code {
    const fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            Code::ParameterInvalid => (400, "SVCSTG.REPO.0400", "parameter invalid"),
            Code::NotImplemented => (400, "SVCSTG.REPO.0401", "repository not implemented"),
            Code::CodeOrStateInvalid => (400, "SVCSTG.REPO.0402", "oauth code or state invalid"),
            Code::AlreadyExists => (400, "SVCSTG.REPO.0403", "resource already exist"),
            Code::NoAuthorization => (400, "SVCSTG.REPO.0450", "no repository authorization"),
            Code::AuthorizationInvalid => (400, "SVCSTG.REPO.0451", "repository authorization invalid"),
            Code::CloneUrlInvalid => (400, "SVCSTG.REPO.0452", "clone url invalid"),
            Code::UnknownAuthorization => (404, "SVCSTG.REPO.0450", "no repository authorization"),
            Code::NothingThere => (404, "SVCSTG.REPO.0404", "not found at the repository host"),
            Code::HostAway => (502, "SVCSTG.REPO.0500", "the repository host did not answer as it should"),
            Code::Internal => (500, "SVCSTG.REPO.0500", "internal error"),
            Code::NotAuthenticated => (401, "APIG.0301", "Incorrect IAM authentication information"),
            Code::NotAllowed => (403, "APIG.0302", "The IAM user is not authorized to access the API"),
            Code::NoSuchApi => (404, "APIG.0101", NO_SUCH_API),
            Code::WrongMethod => (405, "APIG.0101", NO_SUCH_API),
            Code::TooLarge => (413, "SVCSTG.REPO.0400", "parameter invalid"),
            Code::TooManyTries => (429, "SVCSTG.REPO.0400", "too many tries"),
            Code::Crowded => (429, "SVCSTG.REPO.0400", "come again"),
            Code::RateLimited => (429, "SVCSTG.REPO.0400", "the repository host asks for patience"),
        }
    }
}

const NO_SUCH_API: &str = "The API does not exist or has not been published in the environment";

/// A refusal: a code, and what else is worth saying.
#[derive(Debug)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// What follows the code's own words, after a colon; never a secret. Where a host was asked on behalf of a stored
    /// authorization, its own reason, scrubbed and bounded; otherwise never what a host has answered.
    detail: String,
    /// What RFC 6750 wants said beside it to whoever came with an access token.
    challenge: Option<&'static str>,
    wait_s: Option<u32>,
    cause: Option<String>,
}

impl Refusal {
    /// A refusal in the code's own words.
    pub const fn new(code: Code) -> Refusal {
        Refusal { code, detail: String::new(), challenge: None, wait_s: None, cause: None }
    }

    /// A refusal with a sentence that says what to do.
    pub fn saying(code: Code, detail: impl Into<String>) -> Refusal {
        Refusal { detail: detail.into(), ..Refusal::new(code) }
    }

    /// We failed; `cause` goes to the log only.
    pub fn because(cause: impl ToString) -> Refusal {
        Refusal { cause: Some(cause.to_string()), ..Refusal::new(Code::Internal) }
    }

    /// The same with a `WWW-Authenticate` header.
    #[must_use]
    pub const fn challenging(mut self, challenge: &'static str) -> Refusal {
        self.challenge = Some(challenge);
        self
    }

    /// The same with the time to wait.
    #[must_use]
    pub const fn waiting(mut self, seconds: u32) -> Refusal {
        self.wait_s = Some(seconds);
        self
    }

    /// Its HTTP status.
    pub const fn status(&self) -> u16 {
        self.code.row().0
    }

    /// Its code on the wire.
    #[cfg(test)]
    pub const fn error_code(&self) -> &'static str {
        self.code.row().1
    }

    /// The code's own words, and what else is worth saying.
    pub fn message(&self) -> String {
        let own = self.code.row().2;
        if self.detail.is_empty() { own.to_owned() } else { format!("{own}: {}", self.detail) }
    }

    /// The answer to the request of this id.
    pub fn answer(&self, request_id: &str) -> Response {
        let (status, code, _) = self.code.row();
        let message = self.message();
        let body = match code.starts_with("APIG.") {
            true => json!({ "error_msg": message, "error_code": code, "request_id": request_id }),
            false => json!({ "error_code": code, "error_msg": message }),
        };
        let mut response = answer::json(status, body.to_string());
        self.dress(&mut response);
        response
    }

    /// Adds the headers that go with it, and its cause for the log.
    pub fn dress(&self, response: &mut Response) {
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(seconds) = self.wait_s {
            answer::retry_after(response, seconds);
        }
        if let Some(cause) = &self.cause {
            response.extensions_mut().insert(Cause(cause.clone()));
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::because(error)
    }
}

/// The answer of a call: what it was served, or why it was not.
pub fn respond(served: Result<Response, Refusal>, request_id: &str) -> Response {
    served.unwrap_or_else(|refusal| refusal.answer(request_id))
}

/// The answer to a request that no conductor has taken up.
pub fn nobody(code: refusal::Code, request_id: &str) -> Response {
    Refusal::new(code_of(code)).answer(request_id)
}

/// The status of such an answer.
pub const fn status_of(code: refusal::Code) -> u16 {
    code_of(code).row().0
}

const fn code_of(code: refusal::Code) -> Code {
    match code {
        refusal::Code::NotFound => Code::NoSuchApi,
        refusal::Code::MethodNotAllowed => Code::WrongMethod,
        refusal::Code::PayloadTooLarge => Code::TooLarge,
        refusal::Code::ServerError => Code::Internal,
        _ => Code::ParameterInvalid,
    }
}
