//! PostgreSQL, and what speaks its protocol: many nodes on one database.
//!
//! Owns the pool and the flight of a verb; migrations are in `migrating`, what errors mean in `fault`. Keeps to what
//! distributed engines have: no advisory locks, no sequences, no LISTEN, and a transaction may be asked to try again.
//! Does not own SQL.

mod fault;
mod migrating;
mod values;

use crate::db::{Options, Role};
use crate::error::StoreError;
use crate::row::Row;
use crate::value::{Statement, Value, Verb};
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use fault::{describe, pool_error, store_error};
use futures_util::future::{MaybeDone, join3, maybe_done};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Config, NoTls};
use values::read_row;

/// How long a caller waits for a connection, a connection for its server, and a verb for its answer.
const WAIT: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(5);
const FLIGHT: Duration = Duration::from_secs(15);
/// How often a transaction that lost against another is tried again.
const TRIES: u32 = 12;

/// Set on each connection. An operator who switched off `synchronous_commit` for the whole server must not make us
/// answer before a commit is durable; stricter values are left alone.
const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '10s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A pool of connections to one database.
pub(crate) struct Postgres {
    pool: Pool,
    waiting: Arc<Semaphore>,
    /// Kept so that whoever waits for a failure waits on; a lost database comes back by itself.
    _failed: watch::Sender<Option<String>>,
}

/// How a flight ended, if not well.
enum Crash {
    /// Another transaction came first; nothing was done.
    Again(StoreError),
    /// Anything else.
    Over(StoreError),
}

impl Postgres {
    /// Connects, and as a server migrates.
    pub(crate) async fn open(
        config: &Config,
        role: Role,
        options: &Options,
        failed: watch::Sender<Option<String>>,
    ) -> Result<Postgres, StoreError> {
        let mut config = config.clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("vestibule");
        }
        config.tcp_user_timeout(FLIGHT);
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(CONNECT))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
            }))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        migrating::migrate(&pool, role, options).await?;
        Ok(Postgres { pool, waiting: Arc::new(Semaphore::new(options.queue)), _failed: failed })
    }

    /// Reads on a connection of the pool.
    pub(crate) async fn read(&self, statement: &Statement) -> Result<Vec<Row>, StoreError> {
        let _place = self.waiting.try_acquire().map_err(|_| StoreError::Busy)?;
        let verb = std::slice::from_ref(statement);
        let mut rows = fly(&self.pool, verb).await?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// Runs a verb in a task of its own, so that a caller who goes away cannot leave a connection inside a transaction.
    pub(crate) async fn run(&self, verb: Verb) -> Result<Vec<Vec<Row>>, StoreError> {
        let place = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| StoreError::Busy)?;
        let pool = self.pool.clone();
        let flight = tokio::spawn(async move {
            let _place = place;
            fly(&pool, &verb).await
        });
        flight
            .await
            .map_err(|_| StoreError::Unavailable("the verb was interrupted; it may have been done".to_owned()))?
    }

    /// See [`crate::Store::clock_skew`].
    pub(crate) async fn clock_skew(&self, now: i64) -> Result<i64, StoreError> {
        const NOW: &str = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        let rows = self.read(&Statement::new(NOW, [])).await?;
        let theirs = rows.first().ok_or_else(|| StoreError::Unavailable("no answer".to_owned()))?.int(0)?;
        Ok(now.saturating_sub(theirs))
    }

    /// Refuses whatever comes later.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// Takes a connection and sends the verb, again when another transaction came first.
async fn fly(pool: &Pool, verb: &[Statement]) -> Result<Vec<Vec<Row>>, StoreError> {
    let mut tried = 0;
    loop {
        let client = pool.get().await.map_err(pool_error)?;
        let crash = match timeout(FLIGHT, flight(&client, verb)).await {
            Ok(Ok(rows)) => return Ok(rows),
            Ok(Err(crash)) => crash,
            Err(_) => Crash::Over(StoreError::Unavailable("no answer in time; the verb may have been done".to_owned())),
        };
        tried += 1;
        match crash {
            // The server has answered the COMMIT, so the connection is outside any transaction and good.
            Crash::Again(_) if tried < TRIES => {
                drop(client);
                tokio::time::sleep(back_off(verb, tried)).await;
            }
            Crash::Again(error) | Crash::Over(error) => {
                // What state it is in is not worth finding out.
                drop(Object::take(client));
                return Err(error);
            }
        }
    }
}

