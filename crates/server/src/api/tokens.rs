//! `/v3/auth/tokens`: project tokens, given for a password or an access key, shown, and ended.
//!
//! Owns the order of the calls and the spelling of a token's body. Passwords go through the same check and the same counters
//! as at every other door; access keys through the same locks as signatures.

use crate::app::App;
use crate::clock::rfc3339;
use crate::web::access_key::{self, Denied};
use crate::web::answer;
use crate::web::caller::{self, Held, Source};
use crate::web::credential::{self, LOCKED, Someone};
use crate::web::form::Received;
use crate::web::guessing::Wait;
use crate::web::keystone::{self, Asked, Identity, Named};
use crate::web::servicestage::Code;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::json;
use std::sync::Arc;
use vestibule_oauth::guessing;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Kind, Secret};
use vestibule_store::StoreError;
use vestibule_store::project_tokens::{FoundProjectToken, KeepProjectToken, NewProjectToken, Proof};
use vestibule_store::projects::{OwnProject, ProjectRef, Role};

/// Gives a project token.
pub async fn give(State(app): State<Arc<App>>, received: Received) -> Response {
    let asked = match keystone::read(&received.body) {
        Ok(asked) => asked,
        Err(sentence) => return keystone::refusal(400, sentence),
    };
    let given = match &asked.identity {
        Identity::Password { name, password } => by_password(&app, &received, &asked, (name, password)).await,
        Identity::AccessKey { key, secret } => by_access_key(&app, &received, &asked, (key, secret)).await,
    };
    given.unwrap_or_else(NotGiven::answer)
}

/// Shows a project token of the caller's own.
pub async fn show(State(app): State<Arc<App>>, received: Received) -> Response {
    match subject(&app, &received).await {
        Ok((found, _)) => {
            let FoundProjectToken { project, project_name, .. } = &found;
            let role = found.role.unwrap_or(Role::Viewer);
            let shown = Shown {
                methods: if found.by_access_key { ACCESS_KEY } else { PASSWORD },
                issued_at: found.created_at,
                expires_at: found.expires_at,
                person: (found.person, &found.user_name),
                project: &OwnProject { id: *project, name: project_name.clone(), role },
            };
            spell(&app, &shown).await.map_or_else(keystone::failed, |body| answer::json(200, body))
        }
        Err(refused) => refused,
    }
}

/// Ends a project token of the caller's own.
pub async fn end(State(app): State<Arc<App>>, received: Received) -> Response {
    let (token, caller) = match subject(&app, &received).await {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    let note = caller::note(&app, &received, format!("person:{}", caller.number), app.clock.now());
    match app.store.end_project_token(token.id, &note).await {
        Ok(_) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(error) => keystone::failed(error),
    }
}

/// The token that `X-Subject-Token` names, if it is the caller's own; and the caller. One of somebody else's answers as one
/// that does not exist.
async fn subject(app: &App, received: &Received) -> Result<(FoundProjectToken, Someone), Response> {
    let refused = |why| keystone::refused(&why);
    let caller = credential::identify(app, received).await.map_err(refused)?;
    // No scope opens what an access token has nothing to do with.
    caller.by.opens(&[]).map_err(refused)?;
    let Some(token) = received.header(SUBJECT_HEADER) else {
        return Err(keystone::refusal(400, "The header X-Subject-Token must stand there once."));
    };
    match credential::find_token(app, &Secret::new(token.trim()), app.clock.now()).await {
        Ok(found) if found.person == caller.person => Ok((found, caller)),
        Err(why) if why.code == Code::Internal => Err(refused(why)),
        Ok(_) | Err(_) => Err(keystone::refusal(404, "There is no such token.")),
    }
}

/// Why no token is given.
enum NotGiven {
    /// Something that was sent is wrong; what, nobody is told.
    Wrong,
    /// The access key is locked, for so many seconds.
    Locked(u32),
    /// Too many tries have failed; for so many seconds none is made.
    Wait(u32),
    /// Too many passwords wait to be checked.
    Busy,
    /// We failed; for the log.
    Failed(String),
}

impl From<StoreError> for NotGiven {
    fn from(error: StoreError) -> NotGiven {
        NotGiven::Failed(error.to_string())
    }
}

impl NotGiven {
    fn answer(self) -> Response {
        let (mut response, wait) = match self {
            NotGiven::Wrong => (keystone::refusal(401, WRONG), None),
            NotGiven::Locked(seconds) => (keystone::refusal(401, LOCKED), Some(seconds)),
            NotGiven::Wait(seconds) => (keystone::refusal(429, TOO_MANY), Some(seconds)),
            NotGiven::Busy => (keystone::refusal(503, BUSY), Some(1)),
            NotGiven::Failed(cause) => (keystone::failed(cause), None),
        };
        if let Some(seconds) = wait {
            answer::retry_after(&mut response, seconds);
        }
        response
    }
}

async fn by_password(
    app: &App,
    received: &Received,
    asked: &Asked,
    (name, password): (&str, &Secret),
) -> Result<Response, NotGiven> {
    let from = Source { received, browser: None, application: None };
    let mut checked = match caller::check_password(app, from, name, password).await? {
        Ok(checked) => checked,
        Err(Held::Busy) => return Err(NotGiven::Busy),
        Err(Held::Wait(Wait(seconds))) => return Err(NotGiven::Wait(seconds)),
    };
    let person = checked.person.as_ref().filter(|person| checked.matched && person.enabled);
    let given = match person.and_then(|person| Some((person, person.password_hash.clone()?))) {
        Some((person, hash)) => {
            let holder = Holder { person: person.person, number: person.number, name: &person.user_name };
            holder.give(app, received, asked, Proof::Password(hash)).await
        }
        None => Err(NotGiven::Wrong),
    };
    match &given {
        Ok(_) => {
            caller::renew_hash(app, &checked, password).await?;
            checked.tried.was_right().await;
        }
        Err(NotGiven::Wrong) => caller::turn_down(app, received, &mut checked, app.clock.now()).await?,
        Err(_) => {}
    }
    given
}

async fn by_access_key(
    app: &App,
    received: &Received,
    asked: &Asked,
    (key, secret): (&str, &Secret),
) -> Result<Response, NotGiven> {
    let proves = |kept: &Secret| kept.digest().matches(&secret.digest());
    let (found, _) = access_key::try_key(app, received, (key, None), proves).await.map_err(|why| match why {
        Denied::Locked(until) => NotGiven::Locked(guessing::seconds(until - app.clock.now())),
        Denied::Wrong => NotGiven::Wrong,
        Denied::Failed(cause) => NotGiven::Failed(cause),
    })?;
    let holder = Holder { person: found.person, number: found.number, name: &found.user_name };
    holder.give(app, received, asked, Proof::AccessKey(found.id)).await
}

/// Who gets a token.
struct Holder<'a> {
    person: Id,
    number: i64,
    name: &'a str,
}

