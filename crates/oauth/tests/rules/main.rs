//! The rules of the protocol, asked as an endpoint asks them: from parameters to an outcome.
//!
//! One binary with a file per room of the rulebook.

mod access_token;
mod authorization_code;
mod authorize;
mod claims_request;
mod client_auth;
mod client_credentials;
mod consent;
mod grant;
mod id_token;
mod id_token_hint;
mod identifiers;
mod introspection;
mod linear;
mod logout;
mod metadata;
mod next_step;
mod openid;
mod parameters;
mod password;
mod redirect_uri;
mod refresh_token;
mod refusal;
mod response;
mod revocation;
mod sample;
mod subject;
mod templates;
mod token;
mod userinfo;
