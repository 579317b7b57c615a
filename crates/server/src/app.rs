//! What every conductor is handed: the store, the password pool, the settings and the state of the process.
//!
//! Owns nothing but the sharing.

use crate::api::git_credentials::HandedOut;
use crate::broker::patience::Patience;
use crate::broker::refreshing::{Flights, Holding};
use crate::broker::under_way::UnderWay;
use crate::clock::Clock;
use crate::config::Settings;
use crate::dice::Dice;
use crate::endpoints::metadata::Document;
use crate::keys::Keys;
use crate::outbound::Outbound;
use crate::passwords::Passwords;
use crate::places::Places;
use crate::seal::Seal;
use crate::turns::Bell;
use crate::upkeep::OlderForms;
use crate::web::guard::Guard;
use crate::web::guessing::Guessing;
use crate::web::large::Large;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use vestibule_oauth::id::Id;
use vestibule_store::Store;

/// One server: shared by all its requests behind an `Arc`.
pub struct App {
    /// What is remembered.
    pub store: Store,
    /// Tells the time.
    pub clock: Clock,
    /// Draws random values.
    pub dice: Dice,
    /// The pool that hashes people's passwords.
    pub passwords: Passwords,
    /// The settings that this process was started with.
    pub settings: Settings,
    /// The public URL: scheme, host and port, no path, no slash at the end. The issuer of RFC 8414 and RFC 9207.
    pub issuer: String,
    /// What metadata says, made once.
    pub metadata: Document,
    /// Uses of older forms that wait to be written down.
    pub older_forms: OlderForms,
    /// How much one address may ask for.
    pub guard: Guard,
    /// How many requests are stored for one application.
    pub application_guard: Guard,
    /// How often secrets may be tried.
    pub guessing: Guessing,
    /// Seals what must be read again.
    pub seal: Arc<Seal>,
    /// What tokens are signed with and verified by.
    pub keys: Arc<Keys>,
    /// The one way to other machines.
    pub outbound: Outbound,
    /// Which hand-outs of hosts' tokens stand in the trail already.
    pub handed_out: HandedOut,
    /// Calls the messenger.
    pub bell: Bell,
    /// Calls the revoker: tokens are to be ended at a Git host.
    pub revocations: Bell,
    /// What is being obtained from Git hosts, whether or not its caller still waits.
    pub under_way: UnderWay,
    /// Where each project obtains authorizations at Git hosts, a few at once.
    pub obtaining: Places<Id>,
    /// The renewals of credentials at Git hosts that this process has under way.
    pub flights: Flights,
    /// Those renewals that wait for the database to keep what a host gave.
    pub holding: Holding,
    /// Which Git hosts have asked for patience.
    pub patience: Patience,
    /// Where each project asks Git hosts through its authorizations, some at once.
    pub visiting: Places<Id>,
    /// Where each project makes a thing at a Git host of which the host would make two: by host, and the thing's own name.
    pub making: Places<(Id, Id, String)>,
    /// Where each person looks at what Git hosts hold, a few pages at once.
    pub browsing: Places<Id>,
    /// How many requests that hold a file are under way, by person.
    pub large_bodies: Large,
    /// How many answers that may hold a file or a tree are, by project.
    pub large_answers: Large,
    /// Whether this process is about to end.
    pub draining: Draining,
}

impl App {
    /// Whether people reach us by https, so that cookies are `Secure` and carry the `__Host-` prefix.
    pub fn https(&self) -> bool {
        self.issuer.starts_with("https://")
    }
}

/// Whether the process is draining: requests in flight are finished, `/readyz` says no.
#[derive(Default)]
pub struct Draining(AtomicBool);

impl Draining {
    /// Starts it; there is no way back.
    pub fn start(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has started.
    pub fn started(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
