//! A secret that somebody presents, and the row that it belongs to.
//!
//! Owns the comparison: a finder that takes a secret gives its row only when the stored digest is that secret's, so that
//! no caller can forget to compare. What the row is worth is judged by the rulebooks.

use vestibule_oauth::secret::{Digest, MachineSecret};

/// Why there is nothing behind a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is a row, but the secret is another's: somebody guesses.
    Wrong,
    /// There is no row, as after long disuse: no guess can hit it, and many good clients come with such a one.
    Gone,
}

/// Gives `row` if `stored` is the digest of `presented`; compared in constant time.
pub(crate) fn proven<T>(presented: &MachineSecret, stored: &Digest, row: T) -> Result<T, Missing> {
    if stored.matches(&presented.digest()) { Ok(row) } else { Err(Missing::Wrong) }
}
