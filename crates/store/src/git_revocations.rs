//! Tokens that are to be ended at their host: kept in the very verb that ends an authorization, until the host has heard.
//!
//! Owns the rows and their lease, as `logout_notices` does for logouts: at least once, mostly once. The tokens stand here
//! sealed and nowhere else any more. Does not send.

use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::sealed::SealedValue;
use crate::{Statement, Store, StoreError, Value, statement};
use vestibule_oauth::id::Id;

/// Tokens to be ended.
#[derive(Clone, Debug)]
pub struct NewGitRevocation {
    /// The row.
    pub id: Id,
    /// Whose tokens they are: the project.
    pub project: Id,
    /// The name of the authorization, for the trail.
    pub name: String,
    /// At which host.
    pub host: Id,
    /// The access token, sealed for the row's column `git_revocations.access` in the project's scope.
    pub access: SealedValue,
    /// The refresh token, sealed for the row's column `git_revocations.refresh` in the project's scope.
    pub refresh: Option<SealedValue>,
}

/// A revocation that this claim may send.
#[derive(Clone, Debug)]
pub struct ClaimedGitRevocation {
    /// What is to be ended.
    pub revocation: NewGitRevocation,
    /// When the authorization ended, in Unix milliseconds.
    pub created_at: i64,
    /// How often it was claimed, this time included.
    pub attempts: i64,
    /// The claim, which every later verb repeats.
    pub claim: Id,
}

/// How a revocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitRevoked {
    /// The tokens are dead at the host.
    Revoked,
    /// The host said no, and would say so again.
    Refused,
    /// The kind knows no way to end a token.
    CannotBe,
    /// Another authorization holds the same token: the host had given it twice.
    StaysInUse,
    /// The host could not be reached for as long as we try.
    GivenUp,
    /// The tokens can no longer be read here.
    Unreadable,
}

impl GitRevoked {
    /// The outcome in the trail.
    pub const fn outcome(self) -> &'static str {
        match self {
            GitRevoked::Revoked => "done",
            GitRevoked::Refused => "refused",
            GitRevoked::CannotBe => "cannot_be",
            GitRevoked::StaysInUse => "in_use",
            GitRevoked::GivenUp => "given_up",
            GitRevoked::Unreadable => "unreadable",
        }
    }
}

/// What becomes of a credential at its host when it is no longer kept here.
#[derive(Clone, Debug)]
pub enum GitFarewell {
    /// Nothing: the host gave the same one again.
    StaysInUse,
    /// It is ended there as soon as the host can be reached.
    Queued(NewGitRevocation),
    /// It stays good there, and the trail says so.
    StaysAlive {
        /// The row of the trail.
        row: Id,
        /// Why it cannot be ended: the outcome.
        because: GitRevoked,
        /// Of which authorization, and the same in words.
        details: String,
    },
}

/// An INSERT of a revocation that happens only while `$guard` holds. The guard's own values are numbered from `$11`.
macro_rules! insert_revocation {
    ($guard:literal) => {
        concat!(
            "INSERT INTO git_revocations (id, tenant, project, host, name, access, access_by, refresh, refresh_by, \
             created_at, due_at, attempts) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, 0 WHERE ",
            $guard,
            " ON CONFLICT (id) DO NOTHING RETURNING id"
        )
    };
}
pub(crate) use insert_revocation;

/// The statement that queues `new`; `sql` comes from `insert_revocation!`, `guard` are its guard's values.
pub(crate) fn queue(
    tenant: i64,
    new: &NewGitRevocation,
    now: i64,
    sql: &'static str,
    guard: impl IntoIterator<Item = Value>,
) -> Statement {
    let NewGitRevocation { id, project, name, host, access, refresh } = new;
    let (refresh, refresh_by) = SealedValue::columns(refresh.as_ref());
    let bytes = access.bytes.as_slice();
    let mut queued = statement!(sql, id, tenant, project, host, name, bytes, access.key, refresh, refresh_by, now);
    queued.values.extend(guard);
    queued
}

impl Store {
    /// Queues tokens that were given to us and are not kept. Says whether they are queued now: not if the verb whose row of
    /// the trail is `verb` has kept them after all, whatever its caller heard of it.
    pub async fn queue_git_revocation(&self, new: &NewGitRevocation, verb: Id, now: i64) -> Result<bool, StoreError> {
        const INSERT: &str = insert_revocation!(
            "NOT EXISTS (SELECT 1 FROM git_authorizations WHERE project = $3 AND name = $5 AND changed_by = $11)"
        );
        // What such a verb locks: where the database still works at it, its end is waited for.
        const AWAIT_ADDING: &str = "UPDATE projects SET name = name WHERE id = $2 AND tenant = $1 RETURNING id";
        const AWAIT_REPLACING: &str = "UPDATE git_authorizations SET name = name \
            WHERE project = $2 AND name = $3 AND tenant = $1 RETURNING id";
        let answers = self.run(vec![
            statement!(AWAIT_ADDING, self.tenant(), new.project),
            statement!(AWAIT_REPLACING, self.tenant(), new.project, &new.name),
            queue(self.tenant(), new, now, INSERT, [verb.into()]),
        ]);
        Ok(answers.await?.last().is_some_and(|rows| !rows.is_empty()))
    }

