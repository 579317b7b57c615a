//! Signing in at Gitee: the way there, tokens for a code, a refresh token or a password, and whose they are.
//!
//! Owns these calls, after Gitee's OAuth document (the one that Gitlife publishes in English).

use super::{accept, request};
use crate::answers::{Tokens, Upstream};
use crate::errand::Step;
use crate::reply::Reply;
use crate::secret::Secret;
use crate::site::{Application, Departure, Site, Visit};
use crate::token_answer;
use crate::wire::{Fields, Method, Request};
use serde::Deserialize;

/// The address that a person's browser is sent to.
pub fn send_user(site: &Site, application: &Application, departure: Departure<'_>) -> String {
    let address = site.web().at().fixed("oauth/authorize").query("client_id", &application.client_id);
    let address = address.query("redirect_uri", &application.redirect_uri).query("response_type", "code");
    let address = address.query("scope", &application.scopes.join(" ")).query("state", departure.state);
    address.as_str().to_owned()
}

/// Trades a code. No verifier is sent, because no challenge was: Gitee knows no PKCE.
pub fn trade_code(site: &Site, application: &Application, code: &Secret) -> Step<Tokens> {
    let fields = Fields::new().text("grant_type", "authorization_code").secret("code", code);
    let fields = fields.text("client_id", &application.client_id).text("redirect_uri", &application.redirect_uri);
    to_token_endpoint(site, fields.secret("client_secret", &application.client_secret))
}

/// Trades a refresh token: documented with these two parameters only.
pub fn refresh(site: &Site, refresh: &Secret) -> Step<Tokens> {
    to_token_endpoint(site, Fields::new().text("grant_type", "refresh_token").secret("refresh_token", refresh))
}

/// Trades a name (an e-mail address) and a password.
pub fn password(site: &Site, application: &Application, user: &str, password: &Secret) -> Step<Tokens> {
    let fields = Fields::new().text("grant_type", "password").text("username", user).secret("password", password);
    let fields = fields.text("client_id", &application.client_id);
    let fields = fields.secret("client_secret", &application.client_secret);
    to_token_endpoint(site, fields.text("scope", &application.scopes.join(" ")))
}

fn to_token_endpoint(site: &Site, fields: Fields) -> Step<Tokens> {
    let request = Request::new(Method::Post, site.web().at().fixed("oauth/token"));
    Step::ask(request.header("Accept", "application/json").form(fields), token_answer::read)
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    avatar_url: Option<String>,
}

/// Asks whose token it is. Gitee tells neither scopes nor the end here.
pub fn who(visit: &Visit) -> Step<Upstream> {
    let home = visit.site.web().at();
    let address = visit.site.api().at().fixed("user");
    Step::ask(request(visit, Method::Get, address), move |reply: &Reply, now| {
        accept(reply, now)?;
        let user: User = reply.read()?;
        let upstream = Upstream {
            id: user.id.to_string(),
            home: home.segment(&user.login).as_str().to_owned(),
            login: user.login,
            avatar: user.avatar_url,
            scopes: None,
            token_ends_at: None,
        };
        upstream.bounded()
    })
}
