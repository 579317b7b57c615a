//! A client's redirect address on loopback that writes down what a browser brings to it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A listening address and what came to it.
pub struct Callback {
    pub url: String,
    arrived: Receiver<String>,
}

impl Callback {
    /// Listens on a free port until the tests end. Every path answers with `html`.
    pub fn serving(html: &str) -> Callback {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/callback", listener.local_addr().expect("address"));
        let (send, arrived) = channel();
        let html = html.to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let mut line = String::new();
                let _ = reader.read_line(&mut line);
                let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let mut header = String::new();
                while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
                    header.clear();
                }
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{html}",
                    html.len()
                );
                let _ = reader.into_inner().write_all(answer.as_bytes());
                if target.starts_with("/callback") && send.send(target).is_err() {
                    return;
                }
            }
        });
        Callback { url, arrived }
    }

    pub fn new() -> Callback {
        Callback::serving("<!doctype html><title>client</title><p id=client>back at the client")
    }

    /// The next request target, as it stood on the wire.
    pub fn next(&self) -> String {
        self.arrived.recv_timeout(Duration::from_secs(30)).expect("the browser came back to the client")
    }

    /// Whether nothing came.
    pub fn is_untouched(&self) -> bool {
        self.arrived.try_recv().is_err()
    }
}
