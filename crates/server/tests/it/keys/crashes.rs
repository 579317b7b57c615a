//! Killed in the middle of moving from key to key: nothing is lost, and the next one goes on where it ended.

use super::opener::{Opener, key_encryption_keys};
use crate::harness::process::Guarded;
use crate::harness::server::binary;
use crate::harness::{Server, on_both_alone, wait_until};
use std::process::Stdio;
use std::time::Duration;
use vestibule_oauth::id::Id;
use vestibule_store::Store;
use vestibule_store::data_keys::DEPLOYMENT;
use vestibule_store::sealed::{Resealed, SEALED_COLUMNS, SealedRow};

/// Values that are sealed by the test, as its own reading of the description says.
const VALUES: usize = 1500;

fn plain(n: usize) -> Vec<u8> {
    format!("value {n}").into_bytes()
}

fn name(n: usize) -> String {
    format!("value {n}")
}

async fn every(store: &Store) -> Vec<(usize, SealedRow)> {
    let mut rows = Vec::with_capacity(VALUES);
    for n in 0..VALUES {
        rows.push((n, store.deployment_secret(&name(n)).await.expect("reads").expect("is there")));
    }
    rows
}

/// Seals the values under the data key that seals now.
pub fn fill(server: &Server) {
    let opener = Opener::of(server).expect("unwraps");
    server.with_store(async |store| {
        let key = store.sealing_key(DEPLOYMENT).await.expect("reads").expect("is there").id;
        for n in 0..VALUES {
            let id = Id::new(1_900_000_000_000, [(n >> 8) as u8, n as u8, 0, 0, 0, 0, 0, 0, 0, 1]);
            let value = opener.seal("deployment_secrets", "sealed", id, key, &plain(n));
            store.keep_deployment_secret(&name(n), &SealedRow { id, value }, 0).await.expect("runs");
        }
    });
}

/// A retired key rests for a minute before it goes; its row is moved back instead of waiting.
pub fn rest(server: &Server) {
    server.with_store(async |store| {
        let sql = "UPDATE data_keys SET retired_at = retired_at - 60001 WHERE retired_at IS NOT NULL";
        store.run(vec![vestibule_store::Statement::new(sql, [])]).await.expect("runs");
    });
}

/// Every value opens to what was sealed; gives how many data keys they name.
#[track_caller]
pub fn all_open(server: &Server, changed: &[usize]) -> usize {
    let opener = Opener::of(server).expect("every data key unwraps with a key that the server has");
    let rows = server.with_store(async |store| every(&store).await);
    let mut keys = std::collections::HashSet::new();
    for (n, row) in rows {
        keys.insert(row.value.key);
        let opened = opener.open("deployment_secrets", "sealed", row.id, &row.value).expect("opens");
        let expected = if changed.contains(&n) { b"changed".to_vec() } else { plain(n) };
        assert_eq!(opened, expected, "value {n}");
    }
    keys.len()
}

pub fn started(server: &Server, arguments: &[&str]) -> Guarded {
    let mut command = binary(&server.directory, server.database_url.as_deref());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Guarded::spawn(&mut command)
}

/// Runs `keys …` for so long and kills it; `true` when it was killed before its end.
pub fn killed_after(server: &Server, arguments: &[&str], after: Duration) -> bool {
    let mut process = started(server, arguments);
    std::thread::sleep(after);
    let cut = process.ended().is_none();
    process.kill();
    cut
}

/// Runs `keys rotate --data` and kills it when the first value is seen to have moved, which is in the middle however fast the
/// machine is; `true` when it was killed before its end.
pub fn killed_at_sight(server: &Server) -> bool {
    server.with_store(async |store| {
        let key = async || store.deployment_secret(&name(0)).await.expect("reads").expect("is there").value.key;
        let before = key().await;
        let mut process = started(server, &["keys", "rotate", "--data"]);
        while process.ended().is_none() && key().await == before {}
        let cut = process.ended().is_none();
        process.kill();
        cut
    })
}

