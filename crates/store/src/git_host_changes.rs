//! Host configurations as an administrator changes them: adding, secrets, switching off and on, which projects they serve.
//!
//! Owns the guarded verbs. Whatever hangs on a host asks for its row at each use, so a change counts from its answer on.
//! Does not judge what may be registered (the server's `admin::git_hosts`).

use crate::applications::{Change, claimed};
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::data_keys::DEPLOYMENT;
use crate::git_hosts::{GitHost, git_host_columns, read};
use crate::people::canonical;
use crate::sealed::SealedValue;
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// What became of a host configuration to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddGitHost {
    /// It was added.
    Added,
    /// Another one of the deployment, or of the same project, has this name.
    NameTaken,
}

/// What became of a client secret to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetGitHostSecret {
    /// It stands.
    Set,
    /// There is no host of this id.
    NotFound,
    /// Another client id is another application: what the former one was given could no longer be ended, and something of
    /// it is left.
    InUse,
}

/// A host configuration as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHostLine {
    /// The configuration.
    pub host: GitHost,
    /// Its project's name; none where it is the deployment's.
    pub project: Option<String>,
    /// How many projects it serves.
    pub projects: i64,
    /// How many authorizations hang on it.
    pub authorizations: i64,
}

/// A row of the trail for the verb that changed a host last.
const HOST_CHANGED: &str =
    audited!("EXISTS (SELECT 1 FROM git_hosts WHERE id = $11 AND tenant = $2 AND changed_by = $1)");
/// A row of the trail for the verb that changed last whether a host serves a project.
const TICK_CHANGED: &str =
    audited!("EXISTS (SELECT 1 FROM git_host_projects WHERE host = $11 AND project = $12 AND changed_by = $1)");

impl Store {
    /// Adds a host configuration; of two with one name in one scope, one wins. `disabled_at` and `created_at` of `new` are
    /// not looked at.
    pub async fn add_git_host(&self, new: &GitHost, note: &Note) -> Result<AddGitHost, StoreError> {
        const INSERT: &str = "INSERT INTO git_hosts (id, tenant, scope, name, name_key, kind, web, client_id, secret, \
            secret_by, scopes, tags, default_at, created_at, changed_by) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING RETURNING id";
        let GitHost { id, name, kind, web, client_id, secret, scopes, tags, default_at, .. } = new;
        let (sealed, sealed_by) = SealedValue::columns(secret.as_ref());
        let insert = statement!(
            INSERT,
            id,
            self.tenant(),
            new.scope(),
            name,
            canonical(name),
            kind,
            web,
            client_id.as_deref(),
            sealed,
            sealed_by,
            scopes.join(" "),
            tags.join(" "),
            *default_at,
            note.at,
            note.id,
        );
        let whose = new.project.map_or_else(|| "of the deployment".to_owned(), |project| format!("project:{project}"));
        let details = format!("{name}, {kind} at {web}, {whose}");
        let verb = vec![insert, self.host_changed("git_host.add", *id, details, note)];
        Ok(if claimed(&self.run(verb).await?) { AddGitHost::Added } else { AddGitHost::NameTaken })
    }

    /// The row of the configuration of this name: of the project `project`, or of the deployment.
    pub async fn find_git_host_named(&self, project: Option<Id>, name: &str) -> Result<Option<Id>, StoreError> {
        const FIND: &str = "SELECT id FROM git_hosts WHERE tenant = $1 AND scope = $2 AND name_key = $3";
        let scope = project.unwrap_or(DEPLOYMENT);
        let row = self.find(&statement!(FIND, self.tenant(), scope, canonical(name))).await?;
        row.map(|row| row.id(0)).transpose()
    }

