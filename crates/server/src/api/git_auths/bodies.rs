//! What callers send to the credential store, read strictly: one JSON object, text members, bounded.
//!
//! Owns the forms of the bodies. Vendors' clients send them as `application/json`, with whatever charset, or with no type
//! at all, so the type is not asked for: a body is read as what it must be or refused. Names are judged by `broker`.

use crate::web::servicestage::{Code, Refusal};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use vestibule_oauth::jose::strict_object;
use vestibule_oauth::secret::Secret;
use zeroize::{Zeroize, Zeroizing};

/// The longest code, state or token, in bytes: what fits into a header of most servers.
const MOST_BYTES: usize = 4096;

/// The members of a body.
pub struct Members(Map<String, Value>);

impl Members {
    /// Reads a body. What it holds besides what is asked for is passed over.
    pub fn read(body: &[u8]) -> Result<Members, Refusal> {
        let read = strict_object(body, 4).map(Members);
        read.ok_or_else(|| Refusal::saying(Code::ParameterInvalid, "the body must be one JSON object"))
    }

    /// A text that must be there.
    fn text(&mut self, name: &'static str) -> Result<Zeroizing<String>, Refusal> {
        self.optional(name)?.ok_or_else(|| {
            Refusal::saying(Code::ParameterInvalid, format!("{name} is missing: send it in the body as text"))
        })
    }

    /// A text that may be left out, or sent as null or empty.
    fn optional(&mut self, name: &'static str) -> Result<Option<Zeroizing<String>>, Refusal> {
        let text = match self.0.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => Zeroizing::new(text),
            Some(_) => return refuse(format!("{name} must be text")),
        };
        if text.len() > MOST_BYTES || text.chars().any(char::is_control) {
            return refuse(format!("{name} is too long or has control characters"));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A token as it may stand in a header: visible ASCII.
    fn token(&mut self, name: &'static str) -> Result<Secret, Refusal> {
        let text = self.text(name)?;
        match text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Secret::new(text.as_str())),
            false => refuse(format!("{name} must be visible ASCII without spaces")),
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

fn refuse<T>(sentence: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::saying(Code::ParameterInvalid, sentence))
}

/// The body of `…/oauth`.
pub struct OauthBody {
    pub name: String,
    pub code: Secret,
    pub state: Secret,
}

impl OauthBody {
    pub fn read(body: &[u8]) -> Result<OauthBody, Refusal> {
        let mut members = Members::read(body)?;
        let name = members.text("name")?.to_string();
        Ok(OauthBody { name, code: members.token("code")?, state: members.token("state")? })
    }
}

/// The body of `…/personal`.
pub struct PersonalBody {
    pub name: String,
    pub token: Secret,
    pub host: Option<String>,
}

impl PersonalBody {
    pub fn read(body: &[u8]) -> Result<PersonalBody, Refusal> {
        let mut members = Members::read(body)?;
        let (name, token) = (members.text("name")?.to_string(), members.token("token")?);
        Ok(PersonalBody { name, token, host: members.optional("host")?.map(|host| host.to_string()) })
    }
}

/// The body of `…/password`, in either of its forms: `user` and `password`, or both in `token` as one client has it.
pub struct PasswordBody {
    pub name: String,
    pub user: String,
    pub password: Secret,
}

impl PasswordBody {
    pub fn read(body: &[u8]) -> Result<PasswordBody, Refusal> {
        let mut members = Members::read(body)?;
        let name = members.text("name")?.to_string();
        let (user, password) = (members.optional("user")?, members.optional("password")?);
        match (user, password, members.optional("token")?) {
            (Some(user), Some(password), None) => {
                Ok(PasswordBody { name, user: user.to_string(), password: Secret::new(password.as_str()) })
            }
            (None, None, Some(token)) => {
                let (user, password) = pair(&token)
                    .ok_or_else(|| Refusal::saying(Code::ParameterInvalid, "token must be base64(user:password)"))?;
                Ok(PasswordBody { name, user, password })
            }
            _ => refuse("send user and password, or token with base64(user:password)"),
        }
    }
}

fn pair(token: &str) -> Option<(String, Secret)> {
    let bytes = Zeroizing::new(STANDARD.decode(token).ok()?);
    let (user, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
    let fits = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    (fits(user) && fits(password)).then(|| (user.to_owned(), Secret::new(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_password_are_read_and_no_mixture_of_them() {
        let token = STANDARD.encode("ada:pass:word");
        for body in [
            r#"{"name":"auth1","user":"ada","password":"pass:word"}"#.to_owned(),
            format!(r#"{{"name":"auth1","token":"{token}"}}"#),
            format!(r#"{{"name":"auth1","token":"{token}","user":"","password":null}}"#),
        ] {
            let read = PasswordBody::read(body.as_bytes()).unwrap_or_else(|_| panic!("is read"));
            assert_eq!((read.name.as_str(), read.user.as_str()), ("auth1", "ada"));
            assert_eq!(read.password.expose(), "pass:word");
        }
        for body in [
            format!(r#"{{"name":"auth1","token":"{token}","user":"ada","password":"x"}}"#),
            format!(r#"{{"name":"auth1","token":"{token}","user":"ada"}}"#),
            r#"{"name":"auth1","user":"ada"}"#.to_owned(),
            r#"{"name":"auth1"}"#.to_owned(),
            r#"{"name":"auth1","token":"not base64"}"#.to_owned(),
            format!(r#"{{"name":"auth1","token":"{}"}}"#, STANDARD.encode("ada")),
            format!(r#"{{"name":"auth1","token":"{}"}}"#, STANDARD.encode(":x")),
            format!(r#"{{"name":"auth1","token":"{}"}}"#, STANDARD.encode("ada:x\ny")),
        ] {
            assert!(PasswordBody::read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn fm_119_a_body_is_one_object_of_bounded_texts() {
        let good = OauthBody::read(br#"{"name":"auth1","code":"c","state":"s","more":{"a":[1]}}"#);
        assert!(good.is_ok());
        let long = "x".repeat(MOST_BYTES + 1);
        for body in [
            String::new(),
            "[]".to_owned(),
            "null".to_owned(),
            "name=auth1&code=c&state=s".to_owned(),
            r#"{"name":"auth1","code":"c"}"#.to_owned(),
            r#"{"name":"auth1","code":"c","state":7}"#.to_owned(),
            r#"{"name":"auth1","code":"c","code":"d","state":"s"}"#.to_owned(),
            r#"{"name":"auth1","code":"c\n","state":"s"}"#.to_owned(),
            r#"{"name":"auth1","code":"c d","state":"s"}"#.to_owned(),
            r#"{"name":"auth1","code":"ü","state":"s"}"#.to_owned(),
            format!(r#"{{"name":"auth1","code":"{long}","state":"s"}}"#),
            r#"{"name":"auth1","code":"c","state":"s","deep":{"a":{"b":{"c":{"d":1}}}}}"#.to_owned(),
        ] {
            assert!(OauthBody::read(body.as_bytes()).is_err(), "{body:.60}");
        }
    }

    #[test]
    fn a_host_may_be_left_out() {
        let host = |body: &str| PersonalBody::read(body.as_bytes()).unwrap_or_else(|_| panic!("is read")).host;
        assert_eq!(host(r#"{"name":"auth1","token":"t"}"#), None);
        assert_eq!(host(r#"{"name":"auth1","token":"t","host":""}"#), None);
        assert_eq!(
            host(r#"{"name":"auth1","token":"t","host":"https://github.com/ada"}"#).unwrap(),
            "https://github.com/ada"
        );
    }
}
