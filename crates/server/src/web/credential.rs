//! The one credential of a request to the project API, and the person behind it.
//!
//! Owns that there is exactly one (a project token, a signature with an access key, or an access token), what each must be,
//! and what is said when it is not. What the person may do in a project is `project_caller`'s.

use crate::app::App;
use crate::clock::rfc3339;
use crate::web::access_key::{self, Denied};
use crate::web::access_token;
use crate::web::aksk::{self, Signed};
use crate::web::form::Received;
use crate::web::project_caller::By;
use crate::web::servicestage::{Code, Refusal};
use axum::http::{HeaderMap, header};
use vestibule_oauth::guessing;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Kind, MachineSecret, Secret};
use vestibule_oauth::token::{self, Dead};
use vestibule_store::project_tokens::FoundProjectToken;
use vestibule_store::projects::Role;

/// A person who is known by a credential that is alive.
#[derive(Clone, Debug)]
pub struct Someone {
    /// The person.
    pub person: Id,
    /// Their number.
    pub number: i64,
    /// By what they are known.
    pub by: By,
    /// What their credential's own read has told of what they are in projects.
    pub reach: Reach,
}

/// What a credential's own read tells of what its person is in projects.
#[derive(Clone, Copy, Debug)]
pub enum Reach {
    /// The only project that they can act in, and what they are in it.
    Only(Id, Role),
    /// What they are in the project that was asked about.
    There(Option<Role>),
    /// Nothing.
    Unread,
}

/// Finds the person behind a request.
pub async fn identify(app: &App, received: &Received) -> Result<Someone, Refusal> {
    identify_in(app, received, None).await
}

/// The same for somebody who wants to act in `project`.
pub async fn identify_in(app: &App, received: &Received, project: Option<Id>) -> Result<Someone, Refusal> {
    let now = app.clock.now();
    match presented(&received.headers)? {
        Presented::ProjectToken(token) => by_token(find_token(app, &token, now).await?),
        Presented::Signature => by_signature(app, received, project, now).await,
        Presented::AccessToken(token) => by_access_token(app, &token, now).await,
    }
}

enum Presented {
    ProjectToken(Secret),
    Signature,
    AccessToken(Secret),
}

/// The only credential. Of two, whoever reads the request before us may have looked at the other.
fn presented(headers: &HeaderMap) -> Result<Presented, Refusal> {
    let mut tokens = headers.get_all(TOKEN_HEADER).iter();
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let several = || {
        let sentence = "send one of X-Auth-Token, an access key's signature and an access token, once";
        Err(Refusal::saying(Code::NotAuthenticated, sentence))
    };
    match (tokens.next(), authorizations.next()) {
        _ if tokens.next().is_some() || authorizations.next().is_some() => several(),
        (Some(_), Some(_)) => several(),
        (Some(token), None) => match token.to_str() {
            Ok(token) => Ok(Presented::ProjectToken(Secret::new(token.trim()))),
            Err(_) => Err(unreadable()),
        },
        (None, Some(_)) if aksk::is_claimed(headers) => Ok(Presented::Signature),
        (None, Some(value)) => match value.to_str().ok().and_then(|text| text.split_once(' ')) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Ok(Presented::AccessToken(Secret::new(token.trim())))
            }
            _ => Err(Refusal::saying(Code::NotAuthenticated, NOTHING)),
        },
        (None, None) => Err(Refusal::saying(Code::NotAuthenticated, NOTHING)),
    }
}

/// The project token of this spelling, if it is alive.
pub async fn find_token(app: &App, token: &Secret, now: i64) -> Result<FoundProjectToken, Refusal> {
    let secret = MachineSecret::parse(Kind::ProjectToken, token.expose()).ok_or_else(unreadable)?;
    let found = app.store.find_project_token(&secret).await?.map_err(|_| unreadable())?;
    if now >= found.expires_at {
        return Err(expired(found.expires_at));
    }
    if found.is_alive && found.role.is_some() { Ok(found) } else { Err(unreadable()) }
}

