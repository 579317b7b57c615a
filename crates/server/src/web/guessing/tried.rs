//! A try at a password that was counted, until somebody says what came of it.
//!
//! Owns that none is left unjudged, also where its caller leaves or the store is busy. Whose counters it counts against is `guessing`'s.

use super::line::{Crowd, Lines};
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
    /// Whose lines wait for it: its account's and its network's.
    pub(super) crowds: Option<[Crowd; 2]>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) lines: Arc<Lines>,
}

/// How often, and how long after each other, a busy store is told again: for less time than a try counts as under way. A
/// judgement that comes later than that, because the password had waited too, may free the place of a later try: one for each.
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
        let (device, crowds) = (self.device.clone(), self.crowds);
        let (store, clock, lines) = (self.store.clone(), self.clock.clone(), self.lines.clone());
        Judgement { reservation, came, device, crowds, store, clock, lines }
    }
}

impl Drop for Try {
    /// Whoever left before the answer does not keep others waiting for it.
    fn drop(&mut self) {
        if let (Some(reservation), Some(_)) = (self.reservation.take(), self.crowds) {
            self.judgement(reservation, Came::Wrong).keep_later();
        }
    }
}

/// What is to be kept of a try, and who waits for it.
struct Judgement {
    reservation: Reservation,
    came: Came,
    device: Device,
    crowds: Option<[Crowd; 2]>,
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
        for crowd in self.crowds.iter().flatten() {
            self.lines.judged(crowd);
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

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_oauth::guessing::Key;
    use vestibule_store::guesses::{Counter, Counters, Hold, Reserve};
    use vestibule_store::{Options, Role, StoreUrl, statement};

    const TOUCH: &str = "UPDATE guesses SET updated_at = updated_at WHERE tenant = $1";

    #[tokio::test]
    async fn a_try_that_a_busy_store_could_not_judge_gives_its_place_back_all_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("vestibule.db");
        let clock = Clock::system();
        let options = Options { queue: 1, ..Options::new(Role::Server, "test", clock.now()) };
        let store = Store::open(&StoreUrl::Sqlite(file.clone()), Role::Server, options).await.expect("opens");
        let counters = |who: u8| Counters {
            own: Counter { key: Key::account(Id::from_bytes([who; 16])), free: 5 },
            beside: Some(Counter { key: Key::people_of(&[192, 0, 2, 1]), free: 1 }),
        };
        let now = clock.now();
        let Ok(Reserve::Reserved(reservation)) = store.reserve_guess(&counters(1), Id::from_bytes([9; 16]), now).await
        else {
            panic!("nothing holds it")
        };
        let crowds = Some([[0; 32]; 2]);
        let (reservation, lines) = (Some(reservation), Arc::default());
        let mut tried = Try { reservation, device: None, crowds, store: store.clone(), clock: clock.clone(), lines };
        assert!(matches!(store.guess_hold(&counters(2), now).await, Ok(Some(Hold::Crowded(..)))));

        let holder = rusqlite::Connection::open(file).expect("opens");
        holder.execute_batch("BEGIN IMMEDIATE").expect("the file is locked");
        // Some are taken by the writer, which waits for the file, and one fills the queue. A queue that is full for so long
        // is not one that the writer has not come to yet.
        let mut waiting = Vec::new();
        let mut full_since = clock.elapsed();
        while waiting.len() < 2 || clock.elapsed() - full_since < Duration::from_millis(200) {
            let store = store.clone();
            let touch = tokio::spawn(async move { store.run(vec![statement!(TOUCH, 1_i64)]).await.map(drop) });
            tokio::time::sleep(Duration::from_millis(10)).await;
            if touch.is_finished() {
                assert_eq!(touch.await.expect("ends"), Err(StoreError::Busy));
            } else {
                waiting.push(touch);
                full_since = clock.elapsed();
            }
        }
        assert_eq!(tried.was_wrong().await, Err(StoreError::Busy), "the file is not locked");
        drop(tried);
        // It is told again at once, and in vain.
        tokio::time::sleep(Duration::from_millis(100)).await;
        holder.execute_batch("ROLLBACK").expect("the file is free");
        for waiter in waiting {
            assert_eq!(waiter.await.expect("ends"), Ok(()));
        }
        let patient = async {
            while matches!(store.guess_hold(&counters(2), clock.now()).await, Ok(Some(Hold::Crowded(..)))) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let soon = Duration::from_millis(vestibule_oauth::guessing::UNDER_WAY_MS as u64 / 2);
        tokio::time::timeout(soon, patient).await.expect("the place stays taken until it is given up for lost");
        store.close().await;
    }
}
