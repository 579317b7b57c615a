//! The store: one handle for both databases.
//!
//! Owns how a statement or a verb reaches a database and what an answer means. Does not own SQL (the nouns do), nor what
//! is particular to a database (`sqlite`, `postgres`).

use crate::error::StoreError;
use crate::migrations::{self, Schema};
use crate::postgres::Postgres;
use crate::row::Row;
use crate::sqlite::Sqlite;
use crate::url::StoreUrl;
use crate::value::{Statement, Value, Verb};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The tenant that exists at first; the first migration inserts its row.
pub const FIRST_TENANT: i64 = 1;

/// What opens the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A server: migrates, and on SQLite is the only one on its file.
    Server,
    /// A command beside a running server: never migrates, never creates a database.
    Node,
}

/// How a store is opened. Start from [`Options::new`].
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of this node, as audit rows bear it.
    pub node: String,
    /// The moment of opening, in Unix milliseconds: stands beside the migrations that it applies.
    pub now: i64,
    /// Verbs that may wait at once; one more is answered [`StoreError::Busy`].
    pub queue: usize,
    /// Connections to PostgreSQL: 16 for a server, 1 for a command.
    pub connections: usize,
    /// The migrations. Only tests bring their own.
    pub schema: Schema,
    /// Where every statement is noted that may walk no further than an index leads it. Only tests listen.
    pub heard: Option<Heard>,
}

/// What the thread that writes to SQLite has done since the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commits {
    /// Transactions.
    pub commits: u64,
    /// Verbs in them.
    pub verbs: u64,
    /// What their COMMITs took together, with writing the log and fsync, in microseconds.
    pub commit_us: u64,
}

/// The statements that were read on the caller's own thread or ran in a verb.
pub type Heard = Arc<Mutex<BTreeSet<&'static str>>>;

impl Options {
    /// What a server or a command uses.
    pub fn new(role: Role, node: impl Into<String>, now: i64) -> Options {
        let connections = if role == Role::Server { 16 } else { 1 };
        Options { node: node.into(), now, queue: 4096, connections, schema: Schema::ours(), heard: None }
    }
}

/// An open store. Clones share everything.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    node: Arc<str>,
    tenant: i64,
    failure: watch::Receiver<Option<String>>,
    /// The highest schema number on which this program runs.
    newest: i64,
    heard: Option<Heard>,
}

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

impl Store {
    /// Opens the store, and as a server brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::NotMigrated`], [`StoreError::SchemaTooNew`], [`StoreError::SchemaChanged`],
    /// [`StoreError::SecondServer`], or [`StoreError::Unavailable`] when the database cannot be opened.
    pub async fn open(url: &StoreUrl, role: Role, options: Options) -> Result<Store, StoreError> {
        let (failed, failure) = watch::channel(None);
        let node = Arc::from(options.node.as_str());
        let newest = options.schema.number() + 1;
        let engine = match url {
            StoreUrl::Sqlite(path) => Engine::Sqlite(Arc::new(Sqlite::open(path, role, &options, failed).await?)),
            StoreUrl::Postgres(config) => {
                Engine::Postgres(Arc::new(Postgres::open(config, role, &options, failed).await?))
            }
        };
        Ok(Store { engine, node, tenant: FIRST_TENANT, failure, newest, heard: options.heard })
    }

    /// The name of this node.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The tenant whose rows this handle reads and writes.
    pub const fn tenant(&self) -> i64 {
        self.tenant
    }

    /// A handle to the same store for another tenant.
    #[must_use]
    pub fn of_tenant(&self, tenant: i64) -> Store {
        Store { tenant, ..self.clone() }
    }

