//! Proof Key for Code Exchange (RFC 7636), S256 only.
//!
//! Owns the challenge and its verification. Whether a client must send one is its switch, asked in `authorize`.

use crate::refusal::Refusal;

/// The `S256` challenge of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method` of an authorization request. `None` when neither was sent;
    /// `invalid_request` for a method without challenge, a challenge without method, any method but `S256`, or a
    /// challenge that is not 43 base64url characters.
    pub fn read(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Challenge>, Refusal> {
        let _ = (challenge, method);
        todo!()
    }

    /// Reads a stored challenge; `None` unless it is 43 base64url characters.
    pub fn parse(text: &str) -> Option<Challenge> {
        let _ = text;
        todo!()
    }

    /// The text, as it came and as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Compares a token request's `code_verifier` with what the authorization request sent: `invalid_grant` for a
/// missing, malformed or wrong verifier, `invalid_request` for a verifier where no challenge was sent.
pub fn check(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), Refusal> {
    let _ = (challenge, verifier);
    todo!()
}
