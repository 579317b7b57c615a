//! `vestibule prove once`: one code and one refresh token, each presented by many at the same moment.
//!
//! Owns one round. Besides the checker's rules somebody must win: a server that refuses everybody keeps every promise.

use super::checker::{self, Violation};
use super::driver::{Family, Stage, Tokens};
use super::history::{Event, Outcome, Span};
use super::seed::Chance;
use std::sync::Barrier;

/// Persons, applications, and how many present the same thing at once.
pub const PEOPLE: usize = 1;
pub const APPLICATIONS: usize = 1;
const PRESENTERS: usize = 8;

/// One round. Gives its history and what was found in it.
pub fn round(stage: &Stage<'_>, mut chance: Chance) -> Result<(Vec<Event>, Vec<Violation>), String> {
    let mut guest = stage.guest();
    let mut begin = || stage.authorize(&mut guest, 0, 0, false).ok_or("no code was issued: see the server's log");
    let (raced, mut kept) = (begin()?, begin()?);
    let presenters = 2 + usize::try_from(chance.below(PRESENTERS as u64 - 1)).unwrap_or_default();

    let codes = race(presenters, || stage.redeem(&raced));
    let mut losses: Vec<Violation> = no_winner("code", raced.code.name, &codes).into_iter().collect();
    for tokens in codes.iter().filter_map(done) {
        stage.show(&tokens.access);
    }

    kept.presented = true;
    let Outcome::Done(first) = stage.redeem(&kept) else { return Err("a code was not traded".to_owned()) };
    let Some(refresh) = first.refresh.clone() else { return Err("there is no refresh token".to_owned()) };
    let answers = race(presenters, || stage.refresh(&kept, &refresh));
    losses.extend(no_winner("refresh token", refresh.name, &answers));
    kept.tokens.push(first);
    kept.tokens.extend(answers.iter().filter_map(done).cloned());
    stage.question(&mut kept);
    reuse(stage, &kept);

    let history = stage.recorder.take();
    let mut found = checker::check(&history);
    found.extend(losses);
    Ok((history, found))
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
        Outcome::Refused | Outcome::Unknown => None,
    }
}

fn no_winner(what: &'static str, name: u32, outcomes: &[Outcome<Tokens>]) -> Option<Violation> {
    let all_refused = outcomes.iter().all(|outcome| matches!(outcome, Outcome::Refused));
    all_refused.then_some(Violation::Lost { what, name, at: Span { begin: 0, end: 0 } })
}

/// Asks from `count` threads at the same moment.
pub fn race<T: Send>(count: usize, ask: impl Fn() -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            ask()
        };
        let askers: Vec<_> = (0..count).map(|_| scope.spawn(ask)).collect();
        askers.into_iter().filter_map(|asker| asker.join().ok()).collect()
    })
}
