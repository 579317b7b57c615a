//! People's passwords: hashed and checked with Argon2id (RFC 9106) on a bounded pool.
//!
//! Owns the parameters, the limits and the rule that a check costs exactly one Argon2 run whether or not the person
//! exists (FM-96, FM-121). How a hash is spelled is `phc`'s, who waits for which thread is `pool`'s. Machine-made
//! secrets never come here: they have 256 bits and are kept as SHA-256.

mod phc;
mod pool;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use phc::Stored;
pub use pool::Place;
use pool::{Job, Pool};
use std::sync::Arc;
use std::time::Duration;
use vestibule_oauth::secret::Secret;
use zeroize::Zeroizing;

/// The shortest password that may be set, in characters.
pub const SHORTEST: usize = 8;
/// The longest password, in bytes. A longer one is wrong whatever is stored, and is never hashed (FM-121).
pub const LONGEST: usize = 1024;
/// Random bytes that a new hash needs.
pub const SALT: usize = 16;

/// Today's parameters: 19 MiB, two passes, one lane. A stored hash with others is made again at the next sign-in.
const TODAY: Cost = Cost { memory_kib: 19_456, passes: 2, lanes: 1 };
/// Length of a new hash, in bytes.
const OUTPUT: usize = 32;
/// What is hashed with when nobody is there to be checked. Its outcome is thrown away.
const NOBODY: [u8; SALT] = *b"nobody's salt...";

/// What a hash costs: the parameters that travel with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// There is no place in the queue, or no worker got to the job in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right. `needs_rehash`: the stored hash was made with other parameters than today's.
    Right { needs_rehash: bool },
    /// The password is wrong, or there is no such person.
    Wrong,
}

/// How large the pool is.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Worker threads, each with 19 MiB while it has work.
    pub workers: usize,
    /// Jobs that may wait. One more is refused before it is made, at once.
    pub queue: usize,
    /// How long a caller waits for its answer, at most. Not how the queue is kept short: what has a place there is hashed,
    /// and only a machine that does nothing at all comes to this end.
    pub deadline: Duration,
}

impl Limits {
    /// One worker less than there are processors, but at least one; as many waiting jobs as they do in about half a
    /// second. The deadline is shorter than the time for which a try counts as under way.
    pub fn for_this_machine() -> Limits {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let workers = cores.saturating_sub(1).max(1);
        Limits { workers, queue: workers * 32, deadline: Duration::from_secs(15) }
    }
}

/// The pool. Clones share it; it ends with the last of them.
#[derive(Clone)]
pub struct Passwords {
    pool: Arc<Pool>,
    deadline: Duration,
}

impl Passwords {
    /// Starts the worker threads. Fails when the system gives none.
    pub fn start(limits: Limits) -> std::io::Result<Passwords> {
        Ok(Passwords { pool: Arc::new(Pool::start(limits.workers, limits.queue)?), deadline: limits.deadline })
    }

    /// Hashes a new password with today's parameters; gives its PHC string. The caller has checked its length.
    pub async fn hash(&self, password: &Secret, salt: [u8; SALT]) -> Result<String, Busy> {
        let place = self.place(true).ok_or(Busy)?;
        let hash = self.run(place, password.expose(), TODAY, &salt, OUTPUT).await?;
        Ok(Stored { cost: TODAY, salt: salt.to_vec(), hash: hash.to_vec() }.spell())
    }

    /// Checks a password against a stored PHC string, at this place of the queue. `None` (no such person), a stored hash that is not ours and an
    /// overlong password are wrong, and cost the same one run.
    pub async fn verify(&self, place: Place, password: &Secret, stored: Option<&str>) -> Result<Verdict, Busy> {
        let good = stored.and_then(|text| {
            let parsed = Stored::parse(text);
            if parsed.is_none() {
                tracing::error!("a stored password hash is not one of ours and is refused");
            }
            parsed
        });
        let (Some(stored), true) = (good, password.expose().len() <= LONGEST) else {
            self.run(place, "", TODAY, &NOBODY, OUTPUT).await?;
            return Ok(Verdict::Wrong);
        };
        let hash = self.run(place, password.expose(), stored.cost, &stored.salt, stored.hash.len()).await?;
        match constant_time::verify_slices_are_equal(&hash, &stored.hash) {
            Ok(()) => Ok(Verdict::Right { needs_rehash: stored.cost != TODAY || stored.hash.len() != OUTPUT }),
            Err(_) => Ok(Verdict::Wrong),
        }
    }

    /// Whether there is a place at the moment.
    pub fn has_room(&self, known: bool) -> bool {
        self.place(known).is_some()
    }

    /// A place in the queue for one check, before anything is done for it; `None` when too many wait. A quarter of the
    /// places is kept for browsers that are `known` to their person, so that strangers cannot fill them all (FM-102).
    pub fn place(&self, known: bool) -> Option<Place> {
        self.pool.place(known)
    }

    /// How many Argon2 runs were begun since the start.
    #[cfg(test)]
    pub fn runs(&self) -> u64 {
        self.pool.runs()
    }

    /// One run on the pool. When the caller stops waiting, a job that no worker has begun is dropped; one that was
    /// begun keeps its worker to the end, so that callers who leave cannot make more work than there are workers.
    async fn run(
        &self,
        place: Place,
        password: &str,
        cost: Cost,
        salt: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Busy> {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let password = Zeroizing::new(password.as_bytes().to_vec());
        self.pool.submit(Job { place, password, cost, salt: salt.to_vec(), length, answer });
        match tokio::time::timeout(self.deadline, answered).await {
            Ok(Ok(Some(hash))) => Ok(hash),
            _ => Err(Busy),
        }
    }
}

/// Hashes a new password on the caller's own thread, for the command line; gives its PHC string.
pub fn hash_once(password: &Secret, salt: [u8; SALT]) -> Option<String> {
    let mut memory = Vec::new();
    let hash = argon2id(&mut memory, password.expose().as_bytes(), TODAY, &salt, OUTPUT)?;
    Some(Stored { cost: TODAY, salt: salt.to_vec(), hash: hash.to_vec() }.spell())
}

/// One Argon2id run in `memory`, which grows to what `cost` asks for and keeps its size for the next run: most of the
/// cost of a fresh run is the system handing out pages. `None` when there is no memory or the cost is impossible.
fn argon2id(
    memory: &mut Vec<Block>,
    password: &[u8],
    cost: Cost,
    salt: &[u8],
    length: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(length)).ok()?;
    let blocks = params.block_count();
    memory.try_reserve_exact(blocks.saturating_sub(memory.len())).ok()?;
    if memory.len() < blocks {
        memory.resize(blocks, Block::new());
    }
    let mut hash = Zeroizing::new(vec![0; length]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into_with_memory(password, salt, &mut hash, &mut memory[..blocks]).ok()?;
    Some(hash)
}

#[cfg(test)]
mod tests;
