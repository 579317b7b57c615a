//! Keeping a credential that a host has just given or accepted: as a new authorization, or in the place of another.
//!
//! Owns sealing before the first write, and that a credential which is not kept is ended at its host. Talking to the
//! host before that is `finishing`'s and `tokens`'s.

use super::place::{Place, sealed_at, text};
use super::{NotKept, is_name};
use crate::app::App;
use crate::dice::Dice;
use crate::seal::{Scope, Seal, Unsealed};
use vestibule_githost::answers::Upstream;
use vestibule_githost::secret::Secret;
use vestibule_oauth::id::Id;
use vestibule_store::audit::Note;
use vestibule_store::git_authorizations::{FoundGitAuthorization, GitAccount, GitAuthorization, GitTokens, TokenType};
use vestibule_store::git_credentials::{
    AddGitAuthorization, ChangeGitAuthorization, NewGitAuthorization, NewGitCredential,
};
use vestibule_store::git_revocations::{GitFarewell, GitRevoked, NewGitRevocation};
use vestibule_store::{Store, StoreError};

/// What rows and sealed values are made with: a server's, or a command's beside it.
#[derive(Clone, Copy)]
pub struct Workbench<'a> {
    /// What is remembered.
    pub store: &'a Store,
    /// Seals and opens.
    pub seal: &'a Seal,
    /// Draws.
    pub dice: Dice,
    /// Unix milliseconds.
    pub now: i64,
}

impl<'a> Workbench<'a> {
    /// The server's.
    pub fn of(app: &'a App) -> Workbench<'a> {
        Workbench { store: &app.store, seal: &app.seal, dice: app.dice, now: app.clock.now() }
    }
}

/// Who keeps what for which project, and under which name.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// The person.
    pub person: Id,
    /// The project.
    pub project: Id,
    /// The authorization's name.
    pub name: String,
    /// Whether an authorization of this name is there and gets the credential in the place of its own.
    pub in_place: bool,
    /// Who acts, for the trail.
    pub note: Note,
}

impl Keeper {
    /// Whether the name is fit and free, or has the authorization at `host` that is to be renewed: judged before
    /// anything is spent or sent.
    ///
    /// Gives which one that is, and the generation of the credential that is to go.
    pub async fn look(&self, app: &App, host: Option<Id>) -> Result<Option<(Id, i64)>, NotKept> {
        if !is_name(&self.name) {
            return Err(NotKept::BadName);
        }
        let found = app.store.find_git_authorization(self.project, &self.name).await?;
        match (found, self.in_place) {
            (None, false) => Ok(None),
            (Some(_), false) => Err(NotKept::NameTaken),
            (Some(found), true) if host.is_none_or(|host| host == found.authorization.host) => {
                Ok(Some((found.authorization.id, found.authorization.generation)))
            }
            (_, true) => Err(NotKept::Changed),
        }
    }
}

/// A credential and whose it is.
pub struct Credential {
    /// How it came here.
    pub token_type: TokenType,
    /// The access token, or the personal token.
    pub access: Secret,
    /// What renews it.
    pub refresh: Option<Secret>,
    /// When the access token ends, in Unix milliseconds.
    pub access_ends_at: Option<i64>,
    /// When the refresh token ends, in Unix milliseconds.
    pub refresh_ends_at: Option<i64>,
    /// What was granted, where the host told.
    pub scopes: Option<Vec<String>>,
    /// Whose it is.
    pub upstream: Upstream,
}

impl Credential {
    fn account(&self) -> GitAccount {
        let Upstream { id, login, avatar, home, scopes, token_ends_at } = self.upstream.clone();
        GitAccount {
            token_type: self.token_type,
            upstream_id: id,
            login,
            avatar,
            home,
            scopes: self.scopes.clone().or(scopes),
            access_ends_at: self.access_ends_at.or(token_ends_at),
            refresh_ends_at: self.refresh_ends_at,
        }
    }
}

