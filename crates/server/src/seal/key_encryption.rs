//! Key-encryption keys: how one is written down, which ones are refused, and how it wraps data keys.
//!
//! Owns the text form and the judgement. Where the text comes from is `key_file`'s.

use super::envelope::{self, KEY_BYTES};
use crate::dice::Dice;
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::fmt;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, Secret};
use vestibule_store::data_keys::WrappedKey;
use zeroize::Zeroizing;

/// One key-encryption key.
pub struct KeyEncryptionKey {
    key: Zeroizing<[u8; KEY_BYTES]>,
    id: String,
}

/// Keys that unwrap; the first of them wraps.
pub struct KeyRing(Vec<KeyEncryptionKey>);

/// Why a text is no key-encryption key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTextError {
    /// There is nothing in it.
    Empty,
    /// It is neither base64 nor hexadecimal.
    Encoding,
    /// It is not 256 bits; this many bytes it is.
    Length(usize),
    /// It cannot have been drawn at random.
    Weak,
    /// The same key stands in it twice.
    Twice,
}

impl KeyEncryptionKey {
    /// Makes one, in the form in which it is written down.
    pub fn make(dice: Dice) -> Secret {
        let drawn = Zeroizing::new(dice.bytes::<KEY_BYTES>());
        Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(*drawn))
    }

    /// Reads one: 32 bytes in base64 (either alphabet, padded or not) or in hexadecimal.
    pub fn parse(text: &str) -> Result<KeyEncryptionKey, KeyTextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyTextError::Empty);
        }
        let bytes = decode(text).ok_or(KeyTextError::Encoding)?;
        let key: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| KeyTextError::Length(bytes.len()))?;
        let key = Zeroizing::new(key);
        if is_weak(&key) {
            return Err(KeyTextError::Weak);
        }
        // A digest of 256 random bits tells nothing about them; this much of it tells keys apart.
        let digest = Digest::of(&[b"vestibule key-encryption key\0".as_slice(), key.as_slice()].concat());
        let id = digest.as_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(KeyEncryptionKey { key, id })
    }

    /// The name that wrapped keys bear: part of a digest, which says nothing about the key.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl KeyRing {
    /// Reads a text with one key a line, the one that wraps first. Lines that begin with `#` are for people.
    pub fn parse(text: &str) -> Result<KeyRing, KeyTextError> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys = lines.map(KeyEncryptionKey::parse).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(KeyTextError::Empty);
        }
        let mut ids: Vec<&str> = keys.iter().map(KeyEncryptionKey::id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(KeyTextError::Twice);
        }
        Ok(KeyRing(keys))
    }

    /// The names of the keys, the one that wraps first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(KeyEncryptionKey::id)
    }

    /// Whether it holds the key of this name.
    pub fn holds(&self, id: &str) -> bool {
        self.ids().any(|held| held == id)
    }

    /// Wraps `key` for the row `id` of `scope` under the first key.
    pub fn wrap(&self, id: Id, scope: Id, tenant: i64, key: &[u8; KEY_BYTES], dice: Dice) -> Option<(Vec<u8>, String)> {
        let first = self.0.first()?;
        let context = context(id, scope, tenant, &first.id);
        let wrapped = envelope::encrypt(&first.key, &context, dice.bytes(), key)?;
        Some((wrapped, first.id.clone()))
    }

    /// Unwraps `row`; `None` when it does not hold the row's key, or the row is not what was wrapped.
    pub fn unwrap_key(&self, row: &WrappedKey, tenant: i64) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
        let key = self.0.iter().find(|key| key.id == row.wrapped_by)?;
        let context = context(row.id, row.scope, tenant, &key.id);
        let bytes = envelope::decrypt(&key.key, &context, &row.wrapped)?;
        let key: [u8; KEY_BYTES] = bytes.as_slice().try_into().ok()?;
        Some(Zeroizing::new(key))
    }
}

/// What a wrapped key is bound to: a key that was copied to another project's row does not unwrap there.
fn context(id: Id, scope: Id, tenant: i64, wrapped_by: &str) -> Vec<u8> {
    let (tenant, parts) = (tenant.to_be_bytes(), b"vestibule data key 1\0");
    [parts.as_slice(), id.as_bytes(), scope.as_bytes(), &tenant, wrapped_by.as_bytes()].concat()
}

fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() == 2 * KEY_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        return (0..text.len()).step_by(2).map(pair).collect::<Option<Vec<u8>>>().map(Zeroizing::new);
    }
    let any_padding = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabets = [&URL_SAFE, &STANDARD];
    let mut decoded = alphabets.iter().map(|alphabet| GeneralPurpose::new(alphabet, any_padding).decode(text));
    decoded.find_map(Result::ok).map(Zeroizing::new)
}

