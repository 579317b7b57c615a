//! Which stored authorization a program means that is about to speak to a Git host: by its name, by where it goes, or both.
//!
//! Owns the choice, and that a token is handed out only for the host that it is for: whoever says where it goes is told no
//! token of another host, whatever name it asks by. Pure: the rows are given.

use crate::web::servicestage::{Code, Refusal};
use serde_json::{Map, Value};
use vestibule_githost::address::Base;
use vestibule_store::git_authorizations::GitAuthorization;

/// What a body asks for.
#[derive(Debug)]
pub struct Asked {
    /// The authorization's name. One that no authorization can have is looked for in vain.
    pub name: Option<String>,
    /// Where the program goes: scheme, host, and what is known of the path.
    pub to: Option<Base>,
    /// The user name that stands in the address.
    user: Option<String>,
}

impl Asked {
    /// Reads the members of a body.
    pub fn read(body: &Map<String, Value>) -> Result<Asked, Refusal> {
        let text = |name: &str| match body.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.len() <= LONGEST && !text.chars().any(char::is_control) => {
                Ok(Some(text.clone()))
            }
            Some(_) => Err(wrong_body()),
        };
        let (name, url, user) = (text("authorization")?, text("url")?, text("username")?);
        let unread = |why| Refusal::saying(Code::CloneUrlInvalid, format!("url: {why}"));
        let to = url.map(|url| Base::parse(&url).map_err(unread)).transpose()?;
        match (&name, &to) {
            (None, None) => Err(wrong_body()),
            _ => Ok(Asked { name, to, user }),
        }
    }

    /// Whether an authorization at the host whose pages begin at `web` is good for where the program goes.
    pub fn fits(&self, web: &str) -> bool {
        let Some(to) = &self.to else { return true };
        // Git leaves the path out unless `credential.useHttpPath` is set; the host alone has to do then.
        Base::parse(web).is_ok_and(|web| to.is_below(&web) || (to.path().is_empty() && to.same_origin(&web)))
    }

    /// Whether none of the hosts that serve the project is nearer to where the program goes: one may lie below another's pages.
    pub fn fits_best<'a>(&self, web: &str, hosts: impl Iterator<Item = &'a str>) -> bool {
        let length = |web: &str| Base::parse(web).map_or(0, |web| web.path().len());
        let is_told = self.to.as_ref().is_some_and(|to| !to.path().is_empty());
        let nearest = hosts.filter(|host| is_told && self.fits(host)).map(length).max();
        self.fits(web) && nearest.is_none_or(|nearest| length(web) >= nearest)
    }

    /// The one that is meant among those that fit, when no name was said.
    pub fn choose(&self, mut rows: Vec<GitAuthorization>, now: i64) -> Result<GitAuthorization, Refusal> {
        let is_login = |row: &GitAuthorization, name: &str| row.account.login.eq_ignore_ascii_case(name);
        if let Some(user) = &self.user {
            narrow(&mut rows, |row| is_login(row, user));
        }
        narrow(&mut rows, |row| self.namespace(&row.web).is_some_and(|name| is_login(row, name)));
        narrow(&mut rows, |row| row.standing(now).reason.is_none());
        match rows.len() {
            0 => Err(Refusal::saying(Code::CloneUrlInvalid, "the project has no authorization at this host")),
            1 => Ok(rows.swap_remove(0)),
            _ => {
                let names: Vec<&str> = rows.iter().take(MOST_NAMED).map(|row| row.name.as_str()).collect();
                let more = if rows.len() > MOST_NAMED { " and more" } else { "" };
                let sentence =
                    format!("several authorizations are good for this; name one of {}{more}", names.join(", "));
                Err(Refusal::saying(Code::ParameterInvalid, sentence))
            }
        }
    }

    /// The first segment below the host's pages: whose repository it is.
    fn namespace(&self, web: &str) -> Option<&str> {
        let web = Base::parse(web).ok()?;
        let rest = self.to.as_ref()?.path().strip_prefix(web.path())?.strip_prefix('/')?;
        rest.split('/').next().filter(|name| !name.is_empty())
    }
}

/// Keeps those that fit better, if any do.
fn narrow(rows: &mut Vec<GitAuthorization>, better: impl Fn(&GitAuthorization) -> bool) {
    if rows.iter().any(&better) {
        rows.retain(better);
    }
}

/// A program that says where it goes gets no token of another host, by whatever name it asks.
pub fn elsewhere() -> Refusal {
    Refusal::saying(Code::CloneUrlInvalid, "the authorization is for another host")
}

/// What a body must be.
pub fn wrong_body() -> Refusal {
    let sentence = "the body must be {\"authorization\": \"NAME\"}, {\"url\": \"https://HOST/PATH\"}, or both";
    Refusal::saying(Code::ParameterInvalid, sentence)
}

/// What names a refused token must be.
pub fn wrong_digest() -> Refusal {
    let sentence = "digest must be the SHA-256 of the refused token, in base64url without padding";
    Refusal::saying(Code::ParameterInvalid, sentence)
}

/// The longest text in a body, in bytes.
const LONGEST: usize = 2048;
/// How many are named to whoever has to choose.
const MOST_NAMED: usize = 10;
