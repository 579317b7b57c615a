//! Keeping guesses few: every try at a password is counted before it is made, and failures with clients' secrets, codes
//! and refresh tokens after they were found (statement 48, FM-99 to FM-102).
//!
//! Owns whose counters a request counts against; who stands in line for a place is `line`'s, and what came
//! of a try `tried`'s. How long to wait is `oauth::guessing`'s, the counters are the store's.
//! A password that must wait is not looked at, so an answer tells nothing about it; machine-made secrets have 256 bits,
//! so a right one is never refused, and only the wrong ones wait.

mod line;
mod tried;

use crate::app::App;
use crate::pages::problem::Problem;
use crate::passwords::Place;
use crate::web::form::Received;
use line::{Crowd, Full, Lines};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tried::Device;
pub use tried::Try;
use vestibule_oauth::client_auth;
use vestibule_oauth::guessing::{self, FREE, Key, SCANS_FREE};
use vestibule_oauth::id::Id;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::secret::{Digest, MachineSecret};
use vestibule_store::guesses::{Counter, Counters, Hold, Reserve, Whose};
use vestibule_store::people::canonical;
use vestibule_store::presented::Missing;
use vestibule_store::upkeep::MARGIN_MS;
use vestibule_store::{Store, StoreError};

/// What this server brings to the counting.
pub struct Guessing {
    /// Decides which unknown names share a counter. Kept in the database: the same after a restart and on every node.
    salt: [u8; 32],
    /// Failures of one network that cost nothing.
    free: i64,
    /// Who counts a try at a password just now. A storm upon one row would otherwise line up in the database, where
    /// everybody waits for everybody; here those behind the first few see that they have to wait, and write nothing.
    people: Semaphore,
    /// How many strangers wait for that at most, besides those who stand in line.
    at_the_door: Semaphore,
    /// The same for clients' failures, which must not keep people waiting, nor people's them.
    clients: Semaphore,
    /// Who waits until a try of their account or their network is judged.
    lines: Arc<Lines>,
}

/// How many tries are counted at once, of people and of clients.
const AT_ONCE: usize = 8;
/// How many tries of strangers are counted or wait for it: as many as are counted soon.
const AT_THE_DOOR: usize = 64;

impl Guessing {
    /// Reads the salt, or keeps a new one. `free` is how many failures of one network cost nothing.
    pub async fn prepare(store: &Store, drawn: [u8; 32], free: u32) -> Result<Guessing, StoreError> {
        let kept = store.keep_setting("guessing salt", &hex(&drawn)).await?;
        // Whatever stands there is digested: any text is a salt.
        Ok(Guessing {
            salt: *Digest::of(kept.as_bytes()).as_bytes(),
            free: i64::from(free),
            people: Semaphore::new(AT_ONCE),
            at_the_door: Semaphore::new(AT_THE_DOOR),
            clients: Semaphore::new(AT_ONCE),
            lines: Arc::default(),
        })
    }

    /// What an access key that nobody has is counted as: such names share a bounded number of counters.
    pub fn nobody(&self, name: &str) -> Digest {
        Digest::of(&[b"no access key\0".as_slice(), Key::nobody(&self.salt, name).digest().as_bytes()].concat())
    }
}

/// A try that may not be made now; after how many seconds another makes sense.
#[derive(Clone, Copy, Debug)]
pub struct Wait(pub u32);

impl Wait {
    /// As a page tells it.
    pub const fn problem(self) -> Problem {
        Problem::TooManyTries { wait_s: self.0 }
    }
}

/// How long a try stands in line, at most. The line is short, so that only a machine that does nothing comes to this end.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is told who found the line too long.
const CROWDED: Wait = Wait(1);

/// A try that is counted, with its place among the passwords to be looked at.
pub type Admitted = (Try, Place);

/// Counts a try at the password of `person`, or at that of `name`, which nobody has. `browser` is the binding cookie of
/// the browser that it comes from. `None` when no password can be looked at now; then nothing is counted. Whoever is refused is
/// refused at once, but for the few who stand in line, as long as it takes to judge those before them.
pub async fn begin(
    app: &App,
    received: &Received,
    (person, name): (Option<Id>, &str),
    browser: Option<&Digest>,
) -> Result<Result<Option<Admitted>, Wait>, StoreError> {
    let now = app.clock.now();
    let counters = counters(app, received.peer, (person, name), browser, now).await?;
    // A storm is answered without a write.
    if let Some(Hold::Waits(until)) = app.store.guess_hold(&counters, now).await? {
        return Ok(Err(wait(until, now)));
    }
    let device = person.zip(browser.cloned());
    Ok(match reserve(app, &counters, device).await? {
        None => Ok(None),
        Some(Ok(admitted)) => Ok(Some(admitted)),
        Some(Err(Hold::Waits(until))) => Err(wait(until, app.clock.now())),
        Some(Err(Hold::Crowded(..))) => Err(CROWDED),
    })
}

