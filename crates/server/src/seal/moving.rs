//! Moving from key to key, while everything goes on: data keys under a new key-encryption key, and sealed values under a
//! new data key.
//!
//! Owns the order: a key goes only after everything was moved away from it, so that whoever is killed in between
//! leaves nothing that cannot be opened, and the next one who moves goes on where it ended.

use super::key_file::KeyFileLock;
use super::{KeyEncryptionKey, KeySource, Place, Scope, Seal, Unsealed};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::data_keys::{DEPLOYMENT, WrappedKey};
use vestibule_store::sealed::{Resealed, SEALED_COLUMNS, SealedColumn, SealedRow};

/// Values that one verb seals anew: few, so that the writer never stalls for it.
const BATCH: i64 = 50;
/// How long a data key outlives its last use, in milliseconds: a node may have read it just before.
const REST_MS: i64 = 60_000;

/// What was moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Values that are sealed under a new data key now.
    pub values: usize,
    /// Values that cannot be opened: they were left as they are, and with them the key that they name.
    pub unreadable: usize,
    /// Data keys that are gone.
    pub forgotten: usize,
    /// Retired data keys that are still there.
    pub left: usize,
    /// Those of them under which only values are left that cannot be opened.
    pub stuck: Vec<Id>,
}

/// What became of a rotation of data keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// New data keys.
    pub new: usize,
    /// Data keys of an earlier rotation that has not ended: their scopes got no new key this time.
    pub ending: usize,
    /// What was moved.
    pub moved: Moved,
}

/// What became of a key-encryption key's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// Every data key is wrapped with the key of this name; so many were wrapped anew.
    Wrapped(String, usize),
    /// There is only one key, and it is not ours to make another.
    OneKey,
}

impl Seal {
    /// Puts a new data key in the place of each and moves what they sealed. A scope in which an earlier rotation has not
    /// ended gets no new key: that one is ended first. What cannot be opened holds nobody up.
    pub async fn replace_data_keys(&self, actor: &str) -> Result<Replaced, Unsealed> {
        let earlier = self.retired().await?;
        let first = self.move_values(actor).await?;
        let ending: Vec<Id> =
            earlier.iter().filter(|key| !first.stuck.contains(&key.id)).map(|key| key.scope).collect();
        let new = self.replace_all_but(&ending, actor).await?;
        let mut moved = self.move_values(actor).await?;
        (moved.values, moved.forgotten) = (moved.values + first.values, moved.forgotten + first.forgotten);
        Ok(Replaced { new, ending: ending.len(), moved })
    }

    async fn retired(&self) -> Result<Vec<WrappedKey>, Unsealed> {
        let mut retired: Vec<WrappedKey> = Vec::new();
        loop {
            let page = self.store.retired_data_keys(retired.last().map(|key| key.id), BATCH).await?;
            if page.is_empty() {
                return Ok(retired);
            }
            retired.extend(page);
        }
    }

    async fn replace_all_but(&self, ending: &[Id], actor: &str) -> Result<usize, Unsealed> {
        // Listed before any is replaced: new keys come last in the list and must not be taken for old ones.
        let (mut sealing, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.list_data_keys(after, BATCH).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            let due = |key: &&WrappedKey| key.retired_at.is_none() && !ending.contains(&key.scope);
            sealing.extend(page.iter().filter(due).map(|key| (key.id, key.scope)));
        }
        let mut replaced = 0;
        for (old, scope) in sealing {
            let new = self.make_data_key(scope)?;
            let note = Note { actor: actor.to_owned(), ..self.note(self.dice.id(self.clock.now())) };
            replaced += usize::from(self.store.replace_data_key(old, &new, &note).await?);
        }
        Ok(replaced)
    }

