//! The hosts inside the house that an administrator allowed (`--allow-private-host`).
//!
//! Owns how the setting is written and what it allows: by the name that stands in the address, never by what a name
//! resolves to, so that a stranger's name that leads to an allowed machine stays forbidden.

use url::{Host, Url};

/// One allowed host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    host: Host<String>,
    /// `None` stands for the port of the address's own scheme.
    port: Option<u16>,
}

impl AllowedHost {
    /// Reads `HOST` or `HOST:PORT`; an IPv6 address stands in brackets.
    pub fn parse(text: &str) -> Result<AllowedHost, String> {
        let wrong =
            || format!("--allow-private-host {text:?}: write HOST or HOST:PORT, such as git.example.internal:8443");
        // Read as part of an address, so that every spelling of a host becomes the one that addresses are compared in.
        // With a scheme that has no port of its own the port is kept whatever it is.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(wrong)).transpose()?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"/?#@\\*".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(wrong());
        }
        let url = Url::parse(&format!("https://{host}/")).map_err(|_| wrong())?;
        match (url.host(), url.port()) {
            (Some(host), None) => Ok(AllowedHost { host: host.to_owned(), port }),
            _ => Err(wrong()),
        }
    }

    /// Whether it allows this address's host and port.
    pub fn allows(&self, url: &Url) -> bool {
        let host = url.host().is_some_and(|host| host.to_owned() == self.host);
        host && self.port.map_or_else(|| url.port().is_none(), |port| url.port_or_known_default() == Some(port))
    }

    /// Its one spelling.
    pub fn spell(&self) -> String {
        self.port.map_or_else(|| self.host.to_string(), |port| format!("{}:{port}", self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(setting: &str, url: &str) -> bool {
        AllowedHost::parse(setting).unwrap().allows(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_host_without_a_port_is_allowed_at_its_schemes_own() {
        assert!(allows("git.internal", "https://git.internal/x"));
        assert!(allows("git.internal", "http://GIT.internal/x"));
        assert!(!allows("git.internal", "https://git.internal:8443/x"));
        assert!(!allows("git.internal", "https://a.git.internal/"));
        assert!(!allows("git.internal", "https://git.internal.evil.example/"));
        assert!(allows("git.internal:443", "https://git.internal/"));
        assert!(!allows("git.internal:443", "http://git.internal/"));
        assert!(allows("10.1.2.3:8080", "http://0x0a.1.2.3:8080/"));
        assert!(allows("[::1]:8080", "http://[0:0::1]:8080/"));
        assert!(allows("[::1]", "http://[::1]/"));
        assert!(!allows("10.1.2.3", "http://internal.example/"), "a name is not what it resolves to");
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for wrong in ["", ":80", "a:0", "a:x", "a/b", "https://a", "u@a", "a:1:2", "a b", "[::1", "a:99999", "*"] {
            assert!(AllowedHost::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(AllowedHost::parse("GIT.internal:8443").unwrap().spell(), "git.internal:8443");
    }
}
