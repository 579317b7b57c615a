//! Errands to others that nobody waits for: how often they are looked for, whose turn it is, and when one is tried again.
//!
//! Owns the rule that addressees which do not answer take no turn of those that do. What is to be done stands in rows
//! that the store leases out, so that whatever dies on the way is done by another node, or after the next start. Does not
//! know what an errand is: logouts are `messenger`'s, revocations at Git hosts `broker/revoker`'s.

use crate::app::App;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::{self, JoinSet};
use vestibule_oauth::id::Id;
use vestibule_store::StoreError;

/// How often rows are looked for that nobody rang for: those of the command line, and of nodes that died.
const INTERVAL: Duration = Duration::from_secs(1);
/// The first pause before another try, which doubles, and the longest.
const FIRST_PAUSE_MS: i64 = 2_000;
const LONGEST_PAUSE_MS: i64 = 1_800_000;

/// Errands to one addressee at once, and as long as it does not answer well.
const AT_ONCE: usize = 4;
const AT_ONCE_FAILING: usize = 1;
/// Errands of one kind in all: of all kinds together fewer than `outbound` makes calls, because what is claimed must not
/// wait for longer than the claim holds, and people who wait for an answer come first.
const IN_ALL: usize = 24;
/// Those of them that go to addressees which do not answer well, however many such there are.
const IN_ALL_FAILING: usize = 12;

/// Rung by whoever leaves an errand, so that nobody waits for the next look.
#[derive(Default)]
pub struct Bell(Notify);

impl Bell {
    /// Says that there is something to do.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// A kind of errand.
pub trait Errands: 'static {
    /// What is said when they cannot be looked for.
    const UNREADABLE: &'static str;

    /// What is rung for them.
    fn bell(app: &App) -> &Bell;

