//! What every verb can rely on, whatever it says.
//!
//! Owns the engine's promises, on tables of its own. Does not own those of the nouns, nor starting (`starting`), crowds
//! (`crowd`) and disks that fail (`disk`).

use crate::harness::{Database, Kind, NOW, each_database, each_empty_database, one_empty_database};
use std::collections::HashMap;
use vestibule_oauth::id::Id;
use vestibule_store::migrations::{Migration, Schema};
use vestibule_store::{Role, Row, Statement, Store, StoreError, statement};

/// The tables of these tests.
pub const THINGS: Schema = Schema(&[Migration {
    number: 1,
    sqlite:
        "CREATE TABLE things (id BLOB PRIMARY KEY, name TEXT UNIQUE, number INTEGER, bytes BLOB, spent_by BLOB) STRICT;
             CREATE TABLE parts (id BLOB PRIMARY KEY, thing BLOB NOT NULL
                 REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED) STRICT;",
    postgres:
        "CREATE TABLE things (id BYTEA PRIMARY KEY, name TEXT UNIQUE, number BIGINT, bytes BYTEA, spent_by BYTEA);
               CREATE TABLE parts (id BYTEA PRIMARY KEY, thing BYTEA NOT NULL
                   REFERENCES things (id) DEFERRABLE INITIALLY DEFERRED);",
}]);

pub const ADD: &str = "INSERT INTO things (id, name, number) VALUES ($1, $2, 0) RETURNING id";
const COUNT: &str = "SELECT COUNT(*) FROM things";
const CLAIM: &str = "UPDATE things SET spent_by = $2 WHERE id = $1 AND spent_by IS NULL RETURNING id";
const FOLLOW: &str = "INSERT INTO parts (id, thing) SELECT $3, $1
                      WHERE EXISTS (SELECT 1 FROM things WHERE id = $1 AND spent_by = $2) RETURNING id";

/// The n-th of the tests' identifiers.
pub fn id(n: u32) -> Id {
    let [a, b, c, d] = n.to_be_bytes();
    Id::new(NOW, [0, 0, 0, 0, 0, 0, a, b, c, d])
}

/// Adds the n-th thing.
pub fn add(n: u32) -> Vec<Statement> {
    vec![statement!(ADD, id(n), format!("thing {n}"))]
}

pub async fn count(store: &Store) -> i64 {
    store.read(&statement!(COUNT)).await.expect("counts")[0].int(0).expect("a number")
}

/// Runs a promise on both databases, with the tables of these tests.
pub fn each_store(promise: impl AsyncFn(Store)) {
    each_empty_database(async |database| {
        let store = database.open(Role::Server, THINGS).await.expect("opens");
        promise(store.clone()).await;
        store.close().await;
    });
}

#[test]
fn after_a_lost_claim_the_later_statements_touch_nothing() {
    let spend =
        |verb: u32| vec![statement!(CLAIM, id(1), id(verb)), statement!(FOLLOW, id(1), id(verb), id(1000 + verb))];
    each_store(async |store| {
        store.run(add(1)).await.expect("runs");
        let rows = |answer: Vec<Vec<Row>>| answer.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(rows(store.run(spend(7)).await.expect("runs")), [1, 1]);
        assert_eq!(rows(store.run(spend(8)).await.expect("runs")), [0, 0]);
        assert_eq!(parts(&store).await, [id(1007)]);
    });
}

async fn parts(store: &Store) -> Vec<Id> {
    let rows = store.scan(&statement!("SELECT id FROM parts ORDER BY id")).await.expect("reads");
    rows.iter().map(|row| row.id(0).expect("an identifier")).collect()
}

/// 64 callers spend one thing at once; exactly one wins, and only its part is there.
async fn race(store: &Store) {
    let callers = (0..64).map(|caller| {
        let store = store.clone();
        let verb = vec![statement!(CLAIM, id(1), id(caller)), statement!(FOLLOW, id(1), id(caller), id(1000 + caller))];
        tokio::spawn(async move { (caller, store.run(verb).await) })
    });
    let callers: Vec<_> = callers.collect();
    let mut winners = Vec::new();
    for caller in callers {
        let (caller, answer) = caller.await.expect("ends");
        if !answer.expect("is no error")[0].is_empty() {
            winners.push(caller);
        }
    }
    assert_eq!(winners.len(), 1, "winners: {winners:?}");
    assert_eq!(parts(store).await, [id(1000 + winners[0])]);
}

#[test]
fn of_64_callers_who_claim_one_row_one_wins() {
    each_store(async |store| {
        store.run(add(1)).await.expect("runs");
        race(&store).await;
    });
}

