//! Guesses: how often a secret was tried in vain, and in which browsers a person has signed in before.
//!
//! A try is counted before it is made and given back when it was right, so that tries that come at once are all counted
//! (FM-101). Owns the counters, which survive a restart. How long the next try waits is `oauth::guessing`'s.

use crate::{Statement, Store, StoreError, Verb, statement};
use vestibule_oauth::guessing::{DEVICE_MS, DEVICES, Key, WAITS_MS, WINDOW_MS};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;

/// What a try counts against.
#[derive(Clone, Debug)]
pub struct Counter {
    /// Whose.
    pub key: Key,
    /// How many failures cost nothing.
    pub free: i64,
}

/// The counters of one try.
#[derive(Clone, Debug)]
pub struct Counters {
    /// The account's, the client's or the known browser's. A right secret sets it back.
    pub own: Counter,
    /// The network's. A right secret gives back its own try only: others' failures stay counted, or whoever has an
    /// account of their own could go on guessing at the others by signing in now and then.
    pub beside: Option<Counter>,
}

/// A try that was counted, and may be made now.
#[derive(Clone, Debug)]
pub struct Reservation {
    verb: Id,
    own: (Key, i64),
    beside: Option<(Key, i64)>,
}

/// What became of a try that was to be counted.
#[derive(Clone, Debug)]
pub enum Reserve {
    /// It is counted and may be made. Whoever makes it and finds it right settles it.
    Reserved(Reservation),
    /// It has to wait and was not counted; until when, in Unix milliseconds.
    Waits(i64),
}

/// A counter is counted up in a row that nobody else can touch until the verb is done; `$5` is a counter that must not
/// be waiting, `$6` the verb.
macro_rules! count_up {
    ($guard:literal) => {
        concat!(
            "INSERT INTO guesses (tenant, key, failures, window_started_at, next_at, updated_at, claimed_by) \
             SELECT $1, $2, 1, $3, 0, $3, $6 WHERE ",
            $guard,
            " ON CONFLICT (tenant, key) DO UPDATE SET \
             failures = CASE WHEN $3 - guesses.window_started_at >= $4 THEN 1 ELSE guesses.failures + 1 END, \
             window_started_at = CASE WHEN $3 - guesses.window_started_at >= $4 THEN $3 \
             ELSE guesses.window_started_at END, \
             updated_at = $3, claimed_by = $6 WHERE guesses.next_at <= $3 RETURNING window_started_at"
        )
    };
}

impl Store {
    /// Until when one of the two has to wait, in Unix milliseconds: one read, for answering a storm without writing.
    pub async fn guess_waits(&self, counters: &Counters, now: i64) -> Result<Option<i64>, StoreError> {
        const LATEST: &str = "SELECT MAX(next_at) FROM guesses WHERE tenant = $1 AND key IN ($2, $3)";
        let own = &counters.own.key;
        let beside = counters.beside.as_ref().map_or(own, |beside| &beside.key);
        let row = self.find(&statement!(LATEST, self.tenant(), own.digest(), beside.digest())).await?;
        Ok(row.map_or(Ok(None), |row| row.opt_int(0))?.filter(|until| *until > now))
    }

    /// Counts a try that is about to be made, unless one of the counters has to wait.
    pub async fn reserve_guess(&self, counters: &Counters, verb: Id, now: i64) -> Result<Reserve, StoreError> {
        const OWN: &str =
            count_up!("NOT EXISTS (SELECT 1 FROM guesses o WHERE o.tenant = $1 AND o.key = $5 AND o.next_at > $3)");
        const BESIDE: &str =
            count_up!("EXISTS (SELECT 1 FROM guesses o WHERE o.tenant = $1 AND o.key = $5 AND o.claimed_by = $6)");
        // Between the first statement and the second somebody may have made the network wait.
        const UNDO: &str = "UPDATE guesses SET failures = failures - 1 WHERE tenant = $1 AND key = $2 AND claimed_by = $4 \
            AND NOT EXISTS (SELECT 1 FROM guesses o WHERE o.tenant = $1 AND o.key = $3 AND o.claimed_by = $4)";
        let tenant = self.tenant();
        let own = &counters.own;
        let beside = counters.beside.as_ref();
        let other = &beside.unwrap_or(own).key;
        let mut verbs: Verb = vec![statement!(OWN, tenant, own.key.digest(), now, WINDOW_MS, other.digest(), verb)];
        if let Some(beside) = beside {
            let (key, own) = (beside.key.digest(), own.key.digest());
            verbs.push(statement!(BESIDE, tenant, key, now, WINDOW_MS, own, verb));
            verbs.push(statement!(UNDO, tenant, own, key, verb));
            verbs.push(self.make_wait(beside, &beside.key, verb, now));
        }
        verbs.push(self.make_wait(own, other, verb, now));
        let answers = self.run(verbs).await?;
        let window = |n: usize| answers.get(n).and_then(|rows| rows.first()).map(|row| row.int(0)).transpose();
        let (first, second) = (window(0)?, if beside.is_some() { window(1)? } else { None });
        match (first, second, beside) {
            (Some(window), None, None) => {
                let own = (own.key.clone(), window);
                Ok(Reserve::Reserved(Reservation { verb, own, beside: None }))
            }
            (Some(window), Some(second), Some(beside)) => {
                let (own, beside) = ((own.key.clone(), window), Some((beside.key.clone(), second)));
                Ok(Reserve::Reserved(Reservation { verb, own, beside }))
            }
            _ => Ok(Reserve::Waits(self.guess_waits(counters, now).await?.unwrap_or(now + WAITS_MS[0]))),
        }
    }

