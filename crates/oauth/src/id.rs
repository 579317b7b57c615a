//! Row identifiers: time-ordered 128-bit values (UUID version 7, RFC 9562 section 5.7).
//!
//! Owns how an identifier is made from a moment and ten random bytes, and how it is spelled. Does not own the
//! clock nor the dice: both come in as arguments.

use std::fmt;

/// A row identifier. Time-ordered, so that inserts land at the right edge of an index.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id([u8; 16]);

impl Id {
    /// Makes an identifier from `now` (Unix milliseconds) and ten random bytes.
    pub fn new(now: i64, random: [u8; 10]) -> Id {
        let millis = u64::try_from(now).unwrap_or(0);
        Id(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().into_bytes())
    }

    /// Reads the sixteen bytes of a stored identifier. Gives `None` for any other length.
    pub fn from_slice(bytes: &[u8]) -> Option<Id> {
        bytes.try_into().ok().map(Id)
    }

    /// The identifier of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Id {
        Id(bytes)
    }

    /// The sixteen bytes, as they are stored.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// When it was made, in Unix milliseconds, or when somebody wants it to have been.
    pub fn made_at(&self) -> i64 {
        self.0[..6].iter().fold(0, |time, byte| time << 8 | i64::from(*byte))
    }

    /// Reads the spelling of [`fmt::Display`]: 32 lower-case hexadecimal digits, nothing else.
    pub fn parse(text: &str) -> Option<Id> {
        if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        uuid::Uuid::try_parse(text).ok().map(|u| Id(u.into_bytes()))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", uuid::Uuid::from_bytes(self.0).as_simple())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
