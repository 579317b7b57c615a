//! Authorizations at Git hosts: what a project may do there, under a name, with a sealed credential.
//!
//! Owns the guarded verbs. Every read and every change names the project beside the name or the id, so that nothing of
//! another project is ever touched (FM-131). How an authorization stands is told by `git_standing`; opening what is
//! sealed and talking to the host are the server's.

use crate::applications::claimed;
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::git_hosts::{GitHost, git_host_columns, read, serves};
use crate::git_revocations::{NewGitRevocation, insert_revocation, queue};
use crate::git_standing::{GitTrouble, Known};
use crate::sealed::SealedValue;
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// Authorizations that one project may have.
pub const MOST_GIT_AUTHORIZATIONS: i64 = 1_000;

/// How the credential came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// By a person's way to the host and back.
    Oauth,
    /// A personal token that somebody brought.
    Personal,
    /// A password that somebody brought.
    Password,
}

impl TokenType {
    /// All of them.
    pub const ALL: [TokenType; 3] = [TokenType::Oauth, TokenType::Personal, TokenType::Password];

    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            TokenType::Oauth => "oauth",
            TokenType::Personal => "personal",
            TokenType::Password => "password",
        }
    }

    fn parse(name: &str) -> Option<TokenType> {
        TokenType::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// Whose account it is at the host, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitAccount {
    /// How the credential came here.
    pub token_type: TokenType,
    /// The immutable id of the account at the host (FM-133).
    pub upstream_id: String,
    /// The name of the account.
    pub login: String,
    /// Where its picture is.
    pub avatar: Option<String>,
    /// Its page.
    pub home: String,
    /// The scopes of the credential, where the host tells, as it spells them.
    pub scopes: Option<Vec<String>>,
    /// When the access token ends, in Unix milliseconds; `None` if it does not, or nobody knows.
    pub access_ends_at: Option<i64>,
    /// When the refresh token ends, in Unix milliseconds, where the host tells.
    pub refresh_ends_at: Option<i64>,
}

/// The sealed half of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitTokens {
    /// The access token, the personal token or the password, sealed for the row's column `git_authorizations.access` in
    /// the project's scope.
    pub access: SealedValue,
    /// The refresh token, sealed for the row's column `git_authorizations.refresh` in the project's scope.
    pub refresh: Option<SealedValue>,
}

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
    /// Whose account it is now.
    pub account: GitAccount,
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
}

/// What became of a change to an authorization as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeGitAuthorization {
    /// It was done.
    Done,
    /// Since it was read it was given another credential, or it is gone: read it again.
    Changed,
}

/// An authorization as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitAuthorization {
    /// The row.
    pub id: Id,
    /// Whose it is.
    pub project: Id,
    /// Its name.
    pub name: String,
    /// The host configuration's row.
    pub host: Id,
    /// The host configuration's name.
    pub host_name: String,
    /// The host's kind.
    pub kind: String,
    /// Where the host's pages begin.
    pub web: String,
    /// The tag by which the host was chosen.
    pub tag: Option<String>,
    /// Whose account it is.
    pub account: GitAccount,
    /// What is known of how it stands; ask [`GitAuthorization::standing`].
    pub known: Known,
    /// The number of its credential.
    pub generation: i64,
    /// Who brought the first one.
    pub created_by: Id,
    /// When it was kept, in Unix milliseconds.
    pub created_at: i64,
    /// When it got its credential, in Unix milliseconds.
    pub updated_at: i64,
}

/// An authorization with what is needed to act with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundGitAuthorization {
    /// What is shown of it.
    pub authorization: GitAuthorization,
    /// Its credential.
    pub tokens: GitTokens,
    /// Its host. Whether it serves the project still stands in `authorization.known`.
    pub host: GitHost,
}

/// An authorization and the name of its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitAuthorizationLine {
    /// What is shown of it.
    pub authorization: GitAuthorization,
    /// Its project's name.
    pub project: String,
    /// The user name of who brought it; none when they are gone.
    pub created_by: Option<String>,
}