    /// Moves the moment of the next try by `oauth::guessing`'s waits, if this verb has counted up both counters.
    fn make_wait(&self, counter: &Counter, other: &Key, verb: Id, now: i64) -> Statement {
        const WAIT: &str = "UPDATE guesses SET next_at = CASE WHEN failures < $6 THEN 0 WHEN failures = $6 THEN $5 + $7 \
            WHEN failures = $6 + 1 THEN $5 + $8 WHEN failures = $6 + 2 THEN $5 + $9 WHEN failures = $6 + 3 THEN $5 + $10 \
            WHEN failures = $6 + 4 THEN $5 + $11 WHEN failures = $6 + 5 THEN $5 + $12 ELSE $5 + $13 END \
            WHERE tenant = $1 AND key = $2 AND claimed_by = $4 \
            AND EXISTS (SELECT 1 FROM guesses o WHERE o.tenant = $1 AND o.key = $3 AND o.claimed_by = $4)";
        let [a, b, c, d, e, f, g] = WAITS_MS;
        let (key, free) = (counter.key.digest(), counter.free.max(1));
        statement!(WAIT, self.tenant(), key, other.digest(), verb, now, free, a, b, c, d, e, f, g)
    }

    /// Gives a try back that was not made after all.
    pub async fn give_back_guess(&self, reservation: &Reservation) -> Result<(), StoreError> {
        let mut verb = vec![self.give_back(&reservation.own, reservation.verb)];
        verb.extend(reservation.beside.as_ref().map(|beside| self.give_back(beside, reservation.verb)));
        self.run(verb).await.map(drop)
    }

    /// A window that has ended meanwhile has nothing to give back. If nobody has tried since, the wait that this try has
    /// brought is over too.
    fn give_back(&self, (key, window): &(Key, i64), verb: Id) -> Statement {
        const BACK: &str = "UPDATE guesses SET failures = failures - 1, \
            next_at = CASE WHEN claimed_by = $4 THEN 0 ELSE next_at END \
            WHERE tenant = $1 AND key = $2 AND window_started_at = $3 AND failures > 0";
        statement!(BACK, self.tenant(), key.digest(), *window, verb)
    }

    /// Settles a try that was right. With `device`, that person's browser is known from now on.
    pub async fn settle_guess(
        &self,
        reservation: &Reservation,
        device: Option<(Id, &Digest)>,
        now: i64,
    ) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM guesses WHERE tenant = $1 AND key = $2";
        const KNOW: &str = "INSERT INTO devices (tenant, person, browser, ends_at) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (person, browser) DO UPDATE SET ends_at = excluded.ends_at";
        const PRUNE: &str = "DELETE FROM devices WHERE tenant = $1 AND person = $2 AND browser NOT IN \
            (SELECT d.browser FROM devices d WHERE d.person = $2 ORDER BY d.ends_at DESC, d.browser LIMIT $3)";
        let tenant = self.tenant();
        let mut verb = vec![statement!(FORGET, tenant, reservation.own.0.digest())];
        verb.extend(reservation.beside.as_ref().map(|beside| self.give_back(beside, reservation.verb)));
        if let Some((person, browser)) = device {
            verb.push(statement!(KNOW, tenant, person, browser, now + DEVICE_MS));
            verb.push(statement!(PRUNE, tenant, person, DEVICES));
        }
        self.run(verb).await.map(drop)
    }

    /// Whether the person has signed in in this browser before.
    pub async fn knows_device(&self, person: Id, browser: &Digest, now: i64) -> Result<bool, StoreError> {
        const FIND: &str = "SELECT 1 FROM devices WHERE person = $1 AND browser = $2 AND tenant = $3 AND ends_at > $4";
        Ok(self.find(&statement!(FIND, person, browser, self.tenant(), now)).await?.is_some())
    }
}
