//! The keys that tokens are signed with and verified by, as this node holds them.
//!
//! Owns the ring in memory: signing and verifying ask it and never the database. What is in it is read from the rows by
//! `ring`, which `follow` does every few seconds; making and promoting keys is `rotation`'s.

mod follow;
mod ring;
mod rotation;
#[cfg(test)]
mod tests;

pub use follow::follow;
pub use rotation::ends_at;

use crate::clock::Clock;
use crate::dice::Dice;
use crate::seal::{Place, Scope, Seal, Unsealed};
use axum::body::Bytes;
use ring::Ring;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard, watch};
use vestibule_oauth::jose::{Algorithm, SigningKey, VerifyingKey};
use vestibule_oauth::subject::PairwiseSecret;
use vestibule_store::sealed::SealedRow;
use vestibule_store::signing_keys::SigningKeyRow;
use vestibule_store::{Store, StoreError};

/// How long a request waits for keys that are being made: longer than RSA takes, shorter than callers wait.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often unknown names of keys may lead to the database, in milliseconds (FM-85).
const COOL_DOWN_MS: i64 = 5_000;
/// Under which name the secret of pairwise subjects is kept.
const PAIRWISE: &str = "pairwise subjects";

/// How keys are rotated.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long applications may keep the key set, in seconds: its `max-age`.
    pub max_age_s: u32,
    /// After how many milliseconds a key that signs is replaced; `None`: only by command.
    pub replaced_after_ms: Option<i64>,
}

impl Terms {
    /// How long a key is published before it signs, in milliseconds: as long as applications may keep a key set without
    /// it, and the margin.
    pub const fn published_ms(self) -> i64 {
        self.max_age_s as i64 * 1000 + self.margin_ms()
    }

    /// For nodes that have not heard of a key yet, a fifth of the time; and for clocks that differ, ten seconds, or less
    /// where key sets are kept for less than a minute.
    const fn margin_ms(self) -> i64 {
        let fifth = self.max_age_s as i64 * 200;
        fifth + if fifth < CLOCKS_MS { fifth } else { CLOCKS_MS }
    }

    /// How long a key set may be kept that was read from the rows `age_ms` ago, in seconds. Half the margin is for nodes
    /// that look late; what is later than that is taken from whoever asks.
    fn kept_s(self, age_ms: i64) -> u32 {
        let late = (age_ms - self.margin_ms() / 2).max(0);
        self.max_age_s.saturating_sub(u32::try_from((late + 999) / 1000).unwrap_or(u32::MAX))
    }

    /// How often a node looks for keys that others made or promoted.
    pub fn interval(self) -> Duration {
        Duration::from_millis(u64::from(self.max_age_s) * 1000 / 60).clamp(INTERVALS.0, INTERVALS.1)
    }
}

/// More than twice of what the clocks of two nodes may differ by.
const CLOCKS_MS: i64 = 10_000;
const INTERVALS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The published key set.
#[derive(Clone)]
pub struct KeySet {
    /// `{"keys":[…]}`, public halves only.
    pub text: Bytes,
    /// Its entity tag, with its quotes.
    pub tag: Arc<str>,
}

/// The last look for an unknown name, and the last reading.
struct Looked {
    /// When somebody looked, in ticks.
    at: i64,
    /// When the rows were read, in ticks.
    read_at: i64,
    /// Why it found nothing out; forgotten as soon as the rows are read.
    failure: Option<StoreError>,
}

/// The keys of this process.
pub struct Keys {
    store: Store,
    seal: Arc<Seal>,
    clock: Clock,
    dice: Dice,
    terms: Terms,
    /// Replaced as a whole; whoever reads it takes a lock that is held for the time of a copy, and only written when a
    /// key was made, promoted or ended.
    ring: watch::Sender<Arc<Ring>>,
    pairwise: PairwiseSecret,
    /// Who reads the rows just now: readings never overlap, and many unknown names cost one.
    turn: Mutex<()>,
    looked: std::sync::Mutex<Looked>,
    /// Whether an RSA key is being made.
    making: AtomicBool,
}

