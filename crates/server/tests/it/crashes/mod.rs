//! Disks that lie or fill up, and databases that go away in mid-flight: an answer is sent after the commit that it speaks
//! of is durable, and an unknown commit is an error.
//!
//! kill -9 takes no power away: without a look at the system calls all of it would pass without one fsync.

mod cluster;
mod disk;
mod postgres;
mod proxy;
mod strace;

use crate::harness::{Answer, App, Call, Person, Server};
use std::time::{Duration, Instant};

/// What a client was told, and holds on to.
struct Ledger {
    app: App,
    person: Person,
    /// Access tokens of answered trades.
    tokens: Vec<String>,
}

impl Ledger {
    fn open(server: &Server) -> Ledger {
        let (app, person) = server.app_and_person("web");
        Ledger { app, person, tokens: Vec::new() }
    }

    fn code(&self, server: &Server) -> String {
        self.app.code(server, &self.person, &[("scope", "openid offline_access")])
    }

    /// Trades a code and keeps what was acknowledged. `None`: no answer came.
    fn trade(&mut self, code: &str) -> Option<Answer> {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.app.redirect_uri),
            ("code_verifier", crate::harness::VERIFIER),
        ];
        let answer = self.app.token_call(&usual).try_send().ok()?;
        self.keep(&answer);
        Some(answer)
    }

    fn keep(&mut self, answer: &Answer) {
        if answer.status == 200 {
            self.tokens.push(answer.tokens().access);
        }
    }

    /// Everything that was ever acknowledged is still there.
    #[track_caller]
    fn is_whole(&self, server: &Server) {
        for token in &self.tokens {
            let answer = Call::get(server.at("/oauth/userinfo")).bearer(token).send();
            assert_eq!(answer.status, 200, "an acknowledged token is gone: {}", answer.text());
        }
    }
}

/// Waits until `/readyz` says `status`, or panics.
#[track_caller]
fn wait_for_readiness(server: &Server, status: u16) {
    let start = Instant::now();
    while Call::get(server.at("/readyz")).try_send().map(|answer| answer.status) != Ok(status) {
        assert!(start.elapsed() < Duration::from_secs(40), "/readyz is not {status}: {}", server.output());
        std::thread::sleep(Duration::from_millis(50));
    }
}
