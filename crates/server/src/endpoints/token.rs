//! `POST /oauth/token`: a page of calls from the request to its tokens.
//!
//! One read for the client, one for what is traded, one durable verb. Owns their order; who the client is, what is
//! asked and whether it is good are `oauth`'s, and one-time things are spent by the store.

use crate::app::App;
use crate::endpoints::mint::{Mint, Person};
use crate::web::caller::{self, Denied, Held};
use crate::web::form::Received;
use crate::web::{answer, client, cors, guessing};
use axum::extract::State;
use axum::http::header;
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::client_auth::{self, AuthedClient};
use vestibule_oauth::grant::{self, Ask, Kind, authorization_code, client_credentials, password, refresh_token};
use vestibule_oauth::parameters::Parameters;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::response::TokenAnswer;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::{Digest, Kind as SecretKind, MachineSecret};
use vestibule_oauth::template::Wire;
use vestibule_oauth::token::{self, Pair, PersonStanding, Standing};
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::codes::SpendCode;
use vestibule_store::grants::Why;
use vestibule_store::people::Credentials;
use vestibule_store::presented::Missing;
use vestibule_store::tokens::{DirectGrant, FoundRefreshToken, KeepGrant, RotateRefresh, Rotation};

/// Answers a token request.
pub async fn answer(State(app): State<Arc<App>>, received: Received) -> Response {
    let mut response = match trade(&app, &received).await {
        Ok((tokens, wire)) => answer::json(200, tokens.spell(wire)),
        Err(denied) => client::refuse(&app, &received, denied).await,
    };
    // Without the headers a script sees nothing: when they cannot be found out, that is the safe side.
    let _ = cors::allow(&app, &received.headers, response.headers_mut()).await;
    response
}

async fn trade(app: &App, received: &Received) -> Result<(TokenAnswer, Wire), Denied> {
    let now = app.clock.now();
    let parameters = client::parameters(app, received, now).await?;
    let (client, refresh) = known(app, &parameters, now).await?;
    let wire = client.client().wire();
    let request = Request { app, received, client, now };
    let given = match grant::read(&request.client, &parameters).map_err(|refusal| refusal.for_wire(wire))? {
        Ask::AuthorizationCode(ask) => request.code(&ask).await,
        Ask::RefreshToken(ask) => request.refresh(&ask, refresh).await,
        Ask::Password(ask) => request.password(&ask).await,
        Ask::ClientCredentials(ask) => request.client_credentials(&ask).await,
    };
    let tokens = given?;
    client::count_older_forms(app, &request.client, &parameters, now);
    Ok((tokens, wire))
}

/// The client, authenticated, and the refresh token if that is what it was known by.
async fn known(
    app: &App,
    parameters: &Parameters,
    now: i64,
) -> Result<(AuthedClient, Option<FoundRefreshToken>), Denied> {
    if let Some(client) = client::authenticate(app, parameters, now).await? {
        return Ok((client, None));
    }
    let named = match parameters.get("refresh_token")? {
        Some(token) => find_refresh(app, MachineSecret::parse(SecretKind::RefreshToken, token).as_ref()).await?,
        None => Err(Missing::Wrong),
    };
    let found = named.map_err(|why| refresh_token::refused_alone(parameters).guess(why == Missing::Wrong))?;
    Ok((client_auth::by_refresh_token(parameters, found.client.clone())?, Some(found)))
}

