//! The judge of histories.
//!
//! Owns the rules that no server may break, whatever it is made of: at most one success for a one-time thing; no success
//! that began after an acknowledged end, also when what ended was switched on again; a family is a path; nothing that
//! was acknowledged is lost; a server that is up answers. Reads only a history, and knows no table, no wire and no clock.

use super::history::{Event, Name, Outcome, Pair, Span, Stamp, Subject, What};
use std::collections::HashMap;
use switches::Switches;
pub use violation::Violation;

mod answers;
mod excuses;
mod switches;
#[cfg(test)]
mod tests;
mod violation;

/// Everything that is wrong with this history; empty when it can be the history of an honest server.
pub fn check(events: &[Event]) -> Vec<Violation> {
    let mut index = Index::of(events);
    let mut found = index.broken_promises(events);
    found.extend(answers::unanswered(&index, events));
    found
}

/// The families of this history that have certainly ended, by the name of their code, with every token of theirs.
pub fn ended(events: &[Event]) -> HashMap<Name, Vec<Name>> {
    let index = Index::of(events);
    let now = Span { begin: Stamp::MAX, end: Stamp::MAX };
    let gone = |family: Name, root: &Root| {
        let mut on = root.on.iter().copied().chain([Subject::Family(family)]);
        on.any(|subject| index.switches.has_ended(subject, root.issued, now))
    };
    let gone = index.roots.iter().filter(|(family, root)| gone(**family, root));
    gone.map(|(family, _)| (*family, index.families.get(family).cloned().unwrap_or_default())).collect()
}

/// A family's beginning.
struct Root {
    on: Vec<Subject>,
    issued: Span,
}

/// Where a token came from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Code(Name),
    Refresh(Name),
}

#[derive(Clone, Copy)]
struct Minted {
    origin: Origin,
    family: Name,
    span: Span,
}

/// An attempt at a one-time thing.
#[derive(Clone, Copy)]
struct Attempt {
    span: Span,
    by: Name,
    outcome: Outcome<Pair>,
}

impl Attempt {
    fn done(&self) -> Option<Pair> {
        pair(&self.outcome)
    }
}

#[derive(Default)]
struct Index {
    roots: HashMap<Name, Root>,
    minted: HashMap<Name, Minted>,
    /// The tokens of each family.
    families: HashMap<Name, Vec<Name>>,
    redeems: HashMap<Name, Vec<Attempt>>,
    refreshes: HashMap<Name, Vec<Attempt>>,
    switches: Switches,
    found: Vec<Violation>,
}

impl Index {
    fn of(events: &[Event]) -> Index {
        let mut index = Index::default();
        let mut in_order: Vec<&Event> = events.iter().collect();
        // A token is handed out before it can be presented, so the ends of the answers give an order to read in.
        in_order.sort_by_key(|event| event.span.end);
        for event in in_order {
            index.take_in(event);
        }
        index.derive_ends(events);
        index
    }

    /// What was promised by the answers that there are, and was not kept.
    fn broken_promises(&mut self, events: &[Event]) -> Vec<Violation> {
        let mut found = std::mem::take(&mut self.found);
        for event in events {
            self.judge(event, &mut found);
        }
        found
    }

    fn take_in(&mut self, Event { span, what }: &Event) {
        match what {
            What::Issue { on, outcome: Outcome::Done(code) } => {
                let root = Root { on: on.clone(), issued: *span };
                if self.roots.insert(*code, root).is_some() {
                    self.found.push(Violation::Forked { token: *code });
                }
            }
            What::Redeem { code, by, outcome } => {
                let done = pair(outcome);
                let attempts = self.redeems.entry(*code).or_default();
                if done.is_some() && attempts.iter().any(|attempt| attempt.done().is_some()) {
                    self.found.push(Violation::SpentTwice { code: *code });
                }
                attempts.push(Attempt { span: *span, by: *by, outcome: *outcome });
                if let Some(pair) = done {
                    self.mint(pair, Minted { origin: Origin::Code(*code), family: *code, span: *span });
                }
            }
            What::Refresh { presented, by, outcome } => {
                self.take_in_refresh(*presented, Attempt { span: *span, by: *by, outcome: *outcome });
            }
            What::End { subject, outcome } => self.switches.end(*subject, *span, outcome),
            What::Restore { subject, outcome } => self.switches.restore(*subject, *span, outcome),
            What::Cut { subject, outcome } => self.switches.cut(*subject, *span, outcome),
            What::Issue { .. } | What::Use { .. } | What::Knock { .. } | What::Outage => {}
        }
    }

