//! The life of a signing key: made, published, promoted, replaced, ended.
//!
//! Owns when. That two nodes never promote twice, or make two next keys, is in the store's statements.

use super::Keys;
use super::ring::{Ring, place};
use crate::seal::{Scope, Unsealed, derived};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::{Algorithm, SigningKey};
use vestibule_oauth::template::{ID_TOKEN_MS, SESSION_MAX_MS};
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::signing_keys::{NewSigningKey, Promotion, Stage};
use zeroize::Zeroizing;

/// For how long what a key signed may be shown, in milliseconds, whatever applications are set to now. The longest is an
/// ID token as a hint at signing out: it is taken when it is over, for as long as its session lives. Access tokens of
/// every template are over by then; an application that was set to less may still have tokens of before.
const LONGEST_USE_MS: i64 = if SESSION_MAX_MS > ID_TOKEN_MS { SESSION_MAX_MS } else { ID_TOKEN_MS };
/// For clocks that differ and nodes that hear late, in milliseconds.
const MARGIN_MS: i64 = 60_000;

impl Keys {
    /// Makes the current key of `algorithm` if it has none, and the next one if it has none.
    pub(super) async fn make_what_is_missing(&self, algorithm: Algorithm) -> Result<(), Unsealed> {
        let ring = self.ring.borrow().clone();
        if !ring.has_current(algorithm) {
            self.make(algorithm, Stage::Current).await?;
        }
        if ring.row(algorithm, Stage::Next).is_none() {
            self.make(algorithm, Stage::Next).await?;
        }
        Ok(())
    }

    async fn make(&self, algorithm: Algorithm, stage: Stage) -> Result<(), Unsealed> {
        let pkcs8 = self.draw(algorithm).await.ok_or(Unsealed::Failed)?;
        let key = SigningKey::from_pkcs8(algorithm, &pkcs8).map_err(|_| Unsealed::Failed)?;
        let id = self.dice.id(self.clock.now());
        let private = self.seal.seal(Scope::Deployment, &place(id), &pkcs8).await?;
        // Counted from when it is there, not from when it was begun.
        let usable_at = (stage == Stage::Next).then(|| self.clock.now() + self.terms.published_ms());
        let (kid, jwk) = (key.kid().to_owned(), key.jwk().to_json());
        let new = NewSigningKey { id, algorithm, kid, jwk, private, usable_at };
        // Another node may have been first; then its key is the one.
        self.store.keep_signing_key(&new, &self.note(self.dice.id(self.clock.now()))).await?;
        Ok(())
    }

    /// An RSA key takes a while: it is drawn on a thread of its own, so that it keeps no request from its turn.
    async fn draw(&self, algorithm: Algorithm) -> Option<Zeroizing<Vec<u8>>> {
        let dice = self.dice;
        if algorithm != Algorithm::Rs256 {
            return Some(dice.pkcs8(algorithm));
        }
        let (sender, drawn) = tokio::sync::oneshot::channel();
        let thread = std::thread::Builder::new().name("rsa".to_owned());
        thread.spawn(move || drop(sender.send(dice.pkcs8(algorithm)))).ok()?;
        drawn.await.ok()
    }

    /// Makes what is missing of RS256 beside everything else, one at a time.
    pub(super) fn make_rsa(self: &Arc<Self>) {
        let ring = self.ring.borrow().clone();
        let missing = !ring.has_current(Algorithm::Rs256) || ring.row(Algorithm::Rs256, Stage::Next).is_none();
        if !missing || self.making.swap(true, Ordering::Relaxed) {
            return;
        }
        let keys = Arc::clone(self);
        tokio::spawn(async move {
            // One after the other, so that discovery waits for one key only.
            for _ in 0..2 {
                if let Err(why) = keys.make_what_is_missing(Algorithm::Rs256).await {
                    tracing::warn!(%why, "an RS256 key could not be made; it is tried again");
                }
                let _ = keys.read().await;
            }
            keys.making.store(false, Ordering::Relaxed);
        });
    }

    /// Promotes what is due, ends what is over, and puts another in the place of a next key that was changed. One that
    /// only this node cannot open may be good on the others and stays.
    pub(super) async fn turn_over(&self) -> Result<(), StoreError> {
        let (ring, now) = (self.ring.borrow().clone(), self.clock.now());
        for row in ring.rows() {
            if row.stage() == Stage::Previous && row.ends_at.is_some_and(|ends_at| ends_at <= now) {
                self.store.end_signing_key(row, &derived_note(b"signing key", row.id, now, "server")).await?;
            }
            if row.stage() == Stage::Next && ring.is_changed(row) {
                self.store.drop_next_signing_key(row, &derived_note(b"next key", row.id, now, "server")).await?;
            }
        }
        let Some(age) = self.terms.replaced_after_ms else { return Ok(()) };
        for algorithm in Algorithm::ALL {
            let current = ring.row(algorithm, Stage::Current);
            if current.is_some_and(|row| row.promoted_at.is_some_and(|since| since + age <= now)) {
                self.promote(&ring, algorithm, now).await?;
            }
        }
        Ok(())
    }

    async fn promote(&self, ring: &Ring, algorithm: Algorithm, now: i64) -> Result<(), StoreError> {
        let (current, next) = (ring.row(algorithm, Stage::Current), ring.row(algorithm, Stage::Next));
        let Some((current, next)) = current.zip(next.filter(|next| next.usable_at <= now && ring.is_open(next))) else {
            return Ok(());
        };
        let ends_at = ends_at(now, self.store.longest_access_ms().await?);
        let promotion = Promotion { current: current.id, next: next.id, when_usable: true, ends_at };
        if self.store.promote_signing_key(promotion, next, self.dice.id(now), &self.note(self.dice.id(now))).await? {
            tracing::info!(algorithm = algorithm.name(), kid = next.kid, "another key signs from now on");
        }
        Ok(())
    }

    fn note(&self, id: Id) -> Note {
        Note { id, at: self.clock.now(), actor: "server".to_owned(), request_id: None }
    }
}

/// When a key that is replaced at `now` leaves the key set: when whatever it signed is over.
pub const fn ends_at(now: i64, longest_access_ms: i64) -> i64 {
    let longest = if longest_access_ms > LONGEST_USE_MS { longest_access_ms } else { LONGEST_USE_MS };
    now + longest + MARGIN_MS
}

/// The trail's part of a verb that several nodes may do, and that leaves one row.
fn derived_note(what: &[u8], id: Id, at: i64, actor: &str) -> Note {
    Note { id: derived(what, id), at, actor: actor.to_owned(), request_id: None }
}
