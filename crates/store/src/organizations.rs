//! Organizations: a tree, and who belongs where.
//!
//! Owns the tree's closure, so that "in this organization or below" is one indexed look-up.

use crate::applications::{Change, claimed};
use crate::assignments::{NEXT_EPOCH, epoch};
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::logout_notices::tell_of_organization;
use crate::people::canonical;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// An organization to add.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// The row.
    pub id: Id,
    /// Its name, unique.
    pub name: String,
    /// The organization above it.
    pub parent: Option<Id>,
    /// The id by which another directory knows it; the caller makes one up (the row's spelling) where none is given.
    pub external_id: String,
}

/// What became of an organization to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddOrganization {
    /// It was added.
    Added,
    /// Another organization has this name.
    NameTaken,
    /// Another organization has this external id.
    ExternalIdTaken,
    /// There is no organization of the parent's id.
    NoParent,
}

/// An organization as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationLine {
    /// The row.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its external id.
    pub external_id: String,
    /// The organization above it.
    pub parent: Option<Id>,
    /// When it was switched off, if it is.
    pub disabled_at: Option<i64>,
    /// When it was added, in Unix milliseconds.
    pub created_at: i64,
}

impl Store {
    /// Adds an organization below its parent; of two with one name or external id, one wins.
    pub async fn add_organization(&self, new: &NewOrganization, note: &Note) -> Result<AddOrganization, StoreError> {
        const INSERT: &str = "INSERT INTO organizations (id, tenant, parent, name, name_key, external_id, epoch, created_at) \
            SELECT $1, $2, $3, $4, $5, $6, 0, $7 \
            WHERE $3 IS NULL OR EXISTS (SELECT 1 FROM organizations x WHERE x.id = $3 AND x.tenant = $2) \
            ON CONFLICT DO NOTHING RETURNING id";
        const ITSELF: &str = "INSERT INTO organization_tree (tenant, descendant, ancestor) \
            SELECT $1, $2, $2 WHERE EXISTS (SELECT 1 FROM organizations x WHERE x.id = $2)";
        const ABOVE: &str = "INSERT INTO organization_tree (tenant, descendant, ancestor) \
            SELECT $1, $2, t.ancestor FROM organization_tree t WHERE t.descendant = $3 \
            AND EXISTS (SELECT 1 FROM organizations x WHERE x.id = $2)";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM organizations WHERE id = $11)");
        let tenant = self.tenant();
        let key = canonical(&new.name);
        let event = event("organization.add", new.id, new.name.clone());
        let mut verb = vec![
            statement!(INSERT, new.id, tenant, new.parent, &new.name, &key, &new.external_id, note.at),
            statement!(ITSELF, tenant, new.id),
        ];
        verb.extend(new.parent.map(|parent| statement!(ABOVE, tenant, new.id, parent)));
        verb.push(audit::row(self, note, event, AUDIT, vec![new.id.into()]));
        if claimed(&self.run(verb).await?) {
            return Ok(AddOrganization::Added);
        }
        const TAKEN: &str = "SELECT name_key FROM organizations WHERE (tenant = $1 AND name_key = $2) OR (tenant = $1 AND external_id = $3)";
        let taken = self.read(&statement!(TAKEN, tenant, &key, &new.external_id)).await?;
        Ok(match taken.first() {
            None => AddOrganization::NoParent,
            Some(_) if taken.iter().any(|row| row.text(0).is_ok_and(|name| name == key)) => AddOrganization::NameTaken,
            Some(_) => AddOrganization::ExternalIdTaken,
        })
    }

    /// The row of the organization that has this name or external id.
    pub async fn find_organization(&self, name_or_external_id: &str) -> Result<Option<Id>, StoreError> {
        const FIND: &str = "SELECT id FROM organizations WHERE (tenant = $1 AND name_key = $2) \
            OR (tenant = $1 AND external_id = $3) ORDER BY CASE WHEN name_key = $2 THEN 0 ELSE 1 END LIMIT 1";
        let key = canonical(name_or_external_id);
        self.find(&statement!(FIND, self.tenant(), key, name_or_external_id)).await?.map(|row| row.id(0)).transpose()
    }

    /// All organizations in the order of their names.
    pub async fn list_organizations(&self) -> Result<Vec<OrganizationLine>, StoreError> {
        const LIST: &str = "SELECT id, name, external_id, parent, disabled_at, created_at FROM organizations WHERE tenant = $1 \
             ORDER BY name_key";
        let rows = self.scan(&statement!(LIST, self.tenant())).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                Ok(OrganizationLine {
                    id: c.id()?,
                    name: c.text()?,
                    external_id: c.text()?,
                    parent: c.opt_id()?,
                    disabled_at: c.opt_int()?,
                    created_at: c.int()?,
                })
            })
            .collect()
    }

    /// Puts a person into an organization; with `primary` it becomes their primary one. A person's first organization
    /// is primary anyway. Doing it twice is doing it once.
    pub async fn join_organization(
        &self,
        person: Id,
        organization: Id,
        primary: bool,
        note: &Note,
    ) -> Result<Change, StoreError> {
        // Takes the person's row, so that of several at once each sees which organization the one before made primary.
        const TAKE: &str = "UPDATE people SET valid_from = valid_from WHERE id = $2 AND tenant = $1";
        const JOIN: &str = concat!(
            "INSERT INTO person_organizations (tenant, person, organization, is_primary, changed_by, epoch) \
             SELECT $1, p.id, o.id, 0, $4, ",
            epoch!("$1"),
            " FROM people p JOIN organizations o ON o.tenant = p.tenant WHERE p.tenant = $1 AND p.id = $2 AND o.id = $3 \
             ON CONFLICT (person, organization) DO UPDATE SET tenant = excluded.tenant RETURNING person"
        );
        const STEP_DOWN: &str = "UPDATE person_organizations SET is_primary = 0 WHERE person = $1 AND $3 = 1 \
            AND is_primary = 1 AND organization <> $2 AND EXISTS (SELECT 1 FROM person_organizations w WHERE w.person = $1 AND w.organization = $2)";
        const STEP_UP: &str = "UPDATE person_organizations SET is_primary = 1, changed_by = $3 \
            WHERE person = $1 AND organization = $2 \
            AND NOT EXISTS (SELECT 1 FROM person_organizations w WHERE w.person = $1 AND w.is_primary = 1)";
        const AUDIT: &str = audited!(
            "EXISTS (SELECT 1 FROM person_organizations WHERE person = $11 AND organization = $12 AND changed_by = $1)"
        );
        let event = event("organization.join", organization, format!("person:{person}"));
        let verb = vec![
            statement!(TAKE, self.tenant(), person),
            statement!(NEXT_EPOCH, self.tenant()),
            statement!(JOIN, self.tenant(), person, organization, note.id),
            statement!(STEP_DOWN, person, organization, primary),
            statement!(STEP_UP, person, organization, note.id),
            audit::row(self, note, event, AUDIT, vec![person.into(), organization.into()]),
        ];
        let answers = self.run(verb).await?;
        Ok(Change::when(answers.get(2).is_some_and(|rows| !rows.is_empty())))
    }

    /// Switches an organization on or off. While it is off, nobody whose primary organization it is, or stands below
    /// it, is let in, and assignments through it open nothing. What was signed in or issued before stays dead after
    /// switching on. One that stands so already is left as it is.
    pub async fn set_organization_enabled(
        &self,
        organization: Id,
        enabled: bool,
        note: &Note,
    ) -> Result<Change, StoreError> {
        const SWITCH: &str = concat!(
            "UPDATE organizations SET disabled_at = $3, epoch = ",
            epoch!("$2"),
            " WHERE id = $1 AND tenant = $2 AND (disabled_at IS NULL) = ($3 IS NOT NULL) RETURNING id"
        );
        // The verb's own epoch tells whether it switched: no other verb has the same.
        const AUDIT: &str = audited!(
            "EXISTS (SELECT 1 FROM organizations o JOIN counters n ON n.tenant = o.tenant AND n.name = 'epoch' \
             WHERE o.id = $11 AND o.tenant = $2 AND o.epoch = n.value)"
        );
        let action = if enabled { "organization.enable" } else { "organization.disable" };
        let mut verb = vec![
            statement!(NEXT_EPOCH, self.tenant()),
            statement!(SWITCH, organization, self.tenant(), (!enabled).then_some(note.at)),
            audit::row(self, note, event(action, organization, String::new()), AUDIT, vec![organization.into()]),
        ];
        verb.extend((!enabled).then(|| tell_of_organization(organization, note)));
        if self.run(verb).await?.get(1).is_some_and(|rows| !rows.is_empty()) {
            if !enabled {
                // Whom an issue noted while the verb ran. What is switched off is, whether or not this succeeds.
                let _ = self.run(vec![tell_of_organization(organization, note)]).await;
            }
            return Ok(Change::Done);
        }
        const THERE: &str = "SELECT id FROM organizations WHERE id = $1 AND tenant = $2";
        Ok(Change::when(self.find(&statement!(THERE, organization, self.tenant())).await?.is_some()))
    }
}

/// Whether the primary organization of the person `p`, or one above it, is switched off or was so after `$epoch`. Where
/// that organization is read anyway, as `po`, it is not looked for again.
macro_rules! organization_off {
    (po, $epoch:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM organization_tree u JOIN organizations x ON x.id = u.ancestor \
             WHERE u.descendant = po.organization AND (x.disabled_at IS NOT NULL OR x.epoch > ",
            $epoch,
            "))"
        )
    };
    ($epoch:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM person_organizations w JOIN organization_tree u ON u.descendant = w.organization \
             JOIN organizations x ON x.id = u.ancestor \
             WHERE w.person = p.id AND w.is_primary = 1 AND (x.disabled_at IS NOT NULL OR x.epoch > ",
            $epoch,
            "))"
        )
    };
}
pub(crate) use organization_off;

fn event(action: &'static str, organization: Id, details: String) -> Event {
    Event { action, target: format!("organization:{organization}"), outcome: "done", details }
}
