//! Browser sessions: who is signed in where.
//!
//! Owns their opening, use and end. The cookie is the server's; only its digest is kept.

use crate::applications::claimed;
use crate::assignments::{assigned_now, epoch};
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::logout_notices::Ended;
use crate::organizations::organization_off;
use crate::presented::proven;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::{Digest, MachineSecret};
use vestibule_oauth::template::{SESSION_IDLE_MS, SESSION_MAX_MS};

/// A session to open, after the password was found right.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The row.
    pub id: Id,
    /// The digest of the cookie's secret.
    pub digest: Digest,
    /// Who signs in.
    pub person: Id,
    /// The hash that the password was verified against: a password that was changed meanwhile opens nothing.
    pub password_hash: String,
    /// The session that this one follows: it ends in the same verb (FM-46). One of the same person gives its root on; one
    /// of another person is signed out of, because nobody could do so any more.
    pub replaces: Option<Id>,
}

/// What became of a session to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenSession {
    /// It is open.
    Opened,
    /// The person was switched off or their password changed after it was verified.
    CredentialsChanged,
}

/// A session that is alive.
#[derive(Clone, Debug)]
pub struct LiveSession {
    /// The row.
    pub id: Id,
    /// The first session of this person in this browser without a break: by its identifier applications know all of them.
    pub root: Id,
    /// Who.
    pub person: Id,
    /// Their number.
    pub number: i64,
    /// Their immutable subject.
    pub subject: String,
    /// Their user name.
    pub user_name: String,
    /// Their name to show.
    pub nickname: Option<String>,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Whether they are an administrator.
    pub administrator: bool,
    /// When they gave their password, in Unix milliseconds.
    pub auth_time: i64,
    /// When the session was last noted as used.
    pub seen_at: i64,
    /// When it ends if it is not used.
    pub idle_ends_at: i64,
    /// When it ends whatever its use.
    pub ends_at: i64,
    /// Whether they may use the application that was asked about; false when none was.
    pub assigned: bool,
    /// What they last consented to for the application that was asked about.
    pub last_consent: Option<ScopeSet>,
    /// How often they withdrew it: what is issued must say which generation it was judged by ([`crate::consents`]).
    pub consent_generation: i64,
}

/// What became of a session to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndSession {
    /// It ended now.
    Ended,
    /// It had ended before, or there is none of this id.
    AlreadyEnded,
}

/// How long a use is not noted again, in milliseconds.
const TOUCH_MS: i64 = 60_000;

/// Notes a sign-in of the person `$1` with the password hash `$3` at `$4`, only while that is still the hash. It locks
/// the row: a password change waits for it or is seen by it, and moves `valid_from` past it.
///
/// A sign-in counts as later than the last end of everything, whatever this node's clock says.
pub(crate) const SIGN_IN: &str = "UPDATE people SET last_sign_in_at = CASE \
    WHEN last_sign_in_at > valid_from AND last_sign_in_at > $4 THEN last_sign_in_at \
    WHEN valid_from > $4 THEN valid_from ELSE $4 END \
    WHERE id = $1 AND tenant = $2 AND password_hash = $3 AND disabled_at IS NULL";

