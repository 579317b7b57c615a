//! The clock: the only place that asks what time it is.
//!
//! Every rule and every verb takes `now` as an argument, so that it can be tested at any moment; they get it from here.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

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
}
