//! `POST /oauth/token`: a page of calls from the request to its tokens.
//!
//! One read for the client, one for what is traded, one durable verb. Owns their order; who the client is, what is
//! asked and whether it is good are `oauth`'s, and one-time things are spent by the store.

use crate::app::App;
use crate::web::caller::{self, Denied};
use crate::web::form::Received;
use crate::web::{answer, cors};
use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::client_auth::{self, AuthedClient};
use vestibule_oauth::grant::{self, Ask, Kind, authorization_code, client_credentials, password, refresh_token};
use vestibule_oauth::id::Id;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::response::TokenAnswer;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::{Kind as SecretKind, MachineSecret, Secret};
use vestibule_oauth::template::Wire;
use vestibule_oauth::token::{self, PersonStanding, TokenPlan};
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::codes::SpendCode;
use vestibule_store::grants::Why;
use vestibule_store::people::Credentials;
use vestibule_store::tokens::{
    DirectGrant, FoundRefreshToken, KeepGrant, NewAccessToken, NewRefreshToken, NewTokens, RotateRefresh,
};

/// Answers a token request.
pub async fn answer(State(app): State<Arc<App>>, received: Received) -> Response {
    let mut response = match trade(&app, &received).await {
        Ok((tokens, wire)) => answer::json(200, tokens.spell(wire)),
        Err(Denied::Refused(refusal)) => answer::refusal(&refusal),
        Err(Denied::Store(error)) => answer::store_refusal(&error, Wire::Standard),
    };
    // Without the headers a script sees nothing: when they cannot be found out, that is the safe side.
    let _ = cors::allow(&app, &received.headers, response.headers_mut()).await;
    response
}

async fn trade(app: &App, received: &Received) -> Result<(TokenAnswer, Wire), Denied> {
    let now = app.clock.now();
    let parameters = match read(received, received.typed_body()) {
        Ok(parameters) => parameters,
        Err(refusal) => return Err(in_the_clients_wire(app, received, refusal, now).await.into()),
    };
    let (client, refresh) = client(app, &parameters, now).await?;
    let wire = client.client().wire();
    let request = Request { app, received, client, now };
    let given = match grant::read(&request.client, &parameters).map_err(|refusal| refusal.for_wire(wire))? {
        Ask::AuthorizationCode(ask) => request.code(&ask).await,
        Ask::RefreshToken(ask) => request.refresh(&ask, refresh).await,
        Ask::Password(ask) => request.password(&ask).await,
        Ask::ClientCredentials(ask) => request.client_credentials(&ask).await,
    };
    let tokens = given?;
    for form in request.client.older_forms(&parameters) {
        app.older_forms.count(request.client.client().id, form, now);
    }
    Ok((tokens, wire))
}

fn read(received: &Received, body: Body) -> Result<Parameters, Refusal> {
    if received.headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
        let sentence = "The Authorization header stands more than once: send it once, or the secret in the body.";
        return Err(Refusal::new(Code::InvalidRequest, sentence));
    }
    let authorization = received.header(header::AUTHORIZATION);
    let is_basic = |value: &&str| value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic "));
    Parameters::read(received.query.as_deref(), body, authorization.filter(is_basic))
}

/// A request that cannot be read is still answered in the wire of the client that its query or header names.
async fn in_the_clients_wire(app: &App, received: &Received, refusal: Refusal, now: i64) -> Refusal {
    let Ok(parameters) = read(received, Body::None) else { return refusal };
    let Ok(Some(client_id)) = client_auth::identify(&parameters) else { return refusal };
    match app.store.find_client(client_id, now).await {
        Ok(Some(registered)) => refusal.for_wire(registered.client.wire()),
        _ => refusal,
    }
}

/// The client, authenticated, and the refresh token if that is what it was known by.
async fn client(
    app: &App,
    parameters: &Parameters,
    now: i64,
) -> Result<(AuthedClient, Option<FoundRefreshToken>), Denied> {
    if let Some(client_id) = client_auth::identify(parameters)? {
        let registered = app.store.find_client(client_id, now).await?;
        let registered = registered.ok_or_else(|| client_auth::unknown(parameters))?;
        let wire = registered.client.wire();
        let authed = client_auth::authenticate(parameters, registered).map_err(|refusal| refusal.for_wire(wire))?;
        return Ok((authed, None));
    }
    let named = match parameters.get("refresh_token")? {
        Some(token) => find_refresh(app, token).await?,
        None => None,
    };
    let found = named.ok_or_else(|| client_auth::unknown(parameters))?;
    Ok((client_auth::by_refresh_token(parameters, found.client.clone())?, Some(found)))
}

