//! What git asks of a credential helper, and what it is answered: lines of `key=value` (git-credential(1), "INPUT/OUTPUT FORMAT").
//!
//! Owns reading and spelling them, and that an answer is given only for the host that git goes to. Pure.

use serde_json::Value;
use std::fmt;
use vestibule_githost::address::Base;
use vestibule_oauth::secret::Secret;

/// Where git goes, and what it has.
pub struct Wish {
    protocol: String,
    host: String,
    path: String,
    /// The user name in the address, or the one that was refused.
    pub user: Option<String>,
    /// The password that was refused.
    pub password: Option<Secret>,
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/{}", self.protocol, self.host, self.path)
    }
}

impl Wish {
    /// Reads git's lines up to the first empty one. `None` for what no token of ours is for: another protocol than http, or
    /// no host. Keys that are not known are passed over.
    pub fn read(input: &str) -> Option<Wish> {
        let (mut protocol, mut host, mut path) = (String::new(), String::new(), String::new());
        let (mut user, mut password) = (None, None);
        for line in input.split('\n').take_while(|line| !line.is_empty()) {
            let (key, value) = line.split_once('=')?;
            if value.chars().any(char::is_control) {
                return None;
            }
            match key {
                "protocol" => value.clone_into(&mut protocol),
                "host" => value.clone_into(&mut host),
                "path" => value.clone_into(&mut path),
                "username" => user = Some(value.to_owned()),
                "password" => password = Some(Secret::new(value)),
                _ => {}
            }
        }
        let wish = Wish { protocol, host, path, user, password };
        let goes = matches!(wish.protocol.as_str(), "https" | "http") && !wish.host.is_empty();
        (goes && wish.to().is_some()).then_some(wish)
    }

    /// Where git goes, as an address. A host that holds more than a host and a port gives none, and so does one that only
    /// its reader makes into another (FM-111): who connects may read it differently.
    pub fn to(&self) -> Option<Base> {
        let host = Base::parse(&format!("{}://{}", self.protocol, self.host)).ok()?;
        let usual = if host.is_plain_http() { 80 } else { 443 };
        let (named, with_port) = (host.host(), format!("{}:{}", host.host(), host.port().unwrap_or(usual)));
        if ![named, &with_port].iter().any(|spelled| self.host.eq_ignore_ascii_case(spelled)) {
            return None;
        }
        // A path that cannot be part of an address is left out: it only helps to choose.
        let path = self.path.trim_start_matches('/');
        let whole = Base::parse(&format!("{}/{path}", host.as_str())).ok().filter(|whole| whole.is_below(&host));
        host.path().is_empty().then(|| whole.unwrap_or(host))
    }

    /// What git is answered with what the server gave. A token that is not for where git goes is never spelled: a server
    /// that does not know the member `url` would give one all the same.
    pub fn answer(&self, given: &Value) -> Result<Secret, String> {
        let text = |name: &str| {
            let text = given.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty() && !text.chars().any(char::is_control))
        };
        let (Some(user), Some(password), Some(web)) = (text("username"), text("password"), text("repo_web")) else {
            return Err("the server's answer is not one that this version understands".to_owned());
        };
        let is_there = Base::parse(web).ok().zip(self.to()).is_some_and(|(web, to)| web.same_origin(&to));
        if !is_there {
            return Err("the server gave a token of another host, which is not used".to_owned());
        }
        let mut lines = format!("username={user}\npassword={password}\n");
        if let Some(end) = given.get("expires_at").and_then(Value::as_i64) {
            lines.push_str(&format!("password_expiry_utc={}\n", end.div_euclid(1000)));
        }
        Ok(Secret::new(lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn to(input: &str) -> Option<String> {
        Wish::read(input).map(|wish| wish.to().unwrap().as_str().to_owned())
    }

    #[test]
    fn git_is_understood_with_what_it_adds_in_time() {
        let said = "capability[]=authtype\ncapability[]=state\nprotocol=https\nhost=git.example:8443\npath=acme/app.git\n\
                    wwwauth[]=Basic realm=\"x\"\nnew=thing\n\npassword=not read\n";
        assert_eq!(to(said).as_deref(), Some("https://git.example:8443/acme/app.git"));
        assert!(Wish::read(said).unwrap().password.is_none());
        assert_eq!(to("protocol=https\nhost=git.example\n").as_deref(), Some("https://git.example"));
    }

    #[test]
    fn fm_111_what_is_no_http_and_no_plain_host_is_passed_over() {
        for input in [
            "",
            "protocol=https\n",
            "host=git.example\n",
            "protocol=ssh\nhost=git.example\n",
            "protocol=cert\npath=/x\n",
            "protocol=https\nhost=git.example/path\n",
            "protocol=https\nhost=ada@git.example\n",
            "protocol=https\nhost=git.example?x\n",
            "protocol=https\nhost=git.example\r\n",
            "protocol=https\nhost=git example\n",
            "protocol=https\nhost=git.example\nhost=\u{0}\n",
            "protocol=https\nhost=\u{ff47}it.example\n",
            "protocol=https\nhost=git%2eexample\n",
            "protocol=https\nhost=0x7f.1\n",
            "protocol=https\nhost=git.example\t:443\n",
            "protocol=https\nhost=git.example:\n",
            "protocol=https\nhost=git.example\\@evil\n",
            "nonsense\nprotocol=https\nhost=git.example\n",
        ] {
            assert_eq!(to(input), None, "{input:?}");
        }
        assert_eq!(to("protocol=https\nhost=GIT.example:443\n").as_deref(), Some("https://git.example"));
        assert_eq!(to("protocol=http\nhost=[::1]:80\n").as_deref(), Some("http://[::1]"));
        // A path that leaves its place chooses nothing.
        assert_eq!(to("protocol=https\nhost=git.example\npath=a/../b\n").as_deref(), Some("https://git.example"));
        assert_eq!(to("protocol=https\nhost=git.example\npath=a?b#c\n").as_deref(), Some("https://git.example"));
    }

    #[test]
    fn fm_111_fm_127_an_answer_is_spelled_only_for_the_host_that_git_goes_to_and_holds_no_line_of_its_own() {
        let given = |web: &str, password: &str| json!({ "username": "oauth2", "password": password, "repo_web": web, "expires_at": 1_700_000_000_999_i64 });
        let wish = Wish::read("protocol=https\nhost=git.example\n").unwrap();
        let answer = wish.answer(&given("https://git.example/gitlab", "abc")).unwrap();
        assert_eq!(answer.expose(), "username=oauth2\npassword=abc\npassword_expiry_utc=1700000000\n");
        for web in ["http://git.example", "https://git.example:8443", "https://git.example.evil", "https://evil"] {
            assert!(wish.answer(&given(web, "abc")).unwrap_err().contains("another host"), "{web}");
        }
        assert!(wish.answer(&given("https://git.example", "abc\nhost=evil")).is_err());
        assert!(wish.answer(&json!({})).is_err());
        let without_end =
            json!({ "username": "a", "password": "b", "repo_web": "https://git.example", "expires_at": null });
        assert_eq!(wish.answer(&without_end).unwrap().expose(), "username=a\npassword=b\n");
    }
}
