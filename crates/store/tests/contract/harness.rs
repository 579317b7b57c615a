//! Databases for the promises: each test gets a fresh one of each kind.
//!
//! Owns making and dropping them. Does not own what is promised. A test that has no PostgreSQL fails and says what to
//! run: a promise that was kept on one database only is not kept.

use crate::plans;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_postgres::NoTls;
use vestibule_store::db::Heard;
use vestibule_store::migrations::Schema;
use vestibule_store::{Options, Role, Store, StoreError, StoreUrl};

/// The moment at which every test begins, in Unix milliseconds.
pub const NOW: i64 = 1_900_000_000_000;

/// One fresh database, and the way to drop it.
pub struct Database {
    pub url: StoreUrl,
    directory: Option<tempfile::TempDir>,
    name: Option<String>,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// Runs a promise on a fresh, migrated SQLite file, then on a fresh, migrated PostgreSQL database.
pub fn each_database<F: Future<Output = ()>>(promise: impl Fn(Store) -> F) {
    each_database_with(|options| options, promise);
}

/// As [`each_database`], with other options.
pub fn each_database_with<F: Future<Output = ()>>(set: impl Fn(Options) -> Options, promise: impl Fn(Store) -> F) {
    each_empty_database(async |database| {
        let heard = Heard::default();
        let options = Options { heard: Some(heard.clone()), ..set(options(Role::Server)) };
        let store = Store::open(&database.url, Role::Server, options).await.expect("opens");
        promise(store.clone()).await;
        store.close().await;
        if let StoreUrl::Sqlite(path) = &database.url {
            plans::judge(path, &heard.lock().expect("is whole"));
        }
    });
}

/// Runs a promise on an empty SQLite path, then on an empty PostgreSQL database.
pub fn each_empty_database(promise: impl AsyncFn(&Database)) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        one_empty_database(kind, &promise);
    }
}

/// Runs a promise on an empty database of one kind, on a runtime of its own.
pub fn one_empty_database(kind: Kind, promise: impl AsyncFn(&Database)) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    let database = runtime.block_on(Database::make(kind));
    let kept = catch_unwind(AssertUnwindSafe(|| runtime.block_on(promise(&database))));
    runtime.block_on(database.unmake());
    if let Err(panic) = kept {
        eprintln!("the promise was broken on {kind:?}");
        std::panic::resume_unwind(panic);
    }
}

/// Runs a promise on an empty SQLite path in memory, for promises about turns and durations: on a disk that others keep
/// busy one sync can take longer than all of them.
pub fn one_empty_file_in_memory(promise: impl AsyncFn(&Database)) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("a runtime");
    let directory = tempfile::tempdir_in("/dev/shm").expect("Linux has a directory in memory");
    let url = StoreUrl::Sqlite(directory.path().join("vestibule.db"));
    runtime.block_on(promise(&Database { url, directory: Some(directory), name: None }));
}

/// What a test opens a store with.
pub fn options(role: Role) -> Options {
    Options::new(role, "test-node", NOW)
}

/// What a test with tables of its own opens a store with.
pub fn options_for(role: Role, schema: Schema) -> Options {
    Options { schema, ..options(role) }
}

impl Database {
    async fn make(kind: Kind) -> Database {
        if kind == Kind::Sqlite {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("vestibule.db");
            return Database { url: StoreUrl::Sqlite(path), directory: Some(directory), name: None };
        }
        // Names must differ between tests of one process and between processes that share a server.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("vestibule_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        // A test that was killed may have left one of this name behind.
        administer(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        administer(&format!("CREATE DATABASE {name}")).await;
        let mut config: tokio_postgres::Config = base().parse().expect("VESTIBULE_TEST_POSTGRES is an address");
        config.dbname(&name);
        Database { url: StoreUrl::Postgres(Box::new(config)), directory: None, name: Some(name) }
    }

    async fn unmake(self) {
        drop(self.directory);
        if let Some(name) = self.name {
            administer(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }

    /// Opens a store on it.
    pub async fn open(&self, role: Role, schema: Schema) -> Result<Store, StoreError> {
        Store::open(&self.url, role, options_for(role, schema)).await
    }

    /// Sends a command to this PostgreSQL database beside any store.
    pub async fn command(&self, sql: &str) {
        let StoreUrl::Postgres(config) = &self.url else { panic!("only for PostgreSQL") };
        send(config, sql).await;
    }
}

async fn administer(sql: &str) {
    send(&base().parse().expect("VESTIBULE_TEST_POSTGRES is an address"), sql).await;
}

async fn send(config: &tokio_postgres::Config, sql: &str) {
    let (client, connection) = config.connect(NoTls).await.expect("the PostgreSQL server of the tests answers");
    let connection = tokio::spawn(connection);
    client.batch_execute(sql).await.expect("the command is accepted");
    drop(client);
    connection.await.expect("ends").expect("ends well");
}

#[expect(clippy::disallowed_methods, reason = "the one setting of the tests")]
fn base() -> String {
    std::env::var("VESTIBULE_TEST_POSTGRES").expect(
        "VESTIBULE_TEST_POSTGRES is not set, so no promise can be tried on PostgreSQL: run scripts/test, which starts a \
         server and sets it",
    )
}
