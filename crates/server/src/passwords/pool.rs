//! The threads that hash: few, each with its own memory, behind a queue with an end.
//!
//! Owns who waits and who runs. Whoever gets a place gets a hash; whoever gets none is told at once, and nobody stands here
//! in vain. A job keeps its place until a worker takes it, and holds that worker until the hash is done, whether or not its
//! caller still waits. Does not own what is hashed.

use super::Cost;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// After how long without work a worker gives its memory back.
const IDLE: Duration = Duration::from_secs(10);

/// One hash to be made.
pub(super) struct Job {
    pub place: Place,
    pub password: Zeroizing<Vec<u8>>,
    pub cost: Cost,
    pub salt: Vec<u8>,
    /// Length of the hash, in bytes.
    pub length: usize,
    /// Where it goes; `None` when there was no memory for it.
    pub answer: oneshot::Sender<Option<Zeroizing<Vec<u8>>>>,
}

/// A place in the queue, until it is dropped.
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The workers, as their callers hold them. They end when it is dropped.
pub(super) struct Pool {
    shared: Arc<Shared>,
    /// How many places are taken, and how many there are.
    taken: Arc<AtomicUsize>,
    queue: usize,
}

struct Shared {
    waiting: Mutex<Waiting>,
    news: Condvar,
    runs: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Pool {
    /// Starts `workers` threads behind a queue of `queue` jobs.
    pub fn start(workers: usize, queue: usize) -> std::io::Result<Pool> {
        let shared = Arc::new(Shared { waiting: Mutex::default(), news: Condvar::new(), runs: AtomicU64::new(0) });
        let pool = Pool { shared, taken: Arc::default(), queue };
        for number in 0..workers {
            let shared = pool.shared.clone();
            std::thread::Builder::new().name(format!("password-{number}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// Takes a place for one job of a known browser or of a stranger, unless they are all taken by such as somebody waits
    /// for.
    pub fn place(&self, known: bool) -> Option<Place> {
        let places = if known { self.queue } else { self.queue - self.queue / 4 };
        self.take(places).or_else(|| {
            self.forget_who_left();
            self.take(places)
        })
    }

    fn take(&self, places: usize) -> Option<Place> {
        let more = |taken: usize| (taken < places).then_some(taken + 1);
        let taken = self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        taken.is_ok().then(|| Place(self.taken.clone()))
    }

    fn forget_who_left(&self) {
        self.shared.lock().jobs.retain(|job| !job.answer.is_closed());
    }

    /// Puts a job into the queue, in which it has its place.
    pub fn submit(&self, job: Job) {
        self.shared.lock().jobs.push_back(job);
        self.shared.news.notify_one();
    }

    /// How many hashes were begun.
    #[cfg(test)]
    pub fn runs(&self) -> u64 {
        self.shared.runs.load(Ordering::Relaxed)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.news.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it holds the lock; should it, the queue itself is still whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker's life.
    fn work(&self) {
        let mut memory = Vec::new();
        loop {
            match self.next() {
                Next::Job(job) if job.answer.is_closed() => {}
                Next::Job(Job { place, password, cost, salt, length, answer }) => {
                    drop(place);
                    self.runs.fetch_add(1, Ordering::Relaxed);
                    let hash = super::argon2id(&mut memory, &password, cost, &salt, length);
                    // Whoever waited may have left; the work is done all the same.
                    let _ = answer.send(hash);
                }
                Next::Idle => memory = Vec::new(),
                Next::End => return,
            }
        }
    }

    fn next(&self) -> Next {
        let waiting = self.lock();
        let empty = |w: &mut Waiting| w.jobs.is_empty() && !w.closed;
        let (mut waiting, _) =
            self.news.wait_timeout_while(waiting, IDLE, empty).unwrap_or_else(PoisonError::into_inner);
        match waiting.jobs.pop_front() {
            _ if waiting.closed => Next::End,
            Some(job) => Next::Job(job),
            None => Next::Idle,
        }
    }
}

enum Next {
    Job(Job),
    Idle,
    End,
}
