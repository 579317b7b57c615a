//! A row of an answer, read by column number.
//!
//! Owns the reading: a cell of another type than expected is a named inconsistency, never a panic. Does not own what
//! the columns mean.

use crate::error::StoreError;
use std::borrow::Cow;
use vestibule_oauth::{id::Id, secret::Digest};

/// What a database gave for one column.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A null of any type.
    Null,
    /// TEXT.
    Text(String),
    /// BIGINT, and booleans as 0 and 1.
    Int(i64),
    /// BLOB / BYTEA.
    Blob(Vec<u8>),
    /// A BLOB / BYTEA of exactly sixteen bytes, without an allocation.
    Id([u8; 16]),
}

impl Cell {
    /// The cell of these bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Cell {
        bytes.try_into().map_or_else(|_| Cell::Blob(bytes.to_vec()), Cell::Id)
    }
}

/// A row. Columns are counted from 0, in the order of the statement's SELECT or RETURNING list.
///
/// Every getter gives [`StoreError::Inconsistent`] when the column is missing, null (for those without `opt_`) or of
/// another type. The `take_` getters move the text out; the column is null afterwards.
#[derive(Clone)]
pub struct Row {
    sql: &'static str,
    cells: Vec<Cell>,
}

impl Row {
    pub(crate) fn new(sql: &'static str, cells: Vec<Cell>) -> Row {
        Row { sql, cells }
    }

    /// What stands for the rows that a statement without a RETURNING list has changed, if it has changed any.
    pub(crate) fn of_a_change(sql: &'static str) -> Row {
        Row { sql, cells: Vec::new() }
    }

    /// Text.
    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        self.opt_text(column)?.ok_or_else(|| self.wrong(column))
    }

    /// Text or null.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.cells.get(column) {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    /// Text, moved out of the row.
    pub fn take_text(&mut self, column: usize) -> Result<String, StoreError> {
        self.take_opt_text(column)?.ok_or_else(|| self.wrong(column))
    }

    /// Text or null, moved out of the row.
    pub fn take_opt_text(&mut self, column: usize) -> Result<Option<String>, StoreError> {
        match self.cells.get_mut(column).map(|cell| std::mem::replace(cell, Cell::Null)) {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    /// A whole number.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        self.opt_int(column)?.ok_or_else(|| self.wrong(column))
    }

    /// A whole number or null.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.cells.get(column) {
            Some(Cell::Int(number)) => Ok(Some(*number)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    /// A truth value: 0 or 1, or what the database gives for `EXISTS (…)` and comparisons. Nothing else.
    pub fn flag(&self, column: usize) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.wrong(column)),
        }
    }

    /// Bytes.
    pub fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        self.opt_blob(column)?.ok_or_else(|| self.wrong(column))
    }

    /// Bytes or null.
    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, StoreError> {
        match self.cells.get(column) {
            Some(Cell::Blob(bytes)) => Ok(Some(bytes)),
            Some(Cell::Id(bytes)) => Ok(Some(bytes)),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    /// A row identifier: exactly sixteen bytes.
    pub fn id(&self, column: usize) -> Result<Id, StoreError> {
        self.opt_id(column)?.ok_or_else(|| self.wrong(column))
    }

    /// A row identifier or null.
    pub fn opt_id(&self, column: usize) -> Result<Option<Id>, StoreError> {
        match self.cells.get(column) {
            Some(Cell::Id(bytes)) => Ok(Some(Id::from_bytes(*bytes))),
            Some(Cell::Null) => Ok(None),
            _ => Err(self.wrong(column)),
        }
    }

    /// A digest: exactly 32 bytes.
    pub fn digest(&self, column: usize) -> Result<Digest, StoreError> {
        Digest::from_slice(self.blob(column)?).ok_or_else(|| self.wrong(column))
    }

    /// A digest or null.
    pub fn opt_digest(&self, column: usize) -> Result<Option<Digest>, StoreError> {
        match self.opt_blob(column)? {
            None => Ok(None),
            Some(bytes) => Digest::from_slice(bytes).map(Some).ok_or_else(|| self.wrong(column)),
        }
    }

    /// Says that this row's column cannot be what it is. The table is read off the statement, the identifier is the
    /// row's first sixteen-byte column.
    pub fn wrong(&self, column: usize) -> StoreError {
        let id = self.cells.iter().find_map(|cell| match cell {
            Cell::Id(bytes) => Some(Id::from_bytes(*bytes).to_string()),
            _ => None,
        });
        StoreError::Inconsistent { table: table_of(self.sql), column: Cow::Owned(format!("#{column}")), id }
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row of {} columns from {}", self.cells.len(), table_of(self.sql))
    }
}

/// The word after the first FROM, INTO or UPDATE.
fn table_of(sql: &'static str) -> &'static str {
    let mut words = sql.split_whitespace();
    while let Some(word) = words.next() {
        if ["FROM", "INTO", "UPDATE"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword)) {
            return words.next().unwrap_or("?").trim_matches(|c: char| !c.is_alphanumeric() && c != '_');
        }
    }
    "?"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let cells = vec![Cell::Id([7; 16]), Cell::Text("t".into()), Cell::Int(2), Cell::Null];
        Row::new("SELECT id, name, kind, gone_at\n  FROM people WHERE id = $1", cells)
    }

    #[test]
    fn a_cell_of_another_type_is_named_by_table_column_and_id() {
        let expected = StoreError::Inconsistent {
            table: "people",
            column: "#1".into(),
            id: Some("07070707070707070707070707070707".into()),
        };
        assert_eq!(row().int(1).unwrap_err(), expected);
        assert!(row().text(3).is_err(), "a null is not a text");
        assert!(row().text(4).is_err(), "nor is a missing column");
        assert!(row().flag(2).is_err(), "2 is neither true nor false");
        assert!(row().digest(0).is_err(), "sixteen bytes are no digest");
    }

    #[test]
    fn cells_are_read_as_what_they_are() {
        let mut row = row();
        assert_eq!(row.id(0).unwrap(), Id::from_bytes([7; 16]));
        assert_eq!(row.blob(0).unwrap(), [7; 16]);
        assert_eq!(row.opt_text(3).unwrap(), None);
        assert_eq!(row.int(2).unwrap(), 2);
        assert_eq!(row.take_text(1).unwrap(), "t");
    }
}
