//! People on their way to a Git host and back: opened, landed once, taken once.
//!
//! Owns the guarded verbs and what a flow is bound to: person, project, host configuration, redirect address, tag, browser
//! session and code (statements 120 to 122). A refusal says for the trail why; callers hear one sentence for all of
//! them. Talking to the host comes after a flow was taken, and is the server's.

use crate::applications::claimed;
use crate::audit::{Event, Note};
use crate::columns::Columns;
use crate::git_hosts::{GitHost, git_host_columns, read, serves};
use crate::people::canonical;
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
}

/// What became of a flow to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenGitFlow {
    /// It is open for [`GIT_FLOW_MS`].
    Opened,
    /// The person has as many under way as they may.
    TooMany,
    /// The host does not serve the project, or the person is not in it.
    NotServed,
}

/// Somebody who comes back from a host with a code.
#[derive(Clone, Debug)]
pub struct GitLanding {
    /// Who is signed in in this browser.
    pub person: Id,
    /// In which session (its root).
    pub session: Id,
    /// The host configuration whose address they came to.
    pub host: Id,
    /// The digest of the code.
    pub code: Digest,
}

/// Somebody who wants a landed flow's code traded.
#[derive(Clone, Debug)]
pub struct GitTaking<'a> {
    /// Who.
    pub person: Id,
    /// In which project.
    pub project: Id,
    /// The kind of the host, or the configuration's name, as they named it.
    pub kind_or_name: &'a str,
    /// The tag, if they sent one.
    pub tag: Option<&'a str>,
    /// The digest of the code that they bring.
    pub code: Digest,
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
    /// When it is over, in Unix milliseconds.
    pub expires_at: i64,
}

/// What became of a landing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LandGitFlow {
    /// It landed now.
    Landed(Box<GitFlow>),
    /// It had landed before, in the same session with the same code: the page was called up again.
    Again(Box<GitFlow>),
    /// It did not.
    Refused(GitFlowRefusal),
}

/// What became of a taking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeGitFlow {
    /// Its code may be traded now, by this caller and nobody else.
    Taken(Box<GitFlow>),
    /// Nothing may be sent to the host.
    Refused(GitFlowRefusal),
}

/// Why a flow neither lands nor is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitFlowRefusal {
    /// There is none of this state.
    Unknown,
    /// Its time is over.
    Over,
    /// Somebody else began it.
    OtherPerson,
    /// It is another project's.
    OtherProject,
    /// It belongs to another host configuration, or a host of another kind was named.
    OtherHost,
    /// It was begun with another tag.
    OtherTag,
    /// The host no longer serves the project.
    NotServed,
    /// It landed before, with another code or in another session.
    LandedBefore,
    /// It has not landed.
    NotLanded,
    /// It landed with another code.
    OtherCode,
    /// It was taken before.
    Taken,
}

impl GitFlowRefusal {
    /// The word in the trail.
    pub const fn name(self) -> &'static str {
        match self {
            GitFlowRefusal::Unknown => "unknown",
            GitFlowRefusal::Over => "over",
            GitFlowRefusal::OtherPerson => "other_person",
            GitFlowRefusal::OtherProject => "other_project",
            GitFlowRefusal::OtherHost => "other_host",
            GitFlowRefusal::OtherTag => "other_tag",
            GitFlowRefusal::NotServed => "not_served",
            GitFlowRefusal::LandedBefore => "landed_before",
            GitFlowRefusal::NotLanded => "not_landed",
            GitFlowRefusal::OtherCode => "other_code",
            GitFlowRefusal::Taken => "taken",
        }
    }
}

/// A flow's row: what never changes, and how far it is.
struct Progress {
    flow: GitFlow,
    person: Id,
    is_served: bool,
    landed: Option<(Option<Id>, Option<Digest>)>,
    is_taken: bool,
}

