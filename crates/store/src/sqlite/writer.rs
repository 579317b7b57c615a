//! The one thread that writes to a SQLite file.
//!
//! Owns group commit: verbs that wait are gathered into one transaction, which costs one fsync, and are answered after
//! it. Owns when the log is moved into the file, and the failure that is never retried. Does not own what a verb says.

use super::prepared::Prepared;
use super::statement::{Fault, classify, control, execute};
use super::turns::Turns;
use super::{LOCK_POLL, closed};
use crate::db::Commits;
use crate::error::StoreError;
use crate::row::Row;
use crate::value::Verb;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Verbs in one transaction at most, and how long a transaction takes further ones.
const BATCH: usize = 512;
const BATCH_TIME: Duration = Duration::from_millis(15);
/// Without work for so long, the server's writer moves the log into the file.
const IDLE: Duration = Duration::from_millis(200);
/// Without such a pause it does so after a commit that finds so many frames (of 4 KiB) in the log: 32 MiB.
const LONG_LOG: i64 = 8192;
/// It looks after so many commits: asking costs as much as a small verb, and a commit is bounded by its time.
const LOOK: u32 = 8;
/// Under saturation the lock is left free for `FREE` whenever the writer has held on for `HELD`: together with a batch
/// that stays below the promised 50 ms. Where commands wait it stays free until they are through, or for `LONGEST`.
const HELD: Duration = Duration::from_millis(25);
const FREE: Duration = Duration::from_millis(2);
const LONGEST: Duration = Duration::from_millis(25);

type Rows = Vec<Vec<Row>>;

struct Job {
    verb: Verb,
    answer: oneshot::Sender<Result<Rows, StoreError>>,
}

enum Message {
    Run(Job),
    Close,
}

/// The way to the writer.
pub(super) struct Handle {
    queue: SyncSender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
    tally: Arc<Tally>,
}

/// What the writer has done.
#[derive(Default)]
struct Tally {
    commits: AtomicU64,
    verbs: AtomicU64,
    commit_us: AtomicU64,
}

impl Tally {
    fn count(&self, verbs: usize, commit: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.verbs.fetch_add(verbs as u64, Ordering::Relaxed);
        self.commit_us.fetch_add(u64::try_from(commit.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Handle {
    /// Waits in the queue, then for the commit. The writer runs what was queued even when this future is dropped: an
    /// attacker who hangs up must not keep a burned code alive.
    pub(super) async fn run(&self, verb: Verb) -> Result<Rows, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Message::Run(Job { verb, answer })).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => closed(),
        })?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// What it has done so far.
    pub(super) fn commits(&self) -> Commits {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Tally { commits, verbs, commit_us } = &*self.tally;
        Commits { commits: read(commits), verbs: read(verbs), commit_us: read(commit_us) }
    }

    /// Ends the thread after everything that was queued before.
    pub(super) async fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let queue = self.queue.clone();
        let ended = tokio::task::spawn_blocking(move || {
            // A writer that is gone already needs no message, and one that panicked has said so as a failure.
            let _ = queue.send(Message::Close);
            thread.map(JoinHandle::join)
        });
        let _ = ended.await;
    }
}

struct Writer {
    connection: Prepared,
    queue: Receiver<Message>,
    failed: watch::Sender<Option<String>>,
    failure: Option<String>,
    /// When another process last had a moment to take the lock.
    free_at: Instant,
    /// Whether the log holds something that a checkpoint would move.
    dirty: bool,
    /// Commits since the log's length was last asked for.
    unlooked: u32,
    turns: Turns,
    tally: Arc<Tally>,
}

/// Starts the thread.
pub(super) fn start(
    connection: Connection,
    turns: Turns,
    queue: usize,
    failed: watch::Sender<Option<String>>,
) -> Result<Handle, StoreError> {
    let (sender, receiver) = sync_channel(queue);
    let tally = Arc::new(Tally::default());
    let counted = tally.clone();
    let life = move || {
        let mut writer = Writer {
            connection: Prepared::on(connection),
            queue: receiver,
            failed,
            failure: None,
            free_at: stopwatch(),
            dirty: false,
            unlooked: 0,
            turns,
            tally: counted,
        };
        writer.work();
    };
    let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(life);
    let thread = thread.map_err(|error| StoreError::Unavailable(format!("cannot start the writer: {error}")))?;
    Ok(Handle { queue: sender, thread: Mutex::new(Some(thread)), tally })
}

#[expect(clippy::disallowed_methods, reason = "measures how long the lock was held; decides nothing that is stored")]
fn stopwatch() -> Instant {
    Instant::now()
}

impl Writer {
    fn work(&mut self) {
        let mut jobs = Vec::with_capacity(BATCH);
        loop {
            let going_on = self.gather(&mut jobs);
            if !jobs.is_empty() {
                self.commit(&mut jobs);
            }
            if !going_on {
                // Where no server runs, only commands can.
                self.shorten_log();
                return;
            }
        }
    }

