//! Access keys: a name and a secret with which a program of a person's signs its requests.
//!
//! Owns the rows. The secret is needed again for each signature, so it is sealed and not digested; nobody here can read
//! it. A key is no session: signing out or a new password does not end it, disabling its person holds it back.

use crate::applications::{Change, claimed};
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::key_locks::{KeyCounters, KeyLock};
use crate::organizations::organization_off;
use crate::projects::Role;
use crate::sealed::SealedValue;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// An access key to add.
#[derive(Clone, Debug)]
pub struct NewAccessKey {
    /// The row.
    pub id: Id,
    /// Its name, as requests bear it.
    pub access_key: String,
    /// Whose it is.
    pub person: Id,
    /// Its secret.
    pub secret: SealedValue,
}

/// An access key as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKeyLine {
    /// The row.
    pub id: Id,
    /// Its name.
    pub access_key: String,
    /// The user name of the person whose it is.
    pub user_name: String,
    /// When it was added, in Unix milliseconds.
    pub created_at: i64,
    /// When it was switched off, if it is.
    pub disabled_at: Option<i64>,
}

/// What is asked about an access key before it is tried.
#[derive(Clone, Copy, Debug)]
pub struct KeyQuestion<'a> {
    /// Its name.
    pub access_key: &'a str,
    /// By what its failures are counted if there is one of this name.
    pub counters: &'a KeyCounters,
    /// And by what if there is none.
    pub of_nobody: &'a KeyCounters,
    /// In which project its person wants to act.
    pub project: Option<Id>,
}

/// What is known before an access key is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAnswer {
    /// The key, if there is one of this name.
    pub key: Option<FoundAccessKey>,
    /// How it stands, or how names that nobody has stand.
    pub lock: KeyLock,
    /// What its person is in the project that was asked about.
    pub role: Option<Role>,
}

/// An access key as a signature is checked with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAccessKey {
    /// The row.
    pub id: Id,
    /// Whose it is.
    pub person: Id,
    /// Their number.
    pub number: i64,
    /// Their user name.
    pub user_name: String,
    /// Its secret.
    pub secret: SealedValue,
    /// Whether it may be used now: neither it nor its person nor an organization above them is switched off.
    pub is_alive: bool,
}

