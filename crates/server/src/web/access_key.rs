//! An access key as it is tried, by a signature or by its secret itself.
//!
//! Owns the order of the calls, which is the same for a key that there is and one that there is not: the same statements,
//! the same work, the same answer (FM-96). How often a key may be tried is `vestibule_store::key_locks`'s.

use crate::app::App;
use crate::seal::{Place, Scope, Unsealed};
use crate::web::caller;
use crate::web::form::Received;
use crate::web::guard;
use std::net::IpAddr;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, Secret};
use vestibule_store::StoreError;
use vestibule_store::access_keys::{FoundAccessKey, KeyAnswer, KeyQuestion};
use vestibule_store::audit::{Event, Note};
use vestibule_store::key_locks::KeyCounters;
use vestibule_store::projects::Role;

/// Why an access key opens nothing.
#[derive(Debug)]
pub enum Denied {
    /// It has failed too often; until when it is not looked at, in Unix milliseconds.
    Locked(i64),
    /// There is none of this name, its secret is another, or it, its person or their organization is switched off.
    Wrong,
    /// We failed; for the log.
    Failed(String),
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Denied {
        Denied::Failed(error.to_string())
    }
}

/// Tries the access key of this name: `proves` says whether the request is its secret's. Gives the key, and what its person
/// is in `project`.
pub async fn try_key(
    app: &App,
    received: &Received,
    (name, project): (&str, Option<Id>),
    proves: impl FnOnce(&Secret) -> bool + Send,
) -> Result<(FoundAccessKey, Option<Role>), Denied> {
    let now = app.clock.now();
    if !is_name(name) {
        return Err(Denied::Wrong);
    }
    let [counters, of_nobody] = both(app, received, name);
    let asked = KeyQuestion { access_key: name, counters: &counters, of_nobody: &of_nobody, project };
    let KeyAnswer { key: found, lock, role } = app.store.find_access_key(&asked, now).await?;
    if let Some(until) = lock.until {
        return Err(Denied::Locked(until));
    }
    let counters = if found.is_some() { counters } else { of_nobody };
    // A secret that was changed in the database proves nothing: it is tried as a wrong one, and the trail names the row.
    let opened = match found {
        Some(found) => open(app, &found).await?.map(|secret| (secret, found)),
        None => None,
    };
    let (secret, found) = opened.map_or_else(|| (Secret::new(STAND_IN), None), |(secret, found)| (secret, Some(found)));
    let (true, Some(found)) = (proves(&secret), found) else {
        let note = caller::note(app, received, "nobody".to_owned(), now);
        app.store.count_key_failure(&counters, name, &received.peer.to_string(), &note).await?;
        return Err(Denied::Wrong);
    };
    if !found.is_alive {
        keep_use_of_dead_key(app, received, &found, name, now).await?;
        return Err(Denied::Wrong);
    }
    if lock.has_failures {
        app.store.forget_key_failures(&counters).await?;
    }
    Ok((found, role))
}

/// Whose key of this name is alive and not locked, before anything proves that its secret is known. It tells that there is
/// such a key, whose name is no secret, and is asked only by what would otherwise let strangers in the way of those who
/// have one.
pub async fn owner(app: &App, received: &Received, name: &str) -> Result<Option<Id>, StoreError> {
    if !is_name(name) {
        return Ok(None);
    }
    let [counters, of_nobody] = both(app, received, name);
    let asked = KeyQuestion { access_key: name, counters: &counters, of_nobody: &of_nobody, project: None };
    let KeyAnswer { key, lock, .. } = app.store.find_access_key(&asked, app.clock.now()).await?;
    Ok(key.filter(|key| key.is_alive && lock.until.is_none()).map(|key| key.person))
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// The counters of a key of this name, and of one that nobody has.
fn both(app: &App, received: &Received, name: &str) -> [KeyCounters; 2] {
    let of_key = Digest::of(&[b"access key\0".as_slice(), name.as_bytes()].concat());
    [counters(of_key, received.peer), counters(app.guessing.nobody(name), received.peer)]
}

/// Whoever has the secret of a key that is switched off is worth a look: one row an hour, from whatever node.
async fn keep_use_of_dead_key(
    app: &App,
    received: &Received,
    found: &FoundAccessKey,
    name: &str,
    now: i64,
) -> Result<(), StoreError> {
    let what = format!("use of a dead access key {} {}", found.id, now / 3_600_000);
    let id = Id::from_slice(&Digest::of(what.as_bytes()).as_bytes()[..16]);
    let note = caller::note(app, received, "nobody".to_owned(), now);
    let note = Note { id: id.unwrap_or(note.id), ..note };
    let (target, details) = (format!("access_key:{name}"), format!("switched off, and used from {}", received.peer));
    app.store.keep_event(&note, Event { action: "access_key.use", target, outcome: "refused", details }).await
}

/// The secret of the key; `None` when what stands in its row is not what was sealed there.
async fn open(app: &App, found: &FoundAccessKey) -> Result<Option<Secret>, Denied> {
    let place = Place { table: "access_keys", column: "sealed", row: found.id };
    match app.seal.open_value(Scope::Deployment, &place, &found.secret).await {
        Ok(mut plain) => String::from_utf8(std::mem::take(&mut *plain))
            .map(|text| Some(Secret::new(text)))
            .map_err(|_| Denied::Failed(NOT_TEXT.to_owned())),
        Err(Unsealed::Changed { .. }) => Ok(None),
        Err(why) => Err(Denied::Failed(why.to_string())),
    }
}

/// The counters of a key, or of names that nobody has, which share a bounded number of them for each address (FM-117).
fn counters(everywhere: Digest, peer: IpAddr) -> KeyCounters {
    let address = guard::network(peer).to_be_bytes();
    let here = Digest::of(&[everywhere.as_bytes().as_slice(), &address].concat());
    KeyCounters { here, everywhere }
}

/// What is compared with where there is no key: as long as a secret, and nobody's.
const STAND_IN: &str = "vst_sk_--------------------------------------------------------------------";

const NOT_TEXT: &str = "the sealed secret of an access key is no text";
