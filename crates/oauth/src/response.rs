//! Answers to the client: the redirect of the authorization endpoint and the body of the token endpoint.
//!
//! Owns their spelling per wire. Does not own HTTP headers nor errors of the token endpoint (`refusal`).

use crate::redirect_uri;
use crate::refusal::Refusal;
use crate::scope::ScopeSet;
use crate::secret::Secret;
use crate::template::Wire;
use serde::{Deserialize, Serialize};

/// How the answer of the authorization endpoint travels through the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the redirect URI's query.
    #[default]
    Query,
    /// As a form that the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// All of them.
    pub const ALL: [ResponseMode; 2] = [ResponseMode::Query, ResponseMode::FormPost];

    /// The value of `response_mode`.
    pub const fn name(self) -> &'static str {
        match self {
            ResponseMode::Query => "query",
            ResponseMode::FormPost => "form_post",
        }
    }

    /// The mode of this name.
    pub fn parse(name: &str) -> Option<ResponseMode> {
        ResponseMode::ALL.into_iter().find(|mode| mode.name() == name)
    }
}

/// An answer of the authorization endpoint on its way through the browser. Holds a code: do not log it.
#[derive(Clone, Debug)]
pub struct AuthorizationResponse {
    /// Where it goes: known good.
    pub redirect_uri: String,
    /// How it travels.
    pub mode: ResponseMode,
    parameters: Vec<(&'static str, Secret)>,
}

impl AuthorizationResponse {
    /// A successful one (RFC 6749 section 4.1.2, RFC 9207).
    pub fn success(
        redirect_uri: &str,
        mode: ResponseMode,
        code: &Secret,
        state: Option<&str>,
        issuer: &str,
    ) -> AuthorizationResponse {
        AuthorizationResponse::of(redirect_uri, mode, vec![("code", code.clone())], state, issuer)
    }

    /// A refused one (RFC 6749 section 4.1.2.1, RFC 9207).
    pub fn failure(
        redirect_uri: &str,
        mode: ResponseMode,
        refusal: &Refusal,
        state: Option<&str>,
        issuer: &str,
    ) -> AuthorizationResponse {
        let told =
            [("error", Secret::new(refusal.code.name())), ("error_description", Secret::new(refusal.description()))];
        AuthorizationResponse::of(redirect_uri, mode, told.into(), state, issuer)
    }

    fn of(
        redirect_uri: &str,
        mode: ResponseMode,
        mut parameters: Vec<(&'static str, Secret)>,
        state: Option<&str>,
        issuer: &str,
    ) -> AuthorizationResponse {
        parameters.extend(state.map(|state| ("state", Secret::new(state))));
        parameters.push(("iss", Secret::new(issuer)));
        AuthorizationResponse { redirect_uri: redirect_uri.to_owned(), mode, parameters }
    }

    /// The parameters in their order.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.parameters.iter().map(|(name, value)| (*name, value.expose()))
    }

    /// The `Location` that carries it in the redirect URI's query. The URI's own query is kept byte for byte; registration
    /// refuses URIs that hold a fragment or a parameter of ours (FM-06), so that each of these stands there once.
    pub fn location(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.parameters());
        redirect_uri::with_query(&self.redirect_uri, &query.finish())
    }
}

/// The body of a successful token answer (RFC 6749 section 5.1).
#[derive(Debug)]
pub struct TokenAnswer {
    /// The access token.
    pub access_token: Secret,
    /// Its life, in seconds.
    pub expires_in_s: i64,
    /// The refresh token, if one is given.
    pub refresh_token: Option<Secret>,
    /// The ID token, if one is due.
    pub id_token: Option<Secret>,
    /// What was granted.
    pub scope: ScopeSet,
    /// The moment of issue, in Unix seconds.
    pub created_at_s: i64,
}

impl TokenAnswer {
    /// The JSON text, members in the order of the wire. Holds secrets: do not log it.
    pub fn spell(&self, wire: Wire) -> String {
        let scope = self.scope.to_string();
        let access = ("access_token", Member::Text(self.access_token.expose()));
        let token_type = |name| ("token_type", Member::Text(name));
        let expires = ("expires_in", Member::Number(self.expires_in_s));
        let refresh = self.refresh_token.as_ref().map(|token| ("refresh_token", Member::Text(token.expose())));
        let scope = ("scope", Member::Text(&scope));
        let created = ("created_at", Member::Number(self.created_at_s));
        // No vendor's wire knows it: it comes last, where their clients see what they always saw.
        let id_token = self.id_token.as_ref().map(|token| ("id_token", Member::Text(token.expose())));
        spell_object(match wire {
            Wire::Standard => {
                [Some(access), Some(token_type("Bearer")), Some(expires), refresh, Some(scope), None, id_token]
            }
            Wire::Idaas => {
                [Some(access), Some(token_type("bearer")), refresh, Some(expires), Some(scope), None, id_token]
            }
            Wire::Gitlife => {
                [Some(access), Some(token_type("bearer")), Some(expires), refresh, Some(scope), Some(created), id_token]
            }
        })
    }
}

#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
enum Member<'a> {
    Text(&'a str),
    Number(i64),
}

/// A JSON object with its members in this order. Text and numbers can always be spelled, so there is no error to tell.
fn spell_object(members: [Option<(&str, Member)>; 7]) -> String {
    struct Object<'a>([Option<(&'a str, Member<'a>)>; 7]);
    impl Serialize for Object<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().flatten().copied())
        }
    }
    serde_json::to_string(&Object(members)).unwrap_or_default()
}
