//! Sweeping: rows whose time is over go in small batches, each a verb of its own, so that the writer never stalls.
//!
//! Owns what may go when. A row goes an hour after its end, so that nodes whose clocks differ do not meet over it.

use crate::{Store, StoreError, Verb, statement};

/// How long a row outlives its end, in milliseconds: far more than nodes' clocks may differ. So what was made later than
/// that ago and is not there never was.
pub const MARGIN_MS: i64 = 3_600_000;

const DAY_MS: i64 = 86_400_000;
/// How long the trail keeps a refused sign-in and a refused way back from a Git host, in milliseconds: anybody can make such
/// rows, as many as they like.
pub const REFUSED_STAY_MS: i64 = 30 * DAY_MS;
/// How long the trail keeps everything else, in milliseconds: a year, and time to look at it.
pub const TRAIL_STAYS_MS: i64 = 400 * DAY_MS;

/// What is swept at once: one table, or a few that belong together.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// How long its rows outlive their end, in milliseconds.
    stays_ms: i64,
    /// `$1` is the moment before which a row must have ended, `$2` how many may go, `$3` the tenant where there is one.
    /// They find their rows by an index and walk no further than the batch.
    sqls: &'static [&'static str],
    /// Whether the table's index begins with the tenant.
    of_tenant: bool,
}

const fn over(sqls: &'static [&'static str]) -> Sweep {
    Sweep { stays_ms: MARGIN_MS, sqls, of_tenant: false }
}

const fn old(stays_ms: i64, sqls: &'static [&'static str]) -> Sweep {
    Sweep { stays_ms, sqls, of_tenant: true }
}

/// Everything that is swept.
pub const SWEEPS: [Sweep; 18] = [
    over(&["DELETE FROM authorizations WHERE id IN (SELECT z.id FROM authorizations z WHERE z.expires_at < $1 \
         ORDER BY z.expires_at LIMIT $2) RETURNING id"]),
    over(&["DELETE FROM tokens WHERE id IN (SELECT t.id FROM tokens t WHERE t.expires_at < $1 \
         ORDER BY t.expires_at LIMIT $2) RETURNING id"]),
    GRANTS,
    SESSIONS,
    over(&["DELETE FROM session_applications WHERE (session, application) IN (SELECT v.session, v.application \
         FROM session_applications v WHERE v.kept_until < $1 ORDER BY v.kept_until LIMIT $2) RETURNING session"]),
    // Those that nobody settled, because their application was removed.
    Sweep {
        stays_ms: 2 * DAY_MS,
        sqls: &["DELETE FROM logout_notices WHERE (event, session, application) IN \
             (SELECT n.event, n.session, n.application FROM logout_notices n WHERE n.created_at < $1 \
             ORDER BY n.created_at LIMIT $2) RETURNING event"],
        of_tenant: false,
    },
    over(&["DELETE FROM git_flows WHERE id IN (SELECT f.id FROM git_flows f WHERE f.expires_at < $1 \
         ORDER BY f.expires_at LIMIT $2) RETURNING id"]),
    over(&["DELETE FROM setup_links WHERE id IN (SELECT z.id FROM setup_links z WHERE z.expires_at < $1 \
         ORDER BY z.expires_at LIMIT $2) RETURNING id"]),
    over(&["DELETE FROM client_secrets WHERE id IN (SELECT s.id FROM client_secrets s \
         WHERE s.ends_at IS NOT NULL AND s.ends_at < $1 ORDER BY s.ends_at LIMIT $2) RETURNING id"]),
    // No window and no wait is as long as the margin.
    over(&[
        "DELETE FROM guesses WHERE (tenant, key) IN (SELECT k.tenant, k.key FROM guesses k WHERE k.updated_at < $1 \
         ORDER BY k.updated_at LIMIT $2) RETURNING failures",
    ]),
    over(&[
        "DELETE FROM access_key_failures WHERE (tenant, key) IN (SELECT k.tenant, k.key FROM access_key_failures k \
         WHERE k.updated_at < $1 ORDER BY k.updated_at LIMIT $2) RETURNING failures",
    ]),
    over(&["DELETE FROM project_tokens WHERE id IN (SELECT t.id FROM project_tokens t WHERE t.expires_at < $1 \
         ORDER BY t.expires_at LIMIT $2) RETURNING id"]),
    over(&["DELETE FROM devices WHERE (person, browser) IN (SELECT d.person, d.browser FROM devices d \
         WHERE d.ends_at < $1 ORDER BY d.ends_at LIMIT $2) RETURNING person"]),
    // CROSS JOIN keeps SQLite from walking all that was ever kept in search of what was removed.
    over(&["DELETE FROM consents WHERE (person, application) IN (SELECT c.person, c.application \
         FROM removed_applications r CROSS JOIN consents c WHERE c.application = r.id AND r.removed_at < $1 LIMIT $2) \
         RETURNING person"]),
    over(&["DELETE FROM older_forms WHERE (application, form, day) IN (SELECT f.application, f.form, f.day \
         FROM removed_applications r CROSS JOIN older_forms f WHERE f.application = r.id AND r.removed_at < $1 LIMIT $2) \
         RETURNING application"]),
    over(&[
        "DELETE FROM removed_applications WHERE id IN (SELECT r.id FROM removed_applications r WHERE r.removed_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM consents c WHERE c.application = r.id) \
         AND NOT EXISTS (SELECT 1 FROM older_forms f WHERE f.application = r.id) LIMIT $2) RETURNING id",
    ]),
    old(
        REFUSED_STAY_MS,
        &["DELETE FROM audit WHERE id IN (SELECT a.id FROM audit a WHERE a.tenant = $3 \
           AND a.at < $1 AND a.outcome = 'refused' AND a.action IN ('session.open', 'git_flow.land', 'git_flow.take') ORDER BY a.at LIMIT $2) RETURNING id"],
    ),
    old(
        TRAIL_STAYS_MS,
        &["DELETE FROM audit WHERE id IN (SELECT a.id FROM audit a WHERE a.tenant = $3 AND a.at < $1 \
           ORDER BY a.at LIMIT $2) RETURNING id"],
    ),
];

