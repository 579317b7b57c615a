//! An application's address for back-channel logouts: a real HTTP server on loopback that writes down what it is told,
//! and answers as the test wants, badly too.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as Channel, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What stands in each of its answers, and should be seen nowhere else.
pub const SAYS: &str = "what-the-other-side-says-4711";

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with this status.
    Say(u16),
    /// Sends the caller elsewhere.
    Redirect(String),
    /// Answers 200 with more than anybody wants to read.
    Flood,
    /// Says 200, and never comes to the end of what else it says.
    Dawdle,
    /// Never answers.
    Silence,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Method and target.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Heard {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }

    /// The value of the form's only field.
    pub fn logout_token(&self) -> String {
        let fields: Vec<(String, String)> = form_urlencoded::parse(self.body.as_bytes()).into_owned().collect();
        assert_eq!(fields.len(), 1, "{self:?}");
        assert_eq!(fields[0].0, "logout_token");
        fields[0].1.clone()
    }
}

/// A listening address and what came to it.
pub struct Receiver {
    /// host:port.
    pub authority: String,
    /// The acts for the next requests; the last one stays.
    acts: Arc<Mutex<Vec<Act>>>,
    heard: Channel<Heard>,
}

impl Receiver {
    /// Listens on a free port until the tests end.
    pub fn doing(acts: &[Act]) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let authority = listener.local_addr().expect("address").to_string();
        let (send, heard) = channel();
        let acts = Arc::new(Mutex::new(acts.to_vec()));
        let script = acts.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (send, script) = (send.clone(), script.clone());
                std::thread::spawn(move || {
                    let Some((heard, stream)) = read(stream) else { return };
                    let act = {
                        let mut acts = script.lock().expect("acts");
                        if acts.len() > 1 { acts.remove(0) } else { acts[0].clone() }
                    };
                    let _ = send.send(heard);
                    play(&act, stream);
                });
            }
        });
        Receiver { authority, acts, heard }
    }

    pub fn url(&self) -> String {
        format!("http://{}/told?by=us", self.authority)
    }

    /// From now on it does this.
    pub fn now_does(&self, act: Act) {
        *self.acts.lock().expect("acts") = vec![act];
    }

    /// The next request.
    #[track_caller]
    pub fn next(&self) -> Heard {
        self.within(Duration::from_secs(60)).expect("the application was told")
    }

    /// The next request, if it comes in this time.
    pub fn within(&self, time: Duration) -> Option<Heard> {
        self.heard.recv_timeout(time).ok()
    }
}

fn read(stream: TcpStream) -> Option<(Heard, TcpStream)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    // A connection that only opens is noticed too.
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? <= 2 {
            break;
        }
        let (name, value) = header.split_once(':')?;
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(n, _)| n == "content-length").and_then(|(_, v)| v.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let heard = Heard { line: line.trim().to_owned(), headers, body: String::from_utf8_lossy(&body).into_owned() };
    Some((heard, reader.into_inner()))
}

fn play(act: &Act, mut stream: TcpStream) {
    let _ = match act {
        Act::Say(status) => {
            write!(stream, "HTTP/1.1 {status} So\r\nContent-Length: {}\r\n\r\n{SAYS}", SAYS.len())
        }
        Act::Redirect(to) => {
            write!(stream, "HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
        }
        Act::Flood => {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            let piece = vec![b'x'; 64 * 1024];
            while stream.write_all(&piece).is_ok() {}
            Ok(())
        }
        Act::Dawdle => {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{SAYS}");
            let _ = stream.read(&mut [0]);
            Ok(())
        }
        Act::Silence => {
            // Until the other side has enough.
            let _ = stream.read(&mut [0]);
            Ok(())
        }
    };
}
