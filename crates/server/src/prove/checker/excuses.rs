//! What in a history justifies that something is gone which had been acknowledged.
//!
//! Owns the excuses, and each must be seen: an attempt that may have ended a family is one that can have come after the
//! success which it repeats, was not a success itself, and came from a client that may have been heard.

use super::{Attempt, Index};
use crate::prove::history::{Name, Outcome, Span, Subject};

impl Index {
    /// Whether anything that began before `span` was over may have ended the family, or provoked its end.
    pub fn may_be_over(&self, family: Name, span: Span) -> bool {
        let Some(root) = self.roots.get(&family) else { return true };
        self.switches.any_may_be_over(&root.on, root.issued, span)
            || self.switches.any_may_be_over(&[Subject::Family(family)], root.issued, span)
            || self.may_be_repeated(&self.wins_at_code(family), self.attempts_at_code(family), span)
            || self.may_be_reused(family, span)
    }

    /// Whether a code that was refused at `span` may have been spent by somebody else's attempt.
    pub fn may_be_spent(&self, code: Name, span: Span) -> bool {
        self.wins_at_code(code).iter().any(|other| self.may_have_won(other) && other.span.begin < span.end)
    }

    /// Whether a generation may have been presented when its successor may have been used already.
    fn may_be_reused(&self, family: Name, span: Span) -> bool {
        let tokens = self.families.get(&family).into_iter().flatten();
        tokens.filter_map(|token| self.refreshes.get(token)).any(|attempts| {
            let successors = attempts.iter().filter_map(|attempt| attempt.done()?.refresh);
            successors
                .filter_map(|next| self.refreshes.get(&next))
                .any(|uses| self.may_be_repeated(uses, attempts, span))
        })
    }

    /// Whether one of `repeats`, begun before `span` was over, may have come after one of `wins`. A repeat that was answered
    /// with success is the same answer once more, and ended nothing.
    fn may_be_repeated(&self, wins: &[Attempt], repeats: &[Attempt], span: Span) -> bool {
        let heard =
            |repeat: &&Attempt| repeat.done().is_none() && repeat.span.begin < span.end && self.was_heard(repeat);
        repeats.iter().filter(heard).any(|repeat| {
            let before = |win: &Attempt| win.span != repeat.span && win.span.begin < repeat.span.end;
            wins.iter().any(|win| before(win) && self.may_have_won(win))
        })
    }

    /// The attempts at a code that may be its one success: where one is known, no other.
    fn wins_at_code(&self, code: Name) -> Vec<Attempt> {
        let all = self.attempts_at_code(code);
        let known: Vec<Attempt> = all.iter().filter(|attempt| attempt.done().is_some()).copied().collect();
        if known.is_empty() { all.to_vec() } else { known }
    }

    fn attempts_at_code(&self, code: Name) -> &[Attempt] {
        self.redeems.get(&code).map_or(&[], Vec::as_slice)
    }

    /// Whether the attempt succeeded, as far as anybody can tell.
    fn may_have_won(&self, attempt: &Attempt) -> bool {
        attempt.outcome != Outcome::Refused && self.was_heard(attempt)
    }

    /// Whether its client's key may have been good.
    fn was_heard(&self, attempt: &Attempt) -> bool {
        !self.switches.has_ended(Subject::Key(attempt.by), attempt.span, attempt.span)
    }
}
