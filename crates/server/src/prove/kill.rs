//! `vestibule prove kill`: mixed load, kill -9 at a random moment, a restart, and every acknowledgement asked after.
//!
//! Owns one cycle. A kill takes the process, not the power: what the kernel has is kept, so this proves the order of
//! answers and commits, not the disk. Whether answers wait for the disk is what a trace of the system calls shows.

use super::checker::{self, Violation};
use super::driver::{Family, Stage};
use super::history::Event;
use super::seed::Chance;
use super::worker::Worker;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Persons who work at once, and applications; the last of these is switched off and on.
pub const PEOPLE: usize = 4;
pub const APPLICATIONS: usize = 2;
/// The load goes on for between so many deeds, and so many more, and then for less than so many microseconds; deeds and
/// not seconds, so that a slow machine proves as much. A server that answers nobody is not waited for.
const FEWEST: u64 = 20;
const SPREAD: u64 = 200;
const LAST_US: u64 = 5_000;
const PATIENCE_MS: u64 = 10_000;

/// One cycle. Gives its history and what the checker found in it.
pub fn cycle(stage: &Stage<'_>, mut chance: Chance) -> Result<(Vec<Event>, Vec<Violation>), String> {
    let stop = AtomicBool::new(false);
    let deeds = usize::try_from(FEWEST + chance.below(SPREAD)).unwrap_or_default();
    let last = Duration::from_micros(chance.below(LAST_US));
    let mut families: Vec<Family> = std::thread::scope(|scope| {
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
        stage.house.kill();
        stop.store(true, Ordering::SeqCst);
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    stage.house.start()?;
    question_all(stage, &mut families);
    restore(stage)?;
    // What was off is on again: what ended is still dead.
    question_all(stage, &mut families);
    let history = stage.recorder.take();
    let found = checker::check(&history);
    Ok((history, found))
}

/// Asks after everything, with as many threads as there are persons.
pub fn question_all(stage: &Stage<'_>, families: &mut [Family]) {
    let share = families.len().div_ceil(stage.people.len().max(1)).max(1);
    std::thread::scope(|scope| {
        for part in families.chunks_mut(share) {
            scope.spawn(|| part.iter_mut().for_each(|family| stage.question(family)));
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
