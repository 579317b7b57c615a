//! Sealed columns: which there are, and how their values are moved from one data key to another.
//!
//! Owns the list. A new sealed column is one line of it, a column for the name of the data key beside it
//! (`REFERENCES data_keys (id)`, with an index), and nothing else. Sees sealed bytes only; sealing is the server's.

use crate::columns::Columns;
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// A sealed value as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// The sealed bytes.
    pub bytes: Vec<u8>,
    /// The data key that sealed them.
    pub key: Id,
}

impl std::fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sealed under {}", self.key)
    }
}

impl SealedValue {
    /// The value as the two columns in which it stands; both are null where there is none.
    pub(crate) fn columns(value: Option<&SealedValue>) -> (Option<&[u8]>, Option<Id>) {
        (value.map(|value| value.bytes.as_slice()), value.map(|value| value.key))
    }
}

/// A sealed value and the row that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedRow {
    /// The row.
    pub id: Id,
    /// What stands there.
    pub value: SealedValue,
}

/// A value that is sealed anew: what stood there and what is to stand there.
#[derive(Clone, Debug)]
pub struct Resealed {
    /// The row.
    pub id: Id,
    /// What must stand there still.
    pub old: SealedValue,
    /// What takes its place.
    pub new: SealedValue,
}

/// A column that holds sealed values.
#[derive(Clone, Copy, Debug)]
pub struct SealedColumn {
    /// The table; its rows are found by `id`.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    page: &'static str,
    find: &'static str,
    reseal: &'static str,
}

macro_rules! sealed_columns {
    ($($table:literal . $column:literal, named by $key:literal;)*) => {
        /// Every column that holds sealed values.
        pub const SEALED_COLUMNS: &[SealedColumn] = &[$(SealedColumn {
            table: $table,
            column: $column,
            page: concat!(
                "SELECT id, ", $column, ", ", $key, " FROM ", $table,
                " WHERE ", $key, " = $1 AND tenant = $2 AND id > $3 ORDER BY id LIMIT $4"
            ),
            find: concat!("SELECT ", $column, ", ", $key, " FROM ", $table, " WHERE id = $1 AND tenant = $2"),
            reseal: concat!(
                "UPDATE ", $table, " SET ", $column, " = $3, ", $key, " = $4 WHERE id = $1 AND tenant = $2 AND ",
                $key, " = $5 AND ", $column, " = $6 RETURNING id"
            ),
        }),*];
        /// Deletes a retired data key under which no column holds anything.
        pub(crate) const FORGET: &str = concat!(
            "DELETE FROM data_keys WHERE id = $1 AND tenant = $2 AND retired_at < $3",
            $(" AND NOT EXISTS (SELECT 1 FROM ", $table, " s WHERE s.", $key, " = data_keys.id)",)*
            " RETURNING id"
        );
    };
}

sealed_columns! {
    "access_keys"."sealed", named by "sealed_by";
    "deployment_secrets"."sealed", named by "sealed_by";
    "git_authorizations"."access", named by "access_by";
    "git_authorizations"."refresh", named by "refresh_by";
    "git_flows"."verifier", named by "verifier_by";
    "git_hosts"."secret", named by "secret_by";
    "git_revocations"."access", named by "access_by";
    "git_revocations"."refresh", named by "refresh_by";
    "signing_keys"."sealed", named by "sealed_by";
}

impl Store {
    /// The values of `column` that are sealed under the data key `key`, `limit` rows at most, by id, after `after`.
    pub async fn sealed_under(
        &self,
        column: &SealedColumn,
        key: Id,
        after: Option<Id>,
        limit: i64,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let after = after.unwrap_or(Id::from_bytes([0; 16]));
        let rows = self.scan(&statement!(column.page, key, self.tenant(), after, limit)).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                Ok(SealedRow { id: c.id()?, value: SealedValue { bytes: c.blob()?, key: c.id()? } })
            })
            .collect()
    }

    /// What stands in `column` of the row `id` now; none also where the column is null.
    pub async fn sealed_at(&self, column: &SealedColumn, id: Id) -> Result<Option<SealedValue>, StoreError> {
        let Some(mut row) = self.find(&statement!(column.find, id, self.tenant())).await? else { return Ok(None) };
        Columns::of(&mut row).opt_sealed()
    }

    /// Puts the new values in place of the old ones, in one verb; a value that has changed meanwhile is left alone.
    /// Gives how many were replaced.
    pub async fn reseal(&self, column: &SealedColumn, values: &[Resealed]) -> Result<usize, StoreError> {
        let statement = |value: &Resealed| -> Statement {
            let Resealed { id, old, new } = value;
            let (new_bytes, old_bytes) = (new.bytes.as_slice(), old.bytes.as_slice());
            statement!(column.reseal, id, self.tenant(), new_bytes, new.key, old.key, old_bytes)
        };
        // The youngest row first, as a promotion takes signing keys: two verbs that lock rows in one order never wait for
        // each other.
        let mut values: Vec<&Resealed> = values.iter().collect();
        values.sort_unstable_by_key(|value| std::cmp::Reverse(value.id));
        let answers = self.run(values.into_iter().map(statement).collect()).await?;
        Ok(answers.iter().filter(|rows| !rows.is_empty()).count())
    }

    /// The deployment's secret of this name.
    pub async fn deployment_secret(&self, name: &str) -> Result<Option<SealedRow>, StoreError> {
        const FIND: &str = "SELECT id, sealed, sealed_by FROM deployment_secrets WHERE tenant = $1 AND name = $2";
        let Some(mut row) = self.find(&statement!(FIND, self.tenant(), name)).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        Ok(Some(SealedRow { id: c.id()?, value: SealedValue { bytes: c.blob()?, key: c.id()? } }))
    }

    /// Keeps a secret of the deployment under `name` unless there is one, and gives the one that there is then: of
    /// several nodes that start at once, all get the same.
    pub async fn keep_deployment_secret(
        &self,
        name: &str,
        secret: &SealedRow,
        now: i64,
    ) -> Result<SealedRow, StoreError> {
        const KEEP: &str = "INSERT INTO deployment_secrets (id, tenant, name, sealed, sealed_by, created_at) \
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
        let (bytes, key) = (secret.value.bytes.as_slice(), secret.value.key);
        self.run(vec![statement!(KEEP, secret.id, self.tenant(), name, bytes, key, now)]).await?;
        self.deployment_secret(name).await?.ok_or_else(|| StoreError::inconsistent("deployment_secrets.name"))
    }
}
