//! Who is calling: a person with a name and a password, or a client with an access token.
//!
//! Owns how a password is checked and a session opened, and how an access token is found and judged. Clients at the
//! token endpoint are `oauth::client_auth`'s.

use crate::app::App;
use crate::passwords::{Busy, Verdict};
use crate::web::access_token;
use crate::web::browser::Browser;
use crate::web::form::Received;
use crate::web::guessing::{self, Try, Wait};
use axum::http::header;
use vestibule_oauth::id::Id;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::secret::{Digest, Kind, Secret};
use vestibule_oauth::template::{Switch, Wire};
use vestibule_oauth::token;
use vestibule_store::StoreError;
use vestibule_store::audit::{Event, Note};
use vestibule_store::people::Credentials;
use vestibule_store::sessions::{NewSession, OpenSession};
use vestibule_store::tokens::FoundAccessToken;

/// The audit note of something that `actor` does with this request.
pub fn note(app: &App, received: &Received, actor: String, now: i64) -> Note {
    Note { id: app.dice.id(now), at: now, actor, request_id: Some(received.request_id.clone()) }
}

/// What a check of a name and a password found.
pub struct Checked {
    /// The person of that name, whether the password fits or not.
    pub person: Option<Credentials>,
    /// Whether the password is theirs.
    pub matched: bool,
    /// Whether its hash should be made anew.
    pub needs_rehash: bool,
    /// The try, which counts as under way until somebody says what came of it.
    pub tried: Try,
}

/// Why a password was not looked at.
pub enum Held {
    /// Too many passwords wait to be checked.
    Busy,
    /// Too many tries have failed.
    Wait(Wait),
}

/// Where a name and a password come from.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// With this request.
    pub received: &'a Received,
    /// From a browser with this binding cookie.
    pub browser: Option<&'a Digest>,
    /// By way of an application.
    pub application: Option<Id>,
}

/// Checks a name and a password: one try, counted before it is made, and one Argon2, whether there is such a person or
/// not (FM-96). Whoever finds everything else right too settles the try.
pub async fn check_password(
    app: &App,
    from: Source<'_>,
    name: &str,
    password: &Secret,
) -> Result<Result<Checked, Held>, StoreError> {
    // No name holds a control character, and the store takes no U+0000.
    let person = match name.chars().any(char::is_control) {
        true => None,
        false => app.store.find_credentials(name, from.application).await?,
    };
    let whose = (person.as_ref().map(|person| person.person), name);
    let (tried, place) = match guessing::begin(app, from.received, whose, from.browser).await? {
        Ok(Some(admitted)) => admitted,
        Ok(None) => return Ok(Err(Held::Busy)),
        Err(wait) => return Ok(Err(Held::Wait(wait))),
    };
    let stored = person.as_ref().and_then(|person| person.password_hash.as_deref());
    Ok(match app.passwords.verify(place, password, stored).await {
        Ok(Verdict::Right { needs_rehash }) => Ok(Checked { person, matched: true, needs_rehash, tried }),
        Ok(Verdict::Wrong) => Ok(Checked { person, matched: false, needs_rehash: false, tried }),
        Err(Busy) => {
            tried.was_not_made().await?;
            Err(Held::Busy)
        }
    })
}

/// Turns down what was checked: its try is a failure from now on, and a failed sign-in is kept. What was typed is not kept: people type passwords into the wrong field.
pub async fn turn_down(app: &App, received: &Received, checked: &mut Checked, now: i64) -> Result<(), StoreError> {
    checked.tried.was_wrong().await?;
    let person = checked.person.as_ref();
    let target = person.map_or_else(|| "nobody".to_owned(), |person| format!("person:{}", person.number));
    let details = format!("from {}", received.peer);
    let event = Event { action: "session.open", target, outcome: "refused", details };
    app.store.keep_event(&note(app, received, "nobody".to_owned(), now), event).await
}

/// What became of a sign-in.
pub enum SignIn {
    /// The person is signed in; answer with [`Browser::dress`].
    Done,
    /// The name or the password is wrong, or the person is switched off: which, nobody is told.
    Wrong,
    /// Too many passwords wait to be checked.
    Busy,
    /// Too many tries have failed.
    Wait(Wait),
}

/// How far the clock of another node may be ahead of ours, in milliseconds.
const CLOCKS_MS: i64 = 4_000;

