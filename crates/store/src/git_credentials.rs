//! Authorizations at Git hosts as they change: kept under a name, given another credential, blamed, ended.
//!
//! Owns the guarded verbs. Every change names the project beside the id, and the generation that it was judged by, so
//! that nobody undoes what somebody else did meanwhile (FM-130, FM-131). Talking to the host is the server's.

use crate::applications::claimed;
use crate::audit::{self, Event, Note, audited};
use crate::git_authorizations::{GitAccount, GitAuthorization, GitTokens};
use crate::git_hosts::serves;
use crate::git_revocations::{GitFarewell, insert_revocation, queue};
use crate::git_standing::GitTrouble;
use crate::projects::may_edit;
use crate::sealed::SealedValue;
use crate::{Statement, Store, StoreError, Value, statement};
use vestibule_oauth::id::Id;

/// Authorizations that one project may have.
pub const MOST_GIT_AUTHORIZATIONS: i64 = 1_000;
/// An authorization to keep.
#[derive(Clone, Debug)]
pub struct NewGitAuthorization {
    /// The row.
    pub id: Id,
    /// Whose it is.
    pub project: Id,
    /// Its name, unique in the project; it never changes.
    pub name: String,
    /// At which host.
    pub host: Id,
    /// The tag by which the host was chosen.
    pub tag: Option<String>,
    /// Whose account it is.
    pub account: GitAccount,
    /// The credential.
    pub tokens: GitTokens,
    /// Who brought it.
    pub person: Id,
}

/// Another credential for an authorization that exists.
#[derive(Clone, Debug)]
pub struct NewGitCredential {
    /// The authorization's row.
    pub id: Id,
    /// Whose it is.
    pub project: Id,
    /// The host, which must be the authorization's.
    pub host: Id,
    /// The generation that it takes the place of.
    pub generation: i64,
    /// Who brought it.
    pub person: Id,
    /// Whose account it is now.
    pub account: GitAccount,
    /// Whose account it was, for the trail: another one under the same name must be seen (FM-133).
    pub former: GitAccount,
    /// The credential.
    pub tokens: GitTokens,
}

/// What became of an authorization to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddGitAuthorization {
    /// It is kept.
    Added,
    /// The project has one of this name.
    NameTaken,
    /// The project has as many as it may.
    TooMany,
    /// The host does not serve the project.
    NotServed,
    /// The person may no longer change what is in the project.
    NotAllowed,
}

/// What became of a change to an authorization as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeGitAuthorization {
    /// It was done.
    Done,
    /// Since it was read it was given another credential, or it is gone, or it may no longer be changed by this person or at
    /// this host: read it again.
    Changed,
}

/// A row of the trail for the verb that changed an authorization last.
pub(crate) const CHANGED: &str =
    audited!("EXISTS (SELECT 1 FROM git_authorizations WHERE id = $11 AND tenant = $2 AND changed_by = $1)");
/// Another row of the trail for the same verb, under an id of its own.
const TOLD: &str =
    audited!("EXISTS (SELECT 1 FROM git_authorizations WHERE id = $11 AND tenant = $2 AND changed_by = $12)");
/// A revocation that goes with the verb that changed an authorization last.
const REVOKE: &str =
    insert_revocation!("EXISTS (SELECT 1 FROM git_authorizations WHERE id = $11 AND tenant = $2 AND changed_by = $12)");

impl Store {
    /// Keeps an authorization; of two of one name in one project, one is kept.
    pub async fn add_git_authorization(
        &self,
        new: &NewGitAuthorization,
        note: &Note,
    ) -> Result<AddGitAuthorization, StoreError> {
        let NewGitAuthorization { id, project, name, host, account, .. } = new;
        let details = format!("{name}, git_host:{host}, {}", told(account));
        // Takes the project's row, so that each of several at once counts those before it, on PostgreSQL too.
        const TAKE: &str = "UPDATE projects SET name = name WHERE id = $2 AND tenant = $1 RETURNING id";
        let verb = vec![
            statement!(TAKE, self.tenant(), project),
            insert(self.tenant(), new, note),
            self.authorization_changed("git_authorization.add", *project, *id, details, note),
        ];
        if self.run(verb).await?.get(1).is_some_and(|rows| !rows.is_empty()) {
            return Ok(AddGitAuthorization::Added);
        }
        const TAKEN: &str = "SELECT id FROM git_authorizations WHERE tenant = $1 AND project = $2 AND name = $3";
        if self.find(&statement!(TAKEN, self.tenant(), project, name)).await?.is_some() {
            return Ok(AddGitAuthorization::NameTaken);
        }
        const SERVED: &str = concat!(
            "SELECT CASE WHEN ",
            may_edit!("$2", "$4"),
            " THEN 1 ELSE 0 END FROM git_hosts h WHERE h.id = $3 AND h.tenant = $1 AND ",
            serves!("$2")
        );
        let served = self.find(&statement!(SERVED, self.tenant(), project, host, new.person)).await?;
        Ok(match served.map(|row| row.flag(0)).transpose()? {
            None => AddGitAuthorization::NotServed,
            Some(false) => AddGitAuthorization::NotAllowed,
            Some(true) => AddGitAuthorization::TooMany,
        })
    }

