//! What every integration test stands on: the real binary, people and applications made through the real command
//! line, a plain HTTP client, a visitor with cookies, and a real browser.
//!
//! Owns no assertion about the product. What is missing on the machine (PostgreSQL, Chromium) makes a test fail.

pub mod access_key;
pub mod application;
pub mod callback;
pub mod chromium;
pub mod http;
pub mod jwt;
pub mod page;
pub mod port;
pub mod postgres;
pub mod process;
pub mod receiver;
pub mod server;
pub mod visitor;

pub use access_key::AccessKey;
pub use application::{App, CHALLENGE, Person, Tokens, VERIFIER};
pub use callback::Callback;
pub use chromium::Chromium;
pub use http::{Answer, Call};
pub use port::Port;
pub use receiver::{Act, Receiver};
pub use server::{Database, Server};
pub use visitor::{Page, Visitor};

/// Runs `test` against the shared server of each database, one after the other.
pub fn on_both(test: impl Fn(&'static Server)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Server::shared(database));
    }
}

/// Runs `test` against a server of its own on each database: for tests that stop it, fill it or read its files.
pub fn on_both_alone(test: impl Fn(Server)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- alone on {database:?}");
        test(Server::start(database, &[]));
    }
}

/// Waits until `is_so`, a minute at most.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < std::time::Duration::from_secs(60), "not within a minute: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Plays a scene until it was quick enough to show something. Waits begin with a second, which a machine that dawdles sits
/// out, so that it is told something else. No try begins after three minutes.
pub fn until_quick<T>(scene: impl Fn() -> Option<T>) -> T {
    let begin = std::time::Instant::now();
    let is_in_time = |_: &u32| begin.elapsed() < std::time::Duration::from_secs(180);
    (0..50).take_while(is_in_time).find_map(|_| scene()).expect("too slow each time")
}

/// Nothing where a first wait may be over that began after `since`.
pub fn quick(since: std::time::Instant) -> Option<()> {
    (since.elapsed() < std::time::Duration::from_secs(1)).then_some(())
}

/// A name that no other test uses: tests share a server.
pub fn unique(what: &str) -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{what}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
