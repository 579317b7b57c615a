//! A proxy of the network that the command line runs in (`HTTPS_PROXY`): asked for a tunnel (RFC 9110 section 9.3.6), inside
//! which TLS goes to the other side itself, so that the proxy sees a name and nothing else.
//!
//! Owns how it is named and asked. The server asks none: a proxy would resolve names for it, and decide where it goes (FM-88).

use super::Why;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

/// A proxy.
#[derive(Clone)]
pub struct Proxy {
    url: Url,
}

impl Proxy {
    /// Reads `http://[USER:PASSWORD@]HOST:PORT`, or the same without its scheme. What is said of one that cannot be read does
    /// not repeat it: it may hold a password.
    pub fn parse(text: &str) -> Result<Proxy, String> {
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&whole).ok().filter(|url| url.scheme() == "http" && url.host().is_some());
        url.map(|url| Proxy { url }).ok_or_else(|| "the proxy must be written as http://HOST:PORT".to_owned())
    }

    /// Where it is.
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Asks for a tunnel to the host of `url` over a connection to the proxy.
    pub async fn tunnel(&self, stream: &mut TcpStream, url: &Url) -> Result<(), Why> {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return Err(Why::Address) };
        let authorization = self.credentials().map(|pair| format!("Proxy-Authorization: Basic {pair}\r\n"));
        let authorization = authorization.unwrap_or_default();
        let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{authorization}\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|_| Why::Proxy)?;
        let mut head = Vec::with_capacity(256);
        // One byte at a time: what follows the empty line is the other side's.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= HEAD_BYTES {
                return Err(Why::Proxy);
            }
            head.push(stream.read_u8().await.map_err(|_| Why::Proxy)?);
        }
        let status = head.split(|byte| *byte == b' ').nth(1);
        if head.starts_with(b"HTTP/1.") && status == Some(b"200") { Ok(()) } else { Err(Why::Proxy) }
    }

    fn credentials(&self) -> Option<String> {
        if self.url.username().is_empty() && self.url.password().is_none() {
            return None;
        }
        let (user, password) = (decode(self.url.username()), decode(self.url.password().unwrap_or_default()));
        Some(STANDARD.encode(format!("{user}:{password}")))
    }
}

/// Decodes the percent-encoding of a part of an address; a plus sign and an ampersand are themselves.
fn decode(text: &str) -> String {
    let plain = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(plain.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

/// Whether `no_proxy` (names, with what lies below them; `*` for all) says that this host is called directly.
pub fn is_excepted(no_proxy: &str, host: &str) -> bool {
    let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
    no_proxy.split([',', ' ']).map(|name| name.trim_start_matches("*.").trim_start_matches('.')).any(|name| {
        let name = name.to_ascii_lowercase();
        let below = || host.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.'));
        !name.is_empty() && (name == "*" || host == name || below())
    })
}

/// How long the head of a proxy's answer may be.
const HEAD_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_credentials_are_read_and_never_repeated() {
        let read =
            |text| Proxy::parse(text).map(|proxy| (proxy.url.host_str().unwrap().to_owned(), proxy.credentials()));
        assert_eq!(read("proxy.internal:3128"), Ok(("proxy.internal".to_owned(), None)));
        let pair = STANDARD.encode("ada:p+ &=w%");
        assert_eq!(read("http://ada:p+%20&=w%25@proxy:3128/"), Ok(("proxy".to_owned(), Some(pair))));
        for wrong in ["https://ada:secret@proxy", "socks5://ada:secret@proxy", "", "http://"] {
            let said = read(wrong).unwrap_err();
            assert!(!said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn a_host_is_excepted_by_its_name_or_one_above_it() {
        for list in ["example.org", ".example.org", "*.example.org", "a.b, EXAMPLE.org", "*"] {
            assert!(is_excepted(list, "id.example.org"), "{list}");
        }
        for list in ["", "other.org", "ample.org", ",", "example.org.evil"] {
            assert!(!is_excepted(list, "id.example.org"), "{list}");
        }
        assert!(is_excepted("10.1.2.3,::1", "[::1]"));
    }
}