/// Signs a person in: a new session, whose id nobody has seen before, in place of the old one (FM-46). `asked_at` is when
/// the request that asks for it was stored, in Unix milliseconds, if there is one: the session begins no earlier, even if
/// the node that stored it has a faster clock, so that nobody is asked again for what they just did.
pub async fn sign_in(
    app: &App,
    browser: &mut Browser,
    (name, password): (&str, &Secret),
    asked_at: Option<i64>,
    received: &Received,
) -> Result<SignIn, StoreError> {
    let device = browser.digest();
    let from = Source { received, browser: Some(&device), application: None };
    let mut checked = match check_password(app, from, name, password).await? {
        Ok(checked) => checked,
        Err(Held::Busy) => return Ok(SignIn::Busy),
        Err(Held::Wait(wait)) => return Ok(SignIn::Wait(wait)),
    };
    // Hashing takes its time: the session begins now, and not when the form came.
    let now = app.clock.now();
    let now = now.max(asked_at.map_or(now, |asked_at| asked_at.min(now + CLOCKS_MS)));
    let good = |person: &&Credentials| checked.matched && person.enabled;
    let person = checked.person.as_ref().filter(good);
    let Some((person, hash)) = person.and_then(|person| Some((person, person.password_hash.as_ref()?))) else {
        turn_down(app, received, &mut checked, now).await?;
        return Ok(SignIn::Wrong);
    };
    let secret = app.dice.secret(Kind::Session, app.dice.id(now));
    let session = NewSession {
        id: secret.id(),
        digest: secret.digest(),
        person: person.person,
        password_hash: hash.clone(),
        replaces: browser.session().map(|session| session.id),
    };
    let note = note(app, received, format!("person:{}", person.number), now);
    if app.store.open_session(&session, &note).await? == OpenSession::CredentialsChanged {
        checked.tried.was_wrong().await?;
        return Ok(SignIn::Wrong);
    }
    if browser.session().is_some_and(|before| before.person != person.person) {
        app.bell.ring();
    }
    browser.signed_in(secret);
    renew_hash(app, &checked, password).await?;
    checked.tried.was_right().await;
    Ok(SignIn::Done)
}

/// Keeps a hash with today's parameters in place of one with others. It comes after the verb that the old hash guards;
/// a full queue puts it off to the next time.
pub async fn renew_hash(app: &App, checked: &Checked, password: &Secret) -> Result<(), StoreError> {
    if let Checked { person: Some(person), matched: true, needs_rehash: true, .. } = checked
        && let Some(old) = &person.password_hash
        && let Ok(new) = app.passwords.hash(password, app.dice.bytes()).await
    {
        app.store.keep_rehashed(person.person, old, &new).await?;
    }
    Ok(())
}

/// Why a client is given nothing.
pub enum Denied {
    /// The protocol says no.
    Refused(Refusal),
    /// The store failed.
    Store(StoreError),
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Denied {
        Denied::Refused(refusal)
    }
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Denied {
        Denied::Store(error)
    }
}

/// Finds and judges the access token of a request to a resource of `wire`: one read, then the rulebook (FM-62).
pub async fn bearer(app: &App, received: &Received, wire: Wire, now: i64) -> Result<FoundAccessToken, Denied> {
    let presented = presented(received)?;
    let unknown = || Denied::from(token::unknown(wire));
    let found = access_token::find(app, presented.token.expose(), now).await?.map_err(|_| unknown())?;
    if presented.in_query && !found.owner.has(Switch::QueryAccessToken) {
        let sentence = "access_token may not stand in the query: send it as Authorization: Bearer.";
        return Err(Refusal::new(Code::InvalidRequest, sentence).for_wire(wire).into());
    }
    token::judge(&found.standing, now).map_err(|dead| dead.at_resource(wire))?;
    if found.owner.wire() != wire {
        let sentence = "The access token is for another kind of application.";
        return Err(Refusal::new(Code::Forbidden, sentence).for_wire(wire).into());
    }
    let nothing = || {
        let sentence = "The application registers none of the token's scopes any more";
        Denied::from(Refusal::new(Code::InsufficientScope, sentence).for_wire(wire))
    };
    let scopes = token::scope_in_force(&found.owner, &found.scopes).ok_or_else(nothing)?;
    if presented.in_query {
        app.older_forms.count(found.owner.id, Switch::QueryAccessToken, now);
    }
    Ok(FoundAccessToken { scopes, ..found })
}

struct Presented {
    token: Secret,
    in_query: bool,
}

/// The token, from the one place where it stood (RFC 6750 section 2). Two places are refused, equal or not.
fn presented(received: &Received) -> Result<Presented, Refusal> {
    let query = Parameters::read(received.query.as_deref(), Body::None, None)?;
    let form = match received.typed_body() {
        form @ Body::Form(_) => form,
        _ => Body::None,
    };
    let body = Parameters::read(None, form, None)?;
    let mut places = Vec::new();
    for value in received.headers.get_all(header::AUTHORIZATION) {
        if let Some((scheme, token)) = value.to_str().ok().and_then(|text| text.split_once(' '))
            && scheme.eq_ignore_ascii_case("bearer")
        {
            places.push(Presented { token: Secret::new(token.trim()), in_query: false });
        }
    }
    let text = |parameters: &Parameters| parameters.get("access_token").map(|token| token.map(Secret::new));
    places.extend(text(&body)?.map(|token| Presented { token, in_query: false }));
    places.extend(text(&query)?.map(|token| Presented { token, in_query: true }));
    match (places.pop(), places.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => {
            let sentence = "The access token was sent more than once: send it as Authorization: Bearer only.";
            Err(Refusal::new(Code::InvalidRequest, sentence))
        }
        // No credentials at all: a bare challenge that says nothing of errors (RFC 6750 section 3.1).
        (None, _) => Err(Refusal::new(Code::InvalidToken, "")),
    }
}
