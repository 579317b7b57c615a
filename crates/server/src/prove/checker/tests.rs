//! Histories that no honest server can have, each broken in one place, beside their whole twins.

mod excuses;

use super::*;
use crate::prove::history::Doubt;
use Outcome::{Done, Refused};

const LOST: Doubt = Doubt::NoAnswer;

/// Writes a history line after line; each line takes two moments unless it says otherwise.
#[derive(Default)]
struct Script {
    events: Vec<Event>,
    clock: Stamp,
}

const PERSON: Name = 1;
const APP: Name = 2;
const CODE: Name = 10;
const SECRET: Name = 11;
const PASSWORD: Name = 12;
/// Everything that a code hangs on, beside its person.
const ABOVE: [Subject; 6] = [
    Subject::Application(APP),
    Subject::Consent(PERSON, APP),
    Subject::Assignment(PERSON, APP),
    Subject::Organization(3),
    Subject::Session(4),
    Subject::Key(PASSWORD),
];

fn tokens(n: Name) -> Pair {
    Pair { access: 100 + n, refresh: Some(200 + n) }
}

fn end(subject: Subject) -> What {
    What::End { subject, outcome: Done(()) }
}

fn restore(subject: Subject) -> What {
    What::Restore { subject, outcome: Done(()) }
}

fn issue(outcome: Outcome<Name>) -> What {
    let on = [Subject::Person(PERSON)].into_iter().chain(ABOVE).collect();
    What::Issue { on, outcome }
}

fn redeem(outcome: Outcome<Pair>) -> What {
    What::Redeem { code: CODE, by: SECRET, outcome }
}

fn refresh(n: Name, outcome: Outcome<Pair>) -> What {
    What::Refresh { presented: 200 + n, by: SECRET, outcome }
}

fn cut(subject: Subject) -> What {
    What::Cut { subject, outcome: Done(()) }
}

/// A session's cookie, which was given at the history's beginning.
fn stay(outcome: Outcome<()>) -> What {
    let on = vec![Subject::Person(PERSON), Subject::Organization(3), Subject::Session(4)];
    What::Knock { on, begun: Some(Span { begin: 0, end: 1 }), outcome }
}

/// A password.
fn sign_in(outcome: Outcome<()>) -> What {
    let on = vec![Subject::Person(PERSON), Subject::Organization(3), Subject::Key(PASSWORD)];
    What::Knock { on, begun: None, outcome }
}

fn show(n: Name, outcome: Outcome<()>) -> What {
    What::Use { access: 100 + n, outcome }
}

impl Script {
    /// A code and its first tokens.
    fn begun() -> Script {
        Script::default().then(issue(Done(CODE))).then(redeem(Done(tokens(0))))
    }

    fn then(mut self, what: What) -> Script {
        let span = Span { begin: self.clock, end: self.clock + 1 };
        self.clock += 2;
        self.events.push(Event { span, what });
        self
    }

    /// Begins with the line before it, and ends after it.
    fn beside(mut self, what: What) -> Script {
        let begin = self.events.last().expect("a line before").span.begin;
        self.events.push(Event { span: Span { begin, end: self.clock }, what });
        self.clock += 1;
        self
    }

    /// No promise is broken. That every question was answered is asked for elsewhere.
    #[track_caller]
    fn honest(self) {
        assert_eq!(broken_promises(&self.events), []);
    }

    #[track_caller]
    fn breaks(self, rule: impl Fn(&Violation) -> bool) {
        let found = broken_promises(&self.events);
        assert!(!found.is_empty() && found.iter().all(rule), "{found:?}");
    }
}

fn broken_promises(events: &[Event]) -> Vec<Violation> {
    Index::of(events).broken_promises(events)
}

fn spent_twice(violation: &Violation) -> bool {
    *violation == Violation::SpentTwice { code: CODE }
}

fn forked(violation: &Violation) -> bool {
    matches!(violation, Violation::Forked { .. })
}

