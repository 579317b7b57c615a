//! TLS towards other machines: rustls over the one cryptographic provider, with the roots that this machine trusts.
//!
//! Owns which roots are trusted. They are read when the first connection needs them, so that a server that calls
//! nobody neither waits for them nor keeps them.

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

/// Makes TLS connections.
pub struct Tls {
    /// Certificates of houses with an authority of their own.
    extra: Vec<PathBuf>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    /// Trusts the machine's roots, and those in the files `extra` (PEM).
    pub fn new(extra: Vec<PathBuf>) -> Tls {
        Tls { extra, config: OnceCell::new() }
    }

    /// Reads the files that were named, so that a wrong one is known at the start and not at the first call.
    pub fn try_extra(&self) -> Result<(), String> {
        self.extra.iter().try_for_each(|file| read(file).map(drop))
    }

    /// Shakes hands with the host of `url` over `stream`.
    pub async fn connect(&self, url: &Url, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = self.config.get_or_try_init(|| self.load()).await?;
        let name = match url.host() {
            Some(Host::Domain(name)) => ServerName::try_from(name.trim_end_matches('.').to_owned()),
            Some(Host::Ipv4(address)) => Ok(ServerName::from(std::net::IpAddr::V4(address))),
            Some(Host::Ipv6(address)) => Ok(ServerName::from(std::net::IpAddr::V6(address))),
            None => ServerName::try_from(String::new()),
        };
        let name = name.map_err(io::Error::other)?;
        TlsConnector::from(config.clone()).connect(name, stream).await
    }

    async fn load(&self) -> io::Result<Arc<ClientConfig>> {
        let extra = self.extra.clone();
        let roots = tokio::task::spawn_blocking(move || {
            let mut roots = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "some of this machine's certificates cannot be read");
            }
            roots.add_parsable_certificates(found.certs);
            for file in &extra {
                roots.add_parsable_certificates(read(file).map_err(io::Error::other)?);
            }
            io::Result::Ok(roots)
        });
        let roots = roots.await.map_err(io::Error::other)??;
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

fn read(file: &PathBuf) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |why: String| format!("--extra-ca {}: {why}", file.display());
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = certificates.collect();
    let certificates = certificates.map_err(|error| wrong(error.to_string()))?;
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it; write them in PEM".to_owned()));
    }
    Ok(certificates)
}