impl Holder<'_> {
    async fn give(&self, app: &App, received: &Received, asked: &Asked, proof: Proof) -> Result<Response, NotGiven> {
        let wanted = match &asked.project {
            // No project has this id: what is no id is looked up as well.
            Named::Id(id) => ProjectRef::Id(Id::parse(id).unwrap_or(Id::from_bytes([0; 16]))),
            Named::Name(name) if name.chars().any(char::is_control) => ProjectRef::Name(""),
            Named::Name(name) => ProjectRef::Name(name),
        };
        let project = app.store.own_project(self.person, wanted).await?.ok_or(NotGiven::Wrong)?;
        // Hashing takes its time: the token's life begins now.
        let now = app.clock.now();
        let methods = if matches!(proof, Proof::Password(_)) { PASSWORD } else { ACCESS_KEY };
        let secret = app.dice.secret(Kind::ProjectToken, app.dice.id(now));
        let (id, digest, expires_at) = (secret.id(), secret.digest(), now + LIFE_MS);
        let new = NewProjectToken { id, digest, person: self.person, project: project.id, proof, expires_at };
        let note = caller::note(app, received, format!("person:{}", self.number), now);
        if app.store.keep_project_token(&new, &note).await? == KeepProjectToken::NoLongerAllowed {
            return Err(NotGiven::Wrong);
        }
        let person = (self.person, self.name);
        let body = spell(app, &Shown { methods, issued_at: now, expires_at, person, project: &project }).await?;
        let mut response = answer::json(201, body);
        if let Ok(token) = HeaderValue::from_str(secret.spell().expose()) {
            response.headers_mut().insert(SUBJECT_HEADER, token);
        }
        Ok(response)
    }
}

/// What is shown of a token.
struct Shown<'a> {
    methods: [&'static str; 1],
    issued_at: i64,
    expires_at: i64,
    person: (Id, &'a str),
    project: &'a OwnProject,
}

async fn spell(app: &App, shown: &Shown<'_>) -> Result<String, StoreError> {
    let domain = json!({ "id": keystone::domain_id(&app.store), "name": app.store.tenant_name().await? });
    // Keystone writes microseconds.
    let moment = |at| rfc3339(at).replace('Z', ".000000Z");
    let (person, name) = &shown.person;
    let OwnProject { id, name: project, role } = shown.project;
    let token = json!({
        "issued_at": moment(shown.issued_at),
        "expires_at": moment(shown.expires_at),
        "methods": shown.methods,
        "project": { "id": id.to_string(), "name": project, "domain": domain },
        "user": { "id": person.to_string(), "name": name, "domain": domain },
        "roles": [{ "name": role.name() }],
        "catalog": [],
    });
    Ok(json!({ "token": token }).to_string())
}

/// How long a project token lives, in milliseconds.
const LIFE_MS: i64 = 24 * 3_600_000;

const SUBJECT_HEADER: HeaderName = HeaderName::from_static("x-subject-token");

const PASSWORD: [&str; 1] = ["password"];
const ACCESS_KEY: [&str; 1] = ["hw_ak_sk"];

const WRONG: &str = "The name, the password, the access key or the project is wrong.";
const TOO_MANY: &str = "Too many tries have failed. Try again after the time that Retry-After tells.";
const BUSY: &str = "Too many passwords wait to be checked. Try again in a moment.";
