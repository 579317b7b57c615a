//! The way back from a Git host: a flow lands once and is taken once.
//!
//! Owns the two guarded verbs and what they compare: person, project, host configuration, tag, browser session and code
//! (statements 120 to 122). A refusal says for the trail why; callers hear one sentence for all of them. Talking to
//! the host comes after a flow was taken, and is the server's.

use crate::applications::claimed;
use crate::audit::{Event, Note};
use crate::git_flows::{GitFlow, Progress};
use crate::git_hosts::serves;
use crate::people::canonical;
use crate::projects::may_edit;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, MachineSecret};

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
    /// The person may no longer change what is in the project.
    NoEditor,
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
            GitFlowRefusal::NoEditor => "no_editor",
            GitFlowRefusal::LandedBefore => "landed_before",
            GitFlowRefusal::NotLanded => "not_landed",
            GitFlowRefusal::OtherCode => "other_code",
            GitFlowRefusal::Taken => "taken",
        }
    }
}

impl Store {
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
    /// Refusals are audited.
    pub async fn take_git_flow(
        &self,
        state: &MachineSecret,
        taking: &GitTaking<'_>,
        note: &Note,
    ) -> Result<TakeGitFlow, StoreError> {
        const CLAIM: &str = concat!(
            "UPDATE git_flows SET taken_at = $6, taken_by = $7 \
             WHERE id = $1 AND tenant = $2 AND person = $3 AND project = $4 AND code_digest = $5 \
             AND landed_at IS NOT NULL AND taken_at IS NULL AND expires_at > $6 \
             AND EXISTS (SELECT 1 FROM git_hosts h WHERE h.id = git_flows.host AND ",
            serves!("git_flows.project"),
            ") AND ",
            may_edit!("git_flows.project", "git_flows.person"),
            " RETURNING id"
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

    /// Why the flow of `state` is not to be taken, as [`Store::take_git_flow`] judges it; `None` if it may be. Nothing is taken.
    /// Refusals are audited.
    pub async fn judge_git_flow(
        &self,
        state: &MachineSecret,
        taking: &GitTaking<'_>,
        note: &Note,
    ) -> Result<Option<GitFlowRefusal>, StoreError> {
        let found = self.find_git_flow(state).await?;
        let refusal = found.map_or(Some(GitFlowRefusal::Unknown), |found| judge_taking(&found, taking, note.at));
        if let Some(refusal) = refusal {
            self.refused_git_flow("git_flow.take", state, refusal, note).await?;
        }
        Ok(refusal)
    }

    async fn refused_git_flow(
        &self,
        action: &'static str,
        state: &MachineSecret,
        refusal: GitFlowRefusal,
        note: &Note,
    ) -> Result<(), StoreError> {
        // Anybody can make up states that never were, as many as they like.
        if refusal == GitFlowRefusal::Unknown {
            return Ok(());
        }
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
        (!found.is_editor, GitFlowRefusal::NoEditor),
        (found.landed.is_none(), GitFlowRefusal::NotLanded),
        (!code.is_some_and(|code| code.matches(&taking.code)), GitFlowRefusal::OtherCode),
    ];
    rules.into_iter().find(|(broken, _)| *broken).map(|(_, refusal)| refusal)
}
