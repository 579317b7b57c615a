//! The judge of histories.
//!
//! Owns the rules that no server may break, whatever it is made of: at most one success for a one-time thing; no success
//! that began after an acknowledged end, also when what ended was switched on again; a family is a path; nothing that
//! was acknowledged is lost. Reads only a history, and knows no table, no wire and no clock.

use super::history::{Event, Name, Outcome, Pair, Span, Stamp, Subject, What};
use std::collections::HashMap;
pub use violation::Violation;

#[cfg(test)]
mod tests;
mod violation;

/// Everything that is wrong with this history; empty when it can be the history of an honest server.
pub fn check(events: &[Event]) -> Vec<Violation> {
    let mut index = Index::of(events);
    index.derive_ends(events);
    let mut found = std::mem::take(&mut index.found);
    for event in events {
        index.judge(event, &mut found);
    }
    found
}

/// A family's beginning.
#[derive(Clone, Copy)]
struct Root {
    person: Name,
    application: Name,
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

#[derive(Clone, Copy)]
struct Switch {
    span: Span,
    acknowledged: bool,
}

/// An attempt at a one-time thing.
#[derive(Clone, Copy)]
struct Attempt {
    span: Span,
    done: Option<Pair>,
}

#[derive(Default)]
struct Index {
    roots: HashMap<Name, Root>,
    minted: HashMap<Name, Minted>,
    redeems: HashMap<Name, Vec<Attempt>>,
    refreshes: HashMap<Name, Vec<Attempt>>,
    ends: HashMap<Subject, Vec<Switch>>,
    restores: HashMap<Subject, Vec<Switch>>,
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
        index
    }

