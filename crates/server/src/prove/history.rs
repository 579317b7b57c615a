//! What a driver wrote down: who was asked for what, when the question went out, when the answer was there.
//!
//! Owns the words of a history. Knows nothing of how the server keeps its promises; judging is `checker`'s.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A moment in the order that the driver saw. One counter for all threads: `a < b` means that `a` came first.
pub type Stamp = u64;

/// From before the question was sent until after the answer was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub begin: Stamp,
    pub end: Stamp,
}

/// What the driver knows of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// Acknowledged.
    Done(T),
    /// Refused for good: this will not be done.
    Refused,
    /// Done or not.
    Unknown(Doubt),
}

/// Why nobody knows whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The connection was lost before an answer was whole, or a command failed.
    NoAnswer,
    /// An answer that promises nothing, with its status: 5xx, 429, and whatever makes no sense.
    Answered(u16),
}

/// A secret by the name that the driver gave it.
pub type Name = u32;

/// What one answer of the token endpoint handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub access: Name,
    pub refresh: Option<Name>,
}

/// What can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Person(Name),
    Application(Name),
    /// What a person allowed an application.
    Consent(Name, Name),
    /// That a person may use an application.
    Assignment(Name, Name),
    Organization(Name),
    /// From a sign-in in one browser until the sign-out there.
    Session(Name),
    /// Everything that came from one code; bears the code's name.
    Family(Name),
    Token(Name),
    /// What somebody proves with who they are: a password, a client's secret.
    Key(Name),
}

/// What was asked, and the outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A code, which hangs on these.
    Issue { on: Vec<Subject>, outcome: Outcome<Name> },
    /// A code traded for tokens by a client with this key.
    Redeem { code: Name, by: Name, outcome: Outcome<Pair> },
    /// A refresh token traded for its successors by a client with this key.
    Refresh { presented: Name, by: Name, outcome: Outcome<Pair> },
    /// An access token shown to a resource, which may ask the server about it.
    Use { access: Name, outcome: Outcome<()> },
    /// Something else shown that is good as long as these are: a password, or since `begun` a session's cookie.
    Knock { on: Vec<Subject>, begun: Option<Span>, outcome: Outcome<()> },
    /// Something switched off, revoked, ended.
    End { subject: Subject, outcome: Outcome<()> },
    /// Something switched on again. What had ended stays ended.
    Restore { subject: Subject, outcome: Outcome<()> },
    /// Everything ended that had begun; what begins afterwards lives.
    Cut { subject: Subject, outcome: Outcome<()> },
    /// The driver killed the server, until it listened again.
    Outage,
}

/// One line of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub span: Span,
    pub what: What,
}

/// Where many threads write one history.
#[derive(Debug, Default)]
pub struct Recorder {
    clock: AtomicU64,
    events: Mutex<Vec<Event>>,
}

impl Recorder {
    /// The next moment.
    pub fn stamp(&self) -> Stamp {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Writes down what began at `begin` and is over now.
    pub fn write(&self, begin: Stamp, what: What) {
        let span = Span { begin, end: self.stamp() };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(Event { span, what });
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Everything so far; leaves nothing behind.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