/// A try that is counted, or what it has to wait for; `None` when no password can be looked at now.
type Reserved = Option<Result<Admitted, Hold>>;

/// Counts a try, and stands in line for it if its account or its network has no place just now: in the line of that one
/// which has none, so that an account at which many try keeps nobody else of its network waiting.
async fn reserve(app: &App, counters: &Counters, device: Device) -> Result<Reserved, StoreError> {
    let (lines, until) = (&app.guessing.lines, app.clock.elapsed() + PATIENCE);
    let crowded = || Ok(Some(Err(Hold::Crowded(0, Whose::Own))));
    let of = |whose| crowd_of(counters, whose);
    let mut whose = match [Whose::Own, Whose::Beside].into_iter().find(|whose| lines.is_there(&of(*whose))) {
        Some(whose) => whose,
        None => {
            // A storm of strangers keeps no known browser from being counted.
            let at_the_door = counters.beside.as_ref().map(|_| app.guessing.at_the_door.try_acquire()).transpose();
            // Theirs is the first try, for all we know: the want of room is ours.
            let Ok(_at_the_door) = at_the_door else { return Ok(None) };
            match reserve_now(app, counters, &device).await? {
                Some(Err(Hold::Crowded(_, whose))) => whose,
                other => return Ok(other),
            }
        }
    };
    loop {
        let left = until.saturating_sub(app.clock.elapsed());
        let place = match lines.join(of(whose)) {
            Ok(place) => place,
            Err(Full::Line) => return crowded(),
            Err(Full::House) => return Ok(None),
        };
        let Some(first) = place.first(left).await else { return crowded() };
        whose = loop {
            match reserve_now(app, counters, &device).await? {
                Some(Err(Hold::Crowded(_, now))) if app.clock.elapsed() < until => match now == whose {
                    true => first.news().await,
                    false => break now,
                },
                other => return Ok(other),
            }
        };
    }
}

/// Who stands in one line: those who try at an account or come from a known browser of it, and those of a network.
fn crowd_of(counters: &Counters, whose: Whose) -> Crowd {
    let counter = match (whose, &counters.beside) {
        (Whose::Beside, Some(beside)) => beside,
        _ => &counters.own,
    };
    *counter.key.digest().as_bytes()
}

async fn reserve_now(app: &App, counters: &Counters, device: &Device) -> Result<Reserved, StoreError> {
    let known = counters.beside.is_none();
    if !app.passwords.has_room(known) {
        return Ok(None);
    }
    // Nobody closes it.
    let _turn = app.guessing.people.acquire().await;
    let now = app.clock.now();
    if let Some(hold) = app.store.guess_hold(counters, now).await? {
        return Ok(Some(Err(hold)));
    }
    // Before it is counted, so that what is counted is also looked at.
    let Some(place) = app.passwords.place(known) else { return Ok(None) };
    let (store, clock, lines) = (app.store.clone(), app.clock.clone(), app.guessing.lines.clone());
    let (counters, device, verb) = (counters.clone(), device.clone(), app.dice.id(now));
    // On its own, since its caller may leave before the commit: what is counted must be judged all the same, or it would
    // keep the others of its network waiting.
    let counted = tokio::spawn(async move {
        let crowds = Some([Whose::Own, Whose::Beside].map(|whose| crowd_of(&counters, whose)));
        Ok(match store.reserve_guess(&counters, verb, now).await? {
            Reserve::Held(hold) => Err(hold),
            Reserve::Reserved(reservation) => {
                Ok((Try { reservation: Some(reservation), device, crowds, store, clock, lines }, place))
            }
        })
    });
    // It does not panic, and is cancelled by the end of the process only.
    counted.await.map_or(Ok(None), |counted| counted.map(Some))
}

/// Counts a try of `person`'s at a token or a password of a Git host's, which is made through us and under our address. One
/// that was right gives itself back only: whoever has a token of their own could go on guessing at others' by bringing it.
pub async fn begin_at_host(app: &App, person: Id) -> Result<Result<Try, Wait>, StoreError> {
    let now = app.clock.now();
    let counters = Counters { own: Counter { key: Key::at_hosts(person), free: FREE }, beside: None };
    // A storm is answered without a write.
    let reserved = match app.store.guess_hold(&counters, now).await? {
        Some(hold) => Reserve::Held(hold),
        // A failure until it is judged: a slow host must not make more of them.
        None => app.store.count_failure(&counters, app.dice.id(now), now).await?,
    };
    Ok(match reserved {
        Reserve::Reserved(reservation) => Ok(Try {
            reservation: Some(reservation),
            device: None,
            crowds: None,
            store: app.store.clone(),
            clock: app.clock.clone(),
            lines: app.guessing.lines.clone(),
        }),
        Reserve::Held(Hold::Waits(until)) => Err(wait(until, now)),
        Reserve::Held(Hold::Crowded(..)) => Err(CROWDED),
    })
}