fn alive(subject: Subject) -> impl Fn(&Violation) -> bool {
    move |violation| matches!(violation, Violation::AliveAfterEnd { subject: s, .. } if *s == subject)
}

fn lost(violation: &Violation) -> bool {
    matches!(violation, Violation::Lost { .. })
}

#[test]
fn a_whole_life_is_honest() {
    Script::begun()
        .then(show(0, Done(())))
        .then(refresh(0, Done(tokens(1))))
        .then(refresh(1, Done(tokens(2))))
        .then(show(2, Done(())))
        .then(end(Subject::Family(CODE)))
        .then(show(2, Refused))
        .then(refresh(2, Refused))
        .honest();
}

#[test]
fn a_code_that_gives_tokens_twice_is_found() {
    Script::begun().then(redeem(Refused)).honest();
    Script::begun().beside(redeem(Done(tokens(5)))).breaks(spent_twice);
    Script::begun().then(redeem(Done(tokens(5)))).breaks(spent_twice);
    // The first answer was cut off: whichever it was, one success is one.
    Script::default()
        .then(issue(Done(CODE)))
        .then(redeem(Outcome::Unknown(LOST)))
        .then(redeem(Done(tokens(0))))
        .honest();
}

#[test]
fn a_replay_that_was_refused_ends_the_family() {
    Script::begun().then(redeem(Refused)).then(show(0, Refused)).honest();
    Script::begun().then(redeem(Refused)).then(show(0, Done(()))).breaks(alive(Subject::Family(CODE)));
    Script::begun().then(redeem(Refused)).then(refresh(0, Done(tokens(1)))).breaks(alive(Subject::Family(CODE)));
    Script::begun().beside(redeem(Refused)).then(show(0, Done(()))).breaks(alive(Subject::Family(CODE)));
    Script::begun().then(redeem(Outcome::Unknown(LOST))).then(show(0, Done(()))).honest();
}

#[test]
fn a_family_that_is_no_path_is_found() {
    let once = || Script::begun().then(refresh(0, Done(tokens(1))));
    once().then(refresh(0, Done(tokens(1)))).honest();
    once().beside(refresh(0, Done(tokens(1)))).honest();
    once().then(refresh(0, Done(tokens(2)))).breaks(forked);
    once().beside(refresh(0, Done(tokens(2)))).breaks(forked);
    once().then(refresh(0, Done(Pair { access: 101, refresh: Some(299) }))).breaks(forked);
    // A generation that leads back to an earlier one.
    let back = once().then(refresh(1, Done(tokens(2)))).then(refresh(2, Done(tokens(1))));
    assert!(check(&back.events).iter().any(forked));
}

#[test]
fn a_generation_that_comes_back_after_its_successor_was_used_is_found() {
    let twice = || Script::begun().then(refresh(0, Done(tokens(1)))).then(refresh(1, Done(tokens(2))));
    twice().then(refresh(0, Refused)).then(show(2, Refused)).honest();
    twice().then(refresh(0, Done(tokens(1)))).breaks(|v| *v == Violation::StaleGeneration { presented: 200 });
    twice().then(refresh(0, Refused)).then(show(2, Done(()))).breaks(alive(Subject::Family(CODE)));
    twice().then(refresh(0, Refused)).then(refresh(2, Done(tokens(3)))).breaks(alive(Subject::Family(CODE)));
}

#[test]
fn a_success_after_an_acknowledged_end_is_found() {
    for subject in [Subject::Person(PERSON), Subject::Family(CODE)].into_iter().chain(ABOVE) {
        Script::begun().then(end(subject)).then(show(0, Done(()))).breaks(alive(subject));
        Script::begun().then(end(subject)).then(refresh(0, Done(tokens(1)))).breaks(alive(subject));
        // While the switch is being turned nobody can say which came first.
        Script::begun().then(end(subject)).beside(show(0, Done(()))).honest();
        // An end that was not acknowledged promises nothing.
        let half = What::End { subject, outcome: Outcome::Unknown(LOST) };
        Script::begun().then(half.clone()).then(show(0, Done(()))).honest();
        Script::begun().then(half).then(show(0, Refused)).honest();
    }
    Script::begun().then(end(Subject::Token(100))).then(show(0, Done(()))).breaks(alive(Subject::Token(100)));
    Script::begun().then(end(Subject::Token(100))).then(refresh(0, Done(tokens(1)))).then(show(1, Done(()))).honest();
}