    /// Waits for a verb, then takes whatever waits with it. `false`: nothing comes after these.
    fn gather(&mut self, jobs: &mut Vec<Job>) -> bool {
        let waiting_since = stopwatch();
        let first = if self.dirty { self.queue.recv_timeout(IDLE) } else { self.queue.recv().map_err(Into::into) };
        if waiting_since.elapsed() >= FREE {
            self.free_at = stopwatch();
        }
        match first {
            Ok(Message::Run(job)) => jobs.push(job),
            Err(RecvTimeoutError::Timeout) => {
                self.checkpoint();
                return true;
            }
            Ok(Message::Close) | Err(RecvTimeoutError::Disconnected) => return false,
        }
        while jobs.len() < BATCH {
            match self.queue.try_recv() {
                Ok(Message::Run(job)) => jobs.push(job),
                Ok(Message::Close) => return false,
                Err(_) => break,
            }
        }
        true
    }

    /// Runs the verbs in as few transactions as their time allows.
    fn commit(&mut self, jobs: &mut Vec<Job>) {
        while !jobs.is_empty() {
            self.dirty = self.turns.is_server();
            self.commit_some(jobs);
            self.look_after_log();
            self.give_way();
        }
    }

    /// Runs the first verbs in one transaction and answers after its commit. When a statement errs, the two halves get a
    /// transaction each, and so on, so that no verb takes its neighbours along, and a bad one costs them few commits.
    fn commit_some(&mut self, jobs: &mut Vec<Job>) {
        match self.transact(jobs) {
            Ok(answers) => {
                for (job, rows) in jobs.drain(..answers.len()).zip(answers) {
                    // A caller that hung up gets no answer; its verb stands.
                    let _ = job.answer.send(Ok(rows));
                }
            }
            Err(fault) if jobs.len() == 1 || !matches!(fault.error, StoreError::Statement { .. }) => {
                for job in jobs.drain(..) {
                    let _ = job.answer.send(Err(fault.error.clone()));
                }
            }
            Err(_) => {
                let mut second = jobs.split_off(jobs.len() / 2);
                self.commit(jobs);
                self.commit(&mut second);
            }
        }
    }

    /// Gives the answers of as many verbs as were done: at least one, in their order.
    fn transact(&mut self, jobs: &[Job]) -> Result<Vec<Rows>, Fault> {
        if let Some(why) = &self.failure {
            return Err(Fault { error: StoreError::Unavailable(why.clone()), fatal: true });
        }
        let done = self.try_transact(jobs);
        if let Err(fault) = &done {
            if !self.connection.connection().is_autocommit()
                && self.connection.connection().execute_batch("ROLLBACK").is_err()
            {
                self.fail("a transaction could not be rolled back");
            }
            if fault.fatal {
                self.fail(&fault.error.to_string());
            }
        }
        done
    }

    fn try_transact(&mut self, jobs: &[Job]) -> Result<Vec<Rows>, Fault> {
        let connection = &mut self.connection;
        self.turns.wait(|| control(connection, "BEGIN IMMEDIATE"))?;
        let since = stopwatch();
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            let rows: Result<Rows, Fault> = job.verb.iter().map(|one| execute(connection, one)).collect();
            answers.push(rows?);
            if since.elapsed() >= BATCH_TIME {
                break;
            }
        }
        let committing = stopwatch();
        control(connection, "COMMIT")?;
        self.tally.count(answers.len(), committing.elapsed());
        Ok(answers)
    }

    /// From here on nothing is written: after a failed fsync the kernel may have dropped the pages, and a second try
    /// would succeed without them.
    fn fail(&mut self, why: &str) {
        if self.failure.is_none() {
            self.failure = Some(why.to_owned());
            // Closing the file would try again. The log stays, and the next process reads it.
            let _ = self.connection.connection().set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
            self.failed.send_replace(Some(why.to_owned()));
        }
    }

    /// Lets another process have the lock now and then, however much waits here.
    fn give_way(&mut self) {
        if self.free_at.elapsed() < HELD {
            return;
        }
        let since = stopwatch();
        std::thread::sleep(FREE);
        while self.turns.somebody_waits() && since.elapsed() < LONGEST {
            std::thread::sleep(LOCK_POLL);
        }
        self.free_at = stopwatch();
    }

    /// Between commits, when those who waited have been answered. A command leaves it to the server beside it, whose
    /// upkeep commits every minute.
    fn look_after_log(&mut self) {
        self.unlooked += 1;
        if self.turns.is_server() && self.unlooked >= LOOK {
            self.unlooked = 0;
            self.shorten_log();
        }
    }

    /// Moves the log into the file if it has grown long, whoever wrote it.
    fn shorten_log(&mut self) {
        if self.log("PRAGMA wal_checkpoint(NOOP)") >= LONG_LOG {
            self.log("PRAGMA wal_checkpoint(PASSIVE)");
        }
    }

    /// Moves the log into the file as far as no reader needs it.
    fn checkpoint(&mut self) {
        self.dirty = false;
        self.log("PRAGMA wal_checkpoint(PASSIVE)");
    }

    /// Runs a checkpoint and gives how many frames of the log are not in the file after it. One that could not write or
    /// sync is a failure as at a commit.
    fn log(&mut self, checkpoint: &'static str) -> i64 {
        if self.failure.is_some() {
            return 0;
        }
        let frames = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?);
        let left = self.connection.connection().query_row(checkpoint, [], frames);
        left.unwrap_or_else(|error| {
            let fault = classify(checkpoint, &error);
            if fault.fatal {
                self.fail(&fault.error.to_string());
            }
            0
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.fail("the writer panicked");
        }
    }
}
