//! Two deeds at almost the same moment.
//!
//! Owns who begins later, and by how much: chance says, around a middle that follows the winners, so that on whatever
//! machine each side wins now and then; and that a thread which died is never taken for one that had nothing to tell.

use super::seed::Chance;
use std::collections::HashMap;
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

/// Nobody begins later than by this.
const MOST_US: i64 = 1_000_000;

/// How much later the use begins, in the middle; for each kind of race.
#[derive(Default)]
pub struct Balances(Mutex<HashMap<&'static str, Balance>>);

#[derive(Clone, Copy, Default)]
struct Balance {
    middle_us: i64,
    step_us: i64,
    use_won: Option<bool>,
}

impl Balances {
    /// How much later the use begins this time (below 0: the end does), within `spread_us` of the middle.
    pub fn draw(&self, kind: &'static str, spread_us: u64, chance: &mut Chance) -> i64 {
        let middle = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default().middle_us;
        let spread = i64::try_from(spread_us).unwrap_or(MOST_US);
        let jitter = i64::try_from(chance.below(2 * spread_us)).unwrap_or(spread);
        (middle + jitter - spread).clamp(-MOST_US, MOST_US)
    }

    /// Who won: the next time the winner begins later. One that wins again and again, by ever more.
    pub fn won(&self, kind: &'static str, spread_us: u64, use_won: bool) {
        let mut balances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let balance = balances.entry(kind).or_default();
        let least = i64::try_from(spread_us / 4).unwrap_or_default().max(1);
        balance.step_us = if balance.use_won == Some(use_won) { (balance.step_us * 2).min(MOST_US / 4) } else { least };
        balance.use_won = Some(use_won);
        let step = if use_won { balance.step_us } else { -balance.step_us };
        balance.middle_us = (balance.middle_us + step).clamp(-MOST_US, MOST_US);
    }
}

/// Does both at almost the same moment, the use by `later_us` later, or the end by as much as that is below 0.
pub fn together<A: Send, B: Send>(
    later_us: i64,
    the_use: impl FnOnce() -> A + Send,
    the_end: impl FnOnce() -> B + Send,
) -> (A, B) {
    let wait = |us: i64| std::thread::sleep(Duration::from_micros(u64::try_from(us).unwrap_or_default()));
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        let user = scope.spawn(|| {
            barrier.wait();
            wait(later_us);
            the_use()
        });
        barrier.wait();
        wait(-later_us);
        let ended = the_end();
        match user.join() {
            Ok(used) => (used, ended),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// What the thread brings home. One that panicked has proven nothing, and says why.
pub fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> Result<T, String> {
    thread.join().map_err(|panic| {
        let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
        format!("a thread of the driver panicked: {}", text.unwrap_or("nobody knows why"))
    })
}

/// The same of many; all are waited for.
pub fn all_joined<T>(threads: Vec<ScopedJoinHandle<'_, T>>) -> Result<Vec<T>, String> {
    let ends: Vec<_> = threads.into_iter().map(joined).collect();
    ends.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panicked_is_an_error_and_not_nothing() {
        let run = |dies: usize| {
            let one = move |n: usize| if n == dies { panic!("number {n}") } else { vec![n] };
            std::thread::scope(|scope| all_joined((0..3).map(|n| scope.spawn(move || one(n))).collect()))
        };
        assert_eq!(run(3), Ok(vec![vec![0], vec![1], vec![2]]));
        assert_eq!(run(1), Err("a thread of the driver panicked: number 1".to_owned()));
    }

    /// A machine on which the end takes so much longer that by chance alone it would never come first.
    #[test]
    fn each_side_wins_now_and_then_however_long_the_other_takes() {
        for longer_us in [-60_000, 0, 35_000, 120_000] {
            let (balances, mut chance) = (Balances::default(), Chance::new(9));
            let mut wins = |_| {
                let use_won = balances.draw("x", 2_000, &mut chance) < longer_us;
                balances.won("x", 2_000, use_won);
                use_won
            };
            let begun = (0..20).filter(|n| wins(*n)).count();
            assert!((1..20).contains(&begun), "{longer_us}: {begun} of the first 20");
            let later = (0..200).filter(|n| wins(*n)).count();
            assert!((60..140).contains(&later), "{longer_us}: {later} of 200");
        }
    }
}
