//! Requests that hold a file: read up to a larger limit than others, a few at a time.
//!
//! Owns how many may be read at once. Every other request is bounded by `form::BODY_LIMIT` (FM-119); these are as well,
//! unless they have a turn, which they keep until they are answered.

use crate::app::App;
use crate::web::door::Visit;
use crate::web::form::{BODY_LIMIT, Received};
use crate::web::guard::network;
use crate::web::servicestage::{Code, Refusal};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::response::Response;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The largest body that holds a file, in bytes: 8 MiB in base64, and what is said of it.
const FILE_LIMIT: usize = 12 << 20;
/// How long such a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many are read and served at once, in all and of one network.
const AT_ONCE: usize = 6;
const OF_ONE_NETWORK: usize = 3;
/// After how many seconds another try makes sense.
const CROWDED_S: u32 = 5;

/// The networks from which large bodies are on their way; never more than there are turns.
#[derive(Default)]
pub struct LargeBodies(Arc<Mutex<Vec<u128>>>);

/// A turn, given back when dropped.
pub struct Turn {
    network: u128,
    bodies: Arc<Mutex<Vec<u128>>>,
}

impl LargeBodies {
    fn begin(&self, network: u128) -> Option<Turn> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = under_way.iter().filter(|other| **other == network).count();
        if under_way.len() >= AT_ONCE || of_one >= OF_ONE_NETWORK {
            return None;
        }
        under_way.push(network);
        Some(Turn { network, bodies: self.0.clone() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = under_way.iter().position(|network| *network == self.network) {
            under_way.swap_remove(at);
        }
    }
}

/// A request that may hold a file, read whole.
pub struct ReceivedFile {
    received: Received,
    _turn: Option<Turn>,
}

impl Deref for ReceivedFile {
    type Target = Received;
    fn deref(&self) -> &Received {
        &self.received
    }
}

impl FromRequest<Arc<App>> for ReceivedFile {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<ReceivedFile, Response> {
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length <= BODY_LIMIT) {
            return Ok(ReceivedFile { received: Received::from_request(request, app).await?, _turn: None });
        }
        let visit = Visit::of(request.extensions());
        let Some(turn) = app.large_bodies.begin(network(visit.peer)) else {
            let refusal = Refusal::saying(Code::TooManyTries, "several large files are on their way: come again");
            return Err(refusal.waiting(CROWDED_S).answer(&visit.id));
        };
        let received = Received::within(request, FILE_LIMIT, PATIENCE).await?;
        Ok(ReceivedFile { received, _turn: Some(turn) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm_117_large_bodies_are_few_and_one_network_has_not_all_of_their_turns() {
        let bodies = LargeBodies::default();
        let mut turns: Vec<Turn> = (0..OF_ONE_NETWORK).map(|_| bodies.begin(1).expect("a turn")).collect();
        assert!(bodies.begin(1).is_none());
        turns.extend((OF_ONE_NETWORK..AT_ONCE).map(|n| bodies.begin(n as u128 + 1).expect("a turn")));
        assert!(bodies.begin(99).is_none());
        turns.remove(0);
        assert!(bodies.begin(1).is_some());
        drop(turns);
        assert!(bodies.0.lock().expect("the list").is_empty(), "nothing is kept of whoever is done");
    }
}
