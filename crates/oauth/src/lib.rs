//! The rulebook of OAuth 2.0 as Vestibule keeps it: parse, judge, decide, spell.
//!
//! Everything here is a plain function over plain values. Time and randomness enter as arguments; there is no
//! clock, no random source, no HTTP server type, no SQL and no network in this crate, so that every rule can be
//! tested and fuzzed without a server. What is remembered lives in `vestibule-store`, what talks in `vestibule`.
#![forbid(unsafe_code)]

pub mod access_token;
pub mod acr;
pub mod authorize;
pub mod claims_request;
pub mod client;
pub mod client_auth;
pub mod consent;
pub mod grant;
pub mod guessing;
pub mod id;
pub mod id_token;
pub mod id_token_hint;
pub mod introspection;
pub mod jose;
pub mod logout;
pub mod logout_token;
pub mod metadata;
pub mod next_step;
pub mod parameters;
pub mod pkce;
pub mod presented;
pub mod redirect_uri;
pub mod refusal;
pub mod response;
pub mod revocation;
pub mod scope;
pub mod secret;
pub mod subject;
pub mod template;
pub mod token;
mod ui_locales;
pub mod userinfo;
