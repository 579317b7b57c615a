//! Applications and people as the tests use them, and the calls that a client makes.

use super::http::{Answer, Call};
use super::server::Server;
use super::visitor::{Visitor, parameter};
use serde_json::Value;

/// A code verifier (RFC 7636 appendix B) and its S256 challenge.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A person with the password that only the test and the person know.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub email: String,
    pub password: String,
}

/// An application as `app add` printed it.
#[derive(Clone, Debug)]
pub struct App {
    pub server: String,
    pub name: String,
    pub redirect_uri: String,
    pub client_id: String,
    /// Empty for a public client.
    pub client_secret: String,
    pub shown: Value,
}

/// A token answer.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: Option<String>,
    pub json: Value,
}

impl App {
    pub fn read(server: &Server, name: String, redirect_uri: &str, shown: Value) -> App {
        let text = |key: &str| shown[key].as_str().unwrap_or_default().to_owned();
        let (client_id, client_secret) = (text("client_id"), text("client_secret"));
        assert!(!client_id.is_empty(), "no client_id: {shown}");
        App { server: server.url.clone(), name, redirect_uri: redirect_uri.to_owned(), client_id, client_secret, shown }
    }

    fn is_public(&self) -> bool {
        self.client_secret.is_empty()
    }

    /// An Authorize URL with a challenge, and these parameters over the usual ones. An empty value takes one away.
    pub fn authorize_url(&self, over: &[(&str, &str)]) -> String {
        let usual = [
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("state", "st a+te/%&="),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let mut fields: Vec<(&str, &str)> =
            usual.into_iter().filter(|(n, _)| !over.iter().any(|(o, _)| o == n)).collect();
        fields.extend(over.iter().filter(|(_, v)| !v.is_empty()));
        Call::get(format!("{}/oauth/authorize", self.server)).query(&fields).url().to_owned()
    }

    /// A plain token call: credentials in the body, these fields beside them.
    pub fn token_call(&self, fields: &[(&str, &str)]) -> Call {
        let mut all = vec![("client_id", self.client_id.as_str())];
        if !self.is_public() {
            all.push(("client_secret", &self.client_secret));
        }
        all.retain(|(n, _)| !fields.iter().any(|(f, _)| f == n));
        all.extend(fields.iter().filter(|(_, v)| !v.is_empty()));
        Call::post(format!("{}/oauth/token", self.server)).form(&all)
    }

    pub fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.token_call(fields).send()
    }

    /// Trades a code that was asked for with [`App::authorize_url`]'s usual parameters.
    pub fn trade(&self, code: &str) -> Answer {
        self.trade_with(code, &[])
    }

    /// The same with some parameters changed, or taken away by an empty value.
    pub fn trade_with(&self, code: &str, over: &[(&str, &str)]) -> Answer {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        let mut fields: Vec<(&str, &str)> =
            usual.into_iter().filter(|(n, _)| !over.iter().any(|(o, _)| o == n)).collect();
        fields.extend_from_slice(over);
        self.token(&fields)
    }

    /// A fresh code for this person, who signs in and allows everything that is offered.
    pub fn code(&self, server: &Server, person: &Person, over: &[(&str, &str)]) -> String {
        let back = Visitor::new(server).go_through(&self.authorize_url(over), person, None);
        parameter(&back, "code").unwrap_or_else(|| panic!("no code in {back}"))
    }

    /// Tokens for this person by the code flow.
    pub fn tokens(&self, server: &Server, person: &Person, over: &[(&str, &str)]) -> Tokens {
        let code = self.code(server, person, over);
        self.trade(&code).tokens()
    }
}

impl Answer {
    /// Reads a token answer; panics on a refusal.
    #[track_caller]
    pub fn tokens(&self) -> Tokens {
        assert_eq!(self.status, 200, "{}", self.text());
        let json = self.json();
        let access = json["access_token"].as_str().expect("access_token").to_owned();
        let refresh = json["refresh_token"].as_str().map(str::to_owned);
        Tokens { access, refresh, json }
    }
}
