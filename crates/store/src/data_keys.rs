//! Data keys: what seals, wrapped under a key-encryption key that stands in no database.
//!
//! Owns the rows: that a scope has one sealing key at a time, that a key is wrapped anew or not at all, and that it goes
//! only when nothing is sealed under it. Does not own any cryptography: it sees wrapped bytes only. Which columns are
//! sealed is `sealed`'s.

use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::sealed::FORGET;
use crate::{Row, Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// The scope of what belongs to no project: sealed under the deployment's own key.
pub const DEPLOYMENT: Id = Id::from_bytes([0; 16]);

/// A data key as it lies in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The row, and the name that whatever is sealed under it bears.
    pub id: Id,
    /// [`DEPLOYMENT`], or a project.
    pub scope: Id,
    /// The key, encrypted under the key-encryption key.
    pub wrapped: Vec<u8>,
    /// Which key-encryption key that is.
    pub wrapped_by: String,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
    /// Since when another one seals, in Unix milliseconds.
    pub retired_at: Option<i64>,
}

/// The columns of a data key, read by [`read`].
macro_rules! data_key_columns {
    () => {
        "id, scope, wrapped, wrapped_by, created_at, retired_at"
    };
}

fn read(mut row: Row) -> Result<WrappedKey, StoreError> {
    let mut c = Columns::of(&mut row);
    Ok(WrappedKey {
        id: c.id()?,
        scope: c.id()?,
        wrapped: c.blob()?,
        wrapped_by: c.text()?,
        created_at: c.int()?,
        retired_at: c.opt_int()?,
    })
}

impl Store {
    /// The data key that seals for `scope` now.
    pub async fn sealing_key(&self, scope: Id) -> Result<Option<WrappedKey>, StoreError> {
        const FIND: &str = concat!(
            "SELECT ",
            data_key_columns!(),
            " FROM data_keys WHERE tenant = $1 AND scope = $2 AND retired_at IS NULL"
        );
        self.find(&statement!(FIND, self.tenant(), scope)).await?.map(read).transpose()
    }

    /// The data key of this id, retired or not.
    pub async fn find_data_key(&self, id: Id) -> Result<Option<WrappedKey>, StoreError> {
        const FIND: &str = concat!("SELECT ", data_key_columns!(), " FROM data_keys WHERE id = $1 AND tenant = $2");
        self.find(&statement!(FIND, id, self.tenant())).await?.map(read).transpose()
    }

