//! What the operator's commands must know about the server beside them, such as its public URL.
//!
//! Not a configuration: a running server never reads these.

use crate::{Store, StoreError, statement};

impl Store {
    /// The value kept under `name`.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        const FIND: &str = "SELECT value FROM settings WHERE tenant = $1 AND name = $2";
        self.find(&statement!(FIND, self.tenant(), name)).await?.map(|mut row| row.take_text(0)).transpose()
    }

    /// Keeps `value` under `name` unless something stands there, and gives what stands there then: of several servers
    /// that start at once, all get the same.
    pub async fn keep_setting(&self, name: &str, value: &str) -> Result<String, StoreError> {
        const KEEP: &str = "INSERT INTO settings (tenant, name, value) VALUES ($1, $2, $3) \
            ON CONFLICT (tenant, name) DO NOTHING";
        self.run(vec![statement!(KEEP, self.tenant(), name, value)]).await?;
        self.setting(name).await?.ok_or_else(|| StoreError::inconsistent("settings.value"))
    }

    /// Keeps `value` under `name`, in place of what stood there.
    pub async fn put_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO settings (tenant, name, value) VALUES ($1, $2, $3) \
            ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value";
        self.run(vec![statement!(PUT, self.tenant(), name, value)]).await.map(drop)
    }
}
