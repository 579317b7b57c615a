//! Signing in at GitHub: the way there, tokens, whose they are, and their end.
//!
//! Owns these five calls. After GitHub's pages "Authorizing OAuth apps" and "Refreshing user access tokens".

use super::{accept, documented, request};
use crate::answers::{Tokens, Upstream};
use crate::errand::Step;
use crate::judge::Said;
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::site::{Application, Departure, Site, Visit};
use crate::wire::{Fields, Method, Request};
use crate::{token_answer, when};
use serde::Deserialize;
use std::sync::Arc;

/// The address that a person's browser is sent to.
pub fn send_user(site: &Site, application: &Application, departure: Departure<'_>) -> String {
    let address = site.web().at().fixed("login/oauth/authorize");
    let address = address.query("client_id", &application.client_id);
    let address = address.query("redirect_uri", &application.redirect_uri);
    let address = address.query("scope", &application.scopes.join(" ")).query("state", departure.state);
    let address = match departure.challenge {
        Some(challenge) => address.query("code_challenge", challenge).query("code_challenge_method", "S256"),
        None => address,
    };
    address.as_str().to_owned()
}

/// Trades a code.
pub fn trade_code(site: &Site, application: &Application, code: &Secret, verifier: Option<&Secret>) -> Step<Tokens> {
    let fields = Fields::new().text("client_id", &application.client_id);
    let fields = fields.secret("client_secret", &application.client_secret).secret("code", code);
    let fields = fields.text("redirect_uri", &application.redirect_uri).secret_if("code_verifier", verifier);
    Step::ask(to_token_endpoint(site, fields), token_answer::read)
}

/// Trades a refresh token: there is one only where tokens end.
pub fn refresh(site: &Site, application: &Application, refresh: &Secret) -> Step<Tokens> {
    let fields = Fields::new().text("client_id", &application.client_id);
    let fields = fields.secret("client_secret", &application.client_secret);
    let fields = fields.text("grant_type", "refresh_token").secret("refresh_token", refresh);
    Step::ask(to_token_endpoint(site, fields), token_answer::read)
}

/// Without this Accept the answer comes in form encoding; a proxy that drops the header is put up with.
fn to_token_endpoint(site: &Site, fields: Fields) -> Request {
    let address = site.web().at().fixed("login/oauth/access_token");
    Request::new(Method::Post, address).header("Accept", "application/json").form(fields)
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    avatar_url: Option<String>,
}

/// Asks whose token it is. Scopes stand in a header for OAuth and classic personal tokens, the end for personal ones.
pub fn who(visit: &Visit) -> Step<Upstream> {
    let home = visit.site.web().at();
    let address = visit.site.api().at().fixed("user");
    Step::ask(request(visit, Method::Get, address), move |reply: &Reply, now| {
        accept(reply, now)?;
        let user: User = reply.read()?;
        // Empty beside the token of an App, which has permissions instead.
        let scopes = reply.header("x-oauth-scopes").filter(|list| !list.is_empty());
        let scopes = scopes.map(|list| list.split(',').map(str::to_owned).collect());
        let upstream = Upstream {
            id: user.id.to_string(),
            home: home.segment(&user.login).as_str().to_owned(),
            login: user.login,
            avatar: user.avatar_url,
            scopes,
            token_ends_at: reply.header("github-authentication-token-expiration").and_then(when::moment),
        };
        upstream.bounded()
    })
}

/// Ends the tokens of one authorization. Ending the whole grant would end the person's other authorizations too. The
/// access token goes first; that an expired one leaves its refresh token alive is why that one is tried afterwards.
pub fn revoke(site: &Site, application: &Application, access: &Secret, refresh: Option<&Secret>) -> Step<()> {
    let end = end(site, application, access);
    let Some(refresh) = refresh.cloned() else { return end };
    let (site, application) = (site.clone(), application.clone());
    end.then(move |()| {
        let refreshed = self::refresh(&site, &application, &refresh);
        token_answer::ended(refreshed, move |access| self::end(&site, &application, access))
    })
}

fn end(site: &Site, application: &Application, access: &Secret) -> Step<()> {
    let address = site.api().at().fixed("applications").segment(&application.client_id).fixed("token");
    let request = documented(Request::new(Method::Delete, address));
    let deletion = request.basic(&application.client_id, &application.client_secret);
    let visit = Visit { site: Arc::new(site.clone()), token: access.clone() };
    Step::ask_on(deletion.json(Fields::new().secret("access_token", access)), move |reply: &Reply, now| {
        match reply.status() {
            // Its words for a token that it does not know, or no longer; and for a live one of another application.
            404 | 422 if Said::of(reply).is_object => dead(&visit),
            _ => Step::Done(token_answer::revoked(reply, now)),
        }
    })
}

/// Proves that an access token opens nothing any more: only then may it be called ended.
fn dead(visit: &Visit) -> Step<()> {
    let address = visit.site.api().at().fixed("user");
    Step::ask(request(visit, Method::Get, address), |reply: &Reply, now| match accept(reply, now) {
        Ok(()) => Err(Refusal::new(Why::ClientRefused, "the token is alive, and not one of this application's")),
        Err(Refusal { why: Why::TokenRefused, .. }) => Ok(()),
        Err(refusal) if matches!(refusal.why, Why::RateLimited { .. }) => Err(refusal),
        Err(_) => Err(Refusal::broken("the host does not say whether the token is dead")),
    })
}
