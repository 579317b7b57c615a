//! Listings page by page, to the end or to the bound.
//!
//! Owns the walk: a host's file says how a page is asked for and whether another follows. An address that a host names
//! for the next page is never followed, because the token would go wherever it points; only its existence counts.

use crate::answers::{HookItem, Listing, MOST_ITEMS, MOST_PAGES, NamespaceItem, ProjectItem};
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

/// What an item weighs while a listing is gathered.
pub trait Weigh {
    /// About how many bytes it holds.
    fn weight(&self) -> usize;
}

impl Weigh for String {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl Weigh for NamespaceItem {
    fn weight(&self) -> usize {
        self.id.len() + self.name.len()
    }
}

impl Weigh for ProjectItem {
    fn weight(&self) -> usize {
        self.id.len() + self.name.len() + self.clone_url.len()
    }
}

impl Weigh for HookItem {
    fn weight(&self) -> usize {
        self.id.len() + self.callback_url.len()
    }
}

/// What was gathered so far.
struct Gathered<T> {
    items: Vec<T>,
    bytes: usize,
}

impl<T: PartialEq + Weigh> Gathered<T> {
    /// Adds what is new in `items`, up to the bounds; `None` if something had to be left out, else whether anything
    /// was new.
    fn add(&mut self, items: Vec<T>) -> Option<bool> {
        let before = self.items.len();
        for item in items {
            // A listing that shifts while it is walked shows the last items of a page again on the next one.
            if self.items.contains(&item) {
                continue;
            }
            let bytes = self.bytes + item.weight() + size_of::<T>();
            if self.items.len() == MOST_ITEMS || bytes > MOST_BYTES {
                return None;
            }
            self.bytes = bytes;
            self.items.push(item);
        }
        Some(self.items.len() > before)
    }
}

/// Walks from page 1. `ask` makes the request for a page's number, `read` reads the reply, told
/// the number too. What is deleted at the host meanwhile can pull an item past the walk: no host tells.
pub fn walk<T, A, R>(ask: A, read: R) -> Step<Listing<T>>
where
    T: PartialEq + Weigh + Send + 'static,
    A: Fn(u32) -> Request + Send + 'static,
    R: Fn(&Reply, i64, u32) -> Result<Page<T>, Refusal> + Send + 'static,
{
    from(1, Gathered { items: Vec::new(), bytes: 0 }, ask, read)
}

fn from<T, A, R>(number: u32, mut seen: Gathered<T>, ask: A, read: R) -> Step<Listing<T>>
where
    T: PartialEq + Weigh + Send + 'static,
    A: Fn(u32) -> Request + Send + 'static,
    R: Fn(&Reply, i64, u32) -> Result<Page<T>, Refusal> + Send + 'static,
{
    Step::ask_on(ask(number), move |reply, now| {
        let page = match read(reply, now, number) {
            Ok(page) => page,
            Err(refusal) => return Step::refuse(refusal),
        };
        let has_next = page.has_next && !page.items.is_empty();
        let is_end = match seen.add(page.items) {
            None => return Step::Done(Ok(Listing { items: seen.items, is_cut: true })),
            // A host that does not know the parameter gives the same page for ever: what lies behind is not known.
            Some(is_new) => !has_next || !is_new || number == MOST_PAGES,
        };
        if is_end {
            return Step::Done(Ok(Listing { items: seen.items, is_cut: has_next }));
        }
        from(number + 1, seen, ask, read)
    })
}

/// The most that the items of one listing may hold, in bytes: names as long as hosts allow, on every page.
const MOST_BYTES: usize = 8 << 20;
