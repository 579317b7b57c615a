//! Project tokens: what a program sends as `X-Auth-Token` to act for a person in one project.
//!
//! Owns the rows and the one read by which a token is accepted. A token hangs on the password or on the access key that it
//! was fetched with, on its person, on their organization and on their membership in the project: what ends one of these
//! ends it, at its next use and for good.

use crate::applications::claimed;
use crate::assignments::epoch;
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::organizations::organization_off;
use crate::presented::{Missing, proven};
use crate::projects::Role;
use crate::sessions::SIGN_IN;
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, MachineSecret};

/// What was found right before a project token is given.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The password with this hash.
    Password(String),
    /// The secret of the access key of this row.
    AccessKey(Id),
}

/// A project token to keep.
#[derive(Clone, Debug)]
pub struct NewProjectToken {
    /// The row.
    pub id: Id,
    /// The digest of its secret.
    pub digest: Digest,
    /// For whom.
    pub person: Id,
    /// In which project.
    pub project: Id,
    /// What it is given for.
    pub proof: Proof,
    /// From when on it is dead, in Unix milliseconds.
    pub expires_at: i64,
}

/// What became of a project token to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepProjectToken {
    /// It is kept.
    Kept,
    /// The person, the password, the access key or the membership is not what it was when it was judged.
    NoLongerAllowed,
}

/// A project token as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProjectToken {
    /// The row.
    pub id: Id,
    /// Whose.
    pub person: Id,
    /// Their number.
    pub number: i64,
    /// Their user name.
    pub user_name: String,
    /// The project.
    pub project: Id,
    /// Its name.
    pub project_name: String,
    /// What they are in it now; `None` when they are in it no more.
    pub role: Option<Role>,
    /// Whether it was fetched with an access key.
    pub by_access_key: bool,
    /// When it was given, in Unix milliseconds.
    pub created_at: i64,
    /// From when on it is dead, in Unix milliseconds.
    pub expires_at: i64,
    /// Whether nothing that it hangs on has ended; that its time is not over is for the caller to see.
    pub is_alive: bool,
}

/// Notes that the person `$1` came with the access key `$3` at `$4`, as [`SIGN_IN`] does for a password.
const KEY_IN: &str = "UPDATE people SET last_sign_in_at = CASE \
    WHEN last_sign_in_at > valid_from AND last_sign_in_at > $4 THEN last_sign_in_at \
    WHEN valid_from > $4 THEN valid_from ELSE $4 END \
    WHERE id = $1 AND tenant = $2 AND disabled_at IS NULL \
    AND EXISTS (SELECT 1 FROM access_keys k WHERE k.id = $3 AND k.person = people.id AND k.disabled_at IS NULL) \
    RETURNING id";

/// The INSERT of a token, only for a member of the project of whom `$proof` holds; `$access_key` is what is kept of it.
macro_rules! insert_token {
    ($access_key:literal, $proof:literal) => {
        concat!(
            "INSERT INTO project_tokens (id, tenant, digest, person, project, membership, access_key, auth_time, epoch, \
             created_at, expires_at) \
             SELECT $1, $2, $3, p.id, m.project, m.added_by, ",
            $access_key,
            ", CASE WHEN p.valid_from > $6 THEN p.valid_from ELSE $6 END, ",
            epoch!("$2"),
            ", $6, $7 FROM people p JOIN project_members m ON m.person = p.id AND m.project = $5 \
             WHERE p.id = $4 AND p.tenant = $2 AND p.disabled_at IS NULL AND ",
            $proof,
            " RETURNING id"
        )
    };
}

