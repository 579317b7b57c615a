//! Logs: to stderr, JSON lines unless a person watches.
//!
//! Owns the form and the level. Secrets, bodies and query strings are never handed to it: a line names a request by
//! its id, its method and its path.

use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;

/// Starts logging for this process, down to `level`.
pub fn start(level: &str) {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    let person_watches = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level);
    // A second start (in a test) is no harm: the first stays.
    let _ = if person_watches {
        builder.with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    std::panic::set_hook(Box::new(|panic| {
        // Where, and not what: a panic's message may quote the input that made it (FM-107).
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a defect of ours: the program panicked here");
    }));
}
