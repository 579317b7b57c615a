//! Data keys are changed while everything is served: beside a running server, and whoever of the two is killed.

use super::crashes::{all_open, fill, killed_after, killed_at_sight, rest};
use crate::harness::{AccessKey, App, Call, Server, on_both_alone, wait_until};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const ROTATE: [&str; 3] = ["keys", "rotate", "--data"];

/// Somebody who asks for what needs a key without a pause: tokens, opaque and signed, the key set, and a call that is
/// signed with an access key, whose sealed secret is opened for it and moved meanwhile.
struct Asker {
    apps: [App; 2],
    key: AccessKey,
}

impl Asker {
    fn new(server: &Server) -> Asker {
        let apps = [server.app("service"), server.app_with("service", &[], &["--access-token", "ES256"])];
        Asker { apps, key: AccessKey::add(server, &server.person().name) }
    }

    #[track_caller]
    fn ask(&self, server: &Server) {
        for app in &self.apps {
            let answer = app.token(&[("grant_type", "client_credentials")]);
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        let set = Call::get(server.at("/oauth/jwks")).send();
        assert_eq!(set.status, 200, "{}", set.text());
        let projects = self.key.get(server.at("/v3/projects")).send();
        assert_eq!(projects.status, 200, "{}", projects.text());
    }

    /// Does `work` and asks all the while; gives what it gave and how many rounds were answered, all of them with 200.
    fn during<T>(&self, server: &Server, work: impl FnOnce() -> T) -> (T, usize) {
        let (done, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
        let given = std::thread::scope(|scope| {
            let asker = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    self.ask(server);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
            let given = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            done.store(true, Ordering::Relaxed);
            asker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            given.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        (given, asked.into_inner())
    }
}

/// A running server helps to move and lets go of the old key, and everything is served meanwhile. Size in CI: 1,500 values.
#[test]
fn fm_126_a_rotation_of_data_keys_beside_a_running_server_keeps_nobody_waiting_and_ends_with_one_data_key() {
    on_both_alone(|server| {
        fill(&server);
        let asker = Asker::new(&server);
        let (done, asked) = asker.during(&server, || server.json(&ROTATE, ""));
        assert!(asked >= 2, "{asked} rounds during the rotation");
        assert_eq!((&done["new_data_keys"], &done["unreadable"]), (&1.into(), &0.into()), "{done}");
        assert_eq!(all_open(&server, &[]), 1);
        let again = server.json(&ROTATE, "");
        assert_eq!(again["new_data_keys"], 0, "the one before has not ended: {again}");
        rest(&server);
        let keys = || server.json(&["keys", "list"], "")["data_keys"].as_array().map_or(0, Vec::len);
        asker.during(&server, || {
            let end = server.json(&ROTATE, "");
            assert!(end["gone_data_keys"] == 1 || keys() == 1, "{end}");
            wait_until("one data key", || keys() == 1);
        });
        assert_eq!(all_open(&server, &[]), 1);
        asker.ask(&server);
    });
}

/// Size in CI: 1,500 values and six moments beside a running server on each database, more until one of them cut the moving
/// itself in two.
#[test]
fn fm_126_a_rotation_of_data_keys_that_is_killed_beside_a_running_server_holds_up_no_request_and_loses_nothing() {
    on_both_alone(|server| {
        fill(&server);
        let asker = Asker::new(&server);
        let begin = Instant::now();
        asker.during(&server, || server.json(&ROTATE, ""));
        let length = begin.elapsed();
        let (mut cut, mut halfway, mut asked) = (0, 0, 0);
        for round in 0..30 {
            if round >= 6 && cut >= 3 && halfway >= 1 && asked >= 6 {
                break;
            }
            // The old key goes, so that what is killed begins with another.
            rest(&server);
            server.json(&ROTATE, "");
            let moment = length * (1 + round % 6) / 8;
            let (killed, rounds) = asker.during(&server, || match round {
                0..6 => killed_after(&server, &ROTATE, moment),
                _ => killed_at_sight(&server),
            });
            (cut, asked) = (cut + usize::from(killed), asked + rounds);
            halfway += usize::from(all_open(&server, &[]) > 1);
            let (ended, _) = asker.during(&server, || server.json(&ROTATE, ""));
            assert_eq!(ended["unreadable"], 0, "{ended}");
            assert_eq!(all_open(&server, &[]), 1, "round {round}");
        }
        eprintln!("{cut} were killed before their end, {halfway} in the middle, {asked} rounds asked meanwhile");
        assert!(cut >= 3 && halfway >= 1, "{cut} were killed before their end, {halfway} in the middle");
        assert!(asked >= 6, "{asked} rounds beside what was killed");
        asker.ask(&server);
    });
}

/// The server is killed as well, while values stand under two data keys. Size in CI: 1,500 values and four moments of its
/// moving them on each database, more until it was killed before it had moved all.
#[test]
fn fm_126_a_server_that_is_killed_while_values_stand_under_two_data_keys_finds_them_all_again() {
    on_both_alone(|mut server| {
        fill(&server);
        let asker = Asker::new(&server);
        let mut between = 0;
        for round in 0..24 {
            if round >= 4 && between >= 1 {
                break;
            }
            // Nobody else moves values until some stand under either key.
            server.process().kill();
            let halfway = (0..40).any(|_| {
                if !killed_at_sight(&server) {
                    rest(&server);
                }
                all_open(&server, &[]) == 2
            });
            assert!(halfway, "round {round}: no rotation was killed in the middle");
            server.restart();
            std::thread::sleep(if round < 4 { Duration::from_millis(50 * round) } else { Duration::ZERO });
            if round < 4 && round % 2 == 1 {
                asker.ask(&server);
            }
            server.process().kill();
            between += usize::from(all_open(&server, &[]) == 2);
            server.restart();
            let (ended, _) = asker.during(&server, || server.json(&ROTATE, ""));
            assert_eq!(ended["unreadable"], 0, "{ended}");
            assert_eq!(all_open(&server, &[]), 1, "round {round}");
            rest(&server);
        }
        eprintln!("{between} were killed while values stood under two data keys");
        assert!(between >= 1, "the server was killed only after it had moved all");
        asker.ask(&server);
    });
}
