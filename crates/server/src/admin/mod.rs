//! The verbs of an administrator: each is one function from (actor, store, input) to a typed outcome.
//!
//! Nothing here prints or knows HTTP: the command line, and later the API and the console, only parse and show. Owns
//! what may stand in a field, the outcomes, and who is named in the audit trail.

pub mod access_keys;
pub mod addresses;
pub mod application_settings;
pub mod applications;
pub mod assignments;
pub mod consents;
pub mod fields;
pub mod git_authorizations;
pub mod git_host_input;
pub mod git_hosts;
pub mod groups;
pub mod keys;
pub mod logout_settings;
mod nearest;
pub mod organizations;
pub mod people;
pub mod projects;
pub mod reach;
pub mod setup;

use crate::dice::Dice;
use vestibule_oauth::id::Id;
use vestibule_store::Store;
use vestibule_store::audit::Note;

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever may run commands on the server's machine.
    CommandLine,
    /// The server itself, at its start.
    Server,
    /// Whoever holds the one-time setup link.
    SetupLink,
}

impl Actor {
    /// The name in the audit trail.
    pub const fn name(&self) -> &'static str {
        match self {
            Actor::CommandLine => "command-line",
            Actor::Server => "server",
            Actor::SetupLink => "setup-link",
        }
    }
}

/// What a verb is done with: the store, who acts, when, and the dice.
pub struct Desk<'a> {
    /// What is remembered.
    pub store: &'a Store,
    /// Who acts.
    pub actor: Actor,
    /// The request that it belongs to, if there is one.
    pub request_id: Option<String>,
    /// Randomness.
    pub dice: Dice,
    /// The moment, in Unix milliseconds.
    pub now: i64,
}

impl<'a> Desk<'a> {
    /// A desk for `actor` at `now` (Unix milliseconds).
    pub const fn new(store: &'a Store, actor: Actor, dice: Dice, now: i64) -> Desk<'a> {
        Desk { store, actor, request_id: None, dice, now }
    }

    /// The same desk at a later moment: for a verb that comes after something slow (a hash, a person typing), because
    /// what was given out between would survive a switch that bears the earlier moment.
    pub fn later(&self, now: i64) -> Desk<'a> {
        Desk { store: self.store, actor: self.actor.clone(), request_id: self.request_id.clone(), dice: self.dice, now }
    }

    fn id(&self) -> Id {
        self.dice.id(self.now)
    }

    /// The audit trail's part of a verb.
    fn note(&self) -> Note {
        Note { id: self.id(), at: self.now, actor: self.actor.name().to_owned(), request_id: self.request_id.clone() }
    }
}

/// What can be named and not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A person, by user name or e-mail address.
    Person,
    /// An organization, by name or external id.
    Organization,
    /// A group, by name.
    Group,
    /// An application, by name or client_id.
    Application,
    /// A project, by name or id.
    Project,
    /// An access key.
    AccessKey,
    /// A Git host, by name.
    GitHost,
    /// An authorization at a Git host, by name.
    GitAuthorization,
}

/// Something that was named and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What.
    pub thing: Thing,
    /// The name that was asked for.
    pub asked: String,
    /// The name that comes closest, if one is close.
    pub nearest: Option<String>,
}

impl Unknown {
    fn new<'n>(thing: Thing, asked: &str, names: impl IntoIterator<Item = &'n str>) -> Unknown {
        Unknown { thing, asked: asked.to_owned(), nearest: nearest::nearest(asked, names) }
    }
}

/// What became of a verb on something that must exist.
#[derive(Debug)]
pub enum Changed<T> {
    /// It was done; what it was done to.
    Done(T),
    /// Something that was named is not there.
    Unknown(Unknown),
}
