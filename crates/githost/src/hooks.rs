//! Webhooks: when one may be made, on every kind of host.
//!
//! Owns that rule. How they are listed and made is each host's own file's.

use crate::answers::{HookItem, Listing};
use crate::refusal::{Refusal, Why};

/// Whether one to `url` may be made, given those that are there. GitLab and Gitee make as many to one address as they are
/// told to, so a create that is repeated after a lost answer would have the receiver called twice: one that is there is a
/// conflict, and a list that was cut tells nothing of what it left out.
pub fn may_make(there: &Listing<HookItem>, url: &str) -> Result<(), Refusal> {
    if there.items.iter().any(|hook| hook.callback_url == url) {
        return Err(Refusal::new(Why::Conflict, "a webhook to this address exists already"));
    }
    match there.is_cut {
        true => Err(Refusal::new(Why::TooLarge, CUT)),
        false => Ok(()),
    }
}

const CUT: &str = "not all webhooks that are there could be read, so it could not be told whether one to this address exists \
     already; none was made";