impl Keys {
    /// Reads the keys, at the very first start makes those that are made quickly. `follow` makes the others.
    pub async fn start(store: &Store, seal: Arc<Seal>, clock: Clock, dice: Dice, terms: Terms) -> Result<Keys, String> {
        let pairwise = pairwise(store, &seal, &clock, dice).await.map_err(|why| match why {
            // What every name in a token hangs on: going on with another would give people and sessions other names.
            Unsealed::Changed { .. } => format!(
                "{why}: the names of people and sessions in tokens are made with it; restore that row from a backup"
            ),
            other => other.to_string(),
        })?;
        let keys = Keys {
            store: store.clone(),
            seal,
            clock,
            dice,
            terms,
            ring: watch::Sender::new(Arc::default()),
            pairwise,
            turn: Mutex::default(),
            looked: std::sync::Mutex::new(Looked { at: i64::MIN / 2, read_at: i64::MIN / 2, failure: None }),
            making: AtomicBool::default(),
        };
        keys.read().await.map_err(|error| error.to_string())?;
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
            keys.make_what_is_missing(algorithm).await.map_err(|why| why.to_string())?;
        }
        keys.read().await.map_err(|error| error.to_string())?;
        Ok(keys)
    }

    /// The key that signs with `algorithm`. `None` only while it is being made, or when its row cannot be opened.
    pub fn signer(&self, algorithm: Algorithm) -> Option<Arc<SigningKey>> {
        self.ring.borrow().signer(algorithm)
    }

    /// The key that signs with `algorithm`, waited for while it is being made.
    pub async fn signer_ready(&self, algorithm: Algorithm) -> Option<Arc<SigningKey>> {
        if let Some(signer) = self.signer(algorithm) {
            return Some(signer);
        }
        self.wait(|ring| ring.has_current(algorithm)).await;
        self.signer(algorithm)
    }

    /// Waits until there is a key of every algorithm; `false` when that takes too long to wait for.
    pub async fn ready(&self) -> bool {
        self.ring.borrow().is_whole() || self.wait(Ring::is_whole).await
    }

    async fn wait(&self, until: impl Fn(&Ring) -> bool) -> bool {
        let mut ring = self.ring.subscribe();
        tokio::time::timeout(PATIENCE, ring.wait_for(|ring| until(ring))).await.is_ok_and(|found| found.is_ok())
    }

    /// The published key of this name, which may be any text. Never asks the database.
    pub fn verifying(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        self.ring.borrow().verifying(kid)
    }

    /// The published key of this name; one that is unknown is looked for in the database, by all who ask together at most
    /// once in five seconds.
    pub async fn find_verifying(&self, kid: &str) -> Result<Option<Arc<VerifyingKey>>, StoreError> {
        if let Some(answer) = self.answered(kid) {
            return answer;
        }
        let turn = self.turn.lock().await;
        // Somebody who waited here before us may have read what we would.
        if let Some(answer) = self.answered(kid) {
            return answer;
        }
        let read = self.read_in(&turn).await;
        let failure = read.as_ref().err().cloned();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        (looked.at, looked.failure) = (self.clock.ticks(), failure);
        drop(looked);
        read.map(|()| self.verifying(kid))
    }

    /// What is known of a name without the database: the key, or within the cool-down that there is none, or that it
    /// could not be found out. A database that failed to answer has not said that a token is unknown.
    fn answered(&self, kid: &str) -> Option<Result<Option<Arc<VerifyingKey>>, StoreError>> {
        if let Some(key) = self.verifying(kid) {
            return Some(Ok(Some(key)));
        }
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = self.clock.ticks() - looked.at >= COOL_DOWN_MS;
        (!due).then(|| looked.failure.clone().map_or(Ok(None), Err))
    }

    /// The key set as it is published.
    pub fn set(&self) -> KeySet {
        self.ring.borrow().set()
    }

    /// How long the key set may be kept, in seconds: less while the database does not answer.
    pub fn max_age_s(&self) -> u32 {
        let read_at = self.looked.lock().unwrap_or_else(PoisonError::into_inner).read_at;
        self.terms.kept_s(self.clock.ticks() - read_at)
    }

    /// What pairwise subjects are made with.
    pub const fn pairwise(&self) -> &PairwiseSecret {
        &self.pairwise
    }

    /// Reads the rows and opens those that are new. One at a time: of two readings that overlap, the one that began first
    /// must not put what it saw in the place of what is newer.
    async fn read(&self) -> Result<(), StoreError> {
        let turn = self.turn.lock().await;
        self.read_in(&turn).await
    }

    async fn read_in(&self, _turn: &MutexGuard<'_, ()>) -> Result<(), StoreError> {
        let asked_at = self.clock.ticks();
        let rows = self.store.signing_keys().await?;
        let before = self.ring.borrow().clone();
        let after = before.with(rows, &self.seal).await?;
        if let Some(after) = after {
            self.ring.send_replace(Arc::new(after));
        }
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        (looked.read_at, looked.failure) = (asked_at, None);
        Ok(())
    }
}

/// Whether the private half of this row can be opened here and is the one that the row names; if not, why.
pub async fn can_open(row: &SigningKeyRow, seal: &Seal) -> Result<(), Unsealed> {
    ring::open(row, seal).await.map(drop)
}

async fn pairwise(store: &Store, seal: &Seal, clock: &Clock, dice: Dice) -> Result<PairwiseSecret, Unsealed> {
    let place = |row| Place { table: "deployment_secrets", column: "sealed", row };
    let found = match store.deployment_secret(PAIRWISE).await? {
        Some(found) => found,
        None => {
            let id = dice.id(clock.now());
            let drawn = zeroize::Zeroizing::new(dice.bytes::<32>());
            let value = seal.seal(Scope::Deployment, &place(id), drawn.as_slice()).await?;
            store.keep_deployment_secret(PAIRWISE, &SealedRow { id, value }, clock.now()).await?
        }
    };
    let plain = seal.open_value(Scope::Deployment, &place(found.id), &found.value).await?;
    let bytes: [u8; 32] = plain
        .as_slice()
        .try_into()
        .map_err(|_| Unsealed::Store(StoreError::inconsistent_row("deployment_secrets.sealed", found.id)))?;
    Ok(PairwiseSecret::new(bytes))
}