async fn find_refresh(
    app: &App,
    presented: Option<&MachineSecret>,
) -> Result<Result<FoundRefreshToken, Missing>, StoreError> {
    match presented {
        Some(presented) => app.store.find_refresh(presented).await,
        None => Ok(Err(Missing::Wrong)),
    }
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
            Some(secret) => store.find_code(&secret).await?,
            None => None,
        };
        let guess = found.is_none();
        let verdict = judge(&self.client, ask, found.as_ref().map(|found| &found.code), self.now);
        let (found, scope) = match (verdict, found) {
            (Verdict::Spend(scope), Some(found)) => (found, scope),
            (Verdict::Burn(refusal), Some(found)) => {
                store.burn_code(found.id, app.dice.id(self.now), &self.note()).await?;
                return Err(refusal.into());
            }
            (Verdict::Replay(refusal), Some(found)) => {
                store.end_grant_of_replayed_code(found.id, &self.note()).await?;
                return Err(refusal.into());
            }
            (Verdict::Refuse(refusal) | Verdict::Burn(refusal) | Verdict::Replay(refusal), _) => {
                return Err(refusal.guess(guess).into());
            }
            (Verdict::Spend(_), None) => return Err(refused(&self.client, ask).into()),
        };
        let plan = token::plan(self.client.client(), Kind::AuthorizationCode, &scope, self.now);
        let (tokens, pair) = self.mint().draw(&plan, &scope);
        let person = Person::of(&found.person, signed_in_at(&found.code.standing), found.nonce.as_deref());
        let given = self.mint().spell(&pair, Some(person)).await?;
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

    async fn refresh(
        &self,
        ask: &refresh_token::Ask,
        mut found: Option<FoundRefreshToken>,
    ) -> Result<TokenAnswer, Denied> {
        use refresh_token::{Verdict, judge, refused};
        let (app, store) = (self.app, &self.app.store);
        let user_agent = self.received.header(header::USER_AGENT).unwrap_or_default();
        let sender = refresh_token::sender(&self.client, self.received.peer, user_agent);
        let presented = MachineSecret::parse(SecretKind::RefreshToken, ask.refresh_token.expose());
        // Once more after a lost race: what the winner got may be this sender's too (FM-29).
        for _ in 0..2 {
            let current = match found.take() {
                Some(found) => Ok(found),
                None => find_refresh(app, presented.as_ref()).await?,
            };
            let guess = current.as_ref().is_err_and(|why| *why == Missing::Wrong);
            let current = current.ok();
            let generation = current.as_ref().map(|found| &found.generation);
            let (current, scope) = match (judge(&self.client, ask, generation, sender.as_ref(), self.now), current) {
                (Verdict::Rotate(scope), Some(current)) => (current, scope),
                (Verdict::Repeat(pair), Some(current)) => {
                    return self.mint().spell(&pair, person_of_family(&current)).await;
                }
                (Verdict::Reuse(refusal), Some(current)) => {
                    store.end_grant(current.grant, Why::RefreshReused, &self.note()).await?;
                    return Err(refusal.into());
                }
                (Verdict::Refuse(refusal) | Verdict::Reuse(refusal), _) => return Err(refusal.guess(guess).into()),
                (Verdict::Rotate(_) | Verdict::Repeat(_), None) => break,
            };
            let Some(presented) = &presented else { break };
            let (rotation, pair) = self.rotation(presented, current.generation.max_ends_at, &scope, &sender);
            let given = self.mint().spell(&pair, person_of_family(&current)).await?;
            match store.rotate_refresh(&current, app.dice.id(self.now), &rotation, self.now).await? {
                RotateRefresh::Rotated => return Ok(given),
                RotateRefresh::Ended => break,
                RotateRefresh::AlreadySpent => {}
            }
        }
        Err(refused(&self.client).into())
    }

    /// Makes the pair that the presented refresh token is traded for.
    fn rotation(
        &self,
        presented: &MachineSecret,
        max_ends_at: i64,
        scope: &ScopeSet,
        sender: &Option<Digest>,
    ) -> (Rotation, Pair) {
        let dice = &self.app.dice;
        let (access, refresh) = (dice.id(self.now), dice.id(self.now));
        let salt = dice.bytes();
        let (access, refresh) = refresh_token::successors(presented, &salt, access, refresh);
        let plan = token::rotate(self.client.client(), max_ends_at, self.now);
        let (tokens, pair) = self.mint().settle(&plan, scope, access, Some(refresh));
        (Rotation { tokens, salt, sender: sender.clone() }, pair)
    }

    async fn password(&self, ask: &password::Ask) -> Result<TokenAnswer, Denied> {
        let client = self.client.client();
        let from = caller::Source { received: self.received, browser: None, application: Some(client.id) };
        let mut checked = match caller::check_password(self.app, from, &ask.username, &ask.password).await? {
            Ok(checked) => checked,
            Err(Held::Busy) => return Err(self.busy().into()),
            Err(Held::Wait(wait)) => return Err(guessing::too_many(wait).for_wire(client.wire()).into()),
        };
        let standing = checked.person.as_ref().map(|person| PersonStanding {
            enabled: person.enabled,
            signed_in_at: self.now,
            valid_from: person.valid_from,
            assigned: person.assigned,
        });
        match (password::judge(&self.client, standing, checked.matched), &checked.person) {
            (Ok(()), Some(found @ Credentials { password_hash: Some(hash), .. })) => {
                let given = self.direct(Kind::Password, Some((found, hash)), &ask.scope).await?;
                caller::renew_hash(self.app, &checked, &ask.password).await?;
                checked.tried.was_right().await;
                Ok(given)
            }
            (Err(refusal), _) => {
                caller::turn_down(self.app, self.received, &mut checked, self.now).await?;
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
    async fn direct(
        &self,
        kind: Kind,
        person: Option<(&Credentials, &str)>,
        scope: &ScopeSet,
    ) -> Result<TokenAnswer, Denied> {
        let client = self.client.client();
        let plan = token::plan(client, kind, scope, self.now);
        let (tokens, pair) = self.mint().draw(&plan, scope);
        let told = person.map(|(found, _)| Person { names: found.names(), auth_time: self.now, browser: None });
        let given = self.mint().spell(&pair, told).await?;
        let grant = self.app.dice.id(self.now);
        let person = person.map(|(found, hash)| (found.person, hash.to_owned()));
        let grant = DirectGrant { grant, kind, application: client.id, person, scopes: scope.clone() };
        match self.app.store.keep_direct_grant(&grant, &tokens, self.now).await? {
            KeepGrant::Kept => Ok(given),
            KeepGrant::NoLongerAllowed => {
                let sentence = "The application or the person was switched off while the request was under way.";
                Err(Refusal::new(Code::InvalidGrant, sentence).for_wire(client.wire()).into())
            }
        }
    }

    fn mint(&self) -> Mint<'_> {
        Mint { app: self.app, client: self.client.client(), now: self.now }
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

/// The person behind a family of refresh tokens. A `nonce` is given back once, with the code (OpenID Connect Core
/// section 12.2).
fn person_of_family(found: &FoundRefreshToken) -> Option<Person<'_>> {
    let auth_time = signed_in_at(&found.generation.standing);
    found.person.as_ref().map(|person| Person::of(person, auth_time, None))
}

/// When the person signed in; a grant without one has no such moment, and nothing tells it.
fn signed_in_at(standing: &Standing) -> i64 {
    standing.person.map_or(standing.begun_at, |person| person.signed_in_at)
}
