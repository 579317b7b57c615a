//! The address of a database, as an operator writes it.
//!
//! Owns which addresses are understood and the sentences for those that are not. Does not own connecting. Prints
//! without the password.

use crate::error::StoreError;
use std::fmt;
use std::path::PathBuf;

/// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
#[derive(Clone)]
pub enum StoreUrl {
    /// A file on a local disk.
    Sqlite(PathBuf),
    /// A PostgreSQL server, or one that speaks its protocol.
    Postgres(Box<tokio_postgres::Config>),
}

impl StoreUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// [`StoreError::Address`] with a sentence that says what is wrong; it never repeats the address, which may hold a
    /// password.
    pub fn parse(text: &str) -> Result<StoreUrl, StoreError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return sqlite_path(path).map(StoreUrl::Sqlite);
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return postgres_config(text).map(|config| StoreUrl::Postgres(Box::new(config)));
        }
        Err(address("the database's address must be sqlite:PATH or postgres://USER@HOST:PORT/DATABASE"))
    }

    /// The address without a password, for messages to an operator.
    pub fn describe(&self) -> String {
        match self {
            StoreUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            StoreUrl::Postgres(config) => {
                let host = config.get_hosts().first().map(|host| match host {
                    tokio_postgres::config::Host::Tcp(name) => name.clone(),
                    #[cfg(unix)]
                    tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
                });
                let port = config.get_ports().first().copied().unwrap_or(5432);
                let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
                format!("postgres://{}:{port}/{database}", host.unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

fn address(why: &str) -> StoreError {
    StoreError::Address(why.to_owned())
}

fn sqlite_path(path: &str) -> Result<PathBuf, StoreError> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path == ":memory:" || path.starts_with("file:") {
        return Err(address(
            "sqlite: must be followed by the path of a file, as in sqlite:/var/lib/vestibule/vestibule.db",
        ));
    }
    if path.contains('?') {
        return Err(address("sqlite:PATH takes no parameters after a question mark"));
    }
    Ok(PathBuf::from(path))
}

fn postgres_config(text: &str) -> Result<tokio_postgres::Config, StoreError> {
    const NO_TLS: &str = "this release cannot speak TLS to PostgreSQL: sslmode=require, verify-ca and verify-full are \
                          refused rather than ignored; reach the server over loopback, a private network or a tunnel, \
                          and leave sslmode out";
    let lower = text.to_ascii_lowercase();
    if lower.contains("sslmode=require") || lower.contains("sslmode=verify") {
        return Err(address(NO_TLS));
    }
    let config: tokio_postgres::Config =
        text.parse().map_err(|_| address("the PostgreSQL address cannot be read; it looks like postgres://USER:PASSWORD@HOST:PORT/DATABASE, with reserved characters percent-encoded"))?;
    // A percent-encoded spelling of the same wish.
    if config.get_ssl_mode() == tokio_postgres::config::SslMode::Require {
        return Err(address(NO_TLS));
    }
    if config.get_hosts().is_empty() {
        return Err(address("the PostgreSQL address names no host"));
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        StoreUrl::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn both_kinds_of_address_are_read() {
        assert_eq!(StoreUrl::parse("sqlite:/a/b.db").unwrap().describe(), "sqlite:/a/b.db");
        assert_eq!(StoreUrl::parse("sqlite:b.db").unwrap().describe(), "sqlite:b.db");
        let url = StoreUrl::parse("postgres://u:secret@db.internal:6000/vestibule").unwrap();
        assert_eq!(url.describe(), "postgres://db.internal:6000/vestibule");
        assert!(!format!("{url:?}").contains("secret"));
    }

    #[test]
    fn a_wish_for_tls_is_refused_and_never_ignored() {
        for mode in ["require", "verify-ca", "verify-full", "VERIFY-FULL", "%72equire"] {
            assert!(refusal(&format!("postgres://u@h/d?sslmode={mode}")).contains("TLS"), "{mode}");
        }
        assert!(StoreUrl::parse("postgres://u@h/d?sslmode=disable").is_ok());
    }

    #[test]
    fn a_wrong_address_is_answered_with_the_mend_and_without_the_password() {
        assert!(refusal("mysql://u:secret@h/d").contains("sqlite:PATH"));
        assert!(refusal("sqlite:").contains("path of a file"));
        assert!(refusal("sqlite::memory:").contains("path of a file"));
        assert!(!refusal("postgres://u:secret@h:port/d").contains("secret"));
    }
}
