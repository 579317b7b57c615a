//! Signing keys: what tokens are signed with, and for how long the world is told of it.
//!
//! Owns that an algorithm has one current key and one next key at a time, that a key signs only after it was published
//! for long enough, and that it stays published until what it signed is over. Private halves are sealed values that
//! nobody here can read; public halves are made from them by the server.

use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::sealed::SealedValue;
use crate::{Row, Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;

/// A signing key as it lies in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// The row.
    pub id: Id,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its name in tokens: the thumbprint of its public half (RFC 7638).
    pub kid: String,
    /// The public half, as people are shown it. What is published is made from the private half.
    pub jwk: String,
    /// The private half.
    pub private: SealedValue,
    /// When it was first published, in Unix milliseconds.
    pub published_at: i64,
    /// From when on it may sign: everybody who keeps the key set has it by then.
    pub usable_at: i64,
    /// Since when it signs.
    pub promoted_at: Option<i64>,
    /// Since when another one signs.
    pub replaced_at: Option<i64>,
    /// When it leaves the key set: what it signed is over by then.
    pub ends_at: Option<i64>,
}

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Published, and does not sign yet.
    Next,
    /// Signs.
    Current,
    /// Was replaced, and is published until what it signed is over.
    Previous,
}

impl SigningKeyRow {
    /// Where it stands.
    pub const fn stage(&self) -> Stage {
        match (self.promoted_at, self.replaced_at) {
            (None, _) => Stage::Next,
            (Some(_), None) => Stage::Current,
            (Some(_), Some(_)) => Stage::Previous,
        }
    }
}

/// A key to keep.
#[derive(Clone, Debug)]
pub struct NewSigningKey {
    /// The row.
    pub id: Id,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its name.
    pub kid: String,
    /// The public half, as people are shown it.
    pub jwk: String,
    /// The private half.
    pub private: SealedValue,
    /// From when on it may sign, in Unix milliseconds; `None` for the first of its algorithm, which signs at once
    /// because nobody can hold a key set without it.
    pub usable_at: Option<i64>,
}

/// Which key takes whose place.
#[derive(Clone, Copy, Debug)]
pub struct Promotion {
    /// The key that signs.
    pub current: Id,
    /// The key that is to sign.
    pub next: Id,
    /// Whether to wait until everybody has it.
    pub when_usable: bool,
    /// When the current key leaves the key set, in Unix milliseconds.
    pub ends_at: i64,
}