    /// Puts another credential in the place of the one of `new.generation`: the mode may change, the name stays, and
    /// whatever was wrong is forgotten. `old` says what becomes of the former one at its host.
    pub async fn replace_git_credential(
        &self,
        new: &NewGitCredential,
        old: &GitFarewell,
        note: &Note,
    ) -> Result<ChangeGitAuthorization, StoreError> {
        let NewGitCredential { id, project, host, account, former, .. } = new;
        let details = format!("git_host:{host}, {} in place of {}", told(account), told(former));
        let mut verb = vec![
            replace(self.tenant(), new, note),
            self.authorization_changed("git_authorization.replace", *project, *id, details, note),
        ];
        verb.extend(self.farewell(*project, *id, old, note));
        Ok(ChangeGitAuthorization::when(claimed(&self.run(verb).await?)))
    }

    /// Ends the authorization as it was read: it and its credential are gone from the answer on. `old` says what
    /// becomes of the credential at its host.
    pub async fn end_git_authorization(
        &self,
        ended: &GitAuthorization,
        old: &GitFarewell,
        note: &Note,
    ) -> Result<ChangeGitAuthorization, StoreError> {
        // Once the row is gone nothing is left to repeat the claim on, so it is claimed and deleted in two steps.
        const CLAIM: &str = "UPDATE git_authorizations SET changed_by = $5 \
            WHERE id = $1 AND tenant = $2 AND project = $3 AND generation = $4 RETURNING id";
        const REMOVE: &str =
            "DELETE FROM git_authorizations WHERE id = $1 AND tenant = $2 AND project = $3 AND changed_by = $4";
        let GitAuthorization { id, project, name, host, generation, .. } = ended;
        let details = format!("{name}, git_host:{host}");
        let mut verb = vec![
            statement!(CLAIM, id, self.tenant(), project, *generation, note.id),
            self.authorization_changed("git_authorization.end", *project, *id, details, note),
        ];
        verb.extend(self.farewell(*project, *id, old, note));
        verb.push(statement!(REMOVE, id, self.tenant(), project, note.id));
        Ok(ChangeGitAuthorization::when(claimed(&self.run(verb).await?)))
    }

    /// Keeps what is wrong with an authorization as it was read, so that people see it, and that nothing renews it any more. One
    /// that stands so already is left as it is. A credential that was put in its place meanwhile is not blamed (FM-130).
    pub async fn blame_git_authorization(
        &self,
        blamed: &GitAuthorization,
        trouble: GitTrouble,
        note: &Note,
    ) -> Result<ChangeGitAuthorization, StoreError> {
        self.blame(blamed, None, trouble, note).await
    }

    /// The same if its renewal is this claim's, where there is one.
    pub(crate) async fn blame(
        &self,
        blamed: &GitAuthorization,
        claim: Option<Id>,
        trouble: GitTrouble,
        note: &Note,
    ) -> Result<ChangeGitAuthorization, StoreError> {
        const BLAME: &str = "UPDATE git_authorizations SET \
            status_since = CASE WHEN reason = $6 THEN status_since ELSE $7 END, \
            changed_by = CASE WHEN reason = $6 THEN changed_by ELSE $8 END, status = $5, reason = $6, \
            refresh_claim = NULL, refresh_since = NULL, refresh_until = NULL, refresh_doubt = 0, refresh_after = NULL, \
            refresh_failed = NULL \
            WHERE id = $1 AND tenant = $2 AND project = $3 AND generation = $4 \
            AND ($9 IS NULL OR refresh_claim = $9) RETURNING id";
        let GitAuthorization { id, project, name, generation, .. } = blamed;
        let (status, word) = (trouble.status().number(), trouble.name());
        let details = format!("{name}: {word}");
        let verb = vec![
            statement!(BLAME, id, self.tenant(), project, *generation, status, word, note.at, note.id, claim),
            self.authorization_changed("git_authorization.blame", *project, *id, details, note),
        ];
        Ok(ChangeGitAuthorization::when(claimed(&self.run(verb).await?)))
    }

    /// What goes with the verb that changed the authorization last: its former credential is ended, or told to stay alive.
    fn farewell(&self, project: Id, id: Id, old: &GitFarewell, note: &Note) -> Option<Statement> {
        let guard = [id.into(), note.id.into()];
        match old {
            GitFarewell::StaysInUse => None,
            GitFarewell::Queued(old) => Some(queue(self.tenant(), old, note.at, REVOKE, guard)),
            GitFarewell::StaysAlive { row, because, details } => {
                let (target, details) = (format!("project:{project}"), details.clone());
                let action = "git_authorization.revoke";
                let event = Event { action, target, outcome: because.outcome(), details };
                let note = Note { id: *row, ..note.clone() };
                Some(audit::row(self, &note, event, TOLD, guard.into()))
            }
        }
    }

