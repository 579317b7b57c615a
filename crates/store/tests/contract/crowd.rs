//! More callers than the store can serve at once, and commands beside a busy server.

use crate::engine::{ADD, THINGS, add, count, id};
use crate::harness::{Kind, NOW, each_empty_database, one_empty_database, one_empty_file_in_memory, options_for};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio_postgres::NoTls;
use vestibule_store::{Options, Role, Store, StoreError, StoreUrl, statement};

const TOUCH: &str = "UPDATE things SET number = number + 1 WHERE id = $1 RETURNING number";

#[expect(clippy::disallowed_methods, reason = "the promise is a duration")]
fn stopwatch() -> Instant {
    Instant::now()
}

/// Rows of one verb of [`saturate`]: enough that the writer, and not its callers, has no time left.
const ROWS: u32 = 20;

/// Callers that keep the writer busy until they are told to stop; gives how many rows they added.
fn saturate(store: &Store, callers: u32, stop: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<u32>> {
    let next = Arc::new(AtomicU32::new(1_000_000));
    let caller = |_| {
        let (store, stop, next) = (store.clone(), Arc::clone(stop), Arc::clone(&next));
        tokio::spawn(async move {
            let mut done = 0;
            while !stop.load(Ordering::Relaxed) {
                let first = next.fetch_add(ROWS, Ordering::Relaxed);
                store.run((first..first + ROWS).flat_map(add).collect()).await.expect("the server is served");
                done += ROWS;
            }
            done
        })
    };
    (0..callers).map(caller).collect()
}

#[test]
fn each_of_100_commands_finishes_within_5_seconds_beside_a_saturated_writer() {
    one_empty_file_in_memory(async |database| {
        let server = database.open(Role::Server, THINGS).await.expect("opens");
        let stop = Arc::new(AtomicBool::new(false));
        let callers = saturate(&server, 600, &stop);
        let url = Arc::new(database.url.clone());
        let commands = (0..100_u32).map(|n| {
            let url = Arc::clone(&url);
            tokio::spawn(async move {
                let started = stopwatch();
                let command = Store::open(&url, Role::Node, options_for(Role::Node, THINGS)).await.expect("opens");
                command.run(add(n)).await.expect("runs");
                command.close().await;
                started.elapsed()
            })
        });
        let mut slowest = Duration::ZERO;
        for command in commands.collect::<Vec<_>>() {
            slowest = slowest.max(command.await.expect("ends"));
        }
        stop.store(true, Ordering::Relaxed);
        let mut served = 0;
        for caller in callers {
            served += caller.await.expect("ends");
        }
        println!("slowest command: {slowest:?}; the server's own rows meanwhile: {served}");
        assert!(slowest < Duration::from_secs(5), "{slowest:?}");
        assert!(served > 1000, "the writer was busy: {served}");
        assert_eq!(count(&server).await, i64::from(served) + 100, "nothing was lost on either side");
        server.close().await;
    });
}

/// Size in CI: 800 verbs of about 100 pages each by 8 callers without a pause, 300 MiB in all.
#[test]
fn the_log_of_a_writer_that_never_rests_does_not_grow_without_end() {
    const CALLERS: u32 = 8;
    const VERBS: u8 = 100;
    const BYTES: usize = 400_000;
    const FRAME: u64 = 4096 + 24;
    // So long it may grow before it is looked at, and so much more until then: 8 commits, each with a verb of each caller.
    const MOST: u64 = (8_192 + 8 * 8 * 110) * FRAME;
    one_empty_file_in_memory(async |database| {
        let server = database.open(Role::Server, THINGS).await.expect("opens");
        let StoreUrl::Sqlite(path) = &database.url else { unreachable!("asked for SQLite") };
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        for n in 0..CALLERS {
            server.run(add(n)).await.expect("runs");
        }
        let callers = (0..CALLERS).map(|n| {
            let (server, log) = (server.clone(), log.clone());
            tokio::spawn(async move {
                let mut longest = 0;
                for step in 0..VERBS {
                    let bytes = vec![step; BYTES];
                    let verb = vec![statement!("UPDATE things SET bytes = $2 WHERE id = $1", id(n), bytes)];
                    server.run(verb).await.expect("runs");
                    longest = longest.max(std::fs::metadata(&log).expect("is there").len());
                }
                longest
            })
        });
        let mut longest = 0;
        for caller in callers.collect::<Vec<_>>() {
            longest = longest.max(caller.await.expect("ends"));
        }
        println!("the log was {} MiB long at most", longest >> 20);
        let written = u64::from(CALLERS) * u64::from(VERBS) * (BYTES as u64 / 4096) * FRAME;
        assert!(longest > 100 * FRAME && written > 4 * MOST, "the writer had nothing to do: {longest} of {written}");
        assert!(longest < MOST, "{longest} bytes, and no more than {MOST} were promised");
        server.close().await;
    });
}

#[test]
fn a_saturated_writer_gives_way_to_a_command_that_waits() {
    const ROUNDS: u32 = 30;
    one_empty_file_in_memory(async |database| {
        let server = database.open(Role::Server, THINGS).await.expect("opens");
        let stop = Arc::new(AtomicBool::new(false));
        let callers = saturate(&server, 600, &stop);
        let StoreUrl::Sqlite(path) = &database.url else { unreachable!("asked for SQLite") };
        let mut waiting = path.as_os_str().to_owned();
        waiting.push("-waiting");
        let waiting = std::fs::File::open(waiting).expect("the server made it");
        let command = Connection::open(path).expect("opens");
        command.busy_timeout(Duration::ZERO).expect("sets");
        let mut refused = 0;
        for _ in 0..ROUNDS {
            waiting.lock().expect("announces itself");
            // Looks so seldom that it would need luck to meet the instant between two batches.
            while command.execute_batch("BEGIN IMMEDIATE").is_err() {
                refused += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            command.execute_batch("ROLLBACK").expect("lets go");
            waiting.unlock().expect("is served");
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        stop.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.await.expect("ends");
        }
        println!("{refused} of {} tries refused", refused + ROUNDS);
        assert!(refused < ROUNDS * 5, "{refused} tries for {ROUNDS} turns");
        server.close().await;
    });
}

#[test]
fn a_full_queue_is_said_at_once_and_nothing_of_it_is_done() {
    each_empty_database(async |database| {
        let options = Options { queue: 4, connections: 1, ..options_for(Role::Server, THINGS) };
        let store = Store::open(&database.url, Role::Server, options).await.expect("opens");
        store.run(add(1)).await.expect("runs");
        let blocker = Blocker::hold(&database.url).await;
        // The first is taken by the writer (or the connection) and waits there, the next ones fill the queue.
        let mut callers = Vec::new();
        for _ in 0..20 {
            let store = store.clone();
            callers.push(tokio::spawn(async move { store.run(vec![statement!(TOUCH, id(1))]).await }));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // While it is held.
        let refused = async {
            while !callers[10..].iter().all(tokio::task::JoinHandle::is_finished) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(4), refused).await.expect("refused at once");
        blocker.release().await;
        let (mut done, mut busy) = (0, 0);
        for caller in callers {
            match caller.await.expect("ends") {
                Ok(_) => done += 1,
                Err(StoreError::Busy) => busy += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!((4..=10).contains(&done) && done + busy == 20, "{done} done, {busy} refused");
        let row = store.find(&statement!("SELECT number FROM things")).await.expect("reads").expect("is there");
        assert_eq!(row.int(0), Ok(done));
        store.close().await;
    });
}

#[test]
fn a_caller_who_hangs_up_does_not_stop_a_verb_that_waits() {
    each_empty_database(async |database| {
        let options = Options { connections: 1, ..options_for(Role::Server, THINGS) };
        let store = Store::open(&database.url, Role::Server, options).await.expect("opens");
        store.run(add(1)).await.expect("runs");
        let blocker = Blocker::hold(&database.url).await;
        let callers = (0..3).map(|_| {
            let store = store.clone();
            let (asks, asked) = tokio::sync::oneshot::channel();
            let caller = tokio::spawn(async move {
                let mut verb = std::pin::pin!(store.run(vec![statement!(TOUCH, id(1))]));
                // Once is enough: from then on it is the store's.
                let begun = std::future::poll_fn(|context| std::task::Poll::Ready(verb.as_mut().poll(context))).await;
                assert!(begun.is_pending(), "somebody holds what it needs");
                asks.send(()).expect("is waited for");
                verb.await
            });
            (caller, asked)
        });
        for (caller, asked) in callers.collect::<Vec<_>>() {
            asked.await.expect("asks");
            caller.abort();
            assert!(caller.await.expect_err("hung up").is_cancelled());
        }
        blocker.release().await;
        // Comes after them in the queue; whoever spends a code and hangs up must not keep it.
        let answer = store.run(vec![statement!(TOUCH, id(1))]).await.expect("runs");
        assert_eq!(answer[0][0].int(0), Ok(4), "the three verbs were done");
        store.close().await;
    });
}

/// Somebody else who holds what a verb needs.
enum Blocker {
    Sqlite(Connection),
    Postgres(tokio_postgres::Client),
}

impl Blocker {
    async fn hold(url: &StoreUrl) -> Blocker {
        match url {
            StoreUrl::Sqlite(path) => {
                let connection = Connection::open(path).expect("opens");
                connection.execute_batch("BEGIN IMMEDIATE").expect("locks");
                Blocker::Sqlite(connection)
            }
            StoreUrl::Postgres(config) => {
                let (client, connection) = config.connect(NoTls).await.expect("connects");
                tokio::spawn(connection);
                client.batch_execute("BEGIN; UPDATE things SET number = number").await.expect("locks");
                Blocker::Postgres(client)
            }
        }
    }

    async fn release(self) {
        match self {
            Blocker::Sqlite(connection) => connection.execute_batch("ROLLBACK").expect("unlocks"),
            Blocker::Postgres(client) => client.batch_execute("ROLLBACK").await.expect("unlocks"),
        }
    }
}

#[test]
fn verbs_that_wait_share_a_commit() {
    one_empty_database(Kind::Sqlite, async |database| {
        let store = database.open(Role::Server, THINGS).await.expect("opens");
        let StoreUrl::Sqlite(path) = &database.url else { unreachable!("asked for SQLite") };
        let watcher = Connection::open(path).expect("opens");
        let blocker = Blocker::hold(&database.url).await;
        let verb = |n| {
            let store = store.clone();
            tokio::spawn(async move { store.run(vec![statement!(ADD, id(n), format!("thing {n}"))]).await })
        };
        let first = verb(0);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let others: Vec<_> = (1..=300).map(verb).collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        // The log's index counts frames; a commit writes at least one page, so pages tell how few commits there were.
        let frames = |connection: &Connection| -> i64 {
            let sql = "PRAGMA wal_checkpoint(NOOP)";
            connection.query_row(sql, [], |row| row.get(1)).expect("reads the log")
        };
        let before = frames(&watcher);
        blocker.release().await;
        first.await.expect("ends").expect("runs");
        for other in others {
            other.await.expect("ends").expect("runs");
        }
        let written = frames(&watcher) - before;
        assert!(written < 300, "301 verbs wrote {written} pages, as if each had been committed alone (at {NOW})");
        store.close().await;
    });
}
