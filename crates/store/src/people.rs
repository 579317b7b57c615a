//! People: who can sign in, and what is known about them.
//!
//! Owns names and their canonical forms, numbers that are never given twice, and the moments that switch a person off
//! and on. Does not hash passwords (the server's pool does) nor judge whether something of theirs is alive.

use crate::applications::{Change, claimed};
use crate::assignments::{assigned_now, epoch};
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::logout_notices::Ended;
use crate::organizations::organization_off;
use crate::{Store, StoreError, Value, Verb, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::subject::Names;

pub use crate::person_sheets::PersonSheet;

/// A person to add.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The row.
    pub id: Id,
    /// The immutable subject.
    pub subject: String,
    /// The id by which another directory knows the person.
    pub external_id: Option<String>,
    /// The name to sign in with; without `@`, white space and control characters.
    pub user_name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be theirs.
    pub email_verified: bool,
    /// The name to show.
    pub nickname: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// BCP 47 language tag.
    pub locale: Option<String>,
    /// IANA time zone name.
    pub zone: Option<String>,
    /// The password's hash in the PHC string format.
    pub password_hash: Option<String>,
    /// Whether the person is an administrator.
    pub administrator: bool,
    /// The person's organizations; the first is the primary one.
    pub organizations: Vec<Id>,
}

/// What became of a person to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddPerson {
    /// Added, with this number.
    Added(i64),
    /// Another person has this user name.
    NameTaken,
    /// Another person has this e-mail address.
    EmailTaken,
    /// Another person has this external id.
    ExternalIdTaken,
}

/// What a sign-in needs to know about a person, in one read.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The person.
    pub person: Id,
    /// The immutable subject.
    pub subject: String,
    /// The number.
    pub number: i64,
    /// The id by which another directory knows the person.
    pub external_id: Option<String>,
    /// The user name.
    pub user_name: String,
    /// The hash to verify against; `None` for a person without a password.
    pub password_hash: Option<String>,
    /// Whether the person is switched on, and so are their primary organization and all above it.
    pub enabled: bool,
    /// What the person was given before this moment is dead.
    pub valid_from: i64,
    /// Whether the person may use the application that was asked about; false when none was.
    pub assigned: bool,
}

impl Credentials {
    /// The ids by which different wires know the person.
    pub fn names(&self) -> Names<'_> {
        Names { subject: &self.subject, number: self.number, external_id: self.external_id.as_deref() }
    }
}

/// The canonical form of a user name or an e-mail address: what must be unique, and what a sign-in looks for.
///
/// Outer white space is dropped and letters are folded to lower case.
pub fn canonical(name: &str) -> String {
    name.trim().to_lowercase()
}

/// The assignments of an UPDATE of a person at `$3`, by the verb whose row of the trail is `$verb`, after
/// which everything that they were given is dead.
///
/// `valid_from` goes past every sign-in that is committed, so that neither one that was under way nor a node whose clock
/// is ahead leaves anything alive; and it never goes back.
macro_rules! ends_the_past {
    ($verb:literal) => {
        concat!(
            "changed_by = ",
            $verb,
            ", valid_from = CASE WHEN last_sign_in_at >= valid_from AND last_sign_in_at >= $3 THEN last_sign_in_at + 1 \
             WHEN valid_from > $3 THEN valid_from ELSE $3 END"
        )
    };
}

/// An INSERT of a person under the number that the counter stands at, only while `$guard` holds (its values are numbered
/// from `$18`). The others are those of [`insert_values`].
///
/// At the IDaaS wire a person without an external id is known by the number, so that no number may be the external id of
/// another person, nor the other way round.
macro_rules! insert_person {
    ($guard:literal) => {
        concat!(
            "INSERT INTO people (id, tenant, number, subject, external_id, user_name, user_name_key, email, email_key, \
             email_verified, nickname, phone, locale, zone, password_hash, administrator, valid_from, last_sign_in_at, \
             created_at, updated_at) \
             SELECT $1, $2, c.value, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, 0, $16, $16 \
             FROM counters c WHERE c.tenant = $2 AND c.name = 'people' \
             AND NOT EXISTS (SELECT 1 FROM people x WHERE x.tenant = $2 AND x.number = $17) \
             AND NOT EXISTS (SELECT 1 FROM people x WHERE x.tenant = $2 AND x.external_id = CAST(c.value AS TEXT)) AND ",
            $guard,
            " ON CONFLICT DO NOTHING RETURNING number"
        )
    };
}
pub(crate) use insert_person;

/// Moves the counter, and so also makes verbs that add people wait for each other. `$2` is how far: numbers may be left
/// out, but are never given twice.
pub(crate) const NEXT_NUMBER: &str = "UPDATE counters SET value = value + $2 WHERE tenant = $1 AND name = 'people'";