impl Store {
    /// Adds an access key; `NotFound` when there is no such person.
    pub async fn add_access_key(&self, new: &NewAccessKey, note: &Note) -> Result<Change, StoreError> {
        const INSERT: &str = "INSERT INTO access_keys (id, tenant, access_key, person, sealed, sealed_by, created_at, changed_by) \
            SELECT $1, $2, $3, p.id, $5, $6, $7, $8 FROM people p WHERE p.id = $4 AND p.tenant = $2 \
            ON CONFLICT DO NOTHING RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM access_keys WHERE id = $11 AND changed_by = $1)");
        let NewAccessKey { id, access_key, person, secret } = new;
        let (tenant, bytes) = (self.tenant(), secret.bytes.as_slice());
        let event = event("access_key.add", access_key, format!("person:{person}"));
        let verb = vec![
            statement!(INSERT, id, tenant, access_key, person, bytes, secret.key, note.at, note.id),
            audit::row(self, note, event, AUDIT, vec![(*id).into()]),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    /// The access key of this name, how it stands at `now`, and what its person is in the project that was asked about: one
    /// read, the same whether there is such a key or not.
    pub async fn find_access_key(&self, asked: &KeyQuestion<'_>, now: i64) -> Result<KeyAnswer, StoreError> {
        // One row that is always there, so that there is an answer where there is no key.
        const FIND: &str = concat!(
            "SELECT h.locked_until, h.failures, e.locked_until, m.role, k.id, k.person, p.number, p.user_name, k.sealed, \
             k.sealed_by, CASE WHEN k.disabled_at IS NULL AND p.disabled_at IS NULL AND NOT ",
            // Held back while one is off, and back with it: a key is a credential like a password, not issued by one.
            organization_off!("9007199254740991"),
            " THEN 1 ELSE 0 END FROM (SELECT 1 AS one) z \
             LEFT JOIN access_keys k ON k.tenant = $1 AND k.access_key = $2 LEFT JOIN people p ON p.id = k.person \
             LEFT JOIN access_key_failures h ON h.tenant = $1 AND h.key = CASE WHEN p.id IS NULL THEN $5 ELSE $3 END \
             LEFT JOIN access_key_failures e ON e.tenant = $1 AND e.key = CASE WHEN p.id IS NULL THEN $6 ELSE $4 END \
             LEFT JOIN project_members m ON m.project = $7 AND m.person = p.id"
        );
        let KeyQuestion { access_key, counters, of_nobody, project } = asked;
        let (tenant, project) = (self.tenant(), project.unwrap_or(Id::from_bytes([0; 16])));
        let KeyCounters { here, everywhere } = counters;
        let (here_of_nobody, everywhere_of_nobody) = (&of_nobody.here, &of_nobody.everywhere);
        let values =
            statement!(FIND, tenant, *access_key, here, everywhere, here_of_nobody, everywhere_of_nobody, project);
        let row = self.find(&values).await?;
        let mut row = row.ok_or_else(|| StoreError::inconsistent("access_key_failures.key"))?;
        let mut c = Columns::of(&mut row);
        let (here, failures, everywhere) = (c.opt_int()?, c.opt_int()?, c.opt_int()?);
        let until = here.max(everywhere).filter(|until| *until > now);
        let lock = KeyLock { until, has_failures: failures.is_some_and(|failures| failures > 0) };
        let role = c.opt_int()?.map(Role::stored).transpose()?;
        let (id, person, number) = (c.opt_id()?, c.opt_id()?, c.opt_int()?);
        let Some(((id, person), number)) = id.zip(person).zip(number) else {
            return Ok(KeyAnswer { key: None, lock, role: None });
        };
        let (user_name, secret, is_alive) = (c.text()?, c.sealed()?, c.flag()?);
        let key = FoundAccessKey { id, person, number, user_name, secret, is_alive };
        Ok(KeyAnswer { key: Some(key), lock, role })
    }

    /// All access keys, by person and then the oldest first.
    pub async fn list_access_keys(&self) -> Result<Vec<AccessKeyLine>, StoreError> {
        const LIST: &str = "SELECT k.id, k.access_key, p.user_name, k.created_at, k.disabled_at FROM access_keys k \
            JOIN people p ON p.id = k.person WHERE k.tenant = $1 ORDER BY p.user_name_key, k.created_at, k.id";
        let rows = self.scan(&statement!(LIST, self.tenant())).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                Ok(AccessKeyLine {
                    id: c.id()?,
                    access_key: c.text()?,
                    user_name: c.text()?,
                    created_at: c.int()?,
                    disabled_at: c.opt_int()?,
                })
            })
            .collect()
    }

    /// Switches an access key off, for good. Doing it twice is doing it once.
    pub async fn disable_access_key(&self, access_key: &str, note: &Note) -> Result<Change, StoreError> {
        const DISABLE: &str = "UPDATE access_keys SET disabled_at = COALESCE(disabled_at, $3), \
            changed_by = CASE WHEN disabled_at IS NULL THEN $4 ELSE changed_by END \
            WHERE tenant = $1 AND access_key = $2 RETURNING id";
        let verb = vec![
            statement!(DISABLE, self.tenant(), access_key, note.at, note.id),
            self.changed("access_key.disable", access_key, note),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    /// Removes an access key with its secret.
    pub async fn remove_access_key(&self, access_key: &str, note: &Note) -> Result<Change, StoreError> {
        // Once the row is gone nothing is left to repeat the claim on, so it is claimed and deleted in two steps.
        const CLAIM: &str = "UPDATE access_keys SET changed_by = $3 WHERE tenant = $1 AND access_key = $2 RETURNING id";
        const REMOVE: &str = "DELETE FROM access_keys WHERE tenant = $1 AND access_key = $2 AND changed_by = $3";
        let verb = vec![
            statement!(CLAIM, self.tenant(), access_key, note.id),
            self.changed("access_key.remove", access_key, note),
            statement!(REMOVE, self.tenant(), access_key, note.id),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    fn changed(&self, action: &'static str, access_key: &str, note: &Note) -> crate::Statement {
        const AUDIT: &str =
            audited!("EXISTS (SELECT 1 FROM access_keys WHERE tenant = $2 AND access_key = $11 AND changed_by = $1)");
        audit::row(self, note, event(action, access_key, String::new()), AUDIT, vec![access_key.into()])
    }
}

fn event(action: &'static str, access_key: &str, details: String) -> Event {
    Event { action, target: format!("access_key:{access_key}"), outcome: "done", details }
}