    /// Reads by an index: a few rows at most. On SQLite it runs on the caller's own thread, in microseconds.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Busy`] (PostgreSQL only), [`StoreError::Statement`].
    pub async fn read(&self, statement: &Statement) -> Result<Vec<Row>, StoreError> {
        refuse_unstorable(std::slice::from_ref(statement))?;
        self.note_down(std::slice::from_ref(statement));
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(statement),
            Engine::Postgres(postgres) => postgres.read(statement).await,
        }
    }

    /// As [`Store::read`], for a statement that finds one row or none.
    pub async fn find(&self, statement: &Statement) -> Result<Option<Row>, StoreError> {
        Ok(self.read(statement).await?.into_iter().next())
    }

    /// Reads whatever walks over many rows: lists, searches, sweeps. Never stalls the caller's thread.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn scan(&self, statement: &Statement) -> Result<Vec<Row>, StoreError> {
        refuse_unstorable(std::slice::from_ref(statement))?;
        match &self.engine {
            Engine::Sqlite(sqlite) => Sqlite::scan(sqlite, statement.clone()).await,
            Engine::Postgres(postgres) => postgres.read(statement).await,
        }
    }

    /// Runs a verb: all its statements in one transaction, or none. Gives the rows that each statement returned, in the
    /// order of the statements. When it returns `Ok`, the verb is durable.
    ///
    /// A statement that returns no columns gives one row without any if it changed something, and none otherwise. Claims on
    /// the hot paths say so instead of `RETURNING id`: SQLite makes a table of its own for what a statement returns.
    ///
    /// A caller that goes away leaves the verb whole or undone, never in part.
    ///
    /// # Errors
    /// [`StoreError::Busy`]: nothing was done. [`StoreError::Statement`]: nothing was done.
    /// [`StoreError::Unavailable`]: it may or may not have been done.
    pub async fn run(&self, verb: Verb) -> Result<Vec<Vec<Row>>, StoreError> {
        refuse_unstorable(&verb)?;
        self.note_down(&verb);
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.run(verb).await,
            Engine::Postgres(postgres) => postgres.run(verb).await,
        }
    }

    fn note_down(&self, statements: &[Statement]) {
        if let Some(heard) = &self.heard {
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.extend(statements.iter().map(|statement| statement.sql));
        }
    }

    /// How far this node's clock is ahead of its database's, in milliseconds (negative: behind), and a proof that the
    /// database answers. SQLite has no clock of its own: 0.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn clock_skew(&self, now: i64) -> Result<i64, StoreError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(&Statement::new("SELECT 1", [])).map(|_| 0),
            Engine::Postgres(postgres) => postgres.clock_skew(now).await,
        }
    }

    /// Whether this program may still run on the database's schema: newer servers may have moved it on meanwhile.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn schema_fits(&self) -> Result<bool, StoreError> {
        let row = self.find(&Statement::new(migrations::NEWEST_APPLIED, [])).await?;
        let found = row.map_or(Ok(None), |row| row.opt_int(0))?;
        Ok(found.is_some_and(|number| number <= self.newest))
    }

    /// Whether the store has failed for good: why, or `None`. After a failed write to the disk nothing is retried; every
    /// verb is refused, and the server must end.
    pub fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// Waits until the store has failed for good, and says why. Never returns while it is well.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        if let Ok(why) = failure.wait_for(Option::is_some).await {
            return why.clone().unwrap_or_default();
        }
        // The store was closed, which is no failure.
        std::future::pending().await
    }

    /// How often was committed, and how long it took. Only SQLite commits in this process; elsewhere `None`.
    pub fn commits(&self) -> Option<Commits> {
        match &self.engine {
            Engine::Sqlite(sqlite) => Some(sqlite.commits()),
            Engine::Postgres(_) => None,
        }
    }

    /// Ends the store: what waits is done and answered first. Later calls on any clone are refused as unavailable.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close(),
        }
    }
}

/// Refuses what the two databases would treat differently: PostgreSQL cannot store U+0000 in text, where SQLite's
/// functions stop at it; and lengths beyond 32 bits have been truncated by drivers before (FM-115).
fn refuse_unstorable(statements: &[Statement]) -> Result<(), StoreError> {
    for statement in statements {
        for value in &statement.values {
            let (length, nul) = match value {
                Value::Text(text) => (text.len(), text.as_bytes().contains(&0)),
                Value::Blob(bytes) => (bytes.len(), false),
                _ => continue,
            };
            if nul || length > LONGEST {
                let cause = if nul { "a text holds U+0000" } else { "a value is longer than 16 MiB" };
                return Err(StoreError::Statement { sql: statement.sql, cause: cause.to_owned() });
            }
        }
    }
    Ok(())
}

/// Bytes of one value at most.
const LONGEST: usize = 16 << 20;
