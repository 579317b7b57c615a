//! Listings page by page, to the end or to the bound.
//!
//! Owns the walk: a host's file says how a page is asked for and whether another follows. An address that a host names
//! for the next page is never followed, because the token would go wherever it points; only its existence counts.

use crate::answers::{Listing, MOST_ITEMS, MOST_PAGES};
use crate::errand::Step;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::wire::Request;

/// One page, read.
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Whether the host says that another follows.
    pub has_next: bool,
}

/// Walks from page 1. `ask` makes the request for a page's number, `read` reads the reply, told
/// the number too.
pub fn walk<T, A, R>(ask: A, read: R) -> Step<Listing<T>>
where
    T: PartialEq + Send + 'static,
    A: Fn(u32) -> Request + Send + 'static,
    R: Fn(&Reply, i64, u32) -> Result<Page<T>, Refusal> + Send + 'static,
{
    from(1, Vec::new(), ask, read)
}

fn from<T, A, R>(number: u32, mut seen: Vec<T>, ask: A, read: R) -> Step<Listing<T>>
where
    T: PartialEq + Send + 'static,
    A: Fn(u32) -> Request + Send + 'static,
    R: Fn(&Reply, i64, u32) -> Result<Page<T>, Refusal> + Send + 'static,
{
    Step::ask_on(ask(number), move |reply, now| {
        let page = match read(reply, now, number) {
            Ok(page) => page,
            Err(refusal) => return Step::refuse(refusal),
        };
        // A host that does not know the parameter gives the same page for ever.
        let repeats = number > 1 && page.items.first().is_some_and(|first| seen.contains(first));
        if repeats {
            return Step::Done(Ok(Listing { items: seen, is_cut: false }));
        }
        let has_next = page.has_next && !page.items.is_empty();
        seen.extend(page.items);
        let is_full = seen.len() > MOST_ITEMS || (seen.len() == MOST_ITEMS && has_next);
        seen.truncate(MOST_ITEMS);
        if is_full || !has_next || number == MOST_PAGES {
            return Step::Done(Ok(Listing { items: seen, is_cut: is_full || has_next }));
        }
        from(number + 1, seen, ask, read)
    })
}
