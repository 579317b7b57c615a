//! `vestibule prove switches`: every way in which something ends, raced against every use of it.
//!
//! Owns one round: a few families in use, one switch turned in the midst, everything asked after, the switch turned back
//! where that can be, everything asked after again.

use super::checker;
use super::driver::{Family, Held, Make, Stage, subject_name};
use super::history::{Doubt, Outcome, Subject};
use super::kill::question_all;
use super::part::Part;
use super::seed::Chance;
use super::visits::Guest;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Persons: the switch is turned for the first, the second lives on undisturbed.
pub const PEOPLE: usize = 2;
/// The switch is turned for one of the first ones, which take turns; the last is for assigned people only.
pub const APPLICATIONS: [Make; 4] = [Make::Opaque, Make::Signed, Make::Public, Make::Opaque];
const LAST: usize = APPLICATIONS.len() - 1;
/// How often a removed secret is shown: until its client is told to wait, as one who guesses.
const SHOWN: usize = 8;
/// Where browsers are kept that stay signed in: one for each person and application, and one for each who knocks.
const KNOCKING: usize = 4;

/// How something ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Person,
    Application,
    Organization,
    Assignment,
    Password,
    Secret,
    Consent,
    Session,
    Sessions,
    Replay,
    Family,
    Token,
}

const ALL: [Ending; 12] = [
    Ending::Person,
    Ending::Application,
    Ending::Organization,
    Ending::Assignment,
    Ending::Password,
    Ending::Secret,
    Ending::Consent,
    Ending::Session,
    Ending::Sessions,
    Ending::Replay,
    Ending::Family,
    Ending::Token,
];

impl Ending {
    /// Its name in the result.
    fn name(self) -> &'static str {
        match self {
            Ending::Person => "person_off",
            Ending::Application => "application_off",
            Ending::Organization => "organization_off",
            Ending::Assignment => "assignment_removed",
            Ending::Password => "password_changed",
            Ending::Secret => "secret_removed",
            Ending::Consent => "consent_withdrawn",
            Ending::Session => "signed_out_here",
            Ending::Sessions => "signed_out_everywhere",
            Ending::Replay => "code_replayed",
            Ending::Family => "family_revoked",
            Ending::Token => "token_revoked",
        }
    }

    /// Whether the first person has to sign in again.
    fn signs_out(self) -> bool {
        use Ending::{Organization, Password, Person, Session, Sessions};
        matches!(self, Person | Organization | Password | Session | Sessions)
    }

    /// Which application it is turned for, or beside. One without a secret has none that can be removed.
    fn application(self, turn: usize) -> usize {
        match self {
            Ending::Assignment => LAST,
            Ending::Secret => (turn + turn / ALL.len()) % (LAST - 1),
            _ => (turn + turn / ALL.len()) % LAST,
        }
    }
}

/// One round; the ways of ending take turns, and so do the applications.
pub fn round(stage: &Stage<'_>, n: u64, mut chance: Chance) -> Result<Vec<Part>, String> {
    let turn = usize::try_from(n).unwrap_or_default();
    let ending = ALL[turn % ALL.len()];
    let place = ending.application(turn);
    let other = if place == LAST { 0 } else { LAST };
    let (mut families, mut guests) = (Vec::new(), Vec::new());
    for (slot, (person, application)) in [(0, place), (0, other), (1, place), (1, other)].into_iter().enumerate() {
        let mut guest = stage.regular(slot);
        let mut begin = || stage.authorize(&mut guest, person, application, false).ok_or("no code was issued");
        families.push(traded(stage, begin()?)?);
        // This one's code is left for the race.
        families.push(begin()?);
        guests.push(guest);
    }
    let target = families[0].clone();
    let stop = AtomicBool::new(false);
    let wait = Duration::from_micros(chance.below(20_000));
    let old = std::thread::scope(|scope| {
        for (at, family) in families.iter_mut().enumerate() {
            let stop = &stop;
            // The target's tokens stay what they are, so that the switch is turned on the newest.
            scope.spawn(move || press(stage, family, at != 0, stop));
        }
        for person in 0..PEOPLE {
            let stop = &stop;
            scope.spawn(move || knock(stage, person, place, stop));
        }
        std::thread::sleep(wait);
        let old = end(stage, ending, &target, &guests);
        stop.store(true, Ordering::SeqCst);
        old
    })?;
    ask_after(stage, &mut families, &guests);
    if let Some(old) = old {
        show_key(stage, ending, &target, &old);
    }
    if let Some(subject) = switched(ending, place) {
        if !stage.switch(subject, true) {
            return Err(format!("{subject:?} cannot be switched on: see the server's log"));
        }
        ask_after(stage, &mut families, &guests);
    }
    // The way in is open, or open again.
    let mut comer = if ending.signs_out() { stage.guest() } else { stage.regular(KNOCKING) };
    families.extend(stage.authorize(&mut comer, 0, place, false));
    ask_after(stage, &mut families, &guests);
    stage.keep_regular(KNOCKING, comer);
    for (slot, guest) in guests.into_iter().enumerate().filter(|(slot, _)| *slot > 1 || !ending.signs_out()) {
        stage.keep_regular(slot, guest);
    }
    let history = stage.recorder.take();
    let found = checker::check(&history);
    Ok(vec![Part { kind: Some(ending.name()), ..Part::new(history, found) }])
}

