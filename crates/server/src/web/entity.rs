//! Entity tags (RFC 9110 sections 8.8.3 and 13.1.2): what a caller names that has the same text already.
//!
//! Owns how a tag is made and when one is known. How long a text may be kept is each answer's.

use axum::http::{HeaderMap, HeaderValue, header};
use vestibule_oauth::secret::Digest;

/// The tag of `text`, with its quotes.
pub fn tag(text: &str) -> String {
    let digest = Digest::of(text.as_bytes());
    let tag: String = digest.as_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{tag}\"")
}

/// Whether a caller with these headers has what `tag` names, in whatever spelling it says so.
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let names = |line: &HeaderValue| {
        let mut tags = line.to_str().unwrap_or("").split(',').map(|known| known.trim().trim_start_matches("W/"));
        tags.any(|known| known == tag || known == "*")
    };
    headers.get_all(header::IF_NONE_MATCH).iter().any(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_known_by_its_tag_in_each_spelling_and_by_no_other() {
        let ours = tag("a text");
        assert_ne!(ours, tag("another"));
        let known = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_NONE_MATCH, line.parse().unwrap());
            }
            is_known(&headers, &ours)
        };
        let (weak, listed) = (format!("W/{ours}"), format!("\"x\" , {ours}"));
        for lines in [&[ours.as_str()][..], &[&weak], &[&listed], &["\"x\"", &ours], &["*"]] {
            assert!(known(lines), "{lines:?}");
        }
        let bare = ours.trim_matches('"');
        for lines in [&[][..], &["\"x\""], &[bare], &[""]] {
            assert!(!known(lines), "{lines:?}");
        }
    }
}
