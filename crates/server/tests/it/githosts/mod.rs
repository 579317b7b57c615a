//! Fake Git hosts: real HTTP servers on loopback that speak a host's API with state, and answer by that host's rules.
//!
//! Owns the hosts and the proofs that they are not of our own invention: they keep their hosts' rules (`rules`), GitHub's
//! fits GitHub's published description (`described`), Gitee's is driven by published clients of Gitee (`published`). How
//! our server fares with them is proven in the files of its routes.

pub mod backend;
mod described;
pub mod fake;
pub mod forge;
pub mod gitee;
mod gitee_repos;
pub mod github;
mod github_repos;
pub mod gitlab;
mod published;
mod rules;

pub use fake::{Asked, Fault, Gate, SAYS};
pub use gitee::Gitee;
pub use github::GitHub;
pub use gitlab::GitLab;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A host's clock: the machine's, and what a test puts it forward by.
#[derive(Clone, Default)]
pub struct HostClock(Arc<AtomicI64>);

impl HostClock {
    /// Unix time in seconds.
    pub fn now(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        since.as_secs() as i64 + self.0.load(Ordering::SeqCst)
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// What GitLab and Gitee remember of a token: its two halves live and end together.
pub struct Token {
    pub access: String,
    /// None at a personal one.
    pub refresh: Option<String>,
    pub person: usize,
    pub scopes: Vec<String>,
    /// Unix time in seconds, as its end.
    pub made: i64,
    pub ends: Option<i64>,
    pub alive: bool,
}

impl Token {
    /// Whether this, access or refresh, is a half of it and of any use.
    pub fn is_good(&self, token: &str, now: i64) -> bool {
        let is_access = self.access == token && self.ends.is_none_or(|ends| ends > now);
        self.alive && (self.refresh.as_deref() == Some(token) || is_access)
    }
}

/// Where a person's browser ends up after it was sent to `address`, without a browser: the host's own redirect.
pub fn follow(address: &str) -> String {
    let answer = crate::harness::Call::get(address).header("User-Agent", "a browser").send();
    assert_eq!(answer.status, 302, "{}", String::from_utf8_lossy(&answer.body));
    answer.header("location").expect("a place to go").to_owned()
}

/// The parameters of an address.
pub fn parameters(address: &str) -> Vec<(String, String)> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
