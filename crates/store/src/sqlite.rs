//! SQLite: one file, one server.
//!
//! Owns opening (pragmas, migrations) and reads on the caller's own thread. The thread that writes is
//! in `writer`, who may write when in `turns`, running a statement in `statement`. Does not own SQL.

mod mount;
mod prepared;
mod statement;
mod turns;
mod writer;

use crate::db::{Commits, Options, Role};
use crate::error::StoreError;
use crate::migrations;
use crate::row::Row;
use crate::value::{Statement, Verb};
use prepared::Prepared;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use statement::{classify, execute, execute_once};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use turns::Turns;

/// The first release without the WAL-reset bug, which loses committed data.
const OLDEST_LIBRARY: i32 = 3_051_003;
/// How long a connection waits between two tries for a lock that another holds, and how often it tries: about 30 s.
/// SQLite's own back-off grows to 100 ms and would sleep through the moments that the writer leaves free.
const LOCK_POLL: Duration = Duration::from_micros(500);
const LOCK_TRIES: i32 = 50_000;
/// Readers never wait for a writer; what keeps them out (a recovery, somebody's VACUUM) may stall a caller's thread for
/// a second, not for longer.
const READ_TRIES: i32 = 2_000;
/// How much of the file a reader may map, in bytes: the most that the library takes.
const MAPPED: i64 = 0x7fff_0000;

/// An open file.
pub(crate) struct Sqlite {
    file: Arc<Database>,
    writer: writer::Handle,
}

/// What read connections are keyed by; when the last handle is gone, threads close theirs.
struct Database {
    path: PathBuf,
    closed: AtomicBool,
}

/// A read connection that belongs to one thread.
struct Reader {
    of: Weak<Database>,
    connection: Prepared,
}

thread_local! {
    static READERS: RefCell<Vec<Reader>> = const { RefCell::new(Vec::new()) };
}

impl Sqlite {
    /// Opens the file, and as a server locks and migrates it.
    pub(crate) async fn open(
        path: &Path,
        role: Role,
        options: &Options,
        failed: watch::Sender<Option<String>>,
    ) -> Result<Sqlite, StoreError> {
        let (path, options) = (path.to_owned(), options.clone());
        let opening = tokio::task::spawn_blocking(move || Sqlite::open_now(path, role, &options, failed));
        opening.await.map_err(|_| StoreError::Unavailable("opening the file was interrupted".to_owned()))?
    }

    fn open_now(
        path: PathBuf,
        role: Role,
        options: &Options,
        failed: watch::Sender<Option<String>>,
    ) -> Result<Sqlite, StoreError> {
        let library = rusqlite::version_number();
        if library < OLDEST_LIBRARY {
            return Err(StoreError::Unavailable(format!(
                "SQLite {} can lose committed data; 3.51.3 or newer is needed",
                rusqlite::version()
            )));
        }
        let turns = match role {
            Role::Server => {
                let turns = Turns::of_server(&path)?;
                mount::refuse_network(&path)?;
                turns
            }
            Role::Node if !path.exists() => {
                return Err(StoreError::NotMigrated { found: 0, needed: options.schema.number() });
            }
            Role::Node => Turns::of_command(&path),
        };
        let opened = connect(&path, role == Role::Server, LOCK_TRIES).map_err(|error| cannot_open(&path, &error))?;
        migrate(&opened, role, options)?;
        let writer = writer::start(opened, turns, options.queue, failed)?;
        Ok(Sqlite { file: Arc::new(Database { path, closed: AtomicBool::new(false) }), writer })
    }

    /// Reads on this thread's own connection.
    pub(crate) fn read(&self, statement: &Statement) -> Result<Vec<Row>, StoreError> {
        if self.file.closed.load(Ordering::Relaxed) {
            return Err(closed());
        }
        READERS.with_borrow_mut(|readers| {
            let ours = Arc::as_ptr(&self.file);
            let place = match readers.iter().position(|reader| reader.of.as_ptr() == ours) {
                Some(place) => place,
                None => {
                    readers.retain(|reader| reader.of.strong_count() > 0);
                    let connection = connect_reader(&self.file.path).map_err(|e| cannot_open(&self.file.path, &e))?;
                    readers.push(Reader { of: Arc::downgrade(&self.file), connection: Prepared::on(connection) });
                    readers.len() - 1
                }
            };
            execute(&mut readers[place].connection, statement).map_err(|fault| {
                if fault.fatal {
                    readers.swap_remove(place);
                }
                fault.error
            })
        })
    }

