//! Connections that ask and do not read, and how many one address may have.

use super::*;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tower::ServiceExt;

const LONG: Duration = Duration::from_secs(60);

/// Serves one connection with a large answer at `/`, and another that takes its time at `/slow`.
fn serve(limits: Limits) -> (DuplexStream, JoinHandle<()>, watch::Sender<bool>) {
    let router = Router::new().route("/", get(|| async { "x".repeat(1 << 20) })).route(
        "/slow",
        get(|| async {
            tokio::time::sleep(Duration::from_millis(900)).await;
            "done"
        }),
    );
    let (ours, theirs) = duplex(4096);
    let (go, stop) = watch::channel(false);
    let answer = move |request| {
        let routed = router.clone().oneshot(request);
        async move { routed.await.unwrap_or_else(|never| match never {}) }
    };
    let connection = Connection { clock: Clock::system(), limits, answer, stop };
    (theirs, tokio::spawn(async move { connection.serve(&builder(), ours).await }), go)
}

fn short() -> Limits {
    let short = Duration::from_millis(300);
    Limits { silent: short, idle: short, request: short, farewell: short }
}

async fn ends(what: &str, served: JoinHandle<()>) {
    tokio::time::timeout(LONG, served).await.unwrap_or_else(|_| panic!("{what} keeps its connection")).unwrap();
}

/// An HTTP/2 frame without flags but these.
fn frame(kind: u8, flags: u8, stream: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, u8::try_from(body.len()).unwrap(), kind, flags, 0, 0, 0, stream];
    frame.extend_from_slice(body);
    frame
}

#[tokio::test]
async fn fm_120_who_asks_and_never_reads_is_let_go() {
    let (mut client, served, _go) = serve(short());
    for _ in 0..3 {
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    }
    ends("a client that does not read", served).await;
}

#[tokio::test]
async fn fm_120_who_opens_no_http2_window_is_let_go_and_may_not_fill_ours() {
    let (mut client, served, _go) = serve(short());
    let mut hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS_INITIAL_WINDOW_SIZE = 0, then `GET http://x/` on stream 1.
    hello.extend(frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]));
    hello.extend(frame(1, 5, 1, &[0x82, 0x86, 0x84, 0x41, 1, b'x']));
    client.write_all(&hello).await.unwrap();
    let mut header = [0; 9];
    client.read_exact(&mut header).await.unwrap();
    assert_eq!(header[3], 4, "the server's settings come first");
    let mut settings = vec![0; usize::from(header[2])];
    client.read_exact(&mut settings).await.unwrap();
    let said = |name: u8| {
        let found = settings.chunks(6).find(|setting| setting[..2] == [0, name]);
        found.map(|setting| u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]))
    };
    assert_eq!(said(3), Some(16), "requests at once");
    assert!(said(4).unwrap_or(65_535) <= 65_535, "bytes ahead of what is read");
    ends("a client without a window", served).await;
}

#[tokio::test]
async fn what_is_under_way_is_not_cut_by_the_idle_limit() {
    let (mut client, served, _go) = serve(Limits { request: LONG, ..short() });
    client.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    ends("an idle client", served).await;
}

#[test]
fn an_address_has_so_many_places_and_gives_them_back() {
    let crowd = Arc::new(Crowd { per_address: 2, counts: Mutex::default() });
    let address = IpAddr::from([192, 0, 2, 1]);
    let first = Crowd::enter(&crowd, address);
    let second = Crowd::enter(&crowd, address);
    assert!(first.is_some() && second.is_some());
    assert!(Crowd::enter(&crowd, address).is_none());
    assert!(Crowd::enter(&crowd, IpAddr::from([192, 0, 2, 2])).is_some());
    drop(first);
    assert!(Crowd::enter(&crowd, address).is_some());
    drop(second);
    assert!(crowd.counts.lock().unwrap().is_empty(), "nothing is kept of those who have left");
}

#[test]
fn one_ipv6_household_shares_its_places() {
    let crowd = Arc::new(Crowd { per_address: 1, counts: Mutex::default() });
    let enter = |address: &str| Crowd::enter(&crowd, address.parse().unwrap());
    let first = enter("2001:db8::1");
    assert!(first.is_some());
    assert!(enter("2001:db8::2").is_none());
    assert!(enter("2001:db8:0:1::1").is_some());
    drop(first);
    assert!(enter("2001:db8::2").is_some());
}
