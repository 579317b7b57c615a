//! Holding on to what a host gave for a refresh token until it is kept: there is no other copy of it.
//!
//! Owns how long that is tried while our own database does not answer, by how many at once, and what becomes of tokens that
//! came too late. Which answer counts is the store's to say (`git_refreshes`).

use super::{NotKept, note};
use crate::app::App;
use crate::broker::keeping::{Keeper, end_unkept, seal};
use crate::broker::place::{sealed_at, text};
use crate::seal::{Scope, Unsealed};
use std::time::Duration;
use tokio::sync::Semaphore;
use vestibule_githost::answers::Tokens;
use vestibule_store::git_authorizations::FoundGitAuthorization;
use vestibule_store::git_credentials::ChangeGitAuthorization;
use vestibule_store::git_refreshes::RefreshedGitCredential;

/// Pauses between the first tries, in milliseconds; from then on it is the last of them.
const PAUSES_MS: [u64; 4] = [100, 400, 1_500, 4_000];
/// Tries of one that holds on: ten minutes of an outage that says no at once, and longer where each try waits for its answer.
const TRIES: usize = 150;
/// Tries of one for which there is no room to hold on: as long as a database takes that is started anew.
const FEWEST_TRIES: usize = 8;
/// How many hold on at once; each holds two tokens.
const AT_ONCE: usize = 1024;

/// Those who hold on to tokens.
pub struct Holding(Semaphore);

impl Default for Holding {
    fn default() -> Holding {
        Holding(Semaphore::new(AT_ONCE))
    }
}

impl Holding {
    /// Keeps what the host gave, and tries so for minutes: the former tokens may be dead already, and then whoever lets go of
    /// these has ended the authorization. A commit of which nobody heard is seen at the next try.
    pub async fn keep(&self, app: &App, of: &FoundGitAuthorization, tokens: Tokens) -> Result<(), NotKept> {
        let held = self.0.try_acquire().ok();
        let tries = if held.is_some() { TRIES } else { FEWEST_TRIES };
        let mut tried = 0;
        loop {
            let why = match keep_once(app, of, &tokens).await {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            tried += 1;
            // A store that has failed for good takes nothing any more: the process ends.
            if tried >= tries || app.store.failure().is_some() {
                return Err(why);
            }
            tracing::warn!(authorization = %of.authorization.id, ?why, tried, "renewed tokens are not kept yet");
            let pause = PAUSES_MS[(tried - 1).min(PAUSES_MS.len() - 1)];
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }
}

async fn keep_once(app: &App, of: &FoundGitAuthorization, tokens: &Tokens) -> Result<(), NotKept> {
    let (id, project) = (of.authorization.id, of.authorization.project);
    let sealed = seal(app, project, id, (&tokens.access, tokens.refresh.as_ref())).await?;
    let new = RefreshedGitCredential {
        access: sealed.access,
        refresh: sealed.refresh,
        access_ends_at: tokens.access_ends_at,
        refresh_ends_at: tokens.refresh_ends_at,
        scopes: tokens.scopes.clone(),
    };
    match app.store.keep_refreshed_git_credential(&of.authorization, &new, &note(app)).await? {
        ChangeGitAuthorization::Done => Ok(()),
        ChangeGitAuthorization::Changed => part(app, of, tokens).await,
    }
}

/// What becomes of tokens that came too late: the authorization is gone, or has another credential by now. They are ended at
/// the host, if it knows a way, and the trail says what came of it: whoever authorizes anew because a token was stolen must
/// be able to rely on that. Each kind ends one pair by itself, so that nobody else's is harmed (FM-130).
async fn part(app: &App, of: &FoundGitAuthorization, tokens: &Tokens) -> Result<(), NotKept> {
    let read = &of.authorization;
    let found = app.store.find_git_authorization(read.project, &read.name).await?;
    let (project, name) = (read.project, read.name.clone());
    if let Some(found) = found.filter(|found| found.authorization.id == read.id) {
        let at = sealed_at("git_authorizations", "access", read.id);
        let kept = match app.seal.open_value(Scope::Project(project), &at, &found.tokens.access).await {
            Ok(kept) => kept,
            // Perhaps they are the ones that are kept: nobody can tell, and the seal has told of the row.
            Err(Unsealed::Changed { .. }) => return Ok(()),
            Err(why) => return Err(why.into()),
        };
        if text(&kept)?.expose() == tokens.access.expose() {
            return Ok(());
        }
    }
    let keeper = Keeper { person: read.created_by, project, name, in_place: true, note: note(app) };
    end_unkept(app, &keeper, read.host, &tokens.access, tokens.refresh.as_ref()).await;
    Ok(())
}
