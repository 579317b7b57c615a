//! What callers send to make a repository, a tag or a webhook.
//!
//! Owns the forms of the bodies, and which address a webhook may call.

use crate::api::git_calls::Members;
use crate::web::servicestage::{Code, Refusal};
use vestibule_githost::secret::Secret;

/// The body that makes a repository.
pub struct NamedBody {
    pub name: String,
}

impl NamedBody {
    pub fn read(body: &[u8]) -> Result<NamedBody, Refusal> {
        Ok(NamedBody { name: Members::read(body)?.text("name")?.to_string() })
    }
}

/// The body that makes a tag.
pub struct TagBody {
    pub name: String,
    pub description: String,
}

impl TagBody {
    pub fn read(body: &[u8]) -> Result<TagBody, Refusal> {
        let mut members = Members::read(body)?;
        Ok(TagBody { name: members.text("name")?.to_string(), description: members.text("description")?.to_string() })
    }
}

/// The body that makes a webhook.
pub struct HookBody {
    pub secret: Secret,
    pub url: String,
}

impl HookBody {
    pub fn read(body: &[u8]) -> Result<HookBody, Refusal> {
        let mut members = Members::read(body)?;
        let (secret, url) = (members.text("secret")?, members.text("url")?);
        let invalid = |sentence| Err(Refusal::saying(Code::ParameterInvalid, sentence));
        if secret.is_empty() || secret.len() > MOST_BYTES || secret.chars().any(char::is_control) {
            return invalid("secret must be a random string of at most 2048 bytes: payloads are verified with it");
        }
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        if !is_web || url.len() > MOST_BYTES || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return invalid("url must be an address that begins with https:// or http://, percent-encoded");
        }
        Ok(HookBody { secret: Secret::new(secret.as_str()), url: url.to_string() })
    }
}

/// The host of an address, and not what may be a secret of its receiver's: neither user and password nor the path.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// The longest address and secret of a webhook, in bytes.
const MOST_BYTES: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_needs_a_secret_and_an_address_of_the_web() {
        let read = |secret: &str, url: &str| {
            let body = serde_json::json!({ "secret": secret, "url": url }).to_string();
            HookBody::read(body.as_bytes())
        };
        assert!(read("s", "https://ci.example/hook?job=1").is_ok());
        let long = "x".repeat(MOST_BYTES);
        for (secret, url) in [
            ("", "https://ci.example"),
            ("a\nb", "https://ci.example"),
            ("s", "ci.example"),
            ("s", "file:///etc/passwd"),
            ("s", "https://ci.example/a b"),
            ("s", "https://ci.example/ü"),
            ("s", &format!("https://ci.example/{long}")),
            (&format!("{long}x"), "https://ci.example"),
        ] {
            assert!(read(secret, url).is_err(), "{secret:.9} {url:.40}");
        }
    }

    #[test]
    fn fm_107_of_a_webhooks_address_only_the_host_is_told() {
        for (url, host) in [
            ("https://ci.example/hook?token=secret", "ci.example"),
            ("https://user:secret@ci.example:8443#secret", "ci.example:8443"),
            ("https://ci.example?secret", "ci.example"),
            ("https://secret@ci.example\\secret", "ci.example"),
        ] {
            assert_eq!(host_of(url), host);
        }
    }
}