/// The values of `insert_person!`.
pub(crate) fn insert_values(tenant: i64, new: &NewPerson, now: i64) -> Vec<Value> {
    vec![
        new.id.into(),
        tenant.into(),
        new.subject.as_str().into(),
        new.external_id.as_deref().into(),
        new.user_name.as_str().into(),
        canonical(&new.user_name).into(),
        new.email.as_deref().into(),
        new.email.as_deref().map(canonical).into(),
        new.email_verified.into(),
        new.nickname.as_deref().into(),
        new.phone.as_deref().into(),
        new.locale.as_deref().into(),
        new.zone.as_deref().into(),
        new.password_hash.as_deref().into(),
        new.administrator.into(),
        now.into(),
        as_number(new.external_id.as_deref()).into(),
    ]
}

/// The number that this external id spells, or one that nobody has.
pub(crate) fn as_number(external_id: Option<&str>) -> i64 {
    let number = external_id.and_then(|text| text.parse::<i64>().ok().filter(|n| n.to_string() == text));
    number.unwrap_or(-1)
}

impl Store {
    /// Adds a person and gives out the next number; of two with one name, one wins.
    pub async fn add_person(&self, new: &NewPerson, note: &Note) -> Result<AddPerson, StoreError> {
        const INSERT: &str = insert_person!("1 = 1");
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM people WHERE id = $11)");
        // A number that is somebody's external id is left out; steps that double reach a free one however many there are.
        for step in (0..40).map(|n| 1_i64 << n) {
            let mut verb: Verb = vec![
                statement!(NEXT_NUMBER, self.tenant(), step),
                crate::Statement::new(INSERT, insert_values(self.tenant(), new, note.at)),
            ];
            verb.extend(join_first(self.tenant(), new));
            verb.push(audit::row(self, note, event("person.add", new.id), AUDIT, vec![new.id.into()]));
            let answers = self.run(verb).await?;
            if let Some(row) = answers.get(1).and_then(|rows| rows.first()) {
                return Ok(AddPerson::Added(row.int(0)?));
            }
            if let Some(taken) = self.what_is_taken(new).await? {
                return Ok(taken);
            }
        }
        Err(StoreError::inconsistent("counters.value"))
    }

    /// Which of the person's names somebody has.
    pub(crate) async fn what_is_taken(&self, new: &NewPerson) -> Result<Option<AddPerson>, StoreError> {
        // The tenant stands in each branch, so that each is one step into an index.
        const TAKEN: &str = "SELECT user_name_key, email_key FROM people \
            WHERE (tenant = $1 AND user_name_key = $2) OR (tenant = $1 AND email_key = $3) \
            OR (tenant = $1 AND external_id = $4) OR (tenant = $1 AND number = $5)";
        let (name, email) = (canonical(&new.user_name), new.email.as_deref().map(canonical));
        let number = as_number(new.external_id.as_deref());
        let statement = statement!(TAKEN, self.tenant(), &name, email.as_deref(), new.external_id.as_deref(), number);
        let mut taken = None;
        for row in self.read(&statement).await? {
            if row.text(0)? == name {
                return Ok(Some(AddPerson::NameTaken));
            }
            let by_email = email.is_some() && row.opt_text(1)? == email.as_deref();
            taken = Some(if by_email { AddPerson::EmailTaken } else { taken.unwrap_or(AddPerson::ExternalIdTaken) });
        }
        Ok(taken)
    }

    /// What a sign-in with `login` needs: an e-mail address if it holds an `@`, else a user name. With `application`, also
    /// whether the person may use it.
    pub async fn find_credentials(
        &self,
        login: &str,
        application: Option<Id>,
    ) -> Result<Option<Credentials>, StoreError> {
        const BY_NAME: &str = concat!(
            "SELECT p.id, p.subject, p.number, p.external_id, p.user_name, p.password_hash, p.disabled_at, ",
            organization_off!("9007199254740991"),
            ", p.valid_from, ",
            assigned_now!(),
            " FROM people p LEFT JOIN applications a ON a.id = $3 AND a.tenant = p.tenant \
             WHERE p.tenant = $1 AND p.user_name_key = $2"
        );
        const BY_EMAIL: &str = concat!(
            "SELECT p.id, p.subject, p.number, p.external_id, p.user_name, p.password_hash, p.disabled_at, ",
            organization_off!("9007199254740991"),
            ", p.valid_from, ",
            assigned_now!(),
            " FROM people p LEFT JOIN applications a ON a.id = $3 AND a.tenant = p.tenant \
             WHERE p.tenant = $1 AND p.email_key = $2"
        );
        let sql = if login.contains('@') { BY_EMAIL } else { BY_NAME };
        let Some(mut row) = self.find(&statement!(sql, self.tenant(), canonical(login), application)).await? else {
            return Ok(None);
        };
        let mut c = Columns::of(&mut row);
        Ok(Some(Credentials {
            person: c.id()?,
            subject: c.text()?,
            number: c.int()?,
            external_id: c.opt_text()?,
            user_name: c.text()?,
            password_hash: c.opt_text()?,
            enabled: c.opt_int()?.is_none() & !c.flag()?,
            valid_from: c.int()?,
            assigned: c.flag()?,
        }))
    }

    /// The row of the person who has this user name or (with an `@`) this e-mail address.
    pub async fn find_person(&self, login: &str) -> Result<Option<Id>, StoreError> {
        Ok(self.find_credentials(login, None).await?.map(|found| found.person))
    }

    /// Whether anybody is an administrator, switched on or not.
    pub async fn has_administrator(&self) -> Result<bool, StoreError> {
        const FIND: &str = "SELECT id FROM people WHERE tenant = $1 AND administrator = 1 LIMIT 1";
        Ok(self.find(&statement!(FIND, self.tenant())).await?.is_some())
    }

    /// Switches the person on or off at `note.at`. What they were given before that stays dead after switching on. One
    /// who stands so already is left as they are.
    pub async fn set_person_enabled(&self, person: Id, enabled: bool, note: &Note) -> Result<Change, StoreError> {
        const SWITCH: &str = concat!(
            "UPDATE people SET disabled_at = $4, updated_at = $3, ",
            ends_the_past!("$5"),
            " WHERE id = $1 AND tenant = $2 AND (disabled_at IS NULL) = ($4 IS NOT NULL) RETURNING id"
        );
        let action = if enabled { "person.enable" } else { "person.disable" };
        let disabled_at = (!enabled).then_some(note.at);
        let switch = statement!(SWITCH, person, self.tenant(), note.at, disabled_at, note.id);
        if self.end_past(switch, person, action, note).await? {
            return Ok(Change::Done);
        }
        const THERE: &str = "SELECT id FROM people WHERE id = $1 AND tenant = $2";
        Ok(Change::when(self.find(&statement!(THERE, person, self.tenant())).await?.is_some()))
    }

    /// Sets a password's hash; everything that the person was given before is dead from the answer on.
    pub async fn set_password(&self, person: Id, hash: &str, note: &Note) -> Result<Change, StoreError> {
        const SET: &str = concat!(
            "UPDATE people SET password_hash = $4, updated_at = $3, ",
            ends_the_past!("$5"),
            " WHERE id = $1 AND tenant = $2 RETURNING id"
        );
        let set = statement!(SET, person, self.tenant(), note.at, hash, note.id);
        Ok(Change::when(self.end_past(set, person, "person.set_password", note).await?))
    }

    /// Signs the person out everywhere at `note.at`: every session, and everything that was issued to applications in
    /// their name, is dead from the answer on. The password stays. Audited.
    pub async fn sign_out_everywhere(&self, person: Id, note: &Note) -> Result<Change, StoreError> {
        const END: &str =
            concat!("UPDATE people SET ", ends_the_past!("$4"), " WHERE id = $1 AND tenant = $2 RETURNING id");
        let end = statement!(END, person, self.tenant(), note.at, note.id);
        Ok(Change::when(self.end_past(end, person, "person.sign_out_everywhere", note).await?))
    }

    /// Replaces `old_hash` by `new_hash` of the same password, unless the hash has changed since. Ends nothing. Call it
    /// after the verb that names `old_hash` (opening a session), not before. Gives whether it was replaced.
    pub async fn keep_rehashed(&self, person: Id, old_hash: &str, new_hash: &str) -> Result<bool, StoreError> {
        const REPLACE: &str = "UPDATE people SET password_hash = $4 WHERE id = $1 AND tenant = $2 \
            AND password_hash = $3 RETURNING id";
        Ok(claimed(&self.run(vec![statement!(REPLACE, person, self.tenant(), old_hash, new_hash)]).await?))
    }

    /// A verb of which `claim` ends everything that the person was given: the trail says so, and applications are told.
    async fn end_past(
        &self,
        claim: crate::Statement,
        person: Id,
        action: &'static str,
        note: &Note,
    ) -> Result<bool, StoreError> {
        let verb = vec![claim, self.change_row(person, action, note)];
        Ok(claimed(&self.run_and_tell(verb, Some(Ended::Person(person)), note).await?))
    }

    fn change_row(&self, person: Id, action: &'static str, note: &Note) -> crate::Statement {
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM people WHERE id = $11 AND changed_by = $1)");
        audit::row(self, note, event(action, person), AUDIT, vec![person.into()])
    }
}

fn event(action: &'static str, person: Id) -> Event {
    Event { action, target: format!("person:{person}"), outcome: "done", details: String::new() }
}

/// Puts a new person into their organizations.
fn join_first(tenant: i64, new: &NewPerson) -> Verb {
    const JOIN: &str = concat!(
        "INSERT INTO person_organizations (tenant, person, organization, is_primary, epoch) SELECT $1, $2, o.id, $4, ",
        epoch!("$1"),
        " FROM organizations o WHERE o.id = $3 AND o.tenant = $1 \
         AND EXISTS (SELECT 1 FROM people x WHERE x.id = $2) ON CONFLICT DO NOTHING"
    );
    let organizations = new.organizations.iter().enumerate();
    organizations.map(|(n, organization)| statement!(JOIN, tenant, new.id, organization, n == 0)).collect()
}
