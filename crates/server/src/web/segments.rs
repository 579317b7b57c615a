//! The path of a call of the project API, in segments that are decoded once each.
//!
//! Clients of this API encode every path variable whole, so that a slash inside of a name comes as `%2F` in one segment.
//! The router matches the path as it came, and only then is each segment decoded, once. Owns which paths have one reading;
//! all others are nothing that we serve (FM-106).

/// The segments of a path, decoded.
#[derive(Debug, PartialEq, Eq)]
pub struct Segments(Vec<String>);

impl Segments {
    /// Reads a path as it came. `None` where a proxy before us could read another path: empty segments, those that mean
    /// "here" or "above" however they are spelled, broken escapes, control characters, and what is no part of a segment
    /// unless it is encoded.
    pub fn read(path: &str) -> Option<Segments> {
        path.strip_prefix('/')?.split('/').map(decode).collect::<Option<Vec<String>>>().map(Segments)
    }

    /// The segment at this place, counted from 0; empty when there are not so many.
    pub fn at(&self, place: usize) -> &str {
        self.0.get(place).map_or("", String::as_str)
    }
}

/// Whether a path belongs to the project API and has one reading.
pub fn is_readable(path: &str) -> bool {
    path.starts_with("/v1/") && Segments::read(path).is_some()
}

fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            b'-' | b'.' | b'_' | b'~' | b':' | b'@' | b'+' | b',' => byte,
            _ if byte.is_ascii_alphanumeric() => byte,
            _ => return None,
        });
    }
    let text = String::from_utf8(bytes).ok()?;
    let is_name = !matches!(text.as_str(), "" | "." | "..") && !text.chars().any(char::is_control);
    is_name.then_some(text)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm_134_each_segment_is_decoded_once_and_a_slash_inside_of_one_stays_there() {
        let read = |path| Segments::read(path).expect("is read").0;
        assert_eq!(read("/v1/p/git/auths/src%3Amain%3Aa.txt"), ["v1", "p", "git", "auths", "src:main:a.txt"]);
        assert_eq!(read("/v1/src%2Fa.txt/b"), ["v1", "src/a.txt", "b"]);
        assert_eq!(read("/v1/a%20b/%E4%BB%93"), ["v1", "a b", "仓"]);
        assert_eq!(read("/v1/%252F/a%25"), ["v1", "%2F", "a%"]);
        assert_eq!(read("/v1/a+b/a:b@c,d"), ["v1", "a+b", "a:b@c,d"]);
        let segments = Segments::read("/v1/p").expect("is read");
        assert_eq!((segments.at(1), segments.at(2)), ("p", ""));
    }

    #[test]
    fn fm_106_a_path_of_the_project_api_has_one_reading_or_none() {
        assert!(is_readable("/v1/p/git/files/n/p/a%2Fb"));
        for path in [
            "/v1",
            "/v3/a%2Fb",
            "/v1/",
            "/v1//git",
            "/v1/p/",
            "/v1/./git",
            "/v1/../git",
            "/v1/%2e/git",
            "/v1/%2E%2e/git",
            "/v1/.%2e",
            "/v1/p;a=b",
            "/v1/p%",
            "/v1/p%2",
            "/v1/p%zz",
            "/v1/p%+1",
            "/v1/p%00",
            "/v1/p%0a",
            "/v1/p%7f",
            "/v1/p%ff",
            "/v1/p%c0%af",
            "/v1/p%C2%85",
            "/v1/a\\b",
            "/v1/ü",
            "/v1/a b",
            "/v1/a\"b",
        ] {
            assert!(!is_readable(path), "{path}");
        }
    }
}
