//! Secrets of Git hosts as a type: prints redacted, is wiped when dropped, cannot be compared or serialized.
//!
//! Owns the type only. Where a secret may be placed is decided by [`crate::wire`]: in a header or a body, never in an
//! address.

use std::fmt;
use zeroize::Zeroizing;

/// A token, a client secret, a password, a code or a code verifier.
///
/// Has no `PartialEq`, no `Display` and no `Serialize` on purpose (FM-108).
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps `text`; its memory is wiped when the value is dropped.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one who seals it. Inside this crate only `wire.rs` calls it (a test says so).
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
