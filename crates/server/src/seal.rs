//! Sealing: what must be read again and may not be read by whoever has the database.
//!
//! Owns the way from a value to a sealed one and back: the scope's data key, found in the database and unwrapped with the
//! key-encryption key, which is in no database. The bytes are `envelope`'s, the file `key_file`'s, moving from key to
//! key `moving`'s.

mod envelope;
mod key_encryption;
mod key_file;
mod moving;
#[cfg(test)]
mod tests;

pub use envelope::Place;
pub use key_encryption::KeyEncryptionKey;
pub use key_file::KeySource;
pub use moving::{Moved, Replaced, Rotation, derived};

use crate::clock::Clock;
use crate::dice::Dice;
use envelope::{DataKey, KEY_BYTES};
use key_encryption::KeyRing;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;
use vestibule_store::audit::{Event, Note};
use vestibule_store::data_keys::{DEPLOYMENT, WrappedKey};
use vestibule_store::sealed::{SEALED_COLUMNS, SealedValue};
use vestibule_store::{Store, StoreError};
use zeroize::Zeroizing;

/// Data keys that are kept unwrapped; beyond that, all are let go and unwrapped again when they are needed.
const KEPT: usize = 4096;
/// Values of which it is remembered that they could not be opened, so that the trail has one row of each.
const TOLD: usize = 1024;

/// Whose data key seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The deployment's own.
    Deployment,
    /// A project's.
    Project(Id),
}

impl Scope {
    const fn id(self) -> Id {
        match self {
            Scope::Deployment => DEPLOYMENT,
            Scope::Project(id) => id,
        }
    }
}

/// Why a value was not sealed or opened.
#[derive(Clone, Debug)]
pub enum Unsealed {
    /// The value in this row is not what was sealed there: changed, cut, or moved from elsewhere. It stands in the trail.
    Changed {
        /// The table and the column.
        place: &'static str,
        /// The row.
        row: Id,
    },
    /// The data key of this id cannot be unwrapped with the key-encryption keys of this node.
    Locked(Id),
    /// The library failed to encrypt.
    Failed,
    /// The database could not be asked.
    Store(StoreError),
}

/// Seals and opens. Shared by the whole process.
pub struct Seal {
    store: Store,
    clock: Clock,
    dice: Dice,
    source: KeySource,
    ring: RwLock<Arc<KeyRing>>,
    unwrapped: RwLock<HashMap<Id, Arc<DataKey>>>,
    told: Mutex<HashMap<Id, ()>>,
}

impl Seal {
    /// Prepares sealing for a server: at the very first start makes the key-encryption key (where it may) and the
    /// deployment's data key. An `Err` is a sentence for the operator: which key is wanted and which is there.
    pub async fn start(store: &Store, source: KeySource, clock: Clock, dice: Dice) -> Result<Seal, String> {
        let found = store.sealing_key(DEPLOYMENT).await.map_err(|error| error.to_string())?;
        if found.is_none() {
            source.make(dice)?;
        }
        let seal = Seal::open(store, source, clock, dice).await?;
        if found.is_none() {
            seal.data_key_of(Scope::Deployment).await.map_err(|why| why.to_string())?;
        }
        Ok(seal)
    }

    /// Prepares sealing with the keys that there are: for commands, which make none.
    pub async fn open(store: &Store, source: KeySource, clock: Clock, dice: Dice) -> Result<Seal, String> {
        let wanted = store.wrapping_keys().await.map_err(|error| error.to_string())?;
        let name = source.name();
        let Some(ring) = source.read()? else {
            return Err(format!(
                "the database's keys are wrapped with the key-encryption key {}, and there is no file {name}: put the \
                 file back from its backup, or name it with --key-file",
                wanted.join(" and ")
            ));
        };
        if let Some(missing) = wanted.iter().find(|id| !ring.holds(id)) {
            let held: Vec<&str> = ring.ids().collect();
            return Err(format!(
                "the database's keys are wrapped with the key-encryption key {missing}, and {name} holds {}: give this \
                 node that key too",
                held.join(" and ")
            ));
        }
        let seal = Seal {
            store: store.clone(),
            clock,
            dice,
            source,
            ring: RwLock::new(Arc::new(ring)),
            unwrapped: RwLock::default(),
            told: Mutex::default(),
        };
        // The right name is not enough: what it wrapped must unwrap.
        if let Some(row) = seal.store.sealing_key(DEPLOYMENT).await.map_err(|error| error.to_string())? {
            seal.unwrap(&row).map_err(|why| format!("{why}: the row was changed; restore the database"))?;
        }
        Ok(seal)
    }

    /// The data key that seals for `scope`, made when there is none yet: a project gets its own at its first value.
    async fn data_key_of(&self, scope: Scope) -> Result<Arc<DataKey>, Unsealed> {
        // Asked each time: another node may have put a new key in its place, and sealing is followed by a write anyway.
        let row = match self.store.sealing_key(scope.id()).await? {
            Some(row) => row,
            None => {
                let made = self.make_data_key(scope.id())?;
                let note = self.note(made.id);
                self.store.keep_data_key(&made, &note).await?
            }
        };
        self.unwrap_or_tell(&row).await
    }

    /// Seals `plain` for `place` under the data key of `scope`.
    pub async fn seal(&self, scope: Scope, place: &Place, plain: &[u8]) -> Result<SealedValue, Unsealed> {
        let key = self.data_key_of(scope).await?;
        key.seal(place, self.store.tenant(), self.dice.bytes(), plain).ok_or(Unsealed::Failed)
    }

