//! The one-time link with which the first administrator comes in.
//!
//! Owns that there is one link at most, that it works once, and that it works only while there is no administrator.

use crate::audit::{self, Event, Note, audited};
use crate::people::{AddPerson, NEXT_NUMBER, NewPerson, as_number, canonical, insert_person, insert_values};
use crate::presented::proven;
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, MachineSecret};
use vestibule_oauth::template::SETUP_LINK_MS;

/// What became of a link to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenSetupLink {
    /// It is open; older ones are over.
    Opened,
    /// There is an administrator: no link is needed.
    AdministratorExists,
}

/// What became of a link to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendSetupLink {
    /// Used: the administrator exists, with this number.
    Created(i64),
    /// It was used, replaced or is over, or somebody became administrator meanwhile.
    NoLongerGood,
    /// Somebody has this user name; the link is still good.
    NameTaken,
    /// Somebody has this e-mail address; the link is still good.
    EmailTaken,
}

impl Store {
    /// Opens a link at `note.at` for the time that `oauth::template` gives it, and ends the older ones; only while
    /// there is no administrator.
    pub async fn open_setup_link(&self, id: Id, digest: &Digest, note: &Note) -> Result<OpenSetupLink, StoreError> {
        const INSERT: &str = "INSERT INTO setup_links (id, tenant, digest, created_at, expires_at) \
            SELECT $1, $2, $3, $4, $5 \
            WHERE NOT EXISTS (SELECT 1 FROM people x WHERE x.tenant = $2 AND x.administrator = 1) RETURNING id";
        const END: &str = "UPDATE setup_links SET ended_at = $3 WHERE tenant = $2 AND id <> $1 AND spent_by IS NULL \
            AND ended_at IS NULL AND EXISTS (SELECT 1 FROM setup_links z WHERE z.id = $1)";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM setup_links WHERE id = $11)");
        let tenant = self.tenant();
        let verb = vec![
            // Moves nothing, but makes two that open at once wait for each other, so that one link is left.
            statement!(NEXT_NUMBER, tenant, 0_i64),
            statement!(INSERT, id, tenant, digest, note.at, note.at + SETUP_LINK_MS),
            statement!(END, id, tenant, note.at),
            audit::row(self, note, event("setup_link.open", id), AUDIT, vec![id.into()]),
        ];
        let opened = self.run(verb).await?.get(1).is_some_and(|rows| !rows.is_empty());
        Ok(if opened { OpenSetupLink::Opened } else { OpenSetupLink::AdministratorExists })
    }

    /// Whether this link can be used at `now`.
    pub async fn knows_setup_link(&self, presented: &MachineSecret, now: i64) -> Result<bool, StoreError> {
        let digest = self.find_setup_link(presented.id(), now).await?;
        Ok(digest.is_some_and(|digest| proven(presented, &digest, ()).is_ok()))
    }

    async fn find_setup_link(&self, id: Id, now: i64) -> Result<Option<Digest>, StoreError> {
        const FIND: &str = "SELECT digest FROM setup_links \
            WHERE id = $1 AND tenant = $2 AND spent_by IS NULL AND ended_at IS NULL AND expires_at > $3 \
            AND NOT EXISTS (SELECT 1 FROM people x WHERE x.tenant = $2 AND x.administrator = 1)";
        self.find(&statement!(FIND, id, self.tenant(), now)).await?.map(|row| row.digest(0)).transpose()
    }

    /// Uses the link at `note.at`, once, and adds the administrator in the same verb. `verb` is this verb's own id.
    pub async fn spend_setup_link(
        &self,
        link: Id,
        verb: Id,
        administrator: &NewPerson,
        note: &Note,
    ) -> Result<SpendSetupLink, StoreError> {
        const INSERT: &str =
            insert_person!("EXISTS (SELECT 1 FROM setup_links z WHERE z.id = $18 AND z.spent_by = $19)");
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM people WHERE id = $11)");
        let tenant = self.tenant();
        let new = NewPerson { administrator: true, ..administrator.clone() };
        for step in (0..40).map(|n| 1_i64 << n) {
            let mut insert = insert_values(tenant, &new, note.at);
            insert.extend([link.into(), verb.into()]);
            let statements = vec![
                // Verbs that add people wait for each other here, so that what the claim finds stays true in the verb.
                statement!(NEXT_NUMBER, tenant, step),
                claim(tenant, link, verb, &new, note.at),
                Statement::new(INSERT, insert),
                audit::row(self, note, event("setup_link.spend", link), AUDIT, vec![new.id.into()]),
            ];
            if let Some(row) = self.run(statements).await?.get(2).and_then(|rows| rows.first()) {
                return Ok(SpendSetupLink::Created(row.int(0)?));
            }
            if self.find_setup_link(link, note.at).await?.is_none() {
                return Ok(SpendSetupLink::NoLongerGood);
            }
            match self.what_is_taken(&new).await? {
                Some(AddPerson::EmailTaken) => return Ok(SpendSetupLink::EmailTaken),
                Some(_) => return Ok(SpendSetupLink::NameTaken),
                None => {}
            }
        }
        Err(StoreError::inconsistent("counters.value"))
    }
}

/// Spends the link only if the administrator can be added: the name is free, and so is the number.
fn claim(tenant: i64, link: Id, verb: Id, new: &NewPerson, now: i64) -> Statement {
    const CLAIM: &str = "UPDATE setup_links SET spent_by = $3, spent_at = $4 \
        WHERE id = $1 AND tenant = $2 AND spent_by IS NULL AND ended_at IS NULL AND expires_at > $4 \
        AND NOT EXISTS (SELECT 1 FROM people x WHERE x.tenant = $2 AND x.administrator = 1) \
        AND NOT EXISTS (SELECT 1 FROM people x WHERE (x.tenant = $2 AND x.user_name_key = $5) \
            OR (x.tenant = $2 AND x.email_key = $6) OR (x.tenant = $2 AND x.external_id = $7) \
            OR (x.tenant = $2 AND x.number = $8)) \
        AND NOT EXISTS (SELECT 1 FROM people x JOIN counters c ON c.tenant = x.tenant AND c.name = 'people' \
            WHERE x.tenant = $2 AND x.external_id = CAST(c.value AS TEXT)) RETURNING id";
    let email = new.email.as_deref().map(canonical);
    let (name, external_id) = (canonical(&new.user_name), new.external_id.as_deref());
    statement!(CLAIM, link, tenant, verb, now, name, email, external_id, as_number(external_id))
}

fn event(action: &'static str, link: Id) -> Event {
    Event { action, target: format!("setup_link:{link}"), outcome: "done", details: String::new() }
}
