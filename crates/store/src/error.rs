//! What can go wrong with the store itself.
//!
//! "Already spent" and "not found" are outcomes of a verb, not errors, and live beside the verbs. No error holds a value
//! that was stored or searched for, so that a log line never shows a person's data or a secret (FM-97).

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use vestibule_oauth::id::Id;

/// An error of the store. Whatever the variant, nothing that was asked for may be reported as done: the server answers
/// 503 (or ends, for what [`crate::Store::open`] gives), never a 2xx (FM-74).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// The address of the database cannot be used; the sentence says why and what to write instead.
    Address(String),
    /// The database cannot be reached, cannot write, or did not say whether it committed.
    Unavailable(String),
    /// More is waiting than the queue holds. Trying again in a second is sound: nothing was done.
    Busy,
    /// The database refused a statement: a defect of ours, not of the caller.
    Statement {
        /// The statement, as written in the source.
        sql: &'static str,
        /// What the database said, without values.
        cause: String,
    },
    /// A row that no verb of ours can have written.
    Inconsistent {
        /// The table, as far as the statement tells.
        table: &'static str,
        /// The column's name, or `#n` for the n-th column of the answer, counted from 0.
        column: Cow<'static, str>,
        /// The row's identifier as 32 hexadecimal digits, where it is known.
        id: Option<String>,
    },
    /// A command came before the first start of a server, or a server of a newer release has not started yet.
    NotMigrated {
        /// The database's schema number; 0 for an empty or absent database.
        found: i64,
        /// The number that this program needs.
        needed: i64,
    },
    /// The database was migrated by a release that is too new for this program.
    SchemaTooNew {
        /// The database's schema number.
        found: i64,
        /// The highest number on which this program runs.
        supported: i64,
    },
    /// An applied migration differs from the one in this program.
    SchemaChanged {
        /// The number of the migration.
        number: i64,
    },
    /// Another server holds this SQLite file.
    SecondServer {
        /// The database file.
        path: PathBuf,
    },
}

impl StoreError {
    /// A row that no verb of ours can have written, named by `table.column`.
    pub fn inconsistent(place: &'static str) -> StoreError {
        let (table, column) = place.split_once('.').unwrap_or((place, "?"));
        StoreError::Inconsistent { table, column: Cow::Borrowed(column), id: None }
    }

    /// As [`StoreError::inconsistent`], with the row's identifier.
    pub fn inconsistent_row(place: &'static str, row: Id) -> StoreError {
        let (table, column) = place.split_once('.').unwrap_or((place, "?"));
        StoreError::Inconsistent { table, column: Cow::Borrowed(column), id: Some(row.to_string()) }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Address(why) => f.write_str(why),
            StoreError::Unavailable(why) => write!(f, "the database is unavailable: {why}"),
            StoreError::Busy => f.write_str("the store's queue is full; try again in a second"),
            StoreError::Statement { sql, cause } => write!(f, "the database refused a statement: {cause} (in: {sql})"),
            StoreError::Inconsistent { table, column, id } => {
                write!(f, "inconsistent row: table {table}, column {column}, id {}", id.as_deref().unwrap_or("unknown"))
            }
            StoreError::NotMigrated { found: 0, .. } => f.write_str(
                "there is no Vestibule database here yet: start the server once (`vestibule serve`), which creates it",
            ),
            StoreError::NotMigrated { found, needed } => write!(
                f,
                "the database's schema is number {found} and this program needs {needed}: start the server of this \
                 release once (`vestibule serve`), which migrates it"
            ),
            StoreError::SchemaTooNew { found, supported } => write!(
                f,
                "the database's schema is number {found}, made by a newer release; this program runs on numbers up to \
                 {supported}: install the newer release"
            ),
            StoreError::SchemaChanged { number } => write!(
                f,
                "migration {number} of this program differs from the one that made the database: it comes from another \
                 build; use the release that made the database, or a newer one"
            ),
            StoreError::SecondServer { path } => write!(
                f,
                "another Vestibule server is running on {}: stop it first, or use PostgreSQL for more than one server",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StoreError {}
