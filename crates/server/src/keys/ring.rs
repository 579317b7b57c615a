//! The ring: the keys of one moment, and the key set that is published of them.
//!
//! Owns how rows become keys. What is published is made from the private halves that could be opened, so that nobody who
//! can only write into the database puts a key of their own into the set. Never changes; a new one takes its place.

use super::KeySet;
use crate::seal::{Place, Scope, Seal, Unsealed};
use crate::web::entity;
use axum::body::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::{Algorithm, JwkSet, SigningKey, VerifyingKey};
use vestibule_store::StoreError;
use vestibule_store::signing_keys::{SigningKeyRow, Stage};

/// The keys of one moment.
pub struct Ring {
    rows: Vec<SigningKeyRow>,
    held: HashMap<Id, Known>,
    signers: [Option<Arc<SigningKey>>; Algorithm::ALL.len()],
    verifying: HashMap<String, Arc<VerifyingKey>>,
    set: KeySet,
}

/// A key that could be opened.
#[derive(Clone)]
pub(super) struct Held {
    signing: Arc<SigningKey>,
    verifying: Arc<VerifyingKey>,
}

/// What is known of a row.
#[derive(Clone)]
enum Known {
    /// The key.
    Open(Held),
    /// It is not what was sealed there, and no node can open it as it stands.
    Changed,
    /// This node could not open it; others may, and so may this one when it looks again.
    Locked,
}

impl Known {
    const fn held(&self) -> Option<&Held> {
        match self {
            Known::Open(held) => Some(held),
            Known::Changed | Known::Locked => None,
        }
    }
}

impl Default for Ring {
    fn default() -> Ring {
        Ring::of(Vec::new(), HashMap::new())
    }
}

impl Ring {
    /// The ring of `rows`; `None` when nothing has changed. Keys that are held already are not opened again; those that
    /// this node could not open are tried each time.
    pub async fn with(&self, rows: Vec<SigningKeyRow>, seal: &Seal) -> Result<Option<Ring>, StoreError> {
        if rows == self.rows && !self.held.values().any(|known| matches!(known, Known::Locked)) {
            return Ok(None);
        }
        let mut held = HashMap::with_capacity(rows.len());
        for row in &rows {
            let unchanged = || self.rows.iter().any(|before| before.id == row.id && before.private == row.private);
            let known = match self.held.get(&row.id) {
                Some(Known::Open(known)) if known.signing.kid() == row.kid => Known::Open(known.clone()),
                Some(Known::Changed) if unchanged() => Known::Changed,
                Some(Known::Locked) => learn(row, seal, false).await?,
                _ => learn(row, seal, true).await?,
            };
            held.insert(row.id, known);
        }
        Ok(Some(Ring::of(rows, held)))
    }

    fn of(rows: Vec<SigningKeyRow>, held: HashMap<Id, Known>) -> Ring {
        let opened: Vec<(&SigningKeyRow, &Held)> =
            rows.iter().filter_map(|row| Some((row, held.get(&row.id)?.held()?))).collect();
        let signer = |algorithm| {
            let mut all = opened.iter().filter(|(row, _)| row.algorithm == algorithm);
            all.find(|(row, _)| row.stage() == Stage::Current).map(|(_, held)| held.signing.clone())
        };
        let signers = Algorithm::ALL.map(signer);
        let verifying = opened.iter().map(|(row, held)| (row.kid.clone(), held.verifying.clone())).collect();
        let text = JwkSet::spell(opened.iter().map(|(_, held)| held.signing.jwk()));
        let set = KeySet { tag: Arc::from(entity::tag(&text)), text: Bytes::from(text) };
        Ring { rows, held, signers, verifying, set }
    }

    pub fn signer(&self, algorithm: Algorithm) -> Option<Arc<SigningKey>> {
        self.signers[algorithm as usize].clone()
    }

    pub fn verifying(&self, kid: &str) -> Option<Arc<VerifyingKey>> {
        self.verifying.get(kid).cloned()
    }

    pub fn set(&self) -> KeySet {
        self.set.clone()
    }

    pub fn rows(&self) -> &[SigningKeyRow] {
        &self.rows
    }

    /// The key of `algorithm` in this stage: there is one current and one next key at most.
    pub fn row(&self, algorithm: Algorithm, stage: Stage) -> Option<&SigningKeyRow> {
        self.rows.iter().find(|row| row.algorithm == algorithm && row.stage() == stage)
    }

    /// Whether the key of this row could be opened.
    pub fn is_open(&self, row: &SigningKeyRow) -> bool {
        self.held.get(&row.id).is_some_and(|known| known.held().is_some())
    }

    /// Whether this row is not what was sealed there: not only this node cannot open it, nobody can.
    pub fn is_changed(&self, row: &SigningKeyRow) -> bool {
        matches!(self.held.get(&row.id), Some(Known::Changed))
    }

    pub fn has_current(&self, algorithm: Algorithm) -> bool {
        self.row(algorithm, Stage::Current).is_some()
    }

    /// Whether every algorithm has a key, be it one that cannot be opened here: the others work on.
    pub fn is_whole(&self) -> bool {
        Algorithm::ALL.into_iter().all(|algorithm| self.has_current(algorithm))
    }
}

/// Opens a row for the ring, and says in the log why not; of rows that are tried again only when `aloud`.
async fn learn(row: &SigningKeyRow, seal: &Seal, aloud: bool) -> Result<Known, StoreError> {
    let (kid, algorithm) = (&row.kid, row.algorithm.name());
    Ok(match open(row, seal).await {
        Ok(held) => Known::Open(held),
        Err(Unsealed::Store(error)) => return Err(error),
        Err(why @ Unsealed::Changed { .. }) => {
            tracing::error!(%why, kid, algorithm, "a signing key is not used; `vestibule keys rotate --now` replaces it");
            Known::Changed
        }
        Err(why) => {
            if aloud {
                tracing::error!(%why, kid, algorithm, "a signing key cannot be opened on this node; it is tried again");
            }
            Known::Locked
        }
    })
}

/// Opens one row. A key that is not the one that the row names counts as changed.
pub(super) async fn open(row: &SigningKeyRow, seal: &Seal) -> Result<Held, Unsealed> {
    let place = place(row.id);
    let plain = seal.open_value(Scope::Deployment, &place, &row.private).await?;
    let signing = SigningKey::from_pkcs8(row.algorithm, &plain).ok().filter(|key| key.kid() == row.kid);
    let both = signing.and_then(|key| Some((VerifyingKey::of(key.jwk()).ok()?, key)));
    let (verifying, signing) = both.ok_or(Unsealed::Changed { place: place.table, row: place.row })?;
    Ok(Held { signing: Arc::new(signing), verifying: Arc::new(verifying) })
}

/// Where the private half of the key in this row stands.
pub const fn place(row: Id) -> Place {
    Place { table: "signing_keys", column: "sealed", row }
}