#[test]
fn of_64_callers_one_wins_where_transactions_must_be_tried_again() {
    one_empty_database(Kind::Postgres, async |database| {
        let strict = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', \
                      current_database()); END $$";
        database.command(strict).await;
        let store = database.open(Role::Server, THINGS).await.expect("opens");
        store.run(add(1)).await.expect("runs");
        // Whoever has begun meanwhile cannot be serialized after this one: PostgreSQL answers 40001.
        let first = database.command("BEGIN; UPDATE things SET number = 5; SELECT pg_sleep(0.5); COMMIT");
        let ((), ()) = tokio::join!(first, async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            race(&store).await;
        });
        store.close().await;
    });
}

#[test]
fn an_erring_verb_is_undone_whole_and_takes_no_neighbour_along() {
    each_store(async |store| {
        store.run(add(0)).await.expect("runs");
        let verbs = (1..200).map(|n| {
            let store = store.clone();
            // Every seventh writes a row of its own first, then takes the name of another.
            let mut verb = add(n);
            if n % 7 == 0 {
                verb.push(statement!(ADD, id(1000 + n), "thing 0"));
            }
            tokio::spawn(async move { (n, store.run(verb).await) })
        });
        for verb in verbs.collect::<Vec<_>>() {
            let (n, answer) = verb.await.expect("ends");
            match answer {
                Ok(rows) => assert!(n % 7 != 0 && rows[0][0].id(0) == Ok(id(n)), "{n}"),
                Err(error) => assert!(n % 7 == 0 && matches!(error, StoreError::Statement { .. }), "{n}: {error}"),
            }
        }
        assert_eq!(count(&store).await, (0..200).filter(|n| *n == 0 || n % 7 != 0).count() as i64);
        assert_eq!(store.failure(), None);
    });
}

#[test]
fn a_statement_of_several_rows_that_fails_at_one_of_them_leaves_none_changed() {
    // Rows one and two are changed before the third takes the name of the fourth.
    const RENAME: &str = "UPDATE things SET number = 7, name = CASE WHEN id = $1 THEN 'thing 4' ELSE name END";
    const INSERT: &str = "INSERT INTO things (id, name, number) SELECT bytes, 'copy ' || name, 7 FROM things";
    const BYTES: &str = "UPDATE things SET bytes = CASE WHEN id = $1 THEN $2 ELSE $3 END WHERE id = $1 OR id = $4";
    const CHANGED: &str = "SELECT COUNT(*) FROM things WHERE number = 7";
    each_store(async |store| {
        for n in 1..=4 {
            store.run(add(n)).await.expect("runs");
        }
        store.run(vec![statement!(BYTES, id(1), id(11), id(3), id(4))]).await.expect("runs");
        for (n, failing) in [(20, statement!(RENAME, id(3))), (30, statement!(INSERT))] {
            let alone = store.run(vec![failing.clone()]).await;
            assert!(matches!(alone, Err(StoreError::Statement { .. })), "{alone:?}");
            let mut behind = add(n);
            behind.push(failing.clone());
            let verbs = [vec![failing], add(n + 1), behind, add(n + 2)].map(|verb| {
                let store = store.clone();
                tokio::spawn(async move { store.run(verb).await.is_ok() })
            });
            let mut answers = Vec::new();
            for verb in verbs {
                answers.push(verb.await.expect("ends"));
            }
            assert_eq!(answers, [false, true, false, true]);
        }
        assert_eq!(store.read(&statement!(CHANGED)).await.expect("counts")[0].int(0), Ok(0));
        assert_eq!(count(&store).await, 8);
    });
}

#[test]
fn a_commit_that_is_refused_is_an_error_and_leaves_nothing() {
    const ORPHAN: &str = "INSERT INTO parts (id, thing) VALUES ($1, $2) RETURNING id";
    each_store(async |store| {
        let orphan = |n| vec![statement!(ADD, id(n), format!("{n}")), statement!(ORPHAN, id(n), id(999))];
        let alone = store.run(orphan(1)).await;
        assert!(matches!(alone, Err(StoreError::Statement { .. })), "{alone:?}");
        let single = store.run(vec![statement!(ORPHAN, id(2), id(999))]).await;
        assert!(matches!(single, Err(StoreError::Statement { .. })), "{single:?}");
        let beside = [orphan(3), add(4), orphan(5), add(6)].map(|verb| {
            let store = store.clone();
            tokio::spawn(async move { store.run(verb).await.is_ok() })
        });
        let mut answers = Vec::new();
        for verb in beside {
            answers.push(verb.await.expect("ends"));
        }
        assert_eq!(answers, [false, true, false, true]);
        assert_eq!(count(&store).await, 2);
    });
}

