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
    /// What was presented is no kind of token that can be revoked (RFC 7009).
    UnsupportedTokenType,
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
    /// Nobody can sign in here as strongly as the client needs (OpenID Connect `unmet_authentication_requirements`).
    UnmetAuthenticationRequirements,
    /// The `request` parameter is not served.
    RequestNotSupported,
    /// The `request_uri` parameter is not served.
    RequestUriNotSupported,
    /// The `registration` parameter is not served.
    RegistrationNotSupported,
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
    /// A queue is full, or the storage cannot be reached.
    TemporarilyUnavailable,
    /// Too many failures: come back after the time that [`Refusal::wait_s`] tells.
    TooManyRequests,
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
    description: String,
    /// The wire form; set by whoever knows the client.
    pub wire: Wire,
    /// Whether the client tried HTTP Basic, so that a 401 names that scheme (statement 47).
    pub basic: bool,
    /// After how many seconds another try makes sense, where that is known.
    wait_s: Option<u32>,
    guess: bool,
}

impl Code {
    /// The code in the vocabulary of RFC 6749, RFC 6750 and OpenID Connect: what stands in an error redirect and on a
    /// standard wire.
    pub const fn name(self) -> &'static str {
        match self {
            Code::InvalidRequest | Code::MethodNotAllowed | Code::UnsupportedMediaType | Code::PayloadTooLarge => {
                "invalid_request"
            }
            Code::InvalidClient => "invalid_client",
            Code::InvalidGrant => "invalid_grant",
            Code::UnauthorizedClient => "unauthorized_client",
            Code::UnsupportedGrantType => "unsupported_grant_type",
            Code::UnsupportedTokenType => "unsupported_token_type",
            Code::UnsupportedResponseType => "unsupported_response_type",
            Code::InvalidScope => "invalid_scope",
            Code::AccessDenied | Code::Forbidden => "access_denied",
            Code::LoginRequired => "login_required",
            Code::ConsentRequired => "consent_required",
            Code::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Code::RequestNotSupported => "request_not_supported",
            Code::RequestUriNotSupported => "request_uri_not_supported",
            Code::RegistrationNotSupported => "registration_not_supported",
            Code::InvalidToken => "invalid_token",
            Code::InsufficientScope => "insufficient_scope",
            Code::NotFound => "not_found",
            Code::TemporarilyUnavailable | Code::TooManyRequests => "temporarily_unavailable",
            Code::ServerError => "server_error",
        }
    }

    /// The code of the IDaaS error table that says the same, if the table has one of its own.
    const fn idaas_name(self) -> Option<&'static str> {
        match self {
            Code::InvalidClient | Code::InvalidToken => Some("Unauthorized"),
            Code::Forbidden | Code::InsufficientScope => Some("Forbidden"),
            Code::NotFound => Some("ResourceNotFound"),
            Code::UnsupportedMediaType => Some("UnsupportedMediaType"),
            Code::ServerError => Some("InternalError"),
            Code::MethodNotAllowed => Some("method_not_allowed"),
            _ => None,
        }
    }
}

impl Refusal {
    /// Makes a refusal on the standard wire. Characters that RFC 6749 does not allow in `error_description` are
    /// replaced, and what is longer than 400 characters is cut: a sentence may quote what a stranger sent.
    pub fn new(code: Code, description: impl Into<String>) -> Refusal {
        let description = description.into().chars().take(400).map(allowed_character).collect();
        Refusal { code, description, wire: Wire::Standard, basic: false, wait_s: None, guess: false }
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

    /// The same refusal, told after how many seconds another try makes sense.
    pub fn waiting(mut self, seconds: u32) -> Refusal {
        self.wait_s = Some(seconds);
        self
    }

    /// After how many seconds another try makes sense, for `Retry-After`; where nothing else was said, a second after
    /// something was unavailable.
    pub const fn wait_s(&self) -> Option<u32> {
        match (self.wait_s, self.code) {
            (None, Code::TemporarilyUnavailable | Code::TooManyRequests) => Some(1),
            (seconds, _) => seconds,
        }
    }

    /// The same refusal, told whether what was wrong is a secret that a stranger may have made up: such tries are counted.
    pub fn guess(mut self, guess: bool) -> Refusal {
        self.guess = guess;
        self
    }

    /// Whether a secret was wrong.
    pub const fn is_guess(&self) -> bool {
        self.guess
    }

    /// The sentence as it was made, whatever the wire.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The error code as this wire spells it (IDaaS has names of its own).
    pub fn error(&self) -> &'static str {
        match self.wire {
            Wire::Idaas => self.code.idaas_name().unwrap_or(self.code.name()),
            Wire::Standard | Wire::Gitlife => self.code.name(),
        }
    }