impl Store {
    /// Opens a session at `note.at` and ends the one that it replaces; another person's as [`Store::end_session`] does, with
    /// all that was issued in it. The lifetimes are those of `oauth::template`.
    pub async fn open_session(&self, new: &NewSession, note: &Note) -> Result<OpenSession, StoreError> {
        const INSERT: &str = concat!(
            "INSERT INTO sessions (id, tenant, digest, person, auth_time, seen_at, idle_ends_at, ends_at, kept_until, \
             root, epoch) \
             SELECT $1, $2, $3, p.id, CASE WHEN p.valid_from > $6 THEN p.valid_from ELSE $6 END, $6, $7, $8, $8, \
             COALESCE((SELECT b.root FROM sessions b JOIN sessions r ON r.id = b.root \
                WHERE b.id = $9 AND b.person = p.id AND b.ended_at IS NULL AND r.signed_out_at IS NULL), $1), ",
            epoch!("$2"),
            " FROM people p WHERE p.id = $4 AND p.tenant = $2 AND p.password_hash = $5 AND p.disabled_at IS NULL"
        );
        const END: &str = "UPDATE sessions SET ended_at = $3, ended_by = $4 WHERE id = $2 AND ended_at IS NULL \
            AND EXISTS (SELECT 1 FROM sessions s WHERE s.id = $1)";
        const SIGN_OUT: &str = "UPDATE sessions SET signed_out_at = $3 WHERE signed_out_at IS NULL \
            AND id IN (SELECT o.root FROM sessions o JOIN sessions s ON s.id = $1 \
                WHERE o.id = $2 AND o.ended_by = $4 AND o.person <> s.person)";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM sessions WHERE id = $11)");
        let (tenant, hash) = (self.tenant(), &new.password_hash);
        let (idle_ends_at, ends_at) = (note.at + SESSION_IDLE_MS, note.at + SESSION_MAX_MS);
        let target = format!("person:{}", new.person);
        let details = new.replaces.map(|old| format!("in place of session:{old}")).unwrap_or_default();
        let event = Event { action: "person.sign_in", target, outcome: "done", details };
        let mut verb = vec![
            statement!(SIGN_IN, new.person, tenant, hash, note.at),
            statement!(
                INSERT,
                new.id,
                tenant,
                &new.digest,
                new.person,
                hash,
                note.at,
                idle_ends_at,
                ends_at,
                new.replaces
            ),
        ];
        if let Some(old) = new.replaces {
            verb.push(statement!(END, new.id, old, note.at, note.id));
            verb.push(statement!(SIGN_OUT, new.id, old, note.at, note.id));
        }
        verb.push(audit::row(self, note, event, AUDIT, vec![new.id.into()]));
        let opened = claimed(&self.run_and_tell(verb, new.replaces.map(Ended::Session), note).await?);
        Ok(if opened { OpenSession::Opened } else { OpenSession::CredentialsChanged })
    }

    /// The session that this is if it is alive at `now`: not ended, neither idle nor old, its person and their primary
    /// organization switched on, and neither switched off nor given a new password since. With `application`, also whether the person may use it and what they consented to.
    pub async fn find_session(
        &self,
        presented: &MachineSecret,
        application: Option<Id>,
        now: i64,
    ) -> Result<Option<LiveSession>, StoreError> {
        const FIND: &str = concat!(
            "SELECT s.id, s.digest, s.root, p.id, p.number, p.subject, p.user_name, p.nickname, p.email, p.administrator, \
             s.auth_time, s.seen_at, s.idle_ends_at, s.ends_at, ",
            assigned_now!(),
            ", c.scopes, COALESCE(c.generation, 0) FROM sessions s JOIN people p ON p.id = s.person \
             JOIN sessions r ON r.id = s.root AND r.signed_out_at IS NULL \
             LEFT JOIN applications a ON a.id = $3 AND a.tenant = s.tenant \
             LEFT JOIN consents c ON c.person = p.id AND c.application = a.id \
             WHERE s.id = $1 AND s.tenant = $2 AND s.ended_at IS NULL AND s.idle_ends_at > $4 AND s.ends_at > $4 \
             AND p.disabled_at IS NULL AND p.valid_from <= s.auth_time AND NOT ",
            organization_off!("s.epoch")
        );
        let Some(mut row) = self.find(&statement!(FIND, presented.id(), self.tenant(), application, now)).await? else {
            return Ok(None);
        };
        let mut c = Columns::of(&mut row);
        let (id, digest) = (c.id()?, c.digest()?);
        let found = LiveSession {
            id,
            root: c.id()?,
            person: c.id()?,
            number: c.int()?,
            subject: c.text()?,
            user_name: c.text()?,
            nickname: c.opt_text()?,
            email: c.opt_text()?,
            administrator: c.flag()?,
            auth_time: c.int()?,
            seen_at: c.int()?,
            idle_ends_at: c.int()?,
            ends_at: c.int()?,
            assigned: c.flag()?,
            last_consent: c.opt_scopes()?,
            consent_generation: c.int()?,
        };
        Ok(proven(presented, &digest, found).ok())
    }

    /// Notes the session's use and moves its idle end, at most once a minute; otherwise does nothing.
    pub async fn touch_session(&self, session: &LiveSession, now: i64) -> Result<(), StoreError> {
        const TOUCH: &str = "UPDATE sessions SET seen_at = $3, idle_ends_at = $4 \
            WHERE id = $1 AND tenant = $2 AND ended_at IS NULL AND seen_at < $3";
        if now - session.seen_at < TOUCH_MS {
            return Ok(());
        }
        self.run(vec![statement!(TOUCH, session.id, self.tenant(), now, now + SESSION_IDLE_MS)]).await.map(drop)
    }

    /// Signs out of a session: from the answer on it is not found, and nothing that was issued to applications in it, or
    /// in those of the same person that it followed in this browser, is accepted.
    pub async fn end_session(&self, id: Id, note: &Note) -> Result<EndSession, StoreError> {
        const END: &str = "UPDATE sessions SET ended_at = $3, ended_by = $4 WHERE id = $1 AND tenant = $2 \
            AND ended_at IS NULL RETURNING id";
        const SIGN_OUT: &str = "UPDATE sessions SET signed_out_at = $3 WHERE signed_out_at IS NULL \
            AND id IN (SELECT s.root FROM sessions s WHERE s.id = $1 AND s.tenant = $2 AND s.ended_by = $4)";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM sessions WHERE id = $11 AND ended_by = $1)");
        let target = format!("session:{id}");
        let event = Event { action: "person.sign_out", target, outcome: "done", details: String::new() };
        let verb = vec![
            statement!(END, id, self.tenant(), note.at, note.id),
            statement!(SIGN_OUT, id, self.tenant(), note.at, note.id),
            audit::row(self, note, event, AUDIT, vec![id.into()]),
        ];
        let answers = self.run_and_tell(verb, Some(Ended::Session(id)), note).await?;
        Ok(if claimed(&answers) { EndSession::Ended } else { EndSession::AlreadyEnded })
    }
}
