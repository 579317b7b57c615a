//! A try at a password that was counted, until somebody says what came of it.
//!
//! Owns that none is left unjudged, also where its caller leaves or the store is busy. Whose counters it counts against is `guessing`'s.

use super::line::{Lines, Network};
use crate::clock::Clock;
use std::sync::Arc;
use std::time::Duration;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;
use vestibule_store::Store;
use vestibule_store::StoreError;
use vestibule_store::guesses::Reservation;

/// The person and the browser that is known from then on, if a try turns out right in one.
pub(super) type Device = Option<(Id, Digest)>;

/// A try that may be made now. Whoever makes it says what came of it; one that is dropped, because its caller has left or
/// the store has failed, is a failure.
pub struct Try {
    pub(super) reservation: Option<Reservation>,
    pub(super) device: Device,
    pub(super) network: Option<Network>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) lines: Arc<Lines>,
}

/// How often, and how long after each other, a busy store is told again: for less time than a try counts as under way.
const TELLINGS: u32 = 30;
const BETWEEN: Duration = Duration::from_millis(500);

/// What came of a try.
#[derive(Clone, Copy)]
enum Came {
    Right,
    Wrong,
    NotMade,
}

impl Try {
    /// It was right: the counters are set back, and the browser is known from now on. What follows does not depend on
    /// it, so a store that fails here is only told to the log.
    pub async fn was_right(mut self) {
        if let Err(error) = self.judge(Came::Right).await {
            tracing::warn!(%error, "a counter of guesses could not be set back");
        }
    }

    /// It was wrong, or right and in vain. To be said before the answer: the next try may hang on it.
    pub async fn was_wrong(&mut self) -> Result<(), StoreError> {
        self.judge(Came::Wrong).await
    }

    /// It was not made.
    pub async fn was_not_made(mut self) -> Result<(), StoreError> {
        self.judge(Came::NotMade).await
    }

    async fn judge(&mut self, came: Came) -> Result<(), StoreError> {
        let Some(reservation) = self.reservation.take() else { return Ok(()) };
        let judgement = self.judgement(reservation, came);
        let kept = judgement.keep().await;
        if kept == Err(StoreError::Busy) {
            judgement.keep_later();
        }
        kept
    }

    fn judgement(&self, reservation: Reservation, came: Came) -> Judgement {
        let (device, network) = (self.device.clone(), self.network);
        let (store, clock, lines) = (self.store.clone(), self.clock.clone(), self.lines.clone());
        Judgement { reservation, came, device, network, store, clock, lines }
    }
}

impl Drop for Try {
    /// Whoever left before the answer does not keep others of their network waiting for it.
    fn drop(&mut self) {
        if let (Some(reservation), Some(_)) = (self.reservation.take(), self.network) {
            self.judgement(reservation, Came::Wrong).keep_later();
        }
    }
}

/// What is to be kept of a try, and who waits for it.
struct Judgement {
    reservation: Reservation,
    came: Came,
    device: Device,
    network: Option<Network>,
    store: Store,
    clock: Clock,
    lines: Arc<Lines>,
}

impl Judgement {
    async fn keep(&self) -> Result<(), StoreError> {
        let (now, reservation) = (self.clock.now(), &self.reservation);
        let kept = match self.came {
            Came::Right => {
                let device = self.device.as_ref().map(|(person, browser)| (*person, browser));
                self.store.settle_guess(reservation, device, now).await
            }
            Came::Wrong => self.store.fail_guess(reservation, now).await,
            Came::NotMade => self.store.give_back_guess(reservation).await,
        };
        if let Some(network) = &self.network {
            self.lines.judged(network);
        }
        kept
    }

    /// Keeps it without anybody waiting. A busy store has done nothing and is told again; after any other error nobody
    /// knows whether it was kept, and a place must not be given back twice.
    fn keep_later(self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            for _ in 0..TELLINGS {
                match self.keep().await {
                    Ok(()) => return,
                    Err(StoreError::Busy) => tokio::time::sleep(BETWEEN).await,
                    Err(error) => return tracing::warn!(%error, "what came of a guess could not be kept"),
                }
            }
        });
    }
}
