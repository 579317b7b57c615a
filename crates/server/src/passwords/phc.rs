//! The spelling of a stored password hash: the PHC string format of Argon2id, read strictly.
//!
//! Owns its syntax and the bounds within which parameters from the database are believed: whoever can write a row must
//! not be able to make a sign-in take gigabytes or minutes (FM-121).

use super::Cost;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use std::ops::RangeInclusive;

const MEMORY_KIB: RangeInclusive<u32> = 1_024..=65_536;
const PASSES: RangeInclusive<u32> = 1..=8;
const LANES: RangeInclusive<u32> = 1..=4;
const SALT: RangeInclusive<usize> = 8..=64;
const HASH: RangeInclusive<usize> = 16..=64;

/// A stored hash with what it was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub cost: Cost,
    pub salt: Vec<u8>,
    pub hash: Vec<u8>,
}

impl Stored {
    /// `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, both in base64 without padding.
    pub fn spell(&self) -> String {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, hash) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.hash));
        format!("$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
    }

    /// Reads exactly what [`Stored::spell`] writes. `None` for another algorithm or version, another order, another
    /// spelling of a number, or a value out of bounds.
    pub fn parse(text: &str) -> Option<Stored> {
        let mut parts = text.strip_prefix("$argon2id$v=19$")?.split('$');
        let (cost, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let mut numbers = cost.split(',');
        let memory_kib = number(numbers.next()?.strip_prefix("m=")?, &MEMORY_KIB)?;
        let passes = number(numbers.next()?.strip_prefix("t=")?, &PASSES)?;
        let lanes = number(numbers.next()?.strip_prefix("p=")?, &LANES)?;
        if numbers.next().is_some() {
            return None;
        }
        Some(Stored { cost: Cost { memory_kib, passes, lanes }, salt: bytes(salt, &SALT)?, hash: bytes(hash, &HASH)? })
    }
}

/// A decimal number as `Display` spells it, within bounds.
fn number(text: &str, bounds: &RangeInclusive<u32>) -> Option<u32> {
    let value: u32 = text.parse().ok()?;
    (value.to_string() == text && bounds.contains(&value)).then_some(value)
}

fn bytes(text: &str, bounds: &RangeInclusive<usize>) -> Option<Vec<u8>> {
    let bytes = STANDARD_NO_PAD.decode(text).ok()?;
    bounds.contains(&bytes.len()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$kgN4V29sKgYoWnW8XSYMHr8BcZlGmvrxgiuVhVfUqds";

    #[test]
    fn fm_121_reads_back_what_it_spells() {
        let stored = Stored::parse(GOOD).unwrap();
        assert_eq!(stored.cost, Cost { memory_kib: 19_456, passes: 2, lanes: 1 });
        assert_eq!(stored.salt, b"somesaltsomesalt");
        assert_eq!(stored.spell(), GOOD);
    }

    #[test]
    fn fm_121_a_stored_hash_with_absurd_cost_is_refused() {
        for (from, to) in [
            ("m=19456", "m=65537"),
            ("m=19456", "m=4294967295"),
            ("m=19456", "m=1023"),
            ("m=19456", "m=0"),
            ("t=2", "t=0"),
            ("t=2", "t=9"),
            ("t=2", "t=4294967296"),
            ("p=1", "p=0"),
            ("p=1", "p=5"),
        ] {
            assert_eq!(Stored::parse(&GOOD.replace(from, to)), None, "{to}");
        }
        for (from, to) in [("m=19456", "m=65536"), ("m=19456", "m=1024"), ("t=2", "t=8"), ("p=1", "p=4")] {
            assert!(Stored::parse(&GOOD.replace(from, to)).is_some(), "{to}");
        }
    }

    #[test]
    fn fm_121_a_stored_hash_has_one_spelling() {
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("argon2id", "argon2d"),
            ("argon2id", "ARGON2ID"),
            ("v=19", "v=16"),
            ("$v=19", ""),
            ("m=19456", "m=019456"),
            ("m=19456", "m=+19456"),
            ("m=19456,t=2", "t=2,m=19456"),
            ("p=1", "p=1,keyid=AAAA"),
            ("p=1", "p=1,"),
            ("c2FsdA$", "c2FsdA==$"),
            ("$c29tZXNhbHRzb21lc2FsdA", "$"),
            ("$c29tZXNhbHRzb21lc2FsdA", "$c29tZQ"),
            ("VfUqds", "VfUqd"),
            ("VfUqds", "VfUqdt"),
        ] {
            let changed = GOOD.replace(from, to);
            assert_ne!(changed, GOOD, "{from}");
            assert_eq!(Stored::parse(&changed), None, "{to}");
        }
        for text in
            ["", "$", "$argon2id$v=19$", "plain", &format!("{GOOD}$x"), &format!(" {GOOD}"), &format!("{GOOD} ")]
        {
            assert_eq!(Stored::parse(text), None, "{text}");
        }
    }
}
