//! What a server that is up owes to every question: an answer that says yes or no.
//!
//! Owns which answers are none, and what excuses them. What a yes or a no promises is judged elsewhere.

use super::{Index, Violation};
use crate::prove::history::{Doubt, Event, Outcome, Span, Subject, What};

/// Answers that a server may not give. While the driver itself keeps the server down, a connection may be lost and 503 is
/// honest; every other 5xx never is, and 429 neither: the driver does not guess. Only a client that shows a secret which
/// may have been removed looks like one who does, and may be told to wait; whoever has the right one never is.
pub fn unanswered(index: &Index, events: &[Event]) -> Vec<Violation> {
    let outages: Vec<Span> =
        events.iter().filter(|event| event.what == What::Outage).map(|outage| outage.span).collect();
    let down = |span: Span| outages.iter().any(|outage| outage.begin < span.end && span.begin < outage.end);
    let removed = |event: &Event| match &event.what {
        What::Redeem { by, .. } | What::Refresh { by, .. } => index.switches.may_be_off(Subject::Key(*by), event.span),
        _ => false,
    };
    let fault = |event: &Event| match event.what.doubt()? {
        Doubt::NoAnswer | Doubt::Answered(503) if down(event.span) => None,
        Doubt::Answered(429) if removed(event) => None,
        doubt => Some(Violation::Unanswered { doubt, at: event.span }),
    };
    events.iter().filter_map(fault).collect()
}

impl What {
    /// Why its outcome is not known.
    pub fn doubt(&self) -> Option<Doubt> {
        match self {
            What::Issue { outcome, .. } => doubt(outcome),
            What::Redeem { outcome, .. } | What::Refresh { outcome, .. } => doubt(outcome),
            What::Use { outcome, .. } | What::Knock { outcome, .. } => doubt(outcome),
            What::End { outcome, .. } | What::Restore { outcome, .. } | What::Cut { outcome, .. } => doubt(outcome),
            What::Outage => None,
        }
    }
}

fn doubt<T>(outcome: &Outcome<T>) -> Option<Doubt> {
    match outcome {
        Outcome::Unknown(doubt) => Some(*doubt),
        Outcome::Done(_) | Outcome::Refused => None,
    }
}
