//! The clock: the only place that asks what time it is.
//!
//! Every rule and every verb takes `now` as an argument, so that it can be tested at any moment; they get it from here.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// The machine's clock.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that may")]
    pub fn system() -> Clock {
        Clock { started: Instant::now() }
    }

    /// Unix time in milliseconds.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that may")]
    pub fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// Milliseconds since this clock was made; never goes back. For rates and deadlines inside the process.
    pub fn ticks(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// The moment in so many milliseconds.
    pub fn until(&self, ms: i64) -> Until {
        Until { clock: self.clone(), now: self.now().saturating_add(ms), ticks: self.ticks().saturating_add(ms) }
    }

    /// The same to the nanosecond, for measuring.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A moment by both clocks: the machine's, which others compare with theirs and which somebody may set, and the one that
/// never goes back, which may stand still while the machine sleeps. Whichever is there first.
#[derive(Clone, Debug)]
pub struct Until {
    clock: Clock,
    now: i64,
    ticks: i64,
}

impl Until {
    /// Whether it is there.
    pub fn is_over(&self) -> bool {
        self.clock.now() >= self.now || self.clock.ticks() >= self.ticks
    }
}

/// A time (Unix milliseconds) in RFC 3339, UTC, to the second.
pub fn rfc3339(ms: i64) -> String {
    let seconds = ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to civil date in the proleptic Gregorian calendar, counted from 1 March of year 0 in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_there_when_either_clock_says_so() {
        let clock = Clock::system();
        let (now, ticks) = (clock.now(), clock.ticks());
        let until = |now, ticks| Until { clock: clock.clone(), now, ticks };
        assert!(until(now - 1, ticks + 60_000).is_over(), "somebody has set the clock, or the machine has slept");
        assert!(until(now + 60_000, ticks).is_over(), "the machine's clock stands still, or was set back");
        assert!(!clock.until(60_000).is_over() && clock.until(0).is_over());
    }
}