    /// Claims for each addressee what it has room for, and sends it on its way.
    fn send_due(app: &Arc<App>, turns: &mut Turns) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Sends until `stop` turns true, and ends once what is under way has ended.
pub async fn carry<E: Errands>(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut turns = Turns::default();
    let mut well = true;
    while !*stop.borrow() {
        let looked = E::send_due(&app, &mut turns).await;
        if let Err(error) = &looked
            && well
        {
            tracing::warn!(%error, "{}", E::UNREADABLE);
        }
        well = looked.is_ok();
        tokio::select! {
            Some(()) = turns.end_one() => {}
            () = E::bell(&app).0.notified() => {}
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
    while turns.end_one().await.is_some() {}
}

/// How long to wait after the `attempts`-th try, in milliseconds.
pub fn pause_ms(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts.clamp(1, 20) - 1).unwrap_or(0);
    (FIRST_PAUSE_MS << doublings).min(LONGEST_PAUSE_MS)
}

/// What is under way to one addressee.
#[derive(Default)]
struct Lane {
    under_way: usize,
    /// Whether the last delivery did not go well.
    failing: bool,
}

/// What is under way.
#[derive(Default)]
pub struct Turns {
    /// As many as there are addressees that something is under way to, or that fail.
    lanes: HashMap<Id, Lane>,
    /// Each gives whether it went well.
    under_way: JoinSet<bool>,
    /// To whom each is. A delivery that panicked says nothing any more, and its turn must end all the same.
    of: HashMap<task::Id, Id>,
    /// Who had a turn last.
    last: Option<Id>,
}

impl Turns {
    /// How many more may go to the addressee now.
    pub fn room(&self, addressee: Id) -> usize {
        let free = IN_ALL.saturating_sub(self.under_way.len());
        let Some(lane) = self.lanes.get(&addressee) else { return AT_ONCE.min(free) };
        if !lane.failing {
            return AT_ONCE.saturating_sub(lane.under_way).min(free);
        }
        let failing: usize = self.lanes.values().filter(|lane| lane.failing).map(|lane| lane.under_way).sum();
        AT_ONCE_FAILING.saturating_sub(lane.under_way).min(IN_ALL_FAILING.saturating_sub(failing)).min(free)
    }

    /// Puts `due` in the order of their turns: whoever comes after the last one first, so that all of them come.
    pub fn order(&self, due: &mut [Id]) {
        due.sort_unstable();
        let passed = due.partition_point(|addressee| Some(*addressee) <= self.last);
        due.rotate_left(passed);
    }

    /// Sends a delivery to the addressee on its way.
    pub fn begin(&mut self, addressee: Id, delivery: impl Future<Output = bool> + Send + 'static) {
        self.lanes.entry(addressee).or_default().under_way += 1;
        self.last = Some(addressee);
        self.of.insert(self.under_way.spawn(delivery).id(), addressee);
    }

    /// Waits for the next delivery that ends, and takes its turn back; `None` when none is under way.
    pub async fn end_one(&mut self) -> Option<()> {
        let (task, well) = match self.under_way.join_next_with_id().await? {
            Ok((task, well)) => (task, well),
            Err(error) => (error.id(), false),
        };
        let Some(addressee) = self.of.remove(&task) else { return Some(()) };
        let lane = self.lanes.entry(addressee).or_default();
        lane.under_way = lane.under_way.saturating_sub(1);
        lane.failing = !well;
        if lane.under_way == 0 && well {
            self.lanes.remove(&addressee);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};

    fn application(n: u8) -> Id {
        Id::from_bytes([n; 16])
    }

    impl Turns {
        /// Lets the application fail once.
        async fn fail(&mut self, n: u8) {
            self.begin(application(n), ready(false));
            while self.end_one().await.is_some() {}
        }
    }

    #[test]
    fn pauses_double_up_to_half_an_hour() {
        assert_eq!([1, 2, 3, 10, 11, 99].map(pause_ms), [2_000, 4_000, 8_000, 1_024_000, 1_800_000, 1_800_000]);
    }

    #[tokio::test]
    async fn st_129_an_application_that_fails_keeps_one_turn_and_gets_the_others_back_when_it_is_well() {
        let (one, mut turns) = (application(1), Turns::default());
        for _ in 0..AT_ONCE {
            turns.begin(one, ready(false));
        }
        assert_eq!(turns.room(one), 0);
        turns.end_one().await;
        assert_eq!(turns.room(one), 0, "three are under way, and one is the most now");
        while turns.end_one().await.is_some() {}
        assert_eq!(turns.room(one), 1);
        turns.begin(one, ready(true));
        turns.end_one().await;
        assert_eq!(turns.room(one), AT_ONCE);
        assert!(turns.lanes.is_empty() && turns.of.is_empty(), "a lane that is well and empty is forgotten");
    }

    #[tokio::test]
    async fn st_129_a_delivery_that_panics_gives_its_turn_back() {
        let (one, mut turns) = (application(1), Turns::default());
        for _ in 0..AT_ONCE {
            turns.begin(one, async { panic!("a test wants it so") });
        }
        while turns.end_one().await.is_some() {}
        assert_eq!(turns.room(one), AT_ONCE_FAILING, "the application is never told again");
        assert!(turns.of.is_empty());
    }

    #[tokio::test]
    async fn st_129_however_many_applications_are_dead_one_that_answers_has_its_turns() {
        let mut turns = Turns::default();
        for n in 1..=64 {
            turns.fail(n).await;
        }
        let mut under_way = 0;
        for n in 1..=64 {
            for _ in 0..turns.room(application(n)) {
                turns.begin(application(n), pending());
                under_way += 1;
            }
        }
        assert_eq!(under_way, IN_ALL_FAILING);
        assert_eq!(turns.room(application(99)), AT_ONCE);
        // Those that nobody knows anything of yet can take all turns, once.
        for n in 100..200 {
            for _ in 0..turns.room(application(n)) {
                turns.begin(application(n), pending());
                under_way += 1;
            }
        }
        assert_eq!((under_way, turns.room(application(99))), (IN_ALL, 0));
    }

    #[tokio::test]
    async fn st_129_each_of_many_dead_applications_comes_in_turn() {
        let mut turns = Turns::default();
        for n in 1..=64 {
            turns.fail(n).await;
        }
        let mut came = Vec::new();
        for _ in 0..64_usize.div_ceil(IN_ALL_FAILING) {
            let mut due: Vec<Id> = (1..=64).map(application).collect();
            turns.order(&mut due);
            for one in due {
                if turns.room(one) > 0 {
                    turns.begin(one, ready(false));
                    came.push(one);
                }
            }
            while turns.end_one().await.is_some() {}
        }
        came.sort_unstable();
        came.dedup();
        assert_eq!(came.len(), 64);
    }
}
