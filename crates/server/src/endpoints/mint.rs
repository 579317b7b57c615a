//! The mint: draws the tokens of an answer, and makes their texts.
//!
//! Owns which key signs what. What the tokens say is `oauth`'s, when they are made and kept is `token`'s. Texts are made
//! before the verb that keeps the tokens: a signature that fails must not cost the client its code.

use crate::app::App;
use crate::web::caller::Denied;
use vestibule_oauth::access_token::{SignedAccessToken, Unspelled};
use vestibule_oauth::claims_request::ClaimsRequest;
use vestibule_oauth::client::Client;
use vestibule_oauth::id::Id;
use vestibule_oauth::id_token::{self, IdToken};
use vestibule_oauth::jose::{Algorithm, Typ};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::response::TokenAnswer;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::{Kind, MachineSecret, Secret};
use vestibule_oauth::subject::{self, Names};
use vestibule_oauth::token::{Pair, TokenPlan};
use vestibule_oauth::userinfo::Profile;
use vestibule_store::tokens::{FoundPerson, NewAccessToken, NewRefreshToken, NewTokens};

/// Makes tokens for one client.
pub struct Mint<'a> {
    /// The keys and the dice.
    pub app: &'a App,
    /// Whom they are for.
    pub client: &'a Client,
    /// The moment, in Unix milliseconds.
    pub now: i64,
}

/// The person whom tokens speak of.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    /// Who they are.
    pub names: Names<'a>,
    /// When they signed in, in Unix milliseconds.
    pub auth_time: i64,
    /// What an ID token tells besides; none where the grant was given without a browser.
    pub browser: Option<Browser<'a>>,
}

/// What a grant that was given in a browser lets an ID token tell.
#[derive(Clone, Copy)]
pub struct Browser<'a> {
    /// The root of the session.
    session: Id,
    profile: &'a Profile,
    claims: Option<&'a ClaimsRequest>,
    nonce: Option<&'a str>,
}

impl<'a> Person<'a> {
    /// The person behind a stored grant; `nonce` is that of the authorization request, and none at a refresh.
    pub fn of(found: &'a FoundPerson, auth_time: i64, nonce: Option<&'a str>) -> Person<'a> {
        let FoundPerson { session, profile, claims, .. } = found;
        let browser = session.map(|session| Browser { session, profile, claims: claims.as_ref(), nonce });
        Person { names: profile.names(), auth_time, browser }
    }
}

impl Mint<'_> {
    /// Draws the tokens of an answer: what the store keeps of them, and what is to be spelled.
    pub fn draw(&self, plan: &TokenPlan, scope: &ScopeSet) -> (NewTokens, Pair) {
        let secret = |kind| self.app.dice.secret(kind, self.app.dice.id(self.now));
        let access = secret(Kind::AccessToken);
        let refresh = plan.refresh.map(|_| secret(Kind::RefreshToken));
        self.settle(plan, scope, access, refresh)
    }

    /// The same for secrets that were made. There is a refresh token only where `plan` has one.
    pub fn settle(
        &self,
        plan: &TokenPlan,
        scope: &ScopeSet,
        access: MachineSecret,
        refresh: Option<MachineSecret>,
    ) -> (NewTokens, Pair) {
        let (access_expires_at, created_at) = (plan.access_expires_at, self.now);
        let access = Unspelled::new(self.client.access_token_format, access);
        let kept = |refresh: &MachineSecret| {
            plan.refresh.map(|plan| NewRefreshToken { id: refresh.id(), digest: refresh.digest(), plan })
        };
        let (id, digest) = (access.id(), access.digest());
        let tokens = NewTokens {
            access: NewAccessToken { id, digest, scopes: scope.clone(), expires_at: access_expires_at },
            refresh: refresh.as_ref().and_then(kept),
        };
        let refresh = refresh.filter(|_| plan.refresh.is_some());
        (tokens, Pair { access, access_expires_at, refresh, scope: scope.clone(), created_at })
    }

    /// Makes the texts. `person` is none for a client that acts for itself. Errors: `server_error` when a key cannot sign.
    pub async fn spell(&self, pair: &Pair, person: Option<Person<'_>>) -> Result<TokenAnswer, Denied> {
        let access_token = match &pair.access {
            Unspelled::Opaque(secret) => secret.spell(),
            Unspelled::Signed(algorithm, id) => self.signed(*algorithm, *id, pair, person.as_ref()).await?,
        };
        let id_token = match person.and_then(|person| Some((person, person.browser?))) {
            Some((person, browser)) if id_token::is_due(&pair.scope) => {
                Some(self.id_token(pair, &person, &browser, &access_token).await?)
            }
            _ => None,
        };
        Ok(TokenAnswer {
            access_token,
            expires_in_s: pair.expires_in_s(self.now),
            refresh_token: pair.refresh.as_ref().map(MachineSecret::spell),
            id_token,
            scope: pair.scope.clone(),
            created_at_s: pair.created_at / 1000,
        })
    }

    async fn signed(
        &self,
        algorithm: Algorithm,
        id: Id,
        pair: &Pair,
        person: Option<&Person<'_>>,
    ) -> Result<Secret, Denied> {
        let subject = |person: &Person<'_>| subject::at_resource(self.client, person.names, self.app.keys.pairwise());
        let token = SignedAccessToken {
            issuer: &self.app.issuer,
            client: self.client,
            subject: person.map(subject).as_deref(),
            id,
            scope: &pair.scope,
            issued_at: pair.created_at,
            expires_at: pair.access_expires_at,
            auth_time: person.map(|person| person.auth_time),
        }
        .claims();
        self.sign(algorithm, Typ::AccessToken, &token).await
    }

    async fn id_token(
        &self,
        pair: &Pair,
        person: &Person<'_>,
        browser: &Browser<'_>,
        access_token: &Secret,
    ) -> Result<Secret, Denied> {
        // Only what the application still registers is open.
        let asked = browser.claims.map(|claims| claims.opened_by(&self.client.scopes).id_token);
        let token = IdToken {
            issuer: &self.app.issuer,
            client: self.client,
            subject: &subject::subject_for(self.client, person.names.subject, self.app.keys.pairwise()),
            issued_at: pair.created_at,
            auth_time: person.auth_time,
            nonce: browser.nonce,
            access_token: access_token.expose(),
            session: &subject::session_for(self.client, browser.session, self.app.keys.pairwise()),
            profile: browser.profile,
            asked: asked.as_deref().unwrap_or_default(),
        }
        .claims();
        self.sign(self.client.id_token_alg, Typ::Jwt, &token).await
    }

    async fn sign(&self, algorithm: Algorithm, typ: Typ, claims: &str) -> Result<Secret, Denied> {
        let refused = |code, sentence| Denied::from(Refusal::new(code, sentence).for_wire(self.client.wire()));
        let Some(key) = self.app.keys.signer_ready(algorithm).await else {
            return Err(refused(
                Code::TemporarilyUnavailable,
                "The key that signs is being made, or cannot be opened here.",
            ));
        };
        key.sign(&self.app.dice.generator(), typ, claims).map_err(|error| {
            tracing::error!(algorithm = algorithm.name(), %error, "a token could not be signed");
            refused(Code::ServerError, "The token could not be signed.")
        })
    }
}
