//! A TCP proxy before PostgreSQL that can cut a connection around a COMMIT.

use crate::harness::{Server, postgres};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

const PASS: u8 = 0;
const BEFORE: u8 = 1;
const AFTER: u8 = 2;
const MUTE: u8 = 3;
const AWAY: u8 = 4;
/// The database has said that it committed, and nobody was told.
const DONE: u8 = 5;

/// Where the next COMMIT meets its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The database never hears of it.
    Before,
    /// The database commits; nobody is told.
    After,
}

/// A proxy; its threads end with their connections.
pub struct Proxy {
    pub port: u16,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    /// Before the database at `to` (host:port).
    pub fn before(to: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let mode = Arc::new(AtomicU8::new(PASS));
        let theirs = mode.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mode = theirs.clone();
                if mode.load(Ordering::SeqCst) == AWAY {
                    continue;
                }
                let Ok(server) = TcpStream::connect(to) else { continue };
                std::thread::spawn(move || relay(client, server, &mode));
            }
        });
        Proxy { port, mode }
    }

    /// Cuts the next flight that commits.
    pub fn cut(&self, cut: Cut) {
        self.mode.store(if cut == Cut::Before { BEFORE } else { AFTER }, Ordering::SeqCst);
    }

    /// Whether a flight was cut since.
    pub fn has_cut(&self) -> bool {
        !matches!(self.mode.load(Ordering::SeqCst), BEFORE | AFTER)
    }

    /// The database is away: whoever asks it for anything is cut off.
    pub fn away(&self) {
        self.mode.store(AWAY, Ordering::SeqCst);
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.mode.store(PASS, Ordering::SeqCst);
    }
}

/// A server on a fresh database behind a proxy.
pub fn behind_a_proxy(arguments: &[&str]) -> (Proxy, Server) {
    let url = postgres::fresh();
    let (before, rest) = url.rsplit_once('@').expect("a URL with a user");
    let (to, database) = rest.split_once('/').expect("a URL with a database");
    let proxy = Proxy::before(to.to_socket_addrs().expect("an address").next().expect("an address"));
    let server = Server::start_on(format!("{before}@127.0.0.1:{}/{database}", proxy.port), arguments);
    // What is cut is to be a request's.
    server.settles();
    (proxy, server)
}

fn relay(mut client: TcpStream, mut server: TcpStream, mode: &Arc<AtomicU8>) {
    let (Ok(mut back_from), Ok(mut back_to)) = (server.try_clone(), client.try_clone()) else { return };
    let muted = Arc::new(AtomicU8::new(PASS));
    let theirs = muted.clone();
    std::thread::spawn(move || {
        let (mut part, mut swallowed) = ([0; 16 * 1024], Vec::new());
        while let Ok(count @ 1..) = back_from.read(&mut part) {
            if theirs.load(Ordering::SeqCst) != PASS {
                swallowed.extend_from_slice(&part[..count]);
                if swallowed.windows(7).any(|bytes| bytes == b"COMMIT\0") {
                    theirs.store(DONE, Ordering::SeqCst);
                }
            } else if back_to.write_all(&part[..count]).is_err() {
                break;
            }
        }
        let _ = back_to.shutdown(Shutdown::Both);
    });
    let mut part = [0; 64 * 1024];
    while let Ok(count @ 1..) = client.read(&mut part) {
        if mode.load(Ordering::SeqCst) == AWAY {
            break;
        }
        let commits = part[..count].windows(7).any(|bytes| bytes == b"COMMIT\0");
        let taken = |wanted| commits && mode.compare_exchange(wanted, PASS, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if taken(BEFORE) {
            break;
        }
        let cut = taken(AFTER);
        if cut {
            muted.store(MUTE, Ordering::SeqCst);
        }
        if server.write_all(&part[..count]).is_err() {
            break;
        }
        if cut {
            let start = Instant::now();
            while muted.load(Ordering::SeqCst) != DONE && start.elapsed() < Duration::from_secs(60) {
                std::thread::sleep(Duration::from_millis(1));
            }
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
