//! What all fake hosts stand on: an HTTP server on loopback that writes down every request and misbehaves on demand.
//!
//! Owns connections, the log and the misbehaviour. Owns no rule of a host.

use super::backend::Backend;
use crate::harness::Port;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What stands in each body that a host sends instead of an answer, and should be seen nowhere else.
pub const SAYS: &str = "what-a-broken-host-says-0815";

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Without the query, as it was sent.
    pub path: String,
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The same as it came, for what is no text.
    pub bytes: Vec<u8>,
}

impl Asked {
    /// The first header of this name (lower case), or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str())
    }

    /// `GET /user`, without the query.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The parameters of a body in form encoding.
    pub fn form(&self) -> Vec<(String, String)> {
        match self.header("content-type").starts_with("application/x-www-form-urlencoded") {
            true => form_urlencoded::parse(self.body.as_bytes()).into_owned().collect(),
            false => Vec::new(),
        }
    }

    /// The members of a body in JSON whose values are text.
    pub fn json(&self) -> Vec<(String, String)> {
        let object = serde_json::from_str::<Value>(&self.body).ok();
        let members = object.as_ref().and_then(Value::as_object).into_iter().flatten();
        members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }

    /// Credentials after RFC 7617.
    pub fn basic(&self) -> Option<(String, String)> {
        use base64::Engine as _;
        let pair = self.header("authorization").strip_prefix("Basic ")?;
        let pair = base64::engine::general_purpose::STANDARD.decode(pair).ok()?;
        let (user, password) = String::from_utf8(pair).ok()?.split_once(':').map(|(u, p)| (u.into(), p.into()))?;
        Some((user, password))
    }

    /// Everything that was sent, for a search.
    pub fn all(&self) -> String {
        format!("{self:?}")
    }
}

/// The value of a parameter.
pub fn value<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Said {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// What is sent in its place, where it is no text.
    pub bytes: Option<Vec<u8>>,
}

impl Said {
    pub fn new(status: u16, content_type: &str, body: impl Into<String>) -> Said {
        Said { status, headers: vec![("Content-Type".into(), content_type.into())], body: body.into(), bytes: None }
    }

    pub fn json(status: u16, body: &Value) -> Said {
        Said::new(status, "application/json; charset=utf-8", body.to_string())
    }

    pub fn page(status: u16, body: impl Into<String>) -> Said {
        Said::new(status, "text/html; charset=utf-8", body)
    }

    pub fn empty(status: u16) -> Said {
        Said { status, headers: Vec::new(), body: String::new(), bytes: None }
    }

    pub fn redirect(to: &str) -> Said {
        Said::empty(302).header("Location", to)
    }

    pub fn header(mut self, name: &str, value: &str) -> Said {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// What a host does instead of what it should.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Takes this long, and then does what it should.
    Slow(Duration),
    /// Closes the connection and does nothing.
    DropBefore,
    /// Does what it should, and closes the connection without a word.
    DropAfter,
    /// Answers this status, as a proxy before it would, and does nothing.
    Status(u16),
    /// Answers 200 and more than anybody wants to read.
    Flood,
    /// Sends the caller elsewhere with this status.
    Redirect(u16, String),
    /// Answers 200 and JSON of another kind.
    Nonsense,
    /// Answers this, and does nothing.
    Says(Said),
    /// Does what it should at once, and keeps its answer until the gate opens.
    FrozenAfter(Gate),
    /// Does what it should once the gate opens.
    FrozenBefore(Gate),
    /// Does nothing, and closes the connection once the gate opens.
    FrozenAway(Gate),
}

/// What a frozen host waits for.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().expect("gate") = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let most = Duration::from_secs(120);
        let shut = self.0.0.lock().expect("gate");
        drop(self.0.1.wait_timeout_while(shut, most, |open| !*open).expect("gate"));
    }
}

/// A fault that waits for its requests.
struct Trap {
    /// The beginning of the requests' lines, such as `POST /oauth/token`.
    line: String,
    fault: Fault,
    /// How many requests it is for.
    left: usize,
}

/// A host that listens until the tests end.
#[derive(Clone)]
pub struct Fake {
    /// host:port.
    pub authority: String,
    traps: Arc<Mutex<Vec<Trap>>>,
    log: Arc<Mutex<Vec<Asked>>>,
    git: Arc<Mutex<Option<Backend>>>,
    /// Whether nobody listens on its port.
    is_closed: Arc<AtomicBool>,
}

