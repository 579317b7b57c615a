//! Authorizations at Git hosts as they are read: what a project may do there, under a name, with a sealed credential.
//!
//! Owns the reads. Each names the project beside the name, so that nothing of another project is ever touched (FM-131).
//! Keeping and ending are `git_credentials`'s; how an authorization stands is told by `git_standing`; opening what is
//! sealed is the server's.

use crate::columns::Columns;
use crate::git_hosts::{GitHost, git_host_columns, read, serves};
use crate::git_refreshes::GitRefresh;
use crate::git_standing::{GitTrouble, Known};
use crate::sealed::SealedValue;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;

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
    /// Whether its project lets live tokens leave the house (FM-127).
    pub hands_out: bool,
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

/// A stored access token and whose it is.
#[derive(Clone, Debug)]
pub struct HeldGitToken {
    /// The authorization's row.
    pub id: Id,
    /// Its project, whose scope the token is sealed in.
    pub project: Id,
    /// The access token, sealed for the row's column `git_authorizations.access`.
    pub access: SealedValue,
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
            " THEN 1 ELSE 0 END, a.refresh_claim, a.refresh_since, a.refresh_until, a.refresh_doubt, a.refresh_after, \
             a.refresh_failed, a.generation, a.created_by, a.created_at, a.updated_at"
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
        refresh: GitRefresh::read(c)?,
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

impl Store {
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

    /// The authorizations of all projects, or of one, by project and then in the order of their names.
    pub async fn git_authorization_lines(&self, project: Option<Id>) -> Result<Vec<GitAuthorizationLine>, StoreError> {
        const LIST: &str = concat!(
            "SELECT ",
            git_authorization_columns!(),
            ", j.name, p.user_name FROM git_authorizations a JOIN git_hosts h ON h.id = a.host \
             JOIN projects j ON j.id = a.project LEFT JOIN people p ON p.id = a.created_by \
             WHERE a.tenant = $1 AND a.project = COALESCE($2, a.project) ORDER BY j.name_key, a.name"
        );
        let rows = self.scan(&statement!(LIST, self.tenant(), project)).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                let authorization = shown(&mut c)?;
                Ok(GitAuthorizationLine { authorization, project: c.text()?, created_by: c.opt_text()? })
            })
            .collect()
    }

    /// The access tokens of all authorizations at the host, `most` at a time in the order of their rows, those after `after`.
    pub async fn git_tokens_at(&self, host: Id, after: Option<Id>, most: i64) -> Result<Vec<HeldGitToken>, StoreError> {
        const HELD: &str = "SELECT id, project, access, access_by FROM git_authorizations \
            WHERE host = $2 AND tenant = $1 AND id > $3 ORDER BY id LIMIT $4";
        let after = after.unwrap_or(Id::from_bytes([0; 16]));
        let rows = self.scan(&statement!(HELD, self.tenant(), host, after, most)).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                Ok(HeldGitToken { id: c.id()?, project: c.id()?, access: c.sealed()? })
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
            ", a.access, a.access_by, a.refresh, a.refresh_by, CASE WHEN j.hands_out_at IS NULL THEN 0 ELSE 1 END, ",
            git_host_columns!(),
            " FROM git_authorizations a JOIN git_hosts h ON h.id = a.host JOIN projects j ON j.id = a.project \
             WHERE a.project = $2 AND a.name = $3 AND a.tenant = $1"
        );
        let found = self.find(&statement!(FIND, self.tenant(), project, name)).await?;
        let Some(mut row) = found else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        let authorization = shown(&mut c)?;
        let tokens = GitTokens { access: c.sealed()?, refresh: c.opt_sealed()? };
        let hands_out = c.flag()?;
        Ok(Some(FoundGitAuthorization { authorization, tokens, host: read(&mut c)?, hands_out }))
    }
}
