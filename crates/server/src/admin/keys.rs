//! An administrator's verbs on keys: what there is, and letting others take their place.
//!
//! Owns what a rotation must find before it is done. When keys rotate by themselves is `keys::rotation`'s, how values move
//! from key to key `seal`'s.

use super::Desk;
use crate::keys::{can_open, ends_at};
use crate::seal::{Seal, Unsealed, derived};
use std::collections::BTreeMap;
use vestibule_oauth::jose::Algorithm;
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::data_keys::{DEPLOYMENT, WrappedKey};
use vestibule_store::signing_keys::{Promotion, SigningKeyRow, Stage};

/// What keys there are. Nothing here is secret.
#[derive(Debug)]
pub struct Listing {
    /// The signing keys, the oldest first.
    pub signing: Vec<SigningKeyRow>,
    /// The deployment's data keys, and those that were retired.
    pub data: Vec<WrappedKey>,
    /// How many data keys are wrapped with which key-encryption key.
    pub wrapped_by: BTreeMap<String, usize>,
}

/// Data keys that are read at once.
const PAGE: i64 = 500;

/// Everything that there is.
pub async fn list(desk: &Desk<'_>) -> Result<Listing, StoreError> {
    let signing = desk.store.signing_keys().await?;
    let (mut data, mut wrapped_by, mut after) = (Vec::new(), BTreeMap::new(), None);
    loop {
        let page = desk.store.list_data_keys(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(Listing { signing, data, wrapped_by }) };
        after = Some(last.id);
        for key in page {
            *wrapped_by.entry(key.wrapped_by.clone()).or_default() += 1;
            // Projects' keys are as many as projects: they are counted.
            if key.scope == DEPLOYMENT || key.retired_at.is_some() {
                data.push(key);
            }
        }
    }
}

/// A key that signs now, and the one that it took the place of.
#[derive(Debug)]
pub struct Turned {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The name of the key that signs now.
    pub kid: String,
    /// The name of the one that signed before.
    pub replaced: String,
    /// When that one leaves the key set, in Unix milliseconds.
    pub ends_at: i64,
    /// Until when some applications may not know the new key, in Unix milliseconds.
    pub known_at: i64,
}

/// What became of a rotation.
#[derive(Debug)]
pub enum Rotate {
    /// The next keys sign now.
    Turned(Vec<Turned>),
    /// The next key of this algorithm was not published for long enough; it may sign from this moment on (Unix ms).
    TooEarly(Algorithm, i64),
    /// There is no next key of this algorithm, because no server has made it yet.
    NoNext(Algorithm),
    /// The next key of this algorithm was changed; a server makes another.
    Unreadable(Algorithm),
    /// The next key of this algorithm cannot be opened on this machine.
    Locked(Algorithm),
    /// Another rotation came first for this algorithm.
    Overtaken(Algorithm),
}

/// Lets the next key of `only`, or of every algorithm, sign; `at_once` also one that not everybody has yet. Does nothing
/// unless all of them may. Each algorithm is a verb of its own: whoever is killed, or overtaken by another, leaves some of
/// them rotated and the others as they were.
pub async fn rotate(
    desk: &Desk<'_>,
    seal: &Seal,
    only: Option<Algorithm>,
    at_once: bool,
) -> Result<Rotate, StoreError> {
    let rows = desk.store.signing_keys().await?;
    let of = |algorithm, stage| rows.iter().find(move |row| row.algorithm == algorithm && row.stage() == stage);
    let mut due = Vec::new();
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| only.is_none_or(|only| only == *algorithm)) {
        let Some(current) = of(algorithm, Stage::Current) else { return Ok(Rotate::NoNext(algorithm)) };
        let Some(next) = of(algorithm, Stage::Next) else { return Ok(Rotate::NoNext(algorithm)) };
        if next.usable_at > desk.now && !at_once {
            return Ok(Rotate::TooEarly(algorithm, next.usable_at));
        }
        match can_open(next, seal).await {
            Ok(()) => {}
            Err(Unsealed::Store(error)) => return Err(error),
            Err(Unsealed::Changed { .. }) => return Ok(Rotate::Unreadable(algorithm)),
            Err(Unsealed::Locked(_) | Unsealed::Failed) => return Ok(Rotate::Locked(algorithm)),
        }
        due.push((current, next));
    }
    let ends_at = ends_at(desk.now, desk.store.longest_access_ms().await?);
    let mut turned = Vec::new();
    for (current, next) in due {
        let promotion = Promotion { current: current.id, next: next.id, when_usable: !at_once, ends_at };
        if !desk.store.promote_signing_key(promotion, next, desk.id(), &desk.note()).await? {
            return Ok(Rotate::Overtaken(next.algorithm));
        }
        let (kid, replaced) = (next.kid.clone(), current.kid.clone());
        turned.push(Turned { algorithm: next.algorithm, kid, replaced, ends_at, known_at: next.usable_at });
    }
    Ok(Rotate::Turned(turned))
}

/// What became of a key to withdraw.
#[derive(Debug)]
pub enum Withdraw {
    /// It is gone: the stage that it was in, and the name of the key that signs in its place if it signed.
    Done(Stage, Option<String>),
    /// There is no key of this name.
    Unknown,
    /// It signs, because somebody promoted it at this moment; nothing was done.
    Signs,
    /// It signs, and no other can take its place.
    NotTurned(Rotate),
}

/// Takes the key of this name out of the key set at once, whatever it has signed; if it signs, the next one takes its
/// place first.
pub async fn withdraw(desk: &Desk<'_>, seal: &Seal, kid: &str) -> Result<Withdraw, StoreError> {
    let rows = desk.store.signing_keys().await?;
    let Some(row) = rows.into_iter().find(|row| row.kid == kid) else { return Ok(Withdraw::Unknown) };
    let signs = match row.stage() {
        Stage::Current => match rotate(desk, seal, Some(row.algorithm), true).await? {
            Rotate::Turned(turned) => turned.into_iter().next().map(|turned| turned.kid),
            other => return Ok(Withdraw::NotTurned(other)),
        },
        Stage::Next | Stage::Previous => None,
    };
    let note = Note { id: derived(b"withdrawn key", row.id), ..desk.note() };
    Ok(match desk.store.withdraw_signing_key(&row, &note).await? {
        true => Withdraw::Done(row.stage(), signs),
        false => Withdraw::Signs,
    })
}