    /// The hosts that have a revocation due at `now`. Walks over the host configurations, which are few.
    pub async fn due_git_revocations(&self, now: i64) -> Result<Vec<Id>, StoreError> {
        const DUE: &str = "SELECT h.id FROM git_hosts h WHERE h.tenant = $1 AND EXISTS \
            (SELECT 1 FROM git_revocations r WHERE r.host = h.id AND r.due_at <= $2)";
        let rows = self.scan(&statement!(DUE, self.tenant(), now)).await?;
        rows.iter().map(|row| row.id(0)).collect()
    }

    /// Claims up to `most` revocations at the host that are due at `now`, until `lease_ends_at`: once each, however many
    /// nodes come at once. `claim` is this verb's own id.
    pub async fn claim_git_revocations(
        &self,
        host: Id,
        claim: Id,
        now: i64,
        lease_ends_at: i64,
        most: i64,
    ) -> Result<Vec<ClaimedGitRevocation>, StoreError> {
        const CLAIM: &str = "UPDATE git_revocations SET claimed_by = $3, due_at = $5, attempts = attempts + 1 \
            WHERE id IN (SELECT r.id FROM git_revocations r WHERE r.host = $1 AND r.tenant = $2 AND r.due_at <= $4 \
                ORDER BY r.due_at LIMIT $6) \
            AND due_at <= $4 RETURNING id, project, name, host, access, access_by, refresh, refresh_by, created_at, attempts";
        let claiming = statement!(CLAIM, host, self.tenant(), claim, now, lease_ends_at, most);
        let rows = self.run(vec![claiming]).await?.into_iter().next().unwrap_or_default();
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                let revocation = NewGitRevocation {
                    id: c.id()?,
                    project: c.id()?,
                    name: c.text()?,
                    host: c.id()?,
                    access: c.sealed()?,
                    refresh: c.opt_sealed()?,
                };
                Ok(ClaimedGitRevocation { revocation, created_at: c.int()?, attempts: c.int()?, claim })
            })
            .collect()
    }

    /// Puts all revocations at the host off until `due_at` at least: it has asked for patience.
    pub async fn spare_git_host(&self, host: Id, due_at: i64) -> Result<(), StoreError> {
        const SPARE: &str = "UPDATE git_revocations SET due_at = $3 WHERE host = $1 AND tenant = $2 AND due_at < $3";
        self.run(vec![statement!(SPARE, host, self.tenant(), due_at)]).await.map(drop)
    }

    /// Puts a revocation off until `due_at`, if it is still this claim's.
    pub async fn defer_git_revocation(&self, claimed: &ClaimedGitRevocation, due_at: i64) -> Result<(), StoreError> {
        const DEFER: &str = "UPDATE git_revocations SET due_at = $4 WHERE id = $1 AND tenant = $2 AND claimed_by = $3";
        let defer = statement!(DEFER, claimed.revocation.id, self.tenant(), claimed.claim, due_at);
        self.run(vec![defer]).await.map(drop)
    }

    /// Ends a revocation, if it is still this claim's, and its tokens with it. Audited, with `how` it went.
    pub async fn settle_git_revocation(
        &self,
        claimed: &ClaimedGitRevocation,
        settled: GitRevoked,
        how: &str,
        note: &Note,
    ) -> Result<(), StoreError> {
        // Locked before it goes: once the row is gone nothing is left to repeat the claim on.
        const LOCK: &str = "UPDATE git_revocations SET attempts = attempts \
            WHERE id = $1 AND tenant = $2 AND claimed_by = $3 RETURNING id";
        const AUDIT: &str =
            audited!("EXISTS (SELECT 1 FROM git_revocations WHERE id = $11 AND tenant = $2 AND claimed_by = $12)");
        const REMOVE: &str = "DELETE FROM git_revocations WHERE id = $1 AND tenant = $2 AND claimed_by = $3";
        let (NewGitRevocation { id, project, name, host, .. }, claim) = (&claimed.revocation, claimed.claim);
        let event = Event {
            action: "git_authorization.revoke",
            target: format!("project:{project}"),
            outcome: settled.outcome(),
            details: format!("{name}, git_host:{host}, attempt {}: {how}", claimed.attempts),
        };
        let verb = vec![
            statement!(LOCK, id, self.tenant(), claim),
            audit::row(self, note, event, AUDIT, vec![id.into(), claim.into()]),
            statement!(REMOVE, id, self.tenant(), claim),
        ];
        self.run(verb).await.map(drop)
    }
}
