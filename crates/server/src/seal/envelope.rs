//! The envelope: AES-256-GCM around a value that belongs to one place.
//!
//! Owns the bytes of a sealed value and what they are bound to. Knows no database and no key's whereabouts.
//!
//! A sealed value is `1 ‖ data key id (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. What it is bound to, as associated data, is
//! the row's identity: table, column, row, tenant and data key.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{self, HKDF_SHA256, Prk, Salt};
use vestibule_oauth::id::Id;
use vestibule_store::sealed::SealedValue;
use zeroize::Zeroizing;

/// Bytes of every symmetric key here.
pub const KEY_BYTES: usize = 32;
/// The first byte of a sealed value of this form.
const FORM: u8 = 1;
const HEAD: usize = 1 + 16;
const TAG: usize = 16;

/// The place of a sealed value: nobody can move it to another and have it opened there.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row.
    pub row: Id,
}

/// An unwrapped data key.
pub struct DataKey {
    /// Its row.
    pub id: Id,
    /// What it seals for: the deployment, or a project.
    pub scope: Id,
    /// A pseudorandom key: each place has one of its own made from it.
    root: Prk,
}

impl DataKey {
    /// The data key of these bytes.
    pub fn new(id: Id, scope: Id, key: &[u8; KEY_BYTES]) -> DataKey {
        DataKey { id, scope, root: Salt::new(HKDF_SHA256, b"vestibule data key 1").extract(key) }
    }

    /// Seals `plain` for `place`.
    ///
    /// With random 96-bit nonces one key may encrypt 2^32 values (NIST SP 800-38D, 8.3): tokens of many projects that are
    /// refreshed every hour would get there in years. Each place therefore has a key of its own, made from the data key
    /// and the place, and no row is ever written four billion times.
    pub fn seal(&self, place: &Place, tenant: i64, nonce: [u8; NONCE_LEN], plain: &[u8]) -> Option<SealedValue> {
        let context = self.context(place, tenant);
        let mut bytes = Vec::with_capacity(HEAD + NONCE_LEN + plain.len() + TAG);
        bytes.push(FORM);
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(&encrypt(&*self.key_of(&context)?, &context, nonce, plain)?);
        Some(SealedValue { bytes, key: self.id })
    }

    /// Opens what [`DataKey::seal`] made for the same place; `None` for anything else.
    pub fn open(&self, place: &Place, tenant: i64, value: &SealedValue) -> Option<Zeroizing<Vec<u8>>> {
        let (head, sealed) = value.bytes.split_at_checked(HEAD)?;
        if head[0] != FORM || head[1..] != self.id.as_bytes()[..] || value.key != self.id {
            return None;
        }
        let context = self.context(place, tenant);
        decrypt(&*self.key_of(&context)?, &context, sealed)
    }

    /// Names hold no zero byte and the rest has a fixed length, so that no two places are spelled alike.
    fn context(&self, place: &Place, tenant: i64) -> Vec<u8> {
        let tenant = tenant.to_be_bytes();
        let (table, column) = (place.table.as_bytes(), place.column.as_bytes());
        let (row, key) = (place.row.as_bytes(), self.id.as_bytes());
        [b"vestibule sealed 1\0".as_slice(), table, b"\0", column, b"\0", row, &tenant, key].concat()
    }

    fn key_of(&self, context: &[u8]) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        self.root.expand(&[context], Length).ok()?.fill(key.as_mut_slice()).ok()?;
        Some(key)
    }
}

struct Length;

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

/// `nonce ‖ ciphertext ‖ tag`.
pub fn encrypt(key: &[u8; KEY_BYTES], context: &[u8], nonce: [u8; NONCE_LEN], plain: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let mut out = Vec::with_capacity(NONCE_LEN + plain.len() + TAG);
    out.extend_from_slice(&nonce);
    out.extend_from_slice(plain);
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(context), &mut out[NONCE_LEN..]).ok()?;
    out.extend_from_slice(tag.as_ref());
    Some(out)
}

/// What [`encrypt`] was given, if nothing of it was changed.
pub fn decrypt(key: &[u8; KEY_BYTES], context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut plain = Zeroizing::new(rest.to_vec());
    let length = key.open_in_place(nonce, Aad::from(context), &mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;
    use std::collections::HashSet;

    const ROW: Id = Id::from_bytes([7; 16]);
    const PLACE: Place = Place { table: "signing_keys", column: "sealed", row: ROW };

    fn data_key(id: u8) -> DataKey {
        DataKey::new(Id::from_bytes([id; 16]), Id::from_bytes([0; 16]), &Dice.bytes())
    }

    /// A million values of one place, so of one key: the worst case. It takes about two seconds.
    #[test]
    fn fm_123_a_million_seals_use_a_million_nonces() {
        let key = data_key(1);
        let mut nonces = HashSet::with_capacity(1_000_000);
        for _ in 0..1_000_000 {
            let sealed = key.seal(&PLACE, 1, Dice.bytes(), b"x").expect("seals");
            let nonce: [u8; NONCE_LEN] = sealed.bytes[HEAD..HEAD + NONCE_LEN].try_into().expect("twelve bytes");
            assert!(nonces.insert(nonce), "a nonce came twice");
        }
    }

    #[test]
    fn fm_124_a_flipped_bit_anywhere_a_missing_byte_and_an_added_one_are_refused() {
        let key = data_key(1);
        let good = key.seal(&PLACE, 1, Dice.bytes(), b"a private key").expect("seals");
        assert_eq!(key.open(&PLACE, 1, &good).expect("opens").as_slice(), b"a private key");
        for bit in 0..good.bytes.len() * 8 {
            let mut bad = good.clone();
            bad.bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open(&PLACE, 1, &bad).is_none(), "bit {bit}");
        }
        for length in 0..good.bytes.len() {
            let bad = SealedValue { bytes: good.bytes[..length].to_vec(), ..good.clone() };
            assert!(key.open(&PLACE, 1, &bad).is_none(), "{length} bytes");
        }
        let longer = SealedValue { bytes: [good.bytes.as_slice(), b"\0"].concat(), ..good };
        assert!(key.open(&PLACE, 1, &longer).is_none());
    }

    #[test]
    fn fm_124_a_value_of_another_row_column_table_tenant_or_key_is_refused() {
        let (key, other) = (data_key(1), data_key(2));
        let good = key.seal(&PLACE, 1, Dice.bytes(), b"a private key").expect("seals");
        let row = Place { row: Id::from_bytes([8; 16]), ..PLACE };
        for place in [row, Place { column: "salt", ..PLACE }, Place { table: "deployment_secrets", ..PLACE }] {
            assert!(key.open(&place, 1, &good).is_none(), "{place:?}");
        }
        assert!(key.open(&PLACE, 2, &good).is_none(), "another tenant");
        assert!(other.open(&PLACE, 1, &good).is_none(), "another key");
        // A key of the same bytes in another row, as if somebody had renamed it.
        let bytes = Dice.bytes();
        let [one, two] = [1, 2].map(|id| DataKey::new(Id::from_bytes([id; 16]), ROW, &bytes));
        let mut renamed = one.seal(&PLACE, 1, Dice.bytes(), b"x").expect("seals");
        renamed.bytes[1..HEAD].copy_from_slice(two.id.as_bytes());
        renamed.key = two.id;
        assert!(two.open(&PLACE, 1, &renamed).is_none(), "a renamed key");
    }
}