    fn take_in_refresh(&mut self, presented: Name, attempt: Attempt) {
        let (done, span) = (attempt.done(), attempt.span);
        let attempts = self.refreshes.entry(presented).or_default();
        if done.is_some() && attempts.iter().any(|attempt| attempt.done().is_some() && attempt.done() != done) {
            self.found.push(Violation::Forked { token: presented });
        }
        attempts.push(attempt);
        match (done, self.minted.get(&presented).map(|minted| minted.family)) {
            (Some(pair), Some(family)) => {
                self.mint(pair, Minted { origin: Origin::Refresh(presented), family, span });
            }
            (Some(_), None) => self.found.push(Violation::Stranger { token: presented }),
            (None, _) => {}
        }
    }

    fn mint(&mut self, pair: Pair, minted: Minted) {
        for token in [Some(pair.access), pair.refresh].into_iter().flatten() {
            // The same pair may be handed out again to whoever presents the same token again.
            match self.minted.get(&token) {
                Some(known) if known.origin != minted.origin => self.found.push(Violation::Forked { token }),
                Some(_) => {}
                None => {
                    self.minted.insert(token, minted);
                    self.families.entry(minted.family).or_default().push(token);
                }
            }
        }
    }

    /// A refused replay of a code, and a refused reuse of a refresh token whose successor had been used, end the family:
    /// the refusal acknowledges it. Not so when the client itself may have been refused.
    fn derive_ends(&mut self, events: &[Event]) {
        for Event { span, what } in events {
            let family = match what {
                What::Redeem { code, by, outcome: Outcome::Refused } if self.key_is_good(*by, *span) => {
                    let succeeded = |attempt: &Attempt| attempt.done().is_some() && attempt.span.begin < span.end;
                    self.redeems.get(code).is_some_and(|all| all.iter().any(succeeded)).then_some(*code)
                }
                What::Refresh { presented, by, outcome: Outcome::Refused }
                    if self.key_is_good(*by, *span) && self.successor_used(*presented, span.begin) =>
                {
                    self.minted.get(presented).map(|minted| minted.family)
                }
                _ => None,
            };
            if let Some(family) = family {
                self.switches.end(Subject::Family(family), *span, &Outcome::Done(()));
            }
        }
    }

    /// Whether this client's key was certainly good.
    fn key_is_good(&self, key: Name, span: Span) -> bool {
        !self.switches.may_be_off(Subject::Key(key), span)
    }

    /// Whether a successor of `presented` had been traded, with an answer before `moment`.
    fn successor_used(&self, presented: Name, moment: Stamp) -> bool {
        let successors = self.refreshes.get(&presented).into_iter().flatten().filter_map(|a| a.done()?.refresh);
        successors
            .filter_map(|next| self.refreshes.get(&next))
            .flatten()
            .any(|a| a.done().is_some() && a.span.end < moment)
    }

