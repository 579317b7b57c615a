//! One statement on one connection.
//!
//! Owns binding, reading rows, and what SQLite's errors mean. Does not own transactions.

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
pub(in crate::sqlite) fn execute(connection: &Connection, statement: &Statement) -> Result<Vec<Row>, Fault> {
    let failed = |error: rusqlite::Error| classify(statement.sql, &error);
    let mut prepared = connection.prepare_cached(statement.sql).map_err(failed)?;
    bind(&mut prepared, statement)?;
    let columns = prepared.column_count();
    let mut found = Vec::new();
    let mut rows = prepared.raw_query();
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

/// Binds by the number in a parameter's name. SQLite numbers `$2 … $1` in the order in which they stand, so binding by
/// position would silently swap the two.
fn bind(prepared: &mut rusqlite::CachedStatement<'_>, statement: &Statement) -> Result<(), Fault> {
    let count = prepared.parameter_count();
    if count != statement.values.len() {
        return Err(defect(statement.sql, "the number of values is not the number of parameters"));
    }
    for place in 1..=count {
        let name = prepared.parameter_name(place).and_then(|name| name.strip_prefix('$'));
        let number = name.and_then(|digits| digits.parse::<usize>().ok()).and_then(|number| number.checked_sub(1));
        let Some(value) = number.and_then(|number| statement.values.get(number)) else {
            return Err(defect(statement.sql, "a parameter is not one of $1 … $n"));
        };
        prepared.raw_bind_parameter(place, value).map_err(|error| classify(statement.sql, &error))?;
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

fn defect(sql: &'static str, cause: &str) -> Fault {
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