impl Store {
    /// Keeps a project token at `note.at`, only while the person is switched on, is in the project, and what they proved it
    /// with is still good. Audited.
    pub async fn keep_project_token(&self, new: &NewProjectToken, note: &Note) -> Result<KeepProjectToken, StoreError> {
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM project_tokens WHERE id = $11)");
        let method = if matches!(new.proof, Proof::Password(_)) { "by password" } else { "by access key" };
        let details = format!("person:{} in project:{} {method}", new.person, new.project);
        let event = event("project_token.add", new.id, details);
        let [sign_in, insert] = self.sign_in_and_insert(new, note.at);
        let verb = vec![sign_in, insert, audit::row(self, note, event, AUDIT, vec![new.id.into()])];
        let kept = self.run(verb).await?.get(1).is_some_and(|rows| !rows.is_empty());
        Ok(if kept { KeepProjectToken::Kept } else { KeepProjectToken::NoLongerAllowed })
    }

    fn sign_in_and_insert(&self, new: &NewProjectToken, now: i64) -> [Statement; 2] {
        const BY_PASSWORD: &str = insert_token!("NULL", "p.password_hash = $8");
        const BY_KEY: &str = insert_token!(
            "$8",
            "EXISTS (SELECT 1 FROM access_keys k WHERE k.id = $8 AND k.person = p.id AND k.disabled_at IS NULL)"
        );
        let NewProjectToken { id, digest, person, project, proof, expires_at } = new;
        let tenant = self.tenant();
        match proof {
            Proof::Password(hash) => [
                statement!(SIGN_IN, person, tenant, hash, now),
                statement!(BY_PASSWORD, id, tenant, digest, person, project, now, *expires_at, hash),
            ],
            Proof::AccessKey(key) => [
                statement!(KEY_IN, person, tenant, key, now),
                statement!(BY_KEY, id, tenant, digest, person, project, now, *expires_at, key),
            ],
        }
    }

    /// The project token that this is, with what it hangs on, in one read.
    pub async fn find_project_token(
        &self,
        presented: &MachineSecret,
    ) -> Result<Result<FoundProjectToken, Missing>, StoreError> {
        const FIND: &str = concat!(
            "SELECT t.id, t.digest, p.id, p.number, p.user_name, j.id, j.name, m.role, t.access_key, t.created_at, \
             t.expires_at, CASE WHEN t.ended_at IS NULL AND p.disabled_at IS NULL AND p.valid_from <= t.auth_time \
             AND m.added_by = t.membership AND (t.access_key IS NULL OR EXISTS \
             (SELECT 1 FROM access_keys k WHERE k.id = t.access_key AND k.disabled_at IS NULL)) AND NOT ",
            organization_off!("t.epoch"),
            " THEN 1 ELSE 0 END FROM project_tokens t JOIN people p ON p.id = t.person \
             JOIN projects j ON j.id = t.project \
             LEFT JOIN project_members m ON m.project = t.project AND m.person = t.person \
             WHERE t.id = $1 AND t.tenant = $2"
        );
        let found = self.find(&statement!(FIND, presented.id(), self.tenant())).await?;
        let Some(mut row) = found else { return Ok(Err(Missing::Gone)) };
        let mut c = Columns::of(&mut row);
        let (id, digest) = (c.id()?, c.digest()?);
        let found = FoundProjectToken {
            id,
            person: c.id()?,
            number: c.int()?,
            user_name: c.text()?,
            project: c.id()?,
            project_name: c.text()?,
            role: c.opt_int()?.map(Role::stored).transpose()?,
            by_access_key: c.opt_id()?.is_some(),
            created_at: c.int()?,
            expires_at: c.int()?,
            is_alive: c.flag()?,
        };
        Ok(proven(presented, &digest, found))
    }

    /// Ends one project token: from the answer on it is not accepted. Audited. Gives false when it had ended before, or
    /// there is none of this id.
    pub async fn end_project_token(&self, id: Id, note: &Note) -> Result<bool, StoreError> {
        const END: &str = "UPDATE project_tokens SET ended_at = $3, ended_by = $4 \
            WHERE id = $1 AND tenant = $2 AND ended_at IS NULL RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM project_tokens WHERE id = $11 AND ended_by = $1)");
        let event = event("project_token.end", id, String::new());
        let verb = vec![
            statement!(END, id, self.tenant(), note.at, note.id),
            audit::row(self, note, event, AUDIT, vec![id.into()]),
        ];
        Ok(claimed(&self.run(verb).await?))
    }
}

fn event(action: &'static str, token: Id, details: String) -> Event {
    Event { action, target: format!("project_token:{token}"), outcome: "done", details }
}
