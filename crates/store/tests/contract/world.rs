//! People, applications and flows for the promises to be tried on.
//!
//! Owns making them with as few words as possible. Every id and secret is counted, so that a run is the same each time.

use crate::harness::NOW;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Barrier;
use vestibule_oauth::client::{AccessTokenFormat, Client};
use vestibule_oauth::grant::Kind;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::{Digest, Kind as SecretKind, MachineSecret};
use vestibule_oauth::template::Template;
use vestibule_oauth::token::{self, RefreshPlan};
use vestibule_store::applications::{AddApplication, NewApplication, NewRedirectUri, NewSecret};
use vestibule_store::audit::Note;
use vestibule_store::authorizations::{Answer, Issue, NewAuthorization};
use vestibule_store::codes::{NewCode, SpendCode};
use vestibule_store::organizations::{AddOrganization, NewOrganization};
use vestibule_store::people::{AddPerson, NewPerson};
use vestibule_store::sessions::{NewSession, OpenSession};
use vestibule_store::tokens::{DirectGrant, NewAccessToken, NewRefreshToken, NewTokens, RotateRefresh, Rotation};
use vestibule_store::{Store, StoreError};

/// How many callers come at once in a race.
pub const CALLERS: usize = 64;
/// A second, in milliseconds.
pub const SECOND: i64 = 1_000;
/// The hash of everybody's password at first.
pub const HASH: &str = "$argon2id$first";

/// A store, and a counter that stands for the dice.
#[derive(Clone)]
pub struct World {
    pub store: Store,
    drawn: Arc<AtomicU64>,
}

/// What a code was issued from.
#[derive(Clone)]
pub struct Flow {
    pub application: Id,
    pub person: Id,
    pub session: Id,
    pub grant: Id,
    pub code: Id,
}

impl World {
    pub fn new(store: Store) -> World {
        World { store, drawn: Arc::new(AtomicU64::new(1)) }
    }

    fn draw(&self) -> u64 {
        self.drawn.fetch_add(1, Ordering::Relaxed)
    }