async fn find_refresh(app: &App, token: &str) -> Result<Option<FoundRefreshToken>, StoreError> {
    let Some(secret) = MachineSecret::parse(SecretKind::RefreshToken, token) else { return Ok(None) };
    let found = app.store.find_refresh(secret.id()).await?;
    Ok(found.filter(|found| found.digest.matches(&secret.digest())))
}

/// A token request whose client is known.
struct Request<'a> {
    app: &'a App,
    received: &'a Received,
    client: AuthedClient,
    now: i64,
}

impl Request<'_> {
    async fn code(&self, ask: &authorization_code::Ask) -> Result<TokenAnswer, Denied> {
        use authorization_code::{Verdict, judge, refused};
        let (app, store) = (self.app, &self.app.store);
        let found = match MachineSecret::parse(SecretKind::Code, ask.code.expose()) {
            Some(secret) => store.find_code(secret.id()).await?.filter(|found| found.digest.matches(&secret.digest())),
            None => None,
        };
        let verdict = judge(&self.client, ask, found.as_ref().map(|found| &found.code), self.now);
        let found = match (verdict, found) {
            (Verdict::Spend, Some(found)) => found,
            (Verdict::Burn(refusal), Some(found)) => {
                store.burn_code(found.id, app.dice.id(self.now), &self.note()).await?;
                return Err(refusal.into());
            }
            (Verdict::Replay(refusal), Some(found)) => {
                store.end_grant_of_replayed_code(found.id, &self.note()).await?;
                return Err(refusal.into());
            }
            (Verdict::Refuse(refusal) | Verdict::Burn(refusal) | Verdict::Replay(refusal), _) => {
                return Err(refusal.into());
            }
            (Verdict::Spend, None) => return Err(refused(&self.client, ask).into()),
        };
        let plan = token::plan(self.client.client(), Kind::AuthorizationCode, &found.code.scope, self.now);
        let (tokens, given) = self.mint(&plan, &found.code.scope);
        match store.spend_code(found.id, app.dice.id(self.now), &tokens, self.now).await? {
            SpendCode::Spent => Ok(given),
            SpendCode::GrantEnded => Err(refused(&self.client, ask).into()),
            SpendCode::AlreadySpent => {
                // Two came at once, so one of them is not the client (FM-18, FM-19).
                store.end_grant_of_replayed_code(found.id, &self.note()).await?;
                Err(refused(&self.client, ask).into())
            }
        }
    }

    async fn refresh(&self, ask: &refresh_token::Ask, found: Option<FoundRefreshToken>) -> Result<TokenAnswer, Denied> {
        use refresh_token::{Verdict, judge, refused};
        let (app, store) = (self.app, &self.app.store);
        let found = match found {
            Some(found) => Some(found),
            None => find_refresh(app, ask.refresh_token.expose()).await?,
        };
        let verdict = judge(&self.client, ask, found.as_ref().map(|found| &found.generation), self.now);
        let (found, scope) = match (verdict, found) {
            (Verdict::Rotate(scope), Some(found)) => (found, scope),
            (Verdict::Reuse(refusal), Some(found)) => {
                store.end_grant(found.grant, Why::RefreshReused, &self.note()).await?;
                return Err(refusal.into());
            }
            (Verdict::Refuse(refusal) | Verdict::Reuse(refusal), _) => return Err(refusal.into()),
            (Verdict::Rotate(_), None) => return Err(refused(&self.client).into()),
        };
        let plan = token::rotate(self.client.client(), found.generation.max_ends_at, self.now);
        let (tokens, given) = self.mint(&plan, &scope);
        match store.rotate_refresh(found.id, app.dice.id(self.now), &tokens, self.now).await? {
            RotateRefresh::Rotated => Ok(given),
            RotateRefresh::Ended => Err(refused(&self.client).into()),
            RotateRefresh::AlreadySpent => {
                store.end_grant(found.grant, Why::RefreshReused, &self.note()).await?;
                Err(refused(&self.client).into())
            }
        }
    }

    async fn password(&self, ask: &password::Ask) -> Result<TokenAnswer, Denied> {
        let client = self.client.client();
        let checked = caller::check_password(self.app, &ask.username, &ask.password, Some(client.id)).await?;
        let Ok(checked) = checked else { return Err(self.busy().into()) };
        let standing = checked.person.as_ref().map(|person| PersonStanding {
            enabled: person.enabled,
            signed_in_at: self.now,
            valid_from: person.valid_from,
            assigned: person.assigned,
        });
        match (password::judge(&self.client, standing, checked.matched), &checked.person) {
            (Ok(()), Some(Credentials { person, password_hash: Some(hash), .. })) => {
                let given = self.direct(Kind::Password, Some((*person, hash.clone())), &ask.scope).await?;
                caller::renew_hash(self.app, &checked, &ask.password).await?;
                Ok(given)
            }
            (Err(refusal), person) => {
                caller::keep_failure(self.app, self.received, person.as_ref(), self.now).await?;
                Err(refusal.into())
            }
            // No password matches where there is none.
            (Ok(()), _) => Err(Refusal::new(Code::ServerError, "").for_wire(client.wire()).into()),
        }
    }

    async fn client_credentials(&self, ask: &client_credentials::Ask) -> Result<TokenAnswer, Denied> {
        self.direct(Kind::ClientCredentials, None, &ask.scope).await
    }

    /// Keeps a grant that needs no browser, with its tokens.
    async fn direct(&self, kind: Kind, person: Option<(Id, String)>, scope: &ScopeSet) -> Result<TokenAnswer, Denied> {
        let client = self.client.client();
        let plan = token::plan(client, kind, scope, self.now);
        let (tokens, given) = self.mint(&plan, scope);
        let grant = self.app.dice.id(self.now);
        let grant = DirectGrant { grant, kind, application: client.id, person, scopes: scope.clone() };
        match self.app.store.keep_direct_grant(&grant, &tokens, self.now).await? {
            KeepGrant::Kept => Ok(given),
            KeepGrant::NoLongerAllowed => {
                let sentence = "The application or the person was switched off while the request was under way.";
                Err(Refusal::new(Code::InvalidGrant, sentence).for_wire(client.wire()).into())
            }
        }
    }

    /// Makes the tokens: what the store keeps of them, and what the client is given.
    fn mint(&self, plan: &TokenPlan, scope: &ScopeSet) -> (NewTokens, TokenAnswer) {
        let (access, access_token) = self.secret(SecretKind::AccessToken);
        let refresh = plan.refresh.map(|plan| (plan, self.secret(SecretKind::RefreshToken)));
        let tokens = NewTokens {
            access: NewAccessToken {
                id: access.id(),
                digest: access.digest(),
                scopes: scope.clone(),
                expires_at: plan.access_expires_at,
            },
            refresh: refresh.as_ref().map(|(plan, (secret, _))| NewRefreshToken {
                id: secret.id(),
                digest: secret.digest(),
                plan: *plan,
            }),
        };
        let given = TokenAnswer {
            access_token,
            expires_in_s: plan.expires_in_s,
            refresh_token: refresh.map(|(_, (_, text))| text),
            scope: scope.clone(),
            created_at_s: self.now / 1000,
        };
        (tokens, given)
    }

    fn secret(&self, kind: SecretKind) -> (MachineSecret, Secret) {
        let secret = self.app.dice.secret(kind, self.app.dice.id(self.now));
        let text = secret.spell();
        (secret, text)
    }

    fn note(&self) -> Note {
        let actor = format!("application:{}", self.client.client().client_id);
        caller::note(self.app, self.received, actor, self.now)
    }

    fn busy(&self) -> Refusal {
        let sentence = "Too many passwords wait to be checked. Try again in a moment.";
        Refusal::new(Code::TemporarilyUnavailable, sentence).for_wire(self.client.client().wire())
    }
}
