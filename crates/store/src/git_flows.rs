//! People on their way to a Git host: how a flow is opened, and what it is bound to.
//!
//! Owns the rows: person, project, host configuration, redirect address and tag (statements 120 to 122). What becomes of a
//! flow is `git_flow_steps`'s.

use crate::columns::Columns;
use crate::git_hosts::{GitHost, git_host_columns, read, serves};
use crate::projects::may_edit;
use crate::sealed::SealedValue;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, MachineSecret};

/// How long a flow may take, in milliseconds.
pub const GIT_FLOW_MS: i64 = 10 * 60_000;
/// Flows that one person may have under way in one project.
pub const MOST_GIT_FLOWS: i64 = 20;

/// A flow to open.
#[derive(Clone, Debug)]
pub struct NewGitFlow {
    /// The row, which the state names.
    pub id: Id,
    /// The digest of the state's secret.
    pub digest: Digest,
    /// Who begins it.
    pub person: Id,
    /// For which project.
    pub project: Id,
    /// At which host.
    pub host: Id,
    /// The tag by which the host was chosen.
    pub tag: Option<String>,
    /// Where the host is told to send them back to.
    pub redirect_uri: String,
    /// The code verifier, sealed for the row's column `git_flows.verifier` in the project's scope, where the host knows
    /// PKCE.
    pub verifier: Option<SealedValue>,
    /// The authorization that is to get another credential; none where a new one is to be kept.
    pub renews: Option<Id>,
}

/// What became of a flow to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenGitFlow {
    /// It is open for [`GIT_FLOW_MS`].
    Opened,
    /// The person has as many under way as they may.
    TooMany,
    /// The host does not serve the project, or the person may not change what is in it.
    NotServed,
}

/// A flow as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitFlow {
    /// The row.
    pub id: Id,
    /// For which project.
    pub project: Id,
    /// The project's name.
    pub project_name: String,
    /// At which host.
    pub host: GitHost,
    /// The tag by which the host was chosen.
    pub tag: Option<String>,
    /// Where the host was told to send the person back to.
    pub redirect_uri: String,
    /// The code verifier.
    pub verifier: Option<SealedValue>,
    /// The authorization that is to get another credential; none where a new one is to be kept.
    pub renews: Option<Id>,
    /// When it is over, in Unix milliseconds.
    pub expires_at: i64,
}

/// A flow's row: what never changes, and how far it is.
pub(crate) struct Progress {
    pub(crate) flow: GitFlow,
    pub(crate) person: Id,
    pub(crate) is_served: bool,
    pub(crate) is_editor: bool,
    pub(crate) landed: Option<(Option<Id>, Option<Digest>)>,
    pub(crate) is_taken: bool,
}

impl Store {
    /// Opens a flow.
    pub async fn open_git_flow(&self, new: &NewGitFlow, now: i64) -> Result<OpenGitFlow, StoreError> {
        // Takes the membership's row, so that each of several at once counts those before it, on PostgreSQL too.
        const TAKE: &str = "UPDATE project_members SET role = role WHERE project = $2 AND person = $3 AND tenant = $1 \
            RETURNING person";
        const INSERT: &str = concat!(
            "INSERT INTO git_flows (id, tenant, digest, person, project, host, tag, redirect_uri, verifier, verifier_by, \
             opened_at, expires_at, renews) SELECT $1, $2, $3, m.person, m.project, h.id, $7, $8, $9, $10, $11, $12, $14 \
             FROM project_members m JOIN git_hosts h ON h.id = $6 AND h.tenant = m.tenant \
             WHERE m.project = $5 AND m.person = $4 AND m.tenant = $2 AND ",
            serves!("$5"),
            " AND ",
            may_edit!("$5", "$4"),
            " AND (SELECT COUNT(*) FROM (SELECT f.id FROM git_flows f WHERE f.project = $5 AND f.person = $4 \
             AND f.expires_at > $11 AND f.taken_at IS NULL LIMIT $13) n) < $13 RETURNING id"
        );
        let NewGitFlow { id, digest, person, project, host, tag, redirect_uri, verifier, renews } = new;
        let (tenant, (sealed, sealed_by)) = (self.tenant(), SealedValue::columns(verifier.as_ref()));
        let insert = statement!(
            INSERT,
            id,
            tenant,
            digest,
            person,
            project,
            host,
            tag.as_deref(),
            redirect_uri,
            sealed,
            sealed_by,
            now,
            now + GIT_FLOW_MS,
            MOST_GIT_FLOWS,
            *renews,
        );
        let answers = self.run(vec![statement!(TAKE, tenant, project, person), insert]).await?;
        if answers.get(1).is_some_and(|rows| !rows.is_empty()) {
            return Ok(OpenGitFlow::Opened);
        }
        const SERVED: &str = concat!(
            "SELECT h.id FROM git_hosts h WHERE h.id = $3 AND h.tenant = $1 AND ",
            serves!("$2"),
            " AND ",
            may_edit!("$2", "$4")
        );
        let served = self.find(&statement!(SERVED, tenant, project, host, person)).await?;
        Ok(if served.is_some() { OpenGitFlow::TooMany } else { OpenGitFlow::NotServed })
    }

    pub(crate) async fn find_git_flow(&self, state: &MachineSecret) -> Result<Option<Progress>, StoreError> {
        const FIND: &str = concat!(
            "SELECT ",
            git_host_columns!(),
            ", f.id, f.digest, f.project, j.name, f.tag, f.redirect_uri, f.verifier, f.verifier_by, f.renews, f.expires_at, \
             f.person, f.landed_at, f.landed_session, f.code_digest, f.taken_at, ",
            serves!("f.project"),
            ", ",
            may_edit!("f.project", "f.person"),
            " FROM git_flows f JOIN git_hosts h ON h.id = f.host JOIN projects j ON j.id = f.project \
             WHERE f.id = $1 AND f.tenant = $2"
        );
        let Some(mut row) = self.find(&statement!(FIND, state.id(), self.tenant())).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        let (host, id, digest) = (read(&mut c)?, c.id()?, c.digest()?);
        let flow = GitFlow {
            id,
            project: c.id()?,
            project_name: c.text()?,
            host,
            tag: c.opt_text()?,
            redirect_uri: c.text()?,
            verifier: c.opt_sealed()?,
            renews: c.opt_id()?,
            expires_at: c.int()?,
        };
        let person = c.id()?;
        let (landed_at, session, code) = (c.opt_int()?, c.opt_id()?, c.opt_digest()?);
        let (is_taken, is_served, is_editor) = (c.opt_int()?.is_some(), c.flag()?, c.flag()?);
        let found =
            Progress { flow, person, is_served, is_editor, landed: landed_at.map(|_| (session, code)), is_taken };
        Ok(crate::presented::proven(state, &digest, found).ok())
    }
}
