//! What one round brings home, and what all of them add up to.
//!
//! Owns the counts and the result's one line. Judges nothing: a bound is claimed only where nothing was found.

use super::checker::Violation;
use super::history::{Doubt, Event, Outcome, What};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A round, or the part of it that is a race of its own.
pub struct Part {
    /// Which of several kinds of race; a proof of one kind has none.
    pub kind: Option<&'static str>,
    /// Whether the two sides of the race were under way at the same time. `None` where it is no race of two.
    pub met: Option<bool>,
    /// What earlier rounds wrote down, and counted, of what this one asks after.
    pub before: Vec<Event>,
    pub history: Vec<Event>,
    pub found: Vec<Violation>,
    /// What else was counted in it.
    pub counts: Vec<(&'static str, u64)>,
}

impl Part {
    /// A whole round of a proof of one kind.
    pub fn new(history: Vec<Event>, found: Vec<Violation>) -> Part {
        Part { kind: None, met: None, before: Vec::new(), history, found, counts: Vec::new() }
    }
}

/// What was counted.
#[derive(Debug, Default)]
pub struct Tally {
    acknowledged: usize,
    refused: usize,
    /// No answer.
    unknown: usize,
    /// Answers that promise nothing.
    unavailable: usize,
    told_to_wait: usize,
    errors: usize,
    pub violations: usize,
    kinds: BTreeMap<&'static str, Kind>,
    counts: BTreeMap<&'static str, u64>,
    /// What was timed, where that is the proof.
    pub measured: Option<Value>,
}

/// One of several kinds of race.
#[derive(Debug, Default)]
struct Kind {
    rounds: u64,
    /// In how many the two sides met, where there are two.
    met: Option<u64>,
    violations: usize,
    counts: BTreeMap<&'static str, u64>,
}

impl Kind {
    /// Rounds that may have broken something: a race whose sides never met was none.
    fn raced(&self) -> u64 {
        self.met.unwrap_or(self.rounds)
    }
}

impl Tally {
    pub fn count(&mut self, part: &Part) {
        for event in &part.history {
            match &event.what {
                What::Issue { outcome, .. } => self.side(outcome),
                What::Redeem { outcome, .. } | What::Refresh { outcome, .. } => self.side(outcome),
                What::Use { outcome, .. } | What::Knock { outcome, .. } => self.side(outcome),
                What::End { outcome, .. } | What::Restore { outcome, .. } | What::Cut { outcome, .. } => {
                    self.side(outcome);
                }
                What::Outage => {}
            }
        }
        self.violations += part.found.len();
        let counts = match part.kind {
            None => &mut self.counts,
            Some(name) => {
                let kind = self.kinds.entry(name).or_default();
                kind.rounds += 1;
                if let Some(met) = part.met {
                    *kind.met.get_or_insert_default() += u64::from(met);
                }
                kind.violations += part.found.len();
                &mut kind.counts
            }
        };
        for (name, count) in &part.counts {
            *counts.entry(name).or_default() += count;
        }
    }