    fn judge(&self, Event { span, what }: &Event, found: &mut Vec<Violation>) {
        let lost = |what, name| Violation::Lost { what, name, at: *span };
        match what {
            What::Issue { on, outcome } => {
                let name = match on.first() {
                    Some(Subject::Person(name)) => *name,
                    _ => 0,
                };
                self.judge_entry("the way in of person", name, on, outcome, *span, found);
            }
            What::Knock { on, begun: None, outcome } => self.judge_entry("a key", 0, on, outcome, *span, found),
            What::Knock { on, begun: Some(begun), outcome } => match outcome {
                Outcome::Done(()) => self.nothing_ended(on, *begun, *span, found),
                Outcome::Refused if !self.switches.any_may_be_over(on, *begun, *span) => found.push(lost("session", 0)),
                _ => {}
            },
            What::Redeem { code, by, outcome } => match outcome {
                Outcome::Done(_) => {
                    self.must_be_alive(*code, *span, found);
                    self.nothing_ended(&[Subject::Key(*by)], *span, *span, found);
                }
                Outcome::Refused
                    if self.key_is_good(*by, *span)
                        && !self.may_be_spent(*code, *span)
                        && !self.may_be_over(*code, *span) =>
                {
                    found.push(lost("code", *code));
                }
                _ => {}
            },
            What::Refresh { presented, by, outcome } => {
                let Some(minted) = self.minted.get(presented) else { return };
                match outcome {
                    Outcome::Done(_) => {
                        if self.successor_used(*presented, span.begin) {
                            found.push(Violation::StaleGeneration { presented: *presented });
                        }
                        self.must_be_alive(minted.family, *span, found);
                        self.nothing_ended(&[Subject::Key(*by)], *span, *span, found);
                    }
                    // Also where an earlier answer was cut off, or another came at once: whoever asks again before using
                    // the successor gets the same answer. (The driver asks again within moments.)
                    Outcome::Refused if self.key_is_good(*by, *span) && !self.may_be_over(minted.family, *span) => {
                        found.push(lost("refresh token", *presented));
                    }
                    _ => {}
                }
            }
            What::Use { access, outcome } => self.judge_use(*access, outcome, *span, found),
            What::End { .. } | What::Restore { .. } | What::Cut { .. } | What::Outage => {}
        }
    }

    /// Somebody comes in who hangs on `on`, at this moment.
    fn judge_entry<T>(
        &self,
        what: &'static str,
        name: Name,
        on: &[Subject],
        outcome: &Outcome<T>,
        span: Span,
        found: &mut Vec<Violation>,
    ) {
        match outcome {
            Outcome::Done(_) => self.nothing_ended(on, span, span, found),
            Outcome::Refused if !on.iter().any(|subject| self.switches.may_be_off(*subject, span)) => {
                found.push(Violation::Lost { what, name, at: span });
            }
            _ => {}
        }
    }

    fn judge_use(&self, access: Name, outcome: &Outcome<()>, span: Span, found: &mut Vec<Violation>) {
        let Some(minted) = self.minted.get(&access) else {
            if *outcome == Outcome::Done(()) {
                found.push(Violation::Stranger { token: access });
            }
            return;
        };
        let token = [Subject::Token(access)];
        match outcome {
            Outcome::Done(()) => {
                self.nothing_ended(&token, minted.span, span, found);
                self.must_be_alive(minted.family, span, found);
            }
            Outcome::Refused => {
                let ended = self.switches.any_may_be_over(&token, minted.span, span);
                if minted.span.end < span.begin && !ended && !self.may_be_over(minted.family, span) {
                    found.push(Violation::Lost { what: "access token", name: access, at: span });
                }
            }
            Outcome::Unknown(_) => {}
        }
    }

    /// A success at `span` of what began at `begun` and hangs on `on`: none of that may have ended in between.
    fn nothing_ended(&self, on: &[Subject], begun: Span, span: Span, found: &mut Vec<Violation>) {
        let dead = on.iter().filter(|subject| self.switches.has_ended(**subject, begun, span));
        found.extend(dead.map(|subject| Violation::AliveAfterEnd { subject: *subject, at: span }));
    }

    /// The same for a family.
    fn must_be_alive(&self, family: Name, span: Span, found: &mut Vec<Violation>) {
        let Some(root) = self.roots.get(&family) else {
            found.push(Violation::Stranger { token: family });
            return;
        };
        self.nothing_ended(&root.on, root.issued, span, found);
        self.nothing_ended(&[Subject::Family(family)], root.issued, span, found);
    }
}

fn pair(outcome: &Outcome<Pair>) -> Option<Pair> {
    match outcome {
        Outcome::Done(pair) => Some(*pair),
        Outcome::Refused | Outcome::Unknown(_) => None,
    }
}
