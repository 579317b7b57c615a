//! The query of a call to a Git host: `ref`, `clone_url`, `message`, `sha`.
//!
//! Owns how they are read: each once, decoded once. A commit's message may have several lines, which the parameters of
//! OAuth may not. What the values mean is the call's.

use crate::web::servicestage::{Code, Refusal};

/// The parameters of a query.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query. What is no UTF-8 is refused: the host would be sent something else.
    pub fn read(query: Option<&str>) -> Result<Query, Refusal> {
        let query = query.unwrap_or_default();
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().take(MOST + 1).collect();
        let is_broken = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
        if pairs.len() > MOST || pairs.iter().any(|(name, value)| is_broken(name) || is_broken(value)) {
            return Err(Refusal::saying(Code::ParameterInvalid, "the query cannot be read"));
        }
        Ok(Query(pairs))
    }

    /// A parameter that may be left out, or sent empty.
    pub fn optional(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Refusal::saying(Code::ParameterInvalid, format!("{name} stands twice in the query"))),
            (value, None) => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// A parameter that must be there.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::saying(Code::ParameterInvalid, format!("{name} is missing: send it in the query"));
        self.optional(name)?.ok_or_else(missing)
    }
}

/// The most parameters that are read.
const MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm_51_each_parameter_is_read_once_and_decoded_once() {
        let query = Query::read(Some("ref=feature%2Fx&message=a+b%0Ac%252F&empty=&sha=1&sha=2")).expect("is read");
        assert_eq!(query.required("ref").expect("a ref"), "feature/x");
        assert_eq!(query.required("message").expect("a message"), "a b\nc%2F");
        for missing in ["empty", "other"] {
            assert_eq!(query.optional(missing).expect("may be left out"), None);
            assert!(query.required(missing).is_err_and(|refusal| refusal.message().contains(missing)));
        }
        assert!(query.optional("sha").is_err_and(|refusal| refusal.message().contains("sha stands twice")));
        assert!(Query::read(Some("ref=%ff")).is_err());
        assert!(Query::read(Some(&"a&".repeat(MOST + 1))).is_err());
        assert!(Query::read(None).is_ok());
    }
}
