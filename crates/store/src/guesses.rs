//! Guesses: how often a secret was tried in vain, and in which browsers a person has signed in before.
//!
//! A try is counted before it is made and given back when it was right, so that tries that come at once are all counted
//! (FM-101). Until it is judged it is under way: no more are under way at once than may fail, and only one that was found
//! wrong makes others wait, since many may sign in at once, with one name too. Owns the counters, which survive a restart.
//! How long the next try waits is `oauth::guessing`'s.

use crate::{Statement, Store, StoreError, Verb, statement};
use vestibule_oauth::guessing::{DEVICE_MS, DEVICES, Key, UNDER_WAY_MS, WAITS_MS, WINDOW_MS};
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

impl Counter {
    /// As statements name it, with how many may fail: one that nobody may fail at could not be tried.
    fn named(&self) -> (&Digest, i64) {
        (self.key.digest(), self.free.max(1))
    }
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
    own: (Counter, i64),
    beside: Option<(Counter, i64)>,
}

/// What keeps a try from being made, until when at the latest, in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Too many have failed.
    Waits(i64),
    /// As many are under way as may still fail, of this one's: one may be made as soon as one of those was right.
    Crowded(i64, Whose),
}

/// Which of a try's counters holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Its account's, or its known browser's.
    Own,
    /// Its network's.
    Beside,
}

/// What became of a try that was to be counted.
#[derive(Clone, Debug)]
pub enum Reserve {
    /// It is counted and may be made. Whoever makes it says what came of it: it was right
    /// ([`Store::settle_guess`]), wrong ([`Store::fail_guess`]), or not made ([`Store::give_back_guess`]).
    Reserved(Reservation),
    /// It has to wait and was not counted.
    Held(Hold),
}

/// A counter is counted up in a row that nobody else can touch until the verb is done; `$5` is the other counter, `$6` the
/// verb, `$7` is 1 for a try that is under way until `$8`, and 0 for one that has failed, `$9` how many may fail.
macro_rules! count_up {
    ($guard:literal) => {
        concat!(
            "INSERT INTO guesses (tenant, key, failures, window_started_at, next_at, updated_at, claimed_by, \
             under_way, under_way_until) SELECT $1, $2, 1, $3, 0, $3, $6, $7, $8 WHERE ",
            $guard,
            " ON CONFLICT (tenant, key) DO UPDATE SET \
             failures = CASE WHEN $3 - guesses.window_started_at >= $4 THEN 1 ELSE guesses.failures + 1 END, \
             under_way = CASE WHEN $3 - guesses.window_started_at >= $4 OR guesses.under_way_until <= $3 THEN $7 \
             ELSE guesses.under_way + $7 END, \
             under_way_until = CASE WHEN $7 > 0 THEN $8 ELSE guesses.under_way_until END, \
             window_started_at = CASE WHEN $3 - guesses.window_started_at >= $4 THEN $3 \
             ELSE guesses.window_started_at END, \
             updated_at = $3, claimed_by = $6 WHERE guesses.next_at <= $3 \
             AND (guesses.failures < $9 OR guesses.under_way = 0 OR guesses.under_way_until <= $3 \
             OR $3 - guesses.window_started_at >= $4) RETURNING window_started_at"
        )
    };
}

impl Store {
    /// What keeps a try from being made now: one read, for answering a storm without writing.
    pub async fn guess_hold(&self, counters: &Counters, now: i64) -> Result<Option<Hold>, StoreError> {
        const LATEST: &str = "SELECT MAX(next_at), MAX(CASE WHEN key = $2 AND failures >= $3 AND under_way > 0 \
            AND $6 - window_started_at < $7 THEN under_way_until ELSE 0 END), \
            MAX(CASE WHEN key = $4 AND failures >= $5 AND under_way > 0 AND $6 - window_started_at < $7 \
            THEN under_way_until ELSE 0 END) FROM guesses WHERE tenant = $1 AND key IN ($2, $4)";
        let own = &counters.own;
        let beside = counters.beside.as_ref().unwrap_or(own);
        let ((key, free), (other, others)) = (own.named(), beside.named());
        let row = self.find(&statement!(LATEST, self.tenant(), key, free, other, others, now, WINDOW_MS)).await?;
        let Some(row) = row else { return Ok(None) };
        let later = |until: Option<i64>| until.filter(|until| *until > now);
        let crowded = |until: Option<i64>, whose| later(until).map(|until| Hold::Crowded(until, whose));
        let (own, beside) = (crowded(row.opt_int(1)?, Whose::Own), crowded(row.opt_int(2)?, Whose::Beside));
        Ok(later(row.opt_int(0)?).map(Hold::Waits).or(own).or(beside))
    }

