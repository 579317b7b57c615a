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

/// A proxy that makes tunnels for whoever brings these credentials, and tells what it was asked and what went through.
async fn proxy_machine(credentials: &'static str) -> (u16, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, heard) = (listener.local_addr().unwrap().port(), Arc::new(std::sync::Mutex::new(Vec::new())));
    let told = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut piece = [0; 4096];
            let read = client.read(&mut piece).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&piece[..read]).into_owned();
            told.lock().unwrap().push(head.clone());
            if !head.contains(credentials) {
                let _ = client.write_all(b"HTTP/1.1 407 Who is it\r\n\r\n").await;
                continue;
            }
            let to = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut server = TcpStream::connect(to).await.unwrap();
            let _ = client.write_all(b"HTTP/1.1 200 Go\r\nVia: 1.1 proxy\r\n\r\n").await;
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    });
    (port, heard)
}

#[tokio::test]
async fn by_way_of_a_proxy_https_goes_through_a_tunnel_to_the_house_itself() {
    let port = tls_machine().await;
    let authority = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/ca.pem"));
    let (proxy_port, heard) = proxy_machine("Proxy-Authorization: Basic YWRhOnB3\r\n").await;
    let by = |proxy: String, extra| {
        let house = AllowedHost::parse(&format!("localhost:{port}")).unwrap();
        Outbound::to_house(house, extra, Some(Proxy::parse(&proxy).unwrap())).unwrap()
    };
    let good = format!("http://ada:pw@127.0.0.1:{proxy_port}");
    let reply = by(good.clone(), vec![authority.clone()]).send(get(format!("https://localhost:{port}/secret"))).await;
    assert_eq!((reply.as_ref().unwrap().status, reply.unwrap().body.as_ref()), (200, b"hello".as_slice()));
    let asked = heard.lock().unwrap().clone();
    assert!(asked[0].starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")), "{asked:?}");
    assert!(!asked[0].contains("secret"), "the proxy sees a name and nothing else: {asked:?}");
    // The proxy is not the house: its certificate is asked for inside the tunnel.
    let strange = by(good.clone(), Vec::new()).send(get(format!("https://localhost:{port}/"))).await;
    assert_eq!(strange.unwrap_err(), Failure::Definite(Why::Tls));
    let turned_away = by(format!("http://127.0.0.1:{proxy_port}"), vec![authority]);
    let turned_away = turned_away.send(get(format!("https://localhost:{port}/"))).await;
    assert_eq!(turned_away.unwrap_err(), Failure::Definite(Why::Proxy));
    let machine = Machine::answering(answer("200 OK", "", "hello")).await;
    let elsewhere = by(good, Vec::new()).send(get(machine.url("127.0.0.1"))).await;
    assert_eq!((elsewhere.unwrap_err(), machine.visits()), (Failure::Definite(Why::PlainHttp), 0));
}
