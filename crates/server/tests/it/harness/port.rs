//! A port that stays a test's own while nobody listens on it. One that was only found and let go may be given to another
//! test's server before its listener starts, or between the end of a server and its next start.

use tokio::net::TcpSocket;

/// A port of 127.0.0.1. It is bound to a socket that never listens: the system gives it to nobody who asks for any port, and
/// whoever asks for this one with SO_REUSEADDR, as servers do, may listen on it.
pub struct Port {
    pub number: u16,
    _socket: TcpSocket,
}

impl Port {
    /// Takes a free one until the value is dropped.
    pub fn held() -> Port {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("SO_REUSEADDR");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        Port { number: socket.local_addr().expect("an address").port(), _socket: socket }
    }

    /// Where it is listened on.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}
