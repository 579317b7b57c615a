//! Settings: from flags and their environment twins to values that can be relied on.
//!
//! Owns where data lies, which database is meant, and what a public URL may look like. The flags themselves are
//! `cli`'s; the database's address is read by the store.

use crate::accept::Caps;
use crate::cli::{Globals, Serve};
use crate::clock::Clock;
use crate::keys::Terms;
use crate::outbound::allowed::AllowedHost;
use crate::outbound::proxy::{self, Proxy};
use crate::seal::KeySource;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vestibule_oauth::secret::Secret;
use vestibule_store::{Options, Role, Store, StoreUrl};

/// The settings of a running server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: String,
    /// The public URL, if one was set: an origin, without a slash at the end.
    pub public_url: Option<String>,
    /// Whether stdout speaks JSON.
    pub json: bool,
    /// How many connections may be open.
    pub caps: Caps,
    /// Sign-ins that one address may begin in a minute.
    pub pending_per_minute: u32,
    /// Authorization requests stored for one application in a minute.
    pub pending_per_application: u32,
    /// Failures that one network may make in fifteen minutes before it waits.
    pub guess_free: u32,
    /// How long the key set may be kept, and how long a key signs.
    pub key_terms: Terms,
    /// How long to go on taking connections after `/readyz` has begun to say no.
    pub drain_grace: Duration,
    /// Hosts inside the house that may be called.
    pub private_hosts: Vec<AllowedHost>,
    /// Files of certificates that are trusted besides the machine's.
    pub extra_ca: Vec<PathBuf>,
}

impl Settings {
    /// Judges the flags of `serve`.
    pub fn of(globals: &Globals, flags: &Serve) -> Result<Settings, String> {
        let all = flags.max_connections.min(open_files().saturating_sub(FILES_FOR_OURSELVES)).max(16);
        Ok(Settings {
            listen: flags.listen.clone(),
            public_url: flags.public_url.as_deref().map(public_url).transpose()?,
            json: globals.json,
            caps: Caps { all, per_address: flags.max_connections_per_address.max(1) },
            pending_per_minute: flags.pending_per_minute,
            pending_per_application: flags.pending_per_application,
            guess_free: flags.guess_free,
            key_terms: key_terms(flags),
            drain_grace: Duration::from_secs(flags.drain_grace),
            private_hosts: private_hosts(&flags.allow_private_host)?,
            extra_ca: flags.extra_ca.clone(),
        })
    }
}

/// Reads the hosts that may be called; an empty word in the variable's list says nothing.
fn private_hosts(texts: &[String]) -> Result<Vec<AllowedHost>, String> {
    texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).map(AllowedHost::parse).collect()
}

/// Files that the process opens besides connections: the database, its log, the readers, the standard streams.
const FILES_FOR_OURSELVES: usize = 128;

/// How many files this process may open. A cap above that would be none: connections would be refused by the kernel,
/// and the database could not be opened.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(usize::MAX)
}

/// Reads a public URL: `https://host[:port]`, or `http` for loopback and for houses behind their own walls.
///
/// It is the issuer that clients compare byte by byte (RFC 9207), so it is brought to its one spelling here.
pub fn public_url(text: &str) -> Result<String, String> {
    let wrong = |why: &str| Err(format!("the public URL {why}; write it as https://sign-in.example.com"));
    let Ok(url) = url::Url::parse(text) else { return wrong("cannot be read") };
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return wrong("must begin with https:// (or http://) and name a host");
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return wrong("may have no path, query or fragment: the server answers at the root of its host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("may hold no user name or password");
    }
    Ok(url.origin().ascii_serialization())
}

/// The issuer: the public URL, or the bound address when none was set. Listening everywhere is no address that anybody
/// could be told, so then one must be set.
pub fn issuer(public_url: Option<&str>, bound: SocketAddr) -> Result<String, String> {
    match public_url {
        Some(url) => Ok(url.to_owned()),
        None if bound.ip().is_unspecified() => Err(format!(
            "listening on {bound} needs --public-url: the address at which people and applications reach this server, \
             such as https://sign-in.example.com"
        )),
        None => Ok(url_of(bound)),
    }
}

/// How the bound address is opened on this machine.
pub fn url_of(bound: SocketAddr) -> String {
    let mut address = bound;
    if address.ip().is_unspecified() {
        // Listening everywhere is no address that a browser can open.
        let loopback = if bound.is_ipv4() { [127, 0, 0, 1].into() } else { std::net::Ipv6Addr::LOCALHOST.into() };
        address.set_ip(loopback);
    }
    format!("http://{address}")
}

/// The data directory: the flag's, or the one that the XDG base directory specification names.
#[allow(clippy::disallowed_methods, reason = "the two variables are those of the specification")]
pub fn data_dir(globals: &Globals) -> Result<PathBuf, String> {
    if let Some(dir) = &globals.data_dir {
        return Ok(dir.clone());
    }
    let absolute = |name| std::env::var(name).ok().map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("vestibule"))
        .ok_or_else(|| "there is no home directory; name a place with --data-dir".to_owned())
}

/// The directory of a person's settings, after the same specification.
#[allow(clippy::disallowed_methods, reason = "the two variables are those of the specification")]
pub fn config_dir() -> Result<PathBuf, String> {
    let absolute = |name| std::env::var(name).ok().map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .map(|base| base.join("vestibule"))
        .ok_or_else(|| "there is no home directory; name the file with --secret-file".to_owned())
}

