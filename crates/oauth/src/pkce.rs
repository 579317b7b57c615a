//! Proof Key for Code Exchange (RFC 7636), S256 only.
//!
//! Owns the challenge and its verification. Whether a client must send one is its switch, asked in `authorize`.

use crate::refusal::{Code, Refusal};
use aws_lc_rs::{constant_time, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The `S256` challenge of an authorization request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Reads `code_challenge` and `code_challenge_method` of an authorization request. `None` when neither was sent;
    /// `invalid_request` for a method without challenge (FM-35), a challenge without method (which would mean
    /// `plain`, FM-36), any method but `S256`, or a challenge that is not 43 base64url characters.
    pub fn read(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Challenge>, Refusal> {
        let refuse = |sentence| Err(Refusal::new(Code::InvalidRequest, sentence));
        match (challenge, method) {
            (None, None) => Ok(None),
            (None, Some(_)) => refuse("code_challenge_method came without code_challenge: send both or neither."),
            (Some(_), None) => {
                refuse("code_challenge came without code_challenge_method: add code_challenge_method=S256.")
            }
            (Some(text), Some("S256")) => match Challenge::parse(text) {
                Some(challenge) => Ok(Some(challenge)),
                None => refuse("code_challenge must be the 43 characters of base64url(SHA-256(code_verifier))."),
            },
            (Some(_), Some(_)) => refuse("code_challenge_method must be S256."),
        }
    }

    /// Reads a stored challenge; `None` unless it is 43 base64url characters.
    pub fn parse(text: &str) -> Option<Challenge> {
        let good = text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        good.then(|| Challenge(text.to_owned()))
    }

    /// The text, as it came and as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Compares a token request's `code_verifier` with what the authorization request sent: `invalid_grant` for a
/// missing, malformed or wrong verifier (FM-34), `invalid_request` for a verifier where no challenge was sent: the sign
/// of an attacker who stripped the challenge (FM-33).
pub fn check(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), Refusal> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Refusal::new(
            Code::InvalidRequest,
            "code_verifier came, but the authorization request had no code_challenge: send both or neither.",
        )),
        (Some(_), None) => Err(Refusal::new(
            Code::InvalidGrant,
            "code_verifier is missing: the authorization request had a code_challenge.",
        )),
        (Some(challenge), Some(verifier)) => {
            if is_verifier(verifier) && answers(challenge, verifier) {
                return Ok(());
            }
            Err(Refusal::new(Code::InvalidGrant, "code_verifier does not answer the code_challenge."))
        }
    }
}

/// Whether the text has the form of RFC 7636 section 4.1: 43 to 128 unreserved characters.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
}

/// Whether base64url(SHA-256(verifier)) is the challenge, in constant time.
fn answers(challenge: &Challenge, verifier: &str) -> bool {
    let sum = digest::digest(&digest::SHA256, verifier.as_bytes());
    let computed = URL_SAFE_NO_PAD.encode(sum);
    constant_time::verify_slices_are_equal(computed.as_bytes(), challenge.0.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn challenge_of(verifier: &str) -> Challenge {
        Challenge::parse(&URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))).unwrap()
    }

    fn read_code(challenge: Option<&str>, method: Option<&str>) -> Code {
        Challenge::read(challenge, method).unwrap_err().code
    }

    fn check_code(challenge: Option<&Challenge>, verifier: Option<&str>) -> Code {
        check(challenge, verifier).unwrap_err().code
    }

    #[test]
    fn st_34_the_example_of_rfc_7636_appendix_b_verifies() {
        let challenge = Challenge::read(Some(CHALLENGE), Some("S256")).unwrap().unwrap();
        assert_eq!(challenge.as_str(), CHALLENGE);
        assert!(check(Some(&challenge), Some(VERIFIER)).is_ok());
        assert_eq!(Challenge::read(None, None).unwrap(), None);
        assert!(check(None, None).is_ok());
    }

    #[test]
    fn st_36_fm_36_a_challenge_without_method_is_refused() {
        assert_eq!(read_code(Some(CHALLENGE), None), Code::InvalidRequest);
    }

    #[test]
    fn fm_35_a_method_without_challenge_is_refused() {
        assert_eq!(read_code(None, Some("S256")), Code::InvalidRequest);
    }

    #[test]
    fn st_36_st_37_plain_and_unknown_methods_are_refused() {
        for method in ["plain", "s256", "S512", "S256 ", " "] {
            assert_eq!(read_code(Some(CHALLENGE), Some(method)), Code::InvalidRequest, "{method}");
        }
    }

    #[test]
    fn st_38_a_malformed_challenge_is_refused() {
        let short = &CHALLENGE[..42];
        let long = format!("{CHALLENGE}A");
        for bad in [short, &long, "", " "] {
            assert_eq!(read_code(Some(bad), Some("S256")), Code::InvalidRequest, "{bad}");
        }
        for foreign in ['+', '/', '=', '.', '~', ' ', '\n', '%'] {
            let bad = format!("{short}{foreign}");
            assert_eq!(read_code(Some(&bad), Some("S256")), Code::InvalidRequest, "{bad}");
            assert_eq!(Challenge::parse(&bad), None);
        }
        for fine in ['-', '_', 'Z', '9'] {
            assert!(Challenge::parse(&format!("{short}{fine}")).is_some());
        }
    }

    #[test]
    fn st_38_a_verifier_has_43_to_128_unreserved_characters() {
        for length in [43, 44, 127, 128] {
            let verifier = "~".repeat(length - 3) + "-._";
            assert!(check(Some(&challenge_of(&verifier)), Some(&verifier)).is_ok(), "{length}");
        }
        for length in [1, 42, 129, 1000] {
            let verifier = "a".repeat(length);
            assert_eq!(check_code(Some(&challenge_of(&verifier)), Some(&verifier)), Code::InvalidGrant, "{length}");
        }
        for foreign in ["+", "/", "=", " ", "%", "\u{e9}", "\0"] {
            let verifier = "a".repeat(50) + foreign;
            assert_eq!(check_code(Some(&challenge_of(&verifier)), Some(&verifier)), Code::InvalidGrant, "{foreign}");
        }
    }

    #[test]
    fn st_39_fm_34_a_missing_blank_or_wrong_verifier_is_an_invalid_grant() {
        let challenge = challenge_of(VERIFIER);
        assert_eq!(check_code(Some(&challenge), None), Code::InvalidGrant);
        for wrong in ["", " ", CHALLENGE, &VERIFIER.replace('d', "e"), &VERIFIER.to_lowercase()] {
            assert_eq!(check_code(Some(&challenge), Some(wrong)), Code::InvalidGrant, "{wrong}");
        }
    }

    #[test]
    fn st_40_fm_33_a_verifier_without_challenge_is_refused() {
        assert_eq!(check_code(None, Some(VERIFIER)), Code::InvalidRequest);
    }

    #[test]
    fn st_41_the_challenge_is_not_the_verifier() {
        assert_ne!(challenge_of(VERIFIER).as_str(), VERIFIER);
        assert_eq!(check_code(Some(&challenge_of(VERIFIER)), Some(CHALLENGE)), Code::InvalidGrant);
    }
}
