//! The driver: what clients and people do at the server, each deed written into the history.
//!
//! Owns the deeds and what counts as acknowledged: a 2xx, and for the browser the code. Every other answer below 500
//! but 429 is a refusal; the rest promises nothing. What is done in browsers is `visits`'s, how things are ended
//! `switchboard`'s. Does not judge.

use super::history::{Name, Outcome, Pair, Recorder, Subject, What};
use super::house::{House, REDIRECT_URI};
use super::http::{self, Reply, encode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The example of RFC 7636 appendix B: what is proven here does not hang on PKCE's being secret.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Of how many generations the access tokens are asked after.
const REMEMBERED: usize = 4;

/// A person of the house.
#[derive(Debug)]
pub struct Person {
    pub name: String,
    password: Mutex<Held>,
}

/// An application of the house.
#[derive(Debug)]
pub struct Client {
    pub name: String,
    pub client_id: String,
    secret: Mutex<ClientSecret>,
    /// Whether only those may use it to whom it was assigned.
    pub assigned: bool,
}

/// Its secret, and the id by which it can be removed.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    pub held: Held,
    pub id: String,
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

/// The house as the driver sees it. Persons bear the names 0.., applications and organizations too: subjects keep them
/// apart. The n-th person belongs to the n-th organization.
pub struct Stage<'a> {
    pub house: &'a House,
    pub nodes: Vec<SocketAddr>,
    /// Whose turn it is.
    turn: AtomicUsize,
    pub applications: Vec<Client>,
    pub people: Vec<Person>,
    pub recorder: Recorder,
    names: Mutex<Names>,
    /// What may be switched off at the moment.
    pub(super) off: Mutex<HashSet<Subject>>,
}

/// Which secret bears which name.
#[derive(Default)]
struct Names {
    known: HashMap<String, Name>,
    next: Name,
}

/// An outcome, from an answer or the lack of one.
pub fn outcome(reply: &Result<Reply, String>) -> Outcome<()> {
    match reply {
        Ok(reply) if (200..300).contains(&reply.status) => Outcome::Done(()),
        Ok(reply) if reply.status != 429 && (400..500).contains(&reply.status) => Outcome::Refused,
        _ => Outcome::Unknown,
    }
}

impl<'a> Stage<'a> {
    /// Furnishes a running house with `people` persons and `applications` applications, the last of which is for those
    /// only to whom it was assigned: everybody.
    pub fn furnish(house: &'a House, people: usize, applications: usize) -> Result<Stage<'a>, String> {
        let mut stage = Stage {
            house,
            nodes: house.addresses()?,
            turn: AtomicUsize::new(0),
            applications: Vec::new(),
            people: Vec::new(),
            recorder: Recorder::default(),
            names: Mutex::default(),
            off: Mutex::default(),
        };
        for n in 0..people {
            let (name, organization) = (format!("person-{n}"), format!("organization-{n}"));
            let password = stage.new_password();
            house.command(&["org", "add", &organization], "")?;
            house.person(&name, &password.text, &organization)?;
            stage.people.push(Person { name, password: Mutex::new(password) });
        }
        for n in 0..applications {
            let assigned = n + 1 == applications;
            let made = house.application(&format!("application-{n}"), assigned)?;
            let secret = ClientSecret { held: stage.held(made.client_secret), id: made.secret_id };
            for person in stage.people.iter().filter(|_| assigned) {
                house.command(&["app", "assign", &made.name, "--user", &person.name], "")?;
            }
            let (name, client_id, secret) = (made.name, made.client_id, Mutex::new(secret));
            stage.applications.push(Client { name, client_id, secret, assigned });
        }
        Ok(stage)
    }

    /// The node whose turn it is: what one has done the next one is asked about.
    fn to(&self) -> Result<SocketAddr, String> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.nodes.get(turn % self.nodes.len().max(1)).copied().ok_or_else(|| "there is no node".to_owned())
    }

    /// A password that nobody has had.
    pub(super) fn new_password(&self) -> Held {
        let name = self.new_name();
        Held { name, text: format!("a password of number {name}") }
    }

    pub(super) fn new_name(&self) -> Name {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.next += 1;
        names.next - 1
    }

    /// The person's password at the moment.
    pub fn password(&self, person: usize) -> Held {
        self.people[person].password.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep_password(&self, person: usize, password: Held) {
        *self.people[person].password.lock().unwrap_or_else(PoisonError::into_inner) = password;
    }

    /// The application's secret at the moment.
    pub fn secret(&self, application: usize) -> ClientSecret {
        self.applications[application].secret.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn keep_secret(&self, application: usize, secret: ClientSecret) {
        *self.applications[application].secret.lock().unwrap_or_else(PoisonError::into_inner) = secret;
    }

    /// The name of a secret: the same secret bears the same name.
    pub(super) fn held(&self, text: String) -> Held {
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

    /// The family's client trades its code.
    pub fn redeem(&self, family: &Family) -> Outcome<Tokens> {
        let begin = self.recorder.stamp();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", family.code.text.as_str()),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        let secret = self.secret(family.application).held;
        let outcome = self.tokens(&self.post("/oauth/token", family.application, &secret, &form));
        self.recorder.write(begin, What::Redeem { code: family.code.name, by: secret.name, outcome: named(&outcome) });
        outcome
    }

    /// The family's client trades a refresh token.
    pub fn refresh(&self, family: &Family, presented: &Held) -> Outcome<Tokens> {
        self.refresh_with(family, presented, &self.secret(family.application).held)
    }

    /// The same with this secret.
    pub fn refresh_with(&self, family: &Family, presented: &Held, secret: &Held) -> Outcome<Tokens> {
        let begin = self.recorder.stamp();
        let form = [("grant_type", "refresh_token"), ("refresh_token", presented.text.as_str())];
        let outcome = self.tokens(&self.post("/oauth/token", family.application, secret, &form));
        self.recorder
            .write(begin, What::Refresh { presented: presented.name, by: secret.name, outcome: named(&outcome) });
        outcome
    }

    /// Shows an access token to a resource of ours.
    pub fn show(&self, access: &Held) -> Outcome<()> {
        let begin = self.recorder.stamp();
        let bearer = format!("Bearer {}", access.text);
        let reply =
            self.to().and_then(|to| http::call(to, "GET", "/oauth/userinfo", &[("Authorization", &bearer)], ""));
        let outcome = outcome(&reply);
        self.recorder.write(begin, What::Use { access: access.name, outcome: outcome.clone() });
        outcome
    }

    /// One POST by an application, with this secret.
    pub(super) fn post(
        &self,
        path: &str,
        application: usize,
        secret: &Held,
        form: &[(&str, &str)],
    ) -> Result<Reply, String> {
        let pair = STANDARD.encode(format!("{}:{}", self.applications[application].client_id, secret.text));
        let authorization = format!("Basic {pair}");
        http::call(self.to()?, "POST", path, &[("Authorization", &authorization)], &encode(form))
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
