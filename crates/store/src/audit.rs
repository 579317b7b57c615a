//! The audit trail: what happened to security, who did it and how it ended.
//!
//! Owns the rows and how a verb adds one to itself. Does not decide what is worth a row: each verb does, for security
//! events and not for each token.

use crate::columns::Columns;
use crate::{Statement, Store, StoreError, Value};
use vestibule_oauth::id::Id;

/// What the caller knows about an act that may be audited.
#[derive(Clone, Debug)]
pub struct Note {
    /// The row that it gets.
    pub id: Id,
    /// When, in Unix milliseconds.
    pub at: i64,
    /// Who acts, for example `person:42`, `application:app_…`, `command-line`, `nobody`.
    pub actor: String,
    /// The request that it belongs to, if there is one.
    pub request_id: Option<String>,
}

/// What happened, in the words of the verb that it happened in.
#[derive(Clone, Debug)]
pub struct Event {
    /// The act, `noun.verb`.
    pub action: &'static str,
    /// What was acted upon, for example `person:42`.
    pub target: String,
    /// How it ended: `done`, `refused`, ….
    pub outcome: &'static str,
    /// What else is worth knowing; never a secret (FM-107).
    pub details: String,
}

/// A row of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// The row.
    pub id: Id,
    /// When, in Unix milliseconds.
    pub at: i64,
    /// On which node.
    pub node: String,
    /// Who acted.
    pub actor: String,
    /// The act.
    pub action: String,
    /// What was acted upon.
    pub target: String,
    /// How it ended.
    pub outcome: String,
    /// The request.
    pub request_id: Option<String>,
    /// What else is known.
    pub details: String,
}

/// The text of an INSERT into the trail that happens only while `$guard` holds. The guard's own values are numbered
/// from `$11`; `$1` to `$10` are those of [`row`].
macro_rules! audited {
    ($($guard:expr),+) => {
        concat!(
            "INSERT INTO audit (id, tenant, at, node, actor, action, target, outcome, request_id, details) ",
            "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 WHERE ",
            $($guard,)+
            " ON CONFLICT (id) DO NOTHING"
        )
    };
}
pub(crate) use audited;

/// The statement that adds `event` to the trail; `sql` comes from `audited!`, `guard` are its guard's values.
pub(crate) fn row(store: &Store, note: &Note, event: Event, sql: &'static str, guard: Vec<Value>) -> Statement {
    let mut values = vec![
        note.id.into(),
        store.tenant().into(),
        note.at.into(),
        store.node().into(),
        note.actor.as_str().into(),
        event.action.into(),
        event.target.into(),
        event.outcome.into(),
        note.request_id.clone().into(),
        event.details.into(),
    ];
    values.extend(guard);
    Statement::new(sql, values)
}

impl Store {
    /// Adds `event` to the trail in a verb of its own: for what changes nothing else, such as a failed sign-in.
    ///
    /// A second row with the same `note.id` is dropped, so that an id derived from what happened keeps one row of it.
    pub async fn keep_event(&self, note: &Note, event: Event) -> Result<(), StoreError> {
        self.run(vec![row(self, note, event, audited!("1 = 1"), vec![])]).await.map(drop)
    }

    /// The newest `limit` rows of the trail, newest first.
    pub async fn list_audit(&self, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
        const SQL: &str = "SELECT id, at, node, actor, action, target, outcome, request_id, details FROM audit \
             WHERE tenant = $1 ORDER BY at DESC, id DESC LIMIT $2";
        let rows = self.scan(&Statement::new(SQL, vec![self.tenant().into(), limit.into()])).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                Ok(AuditRow {
                    id: c.id()?,
                    at: c.int()?,
                    node: c.text()?,
                    actor: c.text()?,
                    action: c.text()?,
                    target: c.text()?,
                    outcome: c.text()?,
                    request_id: c.opt_text()?,
                    details: c.text()?,
                })
            })
            .collect()
    }
}
