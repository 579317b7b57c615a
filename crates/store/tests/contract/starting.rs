//! Opening a store: who may migrate, and on what a program refuses to run.

use crate::engine::{THINGS, add, count};
use crate::harness::{Kind, each_empty_database, one_empty_database};
use std::sync::Arc;
use vestibule_store::migrations::{Migration, Schema};
use vestibule_store::{Role, Store, StoreError, StoreUrl, statement};

const FIRST: Migration = THINGS.0[0];
const SECOND_SQL: &str = "ALTER TABLE things ADD COLUMN colour TEXT";
const SECOND: Migration = Migration { number: 2, sqlite: SECOND_SQL, postgres: SECOND_SQL };
const LOG_SQL: &str = "CREATE TABLE log (number BIGINT); INSERT INTO log (number) VALUES (3)";
const THIRD: Migration = Migration { number: 3, sqlite: LOG_SQL, postgres: LOG_SQL };
const HALF_SQL: &str = "CREATE TABLE half (number BIGINT); CREATE TABLE half (number BIGINT)";
const BROKEN: Migration = Migration { number: 2, sqlite: HALF_SQL, postgres: HALF_SQL };

const TWO: Schema = Schema(&[FIRST, SECOND]);
const THREE: Schema = Schema(&[FIRST, SECOND, THIRD]);
const HALF: Schema = Schema(&[FIRST, BROKEN]);

fn error(opened: Result<Store, StoreError>) -> StoreError {
    opened.err().expect("is refused")
}

#[test]
fn eight_servers_that_start_at_once_migrate_once() {
    one_empty_database(Kind::Postgres, async |database| {
        let url = Arc::new(database.url.clone());
        let starting = (0..8).map(|_| {
            let url = Arc::clone(&url);
            tokio::spawn(async move {
                Store::open(&url, Role::Server, crate::harness::options_for(Role::Server, THREE)).await
            })
        });
        let mut stores = Vec::new();
        for start in starting.collect::<Vec<_>>() {
            stores.push(start.await.expect("ends").expect("opens"));
        }
        for store in &stores {
            let once = store.read(&statement!("SELECT number FROM log")).await.expect("reads");
            assert_eq!(once.len(), 1, "the third migration ran once");
            let applied = store.read(&statement!("SELECT number FROM schema_migrations ORDER BY number")).await;
            let applied: Vec<_> = applied.expect("reads").iter().map(|row| row.int(0)).collect();
            assert_eq!(applied, [Ok(1), Ok(2), Ok(3)]);
        }
        for store in stores {
            store.close().await;
        }
    });
}

#[test]
fn a_second_server_on_one_file_is_refused_until_the_first_has_ended() {
    one_empty_database(Kind::Sqlite, async |database| {
        let first = database.open(Role::Server, THINGS).await.expect("opens");
        let refused = error(database.open(Role::Server, THINGS).await);
        assert!(matches!(refused, StoreError::SecondServer { .. }), "{refused}");
        assert!(refused.to_string().contains("stop it first"), "{refused}");
        let command = database.open(Role::Node, THINGS).await.expect("a command may run beside a server");
        command.run(add(1)).await.expect("runs");
        assert_eq!(count(&first).await, 1, "the server sees it at once");
        command.close().await;
        first.close().await;
        assert!(matches!(first.run(add(2)).await, Err(StoreError::Unavailable(_))), "a closed store does nothing");
        let next = database.open(Role::Server, THINGS).await.expect("opens after the first has ended");
        assert_eq!(count(&next).await, 1);
        next.close().await;
    });
}

#[test]
fn a_command_never_creates_a_database_and_never_migrates_one() {
    each_empty_database(async |database| {
        let refused = error(database.open(Role::Node, THINGS).await);
        assert_eq!(refused, StoreError::NotMigrated { found: 0, needed: 1 });
        assert!(refused.to_string().contains("vestibule serve"), "{refused}");
        if let StoreUrl::Sqlite(path) = &database.url {
            assert!(!path.exists(), "no file was made");
        }
        database.open(Role::Server, THINGS).await.expect("opens").close().await;
        let refused = error(database.open(Role::Node, TWO).await);
        assert_eq!(refused, StoreError::NotMigrated { found: 1, needed: 2 });
        let command = database.open(Role::Node, THINGS).await.expect("opens");
        assert!(command.read(&statement!("SELECT colour FROM things")).await.is_err(), "nothing was migrated");
        command.close().await;
    });
}

