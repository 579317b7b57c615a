//! The driver: what clients and people do at the server, each deed written into the history.
//!
//! Owns the deeds and what counts as acknowledged: a 2xx, and for the browser the code. Every other answer below 500
//! but 429 is a refusal; the rest promises nothing. Does not judge.

use super::browser::{Browser, Traveller, Walk};
use super::history::{Name, Outcome, Pair, Recorder, Subject, What};
use super::house::{Application, House, REDIRECT_URI};
use super::http::{self, Reply, encode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

/// The example of RFC 7636 appendix B: what is proven here does not hang on PKCE's being secret.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Of how many generations the access tokens are asked after.
const REMEMBERED: usize = 4;

/// A person of the house.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: String,
    pub password: String,
}

/// A secret with its name in the history.
#[derive(Clone, Debug)]
pub struct Held {
    pub name: Name,
    pub text: String,
}

/// The tokens of one answer.
#[derive(Clone, Debug)]
pub struct Tokens {
    pub access: Held,
    pub refresh: Option<Held>,
}

/// A code and what came from it, as its client knows it.
#[derive(Clone, Debug)]
pub struct Family {
    pub code: Held,
    pub application: usize,
    /// Whether the code was ever presented.
    pub presented: bool,
    /// Generation after generation.
    pub tokens: Vec<Tokens>,
}

/// The house as the driver sees it. Persons bear the names 0.., applications too: subjects keep them apart.
pub struct Stage<'a> {
    pub house: &'a House,
    pub to: SocketAddr,
    pub applications: Vec<Application>,
    pub people: Vec<Person>,
    /// Whether the server can revoke (RFC 7009).
    pub revokes: bool,
    pub recorder: Recorder,
    names: Mutex<Names>,
    /// What may be switched off at the moment.
    off: Mutex<HashSet<Subject>>,
}

/// Which secret bears which name.
#[derive(Default)]
struct Names {
    known: HashMap<String, Name>,
    next: Name,
}

/// An outcome, from an answer or the lack of one.
fn outcome(reply: &Result<Reply, String>) -> Outcome<()> {
    match reply {
        Ok(reply) if (200..300).contains(&reply.status) => Outcome::Done(()),
        Ok(reply) if reply.status != 429 && (400..500).contains(&reply.status) => Outcome::Refused,
        _ => Outcome::Unknown,
    }
}

impl<'a> Stage<'a> {
    /// Furnishes a running house with `people` persons and `applications` applications.
    pub fn furnish(house: &'a House, people: usize, applications: usize) -> Result<Stage<'a>, String> {
        let mut stage = Stage {
            house,
            to: house.address()?,
            applications: Vec::new(),
            people: Vec::new(),
            revokes: house.offers("revocation_endpoint")?,
            recorder: Recorder::default(),
            names: Mutex::default(),
            off: Mutex::default(),
        };
        for n in 0..people {
            let person = Person { name: format!("person-{n}"), password: format!("password of person {n}") };
            house.person(&person.name, &person.password)?;
            stage.people.push(person);
        }
        for n in 0..applications {
            stage.applications.push(house.application(&format!("application-{n}"))?);
        }
        Ok(stage)
    }

    /// The name of a secret: the same secret bears the same name.
    fn held(&self, text: String) -> Held {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let next = names.next;
        let name = *names.known.entry(text.clone()).or_insert(next);
        if name == next {
            names.next += 1;
        }
        Held { name, text }
    }

    /// Forgets the secrets of a round that is over. Their names are not used again.
    pub fn forget(&self) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.known.clear();
    }

