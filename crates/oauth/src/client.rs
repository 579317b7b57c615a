//! The client of RFC 6749 section 2, which people know as an application.
//!
//! Owns what the rules need to know about one. How it is stored is the store's, how it authenticates is
//! `client_auth`'s.

use crate::id::Id;
use crate::jose::Algorithm;
use crate::scope::ScopeSet;
use crate::secret::Digest;
use crate::template::{Lifetimes, Switch, Switches, Template, Wire};

/// A registered client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its row.
    pub id: Id,
    /// The public identifier, as it stands on the wire.
    pub client_id: String,
    /// The name that people see.
    pub name: String,
    /// The template that it was created from: decides the wire form.
    pub template: Template,
    /// Whether it keeps a secret.
    pub confidential: bool,
    /// Its switches as they stand now.
    pub switches: Switches,
    /// Its lifetimes as they stand now.
    pub lifetimes: Lifetimes,
    /// The scopes that it registered.
    pub scopes: ScopeSet,
    /// Who may sign in to it.
    pub access: Access,
    /// What its ID tokens are signed with.
    pub id_token_alg: Algorithm,
    /// What its access tokens look like.
    pub access_token_format: AccessTokenFormat,
    /// The host in whose name it knows people: with one, a person's `sub` is another one in each sector (OpenID Connect
    /// Core section 8); without one it is the same everywhere.
    pub sector: Option<String>,
    /// Whether it is switched on.
    pub enabled: bool,
}

impl Client {
    /// Whether `switch` is on.
    pub const fn has(&self, switch: Switch) -> bool {
        self.switches.has(switch)
    }

    /// The form of its errors and answers.
    pub const fn wire(&self) -> Wire {
        self.template.wire()
    }
}

/// The client that a token was given to, as far as it takes to judge the token and to tell of it. It is read at each use of
/// a token, and so it holds no more than that.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Its row.
    pub id: Id,
    /// The public identifier, as it stands on the wire.
    pub client_id: String,
    /// The template that it was created from: decides the wire form.
    pub template: Template,
    /// Its switches as they stand now.
    pub switches: Switches,
    /// The scopes that it registered.
    pub scopes: ScopeSet,
    /// The host in whose name it knows people.
    pub sector: Option<String>,
}

impl Owner {
    /// Whether `switch` is on.
    pub const fn has(&self, switch: Switch) -> bool {
        self.switches.has(switch)
    }

    /// The form of its errors and answers.
    pub const fn wire(&self) -> Wire {
        self.template.wire()
    }
}

/// What holds tokens: a client, however much is known of it.
pub trait Holder {
    /// The scopes that it registered.
    fn registered(&self) -> &ScopeSet;
    /// The host in whose name it knows people.
    fn sector(&self) -> Option<&str>;
    /// The form of its errors and answers.
    fn form(&self) -> Wire;
}

macro_rules! holder {
    ($($type:ty),*) => {$(
        impl Holder for $type {
            fn registered(&self) -> &ScopeSet {
                &self.scopes
            }

            fn sector(&self) -> Option<&str> {
                self.sector.as_deref()
            }

            fn form(&self) -> Wire {
                self.wire()
            }
        }
    )*};
}
holder!(Client, Owner);

/// Who may sign in to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only people who are assigned to it, directly or through a group or an organization.
    Assigned,
    /// Every person who is not disabled.
    Everyone,
}

impl Access {
    /// The name on the command line and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Access::Assigned => "assigned",
            Access::Everyone => "everyone",
        }
    }

    /// The access of this name.
    pub fn parse(name: &str) -> Option<Access> {
        [Access::Assigned, Access::Everyone].into_iter().find(|a| a.name() == name)
    }
}

/// What an application's access tokens look like. Either kind has its row, and is judged by it at our own endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTokenFormat {
    /// A secret that says nothing but which row it belongs to.
    Opaque,
    /// A signed token that others can read and check by themselves (RFC 9068); with them it lives to its end.
    Signed(Algorithm),
}

impl AccessTokenFormat {
    /// All of them, in the order in which they are offered.
    pub const ALL: [AccessTokenFormat; 4] = [
        AccessTokenFormat::Opaque,
        AccessTokenFormat::Signed(Algorithm::EdDsa),
        AccessTokenFormat::Signed(Algorithm::Es256),
        AccessTokenFormat::Signed(Algorithm::Rs256),
    ];

    /// The name on the command line and in the database: `opaque`, or that of the algorithm.
    pub const fn name(self) -> &'static str {
        match self {
            AccessTokenFormat::Opaque => "opaque",
            AccessTokenFormat::Signed(algorithm) => algorithm.name(),
        }
    }

    /// The format of this name.
    pub fn parse(name: &str) -> Option<AccessTokenFormat> {
        AccessTokenFormat::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// A client as the store hands it over for authentication: with the digests of the secrets that are valid now.
#[derive(Clone, Debug)]
pub struct RegisteredClient {
    /// The client.
    pub client: Client,
    /// The digests of its live secrets, each a [`crate::secret::MachineSecret::digest`] of the kind `ClientSecret`.
    pub secrets: Vec<Digest>,
}