impl Store {
    /// All signing keys, the oldest first. There are a few of each algorithm.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRow>, StoreError> {
        const LIST: &str = "SELECT id, algorithm, kid, jwk, sealed, sealed_by, published_at, usable_at, promoted_at, \
            replaced_at, ends_at FROM signing_keys WHERE tenant = $1 ORDER BY id";
        self.scan(&statement!(LIST, self.tenant())).await?.into_iter().map(read).collect()
    }

    /// Keeps `key` unless its algorithm has one in its place already; says whether it did. Of several nodes that make
    /// one at once, one is kept.
    pub async fn keep_signing_key(&self, key: &NewSigningKey, note: &Note) -> Result<bool, StoreError> {
        const KEEP: &str = "INSERT INTO signing_keys (id, tenant, algorithm, kid, jwk, sealed, sealed_by, \
            published_at, usable_at, promoted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
            ON CONFLICT DO NOTHING RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM signing_keys WHERE id = $11)");
        let NewSigningKey { id, algorithm, kid, jwk, private, usable_at } = key;
        let (bytes, promoted_at) = (private.bytes.as_slice(), usable_at.is_none().then_some(note.at));
        let usable_at = usable_at.unwrap_or(note.at);
        let name = algorithm.name();
        let row =
            statement!(KEEP, id, self.tenant(), name, kid, jwk, bytes, private.key, note.at, usable_at, promoted_at);
        let event = event("signing_key.make", kid, *algorithm);
        let kept = self.run(vec![row, audit::row(self, note, event, AUDIT, vec![id.into()])]).await?;
        Ok(kept.first().is_some_and(|rows| !rows.is_empty()))
    }

    /// Lets the next key sign from `note.at` on, in place of the current one; `false` when one of them is no longer what
    /// it was, or the next one may not sign yet. `verb` is this verb's own id, `next` the next key for the trail.
    pub async fn promote_signing_key(
        &self,
        promotion: Promotion,
        next: &SigningKeyRow,
        verb: Id,
        note: &Note,
    ) -> Result<bool, StoreError> {
        // The next key is claimed first: whoever deletes it at this moment comes before us, and then nothing is changed,
        // or waits for us and finds a key that signs. Were the current key replaced first, nothing might sign any more.
        const CLAIM: &str = "UPDATE signing_keys SET promoted_by = $3 WHERE id = $1 AND tenant = $2 \
            AND promoted_at IS NULL AND usable_at <= $4 RETURNING id";
        const REPLACE: &str = "UPDATE signing_keys SET replaced_at = $3, replaced_by = $4, ends_at = $5 \
            WHERE id = $1 AND tenant = $2 AND promoted_at IS NOT NULL AND replaced_at IS NULL \
            AND EXISTS (SELECT 1 FROM signing_keys n WHERE n.id = $6 AND n.promoted_at IS NULL AND n.promoted_by = $4) \
            RETURNING id";
        const PROMOTE: &str = "UPDATE signing_keys SET promoted_at = $3 WHERE id = $1 AND tenant = $2 \
            AND promoted_at IS NULL AND promoted_by = $5 \
            AND EXISTS (SELECT 1 FROM signing_keys c WHERE c.id = $4 AND c.replaced_by = $5) RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM signing_keys WHERE id = $11 AND replaced_by = $12)");
        let Promotion { current, next: id, when_usable, ends_at } = promotion;
        let usable_by = if when_usable { note.at } else { i64::MAX };
        let event = event("signing_key.promote", &next.kid, next.algorithm);
        let verb = vec![
            statement!(CLAIM, id, self.tenant(), verb, usable_by),
            statement!(REPLACE, current, self.tenant(), note.at, verb, ends_at, id),
            statement!(PROMOTE, id, self.tenant(), note.at, current, verb),
            audit::row(self, note, event, AUDIT, vec![current.into(), verb.into()]),
        ];
        Ok(self.run(verb).await?.get(2).is_some_and(|rows| !rows.is_empty()))
    }

    /// Deletes `key` if it was replaced and its time in the key set is over at `note.at`. `note.id` is made from the
    /// key, so that nodes which meet over it leave one row in the trail.
    pub async fn end_signing_key(&self, key: &SigningKeyRow, note: &Note) -> Result<(), StoreError> {
        const END: &str = "DELETE FROM signing_keys WHERE id = $1 AND tenant = $2 AND replaced_at IS NOT NULL \
            AND ends_at <= $3";
        const AUDIT: &str = audited!(
            "EXISTS (SELECT 1 FROM signing_keys WHERE id = $11 AND replaced_at IS NOT NULL AND ends_at <= $12)"
        );
        let event = event("signing_key.retire", &key.kid, key.algorithm);
        let guard = vec![key.id.into(), note.at.into()];
        let verb = vec![audit::row(self, note, event, AUDIT, guard), statement!(END, key.id, self.tenant(), note.at)];
        self.run(verb).await.map(drop)
    }

    /// Deletes a next key that cannot be read, so that another can be made. `note.id` as for [`Store::end_signing_key`].
    pub async fn drop_next_signing_key(&self, key: &SigningKeyRow, note: &Note) -> Result<(), StoreError> {
        const DROP: &str =
            "DELETE FROM signing_keys WHERE id = $1 AND tenant = $2 AND promoted_at IS NULL AND sealed = $3";
        const AUDIT: &str =
            audited!("EXISTS (SELECT 1 FROM signing_keys WHERE id = $11 AND promoted_at IS NULL AND sealed = $12)");
        let event = Event { outcome: "unreadable", ..event("signing_key.drop", &key.kid, key.algorithm) };
        let sealed = key.private.bytes.as_slice();
        let verb = vec![
            audit::row(self, note, event, AUDIT, vec![key.id.into(), sealed.into()]),
            statement!(DROP, key.id, self.tenant(), sealed),
        ];
        self.run(verb).await.map(drop)
    }

    /// Deletes `key`, whatever it has signed, unless it signs now; says whether it is gone. `note.id` as for
    /// [`Store::end_signing_key`].
    pub async fn withdraw_signing_key(&self, key: &SigningKeyRow, note: &Note) -> Result<bool, StoreError> {
        const WITHDRAW: &str = "DELETE FROM signing_keys WHERE id = $1 AND tenant = $2 \
            AND (promoted_at IS NULL OR replaced_at IS NOT NULL)";
        const AUDIT: &str = audited!("NOT EXISTS (SELECT 1 FROM signing_keys WHERE id = $11)");
        const STAYS: &str = "SELECT id FROM signing_keys WHERE id = $1 AND tenant = $2";
        let event = event("signing_key.withdraw", &key.kid, key.algorithm);
        let verb = vec![
            statement!(WITHDRAW, key.id, self.tenant()),
            audit::row(self, note, event, AUDIT, vec![key.id.into()]),
            statement!(STAYS, key.id, self.tenant()),
        ];
        Ok(self.run(verb).await?.get(2).is_some_and(|rows| rows.is_empty()))
    }

    /// The longest life that an application's access tokens have, in milliseconds; 0 while there is no application.
    pub async fn longest_access_ms(&self) -> Result<i64, StoreError> {
        const LONGEST: &str = "SELECT MAX(access_ms) FROM applications WHERE tenant = $1";
        let rows = self.scan(&statement!(LONGEST, self.tenant())).await?;
        rows.first().map_or(Ok(0), |row| Ok(row.opt_int(0)?.unwrap_or(0)))
    }
}

fn read(mut row: Row) -> Result<SigningKeyRow, StoreError> {
    let mut c = Columns::of(&mut row);
    Ok(SigningKeyRow {
        id: c.id()?,
        algorithm: c.parsed(Algorithm::parse)?,
        kid: c.text()?,
        jwk: c.text()?,
        private: SealedValue { bytes: c.blob()?, key: c.id()? },
        published_at: c.int()?,
        usable_at: c.int()?,
        promoted_at: c.opt_int()?,
        replaced_at: c.opt_int()?,
        ends_at: c.opt_int()?,
    })
}

fn event(action: &'static str, kid: &str, algorithm: Algorithm) -> Event {
    Event { action, target: format!("signing_key:{kid}"), outcome: "done", details: algorithm.name().to_owned() }
}
