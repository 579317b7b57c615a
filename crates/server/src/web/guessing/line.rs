//! Standing in line: a network or an account of which as many tries are under way as may still fail lets no more be made
//! until one of them is judged, and many who sign in at once must not be refused for that (FM-102).
//!
//! Owns who is next on this node. Those who try at one account stand in one line while it has no place, and those of one
//! network while that has none. One of each line looks, the others stand behind it; so a long line costs the
//! database no more than a short one. Whether a try may be made is the store's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// How many stand in one line, and how many in all lines together; one more is told to come back at once. As
/// many as are judged soon: if those before them are wrong, they have all waited in vain.
const LONGEST: usize = 16;
const ALL: usize = 64;
/// After how long the first looks again even if nothing was judged here: it may have been on another node.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Who stands in one line, by the digest of their counter's key.
pub type Crowd = [u8; 32];

/// The lines of all who have one.
#[derive(Default)]
pub struct Lines {
    standing: Mutex<Standing>,
}

#[derive(Default)]
struct Standing {
    lines: HashMap<Crowd, Lined>,
    /// How many stand in all of them.
    places: usize,
}

struct Lined {
    line: Arc<Line>,
    places: usize,
}

#[derive(Default)]
struct Line {
    first: tokio::sync::Mutex<()>,
    judged: Notify,
}

/// A place in a line, until it is dropped.
pub struct Place {
    lines: Arc<Lines>,
    crowd: Crowd,
    line: Arc<Line>,
}

/// Why nobody can join a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// As many stand in it as may.
    Line,
    /// As many stand in all lines as may: it is no doing of this crowd's.
    House,
}

/// The first place. The next one moves up when it is dropped.
pub struct First<'a> {
    line: &'a Line,
    _first: tokio::sync::MutexGuard<'a, ()>,
}

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Standing> {
        // Nothing panics while it holds the lock; should it, the map itself is still whole.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody of this crowd stands in line: who comes now goes behind them.
    pub fn is_there(&self, crowd: &Crowd) -> bool {
        self.lock().lines.contains_key(crowd)
    }

    /// Goes to the end of the line, unless it is too long.
    pub fn join(self: &Arc<Lines>, crowd: Crowd) -> Result<Place, Full> {
        let mut standing = self.lock();
        let places = standing.lines.get(&crowd).map_or(0, |lined| lined.places);
        if places >= LONGEST {
            return Err(Full::Line);
        }
        if standing.places >= ALL {
            return Err(Full::House);
        }
        standing.places += 1;
        let lined = standing.lines.entry(crowd).or_insert_with(|| Lined { line: Arc::default(), places: 0 });
        lined.places += 1;
        Ok(Place { lines: self.clone(), crowd, line: lined.line.clone() })
    }

    /// A try of this crowd was judged: whoever is first looks whether there is a place.
    pub fn judged(&self, crowd: &Crowd) {
        if let Some(lined) = self.lock().lines.get(crowd) {
            lined.line.judged.notify_one();
        }
    }
}

impl Place {
    /// Waits until it is the first, for so long at most.
    pub async fn first(&self, patience: Duration) -> Option<First<'_>> {
        let first = tokio::time::timeout(patience, self.line.first.lock()).await.ok()?;
        Some(First { line: &self.line, _first: first })
    }
}

impl First<'_> {
    /// Waits until it makes sense to look.
    pub async fn news(&self) {
        // Whether something was judged or some time has passed, there is a look.
        let _ = tokio::time::timeout(LOOK_AGAIN, self.line.judged.notified()).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut standing = self.lines.lock();
        let Some(lined) = standing.lines.get_mut(&self.crowd) else { return };
        lined.places -= 1;
        if lined.places == 0 {
            standing.lines.remove(&self.crowd);
        }
        standing.places -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_line_is_served_in_order_has_an_end_and_leaves_nothing_behind() {
        let lines = Arc::<Lines>::default();
        assert!(!lines.is_there(&[1; 32]));
        let mut places: Vec<Place> = (0..LONGEST).map(|_| lines.join([1; 32]).expect("a place")).collect();
        assert_eq!(lines.join([1; 32]).err(), Some(Full::Line));
        assert!(lines.is_there(&[1; 32]) && !lines.is_there(&[2; 32]));
        assert!(lines.join([2; 32]).is_ok(), "another network has a line of its own");
        assert!(!lines.is_there(&[2; 32]), "which ended with its last place");

        let second = places.swap_remove(1);
        let first = places[0].first(PATIENCE).await.expect("nobody is before it");
        assert!(second.first(Duration::from_millis(1)).await.is_none(), "it is not its turn");
        lines.judged(&[1; 32]);
        first.news().await;
        drop(first);
        assert!(second.first(PATIENCE).await.is_some());
        drop((places, second));
        assert!(!lines.is_there(&[1; 32]));

        let network = |n: usize| [u8::try_from(n / 4).expect("a byte"); 32];
        let places: Vec<Place> = (0..ALL).map(|n| lines.join(network(n)).expect("a place")).collect();
        assert_eq!(lines.join(network(4 * ALL)).err(), Some(Full::House), "all lines together have an end");
        drop(places);
        assert!(lines.join(network(4 * ALL)).is_ok());
    }
}