fn by_token(found: FoundProjectToken) -> Result<Someone, Refusal> {
    let role = found.role.ok_or_else(unreadable)?;
    let FoundProjectToken { id, person, number, project, .. } = found;
    Ok(Someone { person, number, by: By::Token(id), reach: Reach::Only(project, role) })
}

async fn by_signature(app: &App, received: &Received, project: Option<Id>, now: i64) -> Result<Someone, Refusal> {
    let presented = aksk::Presented::read(&received.headers, now).map_err(|why| {
        Refusal::saying(
            Code::NotAuthenticated,
            match why {
                aksk::Refused::Date => {
                    "verify aksk signature fail, the X-Sdk-Date is more than 15 minutes from the server's time"
                }
                _ => WRONG_SIGNATURE,
            },
        )
    })?;
    let signed = Signed {
        method: &received.method,
        path: &received.path,
        query: received.query.as_deref().unwrap_or_default(),
        headers: &received.headers,
        body: &received.body,
    };
    // Bodies are read as JSON here whatever they say they are, and a JSON body is always signed.
    if signed.leaves_body_open() {
        return Err(Refusal::saying(Code::NotAuthenticated, UNSIGNED_BODY));
    }
    let proves = |secret: &Secret| presented.verify(&signed, secret).is_ok();
    match access_key::try_key(app, received, (presented.access, project), proves).await {
        Ok((key, role)) => {
            let by = By::AccessKey(presented.access.to_owned());
            let reach = if project.is_some() { Reach::There(role) } else { Reach::Unread };
            Ok(Someone { person: key.person, number: key.number, by, reach })
        }
        Err(Denied::Locked(until)) => {
            Err(Refusal::saying(Code::NotAuthenticated, LOCKED).waiting(guessing::seconds(until - now)))
        }
        Err(Denied::Wrong) => Err(Refusal::saying(Code::NotAuthenticated, WRONG_SIGNATURE)),
        Err(Denied::Failed(cause)) => Err(Refusal::because(cause)),
    }
}

/// A token of any wire's application: what it may do is said by its scope.
async fn by_access_token(app: &App, token: &Secret, now: i64) -> Result<Someone, Refusal> {
    let unknown = || unreadable().challenging(INVALID_TOKEN);
    let found = access_token::find(app, token.expose(), now).await?.map_err(|_| unknown())?;
    match token::judge(&found.standing, now) {
        Ok(()) => {}
        Err(Dead::Expired) => return Err(expired(found.standing.expires_at).challenging(INVALID_TOKEN)),
        Err(_) => return Err(unknown()),
    }
    let scopes = token::scope_in_force(&found.owner, &found.scopes).ok_or_else(unknown)?;
    let Some(person) = found.person else {
        return Err(Refusal::saying(Code::ParameterInvalid, "the access token stands for no person"));
    };
    let by = By::Bearer { application: found.owner.id, scopes };
    Ok(Someone { person: person.id, number: person.profile.number, by, reach: Reach::Unread })
}

fn unreadable() -> Refusal {
    Refusal::saying(Code::NotAuthenticated, "decrypt token fail")
}

fn expired(at: i64) -> Refusal {
    Refusal::saying(Code::NotAuthenticated, format!("token expires, expires_at: {}", rfc3339(at)))
}

/// Where a project token stands.
pub const TOKEN_HEADER: &str = "x-auth-token";

const NOTHING: &str = "x-auth-token not found";
const UNSIGNED_BODY: &str = "verify aksk signature fail, the body must be signed";
const WRONG_SIGNATURE: &str = "verify aksk signature fail";
/// What is said while a key is locked.
pub const LOCKED: &str = "AK access failed to reach the limit, forbidden";
const INVALID_TOKEN: &str = "Bearer error=\"invalid_token\"";