    /// Keeps `key` as the one that seals for its scope unless that scope has one, and gives the one that it has then: of
    /// several nodes that start at once, all get the same.
    pub async fn keep_data_key(&self, key: &WrappedKey, note: &Note) -> Result<WrappedKey, StoreError> {
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM data_keys WHERE id = $11)");
        let row = audit::row(self, note, event("data_key.make", key.id, key.scope), AUDIT, vec![key.id.into()]);
        self.run(vec![self.insert_data_key(key), row]).await?;
        self.sealing_key(key.scope).await?.ok_or_else(|| StoreError::inconsistent("data_keys.retired_at"))
    }

    fn insert_data_key(&self, key: &WrappedKey) -> crate::Statement {
        const INSERT: &str = "INSERT INTO data_keys (id, tenant, scope, wrapped, wrapped_by, created_at) \
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let WrappedKey { id, scope, wrapped, wrapped_by, created_at, .. } = key;
        statement!(INSERT, id, self.tenant(), scope, wrapped.as_slice(), wrapped_by, *created_at)
    }

    /// Retires `old` and lets `new` seal in its place; `false` when `old` no longer sealed.
    pub async fn replace_data_key(&self, old: Id, new: &WrappedKey, note: &Note) -> Result<bool, StoreError> {
        const RETIRE: &str = "UPDATE data_keys SET retired_at = $3 WHERE id = $1 AND tenant = $2 \
            AND retired_at IS NULL AND NOT EXISTS (SELECT 1 FROM data_keys n WHERE n.id = $4) RETURNING id";
        const INSERT: &str = "INSERT INTO data_keys (id, tenant, scope, wrapped, wrapped_by, created_at) \
            SELECT $1, $2, $3, $4, $5, $6 FROM data_keys o WHERE o.id = $7 AND o.retired_at = $6 \
            ON CONFLICT DO NOTHING RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM data_keys WHERE id = $11)");
        let WrappedKey { id, scope, wrapped, wrapped_by, .. } = new;
        let verb = vec![
            statement!(RETIRE, old, self.tenant(), note.at, id),
            statement!(INSERT, id, self.tenant(), scope, wrapped.as_slice(), wrapped_by, note.at, old),
            audit::row(self, note, event("data_key.rotate", *id, *scope), AUDIT, vec![(*id).into()]),
        ];
        Ok(self.run(verb).await?.get(1).is_some_and(|rows| !rows.is_empty()))
    }

    /// Keeps `wrapped`, made with the key-encryption key `wrapped_by`, in place of what `key` showed; `false` when
    /// that has changed or gone meanwhile.
    pub async fn rewrap_data_key(
        &self,
        key: &WrappedKey,
        wrapped: &[u8],
        wrapped_by: &str,
        note: &Note,
    ) -> Result<bool, StoreError> {
        const REWRAP: &str = "UPDATE data_keys SET wrapped = $3, wrapped_by = $4 \
            WHERE id = $1 AND tenant = $2 AND wrapped_by = $5 AND wrapped = $6 RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM data_keys WHERE id = $11 AND wrapped = $12)");
        let event = Event {
            details: format!("from {} to {wrapped_by}", key.wrapped_by),
            ..event("data_key.rewrap", key.id, key.scope)
        };
        let verb = vec![
            statement!(REWRAP, key.id, self.tenant(), wrapped, wrapped_by, &key.wrapped_by, key.wrapped.as_slice()),
            audit::row(self, note, event, AUDIT, vec![key.id.into(), wrapped.into()]),
        ];
        Ok(self.run(verb).await?.first().is_some_and(|rows| !rows.is_empty()))
    }

    /// All data keys in the order in which they were made, `limit` at most, from the one after `after` on.
    pub async fn list_data_keys(&self, after: Option<Id>, limit: i64) -> Result<Vec<WrappedKey>, StoreError> {
        const LIST: &str = concat!(
            "SELECT ",
            data_key_columns!(),
            " FROM data_keys WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3"
        );
        let after = after.unwrap_or(DEPLOYMENT);
        self.scan(&statement!(LIST, self.tenant(), after, limit)).await?.into_iter().map(read).collect()
    }

    /// The names of the key-encryption keys that data keys are wrapped with: one, and two while they are wrapped anew.
    pub async fn wrapping_keys(&self) -> Result<Vec<String>, StoreError> {
        const LIST: &str = "SELECT DISTINCT wrapped_by FROM data_keys WHERE tenant = $1 ORDER BY wrapped_by";
        let rows = self.scan(&statement!(LIST, self.tenant())).await?;
        rows.into_iter().map(|mut row| row.take_text(0)).collect()
    }

    /// The data keys of which another has taken the place, `limit` at most, by id, after `after`: they go once nothing is
    /// sealed under them.
    pub async fn retired_data_keys(&self, after: Option<Id>, limit: i64) -> Result<Vec<WrappedKey>, StoreError> {
        const LIST: &str = concat!(
            "SELECT ",
            data_key_columns!(),
            " FROM data_keys WHERE retired_at IS NOT NULL AND tenant = $1 AND id > $2 ORDER BY id LIMIT $3"
        );
        let after = after.unwrap_or(DEPLOYMENT);
        self.scan(&statement!(LIST, self.tenant(), after, limit)).await?.into_iter().map(read).collect()
    }

    /// Deletes the data key `id` if it was retired before `before` (Unix milliseconds) and nothing is sealed under it;
    /// says whether it went. A node that seals under it at that very moment is refused by its foreign key, or refuses
    /// this.
    pub async fn forget_data_key(&self, id: Id, before: i64, note: &Note) -> Result<bool, StoreError> {
        const AUDIT: &str = audited!("NOT EXISTS (SELECT 1 FROM data_keys WHERE id = $11)");
        let event = Event { action: "data_key.forget", target: target(id), outcome: "done", details: String::new() };
        // Asked first, so that a key which must stay leaves no row in the trail.
        const FREE: &str = "SELECT id FROM data_keys WHERE id = $1 AND tenant = $2 AND retired_at < $3";
        if self.find(&statement!(FREE, id, self.tenant(), before)).await?.is_none() {
            return Ok(false);
        }
        let verb =
            vec![statement!(FORGET, id, self.tenant(), before), audit::row(self, note, event, AUDIT, vec![id.into()])];
        Ok(self.run(verb).await?.first().is_some_and(|rows| !rows.is_empty()))
    }
}

fn target(id: Id) -> String {
    format!("data_key:{id}")
}

fn event(action: &'static str, id: Id, scope: Id) -> Event {
    let details = if scope == DEPLOYMENT { "of the deployment".to_owned() } else { format!("of project {scope}") };
    Event { action, target: target(id), outcome: "done", details }
}
