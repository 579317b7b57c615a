//! A try at a password that was counted, until somebody says what came of it.
//!
//! Owns that none is left unjudged, also where its caller leaves. Whose counters it counts against is `guessing`'s.

use super::line::{Lines, Network};
use crate::clock::Clock;
use std::sync::Arc;
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

impl Try {
    /// It was right: the counters are set back, and the browser is known from now on. What follows does not depend on
    /// it, so a store that fails here is only told to the log.
    pub async fn was_right(mut self) {
        let Some(reservation) = self.reservation.take() else { return };
        let device = self.device.as_ref().map(|(person, browser)| (*person, browser));
        if let Err(error) = self.store.settle_guess(&reservation, device, self.clock.now()).await {
            tracing::warn!(%error, "a counter of guesses could not be set back");
        }
        self.judged();
    }

    /// It was wrong, or right and in vain. To be said before the answer: the next try may hang on it.
    pub async fn was_wrong(&mut self) -> Result<(), StoreError> {
        let Some(reservation) = self.reservation.take() else { return Ok(()) };
        let kept = self.store.fail_guess(&reservation, self.clock.now()).await;
        self.judged();
        kept
    }

    /// It was not made.
    pub async fn was_not_made(mut self) -> Result<(), StoreError> {
        let Some(reservation) = self.reservation.take() else { return Ok(()) };
        let kept = self.store.give_back_guess(&reservation).await;
        self.judged();
        kept
    }

    fn judged(&self) {
        if let Some(network) = &self.network {
            self.lines.judged(network);
        }
    }
}

impl Drop for Try {
    /// Whoever left before the answer does not keep others of their network waiting for it.
    fn drop(&mut self) {
        let (Some(reservation), Some(network)) = (self.reservation.take(), self.network) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let (store, clock, lines) = (self.store.clone(), self.clock.clone(), self.lines.clone());
        runtime.spawn(async move {
            if let Err(error) = store.fail_guess(&reservation, clock.now()).await {
                tracing::warn!(%error, "a failed guess could not be counted");
            }
            lines.judged(&network);
        });
    }
}
