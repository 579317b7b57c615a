//! What a history tells of switches: when something was ended, ended once, and switched on again.
//!
//! Owns the two questions that decide everything: has it certainly ended, and may it have ended.

use crate::prove::history::{Outcome, Span, Stamp, Subject};
use std::collections::HashMap;

#[derive(Clone, Copy)]
struct Switch {
    span: Span,
    acknowledged: bool,
}

/// All of them.
#[derive(Default)]
pub struct Switches {
    ends: HashMap<Subject, Vec<Switch>>,
    restores: HashMap<Subject, Vec<Switch>>,
    cuts: HashMap<Subject, Vec<Switch>>,
}

impl Switches {
    pub fn end(&mut self, subject: Subject, span: Span, outcome: &Outcome<()>) {
        note(&mut self.ends, subject, span, outcome);
    }

    pub fn restore(&mut self, subject: Subject, span: Span, outcome: &Outcome<()>) {
        note(&mut self.restores, subject, span, outcome);
    }

    pub fn cut(&mut self, subject: Subject, span: Span, outcome: &Outcome<()>) {
        note(&mut self.cuts, subject, span, outcome);
    }

    /// Whether what began at `begun` had certainly ended before `at`.
    pub fn has_ended(&self, subject: Subject, begun: Span, at: Span) -> bool {
        let before = |all: &HashMap<Subject, Vec<Switch>>, holds: &dyn Fn(Span) -> bool| {
            let mut known = all.get(&subject).into_iter().flatten().filter(|switch| switch.acknowledged);
            known.any(|switch| switch.span.end < at.begin && holds(switch.span))
        };
        // Begun after the switching on: another life.
        before(&self.ends, &|end| self.restored(subject, end).is_some_and(|restored| begun.end < restored))
            || before(&self.cuts, &|cut| begun.end < cut.begin)
    }

    /// Whether anything that began before `at` was over may have ended something of `on` that began at `begun`.
    pub fn any_may_be_over(&self, on: &[Subject], begun: Span, at: Span) -> bool {
        on.iter().any(|subject| {
            let ended = [self.ends.get(subject), self.cuts.get(subject)].into_iter().flatten().flatten();
            ended.into_iter().any(|end| end.span.begin < at.end && end.span.end > begun.begin)
        })
    }

    /// Whether the switch may have been off at some moment of `span`.
    pub fn may_be_off(&self, subject: Subject, span: Span) -> bool {
        let restores = self.restores.get(&subject).map_or(&[][..], Vec::as_slice);
        let undone = |end: &Switch| {
            restores.iter().any(|r| r.acknowledged && r.span.begin > end.span.end && r.span.end < span.begin)
        };
        let off = self.ends.get(&subject).into_iter().flatten().any(|end| end.span.begin < span.end && !undone(end));
        // Who comes in while everything is ended may have to come again.
        let cut = |cut: &Switch| cut.span.begin < span.end && cut.span.end > span.begin;
        off || self.cuts.get(&subject).into_iter().flatten().any(cut)
    }

    /// When the first switching on that may undo `end` began. `None`: one overlapped it, so nobody knows which was last.
    fn restored(&self, subject: Subject, end: Span) -> Option<Stamp> {
        let restores = self.restores.get(&subject).map_or(&[][..], Vec::as_slice);
        if restores.iter().any(|r| r.span.begin < end.end && r.span.end > end.begin) {
            return None;
        }
        Some(restores.iter().map(|r| r.span.begin).filter(|begin| *begin > end.end).min().unwrap_or(Stamp::MAX))
    }
}

/// What was refused was not done: it ends nothing, and is no excuse for anything that is gone.
fn note(all: &mut HashMap<Subject, Vec<Switch>>, subject: Subject, span: Span, outcome: &Outcome<()>) {
    let acknowledged = match outcome {
        Outcome::Done(()) => true,
        Outcome::Unknown(_) => false,
        Outcome::Refused => return,
    };
    all.entry(subject).or_default().push(Switch { span, acknowledged });
}