    /// Counts a try that is about to be made, unless something holds it. It is under way until it is judged.
    pub async fn reserve_guess(&self, counters: &Counters, verb: Id, now: i64) -> Result<Reserve, StoreError> {
        self.count_guess(counters, verb, true, now).await
    }

    /// Counts a try that was found wrong, or that is to count as such at once, unless one of the counters has to wait.
    pub async fn count_failure(&self, counters: &Counters, verb: Id, now: i64) -> Result<Reserve, StoreError> {
        self.count_guess(counters, verb, false, now).await
    }

    async fn count_guess(
        &self,
        counters: &Counters,
        verb: Id,
        under_way: bool,
        now: i64,
    ) -> Result<Reserve, StoreError> {
        const OWN: &str =
            count_up!("NOT EXISTS (SELECT 1 FROM guesses o WHERE o.tenant = $1 AND o.key = $5 AND o.next_at > $3)");
        const BESIDE: &str =
            count_up!("EXISTS (SELECT 1 FROM guesses o WHERE o.tenant = $1 AND o.key = $5 AND o.claimed_by = $6)");
        // Between the first statement and the second somebody may have made the network wait, or taken its last place.
        const UNDO: &str = "UPDATE guesses SET failures = failures - 1, under_way = under_way - $5 \
            WHERE tenant = $1 AND key = $2 AND claimed_by = $4 AND NOT EXISTS (SELECT 1 FROM guesses o WHERE o.tenant = $1 AND o.key = $3 AND o.claimed_by = $4)";
        let tenant = self.tenant();
        let own = &counters.own;
        let beside = counters.beside.as_ref();
        let until = if under_way { now + UNDER_WAY_MS } else { 0 };
        let (other, (key, free)) = (&beside.unwrap_or(own).key, own.named());
        let mut verbs: Verb =
            vec![statement!(OWN, tenant, key, now, WINDOW_MS, other.digest(), verb, under_way, until, free)];
        if let Some(beside) = beside {
            let (network, free) = beside.named();
            verbs.push(statement!(BESIDE, tenant, network, now, WINDOW_MS, key, verb, under_way, until, free));
            verbs.push(statement!(UNDO, tenant, key, network, verb, under_way));
        }
        if !under_way {
            verbs.extend(beside.map(|beside| self.make_wait(beside, &beside.key, verb, now)));
            verbs.push(self.make_wait(own, other, verb, now));
        }
        let answers = self.run(verbs).await?;
        let window = |n: usize| answers.get(n).and_then(|rows| rows.first()).map(|row| row.int(0)).transpose();
        let (first, second) = (window(0)?, if beside.is_some() { window(1)? } else { None });
        match (first, second, beside) {
            (Some(window), None, None) => {
                Ok(Reserve::Reserved(Reservation { verb, own: (own.clone(), window), beside: None }))
            }
            (Some(window), Some(second), Some(beside)) => {
                let (own, beside) = ((own.clone(), window), Some((beside.clone(), second)));
                Ok(Reserve::Reserved(Reservation { verb, own, beside }))
            }
            _ => Ok(Reserve::Held(self.guess_hold(counters, now).await?.unwrap_or(Hold::Crowded(now, Whose::Own)))),
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
        let (key, free) = counter.named();
        statement!(WAIT, self.tenant(), key, other.digest(), verb, now, free, a, b, c, d, e, f, g)
    }

    /// Makes a failure of a try that was found wrong: its account and its network wait now, if it was one too many. Those
    /// that are still under way do not count yet.
    pub async fn fail_guess(&self, reservation: &Reservation, now: i64) -> Result<(), StoreError> {
        const ENDED: &str = "UPDATE guesses SET under_way = under_way - 1 \
            WHERE tenant = $1 AND key = $2 AND window_started_at = $3 AND under_way > 0";
        const WAIT: &str = "UPDATE guesses SET next_at = CASE WHEN failures - under_way < $5 THEN next_at \
            WHEN failures - under_way = $5 THEN $4 + $6 WHEN failures - under_way = $5 + 1 THEN $4 + $7 \
            WHEN failures - under_way = $5 + 2 THEN $4 + $8 WHEN failures - under_way = $5 + 3 THEN $4 + $9 \
            WHEN failures - under_way = $5 + 4 THEN $4 + $10 WHEN failures - under_way = $5 + 5 THEN $4 + $11 \
            ELSE $4 + $12 END WHERE tenant = $1 AND key = $2 AND window_started_at = $3";
        let [a, b, c, d, e, f, g] = WAITS_MS;
        let mut verb = Verb::new();
        for (counter, window) in [Some(&reservation.own), reservation.beside.as_ref()].into_iter().flatten() {
            let (tenant, (key, free)) = (self.tenant(), counter.named());
            verb.push(statement!(ENDED, tenant, key, *window));
            verb.push(statement!(WAIT, tenant, key, *window, now, free, a, b, c, d, e, f, g));
        }
        self.run(verb).await.map(drop)
    }

    /// Gives a try back that was not made after all. If nobody has tried since, the wait that it has brought its account
    /// is over too.
    pub async fn give_back_guess(&self, reservation: &Reservation) -> Result<(), StoreError> {
        const BACK: &str = "UPDATE guesses SET failures = failures - 1, \
            under_way = CASE WHEN under_way > 0 THEN under_way - 1 ELSE 0 END, \
            next_at = CASE WHEN claimed_by = $4 THEN 0 ELSE next_at END \
            WHERE tenant = $1 AND key = $2 AND window_started_at = $3 AND failures > 0";
        let (Counter { key, .. }, window) = &reservation.own;
        let mut verb = vec![statement!(BACK, self.tenant(), key.digest(), *window, reservation.verb)];
        verb.extend(self.give_back_beside(reservation));
        self.run(verb).await.map(drop)
    }

    /// A window that has ended meanwhile has nothing to give back.
    fn give_back_beside(&self, reservation: &Reservation) -> Option<Statement> {
        const BACK: &str = "UPDATE guesses SET failures = failures - 1, \
            under_way = CASE WHEN under_way > 0 THEN under_way - 1 ELSE 0 END \
            WHERE tenant = $1 AND key = $2 AND window_started_at = $3 AND failures > 0";
        let (Counter { key, .. }, window) = reservation.beside.as_ref()?;
        Some(statement!(BACK, self.tenant(), key.digest(), *window))
    }

    /// Settles a try that was right: of its account's only those still count that are under way. With `device`, that
    /// person's browser is known from now on.
    pub async fn settle_guess(
        &self,
        reservation: &Reservation,
        device: Option<(Id, &Digest)>,
        now: i64,
    ) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM guesses WHERE tenant = $1 AND key = $2 \
            AND (under_way_until <= $3 OR under_way <= CASE WHEN window_started_at = $4 THEN 1 ELSE 0 END)";
        const REST: &str = "UPDATE guesses SET failures = under_way - CASE WHEN window_started_at = $3 THEN 1 ELSE 0 END, \
            under_way = under_way - CASE WHEN window_started_at = $3 THEN 1 ELSE 0 END, next_at = 0 \
            WHERE tenant = $1 AND key = $2";
        const KNOW: &str = "INSERT INTO devices (tenant, person, browser, ends_at) VALUES ($1, $2, $3, $4) \
            ON CONFLICT (person, browser) DO UPDATE SET ends_at = excluded.ends_at";
        const PRUNE: &str = "DELETE FROM devices WHERE tenant = $1 AND person = $2 AND browser NOT IN \
            (SELECT d.browser FROM devices d WHERE d.person = $2 ORDER BY d.ends_at DESC, d.browser LIMIT $3)";
        let tenant = self.tenant();
        let (Counter { key, .. }, window) = &reservation.own;
        let forget = statement!(FORGET, tenant, key.digest(), now, *window);
        let mut verb = vec![forget, statement!(REST, tenant, key.digest(), *window)];
        verb.extend(self.give_back_beside(reservation));
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
