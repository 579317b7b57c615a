//! `vestibule prove races`: three pairs that must not both win. A refresh against the revocation of its family, the trade
//! of a code against the switching off of whose it is, a consent against its withdrawal.
//!
//! Owns one round: each pair once, begun at almost the same moment. Besides the checker's rules a consent that was given
//! while it was withdrawn must be one thing for everybody: remembered and good for tokens, or neither.

use super::checker::{self, Violation};
use super::driver::{Stage, subject_name};
use super::history::{Event, Outcome, Span, Subject};
use super::seed::Chance;
use super::visits::Guest;
use std::sync::Barrier;
use std::time::Duration;

/// The first person keeps the sessions of refreshes and consents; the second is switched off and on.
pub const PEOPLE: usize = 2;
/// The last is for assigned people only; codes are traded at the first.
pub const APPLICATIONS: usize = 2;
/// Codes that are traded one after the other while one switch is turned, so that one of them meets it.
const CODES: usize = 4;
/// By how many microseconds one of two calls may be later; a command takes as long to start.
const SKEW_US: u64 = 2_000;
const COMMAND_US: u64 = 12_000;

/// One round. Gives its history and what was found in it.
pub fn round(stage: &Stage<'_>, n: u64, mut chance: Chance) -> Result<(Vec<Event>, Vec<Violation>), String> {
    let mut guest = stage.guest();
    refresh_against_revoke(stage, &mut guest, &mut chance)?;
    trade_against_disable(stage, n, &mut chance)?;
    let torn = consent_against_withdraw(stage, &mut guest, n, &mut chance)?;
    let history = stage.recorder.take();
    let mut found = checker::check(&history);
    found.extend(torn);
    Ok((history, found))
}

fn refresh_against_revoke(stage: &Stage<'_>, guest: &mut Guest, chance: &mut Chance) -> Result<(), String> {
    let mut family = stage.authorize(guest, 0, 0, false).ok_or("no code was issued: see the server's log")?;
    family.presented = true;
    let Outcome::Done(first) = stage.redeem(&family) else { return Err("a code was not traded".to_owned()) };
    let refresh = first.refresh.clone().ok_or("there is no refresh token")?;
    family.tokens.push(first);
    let (next, ()) = together(
        chance,
        SKEW_US,
        || stage.refresh(&family, &refresh),
        || stage.revoke(&family, &refresh, Subject::Family(family.code.name)),
    );
    if let Outcome::Done(tokens) = next {
        family.tokens.push(tokens);
    }
    stage.question(&mut family);
    Ok(())
}

fn trade_against_disable(stage: &Stage<'_>, n: u64, chance: &mut Chance) -> Result<(), String> {
    let mut guest = stage.guest();
    let mut families = Vec::new();
    for _ in 0..CODES {
        families.push(stage.authorize(&mut guest, 1, 0, false).ok_or("no code was issued: see the server's log")?);
    }
    // A person who was off has to sign in again, which is the dearest thing here; so mostly the application is.
    let subject = if n.is_multiple_of(4) { Subject::Person(1) } else { Subject::Application(0) };
    together(
        chance,
        COMMAND_US,
        || families.iter_mut().for_each(|family| stage.question(family)),
        || stage.switch(subject, false),
    );
    families.iter_mut().for_each(|family| stage.question(family));
    if !stage.switch(subject, true) {
        return Err(format!("{subject:?} cannot be switched on: see the server's log"));
    }
    families.iter_mut().for_each(|family| stage.question(family));
    Ok(())
}

fn consent_against_withdraw(
    stage: &Stage<'_>,
    guest: &mut Guest,
    n: u64,
    chance: &mut Chance,
) -> Result<Option<Violation>, String> {
    let mut before = stage.authorize(guest, 0, 0, false).ok_or("no code was issued: see the server's log")?;
    let Err(question) = stage.ask(guest, 0, 0, true) else { return Err("no consent was asked for".to_owned()) };
    let (mut giver, mut taker) = (guest.clone(), guest.clone());
    let by_page = !n.is_multiple_of(8);
    let (given, done) = together(
        chance,
        if by_page { SKEW_US } else { COMMAND_US },
        || stage.allow(&mut giver, 0, 0, &question),
        || match by_page {
            true => stage.withdraw_by_page(&mut taker, 0, 0),
            false => {
                stage.withdraw(0, 0);
                true
            }
        },
    );
    if !done {
        return Err("the consent was not withdrawn: see the server's log".to_owned());
    }
    stage.question(&mut before);
    let mut lives = false;
    if let Some(mut family) = given {
        stage.question(&mut family);
        lives = !family.tokens.is_empty();
    }
    // Whether it is remembered, the next request tells.
    let begin = stage.recorder.stamp();
    let remembered = matches!(stage.ask(guest, 0, 0, false), Ok(Some(_)));
    let at = Span { begin, end: stage.recorder.stamp() };
    let subject = Subject::Consent(subject_name(0), subject_name(0));
    Ok(match (lives, remembered) {
        (false, true) => Some(Violation::AliveAfterEnd { subject, at }),
        (true, false) => Some(Violation::Lost { what: "the consent of person", name: 0, at }),
        _ => None,
    })
}

/// Does both at almost the same moment; chance says which is later, and by how much.
fn together<A: Send, B: Send>(
    chance: &mut Chance,
    spread_us: u64,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    let (first, second) = match chance.below(2) {
        0 => (chance.below(spread_us), 0),
        _ => (0, chance.below(SKEW_US.min(spread_us))),
    };
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        let one = scope.spawn(|| {
            barrier.wait();
            std::thread::sleep(Duration::from_micros(first));
            one()
        });
        barrier.wait();
        std::thread::sleep(Duration::from_micros(second));
        let other = other();
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
