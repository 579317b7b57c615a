//! The driver's stage: the people and applications of one house, their secrets, and the history that is being written.
//!
//! Owns who there is and which secret bears which name. What applications do is `deeds`'s, what is done in browsers
//! `visits`'s, how things are ended `switchboard`'s. Does not judge.

use super::graves::Graves;
use super::history::{Name, Recorder, Subject};
use super::house::House;
use super::together::Balances;
use super::visits::Guest;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A person of the house.
#[derive(Debug)]
pub struct Person {
    pub name: String,
    pub organization: String,
    password: Mutex<Held>,
}

/// What kind of application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    /// With a secret, and access tokens that only the server can read.
    Opaque,
    /// With a secret, and signed access tokens.
    Signed,
    /// Without a secret: bound by PKCE, and its refresh tokens by where they are sent from.
    Public,
}

/// An application of the house.
#[derive(Debug)]
pub struct Client {
    pub name: String,
    pub client_id: String,
    pub make: Make,
    /// Of a public one an empty text, so that what it does bears somebody's name too.
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
    /// Generation after generation.
    pub tokens: Vec<Tokens>,
}

/// The house as one driver sees it; several drivers have people and applications of their own in one house. Persons bear
/// the names 0.., applications and organizations too: subjects keep them apart. The n-th person belongs to the n-th
/// organization.
pub struct Stage<'a> {
    pub house: &'a House,
    pub nodes: Vec<SocketAddr>,
    /// Whose turn it is.
    turn: AtomicUsize,
    shown: AtomicUsize,
    pub applications: Vec<Client>,
    /// What other applications' tokens are shown to, and who asks the server about them.
    pub(super) resource: (String, String),
    pub people: Vec<Person>,
    pub recorder: Recorder,
    names: Mutex<Names>,
    /// What may be switched off at the moment.
    pub(super) off: Mutex<HashSet<Subject>>,
    pub(super) took_part: TookPart,
    pub balances: Balances,
    pub graves: Graves,
    /// Browsers that stay signed in from one round to the next.
    regulars: Mutex<HashMap<usize, Guest>>,
}

/// What was acknowledged of the sorts that a history does not tell apart.
#[derive(Default)]
pub struct TookPart {
    /// Access tokens that introspection called active.
    pub introspected: AtomicU64,
    /// Signed access tokens that were good.
    pub signed: AtomicU64,
    /// Trades by applications without a secret.
    pub public: AtomicU64,
}

/// Which secret bears which name.
#[derive(Default)]
struct Names {
    known: HashMap<String, Name>,
    next: Name,
}

impl<'a> Stage<'a> {
    /// Furnishes a running house for the `lane`-th driver with `people` persons and these applications, the last of which
    /// is for those only to whom it was assigned: everybody.
    pub fn furnish(house: &'a House, lane: usize, people: usize, applications: &[Make]) -> Result<Stage<'a>, String> {
        let mut stage = Stage {
            house,
            nodes: house.addresses(),
            turn: AtomicUsize::new(lane),
            shown: AtomicUsize::default(),
            applications: Vec::new(),
            resource: house.resource(&format!("resource-{lane}"))?,
            people: Vec::new(),
            recorder: Recorder::default(),
            names: Mutex::default(),
            off: Mutex::default(),
            took_part: TookPart::default(),
            balances: Balances::default(),
            graves: Graves::default(),
            regulars: Mutex::default(),
        };
        for n in 0..people {
            let (name, organization) = (format!("person-{lane}-{n}"), format!("organization-{lane}-{n}"));
            let password = stage.new_password();
            house.command(&["org", "add", &organization], "")?;
            house.person(&name, &password.text, &organization)?;
            stage.people.push(Person { name, organization, password: Mutex::new(password) });
        }
        for (n, make) in applications.iter().enumerate() {
            let assigned = n + 1 == applications.len();
            let made = house.application(&format!("application-{lane}-{n}"), *make, assigned)?;
            let held = Held { name: stage.new_name(), text: made.client_secret };
            let secret = ClientSecret { held, id: made.secret_id };
            for person in stage.people.iter().filter(|_| assigned) {
                house.command(&["app", "assign", &made.name, "--user", &person.name], "")?;
            }
            let (name, client_id, secret) = (made.name, made.client_id, Mutex::new(secret));
            stage.applications.push(Client { name, client_id, make: *make, secret, assigned });
        }
        Ok(stage)
    }

    /// What was counted since the last time.
    pub fn took_part(&self) -> [(&'static str, u64); 3] {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let TookPart { introspected, signed, public } = &self.took_part;
        [("introspected", take(introspected)), ("signed_tokens", take(signed)), ("public_trades", take(public))]
    }

    /// A browser of that place that may be signed in from an earlier round.
    pub fn regular(&self, place: usize) -> Guest {
        let kept = self.regulars.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
        kept.unwrap_or_else(|| self.guest())
    }

    /// Keeps the browser for a later round.
    pub fn keep_regular(&self, place: usize, guest: Guest) {
        self.regulars.lock().unwrap_or_else(PoisonError::into_inner).insert(place, guest);
    }

    /// The node whose turn it is: what one has done the next one is asked about.
    pub(super) fn to(&self) -> Result<SocketAddr, String> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.nodes.get(turn % self.nodes.len().max(1)).copied().ok_or_else(|| "there is no node".to_owned())
    }

    /// By turns true and false.
    pub(super) fn takes_turns(&self) -> bool {
        self.shown.fetch_add(1, Ordering::Relaxed).is_multiple_of(2)
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
        let name = self.name_of(&text);
        Held { name, text }
    }

    /// The same of an access token. A signed one is what it says: whoever signs the same words again may come to another
    /// signature (ES256).
    pub(super) fn held_access(&self, text: String) -> Held {
        let words = if text.matches('.').count() == 2 { text.rsplit_once('.').map(|(words, _)| words) } else { None };
        let name = self.name_of(words.unwrap_or(&text));
        Held { name, text }
    }

    fn name_of(&self, text: &str) -> Name {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let next = names.next;
        let name = *names.known.entry(text.to_owned()).or_insert(next);
        if name == next {
            names.next += 1;
        }
        name
    }

    /// Forgets the secrets of a round that is over. Their names are not used again.
    pub fn forget(&self) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        names.known.clear();
    }
}

/// A person's or an application's place in the house as a name.
pub fn subject_name(place: usize) -> Name {
    Name::try_from(place).unwrap_or(Name::MAX)
}
