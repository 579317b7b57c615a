//! base64url without padding (RFC 7515 section 2), one spelling for each value: bits that do not count must be zero, or a
//! token would have several (FM-20).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// How many characters `bytes` bytes take.
pub(super) const fn spelled_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

/// Appends the spelling of `bytes`.
pub(super) fn push(bytes: &[u8], to: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, to);
}

/// The spelling of `bytes`.
pub(super) fn spell(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads the only spelling of some bytes; `None` for padding, a foreign character or stray bits.
pub(super) fn read(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