/// Counts what was found wrong, unless it must wait.
async fn count_failure(app: &App, counters: &Counters, now: i64) -> Result<Option<Wait>, StoreError> {
    // A storm is answered without a write, and without a turn.
    let mut held = app.store.guess_hold(counters, now).await?;
    if held.is_none() {
        // Nobody closes it.
        let _turn = app.guessing.clients.acquire().await;
        held = app.store.guess_hold(counters, now).await?;
        if held.is_none()
            && let Reserve::Held(hold) = app.store.count_failure(counters, app.dice.id(now), now).await?
        {
            held = Some(hold);
        }
    }
    Ok(held.map(|hold| match hold {
        Hold::Waits(until) => wait(until, now),
        Hold::Crowded(..) => CROWDED,
    }))
}

async fn counters(
    app: &App,
    peer: IpAddr,
    (person, name): (Option<Id>, &str),
    browser: Option<&Digest>,
    now: i64,
) -> Result<Counters, StoreError> {
    // The same reads whether or not there is such a person (FM-96).
    let whose = person.unwrap_or(Id::from_bytes([0; 16]));
    if let Some(browser) = browser
        && app.store.knows_device(whose, browser, now).await?
    {
        let own = Counter { key: Key::device(whose, browser), free: FREE };
        return Ok(Counters { own, beside: None });
    }
    let key = match person {
        Some(person) => Key::account(person),
        None => Key::nobody(&app.guessing.salt, &canonical(name)),
    };
    let beside = Counter { key: with_octets(peer, Key::people_of), free: app.guessing.free };
    Ok(Counters { own: Counter { key, free: FREE }, beside: Some(beside) })
}

/// Counts a refusal that says that a secret was wrong, against the client that the request names and the network that
/// it came from. Gives the refusal back, or says instead how long to wait.
pub async fn weigh(app: &App, received: &Received, refusal: Refusal) -> Result<Refusal, StoreError> {
    if !refusal.is_guess() {
        return Ok(refusal);
    }
    let now = app.clock.now();
    let network = Counter { key: with_octets(received.peer, Key::clients_of), free: app.guessing.free };
    let counters = match client(app, received, now).await? {
        Some(key) => Counters { own: Counter { key, free: FREE }, beside: Some(network) },
        None => Counters { own: network, beside: None },
    };
    Ok(match count_failure(app, &counters, now).await? {
        None => refusal,
        Some(wait) => too_many(wait).tried_basic(refusal.basic).for_wire(refusal.wire),
    })
}

/// Whether a token that is missing for the reason `why` never was. Of one that is old enough to have been swept nobody
/// knows, and nothing of its time is left that a scan could hit.
pub fn never_was(why: Missing, token: &MachineSecret, now: i64) -> bool {
    why == Missing::Wrong || token.id().made_at() >= now - MARGIN_MS
}

/// Counts that `client` asked about a token that never was (RFC 7662 section 4); `Err` says to wait instead. Who asks about
/// good ones, or about such as have ended, does not come here: that is never slowed, and costs no read.
pub async fn count_scan(app: &App, client: Id, now: i64) -> Result<Result<(), Wait>, StoreError> {
    let counters = Counters { own: Counter { key: Key::scanner(client), free: SCANS_FREE }, beside: None };
    Ok(count_failure(app, &counters, now).await?.map_or(Ok(()), Err))
}

/// What a client is told that has to wait.
pub fn too_many(Wait(seconds): Wait) -> Refusal {
    let sentence = "Too many tries have failed. Try again after the time that Retry-After tells.";
    Refusal::new(Code::TooManyRequests, sentence).waiting(seconds)
}

/// The counter of the client that the request names, if it names one.
async fn client(app: &App, received: &Received, now: i64) -> Result<Option<Key>, StoreError> {
    let Ok(parameters) = received.parameters(received.typed_body()) else { return Ok(None) };
    let Ok(Some(client_id)) = client_auth::identify(&parameters) else { return Ok(None) };
    let found = app.store.find_client(client_id, now).await?;
    let client = found.map(|found| found.client.id).ok_or(client_id);
    Ok(Some(Key::client(&app.guessing.salt, client)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn wait(until: i64, now: i64) -> Wait {
    Wait(guessing::seconds(until - now))
}

fn with_octets(peer: IpAddr, key: impl Fn(&[u8]) -> Key) -> Key {
    match peer.to_canonical() {
        IpAddr::V4(address) => key(&address.octets()),
        IpAddr::V6(address) => key(&address.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fm_99_an_address_counts_the_same_however_it_is_written() {
        let key = |text: &str| *with_octets(text.parse().unwrap(), Key::people_of).digest().as_bytes();
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.200"));
        assert_ne!(key("::ffff:192.0.2.1"), key("::ffff:192.0.3.1"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:0:0:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    }
}
