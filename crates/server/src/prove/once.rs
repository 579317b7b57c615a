//! `vestibule prove once`: one code and one refresh token, each presented by many at the same moment.
//!
//! Owns one round. Besides the checker's rules somebody must win: a server that refuses everybody keeps every promise.

use super::checker::{self, Violation};
use super::driver::{Family, Make, Stage, Tokens};
use super::history::{Outcome, Span};
use super::part::Part;
use super::seed::Chance;
use super::together::all_joined;
use std::sync::Barrier;

/// Persons, applications, and how many present the same thing at once.
pub const PEOPLE: usize = 1;
pub const APPLICATIONS: [Make; 3] = [Make::Opaque, Make::Signed, Make::Public];
const PRESENTERS: usize = 8;

/// One round; the applications take turns.
pub fn round(stage: &Stage<'_>, n: u64, mut chance: Chance) -> Result<Vec<Part>, String> {
    let application = usize::try_from(n).unwrap_or_default() % APPLICATIONS.len();
    let mut guest = stage.regular(0);
    let mut begin =
        || stage.authorize(&mut guest, 0, application, false).ok_or("no code was issued: see the server's log");
    let (raced, mut kept) = (begin()?, begin()?);
    stage.keep_regular(0, guest);
    let presenters = 2 + usize::try_from(chance.below(PRESENTERS as u64 - 1)).unwrap_or_default();

    let codes = race(presenters, || stage.redeem(&raced))?;
    let mut losses: Vec<Violation> = no_winner("code", raced.code.name, &codes).into_iter().collect();
    for tokens in codes.iter().filter_map(done) {
        stage.show(&tokens.access);
    }

    let Outcome::Done(first) = stage.redeem(&kept) else { return Err("a code was not traded".to_owned()) };
    let Some(refresh) = first.refresh.clone() else { return Err("there is no refresh token".to_owned()) };
    let answers = race(presenters, || stage.refresh(&kept, &refresh))?;
    losses.extend(no_winner("refresh token", refresh.name, &answers));
    kept.tokens.push(first);
    kept.tokens.extend(answers.iter().filter_map(done).cloned());
    stage.question(&mut kept);
    reuse(stage, &kept);

    let history = stage.recorder.take();
    let mut found = checker::check(&history);
    found.extend(losses);
    Ok(vec![Part::new(history, found)])
}

/// Presents the first generation again after its successor was used, and asks after the rest.
fn reuse(stage: &Stage<'_>, family: &Family) {
    if let Some(old) = family.tokens.first().and_then(|tokens| tokens.refresh.as_ref()) {
        stage.refresh(family, old);
    }
    for tokens in &family.tokens {
        stage.show(&tokens.access);
    }
}

fn done(outcome: &Outcome<Tokens>) -> Option<&Tokens> {
    match outcome {
        Outcome::Done(tokens) => Some(tokens),
        Outcome::Refused | Outcome::Unknown(_) => None,
    }
}

/// An answer that promises nothing is no success.
fn no_winner(what: &'static str, name: u32, outcomes: &[Outcome<Tokens>]) -> Option<Violation> {
    let nobody = !outcomes.iter().any(|outcome| done(outcome).is_some());
    nobody.then_some(Violation::Lost { what, name, at: Span { begin: 0, end: 0 } })
}

/// Asks from `count` threads at the same moment. One that dies was no presenter, so the race was none.
pub fn race<T: Send>(count: usize, ask: impl Fn() -> T + Sync) -> Result<Vec<T>, String> {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            ask()
        };
        all_joined((0..count).map(|_| scope.spawn(ask)).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::driver::Held;
    use crate::prove::history::Doubt;

    #[test]
    fn a_race_that_only_errors_answer_has_no_winner() {
        let held = |name| Held { name, text: String::new() };
        let won = Outcome::Done(Tokens { access: held(1), refresh: None });
        let error = || Outcome::Unknown(Doubt::Answered(500));
        assert!(no_winner("code", 1, &[Outcome::Refused, Outcome::Refused]).is_some());
        assert!(no_winner("code", 1, &[Outcome::Refused, error()]).is_some());
        assert!(no_winner("code", 1, &[error(), Outcome::Unknown(Doubt::NoAnswer)]).is_some());
        assert!(no_winner("code", 1, &[Outcome::Refused, won, error()]).is_none());
    }

    #[test]
    fn a_race_of_which_one_presenter_died_is_none() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let come = AtomicUsize::new(0);
        assert_eq!(race(3, || come.fetch_add(1, Ordering::SeqCst)).map(|all| all.len()), Ok(3));
        let dies = || assert_ne!(come.fetch_add(1, Ordering::SeqCst), 4, "the second of three");
        assert!(race(3, dies).is_err_and(|why| why.contains("the second of three")));
    }
}
