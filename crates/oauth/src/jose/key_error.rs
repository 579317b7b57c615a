//! Why a key is not taken.

use std::fmt;

/// Why a key is not taken. Says nothing of the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It cannot be read: not the form that is due, a member missing or twice, not base64url, a point off the curve.
    Malformed,
    /// It is of a kind or for an algorithm or use that is not known here.
    Unsupported,
    /// It is too short to protect anything (FM-80), or longer than is worth computing with.
    Size,
    /// It holds a private half, where a public key is due: whoever sent it has given it away.
    Private,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyError::Malformed => "The key cannot be read.",
            KeyError::Unsupported => {
                "The key is not of a kind that is known here: Ed25519, P-256, or RSA, for signatures."
            }
            KeyError::Size => "The key's size is not taken: RSA keys have 2,048 to 8,192 bits.",
            KeyError::Private => "The key holds its private half, which must never be sent.",
        })
    }
}

impl std::error::Error for KeyError {}