/// Keeps the credential, in the place of the one that `renews` names. What is not kept, and was given to us only, is ended at the host.
pub async fn keep(
    app: &App,
    keeper: &Keeper,
    place: &Place<'_>,
    (tag, renews): (Option<&str>, Option<(Id, i64)>),
    credential: Credential,
) -> Result<GitAuthorization, NotKept> {
    let kept = match renews {
        None => add(app, keeper, place, tag, &credential).await,
        Some(renews) => replace(app, keeper, place, renews, &credential).await,
    };
    if kept.is_err() && credential.token_type != TokenType::Personal {
        end_unkept(app, keeper, place.host.id, &credential.access, credential.refresh.as_ref()).await;
    }
    kept?;
    let found = app.store.find_git_authorization(keeper.project, &keeper.name).await?;
    Ok(found.ok_or(NotKept::Changed)?.authorization)
}

async fn add(
    app: &App,
    keeper: &Keeper,
    place: &Place<'_>,
    tag: Option<&str>,
    credential: &Credential,
) -> Result<(), NotKept> {
    let id = app.dice.id(app.clock.now());
    let new = NewGitAuthorization {
        id,
        project: keeper.project,
        name: keeper.name.clone(),
        host: place.host.id,
        tag: tag.map(str::to_owned).or_else(|| place.host.tags.first().cloned()),
        account: credential.account(),
        tokens: seal(app, keeper.project, id, (&credential.access, credential.refresh.as_ref())).await?,
        person: keeper.person,
    };
    let mut added = app.store.add_git_authorization(&new, &keeper.note).await;
    if is_unknown(&added) {
        added = app.store.add_git_authorization(&new, &keeper.note).await;
    }
    match added? {
        AddGitAuthorization::Added => Ok(()),
        AddGitAuthorization::NameTaken if has_it(app, keeper, &new.tokens).await? => Ok(()),
        AddGitAuthorization::NameTaken => Err(NotKept::NameTakenMeanwhile),
        AddGitAuthorization::TooMany => Err(NotKept::TooMany),
        AddGitAuthorization::NotServed => Err(NotKept::NotServed),
        AddGitAuthorization::NotAllowed => Err(NotKept::NotAllowed),
    }
}

async fn replace(
    app: &App,
    keeper: &Keeper,
    place: &Place<'_>,
    renews: (Id, i64),
    credential: &Credential,
) -> Result<(), NotKept> {
    let found = app.store.find_git_authorization(keeper.project, &keeper.name).await?;
    // The very one that was looked at: not another of its name, and not one that somebody else renewed meanwhile.
    let is_same = |found: &FoundGitAuthorization| (found.authorization.id, found.authorization.generation) == renews;
    let found = found.filter(is_same).ok_or(NotKept::Changed)?;
    let (id, generation) = renews;
    let old = farewell(Workbench::of(app), &found, Some(&credential.access)).await?;
    let new = NewGitCredential {
        person: keeper.person,
        id,
        project: keeper.project,
        host: place.host.id,
        generation,
        account: credential.account(),
        former: found.authorization.account.clone(),
        tokens: seal(app, keeper.project, id, (&credential.access, credential.refresh.as_ref())).await?,
    };
    let mut replaced = app.store.replace_git_credential(&new, &old, &keeper.note).await;
    if is_unknown(&replaced) {
        replaced = app.store.replace_git_credential(&new, &old, &keeper.note).await;
    }
    match replaced? {
        ChangeGitAuthorization::Changed if !has_it(app, keeper, &new.tokens).await? => Err(NotKept::Changed),
        ChangeGitAuthorization::Done | ChangeGitAuthorization::Changed => {
            app.revocations.ring();
            Ok(())
        }
    }
}

/// Whether nobody can say what became of a verb. It is run again then: the second one waits for the first where the database
/// still works at it, and finds what it has done. A credential that is kept after all must not be ended at its host.
const fn is_unknown<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Unavailable(_)))
}

/// Whether the authorization of this name holds these very tokens: what a verb that nobody heard of has done.
async fn has_it(app: &App, keeper: &Keeper, tokens: &GitTokens) -> Result<bool, StoreError> {
    let found = app.store.find_git_authorization(keeper.project, &keeper.name).await?;
    Ok(found.is_some_and(|found| found.tokens == *tokens))
}

