//! One sign-in of the sample application: its `state` and its PKCE verifier, kept in the browser's own cookie.
//!
//! Owns what a client must check when the browser comes back (RFC 6749 section 10.12, RFC 7636, RFC 9207).

use super::sample::Problem;
use crate::dice::Dice;
use axum::http::{HeaderMap, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use vestibule_oauth::secret::Digest;

/// A sign-in under way.
pub struct Flow {
    state: String,
    /// The PKCE verifier that the token request must show.
    pub verifier: String,
}

impl Flow {
    /// The cookie that ends it.
    pub const FORGET: &'static str = "sample_flow=; Max-Age=0; HttpOnly; SameSite=Lax; Path=/callback";

    /// A new one.
    pub fn new(dice: Dice) -> Flow {
        Flow { state: key(dice), verifier: key(dice) }
    }

    /// The one that this browser's cookie holds.
    pub fn of(headers: &HeaderMap) -> Option<Flow> {
        let value = cookie(headers, "sample_flow")?;
        let (state, verifier) = value.split_once('.')?;
        Some(Flow { state: state.to_owned(), verifier: verifier.to_owned() })
    }

    /// The cookie that keeps it for ten minutes.
    pub fn cookie(&self) -> String {
        let Flow { state, verifier } = self;
        format!("sample_flow={state}.{verifier}; Max-Age=600; HttpOnly; SameSite=Lax; Path=/callback")
    }

    /// The query of the authorization request.
    pub fn query(&self, client_id: &str, redirect_uri: &str, scope: Option<&str>, pkce: bool) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Digest::of(self.verifier.as_bytes()).as_bytes());
        let mut pairs = vec![("response_type", "code"), ("client_id", client_id), ("redirect_uri", redirect_uri)];
        pairs.extend(scope.map(|scope| ("scope", scope)));
        pairs.push(("state", &self.state));
        if pkce {
            pairs.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
        }
        encode(&pairs)
    }

    /// Checks what came back; gives the code.
    pub fn check<'a>(&self, parameters: &'a [(String, String)], issuer: &str) -> Result<&'a str, Problem> {
        let get = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if get("state") != Some(&self.state) {
            let sentence = "The answer does not belong to the sign-in that this browser began (state differs).";
            return Err(Problem::new(sentence));
        }
        if get("iss") != Some(issuer) {
            return Err(Problem::new(format!("The answer does not come from {issuer} (iss differs).")));
        }
        if let Some(code) = get("error") {
            let sentence = get("error_description").unwrap_or("Vestibule sent you back without a code.").to_owned();
            return Err(Problem { sentence, code: code.to_owned() });
        }
        get("code").ok_or_else(|| Problem::new("The answer holds no code."))
    }
}

/// 256 random bits as text.
pub fn key(dice: Dice) -> String {
    URL_SAFE_NO_PAD.encode(dice.bytes::<32>())
}

/// The value of the cookie `name`.
pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// These pairs as `application/x-www-form-urlencoded`.
pub fn encode(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn back(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn the_sample_takes_no_code_without_its_own_state_and_the_right_issuer() {
        let flow = Flow { state: "s".into(), verifier: "v".into() };
        let issuer = "http://127.0.0.1:8080";
        let good = back(&[("code", "c"), ("state", "s"), ("iss", issuer)]);
        assert_eq!(flow.check(&good, issuer).ok(), Some("c"));
        for wrong in [
            back(&[("code", "c"), ("state", "t"), ("iss", issuer)]),
            back(&[("code", "c"), ("iss", issuer)]),
            back(&[("code", "c"), ("state", "s"), ("iss", "http://127.0.0.1:9")]),
            back(&[("code", "c"), ("state", "s")]),
            back(&[("error", "access_denied"), ("state", "s"), ("iss", issuer)]),
        ] {
            assert!(flow.check(&wrong, issuer).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_cookie_gives_back_the_flow() {
        let flow = Flow { state: "s".into(), verifier: "v".into() };
        let line = format!("other=1; {}", flow.cookie().split(';').next().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, line.parse().unwrap());
        let found = Flow::of(&headers).unwrap();
        assert_eq!((found.state.as_str(), found.verifier.as_str()), ("s", "v"));
    }
}
