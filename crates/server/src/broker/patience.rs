//! Hosts that asked for patience: whoever comes before the time is over is told so, and the host is not asked.
//!
//! Owns what is remembered, for one account at a host, on this node. It decides how long somebody waits and nothing else: no
//! authorization is made worse by it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use vestibule_oauth::id::Id;
use vestibule_store::git_authorizations::GitAuthorization;

/// Accounts that are remembered; when there are more, all are forgotten, and the hosts say it again.
const REMEMBERED: usize = 4096;

/// What hosts asked for.
#[derive(Default)]
pub struct Patience(Mutex<HashMap<Id, Asked>>);

struct Asked {
    /// The account there: another one under the same authorization has not been told anything.
    upstream: String,
    /// Until when, in the clock's ticks.
    until: i64,
    /// In whose words.
    reason: String,
}

impl Patience {
    /// How many milliseconds are left, and the host's words; `None` if it may be asked.
    pub fn left(&self, of: &GitAuthorization, ticks: i64) -> Option<(i64, String)> {
        let mut known = self.lock();
        let asked = known.get(&of.id)?;
        if asked.until <= ticks || asked.upstream != of.account.upstream_id {
            known.remove(&of.id);
            return None;
        }
        Some((asked.until - ticks, asked.reason.clone()))
    }

    /// Remembers that the host asks to wait so many milliseconds.
    pub fn learn(&self, of: &GitAuthorization, ticks: i64, wait: i64, reason: &str) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.retain(|_, asked| asked.until > ticks);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let (upstream, reason) = (of.account.upstream_id.clone(), reason.to_owned());
        known.insert(of.id, Asked { upstream, until: ticks.saturating_add(wait), reason });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
