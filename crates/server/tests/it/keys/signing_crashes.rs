//! `keys rotate` killed at any moment: something signs, whatever was signed verifies, and the command run again is a
//! rotation like any other.

use super::crashes::started;
use super::listed;
use super::verifiers::check;
use crate::harness::{App, Database, Server, jwt, wait_until};
use std::time::{Duration, Instant};
use vestibule_store::signing_keys::{SigningKeyRow, Stage};

const ALGORITHMS: [&str; 3] = ["EdDSA", "ES256", "RS256"];
const ROTATE: [&str; 3] = ["keys", "rotate", "--now"];

fn rows(server: &Server) -> Vec<SigningKeyRow> {
    server.with_store(async |store| store.signing_keys().await.expect("reads"))
}

/// The names of the keys of this stage, by algorithm.
fn names(rows: &[SigningKeyRow], stage: Stage) -> [Vec<String>; 3] {
    ALGORITHMS.map(|algorithm| {
        let of = rows.iter().filter(|row| row.algorithm.name() == algorithm && row.stage() == stage);
        of.map(|row| row.kid.clone()).collect()
    })
}

/// A token that is signed by each algorithm.
fn signed(apps: &[App]) -> Vec<String> {
    let token = |app: &App| {
        let answer = app.token(&[("grant_type", "client_credentials")]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.tokens().access
    };
    apps.iter().map(token).collect()
}

#[track_caller]
fn all_verify(server: &Server, tokens: &[String]) {
    let keys = jwt::key_set(server);
    for token in tokens {
        if let Err(why) = check(token, &keys, &server.url) {
            panic!("{why}: {token}");
        }
    }
}

/// What the command is killed at: a moment after its start, or the sight of the first of its three promotions.
#[derive(Clone, Copy, Debug)]
enum At {
    Moment(Duration),
    FirstPromotion,
}

/// Runs the command and kills it there; `true` when it was killed before its end.
fn killed(server: &Server, at: At) -> bool {
    match at {
        At::Moment(moment) => {
            let mut process = started(server, &ROTATE);
            std::thread::sleep(moment);
            let cut = process.ended().is_none();
            process.kill();
            cut
        }
        At::FirstPromotion => server.with_store(async |store| {
            let current = async || names(&store.signing_keys().await.expect("reads"), Stage::Current);
            let before = current().await;
            let mut process = started(server, &ROTATE);
            while process.ended().is_none() && current().await == before {}
            let cut = process.ended().is_none();
            process.kill();
            cut
        }),
    }
}

/// Size in CI: on each database six moments spread over the command's length and six or more sights of the first of its
/// three promotions, until one left some algorithms turned and others not and six were killed before their end.
#[test]
fn st_85_st_130_a_rotation_of_signing_keys_that_is_killed_at_any_moment_leaves_one_that_signs_and_is_ended_by_the_next()
{
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        // It hears of rotations and makes next keys within a moment.
        let server = Server::start(database, &["--keys-max-age", "1"]);
        let apps = ALGORITHMS.map(|name| server.app_with("service", &[], &["--access-token", name]));
        let has_next = || ALGORITHMS.iter().all(|algorithm| listed(&server, algorithm, "next").len() == 1);
        wait_until("a next key of every algorithm", has_next);
        let begin = Instant::now();
        server.json(&ROTATE, "");
        let length = begin.elapsed();
        let (mut cut, mut partly, mut tokens) = (0, 0, Vec::new());
        for round in 0..36 {
            if round >= 12 && partly > 0 && cut >= 6 {
                break;
            }
            wait_until("a next key of every algorithm", has_next);
            tokens.extend(signed(&apps));
            let before = names(&rows(&server), Stage::Current);
            let at = if round < 6 { At::Moment(length * (round + 1) / 7) } else { At::FirstPromotion };
            cut += u32::from(killed(&server, at));

            let left = rows(&server);
            let (current, next) = (names(&left, Stage::Current), names(&left, Stage::Next));
            assert!(current.iter().all(|names| names.len() == 1), "{at:?}: {current:?}");
            assert!(next.iter().all(|names| names.len() <= 1), "{at:?}: {next:?}");
            let turned = current.iter().zip(&before).filter(|(now, before)| now != before).count();
            partly += u32::from((1..3).contains(&turned));
            // Those of before, of all rounds, and those of now.
            tokens.extend(signed(&apps));
            all_verify(&server, &tokens);

            wait_until("a next key of every algorithm", has_next);
            let again = server.json(&ROTATE, "");
            let after = names(&rows(&server), Stage::Current);
            assert!(after.iter().zip(&current).all(|(after, current)| after != current), "{at:?}: {again}");
            assert!(after.iter().all(|names| names.len() == 1), "{at:?}: {after:?}");
        }
        eprintln!("{cut} were killed before their end, {partly} between two promotions");
        assert!(cut >= 6, "only {cut} were killed before their end");
        assert!(partly >= 1, "none was killed between two promotions");
        tokens.extend(signed(&apps));
        all_verify(&server, &tokens);
    }
}
