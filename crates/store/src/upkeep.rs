//! Sweeping: rows whose time is over go in small batches, each a verb of its own, so that the writer never stalls.
//!
//! Owns what may go when. A row goes an hour after its end, so that nodes whose clocks differ do not meet over it.

use crate::{Store, StoreError, Verb, statement};

/// How long a row outlives its end, in milliseconds: far more than nodes' clocks may differ.
const MARGIN_MS: i64 = 3_600_000;

const DAY_MS: i64 = 86_400_000;
/// How long the trail keeps a refused sign-in, in milliseconds: anybody can make such rows, as many as they like.
pub const REFUSED_SIGN_INS_STAY_MS: i64 = 30 * DAY_MS;
/// How long the trail keeps everything else, in milliseconds: a year, and time to look at it.
pub const TRAIL_STAYS_MS: i64 = 400 * DAY_MS;

/// One table after the other, each in a verb of its own; `$1` is the moment before which a row must have ended, `$2` how
/// many may go. They find their rows by an index, walk no further than the batch, and know no tenant.
///
/// A code goes with its grant and not with its own end, so that its second presentation ends what the first gave for as
/// long as there is anything to end. A session stays for as long as a grant or a later session names it as its root, so
/// that signing out is not forgotten before what it ended; it is looked at again a day later.
const VERBS: [&[&str]; 11] = [
    &["DELETE FROM authorizations WHERE id IN (SELECT z.id FROM authorizations z WHERE z.expires_at < $1 \
       ORDER BY z.expires_at LIMIT $2) RETURNING id"],
    &["DELETE FROM tokens WHERE id IN (SELECT t.id FROM tokens t WHERE t.expires_at < $1 \
       ORDER BY t.expires_at LIMIT $2) RETURNING id"],
    &["DELETE FROM refresh_tokens WHERE id IN (SELECT t.id FROM refresh_tokens t WHERE t.idle_ends_at < $1 \
       ORDER BY t.idle_ends_at LIMIT $2) RETURNING id"],
    &[
        "DELETE FROM codes WHERE grant_id IN (SELECT g.id FROM grants g WHERE g.expires_at < $1 \
         ORDER BY g.expires_at, g.id LIMIT $2)",
        "DELETE FROM grants WHERE id IN (SELECT g.id FROM grants g WHERE g.expires_at < $1 \
         ORDER BY g.expires_at, g.id LIMIT $2) RETURNING id",
    ],
    &[
        "UPDATE sessions SET kept_until = kept_until + 86400000 WHERE id IN (SELECT s.id FROM sessions s \
         WHERE s.kept_until < $1 ORDER BY s.kept_until LIMIT $2) \
         AND (EXISTS (SELECT 1 FROM grants g WHERE g.session = sessions.id) \
            OR EXISTS (SELECT 1 FROM sessions c WHERE c.root = sessions.id AND c.id <> sessions.id)) RETURNING id",
        "DELETE FROM sessions WHERE id IN (SELECT s.id FROM sessions s WHERE s.kept_until < $1 \
         ORDER BY s.kept_until LIMIT $2) AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.session = sessions.id) \
         AND NOT EXISTS (SELECT 1 FROM sessions c WHERE c.root = sessions.id AND c.id <> sessions.id) RETURNING id",
    ],
    &["DELETE FROM setup_links WHERE id IN (SELECT z.id FROM setup_links z WHERE z.expires_at < $1 \
       ORDER BY z.expires_at LIMIT $2) RETURNING id"],
    &["DELETE FROM client_secrets WHERE id IN (SELECT s.id FROM client_secrets s \
       WHERE s.ends_at IS NOT NULL AND s.ends_at < $1 ORDER BY s.ends_at LIMIT $2) RETURNING id"],
    // No window and no wait is as long as the margin.
    &["DELETE FROM guesses WHERE (tenant, key) IN (SELECT k.tenant, k.key FROM guesses k WHERE k.updated_at < $1 \
       ORDER BY k.updated_at LIMIT $2) RETURNING failures"],
    &[
        "DELETE FROM devices WHERE (person, browser) IN (SELECT d.person, d.browser FROM devices d WHERE d.ends_at < $1 \
       ORDER BY d.ends_at LIMIT $2) RETURNING person",
    ],
    &["DELETE FROM consents WHERE (person, application) IN (SELECT c.person, c.application FROM consents c \
       JOIN removed_applications r ON r.id = c.application WHERE r.removed_at < $1 LIMIT $2) RETURNING person"],
    &[
        "DELETE FROM older_forms WHERE (application, form, day) IN (SELECT f.application, f.form, f.day \
         FROM older_forms f JOIN removed_applications r ON r.id = f.application WHERE r.removed_at < $1 LIMIT $2) \
         RETURNING application",
        "DELETE FROM removed_applications WHERE id IN (SELECT r.id FROM removed_applications r WHERE r.removed_at < $1 \
         AND NOT EXISTS (SELECT 1 FROM consents c WHERE c.application = r.id) \
         AND NOT EXISTS (SELECT 1 FROM older_forms f WHERE f.application = r.id) LIMIT $2) RETURNING id",
    ],
];

/// Each index of the trail begins with the tenant, `$3`.
const REFUSED_SIGN_INS: &str = "DELETE FROM audit WHERE id IN (SELECT a.id FROM audit a WHERE a.tenant = $3 \
    AND a.at < $1 AND a.action = 'session.open' AND a.outcome = 'refused' ORDER BY a.at LIMIT $2) RETURNING id";
const TRAIL: &str = "DELETE FROM audit WHERE id IN (SELECT a.id FROM audit a WHERE a.tenant = $3 AND a.at < $1 \
    ORDER BY a.at LIMIT $2) RETURNING id";

impl Store {
    /// Deletes at most `batch` rows per table of what was over at `now`, and gives how many went. Call it again at once
    /// while it gives `batch` or more.
    pub async fn sweep(&self, now: i64, batch: i64) -> Result<u64, StoreError> {
        let mut gone = 0;
        let over = |sqls: &&[&'static str]| -> Verb {
            sqls.iter().map(|sql| statement!(sql, now - MARGIN_MS, batch)).collect()
        };
        let trail = [(REFUSED_SIGN_INS, REFUSED_SIGN_INS_STAY_MS), (TRAIL, TRAIL_STAYS_MS)];
        let old = trail.into_iter().map(|(sql, stays)| vec![statement!(sql, now - stays, batch, self.tenant())]);
        for verb in VERBS.iter().map(over).chain(old) {
            let answers = self.run(verb).await?;
            gone += answers.iter().map(|rows| rows.len() as u64).sum::<u64>();
        }
        Ok(gone)
    }
}