/// Codes and refresh tokens go with their grant and not with their own end, so that the second presentation of a code or
/// of any generation ends what the first gave for as long as there is anything to end. A grant goes once nothing is left
/// of it, also where two nodes that sweep at once see different grants as the first.
const GRANTS: Sweep = over(&[
    "DELETE FROM codes WHERE grant_id IN (SELECT g.id FROM grants g WHERE g.expires_at < $1 \
     ORDER BY g.expires_at, g.id LIMIT $2)",
    "DELETE FROM refresh_tokens WHERE id IN (SELECT t.id FROM \
     (SELECT g.id FROM grants g WHERE g.expires_at < $1 ORDER BY g.expires_at, g.id LIMIT $2) d \
     CROSS JOIN refresh_tokens t WHERE t.grant_id = d.id LIMIT $2) RETURNING id",
    "DELETE FROM grants WHERE id IN (SELECT g.id FROM grants g WHERE g.expires_at < $1 \
     ORDER BY g.expires_at, g.id LIMIT $2) \
     AND NOT EXISTS (SELECT 1 FROM codes k WHERE k.grant_id = grants.id) \
     AND NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.grant_id = grants.id) RETURNING id",
]);

/// A session stays for as long as a grant or a later session names it as its root, so that signing out is not forgotten
/// before what it ended; it is looked at again a day later.
const SESSIONS: Sweep = over(&[
    "UPDATE sessions SET kept_until = kept_until + 86400000 WHERE id IN (SELECT s.id FROM sessions s \
     WHERE s.kept_until < $1 ORDER BY s.kept_until LIMIT $2) \
     AND (EXISTS (SELECT 1 FROM grants g WHERE g.session = sessions.id) \
        OR EXISTS (SELECT 1 FROM sessions c WHERE c.root = sessions.id AND c.id <> sessions.id)) RETURNING id",
    "DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s WHERE s.kept_until < $1 \
     ORDER BY s.kept_until LIMIT $2) AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.session = sessions.id) \
     AND NOT EXISTS (SELECT 1 FROM sessions c WHERE c.root = sessions.id AND c.id <> sessions.id) RETURNING id",
]);

impl Store {
    /// Deletes at most `batch` rows per table of what was over at `now`, and gives how many went. Call it again at once
    /// while it gives `batch` or more.
    pub async fn sweep(&self, what: &Sweep, now: i64, batch: i64) -> Result<u64, StoreError> {
        let Sweep { stays_ms, sqls, of_tenant } = what;
        let statement = |sql: &&'static str| match of_tenant {
            true => statement!(*sql, now - stays_ms, batch, self.tenant()),
            false => statement!(*sql, now - stays_ms, batch),
        };
        let verb: Verb = sqls.iter().map(statement).collect();
        let answers = self.run(verb).await?;
        let went = sqls.iter().zip(&answers).filter(|(sql, _)| sql.contains("RETURNING"));
        Ok(went.map(|(_, rows)| rows.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sweep_finds_its_rows_by_an_index() {
        let database = rusqlite::Connection::open_in_memory().expect("opens");
        database.execute_batch(include_str!("migrations/sqlite/0001_ground.sql")).expect("runs");
        for sql in SWEEPS.iter().flat_map(|sweep| sweep.sqls) {
            let mut explain = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("is SQL");
            let mut rows = explain.raw_query();
            let mut steps = Vec::new();
            while let Some(row) = rows.next().expect("runs") {
                steps.push(row.get::<_, String>("detail").expect("a step"));
            }
            let walked = |step: &&String| step.starts_with("SCAN ") || step.ends_with("(tenant=?)");
            // Removed applications are few, and leave once nothing hangs on them; d is the batch.
            let few = |step: &&String| ["SCAN r", "SCAN d"].contains(&step.as_str());
            let slow: Vec<_> = steps.iter().filter(walked).filter(|step| !few(step)).collect();
            assert!(slow.is_empty(), "{sql}\n{steps:#?}");
        }
    }
}