    /// Reads on a thread of the blocking pool.
    pub(crate) async fn scan(this: &Arc<Sqlite>, statement: Statement) -> Result<Vec<Row>, StoreError> {
        let this = Arc::clone(this);
        let scanning = tokio::task::spawn_blocking(move || this.read(&statement));
        scanning.await.map_err(|_| StoreError::Unavailable("the read was interrupted".to_owned()))?
    }

    /// Hands a verb to the writer and waits for its commit.
    pub(crate) async fn run(&self, verb: Verb) -> Result<Vec<Vec<Row>>, StoreError> {
        self.writer.run(verb).await
    }

    /// What the writer has done so far.
    pub(crate) fn commits(&self) -> Commits {
        self.writer.commits()
    }

    /// Lets the writer finish what waits, and gives up the file.
    pub(crate) async fn close(&self) {
        self.file.closed.store(true, Ordering::Relaxed);
        self.writer.close().await;
    }
}

/// The answer to whoever comes after the end.
fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(format!("cannot open {}: {error}", path.display()))
}

/// A connection with everything that is set on each of them.
fn connect(path: &Path, owns_file: bool, lock_tries: i32) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(move |tries| {
        std::thread::sleep(LOCK_POLL);
        tries < lock_tries
    }))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // Without it the library plans a statement again at every bind: 25 µs instead of 6.5 for a join of four tables.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    if owns_file {
        let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            let why = "this file system cannot hold a write-ahead log; put the database on a local disk".to_owned();
            return Err(rusqlite::Error::ToSqlConversionFailure(why.into()));
        }
    }
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16384;",
    )?;
    // The library's own checkpoint belongs to a commit, whose callers wait for it, and it forgets the errors that it
    // meets. The server's writer moves the log instead; a command does it when it ends, if the log is long.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 67_108_864, |_| Ok(()))?;
    Ok(connection)
}

fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(path, false, READ_TRIES)?;
    // Mapped pages are taken up anew at each read: the size of every cell on them would be checked each time, which on a
    // full database costs more than the read itself. Whoever writes checks.
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cell_size_check = OFF")?;
    // Addresses, not memory: what is mapped is the kernel's own cache of the file.
    connection.pragma_update_and_check(None, "mmap_size", MAPPED, |_| Ok(()))?;
    Ok(connection)
}

/// Applies what is missing, in one transaction; as a node only looks.
fn migrate(connection: &Connection, role: Role, options: &Options) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| classify("(a migration)", &error).error;
    if role == Role::Node {
        let known = connection.table_exists(None, "schema_migrations").map_err(failed)?;
        let applied = if known { list_applied(connection)? } else { Vec::new() };
        return options.schema.judge(role, &applied, |migration| migration.sqlite).map(|_| ());
    }
    let transaction = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate);
    let transaction = transaction.map_err(failed)?;
    transaction.execute_batch(migrations::CREATE_APPLIED).map_err(failed)?;
    let applied = list_applied(&transaction)?;
    for migration in options.schema.judge(role, &applied, |migration| migration.sqlite)? {
        transaction.execute_batch(migration.sqlite).map_err(failed)?;
        let record = migrations::record(migration.number, migration.sqlite, options.now);
        execute_once(&transaction, &record).map_err(|fault| fault.error)?;
    }
    transaction.commit().map_err(failed)
}

fn list_applied(connection: &Connection) -> Result<Vec<(i64, String)>, StoreError> {
    let mut rows =
        execute_once(connection, &Statement::new(migrations::LIST_APPLIED, [])).map_err(|fault| fault.error)?;
    rows.iter_mut().map(|row| Ok((row.int(0)?, row.take_text(1)?))).collect()
}