/// Access and refresh token, sealed for an authorization's row.
pub async fn seal(
    app: &App,
    project: Id,
    row: Id,
    (access, refresh): (&Secret, Option<&Secret>),
) -> Result<GitTokens, NotKept> {
    let sealed = async |column, secret: &Secret| {
        let at = sealed_at("git_authorizations", column, row);
        app.seal.seal(Scope::Project(project), &at, secret.expose().as_bytes()).await
    };
    Ok(GitTokens {
        access: sealed("access", access).await?,
        refresh: match refresh {
            Some(refresh) => Some(sealed("refresh", refresh).await?),
            None => None,
        },
    })
}

/// What becomes of an authorization's tokens at their host: they are ready to be ended, or stay alive, as a personal token
/// does, which is its owner's, and one that can no longer be read here; or stay in use (`but`: some hosts give the same one
/// again).
pub async fn farewell(
    bench: Workbench<'_>,
    found: &FoundGitAuthorization,
    but: Option<&Secret>,
) -> Result<GitFarewell, NotKept> {
    let FoundGitAuthorization { authorization, tokens, .. } = found;
    let name = &authorization.name;
    let stays_alive = |because, why| {
        let details = format!("{name}, git_host:{}: {why}", authorization.host);
        Ok(GitFarewell::StaysAlive { row: bench.dice.id(bench.now), because, details })
    };
    if authorization.account.token_type == TokenType::Personal {
        return stays_alive(GitRevoked::CannotBe, "a personal token is its owner's: only they end it at the host");
    }
    let (project, row) = (authorization.project, authorization.id);
    let opened = async |column, value| -> Result<Option<Secret>, NotKept> {
        let at = sealed_at("git_authorizations", column, row);
        match bench.seal.open_value(Scope::Project(project), &at, value).await {
            Ok(opened) => text(&opened).map(Some),
            // The seal tells of a row that somebody changed; it must not keep an authorization from being ended.
            Err(Unsealed::Changed { .. }) => Ok(None),
            Err(why) => Err(why.into()),
        }
    };
    let Some(access) = opened("access", &tokens.access).await? else {
        return stays_alive(GitRevoked::Unreadable, "the sealed token was changed in the database");
    };
    if but.is_some_and(|but| but.expose() == access.expose()) {
        return Ok(GitFarewell::StaysInUse);
    }
    let refresh = match &tokens.refresh {
        Some(value) => opened("refresh", value).await?,
        None => None,
    };
    let queued = revocation(bench, (project, name), authorization.host, &access, refresh.as_ref()).await?;
    Ok(GitFarewell::Queued(queued))
}

/// Tokens, sealed for the queue.
async fn revocation(
    bench: Workbench<'_>,
    (project, name): (Id, &str),
    host: Id,
    access: &Secret,
    refresh: Option<&Secret>,
) -> Result<NewGitRevocation, NotKept> {
    let id = bench.dice.id(bench.now);
    let sealed = async |column, secret: &Secret| {
        let at = sealed_at("git_revocations", column, id);
        bench.seal.seal(Scope::Project(project), &at, secret.expose().as_bytes()).await
    };
    let refresh = match refresh {
        Some(refresh) => Some(sealed("refresh", refresh).await?),
        None => None,
    };
    Ok(NewGitRevocation { id, project, name: name.to_owned(), host, access: sealed("access", access).await?, refresh })
}

/// Has tokens ended that were given to us and that nobody keeps. That this fails too is only worth a line in the log.
pub async fn end_unkept(app: &App, keeper: &Keeper, host: Id, access: &Secret, refresh: Option<&Secret>) {
    let queued = async {
        let new = revocation(Workbench::of(app), (keeper.project, &keeper.name), host, access, refresh).await?;
        app.store.queue_git_revocation(&new, keeper.note.id, app.clock.now()).await.map_err(NotKept::from)
    };
    match queued.await {
        Ok(_) => app.revocations.ring(),
        Err(why) => tracing::warn!(?why, "tokens that are not kept could not be queued to be ended at their host"),
    }
}

/// How often a change is tried that others are faster at.
pub const TRIES: usize = 3;
