//! How the driver ends things: by the command line beside the server, by the page, by the protocol.
//!
//! Owns what each of these ends, in the words of a history: a switch can be turned back, a cut ends what had begun.

use super::deeds::outcome;
use super::driver::{ClientSecret, Family, Held, Stage, subject_name};
use super::history::{Doubt, Outcome, Subject, What};
use super::visits::Guest;
use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

/// How often a command is tried whose outcome must be known.
const TRIES: usize = 3;

impl Stage<'_> {
    /// Switches something off or on by the command line. Gives whether it was done.
    pub fn switch(&self, subject: Subject, on: bool) -> bool {
        let verb = if on { "enable" } else { "disable" };
        let arguments = match subject {
            Subject::Person(n) => vec!["user", verb, &self.people[n as usize].name],
            Subject::Application(n) => vec!["app", verb, &self.applications[n as usize].name],
            Subject::Organization(n) => vec!["org", verb, &self.people[n as usize].organization],
            Subject::Assignment(person, application) => {
                let verb = if on { "assign" } else { "unassign" };
                let (person, application) = (&self.people[person as usize], &self.applications[application as usize]);
                vec!["app", verb, &application.name, "--user", &person.name]
            }
            _ => return false,
        };
        if !on {
            self.what_is_off().insert(subject);
        }
        let begin = self.recorder.stamp();
        let done = self.house.command(&arguments, "");
        let outcome = told(done.is_ok());
        let what = if on { What::Restore { subject, outcome } } else { What::End { subject, outcome } };
        self.recorder.write(begin, what);
        if on && done.is_ok() {
            self.what_is_off().remove(&subject);
        }
        done.is_ok()
    }

    /// What may be switched off at the moment.
    pub fn off(&self) -> Vec<Subject> {
        self.what_is_off().iter().copied().collect()
    }

    /// Whether the person can sign in, as far as anybody knows. Who is off and knocks on would have to wait afterwards, as
    /// one who guesses passwords.
    pub fn may_sign_in(&self, person: usize) -> bool {
        let (off, name) = (self.what_is_off(), subject_name(person));
        !off.contains(&Subject::Person(name)) && !off.contains(&Subject::Organization(name))
    }

    fn what_is_off(&self) -> MutexGuard<'_, HashSet<Subject>> {
        self.off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signs a person out everywhere.
    pub fn sign_out_everywhere(&self, person: usize) {
        let begin = self.recorder.stamp();
        let done = self.house.command(&["user", "sign-out", &self.people[person].name], "");
        let subject = Subject::Person(subject_name(person));
        self.recorder.write(begin, What::Cut { subject, outcome: told(done.is_ok()) });
    }

    /// Signs out in one browser.
    pub fn sign_out(&self, guest: &Guest) {
        let Some(session) = guest.session else { return };
        let begin = self.recorder.stamp();
        // Another browser with the same cookies, so that the old ones can be shown afterwards.
        let outcome = guest.browser.clone().press("/sign-out", &[]);
        self.recorder.write(begin, What::End { subject: Subject::Session(session.name), outcome });
    }

    /// Withdraws what a person allowed an application, by the command line.
    pub fn withdraw(&self, person: usize, application: usize) {
        let begin = self.recorder.stamp();
        let (name, from) = (&self.people[person].name, &self.applications[application].name);
        let done = self.house.command(&["user", "withdraw", name, from], "").is_ok();
        let subject = Subject::Consent(subject_name(person), subject_name(application));
        self.recorder.write(begin, What::Cut { subject, outcome: told(done) });
    }

    /// The same by the person's own page. Gives whether it was done.
    pub fn withdraw_by_page(&self, guest: &mut Guest, person: usize, application: usize) -> bool {
        let client_id = &self.applications[application].client_id;
        let begin = self.recorder.stamp();
        let outcome = guest.browser.press("/applications", &[("client_id", client_id)]);
        let subject = Subject::Consent(subject_name(person), subject_name(application));
        self.recorder.write(begin, What::Cut { subject, outcome });
        outcome == Outcome::Done(())
    }

    /// Gives a person another password. Gives the one before it.
    pub fn change_password(&self, person: usize) -> Result<Held, String> {
        let (before, after) = (self.password(person), self.new_password());
        // Each try is a line of its own: one that nobody can tell the end of is not hidden by the next.
        let change = || {
            let begin = self.recorder.stamp();
            let arguments = ["user", "set-password", &self.people[person].name, "--password-stdin"];
            let done = self.house.command(&arguments, &after.text).is_ok();
            self.recorder.write(begin, What::End { subject: Subject::Key(before.name), outcome: told(done) });
            let subject = Subject::Person(subject_name(person));
            self.recorder.write(begin, What::Cut { subject, outcome: told(done) });
            done
        };
        if !(0..TRIES).any(|_| change()) {
            return Err("a password cannot be changed: see the server's log".to_owned());
        }
        self.keep_password(person, after);
        Ok(before)
    }

    /// Gives an application a second secret, and removes the one before it. Gives that.
    pub fn change_secret(&self, application: usize) -> Result<Held, String> {
        let (before, name) = (self.secret(application), &self.applications[application].name);
        let shown = self.house.command(&["app", "rotate-secret", name], "")?;
        let text = shown["client_secret"].as_str().ok_or("no secret was printed")?.to_owned();
        let ids = shown["secrets"].as_array().into_iter().flatten().filter_map(|secret| secret["id"].as_str());
        let id = ids.into_iter().find(|id| *id != before.id).ok_or("no second secret was printed")?.to_owned();
        // From now on asked for with the new one, also by who comes while the old one is removed.
        self.keep_secret(application, ClientSecret { held: self.held(text), id });
        let begin = self.recorder.stamp();
        let done = self.house.command(&["app", "remove-secret", name, &before.id], "").is_ok();
        self.recorder.write(begin, What::End { subject: Subject::Key(before.held.name), outcome: told(done) });
        if done { Ok(before.held) } else { Err("a secret cannot be removed: see the server's log".to_owned()) }
    }

    /// Revokes a token; with a refresh token its whole family.
    pub fn revoke(&self, family: &Family, token: &Held, subject: Subject) {
        let begin = self.recorder.stamp();
        let secret = self.secret(family.application).held;
        let reply = self.post("/oauth/revoke", family.application, &secret, &[("token", token.text.as_str())]);
        self.recorder.write(begin, What::End { subject, outcome: outcome(&reply) });
    }
}

fn told(done: bool) -> Outcome<()> {
    if done { Outcome::Done(()) } else { Outcome::Unknown(Doubt::NoAnswer) }
}
