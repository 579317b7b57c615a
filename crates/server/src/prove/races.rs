//! `vestibule prove races`: three pairs that must not both win. A refresh against the revocation of its family, the trade
//! of a code against the switching off of whose it is, a consent against its withdrawal.
//!
//! Owns one round: each pair once, begun at almost the same moment, and judged by itself. Besides the checker's rules a consent that was given
//! while it was withdrawn must be one thing for everybody: remembered and good for tokens, or neither.

use super::checker::{self, Violation};
use super::driver::{Make, Stage, subject_name};
use super::history::{Event, Outcome, Span, Subject, What};
use super::part::Part;
use super::seed::Chance;
use super::together::together;
use super::visits::Guest;

/// The first person keeps the sessions of refreshes and consents; the second is switched off and on.
pub const PEOPLE: usize = 2;
/// They take turns; the last has no secret, and asks each time whether it may.
pub const APPLICATIONS: [Make; 3] = [Make::Opaque, Make::Signed, Make::Public];
/// Those that ask once only, so that a consent is remembered.
const REMEMBERING: usize = 2;
/// Codes that are traded one after the other while one switch is turned, so that one of them meets it.
const CODES: usize = 4;
/// By how many microseconds one of two calls may be later, around the moment at which both win now and then; a command
/// takes as long to start.
const SKEW_US: u64 = 2_000;
const COMMAND_US: u64 = 12_000;
/// The kinds of races, as the result names them; withdrawing by command is as slow as a command.
const REFRESH: &str = "refresh_revoke";
const TRADE: &str = "trade_disable";
const CONSENT: &str = "consent_withdraw";
const CONSENT_BY_COMMAND: &str = "consent_withdraw_by_command";

/// One round.
pub fn round(stage: &Stage<'_>, n: u64, mut chance: Chance) -> Result<Vec<Part>, String> {
    let turn = usize::try_from(n).unwrap_or_default();
    let application = turn % APPLICATIONS.len();
    let mut guest = stage.regular(0);
    let refreshed = refresh_against_revoke(stage, &mut guest, application, &mut chance)?;
    let refresh = part(stage, REFRESH, refreshed, None, |what| matches!(what, What::Refresh { .. }));
    let traded = trade_against_disable(stage, n, application, &mut chance)?;
    let trade = part(stage, TRADE, traded, None, |what| matches!(what, What::Redeem { .. }));
    let (given, torn) = consent_against_withdraw(stage, &mut guest, n, turn % REMEMBERING, &mut chance)?;
    let consent = part(stage, CONSENT, given, torn, |what| matches!(what, What::Issue { .. }));
    stage.keep_regular(0, guest);
    Ok(vec![refresh, trade, consent])
}

/// What was written down of one race. `first` says that the use came before the end, `is_use` what was raced.
fn part(
    stage: &Stage<'_>,
    kind: &'static str,
    first: bool,
    torn: Option<Violation>,
    is_use: impl Fn(&What) -> bool,
) -> Part {
    let history = stage.recorder.take();
    let mut found = checker::check(&history);
    found.extend(torn);
    let (met, counts) = (Some(met(&history, is_use)), vec![("use_was_first", u64::from(first))]);
    Part { kind: Some(kind), met, counts, ..Part::new(history, found) }
}

/// Whether a use was under way while something was ended.
fn met(history: &[Event], is_use: impl Fn(&What) -> bool) -> bool {
    let is_end = |what: &What| matches!(what, What::End { .. } | What::Cut { .. });
    let ends: Vec<Span> = history.iter().filter(|event| is_end(&event.what)).map(|event| event.span).collect();
    let mut uses = history.iter().filter(|event| is_use(&event.what)).map(|event| event.span);
    uses.any(|one| ends.iter().any(|end| one.begin < end.end && end.begin < one.end))
}

fn refresh_against_revoke(
    stage: &Stage<'_>,
    guest: &mut Guest,
    application: usize,
    chance: &mut Chance,
) -> Result<bool, String> {
    let issued = stage.authorize(guest, 0, application, false);
    let mut family = issued.ok_or("no code was issued: see the server's log")?;
    let Outcome::Done(first) = stage.redeem(&family) else { return Err("a code was not traded".to_owned()) };
    let refresh = first.refresh.clone().ok_or("there is no refresh token")?;
    family.tokens.push(first);
    let (next, ()) = together(
        stage.balances.draw(REFRESH, SKEW_US, chance),
        || stage.refresh(&family, &refresh),
        || stage.revoke(&family, &refresh, Subject::Family(family.code.name)),
    );
    let won = matches!(next, Outcome::Done(_));
    stage.balances.won(REFRESH, SKEW_US, won);
    if let Outcome::Done(tokens) = next {
        family.tokens.push(tokens);
    }
    stage.question(&mut family);
    Ok(won)
}