#[test]
fn a_code_that_outlives_its_end_is_found() {
    let person = Subject::Person(PERSON);
    let issued = || Script::default().then(issue(Done(CODE)));
    issued().then(end(person)).then(redeem(Refused)).honest();
    issued().then(end(person)).then(redeem(Done(tokens(0)))).breaks(alive(person));
    issued().then(end(person)).beside(redeem(Done(tokens(0)))).then(show(0, Refused)).honest();
    issued().then(end(person)).beside(redeem(Done(tokens(0)))).then(show(0, Done(()))).breaks(alive(person));
}

#[test]
fn what_was_issued_before_stays_dead_when_the_switch_is_turned_back() {
    let person = Subject::Person(PERSON);
    let back = || Script::begun().then(end(person)).then(restore(person));
    back().then(show(0, Refused)).honest();
    back().then(show(0, Done(()))).breaks(alive(person));
    back().then(refresh(0, Done(tokens(1)))).breaks(alive(person));
    // What begins after it is another life.
    Script::default()
        .then(end(person))
        .then(restore(person))
        .then(issue(Done(CODE)))
        .then(redeem(Done(tokens(0))))
        .honest();
}

#[test]
fn a_code_issued_while_the_switch_was_off_is_found() {
    let app = Subject::Application(APP);
    Script::default().then(end(app)).then(issue(Refused)).honest();
    Script::default().then(end(app)).then(issue(Done(CODE))).breaks(alive(app));
    Script::default().then(end(app)).then(issue(Done(CODE))).then(restore(app)).breaks(alive(app));
}

#[test]
fn what_had_begun_before_a_cut_and_lives_is_found_and_what_begins_later_may() {
    let again = |outcome| What::Issue { on: vec![Subject::Person(PERSON), Subject::Consent(PERSON, APP)], outcome };
    for subject in [Subject::Person(PERSON), Subject::Consent(PERSON, APP)] {
        Script::begun().then(cut(subject)).then(show(0, Refused)).then(refresh(0, Refused)).honest();
        Script::begun().then(cut(subject)).then(show(0, Done(()))).breaks(alive(subject));
        Script::begun().then(cut(subject)).then(refresh(0, Done(tokens(1)))).breaks(alive(subject));
        Script::begun().then(cut(subject)).beside(show(0, Done(()))).honest();
        let half = What::Cut { subject, outcome: Outcome::Unknown(LOST) };
        Script::begun().then(half.clone()).then(show(0, Done(()))).honest();
        Script::begun().then(half).then(show(0, Refused)).honest();
        // No switch was turned: who comes later comes in, and is not thrown out.
        let later = || Script::default().then(cut(subject)).then(again(Done(CODE))).then(redeem(Done(tokens(0))));
        later().then(show(0, Done(()))).honest();
        later().then(show(0, Refused)).breaks(lost);
        Script::default().then(cut(subject)).then(again(Refused)).breaks(lost);
        // What comes in beside it may be before or after it.
        let beside = || Script::default().then(cut(subject)).beside(again(Done(CODE))).then(redeem(Done(tokens(0))));
        beside().then(show(0, Done(()))).honest();
        beside().then(show(0, Refused)).honest();
        Script::default().then(cut(subject)).beside(again(Refused)).honest();
    }
}

