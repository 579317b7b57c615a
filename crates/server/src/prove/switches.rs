//! `vestibule prove switches`: every way in which something ends, raced against every use of it.
//!
//! Owns one round: a few families in use, one switch turned in the midst, everything asked after, the switch turned back
//! where that can be, everything asked after again.

use super::browser::Browser;
use super::checker::{self, Violation};
use super::driver::{Family, Stage, subject_name};
use super::history::{Event, Name, Outcome, Subject};
use super::kill::question_all;
use super::seed::Chance;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Persons and applications: the switch is turned for the first, the second lives on undisturbed.
pub const PEOPLE: usize = 2;
pub const APPLICATIONS: usize = 2;

/// How something ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Person,
    Application,
    SignedOut,
    Withdrawn,
    Replay,
    RevokedFamily,
    RevokedToken,
}

/// One round; the ways of ending take turns. Gives its history and what was found in it.
pub fn round(stage: &Stage<'_>, n: u64, mut chance: Chance) -> Result<(Vec<Event>, Vec<Violation>), String> {
    use Ending::{Application, Person, Replay, RevokedFamily, RevokedToken, SignedOut, Withdrawn};
    let all = [Person, Application, SignedOut, Withdrawn, Replay, RevokedFamily, RevokedToken];
    let all = if stage.revokes { &all[..] } else { &all[..5] };
    let ending = all[usize::try_from(n).unwrap_or_default() % all.len()];
    let mut families = Vec::new();
    for (person, application) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let mut browser = Browser::new(stage.to);
        let mut begin = || stage.authorize(&mut browser, person, application, false).ok_or("no code was issued");
        families.push(traded(stage, begin()?)?);
        // This one's code is left for the race.
        families.push(begin()?);
    }
    let target = families[0].clone();
    // Those of the first person, of which the first two at the first application.
    let theirs: Vec<_> = families[..4].iter().map(|family| family.code.name).collect();
    let stop = AtomicBool::new(false);
    let wait = Duration::from_micros(chance.below(20_000));
    std::thread::scope(|scope| {
        for (place, family) in families.iter_mut().enumerate() {
            let stop = &stop;
            // The target's tokens stay what they are, so that the switch is turned on the newest.
            scope.spawn(move || press(stage, family, place != 0, stop));
        }
        for person in 0..PEOPLE {
            let stop = &stop;
            scope.spawn(move || knock(stage, person, stop));
        }
        std::thread::sleep(wait);
        end(stage, ending, &target, &theirs);
        stop.store(true, Ordering::SeqCst);
    });
    question_all(stage, &mut families);
    if let Some(subject) = switched(ending) {
        if !stage.switch(subject, true) {
            return Err(format!("{subject:?} cannot be switched on: see the server's log"));
        }
        question_all(stage, &mut families);
        let mut browser = Browser::new(stage.to);
        // The way in is open again.
        families.extend(stage.authorize(&mut browser, 0, 0, false));
        question_all(stage, &mut families);
    }
    let history = stage.recorder.take();
    let found = checker::check(&history);
    Ok((history, found))
}

/// The subject that the command line switches, if it does.
fn switched(ending: Ending) -> Option<Subject> {
    match ending {
        Ending::Person => Some(Subject::Person(subject_name(0))),
        Ending::Application => Some(Subject::Application(subject_name(0))),
        _ => None,
    }
}

/// Turns the switch; with an ending of one family that of `target`.
fn end(stage: &Stage<'_>, ending: Ending, target: &Family, theirs: &[Name]) {
    if let Some(subject) = switched(ending) {
        stage.switch(subject, false);
        return;
    }
    let Some(tokens) = target.tokens.last() else { return };
    match (ending, &tokens.refresh) {
        (Ending::SignedOut, _) => stage.part(0, None, theirs),
        (Ending::Withdrawn, _) => stage.part(0, Some(0), &theirs[..2]),
        (Ending::RevokedFamily, Some(refresh)) => stage.revoke(target, refresh, Subject::Family(target.code.name)),
        (Ending::RevokedToken, _) => stage.revoke(target, &tokens.access, Subject::Token(tokens.access.name)),
        _ => {
            stage.redeem(target);
        }
    }
}

/// The family with its first tokens.
fn traded(stage: &Stage<'_>, mut family: Family) -> Result<Family, String> {
    family.presented = true;
    let Outcome::Done(tokens) = stage.redeem(&family) else { return Err("a code was not traded".to_owned()) };
    family.tokens.push(tokens);
    Ok(family)
}

/// Uses the family until `stop`: trades its code, then its refresh tokens, and shows its access tokens.
fn press(stage: &Stage<'_>, family: &mut Family, trade: bool, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        if trade {
            stage.question(family);
        } else if let Some(tokens) = family.tokens.last() {
            stage.show(&tokens.access);
        }
    }
}

/// Asks for codes until `stop`, or until refused: a person who is off and knocks on would have to wait afterwards, as
/// one who guesses passwords.
fn knock(stage: &Stage<'_>, person: usize, stop: &AtomicBool) {
    let mut browser = Browser::new(stage.to);
    while !stop.load(Ordering::SeqCst) {
        let Some(mut family) = stage.authorize(&mut browser, person, 0, false) else { return };
        stage.question(&mut family);
    }
}
