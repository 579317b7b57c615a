//! Values and cells in PostgreSQL's types.

use crate::error::StoreError;
use crate::row::{Cell, Row};
use crate::value::Value;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// Reads a row; a column of a type that we never store is a defect of the statement.
pub(super) fn read_row(sql: &'static str, row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let cells: Result<Vec<Cell>, _> = (0..row.len()).map(|column| row.try_get::<_, Cell>(column)).collect();
    cells.map(|cells| Row::new(sql, cells)).map_err(|error| StoreError::Statement {
        sql,
        cause: format!("an answer has a type that we do not read: {error}"),
    })
}

impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Cell, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Cell::Int(i64::from_sql(kind, raw)?),
            Type::INT4 => Cell::Int(i64::from(i32::from_sql(kind, raw)?)),
            Type::BOOL => Cell::Int(i64::from(bool::from_sql(kind, raw)?)),
            Type::BYTEA => Cell::from_bytes(raw),
            _ => Cell::Text(<&str>::from_sql(kind, raw)?.to_owned()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Cell, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Cell::Null)
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::INT4 | Type::BOOL | Type::BYTEA | Type::TEXT | Type::VARCHAR | Type::NAME)
    }
}

impl Value {
    /// The type with which a statement is prepared.
    pub(super) fn postgres_type(&self) -> Type {
        match self {
            Value::Text(_) | Value::NullText => Type::TEXT,
            Value::Int(_) | Value::NullInt => Type::INT8,
            Value::Blob(_) | Value::Id(_) | Value::NullBlob => Type::BYTEA,
        }
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Text(text) => text.to_sql(kind, out),
            Value::Int(number) => number.to_sql(kind, out),
            Value::Blob(bytes) => bytes.to_sql(kind, out),
            Value::Id(id) => id.as_bytes().as_slice().to_sql(kind, out),
            Value::NullText | Value::NullInt | Value::NullBlob => Ok(IsNull::Yes),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::BYTEA | Type::TEXT)
    }

    to_sql_checked!();
}