    /// Seals anew what is sealed under retired data keys, and lets go of those that nothing needs any more. May run
    /// anywhere and at any time, also twice at once: a value that has changed meanwhile is left alone.
    pub async fn move_values(&self, actor: &str) -> Result<Moved, Unsealed> {
        let mut moved = Moved::default();
        for retired in self.retired().await? {
            let unreadable = moved.unreadable;
            for column in SEALED_COLUMNS {
                self.move_column(column, &retired, &mut moved).await?;
            }
            let now = self.clock.now();
            let note = Note { actor: actor.to_owned(), ..self.note(derived(b"data key", retired.id)) };
            match self.store.forget_data_key(retired.id, now - REST_MS, &note).await {
                Ok(true) => moved.forgotten += 1,
                // A node that sealed under it at this moment: it is looked at again.
                Ok(false) | Err(StoreError::Statement { .. }) => {
                    moved.left += 1;
                    if moved.unreadable > unreadable {
                        moved.stuck.push(retired.id);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(moved)
    }

    async fn move_column(&self, column: &SealedColumn, key: &WrappedKey, moved: &mut Moved) -> Result<(), Unsealed> {
        let scope = if key.scope == DEPLOYMENT { Scope::Deployment } else { Scope::Project(key.scope) };
        let mut after = None;
        loop {
            let page = self.store.sealed_under(column, key.id, after, BATCH).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            let mut values = Vec::with_capacity(page.len());
            for row in page {
                match self.sealed_anew(scope, column, row).await {
                    Ok(value) => values.push(value),
                    Err(Unsealed::Changed { .. }) => moved.unreadable += 1,
                    Err(other) => return Err(other),
                }
            }
            moved.values += self.store.reseal(column, &values).await?;
        }
    }

    async fn sealed_anew(&self, scope: Scope, column: &SealedColumn, row: SealedRow) -> Result<Resealed, Unsealed> {
        let place = Place { table: column.table, column: column.column, row: row.id };
        let plain = self.open_value(scope, &place, &row.value).await?;
        let new = self.seal(scope, &place, &plain).await?;
        Ok(Resealed { id: row.id, old: row.value, new })
    }

    /// Wraps every data key with the first key of the ring. Where the file is our own, a new one is put before it first,
    /// unless an earlier rotation has not ended: then that one is ended. The old key stays in the file, as one that was
    /// replaced, until [`Seal::let_go`]: at every moment the file opens the database.
    pub async fn rewrap(&self, actor: &str) -> Result<Rotation, String> {
        // Held to the end: of two rotations, the second finds what the first has done.
        let lock = if self.is_own() { self.source.lock(true)? } else { None };
        if let Some(lock) = &lock {
            self.take_away(lock).await?;
            let before = lock.lines()?;
            if before.replaced.is_empty() {
                let new = KeyEncryptionKey::make(self.dice);
                lock.write(&before, &[new], &before.keys, self.dice)?;
            }
        }
        let ring = self.ring_again();
        let names: Vec<String> = ring.ids().map(str::to_owned).collect();
        let [first, _, ..] = names.as_slice() else { return Ok(Rotation::OneKey) };
        let mut wrapped = 0;
        // Once more after the last, because another node may have made one meanwhile.
        while self.store.wrapping_keys().await.map_err(|e| e.to_string())?.iter().any(|id| id != first) {
            wrapped += self.rewrap_once(first, actor).await.map_err(|why| why.to_string())?;
        }
        Ok(Rotation::Wrapped(first.clone(), wrapped))
    }

    /// Takes replaced key-encryption keys out of our own file once they have rested and nothing is wrapped with them;
    /// says whether it did. A node may have read the file just before it was written, and wrap with what it read.
    pub async fn let_go(&self) -> Result<bool, String> {
        let lock = if self.is_own() { self.source.lock(false)? } else { None };
        let Some(lock) = lock else { return Ok(false) };
        self.take_away(&lock).await
    }

    async fn take_away(&self, lock: &KeyFileLock) -> Result<bool, String> {
        let lines = lock.lines()?;
        if lines.replaced.is_empty() || lines.written_at > self.clock.now() - REST_MS {
            return Ok(false);
        }
        let needed = self.store.wrapping_keys().await.map_err(|error| error.to_string())?;
        let kept: Vec<String> = lines
            .keys
            .iter()
            .filter_map(|key| Some(KeyEncryptionKey::parse(key.expose()).ok()?.id().to_owned()))
            .collect();
        if needed.iter().any(|id| !kept.contains(id)) {
            return Ok(false);
        }
        lock.write(&lines, &lines.keys, &[], self.dice)?;
        self.ring_again();
        Ok(true)
    }

    const fn is_own(&self) -> bool {
        matches!(self.source, KeySource::Own(_))
    }

    async fn rewrap_once(&self, first: &str, actor: &str) -> Result<usize, Unsealed> {
        let (ring, tenant) = (self.ring(), self.store.tenant());
        let (mut wrapped, mut after) = (0, None);
        loop {
            let page = self.store.list_data_keys(after, BATCH).await?;
            let Some(last) = page.last() else { return Ok(wrapped) };
            after = Some(last.id);
            for row in page.iter().filter(|row| row.wrapped_by != first) {
                let key = ring.unwrap_key(row, tenant).ok_or(Unsealed::Locked(row.id))?;
                let (new, by) = ring.wrap(row.id, row.scope, tenant, &key, self.dice).ok_or(Unsealed::Failed)?;
                let note = Note { actor: actor.to_owned(), ..self.note(self.dice.id(self.clock.now())) };
                wrapped += usize::from(self.store.rewrap_data_key(row, &new, &by, &note).await?);
            }
        }
    }
}

/// The trail's row for something that ends once, whoever ends it.
pub fn derived(what: &[u8], id: Id) -> Id {
    let digest = Digest::of(&[what, b"\0", id.as_bytes().as_slice()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    Id::from_bytes(bytes)
}
