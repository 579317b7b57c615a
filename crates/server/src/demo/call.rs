//! One HTTP call to the server beside us, over a plain socket.
//!
//! The sample application is a client like any other: it knows the server by its public addresses only. It needs two
//! small calls to the same machine, so it speaks them itself instead of bringing an HTTP client into the binary.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a call may take, and how large an answer may be.
const DEADLINE: Duration = Duration::from_secs(20);
const LARGEST: usize = 256 * 1024;

/// The server: where its socket is, and the name that it is called by.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The address to connect to.
    pub address: SocketAddr,
    /// The value of the `Host` header.
    pub host: String,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Peer {
    /// Sends one request to `path` (with its query) and reads the answer. `headers` are full lines without line ends.
    pub async fn call(&self, method: &str, path: &str, headers: &[String], body: &str) -> Result<Reply, String> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        request.push_str("User-Agent: vestibule-sample\r\nAccept: application/json\r\n");
        for line in headers {
            request.push_str(&format!("{line}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let bytes = tokio::time::timeout(DEADLINE, exchange(self.address, request.as_bytes()))
            .await
            .map_err(|_| "it did not answer in time".to_owned())?
            .map_err(|error| error.to_string())?;
        read(&bytes)
    }
}

async fn exchange(address: SocketAddr, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let stream = TcpStream::connect(address).await?;
    let mut sent = 0;
    while sent < request.len() {
        stream.writable().await?;
        match stream.try_write(&request[sent..]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    loop {
        stream.readable().await?;
        match stream.try_read(&mut part) {
            Ok(0) => return Ok(answer),
            Ok(count) if answer.len() + count > LARGEST => {
                return Err(std::io::Error::other("the answer is too large"));
            }
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Takes an answer apart. The connection closes after it, so its body is what follows the header.
fn read(bytes: &[u8]) -> Result<Reply, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "its answer is not UTF-8".to_owned())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("its answer has no end of header")?;
    if head.to_ascii_lowercase().contains("\r\ntransfer-encoding:") {
        return Err("its answer comes in chunks, which this sample does not read".to_owned());
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or("its answer has no status")?;
    Ok(Reply { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart_or_refused() {
        let reply = read(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        assert_eq!((reply.status, reply.body.as_str()), (400, "{}"));
        assert!(read(b"HTTP/1.1 200 OK\r\n").is_err());
        assert!(read(b"nonsense\r\n\r\n").is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").is_err());
    }
}