#[test]
fn the_statements_of_a_verb_run_in_their_order() {
    each_store(async |store| {
        let mut verb = add(1);
        verb.extend((1..=60_i64).map(|step| statement!("UPDATE things SET number = number * 3 % 10007 + $1", step)));
        store.run(verb).await.expect("runs");
        let expected = (1..=60).fold(0, |number, step| number * 3 % 10007 + step);
        let row = &store.read(&statement!("SELECT number FROM things")).await.expect("reads")[0];
        assert_eq!(row.int(0), Ok(expected));
    });
}

#[test]
fn what_was_answered_is_seen_by_every_later_read() {
    each_store(async |store| {
        let callers = (0..8_u32).map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in caller * 100..caller * 100 + 50 {
                    store.run(add(n)).await.expect("runs");
                    let seen = statement!("SELECT id FROM things WHERE id = $1", id(n));
                    assert!(store.find(&seen).await.expect("reads").is_some(), "read by index");
                    assert!(store.scan(&seen).await.expect("reads").len() == 1, "read on another thread");
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.expect("sees its own writes");
        }
    });
}

#[test]
fn a_caller_who_goes_away_leaves_its_verb_whole_and_the_store_usable() {
    each_store(async |store| {
        for n in 0..100 {
            let verb = [add(2 * n), add(2 * n + 1)].concat();
            let store = store.clone();
            let caller = tokio::spawn(async move { store.run(verb).await });
            tokio::time::sleep(std::time::Duration::from_micros(u64::from(n) * 20)).await;
            caller.abort();
        }
        // Comes after all of them on SQLite's queue; on PostgreSQL it waits for a connection.
        for n in 0..64 {
            store.run(add(10_000 + n)).await.expect("the store goes on");
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let rows = store.scan(&statement!("SELECT name FROM things")).await.expect("reads");
        let mut halves: HashMap<u32, u32> = HashMap::new();
        for row in &rows {
            let n: u32 = row.text(0).expect("a name")[6..].parse().expect("a number");
            *halves.entry(n / 2).or_default() += 1;
        }
        assert!(halves.values().all(|found| *found == 2), "a verb was done by half: {halves:?}");
        assert!(halves.len() > 32, "some were done at all");
    });
}

#[test]
fn a_commit_waits_for_the_disk_even_if_the_operator_switched_that_off() {
    one_empty_database(Kind::Postgres, async |database: &Database| {
        let lax = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); \
                   END $$";
        database.command(lax).await;
        let store = database.open(Role::Server, THINGS).await.expect("opens");
        let row = store.find(&statement!("SELECT current_setting('synchronous_commit')")).await.expect("reads");
        assert_eq!(row.expect("a row").text(0), Ok("on"));
        store.close().await;
    });
}

#[test]
fn a_connection_that_is_cut_is_an_error_and_the_next_verb_gets_a_new_one() {
    const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
    const SLEEPS: &str = "SELECT query FROM pg_stat_activity WHERE datname = current_database() \
                          AND state = 'active' AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()";
    one_empty_database(Kind::Postgres, async |database: &Database| {
        let store = database.open(Role::Server, THINGS).await.expect("opens");
        store.run(add(1)).await.expect("runs");
        let sleeping = vec![statement!("SELECT CAST(pg_sleep(30) AS TEXT)"), statement!(ADD, id(2), "two")];
        let cut = tokio::spawn({
            let store = store.clone();
            async move { store.run(sleeping).await }
        });
        while store.find(&statement!(SLEEPS)).await.expect("reads").is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        database.command(CUT).await;
        let cut = cut.await.expect("ends");
        assert!(matches!(cut, Err(StoreError::Unavailable(_))), "{cut:?}");
        let mut again = store.run(add(3)).await;
        if again.is_err() {
            again = store.run(add(3)).await;
        }
        assert!(again.is_ok(), "{again:?}");
        assert_eq!(count(&store).await, 2, "the cut verb left nothing");
        store.close().await;
    });
}

#[test]
fn our_own_schema_opens_on_both_databases_and_the_clocks_agree() {
    each_database(async |store: Store| {
        assert_eq!((store.tenant(), store.node()), (1, "test-node"));
        let real = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis() as i64;
        let skew = store.clock_skew(real).await.expect("answers");
        assert!(skew.abs() < 2000, "{skew} ms");
        let ahead = store.clock_skew(real + 3_600_000).await.expect("answers");
        assert!(ahead == 0 || ahead > 3_500_000, "SQLite has no clock, PostgreSQL's is behind: {ahead}");
    });
}
