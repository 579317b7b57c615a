//! The one way out, against listeners that notice whatever reaches them and name servers that lie.

mod certificates;

use super::*;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A machine on loopback that counts who comes, and answers everybody alike.
struct Machine {
    port: u16,
    visits: Arc<AtomicUsize>,
    heard: Arc<std::sync::Mutex<String>>,
}

impl Machine {
    async fn answering(answer: Vec<u8>) -> Machine {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, visits, heard) =
            (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)), Arc::default());
        let machine = Machine { port, visits: visits.clone(), heard: Arc::clone(&heard) };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                visits.fetch_add(1, Ordering::SeqCst);
                let (answer, heard) = (answer.clone(), heard.clone());
                tokio::spawn(async move {
                    let mut piece = [0; 4096];
                    let read = stream.read(&mut piece).await.unwrap_or(0);
                    *heard.lock().unwrap() = String::from_utf8_lossy(&piece[..read]).into_owned();
                    let _ = stream.write_all(&answer).await;
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        machine
    }

    fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }

    fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/", self.port)
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A name server that gives one answer after the other, and counts how often it was asked.
struct Liar {
    answers: Vec<Vec<IpAddr>>,
    asked: Arc<AtomicUsize>,
}

impl Resolve for Liar {
    fn resolve(&self, _host: &str) -> resolver::Answer {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers[turn.min(self.answers.len() - 1)].clone();
        Box::pin(async move { io::Result::Ok(answer) })
    }
}

fn liar(answers: &[&[&str]], allowed: &[&str]) -> (Outbound, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let read = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let liar = Liar { answers: answers.iter().map(read).collect(), asked: asked.clone() };
    (Outbound::resolving_by(Box::new(liar), allow(allowed), Tls::new(Vec::new())), asked)
}

fn allow(hosts: &[&str]) -> Vec<AllowedHost> {
    hosts.iter().map(|host| AllowedHost::parse(host).unwrap()).collect()
}

fn open(hosts: &[&str]) -> Outbound {
    Outbound::new(allow(hosts), Vec::new()).unwrap()
}

/// An address at which nobody listens, as long as the socket is kept.
pub fn nobody() -> (SocketAddr, tokio::net::TcpSocket) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (socket.local_addr().unwrap(), socket)
}

fn get(url: impl Into<String>) -> Request {
    let deadline = Duration::from_secs(60);
    let patience = Duration::from_millis(100);
    let (method, url, headers, body) = (Method::GET, url.into(), Vec::new(), Bytes::new());
    Request { method, url, headers, body, patience, deadline, whole: Duration::MAX, until: None, most: 1024 }
}

#[tokio::test]
async fn fm_86_st_129_nothing_inside_the_house_is_reached_in_any_spelling() {
    let machine = Machine::answering(answer("200 OK", "", "secret")).await;
    let out = open(&[]);
    let spellings = [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "0177.0.0.1",
        "017700000001",
        "0x7f.0.0.1",
        "0x7f000001",
        "2130706433",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::1]",
        "0",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "10.0.0.1",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "2852039166",
        "255.255.255.255",
        "224.0.0.1",
        "[ff02::1]",
        "[fe80::1]",
        "192.168.1.1",
        "[fc00::1]",
    ];
    for host in spellings {
        for scheme in ["http", "https"] {
            let failed = out.send(get(format!("{scheme}://{host}:{}/", machine.port))).await.unwrap_err();
            let expected = if scheme == "http" { Why::PlainHttp } else { Why::Forbidden };
            assert!(
                failed == Failure::Definite(expected) || failed == Failure::Definite(Why::NoAddress),
                "{scheme}://{host}: {failed:?}"
            );
        }
    }
    for url in [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "javascript:alert(1)",
        "//h/",
        "https://good.example@127.0.0.1/",
        "https://good.example:x@127.0.0.1/",
        "https://good.example\\@127.0.0.1/",
        "https://good.example/ x",
        "https://good\t.example/",
        "https://a\n.example/",
        " https://good.example/",
        "",
        "https://[::1%25lo]/",
        "https://[fe80::1%25eth0]/",
    ] {
        assert_eq!(out.send(get(url)).await.unwrap_err(), Failure::Definite(Why::Address), "{url}");
    }
    assert_eq!(machine.visits(), 0, "something arrived");
}

