//! What PostgreSQL's errors mean.
//!
//! Owns the line between a statement's fault and the moment's. Does not own trying again.

use crate::error::StoreError;
use deadpool_postgres::{HookError, PoolError, TimeoutType};
use std::error::Error as _;

/// Whose fault an error is: the statement's, or the moment's. Unless the server says that a statement is at fault, the
/// outcome counts as unknown.
pub(super) fn store_error(sql: &'static str, error: &tokio_postgres::Error) -> StoreError {
    let ours = error.code().is_some_and(|code| {
        let code = code.code();
        ["22", "23", "26", "42"].iter().any(|class| code.starts_with(class)) || code == "0A000"
    });
    if ours {
        return StoreError::Statement { sql, cause: describe(error) };
    }
    StoreError::Unavailable(describe(error))
}

/// The server's code and sentence. Its details are left out: they quote values.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// What it means that the pool gave no connection: nothing was done.
pub(super) fn pool_error(error: PoolError) -> StoreError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Busy,
        PoolError::Backend(error) => StoreError::Unavailable(describe(&error)),
        PoolError::PostCreateHook(HookError::Backend(error)) => StoreError::Unavailable(describe(&error)),
        PoolError::Closed => StoreError::Unavailable("the store is closed".to_owned()),
        other => StoreError::Unavailable(other.to_string()),
    }
}
