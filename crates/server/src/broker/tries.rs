//! How many credentials one project may have tried at Git hosts at once.
//!
//! Owns the count. A host may take half a minute for an answer, and the places for requests to other machines are everybody's:
//! one editor must not fill them. How often a person may be wrong is `web/guessing`'s.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use vestibule_oauth::id::Id;

/// Tries that one project may have under way.
const AT_ONCE: usize = 4;

/// The tries that are under way; never more projects than tries.
#[derive(Default)]
pub struct Tries(Arc<Mutex<HashMap<Id, usize>>>);

/// A place for one try, given back when dropped.
pub struct Turn {
    project: Id,
    tries: Arc<Mutex<HashMap<Id, usize>>>,
}

impl Tries {
    /// A place for a try of the project's, if it has one left.
    pub fn begin(&self, project: Id) -> Option<Turn> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(project).or_default();
        if *count >= AT_ONCE {
            return None;
        }
        *count += 1;
        Some(Turn { project, tries: self.0.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.project) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.project);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_four_places_and_another_ones_are_its_own() {
        let (tries, [one, other]) = (Tries::default(), [1, 2].map(|n| Id::from_bytes([n; 16])));
        let mut turns: Vec<Turn> = (0..AT_ONCE).map(|_| tries.begin(one).expect("a place")).collect();
        assert!(tries.begin(one).is_none() && tries.begin(other).is_some());
        turns.pop();
        assert!(tries.begin(one).is_some());
        drop(turns);
        assert!(tries.0.lock().expect("counts").is_empty(), "nothing is kept of whoever is done");
    }
}
