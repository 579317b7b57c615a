//! A Git host whose name changes its address in the middle of a conversation, told by a name server that lies
//! (`names.c`, laid over the C library of the real server): what was public when it was looked at is loopback a moment
//! later.

use crate::git_auths::scene::{Scene, brought};
use crate::githosts::follow;
use crate::harness::{Database, Server, wait_until};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The address that leads to the host by way of the public network.
const PUBLIC: &str = "2001:4860:4860::ffff";

/// Where the test's own files are.
fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Compiles the name server.
fn names(to: &Path) -> PathBuf {
    let library = to.join("names.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-Wall", "-Werror", "-shared", "-fPIC", "-o"]).arg(&library);
    let status = compiler.arg(here("it/rebinding/names.c")).arg("-ldl").status();
    assert!(status.expect("a C compiler, which Rust links with").success());
    library
}

/// Speaks TLS as `localhost` at this port, and hands every request on to the plain host at `to`.
fn tls_at(listener: TcpListener, to: String) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = CertificateDer::from_pem_file(here("tls/localhost.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(here("tls/localhost.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth().with_single_cert(vec![certificate], key);
    let config = Arc::new(config.expect("a configuration"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, to) = (config.clone(), to.clone());
            std::thread::spawn(move || relay(config, stream, &to));
        }
    });
}

fn relay(config: Arc<rustls::ServerConfig>, stream: TcpStream, to: &str) -> std::io::Result<()> {
    let connection = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut caller = rustls::StreamOwned::new(connection, stream);
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") {
        caller.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    caller.read_exact(&mut body)?;
    let mut host = TcpStream::connect(to)?;
    host.write_all(&request)?;
    host.write_all(&body)?;
    let mut answer = Vec::new();
    host.read_to_end(&mut answer)?;
    caller.write_all(&answer)?;
    caller.conn.send_close_notify();
    caller.flush()
}

/// Something inside the house at this host's very port, which counts who comes.
fn inside() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (port, visits) = (listener.local_addr().expect("an address").port(), Arc::new(AtomicUsize::new(0)));
    let counted = visits.clone();
    std::thread::spawn(move || {
        for _ in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, visits)
}

#[test]
fn fm_86_fm_88_a_name_that_turns_to_loopback_in_the_middle_of_a_conversation_is_left_there() {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        let folder = tempfile::tempdir().expect("a folder");
        let (library, answers, asked) =
            (names(folder.path()), folder.path().join("answers"), folder.path().join("asked"));
        let (port, visits) = inside();
        let says = |lines: &[&str]| {
            std::fs::write(&asked, "").expect("writes");
            std::fs::write(&answers, lines.join("\n") + "\n").expect("writes");
        };
        let questions = || std::fs::metadata(&asked).expect("is there").len();
        let path = |path: &Path| path.to_str().expect("text").to_owned();
        says(&[PUBLIC]);
        let front = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let front_port = front.local_addr().expect("an address").port();
        let scene = Scene::with(|arguments| {
            let environment = [
                ("LD_PRELOAD", path(&library)),
                ("REBINDING_ANSWERS", path(&answers)),
                ("REBINDING_ASKED", path(&asked)),
                ("REBINDING_PORT", front_port.to_string()),
            ];
            let environment: Vec<(&str, &str)> =
                environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let authority = path(&here("tls/ca.pem"));
            Server::start_in(database, &[arguments, &["--extra-ca", &authority]].concat(), &environment)
        });
        tls_at(front, scene.github.authority.clone());
        let hub = &scene.github;
        let web = format!("https://localhost:{port}");
        let client = (hub.client_id.as_str(), hub.client_secret.as_str());
        hub.register(&scene.add_host("rebinds", "github", &web, client, &["--project", &scene.project]));
        let mut visitor = scene.visitor(&scene.ada);
        let mut finish = |name: &str, lines: &[&str]| {
            let address = follow(&scene.departure("/rebinds/redirect").replace(&web, &hub.url()));
            assert!(visitor.open(&address).shows("git-keep"));
            hub.forget();
            says(lines);
            let answer = scene.post("/rebinds/oauth", &brought(name, &address));
            (answer.status, hub.count("POST /login/oauth/access_token"), hub.count("GET /api/v3/user"), questions())
        };
        // As long as the name stays what it is, both requests of the conversation arrive, each after a question of its own.
        assert_eq!(finish("stays", &[PUBLIC, PUBLIC]), (200, 1, 1, 2));
        // It turns before the first one, also to what is never called; and between the two requests. That comes last:
        // what was given there is to be ended, and the server asks for the name by itself from then on.
        for inside in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.1"] {
            let (status, traded, looked, _) = finish("inside", &[inside, PUBLIC]);
            assert_eq!((status, traded, looked), (500, 0, 0), "{inside}");
        }
        let (status, traded, looked, asked) = finish("turns", &[PUBLIC, "127.0.0.1"]);
        assert_eq!((status, traded, looked), (500, 1, 0));
        assert!(asked >= 2, "each request has a question of its own");
        assert_eq!(visits.load(Ordering::SeqCst), 0, "somebody came");
        assert_eq!(scene.list().len(), 1);
        // What was given in the conversation that broke off is ended once the name is well again; until then nothing
        // of that arrives inside either.
        says(&["127.0.0.1"]);
        wait_until("it is tried", || questions() > 0);
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(visits.load(Ordering::SeqCst), 0, "somebody came");
        says(&[PUBLIC]);
        wait_until("a token that nobody keeps is ended", || hub.live_tokens().len() == 1);
        assert_eq!(visits.load(Ordering::SeqCst), 0, "somebody came");
    }
}
