//! The `ui_locales` parameter: the languages that a person reads (OpenID Connect Core section 3.1.2.1, RP-Initiated Logout
//! section 2).
//!
//! Owns its reading and bounds. Which of them is spoken is the server's.

/// How many languages are kept, and how long one may be (RFC 5646 section 4.4.1).
const MAX_LOCALES: usize = 16;
const MAX_LOCALE: usize = 35;

/// The BCP 47 tags, the best first. Never an error: what cannot be a language's tag is left out.
pub(crate) fn read(text: &str) -> Vec<String> {
    let is_tag = |tag: &&str| {
        (1..=MAX_LOCALE).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.split(' ').filter(is_tag).take(MAX_LOCALES).map(str::to_owned).collect()
}
