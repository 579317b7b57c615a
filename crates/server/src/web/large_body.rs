//! Requests that hold a file: read up to a larger limit than others, a few at a time, for callers who are known.
//!
//! Owns who gets a turn: the person behind the credential in the headers. Whoever has none, or a bad one, is answered
//! before the body is read, so that strangers cannot take the turns of those who have one. A signature covers the body
//! and is judged when that is here; until then its access key must be there and its date good, which whoever knows the name
//! of a key can feign.

use crate::app::App;
use crate::web::access_key;
use crate::web::aksk;
use crate::web::credential;
use crate::web::door::Visit;
use crate::web::form::{BODY_LIMIT, Received};
use crate::web::large::Turn;
use crate::web::servicestage::{Code, Refusal};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::response::Response;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use vestibule_oauth::id::Id;

/// The largest body that holds a file, in bytes: 8 MiB in base64, in lines of sixty characters or more,
/// and what is said of it.
const FILE_LIMIT: usize = 12 << 20;
/// How long such a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many are read and served at once, of one person and in all.
pub const OF_ONE: usize = 3;
pub const AT_ONCE: usize = 12;
/// After how many seconds another try makes sense.
const CROWDED_S: u32 = 5;

/// A request that may hold a file, read whole.
pub struct ReceivedFile {
    received: Received,
    turn: Option<Arc<Turn>>,
}

impl ReceivedFile {
    /// The turn, for work that holds the body's bytes and goes on after its caller has left: whoever hangs up must not
    /// fill the memory with bodies that count as gone (FM-117).
    pub fn turn(&self) -> Option<Arc<Turn>> {
        self.turn.clone()
    }
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
            return Ok(ReceivedFile { received: Received::from_request(request, app).await?, turn: None });
        }
        let headers = headers_of(&request);
        let id = headers.request_id.clone();
        let person = known(app, headers).await.map_err(|refusal| refusal.answer(&id))?;
        let Some(turn) = app.large_bodies.take(person, Duration::ZERO).await else {
            let refusal = Refusal::saying(Code::Crowded, "several large files are on their way");
            return Err(refusal.waiting(CROWDED_S).answer(&id));
        };
        let received = Received::within(request, FILE_LIMIT, PATIENCE).await?;
        Ok(ReceivedFile { received, turn: Some(Arc::new(turn)) })
    }
}

/// The request without its body.
fn headers_of(request: &Request) -> Received {
    let visit = Visit::of(request.extensions());
    Received {
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        query: None,
        headers: request.headers().clone(),
        body: Bytes::new(),
        peer: visit.peer,
        request_id: visit.id.clone(),
    }
}

/// The person whom the headers name, as far as they prove it alone.
async fn known(app: &App, received: Received) -> Result<Id, Refusal> {
    if !aksk::is_claimed(&received.headers) {
        return Ok(credential::identify(app, &received).await?.person);
    }
    let wrong = || Refusal::saying(Code::NotAuthenticated, "verify aksk signature fail");
    let presented = aksk::Presented::read(&received.headers, app.clock.now()).map_err(|_| wrong())?;
    access_key::owner(app, &received, presented.access).await?.ok_or_else(wrong)
}