fn ask_after(stage: &Stage<'_>, families: &mut [Family], guests: &[Guest]) {
    question_all(stage, families);
    guests.iter().for_each(|guest| stage.stay(guest));
}

/// The subject that the command line switches, if it does.
fn switched(ending: Ending, place: usize) -> Option<Subject> {
    match ending {
        Ending::Person => Some(Subject::Person(subject_name(0))),
        Ending::Application => Some(Subject::Application(subject_name(place))),
        Ending::Organization => Some(Subject::Organization(subject_name(0))),
        Ending::Assignment => Some(Subject::Assignment(subject_name(0), subject_name(place))),
        _ => None,
    }
}

/// Turns the switch; with an ending of one family that of `target`. Gives the key that is good no more.
fn end(stage: &Stage<'_>, ending: Ending, target: &Family, guests: &[Guest]) -> Result<Option<Held>, String> {
    if let Some(subject) = switched(ending, target.application) {
        stage.switch(subject, false);
        return Ok(None);
    }
    let tokens = target.tokens.last();
    match ending {
        Ending::Password => return stage.change_password(0).map(Some),
        Ending::Secret => return stage.change_secret(target.application).map(Some),
        Ending::Consent => stage.withdraw(0, target.application),
        Ending::Session => guests.iter().take(1).for_each(|guest| stage.sign_out(guest)),
        Ending::Sessions => stage.sign_out_everywhere(0),
        Ending::Replay => drop(stage.redeem(target)),
        Ending::Family => {
            if let Some(refresh) = tokens.and_then(|tokens| tokens.refresh.as_ref()) {
                stage.revoke(target, refresh, Subject::Family(target.code.name));
            }
        }
        _ => {
            if let Some(tokens) = tokens {
                stage.revoke(target, &tokens.access, Subject::Token(tokens.access.name));
            }
        }
    }
    Ok(None)
}

/// Shows the key that is good no more, and the one that is.
fn show_key(stage: &Stage<'_>, ending: Ending, target: &Family, old: &Held) {
    match ending {
        Ending::Password => {
            stage.sign_in(0, old);
            stage.sign_in(0, &stage.password(0));
        }
        _ => {
            if let Some(refresh) = target.tokens.last().and_then(|tokens| tokens.refresh.as_ref()) {
                let wait = |_: &usize| {
                    let outcome = stage.refresh_with(target, refresh, old);
                    matches!(outcome, Outcome::Unknown(Doubt::Answered(429)))
                };
                // The right one is good all the same: what comes next asks with it.
                (0..SHOWN).find(wait);
            }
        }
    }
}

/// The family with its first tokens.
fn traded(stage: &Stage<'_>, mut family: Family) -> Result<Family, String> {
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
fn knock(stage: &Stage<'_>, person: usize, application: usize, stop: &AtomicBool) {
    let mut guest = stage.regular(KNOCKING + person);
    while !stop.load(Ordering::SeqCst) {
        let Some(mut family) = stage.authorize(&mut guest, person, application, false) else { return };
        stage.question(&mut family);
    }
    stage.keep_regular(KNOCKING + person, guest);
}