/// The proxy by which the command line goes to `host` by https, if one is set for it.
#[allow(clippy::disallowed_methods, reason = "the variables that every program of the network reads; there is no flag")]
pub fn proxy_to(host: &str) -> Result<Option<Proxy>, String> {
    let first =
        |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok().filter(|text| !text.is_empty()));
    match first(["https_proxy", "HTTPS_PROXY"]) {
        Some(proxy) if !proxy::is_excepted(&first(["no_proxy", "NO_PROXY"]).unwrap_or_default(), host) => {
            Proxy::parse(&proxy).map(Some)
        }
        _ => Ok(None),
    }
}

/// Makes the data directory, readable by its owner only.
pub fn make_private(dir: &Path) -> Result<(), String> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| format!("the data directory {} cannot be made: {error}", dir.display()))
}

/// Which database is meant, and the directory that must exist for it (none for PostgreSQL).
pub fn database(globals: &Globals) -> Result<(StoreUrl, Option<PathBuf>), String> {
    if globals.database_url.is_none() && globals.database_url_file.is_none() {
        let dir = data_dir(globals)?;
        let file = dir.join("vestibule.db");
        return Ok((StoreUrl::Sqlite(file), Some(dir)));
    }
    StoreUrl::parse(&database_text(globals)?).map(|url| (url, None)).map_err(|error| error.to_string())
}

/// The database's address as the operator wrote it, in the flag or in the file that the other flag names.
pub fn database_text(globals: &Globals) -> Result<String, String> {
    match (&globals.database_url, &globals.database_url_file) {
        (Some(url), _) => Ok(url.clone()),
        (None, Some(file)) => {
            let text = std::fs::read_to_string(file);
            Ok(text.map_err(|error| format!("{} cannot be read: {error}", file.display()))?.trim_end().to_owned())
        }
        (None, None) => Err("no database was named; --database-url names one".to_owned()),
    }
}

/// Where the key-encryption key of the database at `url` is. An `Err` says how to make one and how to give it.
#[allow(clippy::disallowed_methods, reason = "a secret that no flag may carry: others see a command line")]
pub fn key_source(globals: &Globals, url: &StoreUrl) -> Result<KeySource, String> {
    let given = std::env::var("VESTIBULE_KEY").ok().filter(|text| !text.is_empty());
    match (&globals.key_file, given, url) {
        (Some(_), Some(_), _) => {
            Err("the key-encryption key is given twice: leave out VESTIBULE_KEY or --key-file".to_owned())
        }
        (Some(file), None, _) => Ok(KeySource::File(file.clone())),
        (None, Some(text), _) => Ok(KeySource::Environment(Secret::new(text))),
        // The one directory that is ours. A database elsewhere keeps its key beside it.
        (None, None, StoreUrl::Sqlite(database)) => {
            let directory = globals.data_dir.as_deref().or(database.parent()).unwrap_or(Path::new("."));
            Ok(KeySource::Own(directory.join("key")))
        }
        (None, None, StoreUrl::Postgres(_)) => {
            Err("a server on PostgreSQL must be given the key-encryption key: make \
             one with `(umask 077; vestibule keys new > vestibule.key)`, give it to every server with --key-file \
             vestibule.key (or in VESTIBULE_KEY), and keep a copy: without it, what is sealed in the database is lost"
                .to_owned())
        }
    }
}

fn key_terms(flags: &Serve) -> Terms {
    let day = 86_400_000;
    let replaced_after_ms = (flags.rotate_keys_after > 0).then(|| i64::from(flags.rotate_keys_after) * day);
    Terms { max_age_s: flags.keys_max_age, replaced_after_ms }
}

/// Opens the store as a server: brings its schema up to date.
pub async fn open_as_server(url: &StoreUrl, now: i64) -> Result<Store, String> {
    open(url, Role::Server, now).await
}

/// Opens the store as a command beside a running server.
pub async fn open_as_node(globals: &Globals) -> Result<Store, String> {
    let (url, _) = database(globals)?;
    open(&url, Role::Node, Clock::system().now()).await
}

async fn open(url: &StoreUrl, role: Role, now: i64) -> Result<Store, String> {
    let options = Options::new(role, node(), now);
    Store::open(url, role, options).await.map_err(|error| format!("{}: {error}", url.describe()))
}

/// The name by which audit rows know this machine.
fn node() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "node".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_an_origin_in_one_spelling() {
        for (given, read) in [
            ("https://sign-in.example.com", "https://sign-in.example.com"),
            ("https://Sign-In.Example.com:443/", "https://sign-in.example.com"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
        ] {
            assert_eq!(public_url(given).as_deref(), Ok(read));
        }
        for bad in [
            "",
            "sign-in.example.com",
            "ftp://a",
            "https://a/path",
            "https://a?x",
            "https://a#x",
            "https://u@a",
            "https://u:p@a",
        ] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn who_listens_everywhere_must_say_how_they_are_reached() {
        for everywhere in ["0.0.0.0:8080", "[::]:8080"] {
            let bound = everywhere.parse().unwrap();
            assert!(issuer(None, bound).unwrap_err().contains("--public-url"), "{everywhere}");
            assert_eq!(issuer(Some("https://a.example"), bound).as_deref(), Ok("https://a.example"));
        }
        assert_eq!(issuer(None, "127.0.0.1:80".parse().unwrap()).as_deref(), Ok("http://127.0.0.1:80"));
    }

    #[test]
    fn listening_everywhere_is_opened_at_loopback() {
        assert_eq!(url_of("0.0.0.0:80".parse().unwrap()), "http://127.0.0.1:80");
        assert_eq!(url_of("[::]:8080".parse().unwrap()), "http://[::1]:8080");
        assert_eq!(url_of("192.0.2.1:8080".parse().unwrap()), "http://192.0.2.1:8080");
    }
}