    pub fn id(&self) -> Id {
        let mut random = [0; 10];
        random[2..].copy_from_slice(&self.draw().to_be_bytes());
        Id::new(NOW, random)
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.draw().to_be_bytes())
    }

    pub fn note(&self, at: i64) -> Note {
        Note { id: self.id(), at, actor: "tester".to_owned(), request_id: Some("request-1".to_owned()) }
    }

    pub fn new_person(&self, name: &str) -> NewPerson {
        let id = self.id();
        NewPerson {
            id,
            subject: self.id().to_string(),
            external_id: None,
            user_name: name.to_owned(),
            email: Some(format!("{name}@example.com")),
            email_verified: true,
            nickname: Some(format!("{name} the tester")),
            phone: None,
            locale: Some("en-GB".to_owned()),
            zone: None,
            password_hash: Some(HASH.to_owned()),
            administrator: false,
            organizations: Vec::new(),
        }
    }

    pub async fn person(&self, name: &str) -> Id {
        let new = self.new_person(name);
        let added = self.store.add_person(&new, &self.note(NOW)).await.expect("runs");
        assert!(matches!(added, AddPerson::Added(_)), "{added:?}");
        new.id
    }

    pub async fn organization(&self, name: &str, parent: Option<Id>) -> Id {
        let new = NewOrganization { id: self.id(), name: name.to_owned(), parent, external_id: format!("ext-{name}") };
        let added = self.store.add_organization(&new, &self.note(NOW)).await.expect("runs");
        assert_eq!(added, AddOrganization::Added);
        new.id
    }

    pub fn new_application(&self, name: &str, template: Template) -> NewApplication {
        let id = self.id();
        let client = Client {
            id,
            client_id: format!("app_{id}"),
            name: name.to_owned(),
            template,
            confidential: template.confidential(),
            switches: template.switches(),
            lifetimes: template.lifetimes(),
            scopes: template.default_scopes(),
            access: template.access(),
            id_token_alg: Algorithm::Rs256,
            access_token_format: AccessTokenFormat::Opaque,
            sector: None,
            enabled: true,
        };
        let uri = format!("https://{name}.example/callback");
        let origin = Some(format!("https://{name}.example"));
        NewApplication {
            client,
            home_page: Some(format!("https://{name}.example/")),
            logo: None,
            verified: false,
            redirect_uris: vec![NewRedirectUri { uri, origin }],
            secret: Some(NewSecret { id: self.id(), digest: self.digest() }),
        }
    }

    pub async fn application(&self, name: &str, template: Template) -> Client {
        let new = self.new_application(name, template);
        let added = self.store.add_application(&new, &self.note(NOW)).await.expect("runs");
        assert_eq!(added, AddApplication::Added);
        new.client
    }

    pub fn new_session(&self, person: Id) -> NewSession {
        let id = self.id();
        NewSession { id, digest: secret_of(id).digest(), person, password_hash: HASH.to_owned(), replaces: None }
    }

    /// Signs a person in.
    pub async fn session(&self, person: Id, at: i64) -> Id {
        let new = self.new_session(person);
        let opened = self.store.open_session(&new, &self.note(at)).await.expect("runs");
        assert_eq!(opened, OpenSession::Opened);
        new.id
    }

    /// Keeps a request for `application`.
    pub async fn request(&self, application: Id, at: i64) -> Id {
        let (id, browser) = (self.id(), self.digest());
        let new = NewAuthorization { id, application, browser, request: "{\"of\":\"a test\"}".to_owned() };
        self.store.keep_request(&new, at).await.expect("runs");
        id
    }

    pub fn new_issue(&self, application: Id, person: Id, session: Id, auth_time: i64) -> Issue {
        let id = self.id();
        let code = NewCode {
            id,
            digest: secret_of(id).digest(),
            redirect_uri: "https://shop.example/callback".to_owned(),
            redirect_uri_sent: true,
            challenge: None,
            nonce: Some("n".to_owned()),
        };
        Issue {
            verb: self.id(),
            grant: self.id(),
            code,
            application,
            person,
            session,
            auth_time,
            scopes: scopes("openid email"),
            claims: None,
            consent: None,
            last_consent: None,
            consent_generation: 0,
        }
    }

    /// A person with a session and a fresh code, all at `NOW`.
    pub async fn flow(&self, application: &Client, name: &str) -> Flow {
        let person = self.person(name).await;
        let session = self.session(person, NOW).await;
        let issue = self.new_issue(application.id, person, session, NOW);
        let answer = self.store.issue_fresh(&issue, &self.note(NOW)).await.expect("runs");
        assert_eq!(answer, Answer::Given);
        Flow { application: application.id, person, session, grant: issue.grant, code: issue.code.id }
    }

    pub fn new_tokens(&self, now: i64) -> NewTokens {
        let (access, refresh) = (self.id(), self.id());
        let access = NewAccessToken {
            id: access,
            digest: secret_of(access).digest(),
            scopes: scopes("openid email"),
            expires_at: now + 600 * SECOND,
        };
        let plan = RefreshPlan { idle_ends_at: now + 3_600 * SECOND, max_ends_at: now + 86_400 * SECOND };
        NewTokens { access, refresh: Some(NewRefreshToken { id: refresh, digest: secret_of(refresh).digest(), plan }) }
    }

    /// Tokens for a refresh token, asked for by a client that authenticated.
    pub fn new_rotation(&self, now: i64) -> Rotation {
        Rotation { tokens: self.new_tokens(now), salt: *self.digest().as_bytes(), sender: None }
    }

    /// Trades the refresh token of the row `id`.
    pub async fn rotate(&self, id: Id, rotation: &Rotation, now: i64) -> Result<RotateRefresh, StoreError> {
        let found = self.store.find_refresh(&secret_of(id)).await?.expect("is there");
        self.store.rotate_refresh(&found, self.id(), rotation, now).await
    }

    /// Spends a code; gives the access token's and the refresh token's rows.
    pub async fn spend(&self, code: Id, now: i64) -> (Id, Id) {
        let tokens = self.new_tokens(now);
        let spent = self.store.spend_code(code, self.id(), &tokens, now).await.expect("runs");
        assert_eq!(spent, SpendCode::Spent);
        (tokens.access.id, tokens.refresh.expect("was made").id)
    }

    pub fn direct_grant(&self, application: Id, person: Option<Id>) -> DirectGrant {
        let kind = if person.is_some() { Kind::Password } else { Kind::ClientCredentials };
        let person = person.map(|person| (person, HASH.to_owned()));
        DirectGrant { grant: self.id(), kind, application, person, scopes: scopes("api") }
    }

    /// Whether the access token would be accepted at `now`, as the server asks.
    pub async fn accepted(&self, access: Id, now: i64) -> bool {
        self.accepts(&secret_of(access), now).await
    }

    /// As [`World::accepted`], for a token with a secret of its own.
    pub async fn accepts(&self, access: &MachineSecret, now: i64) -> bool {
        let found = self.store.find_access_token(access).await.expect("reads");
        found.is_ok_and(|found| token::judge(&found.standing, now).is_ok())
    }

    /// Whether the refresh token would be accepted at `now`, as far as the store knows.
    pub async fn refreshable(&self, refresh: Id, now: i64) -> bool {
        self.refreshes(&secret_of(refresh), now).await
    }

    /// As [`World::refreshable`], for a token with a secret of its own.
    pub async fn refreshes(&self, refresh: &MachineSecret, now: i64) -> bool {
        let found = self.store.find_refresh(refresh).await.expect("reads");
        found.is_ok_and(|f| f.generation.spent.is_none() && token::judge(&f.generation.standing, now).is_ok())
    }

    /// The actions of the trail, oldest first.
    pub async fn trail(&self) -> Vec<String> {
        let mut rows = self.store.list_audit(1000).await.expect("reads");
        rows.sort_by_key(|row| (row.at, row.id));
        rows.into_iter().map(|row| row.action).collect()
    }
}

/// The secret of everything that this world makes with this id. The store looks at no secret's kind.
pub fn secret_of(id: Id) -> MachineSecret {
    MachineSecret::new(SecretKind::AccessToken, id, *Digest::of(id.as_bytes()).as_bytes())
}

/// The same row's secret as somebody would guess it.
pub fn guessed(id: Id) -> MachineSecret {
    MachineSecret::new(SecretKind::AccessToken, id, [7; 32])
}

pub fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).expect("scopes")
}

/// Lets `callers` come at once, each with a world to draw from, and gives what each got.
pub async fn race<T, F>(world: &World, callers: usize, caller: impl Fn(World, usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(callers));
    let started: Vec<_> = (0..callers)
        .map(|n| {
            let (barrier, call) = (Arc::clone(&barrier), caller(world.clone(), n));
            tokio::spawn(async move {
                barrier.wait().await;
                call.await
            })
        })
        .collect();
    let mut got = Vec::with_capacity(callers);
    for call in started {
        got.push(call.await.expect("ends"));
    }
    got
}

/// How many of `got` are `what`.
pub fn count<T: PartialEq>(got: &[T], what: &T) -> usize {
    got.iter().filter(|one| *one == what).count()
}
