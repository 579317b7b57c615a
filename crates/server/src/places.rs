//! How many may do something at once on behalf of one key: of a project, or of another machine.
//!
//! Owns the count, and how long whoever finds no place waits for one, in the order of coming. What is done meanwhile, and
//! what is said to those who waited in vain, is the business of whoever asks.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type Lines<K> = Arc<Mutex<HashMap<K, Arc<Semaphore>>>>;

/// Places, as many for each key. Never more keys than somebody has a place at or waits for one.
pub struct Places<K> {
    each: usize,
    lines: Lines<K>,
}

/// A place, given back when dropped.
pub struct Seat<K: Eq + Hash> {
    // Dropped before the line: a line that nobody stands in is forgotten.
    _permit: OwnedSemaphorePermit,
    _line: Line<K>,
}

/// Somebody who has a place or waits for one.
struct Line<K: Eq + Hash> {
    key: K,
    open: Arc<Semaphore>,
    lines: Lines<K>,
}

impl<K: Clone + Eq + Hash> Places<K> {
    /// `each` places for each key.
    pub fn new(each: usize) -> Places<K> {
        Places { each, lines: Lines::default() }
    }

    /// A place of the key's; `None` when none was free for as long as `patience`.
    pub async fn take(&self, key: K, patience: Duration) -> Option<Seat<K>> {
        let line = self.line(key);
        let permit = tokio::time::timeout(patience, line.open.clone().acquire_owned()).await.ok()?.ok()?;
        Some(Seat { _permit: permit, _line: line })
    }

    fn line(&self, key: K) -> Line<K> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let open = lines.entry(key.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone();
        Line { key, open, lines: self.lines.clone() }
    }
}

impl<K: Eq + Hash> Drop for Line<K> {
    fn drop(&mut self) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and ours: whoever comes next must take the lock first.
        if Arc::strong_count(&self.open) == 2 {
            lines.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn fm_117_a_key_has_its_places_another_one_its_own_and_nothing_is_kept_of_who_is_done() {
        let places = Places::new(4);
        let take = async |key: u8| places.take(key, Duration::from_millis(20)).await;
        let mut seats = Vec::new();
        for _ in 0..4 {
            seats.push(take(1).await.expect("a place"));
        }
        assert!(take(1).await.is_none() && take(2).await.is_some());
        seats.pop();
        seats.push(take(1).await.expect("the place is free again"));
        assert_eq!(places.lines.lock().expect("lines").len(), 1);
        drop(seats);
        assert!(places.lines.lock().expect("lines").is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_gets_the_place_that_is_given_back() {
        let places = Places::new(1);
        let first = places.take((), Duration::ZERO).await.expect("a place");
        let (second, ()) = tokio::join!(places.take((), Duration::from_secs(20)), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(first);
        });
        assert!(second.is_some());
    }
}
