//! From a host name to addresses, once.
//!
//! Owns the question to the system's resolver and how many may be open. Does not judge an address.

use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Gives the addresses of a name. A trait so that tests can answer as a hostile name server would.
pub trait Resolve: Send + Sync {
    /// The addresses of `host`.
    fn resolve(&self, host: &str) -> Answer;
}

/// Addresses that are on their way.
pub type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Questions that may be open at once. One that is no longer waited for still holds its thread until it is answered.
const QUESTIONS: usize = 32;
/// The most addresses that are looked at: a name with more is answered by somebody who plays.
pub const ADDRESSES: usize = 32;

/// The system's resolver.
pub struct System(Arc<Semaphore>);

impl System {
    pub fn new() -> System {
        System(Arc::new(Semaphore::new(QUESTIONS)))
    }
}

impl Resolve for System {
    fn resolve(&self, host: &str) -> Answer {
        let (open, host) = (self.0.clone(), host.to_owned());
        Box::pin(async move {
            let one = open.acquire_owned().await.map_err(io::Error::other)?;
            let found = tokio::task::spawn_blocking(move || {
                let _one = one;
                let found = (host.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).take(ADDRESSES + 1).collect())
            });
            found.await.map_err(io::Error::other)?
        })
    }
}
