//! Credentials that people bring: a personal token, or a name and a password.
//!
//! Owns that each is tried at the host before it is kept, that tries are few, and which configured host a caller's `host` means: one that is
//! there, never a new address (FM-86, FM-90).

use super::keeping::{Credential, Keeper, end_unkept, keep};
use super::place::Place;
use super::{NotKept, turn};
use crate::app::App;
use crate::githosts::{converse, converse_patiently};
use crate::web::guessing::{self, Wait};
use std::sync::Arc;
use vestibule_githost::answers::Tokens;
use vestibule_githost::host::Call;
use vestibule_githost::refusal::Why;
use vestibule_githost::secret::Secret;
use vestibule_store::git_authorizations::{GitAuthorization, TokenType};
use vestibule_store::git_hosts::{GitHost, MeantHost, one_of};

/// Something to sign in with at a host.
pub enum Brought {
    /// A personal token.
    Personal(Secret),
    /// A name and a password.
    Password(String, Secret),
}

/// Tries what was brought, and keeps it, or what the host gives for it.
pub async fn bring(
    app: &Arc<App>,
    keeper: Keeper,
    host: GitHost,
    brought: Brought,
) -> Result<GitAuthorization, NotKept> {
    let here = app.clone();
    // As with a code: tokens that a host gave for a password must not be lost to a caller who hangs up.
    let work = app.under_way.spawn(async move {
        let app = here;
        let renews = keeper.look(&app, Some(host.id)).await?;
        let place = Place::asked(&host)?;
        let credential = tried(&app, &keeper, &place, brought).await?;
        keep(&app, &keeper, &place, (None, renews), credential).await
    });
    work.await.unwrap_or_else(|_| Err(NotKept::Ours("the task that tries a credential has died".to_owned())))
}

/// Tries what was brought: a few at once for one project, and wrong ones a few times for one person.
async fn tried(app: &App, keeper: &Keeper, place: &Place<'_>, brought: Brought) -> Result<Credential, NotKept> {
    let _turn = turn(app, keeper.project).await?;
    let mut counted = match guessing::begin_at_host(app, keeper.person).await? {
        Ok(counted) => counted,
        Err(Wait(seconds)) => return Err(NotKept::TooManyTries(seconds)),
    };
    let credential = match brought {
        Brought::Personal(token) => personal(app, place, token).await,
        Brought::Password(user, password) => self::password(app, keeper, place, &user, &password).await,
    };
    let judged = match &credential {
        Err(NotKept::Host(Why::TokenRefused | Why::GrantRefused)) => counted.was_wrong().await,
        _ => counted.was_not_made().await,
    };
    if let Err(error) = judged {
        // It stays counted. What the host has given must not be lost for that.
        tracing::warn!(%error, "a try at a Git host could not be judged");
    }
    credential
}

async fn personal(app: &App, place: &Place<'_>, token: Secret) -> Result<Credential, NotKept> {
    let step = place.kind.try_personal(&place.visit(&token));
    let upstream = converse(&app.outbound, &app.clock, step).await?;
    Ok(Credential {
        token_type: TokenType::Personal,
        access: token,
        refresh: None,
        access_ends_at: None,
        refresh_ends_at: None,
        scopes: None,
        upstream,
    })
}

async fn password(
    app: &App,
    keeper: &Keeper,
    place: &Place<'_>,
    user: &str,
    password: &Secret,
) -> Result<Credential, NotKept> {
    if let Some(sentence) = place.kind.habits().cannot(Call::Password) {
        return Err(NotKept::CannotDo(sentence));
    }
    let application = place.application(app).await?;
    let step = place.kind.password(&place.site, &application, user, password);
    let Tokens { access, refresh, access_ends_at, refresh_ends_at, scopes } =
        converse(&app.outbound, &app.clock, step).await?;
    match converse_patiently(&app.outbound, &app.clock, place.kind.who(&place.visit(&access))).await {
        Ok(upstream) => {
            let token_type = TokenType::Password;
            Ok(Credential { token_type, access, refresh, access_ends_at, refresh_ends_at, scopes, upstream })
        }
        Err(refusal) => {
            end_unkept(app, keeper, place.host.id, &access, refresh.as_ref()).await;
            Err(refusal.into())
        }
    }
}

/// A token as it may stand in a header: visible ASCII, bounded. Anything else would be sent as something else.
pub fn read_token(text: &str) -> Option<Secret> {
    let fits = (1..=MOST_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| Secret::new(text))
}

/// The longest token, in bytes: what fits into a header of most servers.
const MOST_TOKEN_BYTES: usize = 4096;

/// Which of `hosts` is meant by `text`: its origin, its API's address, or a page of it. Of several at one address the one
/// that their kind would mean.
pub fn meant_by(mut hosts: Vec<GitHost>, text: &str) -> MeantHost {
    hosts.retain(|host| Place::of(host).is_some_and(|place| place.site.is_meant_by(text)));
    one_of(hosts)
}