    /// The sentence as this wire has it. IDaaS repeats the codes of its table instead (its 500 excepted), and Gitlife
    /// has one text for every `invalid_grant`.
    pub fn message(&self) -> &str {
        match (self.wire, self.code) {
            (Wire::Idaas, Code::ServerError) => IDAAS_INTERNAL_ERROR,
            (Wire::Idaas, Code::MethodNotAllowed) => &self.description,
            (Wire::Idaas, code) => code.idaas_name().unwrap_or(&self.description),
            (Wire::Gitlife, Code::InvalidGrant) => GITLIFE_INVALID_GRANT,
            _ => &self.description,
        }
    }

    /// The HTTP status: a function of the code.
    pub const fn status(&self) -> u16 {
        match self.code {
            Code::InvalidClient | Code::InvalidToken => 401,
            Code::InsufficientScope | Code::Forbidden => 403,
            Code::NotFound => 404,
            Code::MethodNotAllowed => 405,
            Code::PayloadTooLarge => 413,
            Code::UnsupportedMediaType => 415,
            Code::TooManyRequests => 429,
            Code::ServerError => 500,
            Code::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }

    /// The JSON error body of RFC 6749 section 5.2: `{"error":…,"error_description":…}`, without the second member
    /// when there is no sentence.
    pub fn body(&self) -> String {
        match self.message() {
            "" => format!(r#"{{"error":"{}"}}"#, self.error()),
            // Both hold only characters that need no escape in JSON: no quote, no backslash, no control character.
            message => format!(r#"{{"error":"{}","error_description":"{message}"}}"#, self.error()),
        }
    }

    /// The `WWW-Authenticate` header that goes with the status, if one does.
    ///
    /// A client that tried HTTP Basic is told that scheme (RFC 6749 section 5.2, statement 47). Others get a Bearer challenge,
    /// because HTTP wants one with every 401 (RFC 9110 section 15.5.2) and a Basic one would make browsers ask
    /// people for a password. An empty sentence means that no token was sent at all: then the challenge names no
    /// error (RFC 6750 section 3.1).
    pub fn www_authenticate(&self) -> Option<String> {
        match self.code {
            Code::InvalidClient if self.basic => Some(r#"Basic realm="vestibule", charset="UTF-8""#.to_owned()),
            Code::InvalidClient | Code::InvalidToken | Code::InsufficientScope if self.description.is_empty() => {
                Some(r#"Bearer realm="vestibule""#.to_owned())
            }
            Code::InvalidClient | Code::InvalidToken | Code::InsufficientScope => Some(format!(
                r#"Bearer realm="vestibule", error="{}", error_description="{}""#,
                self.code.name(),
                self.description
            )),
            _ => None,
        }
    }
}

/// The character itself if RFC 6749 section 5.2 allows it in a sentence, and otherwise what comes nearest.
const fn allowed_character(character: char) -> char {
    match character {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => character,
        _ => '?',
    }
}

/// The sentence of the IDaaS error table for 500.
const IDAAS_INTERNAL_ERROR: &str = "The request processing has failed due to some unknown error, exception or failure.";

/// Gitlife's one text for `invalid_grant`, in English.
const GITLIFE_INVALID_GRANT: &str =
    "The authorization grant is invalid, or the callback address is invalid, expired or revoked.";
