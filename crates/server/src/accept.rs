//! The accept loop: how a connection is taken, how long it may dawdle, and how it is let go.
//!
//! Ours because `axum::serve` installs no timer, which silently switches hyper's header timeout off and leaves the
//! door open for slow senders. Owns every limit of a connection; what is answered on it is the router's.

use crate::app::App;
use crate::web::door::Peer;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

/// How long a client may take to send a request's headers, and how long a connection that has not asked for anything
/// yet may stay. A kept-alive HTTP/1 connection waits for its next request no longer than this either.
const HEADER: Duration = Duration::from_secs(10);
/// How long an HTTP/2 connection may stay without a request.
const IDLE: Duration = Duration::from_secs(75);
/// How often an HTTP/2 peer is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
/// The largest header section, in bytes.
const HEADER_BYTES: usize = 16 * 1024;
/// The most requests that one HTTP/2 connection may have under way.
const STREAMS: u32 = 100;

/// How many connections may be open.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// In all.
    pub all: usize,
    /// From one address.
    pub per_address: usize,
}

/// Takes connections from `listener` until `stop` turns true, then waits until those under way have ended.
pub async fn accept(listener: TcpListener, router: Router, app: Arc<App>, caps: Caps, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(caps.all));
    let crowd = Arc::new(Crowd { per_address: caps.per_address, counts: Mutex::default() });
    let builder = Arc::new(builder());
    let mut connections = JoinSet::new();
    loop {
        let taken = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            taken = take(&listener, &room) => taken,
            Some(_) = connections.join_next() => continue,
        };
        let Some((stream, address, seat)) = taken else { continue };
        let Some(place) = Crowd::enter(&crowd, address.ip()) else { continue };
        // Answers are small and written whole: waiting to fill a segment only delays them.
        let _ = stream.set_nodelay(true);
        let connection = Connection { app: app.clone(), router: router.clone(), address, stop: stop.clone() };
        let builder = builder.clone();
        connections.spawn(async move {
            connection.serve(&builder, stream).await;
            drop((seat, place));
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever could say stop is gone, which is a stop.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits for a seat and then for a connection: when all seats are taken, the kernel's queue holds the others back.
async fn take(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let seat = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, address, seat)),
        Err(error) => {
            // Out of file descriptors, or the peer was gone already. Without the pause the first would spin.
            tracing::warn!(%error, "a connection could not be taken");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER).max_buf_size(HEADER_BYTES).keep_alive(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_BYTES as u32)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(PING)
        .keep_alive_timeout(HEADER);
    builder
}

struct Connection {
    app: Arc<App>,
    router: Router,
    address: SocketAddr,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(mut self, builder: &Builder<TokioExecutor>, stream: TcpStream) {
        let life = Arc::new(Life::new(self.app.clock.ticks()));
        let (router, peer, app, seen) = (self.router, Peer(self.address.ip()), self.app.clone(), life.clone());
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            let under_way = Life::begin(&seen, app.clone());
            let answer = router.clone().oneshot(request.map(axum::body::Body::new));
            async move {
                let _under_way = under_way;
                answer.await
            }
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        loop {
            let patience = life.patience(self.app.clock.ticks());
            tokio::select! {
                // Errors here are the peer's: it went away, dawdled, or does not speak HTTP.
                _ = connection.as_mut() => return,
                () = stopped(&mut self.stop) => break,
                () = tokio::time::sleep(patience) => {
                    if life.patience(self.app.clock.ticks()).is_zero() {
                        break;
                    }
                }
            }
        }
        // Says goodbye (GOAWAY, or `connection: close`), finishes what is under way, and leaves; whoever drains the
        // process sets the deadline for all.
        connection.as_mut().graceful_shutdown();
        if life.asked() {
            let _ = connection.await;
        } // A connection that has never asked for anything is dropped: there is nothing to finish.
    }
}

/// What a connection has been doing.
struct Life {
    under_way: AtomicUsize,
    /// Ticks when it was taken or ended its last request, in milliseconds.
    quiet_since: AtomicI64,
    asked: AtomicUsize,
}

impl Life {
    fn new(ticks: i64) -> Life {
        Life { under_way: AtomicUsize::new(0), quiet_since: AtomicI64::new(ticks), asked: AtomicUsize::new(0) }
    }

    fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > 0
    }

    /// How much longer it may stay as it is.
    fn patience(&self, ticks: i64) -> Duration {
        if self.under_way.load(Ordering::Relaxed) > 0 {
            return IDLE;
        }
        let limit = if self.asked() { IDLE } else { HEADER };
        let quiet = u64::try_from(ticks - self.quiet_since.load(Ordering::Relaxed)).unwrap_or(0);
        limit.saturating_sub(Duration::from_millis(quiet))
    }

    fn begin(life: &Arc<Life>, app: Arc<App>) -> UnderWay {
        life.under_way.fetch_add(1, Ordering::Relaxed);
        life.asked.store(1, Ordering::Relaxed);
        UnderWay { life: life.clone(), app }
    }
}

/// A request under way; its end is noted when it is dropped, however it ends.
struct UnderWay {
    life: Arc<Life>,
    app: Arc<App>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.life.quiet_since.store(self.app.clock.ticks(), Ordering::Relaxed);
        self.life.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts connections per address; never larger than the number of open connections.
struct Crowd {
    per_address: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// A place in the crowd, given back when dropped.
struct Place {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Crowd {
    fn enter(crowd: &Arc<Crowd>, address: IpAddr) -> Option<Place> {
        let mut counts = crowd.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= crowd.per_address {
            return None;
        }
        *count += 1;
        Some(Place { crowd: crowd.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_connection_that_asks_nothing_has_ten_seconds_and_a_quiet_one_seventy_five() {
        let life = Life::new(1_000);
        assert_eq!(life.patience(1_000), HEADER);
        assert_eq!(life.patience(11_000), Duration::ZERO);
        life.asked.store(1, Ordering::Relaxed);
        assert_eq!(life.patience(11_000), IDLE - HEADER);
        life.under_way.store(1, Ordering::Relaxed);
        assert_eq!(life.patience(9_999_999), IDLE, "what is under way is not hurried");
    }
}
