//! A client's redirect address on loopback that writes down what a browser brings to it.

use std::io::{BufRead, BufReader, Read, Write};
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
        Callback::answering("200 OK\r\nContent-Type: text/html", html)
    }

    /// The same, but every path sends the browser on to `url`.
    pub fn redirecting(url: &str) -> Callback {
        Callback::answering(&format!("303 See Other\r\nLocation: {url}"), "")
    }

    fn answering(head: &str, html: &str) -> Callback {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/callback", listener.local_addr().expect("address"));
        let (send, arrived) = channel();
        let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{html}", html.len());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let mut line = String::new();
                let _ = reader.read_line(&mut line);
                let mut target = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let mut length = 0;
                let mut header = String::new();
                while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
                    let value = header.to_lowercase().strip_prefix("content-length:").map(|v| v.trim().to_owned());
                    length = value.map_or(length, |value| value.parse().expect("a length"));
                    header.clear();
                }
                if line.starts_with("POST ") {
                    let mut body = vec![0; length];
                    let _ = reader.read_exact(&mut body);
                    target = format!("{target} (posted)?{}", String::from_utf8_lossy(&body));
                }
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

    /// The next request target, as it stood on the wire; of a POST with the form as its query.
    pub fn next(&self) -> String {
        self.arrived.recv_timeout(Duration::from_secs(60)).expect("the browser came back to the client")
    }

    /// Whether nothing came.
    pub fn is_untouched(&self) -> bool {
        self.arrived.try_recv().is_err()
    }
}