    /// Counts that belong to no kind.
    pub fn add(&mut self, counts: &[(&'static str, u64)]) {
        for (name, count) in counts {
            *self.counts.entry(name).or_default() += count;
        }
    }

    fn side<T>(&mut self, outcome: &Outcome<T>) {
        let count = match outcome {
            Outcome::Done(_) => &mut self.acknowledged,
            Outcome::Refused => &mut self.refused,
            Outcome::Unknown(Doubt::NoAnswer) => &mut self.unknown,
            Outcome::Unknown(Doubt::Answered(503)) => &mut self.unavailable,
            Outcome::Unknown(Doubt::Answered(429)) => &mut self.told_to_wait,
            Outcome::Unknown(Doubt::Answered(_)) => &mut self.errors,
        };
        *count += 1;
    }

    /// The result: one line of JSON. `head` says what was run.
    pub fn line(&self, mut head: Value, rounds: u64) -> String {
        let kinds = self.kinds.iter().map(|(name, kind)| {
            let mut told = json!({ "rounds": kind.rounds, "violations": kind.violations,
                "below_at_95_percent": bound(kind.violations, kind.raced()) });
            if let Some(met) = kind.met {
                told["met"] = json!(met);
            }
            put(&mut told, &kind.counts);
            ((*name).to_owned(), told)
        });
        let kinds: serde_json::Map<String, Value> = kinds.collect();
        // Of several kinds each was tried so often only; of times there is no bound.
        let least = self.kinds.values().map(Kind::raced).min().unwrap_or(rounds);
        let bound = if self.measured.is_some() { None } else { bound(self.violations, least) };
        let counts = json!({
            "rounds": rounds,
            "violations": self.violations,
            "below_at_95_percent": bound,
            "acknowledged": self.acknowledged,
            "refused": self.refused,
            "unknown": self.unknown,
            "unavailable": self.unavailable,
            "told_to_wait": self.told_to_wait,
            "errors": self.errors,
        });
        if let (Value::Object(head), Value::Object(counts)) = (&mut head, counts) {
            head.extend(counts);
        }
        put(&mut head, &self.counts);
        if !kinds.is_empty() {
            head["kinds"] = Value::Object(kinds);
        }
        if let Some(measured) = &self.measured {
            head["measured"] = measured.clone();
        }
        head.to_string()
    }
}

fn put(into: &mut Value, counts: &BTreeMap<&'static str, u64>) {
    for (name, count) in counts {
        into[*name] = json!(count);
    }
}

/// No failure in n independent rounds: below 3/n with 95 % confidence (the rule of three).
fn bound(violations: usize, rounds: u64) -> Option<f64> {
    #[allow(clippy::cast_precision_loss, reason = "a bound of two digits")]
    (violations == 0 && rounds > 0).then(|| 3.0 / rounds as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::history::Span;

    fn part(kind: Option<&'static str>, outcome: Outcome<()>, found: Vec<Violation>) -> Part {
        let span = Span { begin: 0, end: 1 };
        let history = vec![Event { span, what: What::Use { access: 1, outcome } }];
        Part { kind, counts: vec![("first_wins", 1)], ..Part::new(history, found) }
    }

    fn line(tally: &Tally, rounds: u64) -> Value {
        serde_json::from_str(&tally.line(json!({ "prove": "x" }), rounds)).expect("JSON")
    }

    #[test]
    fn each_kind_has_its_own_rounds_and_bound_and_the_whole_that_of_the_rarest() {
        let mut tally = Tally::default();
        for _ in 0..30 {
            tally.count(&part(Some("often"), Outcome::Done(()), Vec::new()));
        }
        tally.count(&part(Some("seldom"), Outcome::Refused, Vec::new()));
        let told = line(&tally, 31);
        assert_eq!(told["kinds"]["often"]["rounds"], 30);
        assert_eq!(told["kinds"]["often"]["below_at_95_percent"], 0.1);
        assert_eq!(told["kinds"]["often"]["first_wins"], 30);
        assert_eq!(told["kinds"]["seldom"]["below_at_95_percent"], 3.0);
        assert_eq!(told["below_at_95_percent"], 3.0);
        let broken = Violation::Forked { token: 1 };
        tally.count(&part(Some("seldom"), Outcome::Refused, vec![broken]));
        let told = line(&tally, 32);
        assert_eq!(told["kinds"]["seldom"]["violations"], 1);
        assert!(told["kinds"]["seldom"]["below_at_95_percent"].is_null() && told["below_at_95_percent"].is_null());
        assert_eq!(told["kinds"]["often"]["below_at_95_percent"], 0.1);
    }

    #[test]
    fn a_race_whose_sides_never_met_proves_nothing_about_a_race() {
        let mut tally = Tally::default();
        for n in 0..30 {
            let round = part(Some("raced"), Outcome::Done(()), Vec::new());
            tally.count(&Part { met: Some(n % 3 == 0), ..round });
        }
        let told = line(&tally, 30);
        assert_eq!(
            (told["kinds"]["raced"]["rounds"].as_u64(), told["kinds"]["raced"]["met"].as_u64()),
            (Some(30), Some(10))
        );
        assert_eq!(told["kinds"]["raced"]["below_at_95_percent"], 0.3);
        assert_eq!(told["below_at_95_percent"], 0.3);
        let mut never = Tally::default();
        never.count(&Part { met: Some(false), ..part(Some("raced"), Outcome::Done(()), Vec::new()) });
        assert!(line(&never, 1)["below_at_95_percent"].is_null());
    }

    #[test]
    fn what_was_not_answered_and_what_was_answered_by_an_error_are_counted_apart() {
        let mut tally = Tally::default();
        let answered = |status| Outcome::Unknown(Doubt::Answered(status));
        for outcome in [Outcome::Unknown(Doubt::NoAnswer), answered(500), answered(502), answered(503), answered(429)] {
            tally.count(&part(None, outcome, Vec::new()));
        }
        let told = line(&tally, 5);
        let counted = ["unknown", "errors", "unavailable", "told_to_wait"].map(|name| told[name].as_u64());
        assert_eq!(counted, [Some(1), Some(2), Some(1), Some(1)]);
        assert_eq!((told["first_wins"].as_u64(), told["kinds"].is_null()), (Some(5), true));
        tally.measured = Some(json!({}));
        assert!(line(&tally, 5)["below_at_95_percent"].is_null());
    }
}
