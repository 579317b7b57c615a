//! The command line's nouns: people, organizations, groups, applications, projects, access keys, Git hosts and their
//! authorizations, keys and the setup link.
//!
//! Owns what is typed and what is printed: data on stdout, messages on stderr, exit status 0, 1 or 2. Each verb is
//! decided in `admin`, which knows no terminal; the flags of the process and `serve` are `config`'s.

pub mod access_key;
pub mod app;
mod app_logout;
mod app_set;
mod app_sheet;
pub mod git_auth;
pub mod git_host;
pub mod group;
pub mod keys;
pub mod org;
mod printout;
pub mod project;
pub mod setup_link;
pub mod user;

use crate::admin::fields::{Fault, Field};
use crate::admin::{Actor, Changed, Desk, Thing, Unknown};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::passwords;
use crate::seal::{KeySource, Seal};
use printout::Failure;
use std::process::ExitCode;
use vestibule_oauth::secret::Secret;
use vestibule_store::Store;

/// The public URL that is assumed while no server has run on the database.
const FIRST_ISSUER: &str = "http://127.0.0.1:8080";

/// What the command line speaks about, apart from `serve`.
#[derive(clap::Subcommand, Debug)]
pub enum Noun {
    /// People: add, list, show, disable, enable, set a password, sign out, consents
    #[command(subcommand)]
    User(user::Verb),
    /// Organizations, a tree: add, list, disable, enable
    #[command(subcommand)]
    Org(org::Verb),
    /// Groups of people: add, list, member
    #[command(subcommand)]
    Group(group::Verb),
    /// Applications (OAuth 2.0 clients): add, list, show, rotate-secret, assign and more
    #[command(subcommand)]
    App(Box<app::Verb>),
    /// Projects of Git authorizations: add, list, show, member
    #[command(subcommand)]
    Project(project::Verb),
    /// Access keys, with which programs sign requests: add, list, disable, remove
    #[command(subcommand)]
    AccessKey(access_key::Verb),
    /// Git hosts at which projects have authorizations: add, list, show, set-secret, disable and more
    #[command(subcommand)]
    GitHost(Box<git_host::Verb>),
    /// Authorizations at Git hosts: list, show, remove, remove-all
    #[command(subcommand)]
    GitAuth(git_auth::Verb),
    /// Keys: list, rotate, make a key-encryption key
    #[command(subcommand)]
    Keys(keys::Verb),
    /// Print a new one-time link for the first administrator
    SetupLink,
}

/// Does what `noun` says on `store`, opened as one more node, and prints the outcome: with `json` as JSON. `source` is where
/// the key-encryption key is, for the commands that need it.
pub async fn run(noun: Noun, store: &Store, source: Result<KeySource, String>, json: bool) -> ExitCode {
    let desk = Desk::new(store, Actor::CommandLine, Dice, Clock::system().now());
    printout::exit(match noun {
        Noun::User(verb) => user::run(verb, &desk, json).await,
        Noun::Org(verb) => org::run(verb, &desk, json).await,
        Noun::Group(verb) => group::run(verb, &desk, json).await,
        Noun::App(verb) => app::run(*verb, &desk, json).await,
        Noun::Project(verb) => project::run(verb, &desk, json).await,
        Noun::AccessKey(verb) => access_key::run(verb, source, &desk, json).await,
        Noun::GitHost(verb) => git_host::run(*verb, source, &desk, json).await,
        Noun::GitAuth(verb) => git_auth::run(verb, source, &desk, json).await,
        Noun::Keys(verb) => keys::run(verb, source, &desk, json).await,
        Noun::SetupLink => setup_link::run(&desk, json).await,
    })
}

/// The public URL of the server that last ran on this database.
async fn issuer(desk: &Desk<'_>) -> Result<String, Failure> {
    Ok(desk.store.setting("issuer").await?.unwrap_or_else(|| FIRST_ISSUER.to_owned()))
}

/// Sealing with the keys of this database, for the commands that seal.
async fn seal(desk: &Desk<'_>, source: Result<KeySource, String>) -> Result<Seal, Failure> {
    let failed = |sentence: String| Failure::Failed(format!("{sentence}."));
    Seal::open(desk.store, source.map_err(failed)?, Clock::system(), desk.dice).await.map_err(failed)
}

/// Hashes a judged password.
fn hash(desk: &Desk<'_>, password: &Secret) -> Result<String, Failure> {
    let hash = passwords::hash_once(password, desk.dice.bytes());
    hash.ok_or_else(|| Failure::Failed("The password could not be hashed: there is not enough memory.".to_owned()))
}

/// What was done, or the failure that names what is not there.
fn known<T>(changed: Changed<T>) -> Result<T, Failure> {
    match changed {
        Changed::Done(value) => Ok(value),
        Changed::Unknown(unknown) => Err(not_there(&unknown)),
    }
}

fn not_there(unknown: &Unknown) -> Failure {
    let (what, list) = match unknown.thing {
        Thing::Person => ("person", "user"),
        Thing::Organization => ("organization", "org"),
        Thing::Group => ("group", "group"),
        Thing::Application => ("application", "app"),
        Thing::Project => ("project", "project"),
        Thing::AccessKey => ("access key", "access-key"),
        Thing::GitHost => ("Git host", "git-host"),
        Thing::GitAuthorization => ("authorization", "git-auth"),
    };
    let hint = match &unknown.nearest {
        Some(name) => format!("Did you mean {name:?}?"),
        None => format!("`vestibule {list} list` shows them all."),
    };
    Failure::Failed(format!("There is no {what} {:?}. {hint}", unknown.asked))
}

/// Each fault with the flag that it came in by.
fn wrong(faults: &[Fault]) -> Failure {
    let flag = |field: Field| match field {
        Field::Name | Field::UserName => "NAME",
        Field::Email => "--email",
        Field::Password => "--password-stdin",
        Field::Nickname => "--nickname",
        Field::Phone => "--phone",
        Field::Locale => "--locale",
        Field::Zone => "--zone",
        Field::ExternalId => "--external-id",
        Field::RedirectUri => "--redirect-uri",
        Field::Scopes => "--scopes",
        Field::HomePage => "--home-page",
        Field::Logo => "--logo-file",
        Field::Pairwise => "--pairwise",
        Field::Sector => "--sector",
        Field::PostLogoutRedirectUri => "--post-logout-redirect-uri",
        Field::BackchannelLogoutUri => "--backchannel-logout-uri",
        Field::GitKind => "--kind",
        Field::GitUrl => "--url",
        Field::ClientId => "--client-id",
        Field::ClientSecret => "--secret-stdin or --secret-file",
        Field::Tag => "--tag",
    };
    let lines: Vec<String> = faults.iter().map(|fault| format!("{}: {}", flag(fault.field), fault.sentence)).collect();
    Failure::Usage(lines.join("\n  "))
}
