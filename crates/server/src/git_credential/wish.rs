//! What git asks of a credential helper, and what it is answered: lines of `key=value` (git-credential(1), "INPUT/OUTPUT FORMAT").
//!
//! Owns reading and spelling them, and that an answer is given only for the host that git goes to. Pure.

use serde_json::Value;
use std::fmt;
use vestibule_githost::address::Base;
use vestibule_oauth::secret::Secret;

/// Where git goes, and what it has.
pub struct Wish {
    /// Scheme, host and port, and the path if git told one.
    pub to: Base,
    /// The user name in the address, or the one that was refused.
    pub user: Option<String>,
    /// The password that was refused.
    pub password: Option<Secret>,
}

/// What git says once.
const KEYS: [&str; 5] = ["protocol", "host", "path", "username", "password"];

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to.as_str())
    }
}

impl Wish {
    /// Reads git's lines up to the first empty one. `None` for what no token of ours is for: another protocol than http, no
    /// host, or an address that cannot be read. Keys that are not known are passed over; one that is said twice is no word of
    /// git's, but of whoever got a line of theirs among them (CVE-2020-5260).
    pub fn read(input: &str) -> Option<Wish> {
        let mut said: [Option<&str>; 5] = [None; 5];
        for line in input.split('\n').take_while(|line| !line.is_empty()) {
            let (key, value) = line.split_once('=')?;
            if value.chars().any(char::is_control) {
                return None;
            }
            if let Some(at) = KEYS.iter().position(|known| *known == key)
                && said[at].replace(value).is_some()
            {
                return None;
            }
        }
        let [protocol, host, path, user, password] = said;
        let to = address(protocol?, host?, path.unwrap_or_default())?;
        Some(Wish { to, user: user.map(str::to_owned), password: password.map(Secret::new) })
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
        let is_there = Base::parse(web)
            .is_ok_and(|web| self.to.is_below(&web) || (self.to.path().is_empty() && self.to.same_origin(&web)));
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

/// The address that git named. `None` where it is no plain host and port, where only its reader makes the host into another
/// one (FM-111: who connects may read it differently), and where the path cannot be part of an address: without it the
/// answer would be for the whole host, and what else lies there may be somebody else's.
fn address(protocol: &str, host: &str, path: &str) -> Option<Base> {
    let base = Base::parse(&format!("{protocol}://{host}")).ok()?;
    let usual = if base.is_plain_http() { 80 } else { 443 };
    let with_port = format!("{}:{}", base.host(), base.port().unwrap_or(usual));
    if ![base.host(), &with_port].iter().any(|spelled| host.eq_ignore_ascii_case(spelled)) {
        return None;
    }
    // git tells the path decoded.
    match path.trim_start_matches('/') {
        "" => Some(base),
        path => Base::parse(base.at().segments(path).as_str()).ok().filter(|to| to.is_below(&base)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn to(input: &str) -> Option<String> {
        Wish::read(input).map(|wish| wish.to.as_str().to_owned())
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
        // A path that leaves its place, or is none, does not become the whole host.
        for path in ["a/../b", "..", "a/./b", "%2e%2e/a"] {
            let said = to(&format!("protocol=https\nhost=git.example\npath={path}\n"));
            assert!(said.as_deref() != Some("https://git.example"), "{path}: {said:?}");
        }
        assert_eq!(to(&format!("protocol=https\nhost=git.example\npath={}\n", "x/".repeat(300))), None);
        let odd = to("protocol=https\nhost=git.example\npath=other/x?y z#\u{e9}.git\n");
        assert_eq!(odd.as_deref(), Some("https://git.example/other/x%3Fy%20z%23%C3%A9.git"));
        // Said twice.
        let good = "protocol=https\nhost=git.example\npath=a\nusername=b\npassword=c\n";
        assert!(to(good).is_some());
        for key in KEYS {
            assert_eq!(to(&format!("{good}{key}=https\n")), None, "{key}");
        }
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
        // With a path, below the host's pages and nowhere else.
        let within = |path: &str| Wish::read(&format!("protocol=https\nhost=git.example\npath={path}\n")).unwrap();
        assert!(within("gitlab/team/app.git").answer(&given("https://git.example/gitlab", "abc")).is_ok());
        for path in ["gitlab-evil/app.git", "other/app.git", "gitlab%2Fx"] {
            assert!(within(path).answer(&given("https://git.example/gitlab", "abc")).is_err(), "{path}");
        }
        assert!(wish.answer(&given("https://git.example", "abc\nhost=evil")).is_err());
        assert!(wish.answer(&json!({})).is_err());
        let without_end =
            json!({ "username": "a", "password": "b", "repo_web": "https://git.example", "expires_at": null });
        assert_eq!(wish.answer(&without_end).unwrap().expose(), "username=a\npassword=b\n");
    }
}