/// Whether 32 bytes are what people and defaults come up with rather than dice (FM-125): repeated or counted bytes, few
/// different ones, or plain text. Each happens by chance once in far more than 2^40 keys.
fn is_weak(key: &[u8; KEY_BYTES]) -> bool {
    let mut seen = [false; 256];
    key.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let few = seen.iter().filter(|seen| **seen).count() < 16;
    let step = key[1].wrapping_sub(key[0]);
    let counted = key.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step);
    let repeated = key[..16] == key[16..];
    let typed = key.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    few || counted || repeated || typed
}

impl fmt::Display for KeyTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyTextError::Empty => f.write_str("it is empty"),
            KeyTextError::Encoding => f.write_str("it is neither base64 nor hexadecimal"),
            KeyTextError::Length(bytes) => write!(f, "it has {bytes} bytes instead of 32"),
            KeyTextError::Weak => f.write_str("it was not drawn at random: anybody could guess it"),
            KeyTextError::Twice => f.write_str("the same key stands in it twice"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(bytes: [u8; 32]) -> String {
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    #[test]
    fn fm_125_a_key_that_is_short_long_misspelled_empty_or_guessable_is_refused() {
        let refused = |text: &str| KeyEncryptionKey::parse(text).err();
        assert_eq!(refused(""), Some(KeyTextError::Empty));
        assert_eq!(refused(" \n"), Some(KeyTextError::Empty));
        assert_eq!(refused("not a key!"), Some(KeyTextError::Encoding));
        assert_eq!(refused("changeme"), Some(KeyTextError::Length(6)));
        for length in [1, 16, 31, 33, 64] {
            let text = base64::engine::general_purpose::STANDARD.encode(Dice.bytes::<64>().get(..length).unwrap());
            assert_eq!(refused(&text), Some(KeyTextError::Length(length)));
        }
        let counted: Vec<u8> = (0..32).collect();
        let half: Vec<u8> = Dice.bytes::<16>().repeat(2);
        for weak in [vec![0; 32], vec![0xff; 32], counted, half, b"correct horse battery staple....".to_vec()] {
            assert_eq!(refused(&spelled(weak.try_into().unwrap())), Some(KeyTextError::Weak));
        }
        assert_eq!(refused(&"0".repeat(64)), Some(KeyTextError::Weak));
    }

    #[test]
    fn a_key_is_read_in_every_usual_spelling_and_named_alike() {
        let bytes = Dice.bytes::<32>();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let spellings = [spelled(bytes), spelled(bytes).replace('=', ""), hex.clone(), hex.to_uppercase()];
        let url = base64::engine::general_purpose::URL_SAFE.encode(bytes);
        let ids: Vec<_> =
            spellings.iter().chain([&url]).map(|text| KeyEncryptionKey::parse(text).ok().unwrap().id).collect();
        assert!(ids.iter().all(|id| *id == ids[0] && id.len() == 16), "{ids:?}");
        assert!(KeyEncryptionKey::parse(KeyEncryptionKey::make(Dice).expose()).is_ok());
    }

    #[test]
    fn a_ring_wraps_with_its_first_key_and_unwraps_with_all_but_nothing_that_was_moved() {
        let [old, new] = [0, 1].map(|_| KeyEncryptionKey::make(Dice));
        let old_ring = KeyRing::parse(old.expose()).ok().unwrap();
        let both = KeyRing::parse(&format!("# new\n{}\n\n{}\n", new.expose(), old.expose())).ok().unwrap();
        let (id, scope, key) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]), Dice.bytes());
        let (wrapped, wrapped_by) = old_ring.wrap(id, scope, 1, &key, Dice).unwrap();
        let row = WrappedKey { id, scope, wrapped, wrapped_by, created_at: 0, retired_at: None };
        assert_eq!(*both.unwrap_key(&row, 1).unwrap(), key);
        assert_eq!(both.wrap(id, scope, 1, &key, Dice).unwrap().1, both.ids().next().unwrap());
        assert!(both.unwrap_key(&row, 2).is_none(), "another tenant's");
        assert!(both.unwrap_key(&WrappedKey { scope: id, ..row.clone() }, 1).is_none(), "another project's");
        assert!(both.unwrap_key(&WrappedKey { id: scope, ..row.clone() }, 1).is_none(), "another key's");
        let new_ring = KeyRing::parse(new.expose()).ok().unwrap();
        assert!(new_ring.unwrap_key(&row, 1).is_none() && !new_ring.holds(&row.wrapped_by));
        assert_eq!(KeyRing::parse(&format!("{0}\n{0}", new.expose())).err(), Some(KeyTextError::Twice));
        assert_eq!(KeyRing::parse("# nothing\n").err(), Some(KeyTextError::Empty));
    }
}
