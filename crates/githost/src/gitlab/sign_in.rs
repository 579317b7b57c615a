//! Signing in at GitLab: the way there, tokens, whose they are, and their end.
//!
//! Owns these calls, after GitLab's pages "OAuth 2.0 identity provider API" and "Personal access tokens API".

use super::{accept, request};
use crate::answers::{Tokens, Upstream};
use crate::errand::Step;
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::site::{Application, Departure, Site, Visit};
use crate::wire::{Fields, Method, Request};
use crate::{token_answer, when};
use serde::Deserialize;

/// The address that a person's browser is sent to.
pub fn send_user(site: &Site, application: &Application, departure: Departure<'_>) -> String {
    let address = site.web().at().fixed("oauth/authorize").query("client_id", &application.client_id);
    let address = address.query("redirect_uri", &application.redirect_uri).query("response_type", "code");
    let address = address.query("scope", &application.scopes.join(" ")).query("state", departure.state);
    let address = match departure.challenge {
        Some(challenge) => address.query("code_challenge", challenge).query("code_challenge_method", "S256"),
        None => address,
    };
    address.as_str().to_owned()
}

/// Trades a code.
pub fn trade_code(site: &Site, application: &Application, code: &Secret, verifier: Option<&Secret>) -> Step<Tokens> {
    let fields = Fields::new().text("grant_type", "authorization_code").secret("code", code);
    to_token_endpoint(site, application, fields.secret_if("code_verifier", verifier))
}

/// Trades a refresh token. The old access and refresh tokens die with it, whether or not the answer arrives.
pub fn refresh(site: &Site, application: &Application, refresh: &Secret) -> Step<Tokens> {
    let fields = Fields::new().text("grant_type", "refresh_token").secret("refresh_token", refresh);
    to_token_endpoint(site, application, fields)
}

fn to_token_endpoint(site: &Site, application: &Application, fields: Fields) -> Step<Tokens> {
    let fields = fields.text("client_id", &application.client_id).text("redirect_uri", &application.redirect_uri);
    let fields = fields.secret("client_secret", &application.client_secret);
    let request = Request::new(Method::Post, site.web().at().fixed("oauth/token"));
    Step::ask(request.header("Accept", "application/json").form(fields), token_answer::read)
}

#[derive(Deserialize)]
struct User {
    id: u64,
    username: String,
    avatar_url: Option<String>,
}

/// Asks whose token it is.
pub fn who(visit: &Visit) -> Step<Upstream> {
    let home = visit.site.web().at();
    let address = visit.site.api().at().fixed("user");
    Step::ask(request(visit, Method::Get, address), move |reply: &Reply, now| {
        accept(reply, now)?;
        let user: User = reply.read()?;
        let upstream = Upstream {
            id: user.id.to_string(),
            home: home.segment(&user.username).as_str().to_owned(),
            login: user.username,
            avatar: user.avatar_url,
            scopes: None,
            token_ends_at: None,
        };
        upstream.bounded()
    })
}

#[derive(Deserialize)]
struct Personal {
    scopes: Vec<String>,
    active: bool,
    expires_at: Option<String>,
}

/// Tries a personal token, which can tell its own scopes and end; hosts before GitLab 15.5 do not know the question.
pub fn try_personal(visit: &Visit) -> Step<Upstream> {
    let visit_2 = visit.clone();
    who(visit).then(move |upstream| {
        let address = visit_2.site.api().at().fixed("personal_access_tokens/self");
        Step::ask(request(&visit_2, Method::Get, address), |reply: &Reply, now| match accept(reply, now) {
            Ok(()) => reply.read::<Personal>().map(Some),
            Err(refusal)
                if matches!(refusal.why, Why::NotFound | Why::Invalid | Why::Forbidden | Why::ScopeMissing { .. }) =>
            {
                Ok(None)
            }
            Err(refusal) => Err(refusal),
        })
        .then(move |personal| match personal {
            None => Step::Done(Ok(upstream)),
            Some(personal) if !personal.active => {
                Step::refuse(Refusal::new(Why::TokenRefused, "the token has ended or was revoked"))
            }
            Some(personal) => {
                let token_ends_at = personal.expires_at.as_deref().and_then(when::moment);
                Step::Done(Upstream { scopes: Some(personal.scopes), token_ends_at, ..upstream }.bounded())
            }
        })
    })
}

/// Ends the tokens of one authorization. GitLab answers 200 to an access token that has expired and ends nothing with
/// it, so the refresh token is named to it too, and tried afterwards: older versions end it only with a living pair.
pub fn revoke(site: &Site, application: &Application, access: &Secret, refresh: Option<&Secret>) -> Step<()> {
    let end_access = end(site, application, access, "access_token");
    let Some(refresh) = refresh.cloned() else { return end_access };
    let (site, application) = (site.clone(), application.clone());
    let end_refresh = {
        let (site, application, refresh) = (site.clone(), application.clone(), refresh.clone());
        move |()| end(&site, &application, &refresh, "refresh_token")
    };
    end_access.then(end_refresh).then(move |()| {
        let refreshed = self::refresh(&site, &application, &refresh);
        token_answer::ended(refreshed, move |access| end(&site, &application, access, "access_token"))
    })
}

fn end(site: &Site, application: &Application, token: &Secret, hint: &str) -> Step<()> {
    let fields = Fields::new().text("client_id", &application.client_id);
    let fields = fields.secret("client_secret", &application.client_secret).secret("token", token);
    let fields = fields.text("token_type_hint", hint);
    let request = Request::new(Method::Post, site.web().at().fixed("oauth/revoke"));
    Step::ask(request.header("Accept", "application/json").form(fields), token_answer::revoked)
}