    pub(crate) fn authorization_changed(
        &self,
        action: &'static str,
        project: Id,
        id: Id,
        details: String,
        note: &Note,
    ) -> Statement {
        let target = format!("git_authorization:{id}");
        let details = format!("project:{project}, {details}");
        audit::row(self, note, Event { action, target, outcome: "done", details }, CHANGED, vec![id.into()])
    }
}

impl ChangeGitAuthorization {
    pub(crate) const fn when(done: bool) -> ChangeGitAuthorization {
        if done { ChangeGitAuthorization::Done } else { ChangeGitAuthorization::Changed }
    }
}

/// An account, for the trail: its name may be given to another one, its id not.
fn told(account: &GitAccount) -> String {
    format!("{} of {} (id {})", account.token_type.name(), account.login, account.upstream_id)
}

pub(crate) fn spelled(scopes: Option<&Vec<String>>) -> Option<String> {
    scopes.map(|scopes| scopes.join(" "))
}

/// The claim: of two of one name, one is inserted; and only while the host serves the project.
fn insert(tenant: i64, new: &NewGitAuthorization, note: &Note) -> Statement {
    const INSERT: &str = concat!(
        "INSERT INTO git_authorizations (id, tenant, project, name, host, tag, token_type, upstream_id, login, avatar, \
         home, scopes, access, access_by, access_ends_at, refresh, refresh_by, refresh_ends_at, status, status_since, \
         generation, refresh_doubt, created_by, created_at, updated_at, changed_by) \
         SELECT $1, $2, $3, $4, h.id, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, $19, 1, 0, $20, \
         $19, $19, $21 FROM git_hosts h WHERE h.id = $5 AND h.tenant = $2 AND ",
        serves!("$3"),
        " AND ",
        may_edit!("$3", "$20"),
        " AND (SELECT COUNT(*) FROM (SELECT a.id FROM git_authorizations a WHERE a.project = $3 LIMIT $22) n) < $22 \
         ON CONFLICT DO NOTHING RETURNING id"
    );
    let NewGitAuthorization { id, project, name, host, tag, account, tokens, person } = new;
    let mut insert = statement!(INSERT, id, tenant, project, name, host, tag.as_deref());
    insert.values.extend(credential(account, tokens));
    insert.values.extend([note.at.into(), person.into(), note.id.into(), MOST_GIT_AUTHORIZATIONS.into()]);
    insert
}

/// The values of an account and its credential, in the order in which both claims have them.
fn credential(account: &GitAccount, tokens: &GitTokens) -> [Value; 12] {
    let (refresh, refresh_by) = SealedValue::columns(tokens.refresh.as_ref());
    [
        account.token_type.name().into(),
        (&account.upstream_id).into(),
        (&account.login).into(),
        account.avatar.as_deref().into(),
        (&account.home).into(),
        spelled(account.scopes.as_ref()).into(),
        tokens.access.bytes.as_slice().into(),
        tokens.access.key.into(),
        account.access_ends_at.into(),
        refresh.into(),
        refresh_by.into(),
        account.refresh_ends_at.into(),
    ]
}

/// The claim: of two that take one generation's place, one does; and only while the host serves the project.
fn replace(tenant: i64, new: &NewGitCredential, note: &Note) -> Statement {
    const REPLACE: &str = concat!(
        "UPDATE git_authorizations SET token_type = $6, upstream_id = $7, login = $8, avatar = $9, home = $10, \
         scopes = $11, access = $12, access_by = $13, access_ends_at = $14, refresh = $15, refresh_by = $16, \
         refresh_ends_at = $17, status = 0, reason = NULL, status_since = $18, generation = generation + 1, \
         refresh_claim = NULL, refresh_since = NULL, refresh_until = NULL, refresh_doubt = 0, refresh_after = NULL, \
         refresh_failed = NULL, updated_at = $18, changed_by = $19 \
         WHERE id = $1 AND tenant = $2 AND project = $3 AND host = $4 AND generation = $5 \
         AND EXISTS (SELECT 1 FROM git_hosts h WHERE h.id = git_authorizations.host AND ",
        serves!("git_authorizations.project"),
        ") AND ",
        may_edit!("git_authorizations.project", "$20"),
        " RETURNING id"
    );
    let NewGitCredential { id, project, host, generation, person, account, tokens, .. } = new;
    let mut replace = statement!(REPLACE, id, tenant, project, host, *generation);
    replace.values.extend(credential(account, tokens));
    replace.values.extend([note.at.into(), note.id.into(), person.into()]);
    replace
}