/// The columns of an authorization; the tables are aliased `a` and `h`. Read by [`shown`].
macro_rules! git_authorization_columns {
    () => {
        concat!(
            "a.id, a.project, a.name, a.host, h.name, h.kind, h.web, a.tag, a.token_type, a.upstream_id, a.login, \
             a.avatar, a.home, a.scopes, a.access_ends_at, a.refresh_ends_at, CASE WHEN a.refresh IS NULL THEN 0 ELSE 1 END, \
             a.reason, a.status_since, h.disabled_at, ",
            "CASE WHEN ",
            serves!("a.project"),
            " THEN 1 ELSE 0 END, a.generation, a.created_by, a.created_at, a.updated_at"
        )
    };
}

fn shown(c: &mut Columns) -> Result<GitAuthorization, StoreError> {
    let (id, project, name, host) = (c.id()?, c.id()?, c.text()?, c.id()?);
    let (host_name, kind, web, tag) = (c.text()?, c.text()?, c.text()?, c.opt_text()?);
    let account = GitAccount {
        token_type: c.parsed(TokenType::parse)?,
        upstream_id: c.text()?,
        login: c.text()?,
        avatar: c.opt_text()?,
        home: c.text()?,
        scopes: c.opt_text()?.map(|text| text.split_whitespace().map(str::to_owned).collect()),
        access_ends_at: c.opt_int()?,
        refresh_ends_at: c.opt_int()?,
    };
    let known = Known {
        is_renewable: c.flag()?,
        trouble: c.opt_parsed(GitTrouble::parse)?,
        since: c.int()?,
        host_off_since: c.opt_int()?,
        is_served: c.flag()?,
    };
    let (generation, created_by) = (c.int()?, c.id()?);
    let (created_at, updated_at) = (c.int()?, c.int()?);
    Ok(GitAuthorization {
        id,
        project,
        name,
        host,
        host_name,
        kind,
        web,
        tag,
        account,
        known,
        generation,
        created_by,
        created_at,
        updated_at,
    })
}

