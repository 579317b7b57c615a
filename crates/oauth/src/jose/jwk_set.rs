//! A set of public keys (RFC 7517 section 5), as it is published and as it is read.

use super::{Jwk, KeyError, strict_object};
use serde_json::Value;

/// Public keys in the order in which they are published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwkSet {
    /// The keys.
    pub keys: Vec<Jwk>,
}

impl JwkSet {
    /// The spelling of `keys`, as `jwks_uri` answers it.
    pub fn spell<'a>(keys: impl IntoIterator<Item = &'a Jwk>) -> String {
        let keys: Vec<String> = keys.into_iter().map(Jwk::to_json).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// Reads a set that somebody else publishes. Keys of other kinds and uses are left out (RFC 7517 section 5); a key of ours
    /// that is broken, short or private spoils the set, because its publisher must hear of it.
    pub fn from_json(text: &str) -> Result<JwkSet, KeyError> {
        if text.len() > MAX_BYTES {
            return Err(KeyError::Size);
        }
        let members = strict_object(text.as_bytes(), MAX_DEPTH).ok_or(KeyError::Malformed)?;
        let listed = members.get("keys").and_then(Value::as_array).ok_or(KeyError::Malformed)?;
        if listed.len() > MAX_KEYS {
            return Err(KeyError::Size);
        }
        let mut keys = Vec::new();
        for key in listed {
            match Jwk::from_members(key.as_object().ok_or(KeyError::Malformed)?) {
                Ok(key) => keys.push(key),
                Err(KeyError::Unsupported) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(JwkSet { keys })
    }
}

/// How long the spelling of a set may be that comes from outside, in bytes.
pub const MAX_BYTES: usize = 64 * 1024;

/// How many keys it may list, those of other kinds included.
pub const MAX_KEYS: usize = 64;

/// The set, its array, a key, and what a key may hold.
const MAX_DEPTH: usize = 6;
