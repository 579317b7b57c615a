//! Which certificates count: a machine that speaks TLS by an authority of its own.

use super::*;
use rustls::pki_types::pem::PemObject;

/// A machine that speaks TLS with a certificate for localhost by an authority of its own.
async fn tls_machine() -> u16 {
    let certificates = vec![
        rustls::pki_types::CertificateDer::from_pem_slice(include_bytes!("../../../tests/tls/localhost.pem")).unwrap(),
    ];
    let key =
        rustls::pki_types::PrivateKeyDer::from_pem_slice(include_bytes!("../../../tests/tls/localhost.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(&answer("200 OK", "", "hello")).await;
                    let _ = stream.shutdown().await;
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn st_129_a_certificate_counts_only_by_an_authority_that_is_trusted_and_for_the_name_that_was_called() {
    let port = tls_machine().await;
    let allowed = [format!("localhost:{port}"), format!("other.internal:{port}")];
    let authority = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/ca.pem"));
    let url = format!("https://localhost:{port}/");
    let strict = open(&[&allowed[0]]);
    assert_eq!(strict.send(get(url.as_str())).await.unwrap_err(), Failure::Definite(Why::Tls));
    let hosts = allow(&[&allowed[0], &allowed[1]]);
    let resolver = |address: &str| {
        let answers = vec![vec![address.parse().unwrap()]];
        Box::new(Liar { answers, asked: Arc::default() })
    };
    let out = Outbound::resolving_by(resolver("127.0.0.1"), hosts, Tls::new(vec![authority]));
    let reply = out.send(get(url)).await.unwrap();
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"hello".as_slice()));
    let other = out.send(get(format!("https://other.internal:{port}/"))).await.unwrap_err();
    assert_eq!(other, Failure::Definite(Why::Tls), "a certificate for another name was taken");
    let none = Outbound::new(Vec::new(), vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))]);
    assert!(none.is_err(), "a file without a certificate was taken");
}
