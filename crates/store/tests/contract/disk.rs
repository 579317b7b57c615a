//! Disks that fail, and processes that die.
//!
//! Each test starts itself once more as a process of its own, which plays the server.

use crate::engine::{THINGS, add, count, id};
use crate::harness::{Kind, NOW, one_empty_database, options_for};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use vestibule_store::{Role, Store, StoreError, StoreUrl, Verb, statement};

/// Names the file on which the process of its own works.
const ROLE: &str = "VESTIBULE_TEST_DISK";

#[expect(clippy::disallowed_methods, reason = "tells a test which of its two roles it plays")]
fn played_on() -> Option<PathBuf> {
    std::env::var(ROLE).ok().map(PathBuf::from)
}

/// This test once more, as the server on `path`.
fn itself(test: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("has a path"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(ROLE, path);
    command
}

fn play<F: Future<Output = ()>>(role: F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(role);
}

async fn open(path: &Path) -> Store {
    let url = StoreUrl::Sqlite(path.to_owned());
    Store::open(&url, Role::Server, options_for(Role::Server, THINGS)).await.expect("opens")
}

#[test]
fn fm_74_a_sync_that_fails_is_no_success_is_never_retried_and_ends_the_store() {
    const NAME: &str = "disk::fm_74_a_sync_that_fails_is_no_success_is_never_retried_and_ends_the_store";
    if let Some(path) = played_on() {
        return play(fail_syncs(path));
    }
    one_empty_database(Kind::Sqlite, async |database| {
        let StoreUrl::Sqlite(path) = &database.url else { unreachable!("asked for SQLite") };
        refuses_all(on_failing_disk(NAME, path));
        let after = open(path).await;
        let first = after.find(&statement!("SELECT id FROM things WHERE id = $1", id(1))).await.expect("reads");
        assert!(first.is_some(), "what was answered before the failure is there");
        after.run(add(1000)).await.expect("a new process can write again");
        after.close().await;
    });
}

/// This test once more, on a disk whose syncs fail while the file with the extension `eio` is there.
fn on_failing_disk(test: &str, path: &Path) -> Command {
    let shim = path.with_extension("so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/eio.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&shim).args([source, "-ldl"]).status();
    assert!(compiled.expect("cc, which links Rust programs, is here").success());
    let mut server = itself(test, path);
    server.env("LD_PRELOAD", &shim);
    server.env("VESTIBULE_EIO_WHILE", path.with_extension("eio"));
    server.env("VESTIBULE_EIO_COUNT", path.with_extension("syncs"));
    server
}

fn refuses_all(mut server: Command) {
    let output = server.output().expect("starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("all refused"), "{said}{errors}");
}

async fn fail_syncs(path: PathBuf) {
    let flag = path.with_extension("eio");
    let syncs = || fs::metadata(path.with_extension("syncs")).map_or(0, |data| data.len());
    let store = open(&path).await;
    let before = syncs();
    store.run(add(1)).await.expect("runs");
    assert!(syncs() > before, "the answer came after a sync");
    fs::write(&flag, "").expect("writes");
    let callers: Vec<_> = (2..40)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.run(add(n)).await })
        })
        .collect();
    for caller in callers {
        let answer = caller.await.expect("ends");
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
        assert!(store.failure().is_some(), "whoever hears of it finds the store failed already");
    }
    tokio::time::timeout(Duration::from_secs(5), store.failed()).await.expect("the server learns that it must end");
    fs::remove_file(&flag).expect("removes");
    let before = syncs();
    let again = store.run(add(50)).await;
    assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(syncs(), before, "nothing was synced again, not even by the idle writer");
    assert!(store.failure().is_some());
    println!("all refused");
}

/// A thing of 8 MiB: 2,048 frames of the log.
fn add_large(n: u32) -> Verb {
    const ADD_LARGE: &str = "INSERT INTO things (id, bytes) VALUES ($1, zeroblob(8388608)) RETURNING id";
    vec![statement!(ADD_LARGE, id(n))]
}

#[test]
fn fm_74_a_checkpoint_between_commits_that_cannot_sync_ends_the_store() {
    const NAME: &str = "disk::fm_74_a_checkpoint_between_commits_that_cannot_sync_ends_the_store";
    if let Some(path) = played_on() {
        return play(fail_checkpoints(path));
    }
    one_empty_database(Kind::Sqlite, async |database| {
        let StoreUrl::Sqlite(path) = &database.url else { unreachable!("asked for SQLite") };
        let mut server = on_failing_disk(NAME, path);
        server.env("VESTIBULE_EIO_ONLY", path);
        refuses_all(server);
        let after = open(path).await;
        let first = after.find(&statement!("SELECT id FROM things WHERE id = $1", id(1))).await.expect("reads");
        assert!(first.is_some(), "what was answered is there: the log had it");
        after.close().await;
    });
}

/// The log is sound and the database file is not. Verbs come so fast that the writer never finds a pause.
async fn fail_checkpoints(path: PathBuf) {
    let flag = path.with_extension("eio");
    let syncs = || fs::metadata(path.with_extension("syncs")).map_or(0, |data| data.len());
    let store = open(&path).await;
    fs::write(&flag, "").expect("writes");
    let never_idle = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 1000.. {
                if store.run(add(n)).await.is_err() {
                    return;
                }
            }
        }
    });
    let answered = async {
        for n in 1..64 {
            if store.run(add_large(n)).await.is_err() {
                return n - 1;
            }
        }
        panic!("512 MiB and no checkpoint failed");
    };
    assert!(answered.await >= 2, "the commits are sound until a checkpoint is due");
    never_idle.abort();
    assert!(store.failure().is_some());
    fs::remove_file(&flag).expect("removes");
    let before = syncs();
    let again = store.run(add(50)).await;
    assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(syncs(), before, "nothing was synced again, not even by the idle writer");
    println!("all refused");
}

#[test]
fn what_was_answered_survives_a_process_that_is_killed() {
    const NAME: &str = "disk::what_was_answered_survives_a_process_that_is_killed";
    if let Some(path) = played_on() {
        return play(answer_until_killed(path));
    }
    one_empty_database(Kind::Sqlite, async |database| {
        let StoreUrl::Sqlite(path) = &database.url else { unreachable!("asked for SQLite") };
        let mut server = itself(NAME, path).stdout(Stdio::piped()).spawn().expect("starts");
        let mut lines = BufReader::new(server.stdout.take().expect("is piped")).lines().map_while(Result::ok);
        let number = |line: String| line.strip_prefix("done ").and_then(|n| n.parse::<u32>().ok());
        let mut answered: Vec<u32> = lines.by_ref().filter_map(number).take(500).collect();
        server.kill().expect("is killed");
        server.wait().expect("ends");
        answered.extend(lines.filter_map(number));
        assert!(answered.len() >= 500);
        let after = open(path).await;
        for n in &answered {
            let there = after.find(&statement!("SELECT id FROM things WHERE id = $1", id(*n))).await.expect("reads");
            assert!(there.is_some(), "{n} was answered and is gone (of {} at {NOW})", count(&after).await);
        }
        after.close().await;
    });
}

async fn answer_until_killed(path: PathBuf) {
    let store = open(&path).await;
    let callers: Vec<_> = (0..8_u32)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in caller * 100_000.. {
                    store.run(add(n)).await.expect("runs");
                    println!("done {n}");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("runs until it is killed");
    }
}
