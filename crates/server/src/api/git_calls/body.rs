//! The bodies of calls to a Git host: one JSON object of texts, read strictly.
//!
//! Owns reading. Clients send them as `application/json`, with whatever charset, or with no type at all, so the type is not
//! asked for. What the values may be is judged by `vestibule-githost`, which also bounds them.

use crate::web::servicestage::{Code, Refusal};
use serde_json::{Map, Value};
use vestibule_oauth::jose::strict_object;
use zeroize::{Zeroize, Zeroizing};

/// The members of a body.
pub struct Members(Map<String, Value>);

impl Members {
    /// Reads a body. What it holds besides what is asked for is passed over.
    pub fn read(body: &[u8]) -> Result<Members, Refusal> {
        let read = strict_object(body, 4).map(Members);
        read.ok_or_else(|| Refusal::saying(Code::ParameterInvalid, "the body must be one JSON object"))
    }

    /// A text that must be there.
    pub fn text(&mut self, name: &'static str) -> Result<Zeroizing<String>, Refusal> {
        match self.0.remove(name) {
            Some(Value::String(text)) => Ok(Zeroizing::new(text)),
            _ => {
                let sentence = format!("{name} is missing: send it in the body as text");
                Err(Refusal::saying(Code::ParameterInvalid, sentence))
            }
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        // Whatever was not asked for may hold a secret under another name.
        for (_, value) in self.0.iter_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm_119_a_body_is_one_object_and_what_is_asked_for_is_text() {
        let text = |body: &str| Members::read(body.as_bytes()).and_then(|mut members| members.text("name"));
        assert_eq!(text(r#"{"name":"a\nb","more":[1]}"#).map(|text| text.to_string()).ok().as_deref(), Some("a\nb"));
        for bad in ["", "[]", "name=a", r#"{"name":1}"#, r#"{"name":null}"#, "{}", r#"{"name":"a","name":"b"}"#] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }
}
