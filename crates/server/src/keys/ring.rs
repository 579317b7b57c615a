//! The ring: the keys of one moment, and the key set that is published of them.
//!
//! Owns how rows become keys. What is published is made from the private halves that could be opened, so that nobody who
//! can only write into the database puts a key of their own into the set. Never changes; a new one takes its place.

use super::KeySet;
use crate::seal::{Place, Scope, Seal, Unsealed};
use axum::body::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::{Algorithm, JwkSet, SigningKey, VerifyingKey};
use vestibule_oauth::secret::Digest;
use vestibule_store::StoreError;
use vestibule_store::signing_keys::{SigningKeyRow, Stage};

/// The keys of one moment.
pub struct Ring {
    rows: Vec<SigningKeyRow>,
    /// By row; `None` for a row that cannot be opened as it stands.
    held: HashMap<Id, Option<Held>>,
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

impl Default for Ring {
    fn default() -> Ring {
        Ring::of(Vec::new(), HashMap::new())
    }
}

impl Ring {
    /// The ring of `rows`; `None` when nothing has changed. Keys that are held already are not opened again.
    pub async fn with(&self, rows: Vec<SigningKeyRow>, seal: &Seal) -> Result<Option<Ring>, StoreError> {
        if rows == self.rows {
            return Ok(None);
        }
        let mut held = HashMap::with_capacity(rows.len());
        for row in &rows {
            let known = self.held.get(&row.id).filter(|known| match known {
                Some(known) => known.signing.kid() == row.kid,
                None => self.rows.iter().any(|before| before.id == row.id && before.private == row.private),
            });
            let key = match known {
                Some(known) => known.clone(),
                None => open(row, seal).await?,
            };
            held.insert(row.id, key);
        }
        Ok(Some(Ring::of(rows, held)))
    }

    fn of(rows: Vec<SigningKeyRow>, held: HashMap<Id, Option<Held>>) -> Ring {
        let opened: Vec<(&SigningKeyRow, &Held)> =
            rows.iter().filter_map(|row| Some((row, held.get(&row.id)?.as_ref()?))).collect();
        let signer = |algorithm| {
            let mut all = opened.iter().filter(|(row, _)| row.algorithm == algorithm);
            all.find(|(row, _)| row.stage() == Stage::Current).map(|(_, held)| held.signing.clone())
        };
        let signers = Algorithm::ALL.map(signer);
        let verifying = opened.iter().map(|(row, held)| (row.kid.clone(), held.verifying.clone())).collect();
        let text = JwkSet::spell(opened.iter().map(|(_, held)| held.signing.jwk()));
        let digest = Digest::of(text.as_bytes());
        let tag: String = digest.as_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let set = KeySet { text: Bytes::from(text), tag: Arc::from(format!("\"{tag}\"")) };
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
        self.held.get(&row.id).is_some_and(Option::is_some)
    }

    pub fn has_current(&self, algorithm: Algorithm) -> bool {
        self.row(algorithm, Stage::Current).is_some()
    }

    /// Whether every algorithm has a key, be it one that cannot be opened here: the others work on.
    pub fn is_whole(&self) -> bool {
        Algorithm::ALL.into_iter().all(|algorithm| self.has_current(algorithm))
    }
}

/// Opens one row. `None`, with a line in the log: it is not what was sealed there.
pub(super) async fn open(row: &SigningKeyRow, seal: &Seal) -> Result<Option<Held>, StoreError> {
    let plain = match seal.open_value(Scope::Deployment, &place(row.id), &row.private).await {
        Ok(plain) => plain,
        Err(Unsealed::Store(error)) => return Err(error),
        Err(why) => {
            let (kid, algorithm) = (&row.kid, row.algorithm.name());
            tracing::error!(%why, kid, algorithm, "a signing key is not used; `vestibule keys rotate --now` replaces it");
            return Ok(None);
        }
    };
    let signing = SigningKey::from_pkcs8(row.algorithm, &plain).ok().filter(|key| key.kid() == row.kid);
    let both = signing.and_then(|key| Some((VerifyingKey::of(key.jwk()).ok()?, key)));
    if both.is_none() {
        tracing::error!(kid = row.kid, "a signing key is not the one that its row names; it is not used");
    }
    Ok(both.map(|(verifying, signing)| Held { signing: Arc::new(signing), verifying: Arc::new(verifying) }))
}

/// Where the private half of the key in this row stands.
pub const fn place(row: Id) -> Place {
    Place { table: "signing_keys", column: "sealed", row }
}
