//! Disks that lie or fill up, and databases that go away in mid-flight: an answer is sent after the commit that it speaks
//! of is durable, and an unknown commit is an error.
//!
//! kill -9 takes no power away: without a look at the system calls all of it would pass without one fsync.

mod cluster;
mod disk;
mod postgres;
pub mod proxy;
mod strace;

use crate::harness::{Answer, App, Call, Person, Server};
use std::time::{Duration, Instant};

/// What a client was told, and holds on to.
struct Ledger {
    app: App,
    person: Person,
    /// Access tokens of answered trades.
    tokens: Vec<String>,
    /// Access tokens whose end was answered.
    ended: Vec<String>,
}

impl Ledger {
    fn open(server: &Server) -> Ledger {
        // What is done to the disk or the database next is to meet the client's requests.
        server.settles();
        let (app, person) = server.app_and_person("web");
        Ledger { app, person, tokens: Vec::new(), ended: Vec::new() }
    }

    fn code(&self, server: &Server) -> String {
        self.app.code(server, &self.person, &[("scope", "openid offline_access")])
    }

    /// What trades a code.
    fn usual<'a>(&'a self, code: &'a str) -> [(&'a str, &'a str); 4] {
        [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.app.redirect_uri),
            ("code_verifier", crate::harness::VERIFIER),
        ]
    }

    /// Trades a code and keeps what was acknowledged. `None`: no answer came.
    fn trade(&mut self, code: &str) -> Option<Answer> {
        let answer = self.app.token_call(&self.usual(code)).try_send().ok()?;
        self.keep(&answer);
        Some(answer)
    }

    fn keep(&mut self, answer: &Answer) {
        if answer.status == 200 {
            self.tokens.push(answer.tokens().access);
        }
    }

    /// Gives a family back by its refresh token; `None`: no answer came. Of an end that was not acknowledged nobody knows.
    fn revoke(&mut self, refresh: &str, accesses: &[&str]) -> Option<Answer> {
        self.tokens.retain(|token| !accesses.contains(&token.as_str()));
        let answer = self.call("/oauth/revoke", refresh).try_send().ok()?;
        if answer.status == 200 {
            self.ended.extend(accesses.iter().map(|token| (*token).to_owned()));
        }
        Some(answer)
    }

    /// A call to revoke a token, or to ask about it.
    fn call(&self, path: &str, token: &str) -> Call {
        let url = format!("{}{path}", self.app.server);
        Call::post(url).basic(&self.app.client_id, &self.app.client_secret).form(&[("token", token)])
    }

    /// Whether the token lives: every endpoint says the same.
    #[track_caller]
    fn lives(&self, server: &Server, token: &str) -> bool {
        let read = Call::get(server.at("/oauth/userinfo")).bearer(token).send();
        let told = self.call("/oauth/introspect", token).send();
        assert!(matches!(read.status, 200 | 401) && told.status == 200, "{} {}", read.status, told.text());
        assert_eq!(told.json()["active"], read.status == 200, "two truths: {} {}", read.text(), told.text());
        read.status == 200
    }

    /// Everything that was ever acknowledged is still there, and what was ended is not.
    #[track_caller]
    fn is_whole(&self, server: &Server) {
        for token in &self.ended {
            assert!(!self.lives(server, token), "what ended is back");
        }
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
        assert!(start.elapsed() < Duration::from_secs(60), "/readyz is not {status}: {}", server.output());
        std::thread::sleep(Duration::from_millis(50));
    }
}
