//! Keys and sets of keys. What is read and spelled again is the same key under the same thumbprint, holds no private half,
//! and takes no signature of zeros.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_oauth::jose::{Jwk, JwkSet, KeyError, VerifyingKey};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = Jwk::from_json(text) {
        check(&key);
    }
    if let Ok(set) = JwkSet::from_json(text) {
        set.keys.iter().for_each(check);
        let again = JwkSet::spell(&set.keys);
        match JwkSet::from_json(&again) {
            Ok(read) => assert_eq!(read, set),
            // Our spelling escapes what a stranger's name for a key need not.
            Err(error) => assert!(error == KeyError::Size && again.len() > text.len()),
        }
    }
});

fn check(key: &Jwk) {
    let text = key.to_json();
    match Jwk::from_json(&text) {
        Ok(read) => {
            assert_eq!(&read, key);
            assert_eq!(read.thumbprint(), key.thumbprint());
        }
        Err(error) => assert!(error == KeyError::Size && key.kid().is_some_and(|kid| kid.len() > 1024)),
    }
    assert!(!text.contains("\"d\":") || key.kid().is_some_and(|kid| kid.contains('d')));
    if let Ok(key) = VerifyingKey::of(key) {
        for length in [0, 63, 64, 65, 256, 512] {
            for message in [&b"a"[..], b"b", b"c", b"d"] {
                assert!(!key.verifies(message, &vec![0; length]));
            }
        }
    }
}