impl Store {
    /// Opens a flow.
    pub async fn open_git_flow(&self, new: &NewGitFlow, now: i64) -> Result<OpenGitFlow, StoreError> {
        // Takes the membership's row, so that each of several at once counts those before it, on PostgreSQL too.
        const TAKE: &str = "UPDATE project_members SET role = role WHERE project = $2 AND person = $3 AND tenant = $1 \
            RETURNING person";
        const INSERT: &str = concat!(
            "INSERT INTO git_flows (id, tenant, digest, person, project, host, tag, redirect_uri, verifier, verifier_by, \
             opened_at, expires_at) SELECT $1, $2, $3, m.person, m.project, h.id, $7, $8, $9, $10, $11, $12 \
             FROM project_members m JOIN git_hosts h ON h.id = $6 AND h.tenant = m.tenant \
             WHERE m.project = $5 AND m.person = $4 AND m.tenant = $2 AND ",
            serves!("$5"),
            " AND (SELECT COUNT(*) FROM (SELECT f.id FROM git_flows f WHERE f.project = $5 AND f.person = $4 \
             AND f.expires_at > $11 AND f.taken_at IS NULL LIMIT $13) p) < $13 RETURNING id"
        );
        let NewGitFlow { id, digest, person, project, host, tag, redirect_uri, verifier } = new;
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
        );
        let answers = self.run(vec![statement!(TAKE, tenant, project, person), insert]).await?;
        if answers.get(1).is_some_and(|rows| !rows.is_empty()) {
            return Ok(OpenGitFlow::Opened);
        }
        const SERVED: &str = concat!(
            "SELECT h.id FROM git_hosts h JOIN project_members m ON m.project = $2 AND m.person = $4 \
             WHERE h.id = $3 AND h.tenant = $1 AND ",
            serves!("$2")
        );
        let served = self.find(&statement!(SERVED, tenant, project, host, person)).await?;
        Ok(if served.is_some() { OpenGitFlow::TooMany } else { OpenGitFlow::NotServed })
    }

    /// Lets the flow of `state` land: once, only for the person who began it, at the address of its own host
    /// configuration. Refusals are audited.
    pub async fn land_git_flow(
        &self,
        state: &MachineSecret,
        landing: &GitLanding,
        note: &Note,
    ) -> Result<LandGitFlow, StoreError> {
        const CLAIM: &str = concat!(
            "UPDATE git_flows SET landed_at = $6, landed_by = $7, landed_session = $5, code_digest = $8 \
             WHERE id = $1 AND tenant = $2 AND person = $3 AND host = $4 AND landed_at IS NULL AND taken_at IS NULL \
             AND expires_at > $6 AND EXISTS (SELECT 1 FROM git_hosts h WHERE h.id = git_flows.host AND ",
            serves!("git_flows.project"),
            ") RETURNING id"
        );
        let judged = |found: &Progress| judge_landing(found, landing, note.at);
        let mut found = self.find_git_flow(state).await?;
        if found.as_ref().is_some_and(|found| judged(found).is_none()) {
            let GitLanding { person, session, host, code } = landing;
            let claim = statement!(CLAIM, state.id(), self.tenant(), person, host, session, note.at, note.id, code);
            if claimed(&self.run(vec![claim]).await?)
                && let Some(found) = found
            {
                return Ok(LandGitFlow::Landed(Box::new(found.flow)));
            }
            // Somebody was faster, or something changed in between: it is told from the row.
            found = self.find_git_flow(state).await?;
        }
        let (refusal, flow) = match found {
            Some(found) => (judged(&found).unwrap_or(GitFlowRefusal::LandedBefore), Some(found)),
            None => (GitFlowRefusal::Unknown, None),
        };
        if let (GitFlowRefusal::LandedBefore, Some(found)) = (refusal, flow)
            && let Some((session, code)) = &found.landed
            && *session == Some(landing.session)
            && code.as_ref().is_some_and(|code| code.matches(&landing.code))
        {
            return Ok(LandGitFlow::Again(Box::new(found.flow)));
        }
        self.refused_git_flow("git_flow.land", state, refusal, note).await?;
        Ok(LandGitFlow::Refused(refusal))
    }

    /// Takes the landed flow of `state`: once, for the person who began it, in its project, with the code that landed.
    /// The sealed verifier leaves the row with it. Refusals are audited.
    pub async fn take_git_flow(
        &self,
        state: &MachineSecret,
        taking: &GitTaking<'_>,
        note: &Note,
    ) -> Result<TakeGitFlow, StoreError> {
        const CLAIM: &str = concat!(
            "UPDATE git_flows SET taken_at = $6, taken_by = $7, verifier = NULL, verifier_by = NULL \
             WHERE id = $1 AND tenant = $2 AND person = $3 AND project = $4 AND code_digest = $5 \
             AND landed_at IS NOT NULL AND taken_at IS NULL AND expires_at > $6 \
             AND EXISTS (SELECT 1 FROM git_hosts h WHERE h.id = git_flows.host AND ",
            serves!("git_flows.project"),
            ") RETURNING id"
        );
        let judged = |found: &Progress| judge_taking(found, taking, note.at);
        let mut found = self.find_git_flow(state).await?;
        if found.as_ref().is_some_and(|found| judged(found).is_none()) {
            let GitTaking { person, project, code, .. } = taking;
            let claim = statement!(CLAIM, state.id(), self.tenant(), person, project, code, note.at, note.id);
            if claimed(&self.run(vec![claim]).await?)
                && let Some(found) = found
            {
                return Ok(TakeGitFlow::Taken(Box::new(found.flow)));
            }
            found = self.find_git_flow(state).await?;
        }
        let refusal = found.map_or(GitFlowRefusal::Unknown, |found| judged(&found).unwrap_or(GitFlowRefusal::Taken));
        self.refused_git_flow("git_flow.take", state, refusal, note).await?;
        Ok(TakeGitFlow::Refused(refusal))
    }

    async fn find_git_flow(&self, state: &MachineSecret) -> Result<Option<Progress>, StoreError> {
        const FIND: &str = concat!(
            "SELECT ",
            git_host_columns!(),
            ", f.id, f.digest, f.project, j.name, f.tag, f.redirect_uri, f.verifier, f.verifier_by, f.expires_at, \
             f.person, f.landed_at, f.landed_session, f.code_digest, f.taken_at, ",
            serves!("f.project"),
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
            expires_at: c.int()?,
        };
        let person = c.id()?;
        let (landed_at, session, code) = (c.opt_int()?, c.opt_id()?, c.opt_digest()?);
        let (is_taken, is_served) = (c.opt_int()?.is_some(), c.flag()?);
        let found = Progress { flow, person, is_served, landed: landed_at.map(|_| (session, code)), is_taken };
        Ok(crate::presented::proven(state, &digest, found).ok())
    }

    async fn refused_git_flow(
        &self,
        action: &'static str,
        state: &MachineSecret,
        refusal: GitFlowRefusal,
        note: &Note,
    ) -> Result<(), StoreError> {
        let (target, details) = (format!("git_flow:{}", state.id()), refusal.name().to_owned());
        self.keep_event(note, Event { action, target, outcome: "refused", details }).await
    }
}