/// BEGIN, all statements and COMMIT in one flight: everything is sent before the first answer is awaited. A single
/// statement is a transaction by itself.
async fn flight(client: &Object, verb: &[Statement]) -> Result<Vec<Vec<Row>>, Crash> {
    let sql = verb.first().map_or("", |statement| statement.sql);
    let prepared = in_order(verb.iter().map(|statement| prepare(client, statement))).await;
    let prepared: Vec<tokio_postgres::Statement> = prepared.into_iter().collect::<Result<_, _>>()?;
    let statements = verb.iter().zip(&prepared).map(|(statement, prepared)| ask(client, statement, prepared));
    if verb.len() == 1 {
        return in_order(statements).await.into_iter().collect();
    }
    let control = |sql: &'static str| async move { client.batch_execute(sql).await };
    let (began, answers, committed) = join3(control("BEGIN"), in_order(statements), control("COMMIT")).await;
    began.map_err(|error| crash(sql, &error))?;
    let mut rows = Vec::with_capacity(verb.len());
    for answer in answers {
        // The first error is the cause; the statements after it only hear that the transaction is aborted. COMMIT of
        // such a transaction answers ROLLBACK without an error, so its own answer would not tell.
        rows.push(answer?);
    }
    committed.map_err(|error| crash(sql, &error))?;
    Ok(rows)
}

/// Polls in the given order, so that requests go out in it.
async fn in_order<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<Pin<Box<MaybeDone<F>>>> = futures.map(|future| Box::pin(maybe_done(future))).collect();
    poll_fn(|context| {
        let pending = futures.iter_mut().filter_map(|future| future.as_mut().poll(context).is_pending().then_some(()));
        if pending.count() == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    futures.iter_mut().filter_map(|future| future.as_mut().take_output()).collect()
}

/// Prepares a statement with the types of its values, once per connection.
async fn prepare(client: &Object, statement: &Statement) -> Result<tokio_postgres::Statement, Crash> {
    let types: Vec<Type> = statement.values.iter().map(Value::postgres_type).collect();
    let prepared = client.prepare_typed_cached(statement.sql, &types).await;
    let prepared = prepared.map_err(|error| crash(statement.sql, &error))?;
    if prepared.params().len() == types.len() {
        return Ok(prepared);
    }
    let cause = "the number of values is not the number of parameters".to_owned();
    Err(Crash::Over(StoreError::Statement { sql: statement.sql, cause }))
}

async fn ask(client: &Object, statement: &Statement, prepared: &tokio_postgres::Statement) -> Result<Vec<Row>, Crash> {
    let values: Vec<&(dyn ToSql + Sync)> = statement.values.iter().map(|value| value as _).collect();
    if prepared.columns().is_empty() {
        let changed = client.execute(prepared, &values).await.map_err(|error| crash(statement.sql, &error))?;
        return Ok((changed > 0).then(|| Row::of_a_change(statement.sql)).into_iter().collect());
    }
    let rows = client.query(prepared, &values).await.map_err(|error| crash(statement.sql, &error))?;
    rows.iter().map(|row| read_row(statement.sql, row)).collect::<Result<_, _>>().map_err(Crash::Over)
}

fn crash(sql: &'static str, error: &tokio_postgres::Error) -> Crash {
    match error.code() {
        Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => {
            Crash::Again(StoreError::Unavailable(describe(error)))
        }
        _ => Crash::Over(store_error(sql, error)),
    }
}

/// 1, 2, 4 … 64 ms, and up to as much again, drawn from the verb's own bytes: two verbs that met come back at different
/// moments.
fn back_off(verb: &[Statement], tried: u32) -> Duration {
    let bytes = verb.iter().flat_map(|statement| &statement.values).flat_map(|value| match value {
        Value::Id(id) => id.as_bytes().as_slice(),
        Value::Blob(bytes) => bytes,
        _ => &[],
    });
    // FNV-1a: spreads, protects nothing.
    let hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    let base = 1000_u64 << tried.saturating_sub(1).min(6);
    Duration::from_micros(base + hash.rotate_left(tried * 7) % base)
}
