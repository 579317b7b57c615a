//! The renewals that one node has under way: whoever comes later waits for the first.
//!
//! Owns who is the first, and when they are done, by whatever way. What is done meanwhile is `refreshing`'s.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use vestibule_oauth::id::Id;

/// The renewals that this node has under way.
#[derive(Default)]
pub struct Flights(Arc<Mutex<HashMap<Id, watch::Receiver<()>>>>);

/// Whether somebody is the first.
pub enum Boarding {
    /// It is this one's.
    First(Flight),
    /// It is somebody's already: what ends when theirs does.
    Later(watch::Receiver<()>),
}

/// A renewal under way; it is over when this is dropped, by whatever way.
pub struct Flight {
    of: Id,
    flights: Arc<Mutex<HashMap<Id, watch::Receiver<()>>>>,
    over: watch::Sender<()>,
}

impl Flights {
    /// Takes the renewal's place, or gives somebody's who has it.
    pub fn board(&self, of: Id) -> Boarding {
        let mut flights = lock(&self.0);
        if let Some(landing) = flights.get(&of) {
            return Boarding::Later(landing.clone());
        }
        let over = watch::Sender::new(());
        flights.insert(of, over.subscribe());
        Boarding::First(Flight { of, flights: self.0.clone(), over })
    }
}

impl Flight {
    /// Ends when the renewal does.
    pub fn landing(&self) -> watch::Receiver<()> {
        self.over.subscribe()
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Before those who wait are woken, which the sender's end does: whoever comes from now on begins anew.
        lock(&self.flights).remove(&self.of);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn fm_129_a_renewal_whose_task_dies_in_flight_leaves_its_place_to_the_next_10000_times() {
        let (flights, of) = (Flights::default(), Id::from_bytes([1; 16]));
        for n in 0..10_000_u32 {
            let Boarding::First(flight) = flights.board(of) else { panic!("round {n} is stuck") };
            let Boarding::Later(mut waits) = flights.board(of) else { panic!("round {n} has two flights") };
            let task = tokio::spawn(async move {
                let _flight = flight;
                std::future::pending::<()>().await;
            });
            if n % 2 == 0 {
                // Some die before they have begun.
                tokio::task::yield_now().await;
            }
            task.abort();
            assert!(waits.changed().await.is_err(), "round {n}: whoever waits is woken");
        }
        assert!(lock(&flights.0).is_empty());
    }
}