#[test]
fn a_session_that_outlives_its_end_is_found() {
    let begun = || Script::begun().then(stay(Done(())));
    begun().honest();
    begun().then(stay(Refused)).breaks(lost);
    for subject in [Subject::Session(4), Subject::Person(PERSON), Subject::Organization(3)] {
        begun().then(end(subject)).then(stay(Refused)).honest();
        begun().then(end(subject)).then(stay(Done(()))).breaks(alive(subject));
        begun().then(end(subject)).then(restore(subject)).then(stay(Done(()))).breaks(alive(subject));
        begun().then(cut(subject)).then(stay(Done(()))).breaks(alive(subject));
        begun().then(end(subject)).beside(stay(Done(()))).honest();
    }
    // Signing out of one browser ends what was issued there.
    begun().then(end(Subject::Session(4))).then(show(0, Done(()))).breaks(alive(Subject::Session(4)));
}

#[test]
fn a_password_that_was_changed_and_lets_somebody_in_is_found() {
    let key = Subject::Key(PASSWORD);
    Script::default().then(sign_in(Done(()))).then(end(key)).then(sign_in(Refused)).honest();
    Script::default().then(sign_in(Refused)).breaks(lost);
    Script::default().then(end(key)).then(sign_in(Done(()))).breaks(alive(key));
    Script::default().then(end(key)).beside(sign_in(Done(()))).honest();
    Script::default().then(end(Subject::Organization(3))).then(sign_in(Refused)).honest();
    let organization = Subject::Organization(3);
    Script::default().then(end(organization)).then(sign_in(Done(()))).breaks(alive(organization));
    Script::default().then(end(organization)).then(restore(organization)).then(sign_in(Done(()))).honest();
    // Everybody who is signed in is thrown out by it, and by nothing else is the password made void.
    Script::default().then(cut(Subject::Person(PERSON))).then(sign_in(Refused)).breaks(lost);
}

#[test]
fn a_client_secret_that_was_removed_and_is_good_is_found() {
    let key = Subject::Key(SECRET);
    Script::begun().then(end(key)).then(refresh(0, Refused)).honest();
    Script::begun().then(end(key)).then(refresh(0, Done(tokens(1)))).breaks(alive(key));
    Script::begun().then(end(key)).beside(refresh(0, Done(tokens(1)))).honest();
    Script::default().then(issue(Done(CODE))).then(end(key)).then(redeem(Done(tokens(0)))).breaks(alive(key));
    // What was issued with it lives on, and a refused client's replay or reuse ends nothing.
    Script::begun().then(end(key)).then(show(0, Done(()))).honest();
    Script::begun().then(end(key)).then(show(0, Refused)).breaks(lost);
    Script::begun().then(end(key)).then(redeem(Refused)).then(show(0, Done(()))).honest();
}

#[test]
fn a_token_that_nobody_handed_out_is_found() {
    Script::begun().then(show(7, Done(()))).breaks(|v| matches!(v, Violation::Stranger { .. }));
    Script::begun().then(refresh(7, Done(tokens(8)))).breaks(|v| matches!(v, Violation::Stranger { .. }));
    Script::begun().then(show(7, Refused)).then(refresh(7, Refused)).honest();
}

/// Every line of a long honest history turned into its opposite, one at a time: the judge must see it wherever a rule
/// speaks of it.
#[test]
fn every_single_lie_in_a_life_is_found() {
    let person = Subject::Person(PERSON);
    let life = Script::begun()
        .then(show(0, Done(())))
        .then(refresh(0, Done(tokens(1))))
        .then(show(1, Done(())))
        .then(refresh(1, Done(tokens(2))))
        .then(end(person))
        .then(show(2, Refused))
        .then(refresh(2, Refused))
        .then(restore(person))
        .then(show(1, Refused))
        .then(refresh(2, Refused));
    assert_eq!(check(&life.events), []);
    for at in 2..life.events.len() {
        let mut events = life.events.clone();
        match &mut events[at].what {
            What::Use { outcome, .. } => *outcome = if *outcome == Refused { Done(()) } else { Refused },
            What::Refresh { outcome: outcome @ Done(_), .. } => *outcome = Refused,
            What::Refresh { outcome, .. } => *outcome = Done(tokens(9)),
            _ => continue,
        }
        assert!(!check(&events).is_empty(), "the lie in line {at} goes unseen: {:?}", events[at]);
    }
}