    fn take_in(&mut self, Event { span, what }: &Event) {
        let switch = |outcome: &Outcome<()>| Switch { span: *span, acknowledged: *outcome == Outcome::Done(()) };
        match what {
            What::Issue { person, application, outcome: Outcome::Done(code) } => {
                let root = Root { person: *person, application: *application, issued: *span };
                if self.roots.insert(*code, root).is_some() {
                    self.found.push(Violation::Forked { token: *code });
                }
            }
            What::Redeem { code, outcome } => {
                let done = pair(outcome);
                let attempts = self.redeems.entry(*code).or_default();
                if done.is_some() && attempts.iter().any(|attempt| attempt.done.is_some()) {
                    self.found.push(Violation::SpentTwice { code: *code });
                }
                attempts.push(Attempt { span: *span, done });
                if let Some(pair) = done {
                    self.mint(pair, Minted { origin: Origin::Code(*code), family: *code, span: *span });
                }
            }
            What::Refresh { presented, outcome } => {
                let done = pair(outcome);
                let attempts = self.refreshes.entry(*presented).or_default();
                if done.is_some() && attempts.iter().any(|attempt| attempt.done.is_some() && attempt.done != done) {
                    self.found.push(Violation::Forked { token: *presented });
                }
                attempts.push(Attempt { span: *span, done });
                match (done, self.minted.get(presented).map(|minted| minted.family)) {
                    (Some(pair), Some(family)) => {
                        self.mint(pair, Minted { origin: Origin::Refresh(*presented), family, span: *span });
                    }
                    (Some(_), None) => self.found.push(Violation::Stranger { token: *presented }),
                    (None, _) => {}
                }
            }
            What::End { subject, outcome } => self.ends.entry(*subject).or_default().push(switch(outcome)),
            What::Restore { subject, outcome } => self.restores.entry(*subject).or_default().push(switch(outcome)),
            What::Issue { .. } | What::Use { .. } => {}
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
                }
            }
        }
    }

    /// A refused replay of a code, and a refused reuse of a refresh token whose successor had been used, end the family:
    /// the refusal acknowledges it.
    fn derive_ends(&mut self, events: &[Event]) {
        for Event { span, what } in events {
            let family = match what {
                What::Redeem { code, outcome: Outcome::Refused } => {
                    let succeeded = |attempt: &Attempt| attempt.done.is_some() && attempt.span.begin < span.end;
                    self.redeems.get(code).is_some_and(|all| all.iter().any(succeeded)).then_some(*code)
                }
                What::Refresh { presented, outcome: Outcome::Refused }
                    if self.successor_used(*presented, span.begin) =>
                {
                    self.minted.get(presented).map(|minted| minted.family)
                }
                _ => None,
            };
            if let Some(family) = family {
                let end = Switch { span: *span, acknowledged: true };
                self.ends.entry(Subject::Family(family)).or_default().push(end);
            }
        }
    }

    /// Whether a successor of `presented` had been traded, with an answer before `moment`.
    fn successor_used(&self, presented: Name, moment: Stamp) -> bool {
        let successors = self.refreshes.get(&presented).into_iter().flatten().filter_map(|a| a.done?.refresh);
        successors
            .filter_map(|next| self.refreshes.get(&next))
            .flatten()
            .any(|a| a.done.is_some() && a.span.end < moment)
    }

    fn judge(&self, Event { span, what }: &Event, found: &mut Vec<Violation>) {
        let lost = |what, name| Violation::Lost { what, name, at: *span };
        match what {
            What::Issue { person, application, outcome } => {
                let subjects = [Subject::Person(*person), Subject::Application(*application)];
                match outcome {
                    Outcome::Done(_) => {
                        found.extend(subjects.into_iter().filter_map(|s| self.issued_while_off(s, *span)))
                    }
                    Outcome::Refused if !subjects.into_iter().any(|s| self.may_be_off(s, *span)) => {
                        found.push(lost("the way in of person", *person));
                    }
                    _ => {}
                }
            }
            What::Redeem { code, outcome } => match outcome {
                Outcome::Done(_) => self.must_be_alive(*code, *span, found),
                Outcome::Refused if self.only_redeem(*code, *span) && !self.may_be_over(*code, *span) => {
                    found.push(lost("code", *code));
                }
                _ => {}
            },
            What::Refresh { presented, outcome } => {
                let Some(minted) = self.minted.get(presented) else { return };
                match outcome {
                    Outcome::Done(_) => {
                        if self.successor_used(*presented, span.begin) {
                            found.push(Violation::StaleGeneration { presented: *presented });
                        }
                        self.must_be_alive(minted.family, *span, found);
                    }
                    // Also where an earlier answer was cut off, or another came at once: whoever asks again before using
                    // the successor gets the same answer. (The driver asks again within moments.)
                    Outcome::Refused if !self.may_be_over(minted.family, *span) => {
                        found.push(lost("refresh token", *presented));
                    }
                    _ => {}
                }
            }
            What::Use { access, outcome } => self.judge_use(*access, outcome, *span, found),
            What::End { .. } | What::Restore { .. } => {}
        }
    }

    fn judge_use(&self, access: Name, outcome: &Outcome<()>, span: Span, found: &mut Vec<Violation>) {
        let Some(minted) = self.minted.get(&access) else {
            if *outcome == Outcome::Done(()) {
                found.push(Violation::Stranger { token: access });
            }
            return;
        };
        let ends = self.ends.get(&Subject::Token(access)).map_or(&[][..], Vec::as_slice);
        match outcome {
            Outcome::Done(()) => {
                if ends.iter().any(|end| end.acknowledged && end.span.end < span.begin) {
                    found.push(Violation::AliveAfterEnd { subject: Subject::Token(access), at: span });
                }
                self.must_be_alive(minted.family, span, found);
            }
            Outcome::Refused => {
                let ended = ends.iter().any(|end| end.span.begin < span.end);
                if minted.span.end < span.begin && !ended && !self.may_be_over(minted.family, span) {
                    found.push(Violation::Lost { what: "access token", name: access, at: span });
                }
            }
            Outcome::Unknown => {}
        }
    }

    fn subjects(&self, family: Name) -> impl Iterator<Item = Subject> {
        let root = self.roots.get(&family);
        let above = root.map(|root| [Subject::Person(root.person), Subject::Application(root.application)]);
        above.into_iter().flatten().chain([Subject::Family(family)])
    }

    /// When the first switching on that may undo `end` began. `None`: one overlapped it, so nobody knows which was last.
    fn restored(&self, subject: Subject, end: Span) -> Option<Stamp> {
        let restores = self.restores.get(&subject).map_or(&[][..], Vec::as_slice);
        if restores.iter().any(|r| r.span.begin < end.end && r.span.end > end.begin) {
            return None;
        }
        Some(restores.iter().map(|r| r.span.begin).filter(|begin| *begin > end.end).min().unwrap_or(Stamp::MAX))
    }

    /// A success of `family` at `span`: nothing that it hangs on may have ended before, after its beginning.
    fn must_be_alive(&self, family: Name, span: Span, found: &mut Vec<Violation>) {
        let Some(root) = self.roots.get(&family) else {
            found.push(Violation::Stranger { token: family });
            return;
        };
        for subject in self.subjects(family) {
            let ends = self.ends.get(&subject).into_iter().flatten().filter(|end| end.acknowledged);
            let dead = ends.filter(|end| end.span.end < span.begin).any(|end| {
                // Begun after the switching on: another life.
                self.restored(subject, end.span).is_some_and(|restored| root.issued.end < restored)
            });
            if dead {
                found.push(Violation::AliveAfterEnd { subject, at: span });
            }
        }
    }

    fn issued_while_off(&self, subject: Subject, span: Span) -> Option<Violation> {
        let mut ends = self.ends.get(&subject)?.iter().filter(|end| end.acknowledged && end.span.end < span.begin);
        ends.any(|end| self.restored(subject, end.span).is_some_and(|restored| span.end < restored))
            .then_some(Violation::AliveAfterEnd { subject, at: span })
    }

    /// Whether anything that began before `span` was over may have ended the family, or provoked its end.
    fn may_be_over(&self, family: Name, span: Span) -> bool {
        let Some(root) = self.roots.get(&family) else { return true };
        let ended = self.subjects(family).filter_map(|subject| self.ends.get(&subject)).flatten();
        if ended.into_iter().any(|end| end.span.begin < span.end && end.span.end > root.issued.begin) {
            return true;
        }
        let begun = |attempts: Option<&Vec<Attempt>>, before: Stamp| {
            attempts.map_or(0, |all| all.iter().filter(|attempt| attempt.span.begin < before).count())
        };
        if begun(self.redeems.get(&family), span.end) > 1 {
            return true;
        }
        // A generation that was presented when its successor may have been used already.
        let tokens = self.minted.iter().filter(|(_, minted)| minted.family == family);
        tokens.filter_map(|(name, _)| self.refreshes.get(name)).any(|attempts| {
            let successors = attempts.iter().filter_map(|attempt| attempt.done?.refresh);
            let presented =
                attempts.iter().filter(|attempt| attempt.span.begin < span.end).map(|attempt| attempt.span.end);
            let last = presented.max().unwrap_or(0);
            successors.into_iter().any(|next| begun(self.refreshes.get(&next), last) > 0)
        })
    }

    /// Whether this was the first attempt at a code, as far as anybody can tell.
    fn only_redeem(&self, code: Name, span: Span) -> bool {
        let attempts = self.redeems.get(&code).map_or(&[][..], Vec::as_slice);
        attempts.iter().filter(|attempt| attempt.span.begin < span.end).count() <= 1
    }

    /// Whether the switch may have been off at some moment of `span`.
    fn may_be_off(&self, subject: Subject, span: Span) -> bool {
        let restores = self.restores.get(&subject).map_or(&[][..], Vec::as_slice);
        let undone = |end: &Switch| {
            restores.iter().any(|r| r.acknowledged && r.span.begin > end.span.end && r.span.end < span.begin)
        };
        self.ends.get(&subject).into_iter().flatten().any(|end| end.span.begin < span.end && !undone(end))
    }
}

fn pair(outcome: &Outcome<Pair>) -> Option<Pair> {
    match outcome {
        Outcome::Done(pair) => Some(*pair),
        Outcome::Refused | Outcome::Unknown => None,
    }
}
