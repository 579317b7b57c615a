//! Migrations on PostgreSQL.
//!
//! Owns the lock under which one of several starting servers migrates: the row of a table, because distributed engines
//! have no advisory locks. Does not own the list of migrations nor their rules.

use super::fault::{describe, pool_error, store_error};
use crate::db::{Options, Role};
use crate::error::StoreError;
use crate::migrations;
use deadpool_postgres::{GenericClient, Object, Pool};
use std::time::Duration;
use tokio_postgres::error::SqlState;

const CREATE_LOCK: &str = "CREATE TABLE IF NOT EXISTS schema_lock (one BIGINT PRIMARY KEY)";
const FILL_LOCK: &str = "INSERT INTO schema_lock (one) VALUES (1) ON CONFLICT DO NOTHING";
/// Whoever waits here waits for the server that migrates now, however long its migrations take.
const TAKE_LOCK: &str = "SELECT one FROM schema_lock WHERE one = 1 FOR UPDATE";
const PATIENCE: &str = "SET statement_timeout = '15min'; SET lock_timeout = '15min'";
/// How often a start that collides with another is tried again.
const TRIES: u32 = 20;

/// Applies what is missing; as a node only looks.
pub(super) async fn migrate(pool: &Pool, role: Role, options: &Options) -> Result<(), StoreError> {
    let mut client = pool.get().await.map_err(pool_error)?;
    let applied = list_applied(&client).await?;
    if options.schema.judge(role, &applied, |migration| migration.postgres)?.is_empty() {
        return Ok(());
    }
    client.batch_execute(PATIENCE).await.map_err(|error| store_error(PATIENCE, &error))?;
    let mut tried = 0;
    let ended = loop {
        tried += 1;
        match try_migrate(&mut client, role, options).await {
            // Two servers that create the first tables at once collide in the catalogue, even with IF NOT EXISTS.
            Err(Trial::Collided(_)) if tried < TRIES => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(Trial::Collided(error) | Trial::Over(error)) => break Err(error),
            Ok(()) => break Ok(()),
        }
    };
    // Its patience is not for everyday's verbs.
    drop(Object::take(client));
    ended
}

enum Trial {
    Collided(StoreError),
    Over(StoreError),
}

async fn try_migrate(client: &mut Object, role: Role, options: &Options) -> Result<(), Trial> {
    for sql in [CREATE_LOCK, migrations::CREATE_APPLIED, FILL_LOCK] {
        client.batch_execute(sql).await.map_err(|error| trial(sql, &error))?;
    }
    let transaction = client.transaction().await.map_err(|error| trial("BEGIN", &error))?;
    transaction.batch_execute(TAKE_LOCK).await.map_err(|error| trial(TAKE_LOCK, &error))?;
    let applied = list_applied(&transaction).await.map_err(Trial::Over)?;
    let due = options.schema.judge(role, &applied, |migration| migration.postgres).map_err(Trial::Over)?;
    for migration in due {
        transaction.batch_execute(migration.postgres).await.map_err(|error| trial("(a migration)", &error))?;
        let sum = migrations::checksum(migration.postgres);
        transaction
            .execute(migrations::RECORD_APPLIED, &[&migration.number, &sum, &options.now])
            .await
            .map_err(|error| trial(migrations::RECORD_APPLIED, &error))?;
    }
    transaction.commit().await.map_err(|error| trial("COMMIT", &error))
}

fn trial(sql: &'static str, error: &tokio_postgres::Error) -> Trial {
    const COLLISIONS: [SqlState; 5] = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
    ];
    let collided = error.code().is_some_and(|code| COLLISIONS.contains(code)) && sql != "(a migration)";
    if collided {
        Trial::Collided(StoreError::Unavailable(describe(error)))
    } else {
        Trial::Over(store_error(sql, error))
    }
}

/// What stands in the table; nothing where there is no table yet.
async fn list_applied(client: &impl GenericClient) -> Result<Vec<(i64, String)>, StoreError> {
    match client.query(migrations::LIST_APPLIED, &[]).await {
        Ok(rows) => Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect()),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(Vec::new()),
        Err(error) => Err(store_error(migrations::LIST_APPLIED, &error)),
    }
}
