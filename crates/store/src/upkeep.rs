//! Sweeping: rows whose time is over go in small batches, each a verb of its own, so that the writer never stalls.
//!
//! Owns what may go when. A row goes an hour after its end, so that nodes whose clocks differ do not meet over it.

use crate::{Store, StoreError};

impl Store {
    /// Deletes at most `batch` rows per table of what was over at `now`, and gives how many went. Call it again at once
    /// while it gives `batch` or more.
    pub async fn sweep(&self, now: i64, batch: i64) -> Result<u64, StoreError> {
        todo!()
    }
}