#[tokio::test]
async fn fm_88_a_name_is_resolved_once_and_every_address_of_it_counts() {
    let machine = Machine::answering(answer("200 OK", "", "secret")).await;
    let url = format!("https://rebinds.example:{}/", machine.port);
    // The first answer is public, the second would be loopback: nobody asks a second time. 192.0.2.1 stands for an
    // address that is public to the judge of names and leads nowhere; 2001:4860:: is one of the public ones.
    let (out, asked) = liar(&[&["2001:4860:4860::ffff"], &["127.0.0.1"]], &[]);
    let mut request = get(url.as_str());
    request.deadline = Duration::from_millis(600);
    let failed = out.send(request).await.unwrap_err();
    assert!(matches!(failed, Failure::Definite(Why::Connect | Why::Late)), "{failed:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    for mixed in
        [&["8.8.8.8", "127.0.0.1"][..], &["2001:4860::1", "::1"], &["8.8.8.8", "::ffff:10.0.0.1"], &["169.254.169.254"]]
    {
        let (out, asked) = liar(&[mixed], &[]);
        assert_eq!(out.send(get(url.as_str())).await.unwrap_err(), Failure::Definite(Why::Forbidden), "{mixed:?}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
    let crowd: Vec<String> = (0..=ADDRESSES).map(|n| format!("8.8.8.{n}")).collect();
    let crowd: Vec<&str> = crowd.iter().map(String::as_str).collect();
    let (out, _) = liar(&[&crowd], &[]);
    assert_eq!(out.send(get(url.as_str())).await.unwrap_err(), Failure::Definite(Why::Forbidden));
    assert_eq!(machine.visits(), 0, "something arrived");
}

#[tokio::test]
async fn fm_88_an_allowed_name_opens_the_house_and_never_the_clouds_own_addresses() {
    let machine = Machine::answering(answer("200 OK", "X-Of: theirs\r\n", "hello")).await;
    let name = format!("git.internal:{}", machine.port);
    let (out, asked) = liar(&[&["127.0.0.1"]], &[&name]);
    let reply = out.send(get(machine.url("git.internal"))).await.unwrap();
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"hello".as_slice()));
    assert_eq!(reply.headers["x-of"], "theirs");
    assert_eq!((machine.visits(), asked.load(Ordering::SeqCst)), (1, 1));
    let heard = machine.heard.lock().unwrap().to_lowercase();
    assert!(heard.starts_with(&format!("get / http/1.1\r\nhost: git.internal:{}\r\n", machine.port)), "{heard}");
    assert!(heard.contains("user-agent: vestibule/"), "{heard}");
    // Another name of the same machine stays closed.
    assert_eq!(out.send(get(machine.url("other.internal"))).await.unwrap_err(), Failure::Definite(Why::PlainHttp));
    for never in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "0.0.0.0", "100.100.100.200"] {
        let (out, _) = liar(&[&[never]], &[&name]);
        assert_eq!(
            out.send(get(machine.url("git.internal"))).await.unwrap_err(),
            Failure::Definite(Why::Forbidden),
            "{never}"
        );
    }
    let out = open(&["169.254.169.254"]);
    assert_eq!(out.send(get("http://169.254.169.254/")).await.unwrap_err(), Failure::Definite(Why::Forbidden));
}

#[tokio::test]
async fn fm_87_fm_91_a_redirect_is_an_answer_and_is_not_followed() {
    let inside = Machine::answering(answer("200 OK", "", "secret")).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let location = format!("Location: {}\r\n", inside.url("127.0.0.1"));
        let machine = Machine::answering(answer(status, &location, "")).await;
        let hosts = [format!("127.0.0.1:{}", machine.port), format!("127.0.0.1:{}", inside.port)];
        let out = open(&[&hosts[0], &hosts[1]]);
        let mut request = get(machine.url("127.0.0.1"));
        request.headers.push((header::AUTHORIZATION, HeaderValue::from_static("Bearer secret")));
        let reply = out.send(request).await.unwrap();
        assert_eq!(format!("{}", reply.status), status[..3]);
        assert_eq!(inside.visits(), 0, "{status} was followed");
    }
}