/// A row of the trail for the verb that changed an authorization last.
const CHANGED: &str =
    audited!("EXISTS (SELECT 1 FROM git_authorizations WHERE id = $11 AND tenant = $2 AND changed_by = $1)");
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
        let details = format!("{name}, git_host:{host}, {} of {}", account.token_type.name(), account.login);
        let verb = vec![
            insert(self.tenant(), new, note),
            self.authorization_changed("git_authorization.add", *project, *id, details, note),
        ];
        if claimed(&self.run(verb).await?) {
            return Ok(AddGitAuthorization::Added);
        }
        const TAKEN: &str = "SELECT id FROM git_authorizations WHERE tenant = $1 AND project = $2 AND name = $3";
        if self.find(&statement!(TAKEN, self.tenant(), project, name)).await?.is_some() {
            return Ok(AddGitAuthorization::NameTaken);
        }
        const SERVED: &str =
            concat!("SELECT h.id FROM git_hosts h WHERE h.id = $3 AND h.tenant = $1 AND ", serves!("$2"));
        let served = self.find(&statement!(SERVED, self.tenant(), project, host)).await?;
        Ok(if served.is_some() { AddGitAuthorization::TooMany } else { AddGitAuthorization::NotServed })
    }

    /// The project's authorizations in the order of their names.
    pub async fn list_git_authorizations(&self, project: Id) -> Result<Vec<GitAuthorization>, StoreError> {
        const LIST: &str = concat!(
            "SELECT ",
            git_authorization_columns!(),
            " FROM git_authorizations a JOIN git_hosts h ON h.id = a.host \
             WHERE a.project = $2 AND a.tenant = $1 ORDER BY a.name"
        );
        let rows = self.scan(&statement!(LIST, self.tenant(), project)).await?;
        rows.into_iter().map(|mut row| shown(&mut Columns::of(&mut row))).collect()
    }

    /// The authorizations of all projects, by project and then in the order of their names.
    pub async fn all_git_authorizations(&self) -> Result<Vec<GitAuthorizationLine>, StoreError> {
        const LIST: &str = concat!(
            "SELECT ",
            git_authorization_columns!(),
            ", j.name, p.user_name FROM git_authorizations a JOIN git_hosts h ON h.id = a.host \
             JOIN projects j ON j.id = a.project LEFT JOIN people p ON p.id = a.created_by \
             WHERE a.tenant = $1 ORDER BY j.name_key, a.name"
        );
        let rows = self.scan(&statement!(LIST, self.tenant())).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                let authorization = shown(&mut c)?;
                Ok(GitAuthorizationLine { authorization, project: c.text()?, created_by: c.opt_text()? })
            })
            .collect()
    }

    /// The project's authorization of this name with its credential and its host, in one read. Of another project's, or of
    /// none, the same statement runs.
    pub async fn find_git_authorization(
        &self,
        project: Id,
        name: &str,
    ) -> Result<Option<FoundGitAuthorization>, StoreError> {
        const FIND: &str = concat!(
            "SELECT ",
            git_authorization_columns!(),
            ", a.access, a.access_by, a.refresh, a.refresh_by, ",
            git_host_columns!(),
            " FROM git_authorizations a JOIN git_hosts h ON h.id = a.host \
             WHERE a.project = $2 AND a.name = $3 AND a.tenant = $1"
        );
        let found = self.find(&statement!(FIND, self.tenant(), project, name)).await?;
        let Some(mut row) = found else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        let authorization = shown(&mut c)?;
        let tokens = GitTokens { access: c.sealed()?, refresh: c.opt_sealed()? };
        Ok(Some(FoundGitAuthorization { authorization, tokens, host: read(&mut c)? }))
    }

    /// Puts another credential in the place of the one of `new.generation`: the mode may change, the name stays, and
    /// whatever was wrong is forgotten. `old` ends the former one at its host.
    pub async fn replace_git_credential(
        &self,
        new: &NewGitCredential,
        old: Option<&NewGitRevocation>,
        note: &Note,
    ) -> Result<ChangeGitAuthorization, StoreError> {
        let NewGitCredential { id, project, host, account, .. } = new;
        let details = format!("git_host:{host}, {} of {}", account.token_type.name(), account.login);
        let mut verb = vec![
            replace(self.tenant(), new, note),
            self.authorization_changed("git_authorization.replace", *project, *id, details, note),
        ];
        verb.extend(old.map(|old| queue(self.tenant(), old, note.at, REVOKE, [(*id).into(), note.id.into()])));
        Ok(ChangeGitAuthorization::when(claimed(&self.run(verb).await?)))
    }

    /// Ends the authorization as it was read: it and its credential are gone from the answer on. `old` ends the
    /// credential at its host.
    pub async fn end_git_authorization(
        &self,
        ended: &GitAuthorization,
        old: Option<&NewGitRevocation>,
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
        verb.extend(old.map(|old| queue(self.tenant(), old, note.at, REVOKE, [(*id).into(), note.id.into()])));
        verb.push(statement!(REMOVE, id, self.tenant(), project, note.id));
        Ok(ChangeGitAuthorization::when(claimed(&self.run(verb).await?)))
    }

    /// Keeps what is wrong with an authorization as it was read, so that people see it. One that stands so already is left
    /// as it is. A credential that was put in its place meanwhile is not blamed (FM-130).
    pub async fn blame_git_authorization(
        &self,
        blamed: &GitAuthorization,
        trouble: GitTrouble,
        note: &Note,
    ) -> Result<ChangeGitAuthorization, StoreError> {
        const BLAME: &str = "UPDATE git_authorizations SET \
            status_since = CASE WHEN reason = $6 THEN status_since ELSE $7 END, \
            changed_by = CASE WHEN reason = $6 THEN changed_by ELSE $8 END, status = $5, reason = $6 \
            WHERE id = $1 AND tenant = $2 AND project = $3 AND generation = $4 RETURNING id";
        let GitAuthorization { id, project, name, generation, .. } = blamed;
        let (status, word) = (trouble.status().number(), trouble.name());
        let details = format!("{name}: {word}");
        let verb = vec![
            statement!(BLAME, id, self.tenant(), project, *generation, status, word, note.at, note.id),
            self.authorization_changed("git_authorization.blame", *project, *id, details, note),
        ];
        Ok(ChangeGitAuthorization::when(claimed(&self.run(verb).await?)))
    }

    fn authorization_changed(
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
    const fn when(done: bool) -> ChangeGitAuthorization {
        if done { ChangeGitAuthorization::Done } else { ChangeGitAuthorization::Changed }
    }
}