    /// All host configurations: the deployment's first, then by project, each in the order of their names.
    pub async fn list_git_hosts(&self) -> Result<Vec<GitHostLine>, StoreError> {
        const LIST: &str = concat!(
            "SELECT ",
            git_host_columns!(),
            ", j.name, (SELECT COUNT(*) FROM git_host_projects t WHERE t.host = h.id), \
             (SELECT COUNT(*) FROM git_authorizations a WHERE a.host = h.id) \
             FROM git_hosts h LEFT JOIN projects j ON j.id = h.scope AND j.tenant = h.tenant WHERE h.tenant = $1 \
             ORDER BY CASE WHEN j.name IS NULL THEN 0 ELSE 1 END, j.name_key, h.name_key"
        );
        let rows = self.scan(&statement!(LIST, self.tenant())).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                let (host, project) = (read(&mut c)?, c.opt_text()?);
                let projects = c.int()?.max(i64::from(project.is_some()));
                Ok(GitHostLine { host, project, projects, authorizations: c.int()? })
            })
            .collect()
    }

    /// The names of the projects for which a host of the deployment's is ticked.
    pub async fn git_host_projects(&self, host: Id) -> Result<Vec<String>, StoreError> {
        const LIST: &str = "SELECT j.name FROM git_host_projects t JOIN projects j ON j.id = t.project \
            WHERE t.host = $2 AND t.tenant = $1 ORDER BY j.name_key";
        let rows = self.scan(&statement!(LIST, self.tenant(), host)).await?;
        rows.into_iter().map(|mut row| row.take_text(0)).collect()
    }

    /// Gives the host another client secret, and another client id (where one is given) while nothing hangs on it.
    pub async fn set_git_host_secret(
        &self,
        host: Id,
        client_id: Option<&str>,
        secret: &SealedValue,
        note: &Note,
    ) -> Result<SetGitHostSecret, StoreError> {
        const SET: &str = "UPDATE git_hosts SET client_id = COALESCE($3, client_id), secret = $4, secret_by = $5, \
            changed_by = $6 WHERE id = $1 AND tenant = $2 AND (COALESCE($3, client_id) = client_id OR ( \
            NOT EXISTS (SELECT 1 FROM git_authorizations a WHERE a.host = $1 AND a.token_type <> 'personal') \
            AND NOT EXISTS (SELECT 1 FROM git_revocations r WHERE r.host = $1))) RETURNING id";
        let set = statement!(SET, host, self.tenant(), client_id, secret.bytes.as_slice(), secret.key, note.id);
        let details = client_id.map(|id| format!("client id {id}")).unwrap_or_default();
        Ok(match self.change_host(set, "git_host.set_secret", host, details, note).await? {
            Change::Done => SetGitHostSecret::Set,
            Change::NotFound if self.find_git_host(host).await?.is_some() => SetGitHostSecret::InUse,
            Change::NotFound => SetGitHostSecret::NotFound,
        })
    }

    /// Switches the host off or on. While it is off it serves nobody: no authorization of it is handed out, and none is
    /// made. One that stands so already is left as it is.
    pub async fn set_git_host_enabled(&self, host: Id, enabled: bool, note: &Note) -> Result<Change, StoreError> {
        const SET: &str = "UPDATE git_hosts SET disabled_at = $3, \
            changed_by = CASE WHEN (disabled_at IS NULL) = ($3 IS NULL) THEN changed_by ELSE $4 END \
            WHERE id = $1 AND tenant = $2 RETURNING id";
        let set = statement!(SET, host, self.tenant(), (!enabled).then_some(note.at), note.id);
        let action = if enabled { "git_host.enable" } else { "git_host.disable" };
        self.change_host(set, action, host, String::new(), note).await
    }

    /// Makes the host the default of its kind: where callers name the kind only, it is meant.
    pub async fn make_git_host_default(&self, host: Id, note: &Note) -> Result<Change, StoreError> {
        const SET: &str =
            "UPDATE git_hosts SET default_at = $3, changed_by = $4 WHERE id = $1 AND tenant = $2 RETURNING id";
        let set = statement!(SET, host, self.tenant(), note.at, note.id);
        self.change_host(set, "git_host.make_default", host, String::new(), note).await
    }

    /// Lets a host of the deployment's serve a project. `NotFound` when it is no such host, or there is no such project.
    /// Doing it twice is doing it once.
    pub async fn tick_git_host(&self, host: Id, project: Id, note: &Note) -> Result<Change, StoreError> {
        const TICK: &str = "INSERT INTO git_host_projects (tenant, project, host, ticked_at, changed_by) \
            SELECT $1, j.id, h.id, $4, $5 FROM git_hosts h JOIN projects j ON j.tenant = h.tenant \
            WHERE h.tenant = $1 AND h.id = $2 AND h.scope = $6 AND j.id = $3 \
            ON CONFLICT (project, host) DO UPDATE SET ticked_at = git_host_projects.ticked_at RETURNING host";
        let event = event("git_host.tick", host, format!("project:{project}"));
        let verb = vec![
            statement!(TICK, self.tenant(), host, project, note.at, note.id, DEPLOYMENT),
            audit::row(self, note, event, TICK_CHANGED, vec![host.into(), project.into()]),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    /// Takes a host of the deployment's away from a project: what the project has there is held back from the answer on.
    /// `NotFound` when it did not serve it.
    pub async fn untick_git_host(&self, host: Id, project: Id, note: &Note) -> Result<Change, StoreError> {
        // Once the row is gone nothing is left to repeat the claim on, so it is claimed and deleted in two steps.
        const CLAIM: &str = "UPDATE git_host_projects SET changed_by = $4 \
            WHERE tenant = $1 AND host = $2 AND project = $3 RETURNING host";
        const REMOVE: &str =
            "DELETE FROM git_host_projects WHERE tenant = $1 AND host = $2 AND project = $3 AND changed_by = $4";
        let event = event("git_host.untick", host, format!("project:{project}"));
        let verb = vec![
            statement!(CLAIM, self.tenant(), host, project, note.id),
            audit::row(self, note, event, TICK_CHANGED, vec![host.into(), project.into()]),
            statement!(REMOVE, self.tenant(), host, project, note.id),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    async fn change_host(
        &self,
        claim: Statement,
        action: &'static str,
        host: Id,
        details: String,
        note: &Note,
    ) -> Result<Change, StoreError> {
        let verb = vec![claim, self.host_changed(action, host, details, note)];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    fn host_changed(&self, action: &'static str, host: Id, details: String, note: &Note) -> Statement {
        audit::row(self, note, event(action, host, details), HOST_CHANGED, vec![host.into()])
    }
}

fn event(action: &'static str, host: Id, details: String) -> Event {
    Event { action, target: format!("git_host:{host}"), outcome: "done", details }
}