/// Why `landing` must not go on; `None` if it may. What it compares never changes in a row, but for its progress, which the
/// claim asks for again.
fn judge_landing(found: &Progress, landing: &GitLanding, now: i64) -> Option<GitFlowRefusal> {
    let rules = [
        (found.person != landing.person, GitFlowRefusal::OtherPerson),
        (found.flow.host.id != landing.host, GitFlowRefusal::OtherHost),
        (found.is_taken, GitFlowRefusal::Taken),
        (found.flow.expires_at <= now, GitFlowRefusal::Over),
        (!found.is_served, GitFlowRefusal::NotServed),
        (found.landed.is_some(), GitFlowRefusal::LandedBefore),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, refusal)| refusal)
}

/// As [`judge_landing`], for `taking`.
fn judge_taking(found: &Progress, taking: &GitTaking, now: i64) -> Option<GitFlowRefusal> {
    let (flow, asked) = (&found.flow, canonical(taking.kind_or_name));
    let same_host = flow.host.kind == asked || canonical(&flow.host.name) == asked;
    let code = found.landed.as_ref().and_then(|(_, code)| code.as_ref());
    let rules = [
        (found.person != taking.person, GitFlowRefusal::OtherPerson),
        (flow.project != taking.project, GitFlowRefusal::OtherProject),
        (!same_host, GitFlowRefusal::OtherHost),
        (taking.tag.is_some() && taking.tag != flow.tag.as_deref(), GitFlowRefusal::OtherTag),
        (found.is_taken, GitFlowRefusal::Taken),
        (flow.expires_at <= now, GitFlowRefusal::Over),
        (!found.is_served, GitFlowRefusal::NotServed),
        (found.landed.is_none(), GitFlowRefusal::NotLanded),
        (!code.is_some_and(|code| code.matches(&taking.code)), GitFlowRefusal::OtherCode),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, refusal)| refusal)
}