    /// A person asks for a code at an application, signing in and allowing where asked.
    pub fn authorize(&self, browser: &mut Browser, person: usize, application: usize, ask: bool) -> Option<Family> {
        let client_id = &self.applications[application].client_id;
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid offline_access"),
            ("state", "s"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        if ask {
            query.push(("prompt", "consent"));
        }
        let who = &self.people[person];
        let begin = self.recorder.stamp();
        let path = format!("/oauth/authorize?{}", encode(&query));
        let walk = browser.walk(&path, &Traveller { name: &who.name, password: &who.password });
        let (outcome, family) = match walk {
            Walk::Code(code) => {
                let code = self.held(code);
                let family = Family { code: code.clone(), application, presented: false, tokens: Vec::new() };
                (Outcome::Done(code.name), Some(family))
            }
            Walk::Refused(_) => (Outcome::Refused, None),
            Walk::Unknown => (Outcome::Unknown, None),
        };
        let (person, application) = (subject_name(person), subject_name(application));
        self.recorder.write(begin, What::Issue { person, application, outcome });
        family
    }

    /// The family's client trades its code.
    pub fn redeem(&self, family: &Family) -> Outcome<Tokens> {
        let begin = self.recorder.stamp();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", family.code.text.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let outcome = self.tokens(&self.post("/oauth/token", family.application, &form));
        self.recorder.write(begin, What::Redeem { code: family.code.name, outcome: named(&outcome) });
        outcome
    }

    /// The family's client trades a refresh token.
    pub fn refresh(&self, family: &Family, presented: &Held) -> Outcome<Tokens> {
        let begin = self.recorder.stamp();
        let form = [("grant_type", "refresh_token"), ("refresh_token", presented.text.as_str())];
        let outcome = self.tokens(&self.post("/oauth/token", family.application, &form));
        self.recorder.write(begin, What::Refresh { presented: presented.name, outcome: named(&outcome) });
        outcome
    }

    /// Shows an access token to a resource of ours.
    pub fn show(&self, access: &Held) -> Outcome<()> {
        let begin = self.recorder.stamp();
        let bearer = format!("Bearer {}", access.text);
        let reply = http::call(self.to, "GET", "/oauth/userinfo", &[("Authorization", &bearer)], "");
        let outcome = outcome(&reply);
        self.recorder.write(begin, What::Use { access: access.name, outcome: outcome.clone() });
        outcome
    }

    /// Revokes a token; with a refresh token its whole family.
    pub fn revoke(&self, family: &Family, token: &Held, subject: Subject) {
        let begin = self.recorder.stamp();
        let reply = self.post("/oauth/revoke", family.application, &[("token", token.text.as_str())]);
        self.recorder.write(begin, What::End { subject, outcome: outcome(&reply) });
    }

    /// Switches a person or an application off or on by the command line beside the server. Gives whether it was done.
    pub fn switch(&self, subject: Subject, on: bool) -> bool {
        let (noun, name) = match subject {
            Subject::Person(n) => ("user", &self.people[n as usize].name),
            Subject::Application(n) => ("app", &self.applications[n as usize].name),
            Subject::Family(_) | Subject::Token(_) => return false,
        };
        let off = || self.off.lock().unwrap_or_else(PoisonError::into_inner);
        if !on {
            off().insert(subject);
        }
        let begin = self.recorder.stamp();
        let done = self.house.command(&[noun, if on { "enable" } else { "disable" }, name], "");
        let outcome = if done.is_ok() { Outcome::Done(()) } else { Outcome::Unknown };
        let what = if on { What::Restore { subject, outcome } } else { What::End { subject, outcome } };
        self.recorder.write(begin, what);
        if on && done.is_ok() {
            off().remove(&subject);
        }
        done.is_ok()
    }

    /// Signs a person out everywhere, or with `application` withdraws what the person allowed it. Ends `families`, which
    /// had begun before.
    pub fn part(&self, person: usize, application: Option<usize>, families: &[Name]) {
        let name = &self.people[person].name;
        let begin = self.recorder.stamp();
        let done = match application {
            None => self.house.command(&["user", "sign-out", name], ""),
            Some(application) => {
                self.house.command(&["user", "withdraw", name, &self.applications[application].name], "")
            }
        };
        // Who comes in while it is done may have to sign in again, and what began beside it may have ended with it;
        // the person is not switched off.
        let subject = Subject::Person(subject_name(person));
        self.recorder.write(begin, What::End { subject, outcome: Outcome::Refused });
        let after = self.recorder.stamp();
        for family in families {
            let outcome = if done.is_ok() { Outcome::Done(()) } else { Outcome::Unknown };
            self.recorder.write(begin, What::End { subject: Subject::Family(*family), outcome });
        }
        if done.is_ok() {
            self.recorder.write(after, What::Restore { subject, outcome: Outcome::Done(()) });
        }
    }

    /// What may be switched off at the moment.
    pub fn off(&self) -> Vec<Subject> {
        self.off.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// One POST by an application, with its credentials.
    fn post(&self, path: &str, application: usize, form: &[(&str, &str)]) -> Result<Reply, String> {
        let client = &self.applications[application];
        let pair = STANDARD.encode(format!("{}:{}", client.client_id, client.client_secret));
        http::call(self.to, "POST", path, &[("Authorization", &format!("Basic {pair}"))], &encode(form))
    }

    fn tokens(&self, reply: &Result<Reply, String>) -> Outcome<Tokens> {
        match (outcome(reply), reply) {
            (Outcome::Done(()), Ok(reply)) => match reply.text("access_token") {
                Some(access) => Outcome::Done(Tokens {
                    access: self.held(access),
                    refresh: reply.text("refresh_token").map(|text| self.held(text)),
                }),
                None => Outcome::Unknown,
            },
            (Outcome::Refused, _) => Outcome::Refused,
            _ => Outcome::Unknown,
        }
    }

    /// Asks of everything that the family ever had whether it is good, and trades what can be traded once.
    pub fn question(&self, family: &mut Family) {
        if family.tokens.is_empty() {
            family.presented = true;
            if let Outcome::Done(tokens) = self.redeem(family) {
                family.tokens.push(tokens);
            }
        }
        for tokens in family.tokens.iter().rev().take(REMEMBERED) {
            self.show(&tokens.access);
        }
        if let Some(newest) = family.tokens.last().and_then(|tokens| tokens.refresh.clone())
            && let Outcome::Done(tokens) = self.refresh(family, &newest)
        {
            self.show(&tokens.access);
            family.tokens.push(tokens);
        }
    }
}

/// The tokens' names.
fn named(outcome: &Outcome<Tokens>) -> Outcome<Pair> {
    match outcome {
        Outcome::Done(tokens) => Outcome::Done(Pair {
            access: tokens.access.name,
            refresh: tokens.refresh.as_ref().map(|refresh| refresh.name),
        }),
        Outcome::Refused => Outcome::Refused,
        Outcome::Unknown => Outcome::Unknown,
    }
}

/// A person's or an application's place in the house as a name.
pub fn subject_name(place: usize) -> Name {
    Name::try_from(place).unwrap_or(Name::MAX)
}
