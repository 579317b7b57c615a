//! Guessing: how often a secret may be tried before the next try has to wait (statement 48, FM-99 to FM-102).
//!
//! Owns the rule, and whose tries are counted together: those at one account however its name is spelled, at one client,
//! from one network, and from one browser of a person. Does not own the counters: the store keeps them, so that they
//! survive a restart and are the same on every node.

use crate::id::Id;
use crate::secret::Digest;

/// Failures after which the next try waits.
pub const FREE: i64 = 5;
/// As many for one application that asks about tokens that never were: it asks about whatever strangers show it.
pub const SCANS_FREE: i64 = 100;
/// How long failures are counted together, in milliseconds: fifteen minutes from the first of them.
pub const WINDOW_MS: i64 = 15 * 60_000;
/// How long the next try waits after the last free failure and after each one more, in milliseconds. The last stands for
/// all that follow.
pub const WAITS_MS: [i64; 7] = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000];
/// How long an account or a network waits for the outcome of a try that is under way, in milliseconds: longer than any hash
/// takes. One
/// that is lost with its server, or with who asked, stays a failure and keeps nobody waiting after that.
pub const UNDER_WAY_MS: i64 = 20_000;
/// How many counters all names together share that nobody has: a table that grew with the names that strangers think of
/// would be theirs to fill (FM-117).
pub const BUCKETS: u32 = 65_536;
/// How long a browser is known as one in which a person signed in, in milliseconds: half a year from the last time.
pub const DEVICE_MS: i64 = 180 * 86_400_000;
/// How many browsers of one person are known; a sign-in in one more forgets the one that was used longest ago.
pub const DEVICES: i64 = 16;

/// How many milliseconds the next try has to wait from `now` on, which is the moment of the last of `failures` in the
/// window that began at `window_started_at`; `free` of them cost nothing.
pub fn wait_ms(failures: i64, free: i64, window_started_at: i64, now: i64) -> i64 {
    if failures < free.max(1) || is_over(window_started_at, now) {
        return 0;
    }
    let step = usize::try_from(failures - free.max(1)).unwrap_or(usize::MAX).min(WAITS_MS.len() - 1);
    WAITS_MS[step]
}

/// Whether the window that began then counts no more.
pub const fn is_over(window_started_at: i64, now: i64) -> bool {
    now - window_started_at >= WINDOW_MS
}

/// What `Retry-After` says about a wait: whole seconds, so that who comes then is not too early.
pub fn seconds(wait_ms: i64) -> u32 {
    u32::try_from((wait_ms + 999) / 1_000).unwrap_or(u32::MAX).max(1)
}

/// What is counted together. Only a digest is kept, so the table names no address.
#[derive(Clone, Debug)]
pub struct Key(Digest);

impl Key {
    /// A person, whatever they were called (FM-99).
    pub fn account(person: Id) -> Key {
        Key::of("account", &[person.as_bytes()])
    }

    /// A name that nobody has: one of [`BUCKETS`]. `canonical` is the name as it would be looked up. `salt` is secret,
    /// or else a stranger could fill the bucket of a name by way of another and see whether that name waits too.
    pub fn nobody(salt: &[u8; 32], canonical: &str) -> Key {
        Key::of("nobody", &[&bucket(salt, canonical)])
    }

    /// A browser in which the person signed in before: it is not kept out by what others do elsewhere (FM-102).
    pub fn device(person: Id, browser: &Digest) -> Key {
        Key::of("device", &[person.as_bytes(), browser.as_bytes()])
    }

    /// The network that passwords come from: see [`network`].
    pub fn people_of(octets: &[u8]) -> Key {
        Key::of("people of", &[network(octets)])
    }

    /// The network that clients' secrets, codes and refresh tokens come from. Apart from [`Key::people_of`]: a client
    /// with an old secret must not keep the people beside it waiting.
    pub fn clients_of(octets: &[u8]) -> Key {
        Key::of("clients of", &[network(octets)])
    }

    /// A client, by the `client_id` that it claims. There may be none of this name; then it shares a bucket.
    pub fn client(salt: &[u8; 32], client: Result<Id, &str>) -> Key {
        match client {
            Ok(id) => Key::of("client", &[id.as_bytes()]),
            Err(unknown) => Key::of("no client", &[&bucket(salt, unknown)]),
        }
    }

    /// A client that asks about tokens that never were (RFC 7662 section 4). Apart from [`Key::client`]: what strangers show
    /// a resource server must not keep it from anything else.
    pub fn scanner(client: Id) -> Key {
        Key::of("scanner", &[client.as_bytes()])
    }

