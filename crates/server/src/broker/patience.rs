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
        self.left_of(account(of), ticks)
    }

    fn left_of(&self, account: (Id, String), ticks: i64) -> Option<(i64, String)> {
        let mut known = self.lock();
        let asked = known.get(&account)?;
        if asked.until <= ticks {
            known.remove(&account);
            return None;
        }
        Some((asked.until - ticks, asked.reason.clone()))
    }

    /// Remembers that the host asks to wait so many milliseconds. The longest counts: of several answers that are on their way
    /// at once the last one may have been given before the others.
    pub fn learn(&self, of: &GitAuthorization, ticks: i64, wait: i64, reason: &str) {
        self.learn_of(account(of), ticks, wait, reason);
    }

    fn learn_of(&self, account: (Id, String), ticks: i64, wait: i64, reason: &str) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED {
            known.retain(|_, asked| asked.until > ticks);
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let until = ticks.saturating_add(wait);
        if known.get(&account).is_none_or(|asked| asked.until < until) {
            known.insert(account, Asked { until, reason: reason.to_owned() });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Id, String), Asked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn account(of: &GitAuthorization) -> (Id, String) {
    (of.host, of.account.upstream_id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_that_a_host_asked_for_counts_and_each_account_has_its_own() {
        let (patience, host) = (Patience::default(), Id::from_bytes([1; 16]));
        let account = |name: &str| (host, name.to_owned());
        patience.learn_of(account("ada"), 0, 60_000, "an hour's allowance is spent");
        patience.learn_of(account("ada"), 1_000, 2_000, "too fast");
        let left = |name, ticks| patience.left_of(account(name), ticks);
        assert_eq!(left("ada", 5_000), Some((55_000, "an hour's allowance is spent".to_owned())));
        assert_eq!(left("bob", 5_000), None);
        patience.learn_of(account("ada"), 59_000, 2_000, "too fast");
        assert_eq!(left("ada", 60_000), Some((1_000, "too fast".to_owned())));
        assert_eq!((left("ada", 61_000), patience.lock().len()), (None, 0));
    }

    #[test]
    fn of_more_accounts_than_are_remembered_those_go_whose_time_is_over_and_then_all() {
        let patience = Patience::default();
        let account = |n: usize| (Id::from_bytes([1; 16]), n.to_string());
        for n in 0..REMEMBERED {
            patience.learn_of(account(n), 0, if n % 2 == 0 { 10 } else { 1_000 }, "wait");
        }
        patience.learn_of(account(REMEMBERED), 10, 1_000, "wait");
        assert_eq!(patience.lock().len(), REMEMBERED / 2 + 1);
        for n in 0..=REMEMBERED {
            patience.learn_of(account(n), 10, 1_000, "wait");
        }
        assert!(patience.lock().len() <= REMEMBERED);
    }
}
