//! Opens and seals values as docs/decisions/0010-sealing.md describes it, without a line of the product's: what a thief needs
//! who has the database and the key file, and what shows that the description is true.

use crate::harness::{Server, server::KEY};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use base64::Engine as _;
use std::collections::HashMap;
use vestibule_oauth::id::Id;
use vestibule_store::data_keys::WrappedKey;
use vestibule_store::sealed::SealedValue;

/// The unwrapped data keys of a database.
pub struct Opener(HashMap<Id, Vec<u8>>);

struct Bytes32;

impl KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

/// The key-encryption keys of this server, the one that wraps first.
pub fn key_encryption_keys(server: &Server) -> Vec<Vec<u8>> {
    let file = std::fs::read_to_string(server.data_directory().join("key")).unwrap_or_else(|_| KEY.to_owned());
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let decode = |line: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(line).expect("base64");
    lines.map(decode).collect()
}

impl Opener {
    /// Unwraps every data key of the server's database. `None`: a key is wrapped with none that the server has.
    pub fn of(server: &Server) -> Option<Opener> {
        let keks = key_encryption_keys(server);
        let rows = server.with_store(async |store| store.list_data_keys(None, 1000).await.expect("reads"));
        let unwrapped = rows.iter().map(|row| keks.iter().find_map(|kek| unwrap(kek, row)).map(|key| (row.id, key)));
        unwrapped.collect::<Option<_>>().map(Opener)
    }

    /// What is sealed in this place of tenant 1.
    pub fn open(&self, table: &str, column: &str, row: Id, value: &SealedValue) -> Option<Vec<u8>> {
        let (head, sealed) = value.bytes.split_at_checked(17)?;
        assert_eq!((head[0], &head[1..]), (1, value.key.as_bytes().as_slice()), "form and data key");
        let context = context(table, column, row, value.key);
        gcm_open(&self.key_of(value.key, &context)?, &context, sealed)
    }

    /// Seals a value for this place of tenant 1.
    pub fn seal(&self, table: &str, column: &str, row: Id, key: Id, plain: &[u8]) -> SealedValue {
        let context = context(table, column, row, key);
        let mut sealed = plain.to_vec();
        // A test's value: each row has its own key, so the nonce can be anything once.
        let nonce = [7; 12];
        let cipher = cipher(&self.key_of(key, &context).expect("is there"));
        cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&context), &mut sealed)
            .expect("seals");
        SealedValue { bytes: [&[1], key.as_bytes().as_slice(), &nonce, &sealed].concat(), key }
    }

    fn key_of(&self, key: Id, context: &[u8]) -> Option<Vec<u8>> {
        let root = Salt::new(HKDF_SHA256, b"vestibule data key 1").extract(self.0.get(&key)?);
        let mut derived = vec![0; 32];
        root.expand(&[context], Bytes32).ok()?.fill(&mut derived).ok()?;
        Some(derived)
    }
}

fn unwrap(kek: &[u8], row: &WrappedKey) -> Option<Vec<u8>> {
    let parts: [&[u8]; 5] = [
        b"vestibule data key 1\0",
        row.id.as_bytes(),
        row.scope.as_bytes(),
        &1_i64.to_be_bytes(),
        row.wrapped_by.as_bytes(),
    ];
    gcm_open(kek, &parts.concat(), &row.wrapped)
}

fn context(table: &str, column: &str, row: Id, key: Id) -> Vec<u8> {
    let parts: [&[u8]; 8] = [
        b"vestibule sealed 1\0",
        table.as_bytes(),
        b"\0",
        column.as_bytes(),
        b"\0",
        row.as_bytes(),
        &1_i64.to_be_bytes(),
        key.as_bytes(),
    ];
    parts.concat()
}

fn cipher(key: &[u8]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes"))
}

fn gcm_open(key: &[u8], context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, rest) = sealed.split_at_checked(12)?;
    let mut plain = rest.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    cipher(key).open_in_place(nonce, Aad::from(context), &mut plain).ok().map(|plain| plain.to_vec())
}
