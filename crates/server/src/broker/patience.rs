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

/// What hosts asked for, by host and account there: several authorizations of one account have one allowance.
#[derive(Default)]
pub struct Patience(Mutex<HashMap<(Id, String), Asked>>);

struct Asked {
    /// Until when, in the clock's ticks.
    until: i64,
    /// In whose words.
    reason: String,
}

impl Patience {
    /// How many milliseconds are left, and the host's words; `None` if it may be asked.
    pub fn left(&self, of: &GitAuthorization, ticks: i64) -> Option<(i64, String)> {
        let mut known = self.lock();
        let account = account(of);
        let asked = known.get(&account)?;
        if asked.until <= ticks {
            known.remove(&account);
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
        known.insert(account(of), Asked { until: ticks.saturating_add(wait), reason: reason.to_owned() });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Id, String), Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn account(of: &GitAuthorization) -> (Id, String) {
    (of.host, of.account.upstream_id.clone())
}
