//! What a connection has been doing, and how much longer it may stay as it is.
//!
//! Owns when a request is under way: from its header until the last byte of its answer has been handed on, so that a
//! client which asks and does not read is noticed. Ending the connection is the accept loop's.

use crate::clock::Clock;
use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// How long a connection may do what.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Be there without having asked for anything.
    pub silent: Duration,
    /// Stay without a request once it has asked for something.
    pub idle: Duration,
    /// Take for one request, from its header to the end of its answer.
    pub request: Duration,
    /// Finish what is under way once it was told goodbye.
    pub farewell: Duration,
}

/// One connection's life.
pub struct Life {
    clock: Clock,
    limits: Limits,
    deeds: Mutex<Deeds>,
}

#[derive(Default)]
struct Deeds {
    asked: u64,
    /// The number of each request that is under way, and since when, in ticks; the first one has been so for longest.
    under_way: Vec<(u64, i64)>,
    /// Ticks when it was taken or ended its last request.
    quiet_since: i64,
}

impl Life {
    /// The life of a connection that was taken just now.
    pub fn new(clock: Clock, limits: Limits) -> Arc<Life> {
        let deeds = Deeds { quiet_since: clock.ticks(), ..Deeds::default() };
        Arc::new(Life { clock, limits, deeds: Mutex::new(deeds) })
    }

    fn deeds(&self) -> MutexGuard<'_, Deeds> {
        self.deeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has ever asked for anything.
    pub fn asked(&self) -> bool {
        self.deeds().asked > 0
    }

    /// How much longer it may stay as it is.
    pub fn patience(&self) -> Duration {
        self.deeds().patience(&self.limits, self.clock.ticks())
    }

    /// Notes that a request has begun.
    pub fn begin(self: &Arc<Life>) -> UnderWay {
        let mut deeds = self.deeds();
        deeds.asked += 1;
        let number = deeds.asked;
        deeds.under_way.push((number, self.clock.ticks()));
        UnderWay { life: self.clone(), number }
    }
}

impl Deeds {
    fn patience(&self, limits: &Limits, ticks: i64) -> Duration {
        let (limit, since) = match self.under_way.first() {
            Some((_, since)) => (limits.request, *since),
            None if self.asked > 0 => (limits.idle, self.quiet_since),
            None => (limits.silent, self.quiet_since),
        };
        limit.saturating_sub(Duration::from_millis(u64::try_from(ticks - since).unwrap_or(0)))
    }
}

/// A request under way; its end is noted when it is dropped, however it ends.
pub struct UnderWay {
    life: Arc<Life>,
    number: u64,
}

impl UnderWay {
    /// The answer's body, with which the request ends.
    pub fn until_written(self, body: Body) -> Answering {
        Answering { body, _under_way: self }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut deeds = self.life.deeds();
        deeds.under_way.retain(|(number, _)| *number != self.number);
        deeds.quiet_since = self.life.clock.ticks();
    }
}

/// The body of an answer that is being written.
pub struct Answering {
    body: Body,
    _under_way: UnderWay,
}

impl hyper::body::Body for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm_120_patience_ends_for_the_silent_the_idle_and_the_slow() {
        let s = Duration::from_secs;
        let limits = Limits { silent: s(10), idle: s(75), request: s(60), farewell: s(10) };
        let mut deeds = Deeds { quiet_since: 1_000, ..Deeds::default() };
        assert_eq!(deeds.patience(&limits, 1_000), s(10));
        assert_eq!(deeds.patience(&limits, 11_000), Duration::ZERO);
        deeds.asked = 1;
        assert_eq!(deeds.patience(&limits, 11_000), s(65));
        deeds.under_way = vec![(2, 40_000), (3, 50_000)];
        assert_eq!(deeds.patience(&limits, 60_000), s(40), "the request that began first sets the limit");
        assert_eq!(deeds.patience(&limits, 100_000), Duration::ZERO);
    }

    #[test]
    fn a_request_is_under_way_until_its_answer_is_written() {
        let s = Duration::from_secs;
        let life = Life::new(Clock::system(), Limits { silent: s(1), idle: s(1_000), request: s(100), farewell: s(1) });
        assert!(!life.asked() && life.patience() <= s(1));
        let body = life.begin().until_written(Body::from("an answer"));
        assert!(life.asked() && life.patience() <= s(100));
        drop(body);
        assert!(life.patience() > s(100));
    }
}
