//! `vestibule prove kill`: mixed load, kill -9 at a random moment, a restart, and every acknowledgement asked after.
//!
//! Owns one cycle. A kill takes the process, not the power: what the kernel has is kept, so this proves the order of
//! answers and commits, not the disk. Whether answers wait for the disk is what a trace of the system calls shows.

use super::checker;
use super::driver::{Family, Make, Stage};
use super::history::{Event, Outcome, What};
use super::part::Part;
use super::seed::Chance;
use super::together::all_joined;
use super::worker::Worker;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Persons who work at once, and applications; the last of these is switched off and on.
pub const PEOPLE: usize = 4;
pub const APPLICATIONS: [Make; 4] = [Make::Opaque, Make::Signed, Make::Public, Make::Opaque];
/// The load goes on for between so many deeds, and so many more, and then for less than so many microseconds; deeds and
/// not seconds, so that a slow machine proves as much. A server that answers nobody is not waited for.
const FEWEST: u64 = 20;
const SPREAD: u64 = 200;
const LAST_US: u64 = 5_000;
const PATIENCE_MS: u64 = 10_000;

/// One cycle.
pub fn cycle(stage: &Stage<'_>, mut chance: Chance) -> Result<Vec<Part>, String> {
    let stop = AtomicBool::new(false);
    let deeds = usize::try_from(FEWEST + chance.below(SPREAD)).unwrap_or_default();
    let last = Duration::from_micros(chance.below(LAST_US));
    let (mut families, begin) = std::thread::scope(|scope| {
        let work = |me| {
            let worker = Worker::new(stage, me, chance.branch(me as u64));
            let stop = &stop;
            scope.spawn(move || worker.work(stop))
        };
        let workers: Vec<_> = (0..stage.people.len()).map(work).collect();
        for _ in 0..PATIENCE_MS {
            if stage.recorder.len() >= deeds {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(last);
        let begin = stage.recorder.stamp();
        stage.house.kill();
        stop.store(true, Ordering::SeqCst);
        all_joined(workers).map(|families| (families.into_iter().flatten().collect::<Vec<Family>>(), begin))
    })?;
    stage.house.start()?;
    stage.recorder.write(begin, What::Outage);
    // Twice what may have been answered just before: both answers must be the one that the kill may have cut off.
    for_each(stage, &mut families, |_, family| stage.question_with(family, 2));
    restore(stage)?;
    // What was off is on again: what ended is still dead, also after one restart more.
    question_all(stage, &mut families);
    let mut graves = stage.graves.families();
    for_each(stage, &mut graves, |_, family| present_dead(stage, family));
    let chance = chance.branch(u64::MAX);
    for_each(stage, &mut families, |n, family| present_again(stage, family, chance.branch(n)));
    let (before, history) = (stage.graves.lines(), stage.recorder.take());
    let found = checker::check(&[&before[..], &history[..]].concat());
    let again = Again::of(&history);
    let ended = ("ended_again", graves.len() as u64);
    let counts = vec![("codes_again", again.codes), ("generations_again", again.generations), ended];
    if found.is_empty() {
        stage.graves.bury(families, &history, &stage.recorder, chance.branch(0));
    }
    Ok(vec![Part { before, counts, ..Part::new(history, found) }])
}

/// Presents what had ended before an earlier restart: the code, the newest refresh token and the access tokens of the last
/// two generations.
fn present_dead(stage: &Stage<'_>, family: &Family) {
    stage.redeem(family);
    for tokens in family.tokens.iter().rev().take(2) {
        stage.show(&tokens.access);
    }
    if let Some(newest) = family.tokens.last().and_then(|tokens| tokens.refresh.as_ref()) {
        stage.refresh(family, newest);
    }
}

/// Presents once more, in an order that chance decides, the code and a generation whose successor was used, where there
/// was an answer to them; then shows everything that the family ever had.
fn present_again(stage: &Stage<'_>, family: &Family, mut chance: Chance) {
    let used = family.tokens.len().saturating_sub(2) as u64;
    let old = usize::try_from(chance.below(used)).ok().filter(|_| used > 0);
    let old = old.and_then(|n| family.tokens[n].refresh.as_ref());
    let code_first = chance.below(2) == 0;
    let code = || drop((!family.tokens.is_empty()).then(|| stage.redeem(family)));
    if code_first {
        code();
    }
    if let Some(old) = old {
        stage.refresh(family, old);
    }
    if !code_first {
        code();
    }
    for tokens in &family.tokens {
        stage.show(&tokens.access);
    }
}

/// What a history presents again after the server was killed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Again {
    /// Codes whose success was acknowledged.
    codes: u64,
    /// Refresh tokens whose successor was acknowledged before the kill.
    generations: u64,
}

impl Again {
    fn of(history: &[Event]) -> Again {
        let outage = history.iter().filter(|event| event.what == What::Outage).map(|event| event.span).next_back();
        let Some(outage) = outage else { return Again::default() };
        let before = history.iter().filter(|event| event.span.end < outage.begin);
        let acknowledged: HashSet<_> = before.filter_map(|event| one_time(&event.what, true)).collect();
        let after = history.iter().filter(|event| event.span.begin > outage.end);
        let asked: Vec<_> = after.filter_map(|event| one_time(&event.what, false)).collect();
        let again = |is_code: bool| asked.iter().filter(|one| one.0 == is_code && acknowledged.contains(one)).count();
        Again { codes: again(true) as u64, generations: again(false) as u64 }
    }
}

/// The one-time thing that was presented, and whether it is a code; with `only_done` if it was good.
fn one_time(what: &What, only_done: bool) -> Option<(bool, u32)> {
    match what {
        What::Redeem { code, outcome, .. } if !only_done || matches!(outcome, Outcome::Done(_)) => Some((true, *code)),
        What::Refresh { presented, outcome, .. } if !only_done || matches!(outcome, Outcome::Done(_)) => {
            Some((false, *presented))
        }
        _ => None,
    }
}

/// Asks after everything, with as many threads as there are persons.
pub fn question_all(stage: &Stage<'_>, families: &mut [Family]) {
    for_each(stage, families, |_, family| stage.question(family));
}

fn for_each(stage: &Stage<'_>, families: &mut [Family], ask: impl Fn(u64, &mut Family) + Sync) {
    let share = families.len().div_ceil(stage.people.len().max(1)).max(1);
    std::thread::scope(|scope| {
        for (at, part) in families.chunks_mut(share).enumerate() {
            let ask = &ask;
            scope.spawn(move || {
                part.iter_mut().enumerate().for_each(|(n, family)| ask((at * share + n) as u64, family));
            });
        }
    });
}

/// Switches on what the kill left off.
fn restore(stage: &Stage<'_>) -> Result<(), String> {
    for subject in stage.off() {
        if !stage.switch(subject, true) {
            return Err(format!("{subject:?} cannot be switched on: see the server's log"));
        }
    }
    Ok(())
}