impl Fake {
    /// Listens on a free port and answers by `answer`, which is told its own address.
    pub fn start(answer: impl Fn(&str, &Asked) -> Said + Send + Sync + 'static) -> Fake {
        let port = Port::held();
        let authority = port.address();
        let listener = TcpListener::bind(&authority).expect("its own port");
        let (traps, log, git, is_closed) = (Arc::default(), Arc::default(), Arc::default(), Arc::default());
        let fake = Fake { authority, traps, log, git, is_closed };
        let (mine, answer) = (fake.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            let _port = port;
            let mut listener = Some(listener);
            loop {
                match &listener {
                    Some(open) => mine.accept(open, &answer),
                    None => std::thread::sleep(Duration::from_millis(10)),
                }
                listener = match mine.is_closed.load(Relaxed) {
                    true => None,
                    false => listener.or_else(|| TcpListener::bind(&mine.authority).ok()),
                };
            }
        });
        fake
    }

    /// Takes callers until it is closed.
    fn accept(&self, listener: &TcpListener, answer: &Arc<impl Fn(&str, &Asked) -> Said + Send + Sync + 'static>) {
        for stream in listener.incoming().flatten() {
            if self.is_closed.load(Relaxed) {
                return;
            }
            let (fake, answer, url) = (self.clone(), answer.clone(), self.url());
            std::thread::spawn(move || fake.serve(stream, |asked| answer(&url, asked)));
        }
    }

    /// From now on nobody listens on its port: whoever calls is refused at once.
    pub fn closes(&self) {
        self.is_closed.store(true, Relaxed);
        self.waits(|reached| !reached);
    }

    /// Somebody listens again.
    pub fn opens(&self) {
        self.is_closed.store(false, Relaxed);
        self.waits(|reached| reached);
    }

    fn waits(&self, is_so: impl Fn(bool) -> bool) {
        let begin = std::time::Instant::now();
        while !is_so(TcpStream::connect(&self.authority).is_ok()) {
            assert!(begin.elapsed() < Duration::from_secs(60), "the port of {} stays as it is", self.authority);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// From now on real git serves repositories behind it.
    pub fn serves_git(&self, backend: &Backend) {
        *self.git.lock().expect("git") = Some(backend.clone());
    }

    /// Where its pages begin.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Lets the next `times` requests whose line begins so go wrong.
    pub fn fails(&self, line: &str, fault: Fault, times: usize) {
        self.traps.lock().expect("traps").push(Trap { line: line.into(), fault, left: times });
    }

    /// It is well again.
    pub fn recovers(&self) {
        self.traps.lock().expect("traps").clear();
    }

    /// Every request so far.
    pub fn log(&self) -> Vec<Asked> {
        self.log.lock().expect("log").clone()
    }

    /// How many requests there were whose line begins so.
    pub fn count(&self, line: &str) -> usize {
        self.log().iter().filter(|asked| asked.line().starts_with(line)).count()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        self.log.lock().expect("log").clear();
    }

    fn serve(&self, stream: TcpStream, answer: impl Fn(&Asked) -> Said) {
        let Some((asked, mut stream)) = read(stream) else { return };
        self.log.lock().expect("log").push(asked.clone());
        let git = self.git.lock().expect("git").clone();
        let answer =
            |asked: &Asked| git.as_ref().and_then(|git| git.answer(asked, &answer)).unwrap_or_else(|| answer(asked));
        let fault = {
            let mut traps = self.traps.lock().expect("traps");
            let trap = traps.iter_mut().find(|trap| trap.left > 0 && asked.line().starts_with(&trap.line));
            trap.map(|trap| {
                trap.left -= 1;
                trap.fault.clone()
            })
        };
        let said = match fault {
            None => answer(&asked),
            Some(Fault::Slow(time)) => {
                std::thread::sleep(time);
                answer(&asked)
            }
            Some(Fault::DropBefore) => return,
            Some(Fault::DropAfter) => {
                answer(&asked);
                return;
            }
            Some(Fault::Status(status)) => Said::page(status, format!("<html>{SAYS}</html>")),
            Some(Fault::Flood) => {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n{SAYS}");
                let piece = vec![b'x'; 64 * 1024];
                while stream.write_all(&piece).is_ok() {}
                return;
            }
            Some(Fault::Redirect(status, to)) => Said::empty(status).header("Location", &to),
            Some(Fault::Says(said)) => said,
            Some(Fault::FrozenAfter(gate)) => {
                let said = answer(&asked);
                gate.wait();
                said
            }
            Some(Fault::FrozenBefore(gate)) => {
                gate.wait();
                answer(&asked)
            }
            Some(Fault::FrozenAway(gate)) => return gate.wait(),
            Some(Fault::Nonsense) => Said::json(200, &serde_json::json!([{ "said": SAYS }])),
        };
        write(&mut stream, &asked.method, &said);
    }
}

fn read(stream: TcpStream) -> Option<(Asked, TcpStream)> {
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let mut headers: Vec<(String, String)> = Vec::new();
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
    let text = String::from_utf8_lossy(&body).into_owned();
    Some((Asked { method, path: path.to_owned(), query, headers, body: text, bytes: body }, reader.into_inner()))
}

fn write(stream: &mut TcpStream, method: &str, said: &Said) {
    let mut head = format!("HTTP/1.1 {} So\r\nConnection: close\r\n", said.status);
    for (name, value) in &said.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let whole = said.bytes.as_deref().unwrap_or(said.body.as_bytes());
    if said.status != 204 {
        head.push_str(&format!("Content-Length: {}\r\n", whole.len()));
    }
    head.push_str("\r\n");
    let body = if method == "HEAD" { &[] } else { whole };
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// Digits that nobody has seen yet, as many as wanted.
pub fn fresh(length: usize) -> String {
    use std::fmt::Write as _;
    let mut bytes = vec![0; length.div_ceil(2)];
    std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes)).expect("random bytes");
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").expect("text");
    }
    text.truncate(length);
    text
}

/// Escapes text for a page.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// An address with these parameters added to its query.
pub fn with_query(address: &str, fields: &[(&str, &str)]) -> String {
    let sign = if address.contains('?') { '&' } else { '?' };
    format!("{address}{sign}{}", crate::harness::http::query(fields))
}