#[test]
fn a_new_release_adds_to_what_is_there_and_the_old_one_runs_on() {
    each_empty_database(async |database| {
        let old = database.open(Role::Server, THINGS).await.expect("opens");
        old.run(add(1)).await.expect("runs");
        old.close().await;
        let new = database.open(Role::Server, TWO).await.expect("migrates");
        assert_eq!(count(&new).await, 1);
        new.run(vec![statement!("UPDATE things SET colour = $1", "red")]).await.expect("runs");
        new.close().await;
        for role in [Role::Server, Role::Node] {
            let old = database.open(role, THINGS).await.expect("runs on the next number");
            old.run(add(if role == Role::Server { 2 } else { 3 })).await.expect("runs");
            old.close().await;
        }
    });
}

#[test]
fn a_database_two_releases_ahead_is_refused() {
    each_empty_database(async |database| {
        database.open(Role::Server, THREE).await.expect("opens").close().await;
        for role in [Role::Server, Role::Node] {
            let refused = error(database.open(role, THINGS).await);
            assert_eq!(refused, StoreError::SchemaTooNew { found: 3, supported: 2 });
        }
    });
}

#[test]
fn a_server_under_which_the_schema_moves_on_says_when_it_no_longer_fits() {
    const MOVE_ON: &str = "INSERT INTO schema_migrations (number, checksum, applied_at) VALUES ($1, '', 0)";
    each_empty_database(async |database| {
        let store = database.open(Role::Server, THINGS).await.expect("opens");
        assert_eq!(store.schema_fits().await, Ok(true));
        for (number, fits) in [(2_i64, true), (3, false)] {
            store.run(vec![statement!(MOVE_ON, number)]).await.expect("a newer server migrates");
            assert_eq!(store.schema_fits().await, Ok(fits), "{number}");
        }
        store.close().await;
    });
}

#[test]
fn a_changed_migration_is_refused() {
    const CHANGED: Schema = Schema(&[Migration { sqlite: SECOND_SQL, postgres: SECOND_SQL, ..FIRST }]);
    each_empty_database(async |database| {
        database.open(Role::Server, THINGS).await.expect("opens").close().await;
        for role in [Role::Server, Role::Node] {
            assert_eq!(error(database.open(role, CHANGED).await), StoreError::SchemaChanged { number: 1 });
        }
    });
}

#[test]
fn a_migration_that_fails_half_way_leaves_nothing() {
    each_empty_database(async |database| {
        database.open(Role::Server, THINGS).await.expect("opens").close().await;
        let failed = error(database.open(Role::Server, HALF).await);
        assert!(matches!(failed, StoreError::Statement { .. }), "{failed}");
        let store = database.open(Role::Server, TWO).await.expect("the right one can still be applied");
        assert!(store.read(&statement!("SELECT number FROM half")).await.is_err());
        store.close().await;
    });
}

#[test]
fn what_cannot_be_reached_is_unavailable_with_a_reason() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for url in ["sqlite:/nowhere/at/all.db", "postgres://nobody@127.0.0.1:1/none"] {
            let url = StoreUrl::parse(url).expect("is an address");
            let refused = error(Store::open(&url, Role::Server, crate::harness::options(Role::Server)).await);
            assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
            assert!(refused.to_string().len() > 40, "says why: {refused}");
        }
    });
}

/// What `.cargo/config.toml` asks for, as SQLite itself tells it. (`HAVE_…` it does not tell: a trace of the server's system
/// calls does.)
#[test]
fn sqlite_is_compiled_as_the_configuration_says() {
    const STALE: &str = "where it was compiled before the last change: cargo clean -p libsqlite3-sys";
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.cargo/config.toml");
    let config = std::fs::read_to_string(config).expect("is there");
    let (_, flags) = config.split_once("LIBSQLITE3_FLAGS").expect("the flags");
    let flags: Vec<&str> = flags.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\\')).collect();
    let named = |prefix: &str| -> Vec<String> {
        let names = flags.iter().filter_map(|flag| flag.strip_prefix(prefix)?.strip_prefix("SQLITE_"));
        names.map(str::to_owned).collect()
    };
    let (defined, undefined) = (named("-D"), named("-U"));
    assert!(defined.len() >= 3 && undefined.len() >= 8, "{flags:?}");
    one_empty_database(Kind::Sqlite, async |database| {
        let store = database.open(Role::Server, THINGS).await.expect("opens");
        let rows = store.scan(&statement!("PRAGMA compile_options")).await.expect("reads");
        let options: Vec<&str> = rows.iter().map(|row| row.text(0).expect("a name")).collect();
        for flag in &defined {
            assert!(options.contains(&flag.as_str()), "{flag} is not among {options:?}; {STALE}");
        }
        for flag in &undefined {
            let there = |option: &&str| option.split('=').next() == Some(flag.as_str());
            assert!(!options.iter().any(there), "{flag} is among {options:?}; {STALE}");
        }
        store.close().await;
    });
}