fn spelled(scopes: Option<&Vec<String>>) -> Option<String> {
    scopes.map(|scopes| scopes.join(" "))
}

/// The claim: of two of one name, one is inserted; and only while the host serves the project.
fn insert(tenant: i64, new: &NewGitAuthorization, note: &Note) -> Statement {
    const INSERT: &str = concat!(
        "INSERT INTO git_authorizations (id, tenant, project, name, host, tag, token_type, upstream_id, login, avatar, \
         home, scopes, access, access_by, access_ends_at, refresh, refresh_by, refresh_ends_at, status, status_since, \
         generation, created_by, created_at, updated_at, changed_by) \
         SELECT $1, $2, $3, $4, h.id, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 0, $19, 1, $20, $19, \
         $19, $21 FROM git_hosts h WHERE h.id = $5 AND h.tenant = $2 AND ",
        serves!("$3"),
        " AND (SELECT COUNT(*) FROM (SELECT a.id FROM git_authorizations a WHERE a.project = $3 LIMIT $22) n) < $22 \
         ON CONFLICT DO NOTHING RETURNING id"
    );
    let NewGitAuthorization { id, project, name, host, tag, account, tokens, person } = new;
    let (refresh, refresh_by) = SealedValue::columns(tokens.refresh.as_ref());
    statement!(
        INSERT,
        id,
        tenant,
        project,
        name,
        host,
        tag.as_deref(),
        account.token_type.name(),
        &account.upstream_id,
        &account.login,
        account.avatar.as_deref(),
        &account.home,
        spelled(account.scopes.as_ref()),
        tokens.access.bytes.as_slice(),
        tokens.access.key,
        account.access_ends_at,
        refresh,
        refresh_by,
        account.refresh_ends_at,
        note.at,
        person,
        note.id,
        MOST_GIT_AUTHORIZATIONS,
    )
}

/// The claim: of two that take one generation's place, one does; and only while the host serves the project.
fn replace(tenant: i64, new: &NewGitCredential, note: &Note) -> Statement {
    const REPLACE: &str = concat!(
        "UPDATE git_authorizations SET token_type = $6, upstream_id = $7, login = $8, avatar = $9, home = $10, \
         scopes = $11, access = $12, access_by = $13, access_ends_at = $14, refresh = $15, refresh_by = $16, \
         refresh_ends_at = $17, status = 0, reason = NULL, status_since = $18, generation = generation + 1, \
         updated_at = $18, changed_by = $19 \
         WHERE id = $1 AND tenant = $2 AND project = $3 AND host = $4 AND generation = $5 \
         AND EXISTS (SELECT 1 FROM git_hosts h WHERE h.id = git_authorizations.host AND ",
        serves!("git_authorizations.project"),
        ") RETURNING id"
    );
    let NewGitCredential { id, project, host, generation, account, tokens } = new;
    let (refresh, refresh_by) = SealedValue::columns(tokens.refresh.as_ref());
    statement!(
        REPLACE,
        id,
        tenant,
        project,
        host,
        *generation,
        account.token_type.name(),
        &account.upstream_id,
        &account.login,
        account.avatar.as_deref(),
        &account.home,
        spelled(account.scopes.as_ref()),
        tokens.access.bytes.as_slice(),
        tokens.access.key,
        account.access_ends_at,
        refresh,
        refresh_by,
        account.refresh_ends_at,
        note.at,
        note.id,
    )
}
