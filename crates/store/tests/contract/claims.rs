//! How a claim tells that it was won: by whether its own statement changed a row.
//!
//! Owns what both databases answer to statements without a RETURNING list, alone, in a verb and beside other verbs. What
//! hangs on a claim is `engine`'s.

use crate::engine::{add, count, each_store, id};
use vestibule_oauth::id::Id;
use vestibule_store::{Row, Statement, Store, Verb, statement};

const PUT: &str = "INSERT INTO things (id, name, number) VALUES ($1, $2, 0)";
const NUMBER: &str = "UPDATE things SET number = $2 WHERE id = $1";
const COPY: &str = "INSERT INTO things (id, name, number) SELECT $1, $2, t.number FROM things t WHERE t.id = $3";
const ONCE: &str = "INSERT INTO things (id, name, number) VALUES ($1, $2, 0) ON CONFLICT (id) DO NOTHING";
const UPSERT: &str = "INSERT INTO things (id, name, number) VALUES ($1, $2, 1) \
    ON CONFLICT (id) DO UPDATE SET number = things.number + 1 WHERE things.number < 1";
const REMOVE: &str = "DELETE FROM things WHERE id = $1";
const REMOVE_ALL: &str = "DELETE FROM things";
const CLAIM: &str = "UPDATE things SET spent_by = $2 WHERE id = $1 AND spent_by IS NULL";
const FOLLOW: &str = "INSERT INTO parts (id, thing) SELECT $3, $1 \
    WHERE EXISTS (SELECT 1 FROM things WHERE id = $1 AND spent_by = $2)";

fn put(n: u32) -> Statement {
    statement!(PUT, id(n), format!("thing {n}"))
}

fn number(n: u32) -> Statement {
    statement!(NUMBER, id(n), i64::from(n))
}

/// For each statement of the verb whether it changed a row. However many: one answer stands for all.
async fn changed(store: &Store, verb: Verb) -> Vec<bool> {
    told(&store.run(verb).await.expect("runs"))
}

fn told(answers: &[Vec<Row>]) -> Vec<bool> {
    assert!(answers.iter().all(|rows| rows.len() <= 1), "{answers:?}");
    answers.iter().map(|rows| !rows.is_empty()).collect()
}

/// Statements that change nothing where things 1 and 2 are there and no other.
fn idle() -> Vec<Statement> {
    vec![
        number(99),
        statement!(COPY, id(3), "three", id(99)),
        statement!(ONCE, id(1), "one"),
        statement!(REMOVE, id(99)),
        statement!(CLAIM, id(99), id(7)),
        statement!(FOLLOW, id(1), id(7), id(8)),
    ]
}

#[test]
fn a_statement_that_changed_no_row_says_so_whatever_came_before_it() {
    each_store(async |store| {
        assert_eq!(changed(&store, vec![put(1), put(2)]).await, [true, true]);
        for (n, one) in idle().into_iter().enumerate() {
            assert_eq!(changed(&store, vec![one.clone()]).await, [false], "{n} alone");
            assert_eq!(changed(&store, vec![number(1), one.clone()]).await, [true, false], "{n} after a change");
            assert_eq!(changed(&store, vec![one.clone(), number(1)]).await, [false, true], "{n} before a change");
            let between = vec![number(1), one.clone(), one, number(2)];
            assert_eq!(changed(&store, between).await, [true, false, false, true], "{n} between changes");
        }
        // A read in between takes nothing away from the answer either, and gives none of its own.
        let read = statement!("SELECT id FROM things WHERE id = $1", id(99));
        assert_eq!(changed(&store, vec![number(1), read.clone(), number(99)]).await, [true, false, false]);
        assert_eq!(changed(&store, vec![read, number(1)]).await, [false, true]);
        assert_eq!(count(&store).await, 2);
    });
}

#[test]
fn a_statement_that_changed_rows_says_so_alone_and_in_a_verb() {
    each_store(async |store| {
        assert_eq!(changed(&store, vec![put(1)]).await, [true]);
        assert_eq!(changed(&store, vec![statement!(COPY, id(2), "two", id(1))]).await, [true]);
        assert_eq!(changed(&store, vec![statement!(ONCE, id(3), "three")]).await, [true]);
        assert_eq!(changed(&store, vec![statement!(ONCE, id(3), "three")]).await, [false]);
        // The row was there: changed once, and then its guard holds no more.
        let upsert = || vec![statement!(UPSERT, id(3), "three")];
        assert_eq!(changed(&store, upsert()).await, [true]);
        assert_eq!(changed(&store, upsert()).await, [false]);
        assert_eq!(changed(&store, [vec![number(1)], upsert()].concat()).await, [true, false]);
        assert_eq!(changed(&store, vec![statement!(REMOVE, id(3)), statement!(REMOVE, id(3))]).await, [true, false]);
        assert_eq!(changed(&store, vec![statement!(REMOVE_ALL)]).await, [true]);
        assert_eq!(changed(&store, vec![statement!(REMOVE_ALL)]).await, [false]);
        assert_eq!(count(&store).await, 0);
    });
}

/// Size in CI: 200 verbs at once on each database, half of which change nothing; on SQLite many share a transaction.
#[test]
fn verbs_that_share_a_transaction_are_each_told_of_their_own_rows_only() {
    each_store(async |store| {
        store.run([add(1), add(2)].concat()).await.expect("runs");
        let before = store.commits();
        let verbs = (0..200_u32).map(|n| {
            let store = store.clone();
            let idle = idle().swap_remove(n as usize / 2 % 6);
            tokio::spawn(async move {
                let verb = if n % 2 == 0 { vec![number(1), put(1_000 + n)] } else { vec![idle] };
                (n, changed(&store, verb).await)
            })
        });
        for verb in verbs.collect::<Vec<_>>() {
            let (n, told) = verb.await.expect("ends");
            assert_eq!(told, if n % 2 == 0 { vec![true, true] } else { vec![false] }, "{n}");
        }
        if let (Some(before), Some(after)) = (before, store.commits()) {
            let (commits, verbs) = (after.commits - before.commits, after.verbs - before.verbs);
            assert!(verbs >= 200 && commits < verbs, "{verbs} verbs in {commits} transactions: none shared one");
        }
        assert_eq!(count(&store).await, 102);
    });
}

/// Size in CI: 64 callers on each of 5 rows, on each database.
#[test]
fn of_64_callers_whose_claim_returns_nothing_one_wins_and_only_its_part_is_there() {
    each_store(async |store| {
        for row in 1..=5 {
            store.run(add(row)).await.expect("runs");
            let callers = (0..64_u32).map(|caller| {
                let (store, me) = (store.clone(), id(100 * row + caller));
                let verb = vec![statement!(CLAIM, id(row), me), statement!(FOLLOW, id(row), me, me)];
                tokio::spawn(async move { (me, changed(&store, verb).await) })
            });
            let mut winners: Vec<Id> = Vec::new();
            for caller in callers.collect::<Vec<_>>() {
                match caller.await.expect("ends") {
                    (me, told) if told == [true, true] => winners.push(me),
                    (_, told) => assert_eq!(told, [false, false]),
                }
            }
            assert_eq!(winners.len(), 1, "{winners:?}");
            let parts = store.scan(&statement!("SELECT id FROM parts WHERE thing = $1", id(row))).await.expect("reads");
            let parts: Vec<Id> = parts.iter().map(|part| part.id(0).expect("an identifier")).collect();
            assert_eq!(parts, winners);
        }
    });
}
