//! Errands: what is to be sent to a host, and what its reply leads to.
//!
//! Owns the shape of a conversation that is all plain values: the server sends [`Errand::request`], hands the reply to
//! [`Errand::read`], and goes on until there is nothing left to ask. Does not own sending, waiting or retrying.

use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::wire::Request;

/// A conversation with a host: the next thing to send, or its end.
#[derive(Debug)]
pub enum Step<T> {
    /// Something is to be sent.
    Ask(Errand<T>),
    /// Nothing is left to ask: what came of it.
    Done(Result<T, Refusal>),
}

/// One request, and the reader of its reply.
pub struct Errand<T> {
    request: Request,
    read: Reader<T>,
}

/// What came of a request.
enum Came<'a> {
    /// A reply, and the moment at which it is read.
    Reply(&'a Reply, i64),
    /// None that can be read, for this reason.
    Nothing(Refusal),
}

type Reader<T> = Box<dyn FnOnce(Came<'_>) -> Step<T> + Send>;

impl<T> std::fmt::Debug for Errand<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.request.fmt(f)
    }
}

impl<T: 'static> Errand<T> {
    /// What to send.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// What it means that the reply is longer than is read of it.
    pub fn too_long(&self) -> Refusal {
        self.request.too_long()
    }

    /// What the reply leads to. `now` in Unix milliseconds, for hosts that tell lifetimes.
    pub fn read(self, reply: &Reply, now: i64) -> Step<T> {
        if reply.len() > self.request.most_reply_bytes() {
            let refusal = self.too_long();
            return self.stop(refusal);
        }
        (self.read)(Came::Reply(reply, now))
    }

    /// What it leads to that there is no reply to read, because it is too long or there is no time left to ask. Most
    /// end in `refusal`; a listing of which something was read already ends as one that is cut.
    pub fn stop(self, refusal: Refusal) -> Step<T> {
        (self.read)(Came::Nothing(refusal))
    }
}

impl<T: 'static> Step<T> {
    /// Sends `request`; `read` gives the answer.
    pub fn ask(request: Request, read: impl FnOnce(&Reply, i64) -> Result<T, Refusal> + Send + 'static) -> Step<T> {
        Step::ask_on(request, move |reply, now| Step::Done(read(reply, now)))
    }

    /// Sends `request`; `read` says how it goes on. A refusal is scrubbed of this request's secrets here, before it is
    /// handed on: a later request of the conversation, under which it may be told, carries other ones.
    pub fn ask_on(request: Request, read: impl FnOnce(&Reply, i64) -> Step<T> + Send + 'static) -> Step<T> {
        Step::ask_having((), request, |(), reply, now| read(reply, now), |(), refusal| Step::refuse(refusal))
    }

    /// The same, having `so_far`: `stop` says what it leads to if there is no reply that can be read.
    pub fn ask_having<S: Send + 'static>(
        so_far: S,
        request: Request,
        read: impl FnOnce(S, &Reply, i64) -> Step<T> + Send + 'static,
        stop: impl FnOnce(S, Refusal) -> Step<T> + Send + 'static,
    ) -> Step<T> {
        let secrets = request.secrets();
        let read = move |came: Came<'_>| {
            let step = match came {
                Came::Reply(reply, now) => read(so_far, reply, now),
                Came::Nothing(refusal) => stop(so_far, refusal),
            };
            match step {
                Step::Done(Err(refusal)) => Step::Done(Err(refusal.told(|words| secrets.scrub(words)))),
                step => step,
            }
        };
        Step::Ask(Errand { request, read: Box::new(read) })
    }

    /// A conversation that ends before it begins.
    pub const fn refuse(refusal: Refusal) -> Step<T> {
        Step::Done(Err(refusal))
    }

    /// Goes on with what came of it.
    pub fn then<U: 'static>(self, next: impl FnOnce(T) -> Step<U> + Send + 'static) -> Step<U> {
        self.settle(move |outcome| match outcome {
            Ok(value) => next(value),
            Err(refusal) => Step::Done(Err(refusal)),
        })
    }

    /// Goes on with what came of it, refusals too.
    pub fn settle<U: 'static>(self, next: impl FnOnce(Result<T, Refusal>) -> Step<U> + Send + 'static) -> Step<U> {
        match self {
            Step::Done(outcome) => next(outcome),
            Step::Ask(Errand { request, read }) => {
                let read = move |came: Came<'_>| read(came).settle(next);
                Step::Ask(Errand { request, read: Box::new(read) })
            }
        }
    }

    /// Changes what came of it.
    pub fn map<U: 'static>(self, change: impl FnOnce(T) -> U + Send + 'static) -> Step<U> {
        self.then(move |value| Step::Done(Ok(change(value))))
    }
}
