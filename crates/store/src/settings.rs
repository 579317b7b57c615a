//! What the operator's commands must know about the server beside them, such as its public URL.
//!
//! Not a configuration: a running server never reads these.

use crate::{Statement, Store, StoreError};

impl Store {
    /// The value kept under `name`.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        todo!()
    }

    /// Keeps `value` under `name`, in place of what stood there.
    pub async fn put_setting(&self, name: &str, value: &str) -> Result<(), StoreError> {
        todo!()
    }
}
