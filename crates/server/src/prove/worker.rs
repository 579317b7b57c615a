//! A worker: one person at a few applications, doing what the seed says until told to stop.
//!
//! Owns the mixture of the load. Each worker switches only its own person, and the first one the last application, so
//! that no two switches of one thing overlap.

use super::driver::{Family, Stage, subject_name};
use super::history::{Outcome, Subject};
use super::seed::Chance;
use super::visits::Guest;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Families that a worker keeps at hand.
const FAMILIES: usize = 24;

/// One of the workers.
pub struct Worker<'a> {
    stage: &'a Stage<'a>,
    /// Its number, and its person's.
    me: usize,
    chance: Chance,
    guest: Guest,
    families: Vec<Family>,
}

impl<'a> Worker<'a> {
    pub fn new(stage: &'a Stage<'a>, me: usize, chance: Chance) -> Worker<'a> {
        Worker { stage, me, chance, guest: stage.guest(), families: Vec::new() }
    }

    /// Works until `stop`; gives the families that it knows.
    pub fn work(mut self, stop: &AtomicBool) -> Vec<Family> {
        while !stop.load(Ordering::SeqCst) {
            match self.chance.below(100) {
                0..35 => self.authorize(),
                35..55 => self.refresh(),
                55..74 => self.show(),
                74..78 => self.replay(),
                78..82 => self.reuse(),
                82..87 => self.revoke(),
                87..90 => self.part(),
                90..96 => {
                    let mine = self.mine();
                    self.switch(mine, stop);
                }
                _ if self.me == 0 && self.chance.below(2) == 0 => self.switch(Subject::Application(self.moody()), stop),
                _ if self.me == 0 => drop(self.stage.change_secret(self.stage.applications.len() - 1)),
                _ => self.stage.stay(&self.guest),
            }
        }
        self.families
    }

    /// The application that is switched now and then.
    fn moody(&self) -> u32 {
        subject_name(self.stage.applications.len() - 1)
    }

    /// One of the switches that only this worker turns.
    fn mine(&mut self) -> Subject {
        let me = subject_name(self.me);
        match self.chance.below(4) {
            0 => Subject::Organization(me),
            1 => Subject::Assignment(me, self.moody()),
            _ => Subject::Person(me),
        }
    }

    fn any(&mut self) -> Option<usize> {
        let count = self.families.len() as u64;
        (count > 0).then(|| usize::try_from(self.chance.below(count)).unwrap_or_default())
    }

    fn authorize(&mut self) {
        if !self.stage.may_sign_in(self.me) {
            return;
        }
        let application = self.chance.below(self.stage.applications.len() as u64);
        let ask = self.chance.below(4) == 0;
        let application = usize::try_from(application).unwrap_or_default();
        let Some(mut family) = self.stage.authorize(&mut self.guest, self.me, application, ask) else {
            // A server that is gone is not asked ten thousand times a second.
            std::thread::sleep(Duration::from_millis(2));
            return;
        };
        if self.chance.below(4) > 0 {
            let outcome = match self.chance.below(6) {
                0 => self.twice(|| self.stage.redeem(&family)),
                _ => self.stage.redeem(&family),
            };
            if let Outcome::Done(tokens) = outcome {
                family.tokens.push(tokens);
            }
        }
        if self.families.len() >= FAMILIES {
            self.families.swap_remove(usize::try_from(self.chance.below(FAMILIES as u64)).unwrap_or_default());
        }
        self.families.push(family);
        if self.chance.below(2) == 0 {
            self.refresh_at(self.families.len() - 1);
        }
    }

    /// Asks twice at the same time; gives a success, if there is one.
    fn twice<T: Send>(&self, ask: impl Fn() -> Outcome<T> + Sync) -> Outcome<T> {
        std::thread::scope(|scope| {
            let other = scope.spawn(&ask);
            let mine = ask();
            match (mine, other.join()) {
                // Whoever waits for this worker hears of it.
                (_, Err(panic)) => std::panic::resume_unwind(panic),
                (Outcome::Done(mine), _) => Outcome::Done(mine),
                (mine, Ok(theirs)) => {
                    if matches!(theirs, Outcome::Done(_)) {
                        theirs
                    } else {
                        mine
                    }
                }
            }
        })
    }

    fn refresh(&mut self) {
        if let Some(at) = self.any() {
            self.refresh_at(at);
        }
    }

    fn refresh_at(&mut self, at: usize) {
        let twice = self.chance.below(6) == 0;
        let family = &self.families[at];
        let Some(newest) = family.tokens.last().and_then(|tokens| tokens.refresh.clone()) else { return };
        let outcome = if twice {
            self.twice(|| self.stage.refresh(family, &newest))
        } else {
            self.stage.refresh(family, &newest)
        };
        if let Outcome::Done(tokens) = outcome {
            self.families[at].tokens.push(tokens);
        }
    }

    fn show(&mut self) {
        let Some(at) = self.any() else { return };
        if let Some(tokens) = self.families[at].tokens.last() {
            self.stage.show(&tokens.access);
        }
    }

    /// Presents a code again, which ends its family.
    fn replay(&mut self) {
        let Some(at) = self.any() else { return };
        if !self.families[at].tokens.is_empty() {
            self.stage.redeem(&self.families[at]);
        }
    }

    /// Presents a refresh token whose successor has been used, which ends its family.
    fn reuse(&mut self) {
        let old = |family: &Family| family.tokens.iter().rev().nth(2).and_then(|tokens| tokens.refresh.clone());
        if let Some((family, presented)) = self.families.iter().find_map(|family| Some((family, old(family)?))) {
            self.stage.refresh(family, &presented);
        }
    }

    /// The person signs out, here or everywhere, gets a new password, or takes back what one application was allowed.
    fn part(&mut self) {
        if !self.stage.may_sign_in(self.me) {
            return;
        }
        match self.chance.below(4) {
            0 => self.stage.sign_out_everywhere(self.me),
            1 => {
                self.stage.sign_out(&self.guest);
                self.stage.stay(&self.guest);
            }
            2 => drop(self.stage.change_password(self.me)),
            _ => {
                if let Some(at) = self.any() {
                    self.stage.withdraw(self.me, self.families[at].application);
                }
            }
        }
    }

    fn revoke(&mut self) {
        let Some(at) = self.any() else { return };
        let family = &self.families[at];
        let Some(tokens) = family.tokens.last() else { return };
        match &tokens.refresh {
            Some(refresh) if self.chance.below(2) == 0 => {
                self.stage.revoke(family, refresh, Subject::Family(family.code.name));
            }
            _ => self.stage.revoke(family, &tokens.access, Subject::Token(tokens.access.name)),
        }
    }

    /// On again if it is off. Otherwise off, a question, and mostly on again; the kill may come in between.
    fn switch(&mut self, subject: Subject, stop: &AtomicBool) {
        if self.stage.off().contains(&subject) {
            self.stage.switch(subject, true);
            return;
        }
        self.stage.switch(subject, false);
        self.show();
        self.refresh();
        if self.chance.below(3) > 0 && !stop.load(Ordering::SeqCst) {
            self.stage.switch(subject, true);
        }
    }
}