    /// Opens what was sealed for `place` in `scope`. A value that is not what was sealed there is named in the log and
    /// in the trail, and nothing else suffers from it.
    pub async fn open_value(
        &self,
        scope: Scope,
        place: &Place,
        value: &SealedValue,
    ) -> Result<Zeroizing<Vec<u8>>, Unsealed> {
        let changed = Unsealed::Changed { place: place.table, row: place.row };
        if let Some(key) = self.data_key(value.key).await? {
            if let Some(plain) = self.open_under(&key, scope, place, value) {
                return Ok(plain);
            }
        } else {
            // A data key goes only when nothing is sealed under it: since the value was read, it was sealed anew.
            let column = SEALED_COLUMNS.iter().find(|known| known.table == place.table && known.column == place.column);
            let Some(column) = column else { return Err(changed) };
            let Some(now) = self.store.sealed_at(column, place.row).await? else { return Err(changed) };
            let key = self.data_key(now.key).await?;
            if let Some(plain) = key.and_then(|key| self.open_under(&key, scope, place, &now)) {
                return Ok(plain);
            }
        }
        self.tell(place, value).await;
        Err(changed)
    }

    async fn data_key(&self, id: Id) -> Result<Option<Arc<DataKey>>, Unsealed> {
        if let Some(key) = self.unwrapped(id) {
            return Ok(Some(key));
        }
        match self.store.find_data_key(id).await? {
            Some(row) => self.unwrap_or_tell(&row).await.map(Some),
            None => Ok(None),
        }
    }

    fn open_under(
        &self,
        key: &DataKey,
        scope: Scope,
        place: &Place,
        value: &SealedValue,
    ) -> Option<Zeroizing<Vec<u8>>> {
        if key.scope != scope.id() {
            return None;
        }
        key.open(place, self.store.tenant(), value)
    }

    fn unwrapped(&self, id: Id) -> Option<Arc<DataKey>> {
        self.unwrapped.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// As after a start.
    #[cfg(test)]
    pub fn forget_everything(&self) {
        self.unwrapped.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn ring(&self) -> Arc<KeyRing> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The ring, read from its place again: for keys that were wrapped anew while we run.
    fn ring_again(&self) -> Arc<KeyRing> {
        if let Ok(Some(ring)) = self.source.read() {
            *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        }
        self.ring()
    }

    fn unwrap(&self, row: &WrappedKey) -> Result<Arc<DataKey>, Unsealed> {
        if let Some(key) = self.unwrapped(row.id) {
            return Ok(key);
        }
        let ring = self.ring();
        let ring = if ring.holds(&row.wrapped_by) { ring } else { self.ring_again() };
        let bytes = ring.unwrap_key(row, self.store.tenant()).ok_or(Unsealed::Locked(row.id))?;
        let key = Arc::new(DataKey::new(row.id, row.scope, &bytes));
        let mut unwrapped = self.unwrapped.write().unwrap_or_else(PoisonError::into_inner);
        if unwrapped.len() >= KEPT {
            unwrapped.clear();
        }
        unwrapped.insert(row.id, key.clone());
        Ok(key)
    }

    /// As [`Seal::unwrap`]; a row that was changed stands in the trail, as any other that is sealed.
    async fn unwrap_or_tell(&self, row: &WrappedKey) -> Result<Arc<DataKey>, Unsealed> {
        let unwrapped = self.unwrap(row);
        if unwrapped.is_err() && self.ring().holds(&row.wrapped_by) {
            let place = Place { table: "data_keys", column: "wrapped", row: row.id };
            self.tell(&place, &SealedValue { bytes: row.wrapped.clone(), key: row.id }).await;
        }
        unwrapped
    }

    fn make_data_key(&self, scope: Id) -> Result<WrappedKey, Unsealed> {
        let created_at = self.clock.now();
        let (id, key) = (self.dice.id(created_at), Zeroizing::new(self.dice.bytes::<KEY_BYTES>()));
        let wrapped = self.ring_again().wrap(id, scope, self.store.tenant(), &key, self.dice);
        let (wrapped, wrapped_by) = wrapped.ok_or(Unsealed::Failed)?;
        Ok(WrappedKey { id, scope, wrapped, wrapped_by, created_at, retired_at: None })
    }

    /// The trail's part of a verb whose row is made from `id`, so that nodes which meet leave one.
    fn note(&self, id: Id) -> Note {
        Note { id, at: self.clock.now(), actor: "server".to_owned(), request_id: None }
    }

    async fn tell(&self, place: &Place, value: &SealedValue) {
        let Place { table, column, row } = place;
        let digest = Digest::of(&[table.as_bytes(), column.as_bytes(), row.as_bytes(), &value.bytes].concat());
        let Some(id) = Id::from_slice(&digest.as_bytes()[..16]) else { return };
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() >= TOLD {
                told.clear();
            }
            if told.insert(id, ()).is_some() {
                return;
            }
        }
        tracing::error!(table, column, row = %row, "a sealed value is not what was sealed there; it is refused");
        let target = format!("{table}:{row}");
        let event = Event { action: "sealed.open", target, outcome: "refused", details: format!("column {column}") };
        if let Err(error) = self.store.keep_event(&self.note(id), event).await {
            tracing::warn!(%error, "the refused value could not be written into the trail");
            self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
    }
}

impl From<StoreError> for Unsealed {
    fn from(error: StoreError) -> Unsealed {
        Unsealed::Store(error)
    }
}

impl fmt::Display for Unsealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unsealed::Changed { place, row } => write!(f, "the sealed value in {place}, row {row}, was changed"),
            Unsealed::Locked(id) => write!(f, "the data key in data_keys, row {id}, cannot be unwrapped"),
            Unsealed::Failed => f.write_str("the cryptographic library failed"),
            Unsealed::Store(error) => write!(f, "{error}"),
        }
    }
}
