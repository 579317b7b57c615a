//! What has certainly ended in earlier rounds, to be asked after again whenever the server comes back.
//!
//! Owns how much of it is kept: a bounded number of families, and of their history only what the judge needs to know them
//! by. Asking is `kill`'s, judging `checker`'s.

use super::checker;
use super::driver::Family;
use super::history::{Event, Outcome, Recorder, Span, Subject, What};
use super::seed::Chance;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many families are kept, and how many of one round are added at most.
const MOST: usize = 48;
const OF_A_ROUND: usize = 12;

/// A family that has ended, and what a history tells of it: what it was given, and last of all its end.
struct Grave {
    family: Family,
    lines: Vec<Event>,
}

/// All that are kept.
#[derive(Default)]
pub struct Graves(Mutex<Vec<Grave>>);

impl Graves {
    /// The families, to be asked after.
    pub fn families(&self) -> Vec<Family> {
        self.lock().iter().map(|grave| grave.family.clone()).collect()
    }

    /// What was written down of them.
    pub fn lines(&self) -> Vec<Event> {
        self.lock().iter().flat_map(|grave| grave.lines.clone()).collect()
    }

    /// Keeps some of those families that have certainly ended in this honest history. Where there are too many, chance says
    /// which of the older ones are forgotten: some are asked after once more, some many times.
    pub fn bury(&self, families: Vec<Family>, history: &[Event], recorder: &Recorder, mut chance: Chance) {
        let ended = checker::ended(history);
        let dead = families.into_iter().filter_map(|family| Some((ended.get(&family.code.name)?, family)));
        let mut dead: Vec<_> = dead.collect();
        let mut graves = self.lock();
        for _ in 0..OF_A_ROUND.min(dead.len()) {
            let (tokens, family) = dead.swap_remove(below(&mut chance, dead.len()));
            let code = family.code.name;
            let given = history.iter().filter(|event| match &event.what {
                What::Issue { outcome, .. } => *outcome == Outcome::Done(code),
                What::Redeem { code: of, outcome: Outcome::Done(_), .. } => *of == code,
                What::Refresh { presented, outcome: Outcome::Done(_), .. } => tokens.contains(presented),
                _ => false,
            });
            let mut lines: Vec<Event> = given.cloned().collect();
            let what = What::End { subject: Subject::Family(code), outcome: Outcome::Done(()) };
            lines.push(Event { span: Span { begin: recorder.stamp(), end: recorder.stamp() }, what });
            if graves.len() >= MOST {
                let oldest = below(&mut chance, graves.len());
                graves.swap_remove(oldest);
            }
            graves.push(Grave { family, lines });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Grave>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn below(chance: &mut Chance, length: usize) -> usize {
    usize::try_from(chance.below(length as u64)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::checker::Violation;
    use crate::prove::driver::{Held, Tokens};
    use crate::prove::history::{Name, Pair};

    fn held(name: Name) -> Held {
        Held { name, text: String::new() }
    }

    /// A code, two generations, and perhaps the end of the person who had it.
    fn life(recorder: &Recorder, code: Name, ends: bool) -> Family {
        let person = Subject::Person(code);
        let pair = |n| Pair { access: code + n, refresh: Some(code + n + 1) };
        let write = |what| recorder.write(recorder.stamp(), what);
        write(What::Issue { on: vec![person], outcome: Outcome::Done(code) });
        write(What::Redeem { code, by: 1, outcome: Outcome::Done(pair(1)) });
        write(What::Refresh { presented: code + 2, by: 1, outcome: Outcome::Done(pair(3)) });
        if ends {
            write(What::End { subject: person, outcome: Outcome::Done(()) });
            write(What::Restore { subject: person, outcome: Outcome::Done(()) });
            write(What::Refresh { presented: code + 4, by: 1, outcome: Outcome::Refused });
        }
        let tokens = |n| Tokens { access: held(code + n), refresh: Some(held(code + n + 1)) };
        Family { code: held(code), application: 0, tokens: vec![tokens(1), tokens(3)] }
    }

    #[test]
    fn what_ended_rounds_ago_and_is_good_again_is_found() {
        let (graves, recorder) = (Graves::default(), Recorder::default());
        let families = vec![life(&recorder, 10, true), life(&recorder, 20, false)];
        graves.bury(families, &recorder.take(), &recorder, Chance::new(1));
        assert_eq!(graves.families().iter().map(|family| family.code.name).collect::<Vec<_>>(), [10]);
        // Two restarts later, with nothing of the rounds between.
        let judged = |what: What| {
            recorder.write(recorder.stamp(), What::Outage);
            recorder.write(recorder.stamp(), what);
            checker::check(&[graves.lines(), recorder.take()].concat())
        };
        for _ in 0..2 {
            assert_eq!(judged(What::Use { access: 13, outcome: Outcome::Refused }), []);
            assert_eq!(judged(What::Redeem { code: 10, by: 1, outcome: Outcome::Refused }), []);
            assert_eq!(judged(What::Refresh { presented: 14, by: 1, outcome: Outcome::Refused }), []);
        }
        let alive = |found: Vec<Violation>| {
            let family = Subject::Family(10);
            found.iter().any(|v| matches!(v, Violation::AliveAfterEnd { subject, .. } if *subject == family))
        };
        assert!(alive(judged(What::Use { access: 11, outcome: Outcome::Done(()) })));
        let pair = Pair { access: 98, refresh: Some(99) };
        assert!(alive(judged(What::Refresh { presented: 14, by: 1, outcome: Outcome::Done(pair) })));
        assert!(alive(judged(What::Redeem { code: 10, by: 1, outcome: Outcome::Done(pair) })));
    }

    #[test]
    fn no_more_are_kept_than_there_are_places_and_some_stay_for_many_rounds() {
        let (graves, recorder) = (Graves::default(), Recorder::default());
        let round = |n: Name| {
            let families = (0..20).map(|of| life(&recorder, 1_000 * (n + 1) + 10 * of, true)).collect();
            graves.bury(families, &recorder.take(), &recorder, Chance::new(u64::from(n)));
        };
        (0..8).for_each(round);
        let names: Vec<Name> = graves.families().iter().map(|family| family.code.name / 1_000).collect();
        assert_eq!(names.len(), MOST);
        assert_eq!(names.iter().filter(|round| **round == 8).count(), OF_A_ROUND);
        assert!(names.iter().any(|round| *round <= 4), "{names:?}");
        assert_eq!(graves.lines().len(), MOST * 4);
    }
}