#[tokio::test]
async fn st_129_time_and_size_are_bounded_and_the_failure_says_what_may_have_been_received() {
    let silent = Machine::answering(Vec::new()).await;
    let large = Machine::answering(answer("200 OK", "", &"x".repeat(1025))).await;
    let fits = Machine::answering(answer("200 OK", "", &"x".repeat(1024))).await;
    let endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunks = [endless, format!("400\r\n{}\r\n", "x".repeat(1024)).into_bytes().repeat(64)].concat();
    let endless = Machine::answering(chunks).await;
    let long_head = Machine::answering(answer("200 OK", &format!("X: {}\r\n", "x".repeat(4 * HEAD_BYTES)), "")).await;
    let many_heads = Machine::answering(answer("200 OK", &"X: y\r\n".repeat(HEADERS + 1), "")).await;
    let no_http = Machine::answering(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()).await;
    let hosts: Vec<String> = [&silent, &large, &fits, &endless, &long_head, &many_heads, &no_http]
        .iter()
        .map(|machine| format!("127.0.0.1:{}", machine.port))
        .collect();
    let out = open(&hosts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut patient = get(silent.url("127.0.0.1"));
    patient.deadline = Duration::from_secs(2);
    assert_eq!(out.send(patient).await.unwrap_err(), Failure::Unknown(Why::Late));
    assert_eq!(out.send(get(fits.url("127.0.0.1"))).await.unwrap().body.len(), 1024);
    for machine in [&large, &endless] {
        assert_eq!(out.send(get(machine.url("127.0.0.1"))).await.unwrap_err(), Failure::Unknown(Why::TooLarge));
    }
    for machine in [&long_head, &many_heads, &no_http] {
        let failed = out.send(get(machine.url("127.0.0.1"))).await.unwrap_err();
        assert!(matches!(failed, Failure::Unknown(Why::TooLarge | Why::Broken)), "{failed:?}");
    }
    let (gone, _nobodys) = nobody();
    let out = open(&[&gone.to_string()]);
    let failed = out.send(get(format!("http://{gone}/"))).await.unwrap_err();
    assert_eq!(failed, Failure::Definite(Why::Connect), "nothing was sent");
}

#[tokio::test]
async fn st_129_where_only_the_head_counts_nothing_after_it_is_waited_for() {
    let large = Machine::answering(answer("204 No Content", "", &"x".repeat(1 << 20))).await;
    let slow = Machine::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx".to_vec()).await;
    let endless = Machine::answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()).await;
    for machine in [&large, &slow, &endless] {
        let out = open(&[&format!("127.0.0.1:{}", machine.port)]);
        let mut request = get(machine.url("127.0.0.1"));
        request.most = 0;
        let reply = out.send(request).await.unwrap();
        assert!(matches!(reply.status, 200 | 204) && reply.body.is_empty(), "{reply:?}");
    }
}

#[tokio::test]
async fn st_129_waiting_for_the_calls_of_others_is_not_held_against_a_call() {
    let mut silent = Vec::new();
    for _ in 0..IN_FLIGHT / AT_ONE_HOST {
        silent.push(Machine::answering(Vec::new()).await);
    }
    let good = Machine::answering(answer("200 OK", "", "hello")).await;
    let hosts: Vec<String> =
        silent.iter().chain([&good]).map(|machine| format!("127.0.0.1:{}", machine.port)).collect();
    let out = Arc::new(open(&hosts.iter().map(String::as_str).collect::<Vec<_>>()));
    let mut others = JoinSet::new();
    for n in 0..IN_FLIGHT {
        let (out, mut request) = (out.clone(), get(silent[n / AT_ONE_HOST].url("127.0.0.1")));
        request.deadline = Duration::from_secs(6);
        others.spawn(async move { out.send(request).await });
    }
    while out.in_flight.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let mut request = get(good.url("127.0.0.1"));
    (request.deadline, request.patience) = (Duration::from_secs(4), Duration::from_secs(60));
    assert_eq!(out.send(request).await.unwrap().status, 200);
    while let Some(one) = others.join_next().await {
        assert_eq!(one.unwrap().unwrap_err(), Failure::Unknown(Why::Late));
    }
}

#[tokio::test]
async fn fm_117_a_host_that_keeps_everybody_waiting_has_its_own_turns_and_leaves_the_others_theirs() {
    let silent = Machine::answering(Vec::new()).await;
    let good = Machine::answering(answer("200 OK", "", "hello")).await;
    let hosts = [&silent, &good].map(|machine| format!("127.0.0.1:{}", machine.port));
    let out = Arc::new(open(&[&hosts[0], &hosts[1]]));
    let mut waiting = JoinSet::new();
    for _ in 0..IN_FLIGHT * 2 {
        let (out, mut request) = (out.clone(), get(silent.url("127.0.0.1")));
        request.deadline = Duration::from_secs(3);
        waiting.spawn(async move { out.send(request).await.unwrap_err() });
    }
    while silent.visits() < AT_ONE_HOST {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Many times as many calls as there are turns, and another host is served at once.
    let mut request = get(good.url("127.0.0.1"));
    request.deadline = Duration::from_secs(60);
    assert_eq!(out.send(request).await.unwrap().status, 200);
    let failures = waiting.join_all().await;
    let counted = |why| failures.iter().filter(|failure| **failure == why).count();
    let late = counted(Failure::Unknown(Why::Late));
    assert_eq!((late, counted(Failure::Definite(Why::Crowded))), (AT_ONE_HOST, 2 * IN_FLIGHT - AT_ONE_HOST));
    assert_eq!(silent.visits(), AT_ONE_HOST, "nothing of those who waited in vain was sent");
}