/// Some codes are traded before the switch is turned, and some are not, if the two met.
fn trade_against_disable(stage: &Stage<'_>, n: u64, application: usize, chance: &mut Chance) -> Result<bool, String> {
    let mut guest = stage.regular(1);
    let mut families = Vec::new();
    for _ in 0..CODES {
        let issued = stage.authorize(&mut guest, 1, application, false);
        families.push(issued.ok_or("no code was issued: see the server's log")?);
    }
    // A person who was off has to sign in again, which is the dearest thing here; so mostly the application is.
    let of_person = n.is_multiple_of(4);
    let subject = if of_person { Subject::Person(1) } else { Subject::Application(subject_name(application)) };
    together(
        stage.balances.draw(TRADE, COMMAND_US, chance),
        || families.iter_mut().for_each(|family| stage.question(family)),
        || stage.switch(subject, false),
    );
    let won = families.last().is_some_and(|family| !family.tokens.is_empty());
    stage.balances.won(TRADE, COMMAND_US, won);
    families.iter_mut().for_each(|family| stage.question(family));
    if !stage.switch(subject, true) {
        return Err(format!("{subject:?} cannot be switched on: see the server's log"));
    }
    families.iter_mut().for_each(|family| stage.question(family));
    if !of_person {
        stage.keep_regular(1, guest);
    }
    Ok(won)
}

fn consent_against_withdraw(
    stage: &Stage<'_>,
    guest: &mut Guest,
    n: u64,
    application: usize,
    chance: &mut Chance,
) -> Result<(bool, Option<Violation>), String> {
    let issued = stage.authorize(guest, 0, application, false);
    let mut before = issued.ok_or("no code was issued: see the server's log")?;
    let Err(question) = stage.ask(guest, 0, application, true) else {
        return Err("no consent was asked for".to_owned());
    };
    let (mut giver, mut taker) = (guest.clone(), guest.clone());
    let by_page = !n.is_multiple_of(8);
    let (way, spread) = if by_page { (CONSENT, SKEW_US) } else { (CONSENT_BY_COMMAND, COMMAND_US) };
    let (given, done) = together(
        stage.balances.draw(way, spread, chance),
        || stage.allow(&mut giver, 0, application, &question),
        || match by_page {
            true => stage.withdraw_by_page(&mut taker, 0, application),
            false => {
                stage.withdraw(0, application);
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
    let remembered = matches!(stage.ask(guest, 0, application, false), Ok(Some(_)));
    let at = Span { begin, end: stage.recorder.stamp() };
    let subject = Subject::Consent(subject_name(0), subject_name(application));
    let torn = match (lives, remembered) {
        (false, true) => Some(Violation::AliveAfterEnd { subject, at }),
        (true, false) => Some(Violation::Lost { what: "the consent of person", name: 0, at }),
        _ => None,
    };
    // What lives on was given after the withdrawal.
    stage.balances.won(way, spread, !lives);
    Ok((!lives, torn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_sides_have_met_when_both_were_under_way() {
        let line = |begin, end, what| Event { span: Span { begin, end }, what };
        let refresh = || What::Refresh { presented: 1, by: 2, outcome: Outcome::Refused };
        let end = || What::End { subject: Subject::Family(1), outcome: Outcome::Done(()) };
        let shown = || What::Use { access: 1, outcome: Outcome::Done(()) };
        let is_use = |what: &What| matches!(what, What::Refresh { .. });
        for (history, expected) in [
            (vec![line(1, 4, refresh()), line(2, 3, end())], true),
            (vec![line(1, 3, refresh()), line(2, 4, end())], true),
            (vec![line(2, 4, refresh()), line(1, 3, end())], true),
            (vec![line(1, 2, refresh()), line(3, 4, end())], false),
            (vec![line(3, 4, refresh()), line(1, 2, end())], false),
            (vec![line(3, 4, refresh()), line(1, 2, end()), line(1, 3, shown())], false),
            (vec![line(1, 2, refresh())], false),
        ] {
            assert_eq!(met(&history, is_use), expected, "{history:?}");
        }
    }
}