/// Size in CI: 1,500 values, twelve moments on each database, more until one of them cut the moving itself in two; the server is
/// killed in the middle too.
#[test]
fn fm_126_a_rotation_of_data_keys_that_is_killed_at_any_moment_loses_nothing_and_is_ended_by_the_next() {
    on_both_alone(|mut server| {
        fill(&server);
        // Nobody else moves values while the command is killed.
        server.process().kill();
        let (mut cut, mut halfway, mut changed) = (0, 0, Vec::new());
        for round in 0..40_u64 {
            if round >= 12 && cut >= 6 && halfway >= 1 {
                break;
            }
            let moment = Duration::from_millis(10 + 20 * round);
            let killed = match round {
                0..12 => killed_after(&server, &["keys", "rotate", "--data"], moment),
                _ => killed_at_sight(&server),
            };
            cut += usize::from(killed);
            if !killed {
                // It is over: its old key goes, so that the next round begins another.
                rest(&server);
                server.json(&["keys", "rotate", "--data"], "");
            }
            halfway += usize::from(all_open(&server, &changed) > 1);
            // Somebody writes a value meanwhile; the rotation never puts the old one back.
            let n = 101 * round as usize % VALUES;
            write(&server, n);
            changed.push(n);
        }
        assert!(cut >= 6, "only {cut} were killed before their end");
        assert!(halfway >= 1, "none was killed in the middle");
        let done = server.json(&["keys", "rotate", "--data"], "");
        assert_eq!(done["unreadable"], 0, "{done}");
        assert_eq!(all_open(&server, &changed), 1, "everything is sealed under one key");
        // A server that starts now, and is killed while it sees to the rest.
        server.restart();
        server.process().kill();
        server.restart();
        assert_eq!(all_open(&server, &changed), 1);
        // Of the slowest algorithm too, whose keys a server that is killed so soon may not have made.
        server.settles();
        assert_eq!(super::key_set(&server).iter().filter(|key| key["alg"] == "RS256").count(), 2);
    });
}

fn write(server: &Server, n: usize) {
    let opener = Opener::of(server).expect("unwraps");
    server.with_store(async |store| {
        let key = store.sealing_key(DEPLOYMENT).await.expect("reads").expect("is there").id;
        let old = store.deployment_secret(&name(n)).await.expect("reads").expect("is there");
        let new = opener.seal("deployment_secrets", "sealed", old.id, key, b"changed");
        let column = SEALED_COLUMNS.iter().find(|column| column.table == "deployment_secrets").expect("is listed");
        let value = Resealed { id: old.id, old: old.value, new };
        assert_eq!(store.reseal(column, &[value]).await.expect("runs"), 1);
    });
}

/// Size in CI: twelve moments. On SQLite, where the command makes the key file anew.
#[test]
fn a_rotation_of_the_key_encryption_key_that_is_killed_at_any_moment_leaves_a_file_that_opens_the_database() {
    let mut server = Server::start(crate::harness::Database::Sqlite, &[]);
    let first = key_encryption_keys(&server);
    for round in 0..12 {
        killed_after(&server, &["keys", "rotate", "--key-encryption"], Duration::from_millis(8 + 7 * round));
        assert!(Opener::of(&server).is_some(), "round {round}");
        let listed = server.json(&["keys", "list"], "");
        assert!(listed["key_encryption_keys"].as_object().is_some_and(|keys| !keys.is_empty()));
    }
    server.json(&["keys", "rotate", "--key-encryption"], "");
    let last = key_encryption_keys(&server);
    assert!(last.len() == 2 && last[0] != first[0], "another key; the one before it rests");
    // The server that ran all the while still makes keys, and one that starts now finds its own.
    server.json(&["keys", "rotate", "--now", "--algorithm", "EdDSA"], "");
    wait_until("the running server seals", || super::listed(&server, "EdDSA", "next").len() == 1);
    server.process().kill();
    // The file is made older instead of waiting for a minute.
    let file = std::fs::File::options().append(true).open(server.data_directory().join("key")).expect("opens");
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(120);
    file.set_modified(long_ago).expect("changes");
    server.restart();
    wait_until("the old key has left the file", || key_encryption_keys(&server) == last[..1]);
    assert_eq!(super::kids(&server).len(), 7);
    assert!(Opener::of(&server).is_some());
}

/// Size in CI: eight rounds of three commands at once, beside a running server that makes data keys.
#[test]
fn of_rotations_of_the_key_encryption_key_that_run_at_once_none_loses_a_key_that_wraps_something() {
    let server = Server::start(crate::harness::Database::Sqlite, &[]);
    let arguments = ["keys", "rotate", "--key-encryption"];
    for round in 0..8 {
        let commands: Vec<_> = (0..3).map(|_| started(&server, &arguments)).collect();
        for mut command in commands {
            let ended = command.wait(Duration::from_secs(60));
            assert_eq!(ended, Some(Some(0)), "round {round}");
        }
        assert!(Opener::of(&server).is_some(), "round {round}: a data key is wrapped with a key that is gone");
        let file = std::fs::File::options().append(true).open(server.data_directory().join("key")).expect("opens");
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(120);
        file.set_modified(long_ago).expect("changes");
    }
}
