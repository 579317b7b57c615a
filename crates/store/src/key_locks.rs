//! Locks of access keys: how often signatures were wrong in a row, and until when a key is not looked at (FM-99 to FM-102).
//!
//! Owns the counters, which survive a restart, and the rule; they are read together with the key (`access_keys`). One counter is a key's together with the address that it was
//! tried from, so that a stranger who knows a key's name does not lock out its owner; another is the key's as a whole, and
//! bears far more. Counters are digests: no address and no name stands here.

use crate::audit::{self, Event, Note, audited};
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::secret::Digest;

/// After how many failures in a row a key is locked for the address that they came from.
pub const FROM_ONE_ADDRESS: i64 = 5;
/// After how many failures within [`WINDOW_MS`] a key is locked for everybody: more than fifty.
pub const FROM_EVERYWHERE: i64 = 51;
/// How long failures from everywhere are counted together, in milliseconds.
pub const WINDOW_MS: i64 = 60_000;
/// How long a lock lasts, in milliseconds.
pub const LOCK_MS: i64 = 5 * 60_000;

/// Whose failures are counted.
#[derive(Clone, Debug)]
pub struct KeyCounters {
    /// The key's at one address.
    pub here: Digest,
    /// The key's as a whole.
    pub everywhere: Digest,
}

/// How a key stands before it is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLock {
    /// Until when it is not looked at, in Unix milliseconds, if it is locked now.
    pub until: Option<i64>,
    /// Whether there are failures that the next right signature from this address sets back.
    pub has_failures: bool,
}

impl Store {
    /// Counts a wrong signature by the key of this name at `note.at`. The trail has a row when it locks a key that there is.
    pub async fn count_key_failure(
        &self,
        counters: &KeyCounters,
        access_key: &str,
        from: &str,
        note: &Note,
    ) -> Result<(), StoreError> {
        const AUDIT: &str = audited!(
            "EXISTS (SELECT 1 FROM access_keys k WHERE k.tenant = $2 AND k.access_key = $11) \
             AND EXISTS (SELECT 1 FROM access_key_failures f WHERE f.tenant = $2 AND f.key IN ($12, $13) \
             AND f.claimed_by = $1 AND f.locked_until > $3)"
        );
        let KeyCounters { here, everywhere } = counters;
        let target = format!("access_key:{access_key}");
        let event = Event { action: "access_key.lock", target, outcome: "done", details: format!("tried from {from}") };
        let guard = vec![access_key.into(), here.into(), everywhere.into()];
        let verb = vec![
            self.count_up(here, (FROM_ONE_ADDRESS, i64::MAX / 4), note),
            self.count_up(everywhere, (FROM_EVERYWHERE, WINDOW_MS), note),
            audit::row(self, note, event, AUDIT, guard),
        ];
        self.run(verb).await.map(drop)
    }

    /// A counter begins anew after its lock and after its window. One that is locked meanwhile is left as it is.
    fn count_up(&self, key: &Digest, (most, window_ms): (i64, i64), note: &Note) -> Statement {
        const COUNT: &str = "INSERT INTO access_key_failures \
            (tenant, key, failures, window_started_at, locked_until, updated_at, claimed_by) \
            VALUES ($1, $2, 1, $3, 0, $3, $4) ON CONFLICT (tenant, key) DO UPDATE SET \
            failures = CASE WHEN access_key_failures.locked_until > 0 \
               OR $3 - access_key_failures.window_started_at >= $5 THEN 1 ELSE access_key_failures.failures + 1 END, \
            window_started_at = CASE WHEN access_key_failures.locked_until > 0 \
               OR $3 - access_key_failures.window_started_at >= $5 THEN $3 ELSE access_key_failures.window_started_at END, \
            locked_until = CASE WHEN access_key_failures.locked_until = 0 \
               AND $3 - access_key_failures.window_started_at < $5 \
               AND access_key_failures.failures + 1 >= $6 THEN $3 + $7 ELSE 0 END, \
            updated_at = $3, claimed_by = $4 WHERE access_key_failures.locked_until <= $3";
        statement!(COUNT, self.tenant(), key, note.at, note.id, window_ms, most, LOCK_MS)
    }

    /// A right signature: failures from this address are in a row no more.
    pub async fn forget_key_failures(&self, counters: &KeyCounters) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM access_key_failures WHERE tenant = $1 AND key = $2";
        self.run(vec![statement!(FORGET, self.tenant(), &counters.here)]).await.map(drop)
    }
}
