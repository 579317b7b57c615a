//! The load: connections in a closed loop, each asking again as soon as it is answered.
//!
//! Owns driving and timing. What is asked is a `Caller`'s, how long a window lasts the round's.

use crate::caller::Caller;
use crate::wire::Connection;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What one window of load came to.
#[derive(Debug, Default)]
pub struct Window {
    /// How long it took.
    pub wall: Duration,
    /// Each answer's time, sorted.
    pub times: Vec<Duration>,
    /// What was not as it should be; the first few in words.
    pub errors: u64,
    pub complaints: Vec<String>,
}

impl Window {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.wall.as_secs_f64().max(1e-9)
    }

    /// An error when anything was not as it should be, or when nothing was answered.
    pub fn check(&self) -> Result<(), String> {
        match (self.complaints.first(), self.errors, self.times.len()) {
            (Some(complaint), ..) => Err(complaint.clone()),
            (None, 0, 1..) => Ok(()),
            (None, errors, answers) => Err(format!("{errors} connections broke down, {answers} answers came")),
        }
    }

    /// The time within which `share` of the answers came.
    pub fn within(&self, share: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get((last as f64 * share) as usize).copied().unwrap_or_default()
    }
}

/// Connections that are open and wait for the start.
pub struct Ready {
    lines: Vec<(Connection, Caller)>,
}

impl Ready {
    /// Opens a connection for each caller.
    pub async fn connect(to: SocketAddr, callers: Vec<Caller>) -> Result<Ready, String> {
        let mut lines = Vec::with_capacity(callers.len());
        for caller in callers {
            lines.push((Connection::open(to).await?, caller));
        }
        Ok(Ready { lines })
    }

    /// Lets all of them ask until `time` is over, each has asked `most` times, or they have nothing more to ask. Gives
    /// the callers back, so that the next window goes on where this one ended.
    pub async fn drive(self, time: Duration, most: usize) -> (Window, Vec<Caller>) {
        let stop = Arc::new(AtomicBool::new(false));
        let start = Instant::now();
        let running: Vec<_> = self
            .lines
            .into_iter()
            .map(|(line, caller)| tokio::spawn(ask_on(line, caller, most, stop.clone())))
            .collect();
        let all_done = running.len();
        let watch = tokio::spawn({
            let stop = stop.clone();
            async move {
                tokio::time::sleep(time).await;
                stop.store(true, Ordering::Relaxed);
            }
        });
        let mut window = Window::default();
        let mut callers = Vec::with_capacity(all_done);
        for line in running {
            let Ok((caller, times, complaint)) = line.await else {
                window.errors += 1;
                continue;
            };
            callers.push(caller);
            window.times.extend(times);
            window.errors += u64::from(complaint.is_some());
            window.complaints.extend(complaint);
        }
        window.wall = start.elapsed();
        watch.abort();
        window.times.sort_unstable();
        (window, callers)
    }
}

/// One connection's loop. An error ends it: what comes after would only repeat it.
async fn ask_on(
    mut line: Connection,
    mut caller: Caller,
    most: usize,
    stop: Arc<AtomicBool>,
) -> (Caller, Vec<Duration>, Option<String>) {
    let mut times = Vec::with_capacity(1 << 16);
    while times.len() < most && !stop.load(Ordering::Relaxed) {
        let Some(request) = caller.ask() else { break };
        let asked = Instant::now();
        let heard = match line.call(request).await {
            Ok(reply) => caller.hear(&reply),
            Err(why) => Err(why),
        };
        if let Err(complaint) = heard {
            return (caller, times, Some(complaint));
        }
        times.push(asked.elapsed());
    }
    (caller, times, None)
}
