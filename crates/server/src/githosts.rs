//! Conversations with Git hosts: sends what the rulebook wants sent, and hands it what came back.
//!
//! Owns how long a conversation may take, how many requests it may have, and what is sent a second time. Which address
//! may be called is decided in `outbound`, what a reply means in `vestibule-githost`. What the other side said when
//! there was no reply is told to nobody (FM-90); why there was none stands in the log.

#[cfg(test)]
mod tests;

use crate::clock::{Clock, Until};
use crate::outbound::{Failure, Outbound, Reply, Request, Why};
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use vestibule_githost::errand::{Errand, Step};
use vestibule_githost::refusal::Refusal;
use vestibule_githost::{reply, wire};
use zeroize::Zeroizing;

/// What bounds a conversation.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// How long one request may take.
    request: Duration,
    /// How long all of it may take, in milliseconds; somebody waits for it.
    whole: i64,
    /// How long its first request may wait for a turn at the host.
    patience: Duration,
    /// How many requests it may have: two listings of as many pages as are read, and what leads to them.
    requests: u32,
}

const BOUNDS: Bounds = Bounds { request: Duration::from_secs(10), whole: 30_000, patience: PATIENCE, requests: 110 };

/// The longest that one conversation takes: whoever ends the process waits as long for those that are under way.
pub const LONGEST: Duration = Duration::from_millis(BOUNDS.whole.unsigned_abs());

/// How long a conversation that has sent nothing yet waits for a turn at its host, before its caller is asked to come again.
const PATIENCE: Duration = Duration::from_secs(2);
/// After how long that is, in milliseconds.
const COME_AGAIN_MS: i64 = 5_000;

/// Drives a conversation to its end. Dropping the future may leave a request behind whose reply nobody reads: what
/// spends a code or a refresh token belongs in a task of its own.
pub async fn converse<T: Send + 'static>(outbound: &Outbound, clock: &Clock, step: Step<T>) -> Result<T, Refusal> {
    converse_within(BOUNDS, None, outbound, clock, step).await
}

/// As [`converse`], for what belongs to something that is spent already, such as a code: it waits for a turn at its host
/// as long as it may last, because coming again would be in vain.
pub async fn converse_patiently<T: Send + 'static>(
    outbound: &Outbound,
    clock: &Clock,
    step: Step<T>,
) -> Result<T, Refusal> {
    converse_within(Bounds { patience: LONGEST, ..BOUNDS }, None, outbound, clock, step).await
}

/// How long a conversation may take that trades a refresh token, in milliseconds. Its lease in the database is three times
/// as long.
pub const TOKENS_DEADLINE_MS: i64 = 20_000;

const FOR_TOKENS: Bounds = Bounds {
    request: Duration::from_millis(TOKENS_DEADLINE_MS.unsigned_abs()),
    whole: TOKENS_DEADLINE_MS,
    // Shorter than the whole: it must be told apart from an answer that did not come.
    patience: Duration::from_secs(8),
    requests: 2,
};

/// The same for one that trades a refresh token: it is one request, many wait for it, and it gets all the time that there is.
/// Nothing is sent after `until`, because somebody else may send by then.
pub async fn converse_for_tokens<T: Send + 'static>(
    outbound: &Outbound,
    clock: &Clock,
    until: Until,
    step: Step<T>,
) -> Result<T, Refusal> {
    converse_within(FOR_TOKENS, Some(until), outbound, clock, step).await
}

async fn converse_within<T: Send + 'static>(
    bounds: Bounds,
    until: Option<Until>,
    outbound: &Outbound,
    clock: &Clock,
    mut step: Step<T>,
) -> Result<T, Refusal> {
    let mut talk = Talk { bounds, until, ends: clock.ticks().saturating_add(bounds.whole), sent: 0, acted: false };
    loop {
        let errand = match step {
            Step::Done(outcome) => return outcome,
            Step::Ask(errand) => errand,
        };
        let reply = match talk.send(outbound, clock, errand.request()).await {
            Ok(reply) => reply,
            Err(Lost::TooLong) => {
                let refusal = errand.too_long();
                step = errand.stop(refusal);
                continue;
            }
            // Over is not the host's no: a listing ends as one that is cut.
            Err(Lost::Refused(refusal)) if talk.is_over(clock) => {
                step = errand.stop(refusal);
                continue;
            }
            Err(Lost::Refused(refusal)) => return Err(refusal),
        };
        step = understand(errand, reply, clock.now()).await;
    }
}

/// Reads a reply; a long one away from where others wait: megabytes of JSON and base64 take their time.
async fn understand<T: Send + 'static>(errand: Errand<T>, reply: reply::Reply, now: i64) -> Step<T> {
    if reply.len() <= AT_ONCE_BYTES {
        return errand.read(&reply, now);
    }
    let reading = tokio::task::spawn_blocking(move || errand.read(&reply, now));
    reading.await.unwrap_or_else(|_| Step::refuse(Refusal::broken("the host's answer could not be read")))
}

