//! What people do in their browsers: ask for codes, sign in, stay signed in.
//!
//! Owns what a code and a session hang on. The walk from page to page is `browser`'s.

use super::browser::{Browser, Halt, Question, Traveller, Walk};
use super::driver::{Family, Held, Stage, subject_name};
use super::history::{Doubt, Name, Outcome, Span, Stamp, Subject, What};
use super::house::REDIRECT_URI;
use super::http::encode;

/// The challenge of the driver's verifier.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A browser, and who is signed in there since when.
#[derive(Clone, Debug)]
pub struct Guest {
    pub browser: Browser,
    pub session: Option<Session>,
}

/// A sign-in in one browser.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    pub name: Name,
    pub person: usize,
    pub begun: Span,
}

impl Stage<'_> {
    /// A browser that nobody has used.
    pub fn guest(&self) -> Guest {
        Guest { browser: Browser::new(&self.nodes), session: None }
    }

    /// The address at which an application asks for a code, with the question whether it may if `ask`.
    fn authorize_path(&self, application: usize, ask: bool) -> String {
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", self.applications[application].client_id.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid offline_access"),
            ("state", "s"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        if ask {
            query.push(("prompt", "consent"));
        }
        format!("/oauth/authorize?{}", encode(&query))
    }

    /// A person asks for a code at an application, signing in and allowing where asked.
    pub fn authorize(&self, guest: &mut Guest, person: usize, application: usize, ask: bool) -> Option<Family> {
        let begin = self.recorder.stamp();
        let path = self.authorize_path(application, ask);
        self.walk(guest, person, application, begin, |browser, who| Halt::End(browser.walk(&path, who))).ok()?
    }

    /// The same, until the person is asked whether the application may.
    pub fn ask(
        &self,
        guest: &mut Guest,
        person: usize,
        application: usize,
        ask: bool,
    ) -> Result<Option<Family>, Question> {
        let begin = self.recorder.stamp();
        let path = self.authorize_path(application, ask);
        self.walk(guest, person, application, begin, |browser, who| browser.open(&path, who))
    }

    /// The person allows. An application whose question has to be asked once more got no code.
    pub fn allow(&self, guest: &mut Guest, person: usize, application: usize, question: &Question) -> Option<Family> {
        let begin = self.recorder.stamp();
        self.walk(guest, person, application, begin, |browser, who| browser.allow(question, who)).ok()?
    }

    fn walk(
        &self,
        guest: &mut Guest,
        person: usize,
        application: usize,
        begin: Stamp,
        walk: impl FnOnce(&mut Browser, &Traveller<'_>) -> Halt,
    ) -> Result<Option<Family>, Question> {
        let password = self.password(person);
        let before = guest.browser.session().map(str::to_owned);
        let who = Traveller { name: &self.people[person].name, password: &password.text };
        let halt = walk(&mut guest.browser, &who);
        if guest.browser.session() != before.as_deref() {
            let name = self.new_name();
            let begun = Span { begin, end: self.recorder.stamp() };
            guest.session = guest.browser.session().map(|_| Session { name, person, begun });
        }
        let (outcome, family) = match halt {
            Halt::End(Walk::Code(code)) => {
                let code = self.held(code);
                let family = Family { code: code.clone(), application, tokens: Vec::new() };
                (Outcome::Done(code.name), Some(family))
            }
            Halt::End(Walk::Refused(_)) => (Outcome::Refused, None),
            Halt::End(Walk::Unknown(doubt)) => (Outcome::Unknown(doubt), None),
            Halt::Question(question) => return Err(question),
        };
        let mut on = self.standing(person);
        on.extend([Subject::Key(password.name), Subject::Application(subject_name(application))]);
        on.push(Subject::Consent(subject_name(person), subject_name(application)));
        on.extend(self.assignment(person, application));
        on.extend(guest.session.map(|session| Subject::Session(session.name)));
        self.recorder.write(begin, What::Issue { on, outcome });
        Ok(family)
    }

    /// What a person hangs on; the person is the first.
    fn standing(&self, person: usize) -> Vec<Subject> {
        let name = subject_name(person);
        vec![Subject::Person(name), Subject::Organization(name)]
    }

    /// That the person may use the application, where that is asked.
    pub fn assignment(&self, person: usize, application: usize) -> Option<Subject> {
        let asked = self.applications[application].assigned;
        asked.then(|| Subject::Assignment(subject_name(person), subject_name(application)))
    }

    /// Whether the browser is still signed in.
    pub fn stay(&self, guest: &Guest) {
        let Some(session) = guest.session else { return };
        let begin = self.recorder.stamp();
        // A copy: the server takes a dead session's cookie away.
        let outcome = match guest.browser.clone().send("GET", "/applications", "").map(|reply| reply.status) {
            Ok(200) => Outcome::Done(()),
            Ok(303) => Outcome::Refused,
            Ok(status) => Outcome::Unknown(Doubt::Answered(status)),
            Err(_) => Outcome::Unknown(Doubt::NoAnswer),
        };
        let mut on = self.standing(session.person);
        on.push(Subject::Session(session.name));
        self.recorder.write(begin, What::Knock { on, begun: Some(session.begun), outcome });
    }

    /// Whether this password lets the person in, in a browser that nobody knows.
    pub fn sign_in(&self, person: usize, password: &Held) {
        let begin = self.recorder.stamp();
        let who = Traveller { name: &self.people[person].name, password: &password.text };
        let outcome = match self.guest().browser.sign_in(&who) {
            Ok(303) => Outcome::Done(()),
            Ok(422) => Outcome::Refused,
            Ok(status) => Outcome::Unknown(Doubt::Answered(status)),
            Err(_) => Outcome::Unknown(Doubt::NoAnswer),
        };
        let mut on = self.standing(person);
        on.push(Subject::Key(password.name));
        self.recorder.write(begin, What::Knock { on, begun: None, outcome });
    }
}