    /// A person who tries tokens and passwords at Git hosts through us. Apart from [`Key::account`]: whose secrets they
    /// guess at has nothing to do with their own.
    pub fn at_hosts(person: Id) -> Key {
        Key::of("at hosts", &[person.as_bytes()])
    }

    /// As it is stored.
    pub const fn digest(&self) -> &Digest {
        &self.0
    }

    fn of(label: &str, parts: &[&[u8]]) -> Key {
        let mut text = label.as_bytes().to_vec();
        for part in parts {
            text.push(0);
            text.extend_from_slice(part);
        }
        Key(Digest::of(&text))
    }
}

/// Who counts as one neighbour: the /24 of an IPv4 address (four bytes), the /64 of an IPv6 address (sixteen), because
/// that many addresses are easily had by one.
pub fn network(octets: &[u8]) -> &[u8] {
    match octets.len() {
        16 => &octets[..8],
        4 => &octets[..3],
        _ => octets,
    }
}

fn bucket(salt: &[u8; 32], name: &str) -> [u8; 2] {
    let digest = Digest::of(&[salt, name.as_bytes()].concat());
    [digest.as_bytes()[0], digest.as_bytes()[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 32] = [7; 32];

    fn same(a: &Key, b: &Key) -> bool {
        a.digest().matches(b.digest())
    }

    #[test]
    fn st_48_five_failures_are_free_and_then_each_waits_twice_as_long_up_to_a_minute() {
        let waits: Vec<i64> = (0..14).map(|failures| wait_ms(failures, FREE, 0, 1) / 1_000).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(wait_ms(i64::MAX, FREE, 0, 1), 60_000);
        assert_eq!(wait_ms(1, 0, 0, 1), 1_000, "none free is as one");
        assert_eq!(wait_ms(999, 1_000, 0, 1), 0);
        assert_eq!(wait_ms(1_000, 1_000, 0, 1), 1_000);
    }

    #[test]
    fn failures_count_for_fifteen_minutes_to_the_millisecond() {
        assert_eq!(wait_ms(9, FREE, 1_000, 1_000 + WINDOW_MS - 1), 16_000);
        assert_eq!(wait_ms(9, FREE, 1_000, 1_000 + WINDOW_MS), 0);
    }

    #[test]
    fn retry_after_is_never_too_early_and_never_nothing() {
        let said: Vec<u32> = [-5, 0, 1, 999, 1_000, 1_001, 60_000].map(seconds).to_vec();
        assert_eq!(said, [1, 1, 1, 1, 1, 2, 60]);
    }

    #[test]
    fn neighbours_count_as_one_and_the_next_network_does_not() {
        let v4 = |last: [u8; 2]| Key::people_of(&[192, 0, last[0], last[1]]);
        assert!(same(&v4([2, 1]), &v4([2, 255])));
        assert!(!same(&v4([2, 1]), &v4([3, 1])));
        let v6 = |place: usize| {
            let mut octets = [0; 16];
            octets[place] = 1;
            Key::people_of(&octets)
        };
        assert!(same(&v6(8), &v6(15)));
        assert!(!same(&v6(7), &v6(8)));
        assert!(!same(&Key::people_of(&[192, 0, 2, 1]), &Key::clients_of(&[192, 0, 2, 1])));
    }

    #[test]
    fn fm_117_names_that_nobody_has_share_a_bounded_number_of_counters() {
        let mut seen = std::collections::HashSet::new();
        for n in 0..200_000 {
            seen.insert(*Key::nobody(&SALT, &format!("nobody {n}")).digest().as_bytes());
        }
        assert!(seen.len() <= BUCKETS as usize && seen.len() > 60_000, "{}", seen.len());
        assert!(!same(&Key::nobody(&SALT, "mallory"), &Key::nobody(&[8; 32], "mallory")), "nobody else knows which");
    }

    #[test]
    fn fm_102_every_browser_of_a_person_and_every_person_of_a_browser_has_a_counter_of_its_own() {
        let (alice, bob) = (Id::from_bytes([1; 16]), Id::from_bytes([2; 16]));
        let (home, work) = (Digest::of(b"home"), Digest::of(b"work"));
        let keys = [
            Key::account(alice),
            Key::account(bob),
            Key::device(alice, &home),
            Key::device(alice, &work),
            Key::device(bob, &home),
            Key::client(&SALT, Ok(alice)),
            Key::scanner(alice),
            Key::at_hosts(alice),
            Key::client(&SALT, Err("app_none")),
            Key::nobody(&SALT, "app_none"),
        ];
        let all: std::collections::HashSet<_> = keys.iter().map(|key| *key.digest().as_bytes()).collect();
        assert_eq!(all.len(), keys.len());
    }
}