/// A reply up to this length is read where it is, in bytes.
const AT_ONCE_BYTES: usize = 256 * 1024;

/// A conversation under way.
struct Talk {
    bounds: Bounds,
    until: Option<Until>,
    ends: i64,
    sent: u32,
    /// Whether something was sent that may have changed something at the host.
    acted: bool,
}

/// Why there is no reply to read.
enum Lost {
    /// There was more of it than is read.
    TooLong,
    Refused(Refusal),
}

impl Talk {
    /// Sends one request: once more if its answer was lost and it may be repeated. One that was too slow once is not
    /// asked again, because somebody waits.
    async fn send(&mut self, outbound: &Outbound, clock: &Clock, asked: &wire::Request) -> Result<reply::Reply, Lost> {
        let mut outcome = self.send_once(outbound, clock, asked).await.map_err(Lost::Refused)?;
        if outcome.as_ref().is_err_and(|f| *f == Failure::Unknown(Why::Broken)) && asked.may_repeat() {
            outcome = self.send_once(outbound, clock, asked).await.map_err(Lost::Refused)?;
        }
        match outcome {
            Ok(reply) => {
                self.acted |= !asked.may_repeat();
                Ok(read(reply))
            }
            Err(failure) => Err(self.judge(failure, asked)),
        }
    }

    async fn send_once(
        &mut self,
        outbound: &Outbound,
        clock: &Clock,
        asked: &wire::Request,
    ) -> Result<Result<Reply, Failure>, Refusal> {
        let left = u64::try_from(self.ends.saturating_sub(clock.ticks())).unwrap_or(0);
        if left == 0 || self.sent >= self.bounds.requests {
            return Err(self.too_late());
        }
        let left = Duration::from_millis(left);
        // A conversation that has begun is not broken off for the sake of others.
        let patience = if self.sent == 0 { self.bounds.patience } else { left };
        self.sent += 1;
        let request = spell(asked).ok_or_else(unreachable)?;
        // Waiting for a turn counts in the whole, though not in the request's own deadline.
        let deadline = self.bounds.request.min(left);
        Ok(outbound.send(Request { patience, deadline, whole: left, until: self.until.clone(), ..request }).await)
    }

    /// What it means that there is no time left to ask: as long as nothing was changed there, nothing was done.
    fn too_late(&self) -> Refusal {
        let reason = "it would take longer than we wait for a host";
        if self.acted { Refusal::broken(reason) } else { Refusal::unreachable(reason) }
    }

    /// Whether nothing more will be sent.
    fn is_over(&self, clock: &Clock) -> bool {
        clock.ticks() >= self.ends || self.sent >= self.bounds.requests
    }

    fn judge(&self, failure: Failure, asked: &wire::Request) -> Lost {
        tracing::warn!(request = ?asked, why = failure.why().name(), "a Git host gave no answer");
        match failure {
            Failure::Unknown(Why::TooLarge) => Lost::TooLong,
            Failure::Definite(Why::Crowded) if !self.acted => Lost::Refused(crowded()),
            Failure::Definite(_) if !self.acted => Lost::Refused(unreachable()),
            Failure::Unknown(Why::Late) => Lost::Refused(Refusal::broken("the host did not answer in time")),
            _ => Lost::Refused(Refusal::broken("the connection to the host broke before its answer was whole")),
        }
    }
}

/// One sentence for all that is wrong with a way there: more would tell a stranger what stands inside the house.
fn unreachable() -> Refusal {
    Refusal::unreachable("the host cannot be reached from here; the server's log says why")
}

/// Nothing was sent, and nothing is wrong but the moment.
fn crowded() -> Refusal {
    let why = vestibule_githost::refusal::Why::Crowded { retry_after: COME_AGAIN_MS };
    Refusal::new(why, "as many requests as may are under way to the host")
}

/// The request as it is sent; how long it may take is its conversation's. `None` if it cannot be: a header that HTTP has no
/// room for.
fn spell(asked: &wire::Request) -> Option<Request> {
    let method = match asked.method() {
        wire::Method::Get => Method::GET,
        wire::Method::Head => Method::HEAD,
        wire::Method::Post => Method::POST,
        wire::Method::Put => Method::PUT,
        wire::Method::Delete => Method::DELETE,
    };
    let most = if asked.method() == wire::Method::Head { 0 } else { asked.most_reply_bytes() };
    let header = |(name, value): (&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(name == header::AUTHORIZATION);
        Some((name, value))
    };
    Some(Request {
        method,
        url: asked.url().to_owned(),
        headers: asked.headers().map(header).collect::<Option<Vec<_>>>()?,
        // The copy is wiped like the original: it may hold tokens.
        body: Bytes::from_owner(Zeroizing::new(asked.body().to_vec())),
        patience: Duration::ZERO,
        deadline: Duration::ZERO,
        whole: Duration::ZERO,
        until: None,
        most,
    })
}

fn read(reply: Reply) -> reply::Reply {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = reply.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    reply::Reply::new(reply.status, headers, reply.body.into())
}
