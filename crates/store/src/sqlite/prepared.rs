//! A connection with the statements that were prepared on it.
//!
//! Owns how a statement is found again: by where its text stands in the program, and not by the text, which would be
//! read twice and copied at each use. Does not own running one (`statement`).

use super::statement::{Fault, classify, defect};
use rusqlite::{Connection, PrepFlags};
use self_cell::self_cell;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

/// Statements on one connection. Each text stands in the source, so that there is an end to them; should the same text
/// stand in many places of the program, they are all prepared anew at some time.
const MOST: usize = 1024;

/// A statement that is prepared.
pub(super) struct Known<'c> {
    pub(super) statement: rusqlite::Statement<'c>,
    /// Which value is bound at each place, counted from 0.
    pub(super) values: Vec<usize>,
}

type Statements<'c> = HashMap<(usize, usize), Known<'c>, BuildHasherDefault<Place>>;

self_cell!(
    struct Kept {
        owner: Connection,
        #[not_covariant]
        dependent: Statements,
    }
);

/// The connection.
pub(super) struct Prepared(Kept);

impl Prepared {
    /// Takes the connection over.
    pub(super) fn on(connection: Connection) -> Prepared {
        Prepared(Kept::new(connection, |_| HashMap::default()))
    }

    /// The connection itself, for what is done once.
    pub(super) fn connection(&self) -> &Connection {
        self.0.borrow_owner()
    }

    /// Hands the prepared statement of this text to `run`.
    pub(super) fn with<T>(
        &mut self,
        sql: &'static str,
        run: impl FnOnce(&Connection, &mut Known<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.0.with_dependent_mut(|connection, statements| {
            if statements.len() >= MOST {
                statements.clear();
            }
            // An address alone is not enough: one text may be the beginning of another.
            match statements.entry((sql.as_ptr().addr(), sql.len())) {
                Entry::Occupied(known) => run(connection, known.into_mut()),
                Entry::Vacant(free) => run(connection, free.insert(Known::prepare(connection, sql)?)),
            }
        })
    }
}

impl<'c> Known<'c> {
    /// Prepares `sql`, whose parameters are named `$1` to `$n`. SQLite numbers `$2 … $1` in the order in which they stand,
    /// so binding by position would silently swap the two.
    pub(super) fn prepare(connection: &'c Connection, sql: &'static str) -> Result<Known<'c>, Fault> {
        let prepared = connection.prepare_with_flags(&without_undo(sql), PrepFlags::SQLITE_PREPARE_PERSISTENT);
        let statement = prepared.map_err(|error| classify(sql, &error))?;
        let count = statement.parameter_count();
        let value_at = |place| {
            let name = statement.parameter_name(place).and_then(|name| name.strip_prefix('$'));
            let number = name.and_then(|digits| digits.parse::<usize>().ok()).and_then(|number| number.checked_sub(1));
            let value = number.filter(|number| *number < count);
            value.ok_or_else(|| defect(sql, "a parameter is not one of $1 … $n"))
        };
        let values = (1..=count).map(value_at).collect::<Result<_, _>>()?;
        Ok(Known { statement, values })
    }
}

/// The text as SQLite is given it: a statement that breaks a constraint fails where it stands. As the text says it, SQLite
/// would keep a copy of every page that the statement touches, to undo that statement alone. Nobody here goes on after an
/// error: whoever runs a statement takes its whole transaction back.
fn without_undo(sql: &'static str) -> Cow<'static, str> {
    for (verb, failing) in [("INSERT INTO ", "INSERT OR FAIL INTO "), ("UPDATE ", "UPDATE OR FAIL ")] {
        if let Some(rest) = sql.strip_prefix(verb) {
            return Cow::Owned(format!("{failing}{rest}"));
        }
    }
    Cow::Borrowed(sql)
}

/// Spreads addresses of our own program, which nobody chooses to collide.
#[derive(Default)]
struct Place(u64);

impl Hasher for Place {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        self.0 = (self.0 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_a_constraint_is_an_error_all_the_same_and_what_does_nothing_then_does_nothing() {
        let connection = Connection::open_in_memory().expect("opens");
        connection
            .execute_batch("CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID")
            .expect("runs");
        let mut prepared = Prepared::on(connection);
        let mut run = |sql: &'static str| {
            let ran =
                prepared.with(sql, |_, known| known.statement.raw_execute().map_err(|error| classify(sql, &error)));
            ran.map_err(|fault| fault.error)
        };
        const INSERT: &str = "INSERT INTO t (id) SELECT 1";
        const QUIETLY: &str = "INSERT INTO t (id) SELECT 1 WHERE TRUE ON CONFLICT DO NOTHING";
        assert_eq!((run(INSERT), run(QUIETLY)), (Ok(1), Ok(0)));
        for broken in
            [INSERT, "INSERT INTO t (id) SELECT NULL", "INSERT INTO t (id) SELECT 'a'", "UPDATE t SET id = NULL"]
        {
            assert!(run(broken).is_err(), "{broken}");
        }
        assert_eq!(run(QUIETLY), Ok(0), "and the connection goes on");
    }

    #[test]
    fn a_text_that_begins_another_is_another_statement() {
        const LONG: &str = "SELECT 1 + 1";
        let mut prepared = Prepared::on(Connection::open_in_memory().expect("opens"));
        let mut first = |sql: &'static str| {
            let asked = prepared.with(sql, |_, known| {
                known.statement.query_row([], |row| row.get::<_, i64>(0)).map_err(|error| classify(sql, &error))
            });
            asked.map_err(|fault| fault.error)
        };
        for _ in 0..2 {
            assert_eq!(first(LONG), Ok(2));
            assert_eq!(first(&LONG[..8]), Ok(1));
        }
    }
}
