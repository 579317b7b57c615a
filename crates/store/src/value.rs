//! Statements as data: SQL text that stands in the source, and typed values.
//!
//! Owns what may be handed to a database. SQL is `&'static str` only, so that no value can ever become SQL (FM-115 and
//! section U); values travel beside it, bound by their number. Does not own how a database binds them.

use std::borrow::Cow;
use std::fmt;
use vestibule_oauth::{id::Id, scope::ScopeSet, secret::Digest};

/// A value of one of three types, or a null of one of them: PostgreSQL prepares statements with these types, so a null
/// must know its own.
///
/// Prints its type only: values are people's data.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// TEXT.
    Text(Cow<'static, str>),
    /// BIGINT; times are Unix milliseconds, flags are 0 and 1.
    Int(i64),
    /// BLOB / BYTEA.
    Blob(Vec<u8>),
    /// BLOB / BYTEA of sixteen bytes, without an allocation.
    Id(Id),
    /// A null TEXT.
    NullText,
    /// A null BIGINT.
    NullInt,
    /// A null BLOB / BYTEA.
    NullBlob,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Value::Text(_) => "Text",
            Value::Int(_) => "Int",
            Value::Blob(_) => "Blob",
            Value::Id(_) => "Id",
            Value::NullText => "NullText",
            Value::NullInt => "NullInt",
            Value::NullBlob => "NullBlob",
        })
    }
}

/// A type that is stored as one of the three, and therefore knows its null.
pub trait Stored: Into<Value> {
    /// The null of this type.
    const NULL: Value;
}

macro_rules! stored {
    ($($type:ty, $null:ident, $value:ident => $made:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Value {
                $made
            }
        }
        impl Stored for $type {
            const NULL: Value = Value::$null;
        }
    )*};
}

stored! {
    &str, NullText, v => Value::Text(Cow::Owned(v.to_owned()));
    &String, NullText, v => Value::Text(Cow::Owned(v.clone()));
    String, NullText, v => Value::Text(Cow::Owned(v));
    Cow<'static, str>, NullText, v => Value::Text(v);
    i64, NullInt, v => Value::Int(v);
    u32, NullInt, v => Value::Int(i64::from(v));
    bool, NullInt, v => Value::Int(i64::from(v));
    Vec<u8>, NullBlob, v => Value::Blob(v);
    &[u8], NullBlob, v => Value::Blob(v.to_vec());
    Id, NullBlob, v => Value::Id(v);
    &Id, NullBlob, v => Value::Id(*v);
    &ScopeSet, NullText, v => Value::Text(Cow::Owned(v.to_string()));
    Digest, NullBlob, v => Value::Blob(v.as_bytes().to_vec());
    &Digest, NullBlob, v => Value::Blob(v.as_bytes().to_vec());
}

impl<T: Stored> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(T::NULL, Into::into)
    }
}

impl Value {
    /// Text that stands in the source: no copy is made.
    pub const fn fixed(text: &'static str) -> Value {
        Value::Text(Cow::Borrowed(text))
    }
}

/// One statement with its values: `$1` in the text is the first of them.
#[derive(Clone, Debug)]
pub struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
}

impl Statement {
    /// `values` are bound by number: `$n` is the n-th, counted from 1, wherever and how often it stands. Every value must
    /// be used, and there must be one for each number.
    ///
    /// Text that was put together at run time is no statement (FM-115):
    ///
    /// ```compile_fail,E0716
    /// let sql = vestibule_store::Statement::new(&String::from("SELECT 1"), []);
    /// assert!(sql.sql().len() > 0);
    /// ```
    pub fn new(sql: &'static str, values: impl Into<Vec<Value>>) -> Statement {
        Statement { sql, values: values.into() }
    }

    /// The SQL text.
    pub const fn sql(&self) -> &'static str {
        self.sql
    }
}

/// The statements of one transaction. The first claims, every later one repeats the claim before it.
pub type Verb = Vec<Statement>;

/// A [`Statement`] from SQL text and anything that converts [`Into`] a [`Value`]:
/// `statement!(SQL, id, name, Some(now), None::<i64>)`.
#[macro_export]
macro_rules! statement {
    ($sql:expr $(, $value:expr)* $(,)?) => {
        $crate::value::Statement::new($sql, vec![$($crate::value::Value::from($value)),*])
    };
}
