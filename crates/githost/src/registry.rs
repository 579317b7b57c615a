//! The kinds of Git hosts that there are: one row each.
//!
//! Owns finding a kind by the name that a caller gave. To add a kind: its file, and its row here.

use crate::gitee::Gitee;
use crate::github::GitHub;
use crate::gitlab::GitLab;
use crate::host::GitHost;

/// Every kind, in the order in which people read them.
pub const KINDS: [&dyn GitHost; 3] = [&GitHub, &GitLab, &Gitee];

/// Finds a kind by its name, in any case: the wire's documents write both `GitHub` and `github`.
pub fn find(name: &str) -> Option<&'static dyn GitHost> {
    KINDS.into_iter().find(|kind| kind.habits().kind.eq_ignore_ascii_case(name))
}
