//! The accept loop: how a connection is taken, how long it may dawdle, and how it is let go.
//!
//! Ours because `axum::serve` installs no timer, which silently switches hyper's header timeout off and leaves the
//! door open for slow senders. Owns every limit of a connection; what is answered on it is the router's.

mod life;
#[cfg(test)]
mod tests;

use crate::app::App;
use crate::clock::Clock;
use crate::web::door;
use crate::web::guard::network;
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use life::{Life, Limits};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long a client may take to send a request's headers, and how long a connection that has not asked for anything
/// yet may stay. A kept-alive HTTP/1 connection waits for its next request no longer than this either.
const HEADER: Duration = Duration::from_secs(10);
/// What else a connection may take. Who asks and does not read the answers is let go by these, because the kernel and
/// HTTP/2's windows would hold such a connection for ever.
const LIMITS: Limits = Limits {
    silent: HEADER,
    idle: Duration::from_secs(75),
    request: Duration::from_secs(60),
    farewell: Duration::from_secs(10),
};
/// How often an HTTP/2 peer is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
/// The largest header section, in bytes.
const HEADER_BYTES: usize = 16 * 1024;
/// The most requests that one HTTP/2 connection may have under way.
const STREAMS: u32 = 16;
/// How many bytes one HTTP/2 connection may send ahead of what is read, and one of its requests: the least that the
/// protocol knows. More would be memory that a stranger fills. A file of many
/// megabytes goes faster by HTTP/1, which has no such window.
const WINDOW: u32 = 65_535;
/// How many bytes of answers may wait in one HTTP/2 request for a client that reads slowly.
const SEND_BUFFER: usize = 64 * 1024;

/// How many connections may be open.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// In all.
    pub all: usize,
    /// From one address, or one IPv6 household.
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
        let (inside, router, peer) = (app.clone(), router.clone(), address.ip());
        let answer = move |request| door::pass(inside.clone(), router.clone(), peer, request);
        let connection = Connection { clock: app.clock.clone(), limits: LIMITS, answer, stop: stop.clone() };
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
        .initial_connection_window_size(WINDOW)
        .initial_stream_window_size(WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING)
        .keep_alive_timeout(HEADER);
    builder
}

struct Connection<A> {
    clock: Clock,
    limits: Limits,
    /// Answers a request.
    answer: A,
    stop: watch::Receiver<bool>,
}

impl<A, F> Connection<A>
where
    A: Fn(Request) -> F,
    F: Future<Output = Response> + Send + 'static,
{
    async fn serve<S>(mut self, builder: &Builder<TokioExecutor>, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let life = Life::new(self.clock, self.limits);
        let (answer, seen) = (self.answer, life.clone());
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let under_way = seen.begin();
            let answer = answer(request.map(axum::body::Body::new));
            async move { Ok::<_, Infallible>(answer.await.map(|body| under_way.until_written(body))) }
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        loop {
            tokio::select! {
                // Errors here are the peer's: it went away, dawdled, or does not speak HTTP.
                _ = connection.as_mut() => return,
                () = stopped(&mut self.stop) => break,
                () = tokio::time::sleep(life.patience().min(self.limits.idle)) => {
                    if life.patience().is_zero() {
                        break;
                    }
                }
            }
        }
        // Says goodbye (GOAWAY, or `connection: close`), finishes what is under way, and leaves.
        connection.as_mut().graceful_shutdown();
        if life.asked() {
            let _ = tokio::time::timeout(self.limits.farewell, connection).await;
        } // A connection that has never asked for anything is dropped: there is nothing to finish.
    }
}

/// Counts connections per address, as [`network`] groups them; never larger than the number of open connections.
struct Crowd {
    per_address: usize,
    counts: Mutex<HashMap<u128, usize>>,
}

/// A place in the crowd, given back when dropped.
struct Place {
    crowd: Arc<Crowd>,
    network: u128,
}

impl Crowd {
    fn enter(crowd: &Arc<Crowd>, address: IpAddr) -> Option<Place> {
        let mut counts = crowd.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(address);
        let count = counts.entry(network).or_default();
        if *count >= crowd.per_address {
            return None;
        }
        *count += 1;
        Some(Place { crowd: crowd.clone(), network })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.crowd.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}
