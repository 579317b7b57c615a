//! One statement on one connection.
//!
//! Owns binding, reading rows, and what SQLite's errors mean. Does not own transactions.

use super::prepared::{Known, Prepared};
use crate::error::StoreError;
use crate::row::{Cell, Row};
use crate::value::{Statement, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode};

/// An error, and whether the file can be trusted no more.
pub(in crate::sqlite) struct Fault {
    pub(in crate::sqlite) error: StoreError,
    pub(in crate::sqlite) fatal: bool,
}

/// Runs one statement to its end and gives its rows.
pub(in crate::sqlite) fn execute(on: &mut Prepared, statement: &Statement) -> Result<Vec<Row>, Fault> {
    on.with(statement.sql, |connection, known| run(connection, known, statement))
}

/// As [`execute`], for what this connection is not asked again.
pub(in crate::sqlite) fn execute_once(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, Fault> {
    run(connection, &mut Known::prepare(connection, statement.sql)?, statement)
}

/// Runs a statement that has no values and gives no rows.
pub(in crate::sqlite) fn control(on: &mut Prepared, sql: &'static str) -> Result<(), Fault> {
    on.with(sql, |_, known| known.statement.raw_execute().map(drop).map_err(|error| classify(sql, &error)))
}

fn run(connection: &Connection, known: &mut Known<'_>, statement: &Statement) -> Result<Vec<Row>, Fault> {
    let found = bind(known, statement).and_then(|()| rows(known, statement));
    // What was bound may be people's data, and this statement stays, whatever became of it.
    known.statement.clear_bindings();
    let mut found = found?;
    if known.statement.column_count() == 0 && connection.changes() > 0 {
        found.push(Row::of_a_change(statement.sql));
    }
    Ok(found)
}

fn rows(known: &mut Known<'_>, statement: &Statement) -> Result<Vec<Row>, Fault> {
    let failed = |error: rusqlite::Error| classify(statement.sql, &error);
    let columns = known.statement.column_count();
    let mut found = Vec::new();
    let mut rows = known.statement.raw_query();
    while let Some(row) = rows.next().map_err(failed)? {
        let mut cells = Vec::with_capacity(columns);
        for column in 0..columns {
            cells.push(match row.get_ref(column).map_err(failed)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(number) => Cell::Int(number),
                ValueRef::Blob(bytes) => Cell::from_bytes(bytes),
                ValueRef::Text(text) => match std::str::from_utf8(text) {
                    Ok(text) => Cell::Text(text.to_owned()),
                    Err(_) => return Err(defect(statement.sql, "a text is not UTF-8")),
                },
                ValueRef::Real(_) => return Err(defect(statement.sql, "an answer is a floating-point number")),
            });
        }
        found.push(Row::new(statement.sql, cells));
    }
    Ok(found)
}

fn bind(known: &mut Known<'_>, statement: &Statement) -> Result<(), Fault> {
    if known.values.len() != statement.values.len() {
        return Err(defect(statement.sql, "the number of values is not the number of parameters"));
    }
    for (place, number) in known.values.iter().enumerate() {
        let bound = known.statement.raw_bind_parameter(place + 1, &statement.values[*number]);
        bound.map_err(|error| classify(statement.sql, &error))?;
    }
    Ok(())
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
            Value::Id(id) => ValueRef::Blob(id.as_bytes()),
            Value::NullText | Value::NullInt | Value::NullBlob => ValueRef::Null,
        }))
    }
}

pub(in crate::sqlite) fn defect(sql: &'static str, cause: &str) -> Fault {
    Fault { error: StoreError::Statement { sql, cause: cause.to_owned() }, fatal: false }
}

/// Whose fault an error is: the file's (fatal), the moment's (a lock), or the statement's. A full disk is the file's: a server
/// that can keep nothing says so, and starts again when there is room.
pub(in crate::sqlite) fn classify(sql: &'static str, error: &rusqlite::Error) -> Fault {
    use ErrorCode::*;
    let code = error.sqlite_error_code();
    let unavailable = || StoreError::Unavailable(error.to_string());
    match code {
        Some(
            SystemIoFailure | DiskFull | DatabaseCorrupt | NotADatabase | InternalMalfunction | ReadOnly | CannotOpen,
        ) => Fault { error: unavailable(), fatal: true },
        Some(DatabaseBusy | DatabaseLocked | OutOfMemory | OperationInterrupted | FileLockingProtocolFailed) => {
            Fault { error: unavailable(), fatal: false }
        }
        _ => Fault { error: StoreError::Statement { sql, cause: error.to_string() }, fatal: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement;

    #[test]
    fn nothing_that_was_bound_stays_with_a_statement_whether_it_ran_or_failed() {
        const ADD: &str = "INSERT INTO things (name, number) VALUES ($1, $2)";
        let connection = Connection::open_in_memory().expect("opens");
        connection.execute_batch("CREATE TABLE things (name TEXT UNIQUE, number INTEGER) STRICT").expect("runs");
        let mut on = Prepared::on(connection);
        let mut left = |statement: Statement, good: bool| {
            assert_eq!(execute(&mut on, &statement).is_ok(), good);
            on.with(ADD, |_, known| Ok(known.statement.expanded_sql())).map_err(|fault| fault.error)
        };
        let nothing = Ok(Some("INSERT OR FAIL INTO things (name, number) VALUES (NULL, NULL)".to_owned()));
        assert_eq!(left(statement!(ADD, "a name", 1_i64), true), nothing);
        assert_eq!(left(statement!(ADD, "a name", 2_i64), false), nothing, "after an error of the statement");
        assert_eq!(left(statement!(ADD, "another", "no number"), false), nothing, "after an error of a value");
        assert_eq!(left(statement!(ADD, "another"), false), nothing, "after an error of ours");
    }
}
