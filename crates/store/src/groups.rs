//! Groups: flat sets of people.

use crate::applications::{Change, claimed};
use crate::assignments::{NEXT_EPOCH, epoch};
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::people::canonical;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// What became of a group to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddGroup {
    /// It was added.
    Added,
    /// Another group has this name.
    NameTaken,
}

/// A group as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLine {
    /// The row.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// How many people are in it.
    pub members: i64,
    /// When it was added, in Unix milliseconds.
    pub created_at: i64,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub person: Id,
    /// Their user name.
    pub user_name: String,
    /// Since when, in Unix milliseconds.
    pub added_at: i64,
}

/// A row of the trail for the verb that changed a membership last.
const MEMBER_CHANGED: &str =
    audited!("EXISTS (SELECT 1 FROM group_members WHERE person = $11 AND group_id = $12 AND changed_by = $1)");

impl Store {
    /// Adds a group; of two with one name, one wins.
    pub async fn add_group(&self, id: Id, name: &str, note: &Note) -> Result<AddGroup, StoreError> {
        const INSERT: &str = "INSERT INTO groups (id, tenant, name, name_key, created_at) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT DO NOTHING RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM groups WHERE id = $11)");
        let verb = vec![
            statement!(INSERT, id, self.tenant(), name, canonical(name), note.at),
            audit::row(self, note, event("group.add", id, name.to_owned()), AUDIT, vec![id.into()]),
        ];
        Ok(if claimed(&self.run(verb).await?) { AddGroup::Added } else { AddGroup::NameTaken })
    }

    /// The row of the group of this name.
    pub async fn find_group(&self, name: &str) -> Result<Option<Id>, StoreError> {
        const FIND: &str = "SELECT id FROM groups WHERE tenant = $1 AND name_key = $2";
        self.find(&statement!(FIND, self.tenant(), canonical(name))).await?.map(|row| row.id(0)).transpose()
    }

    /// All groups in the order of their names.
    pub async fn list_groups(&self) -> Result<Vec<GroupLine>, StoreError> {
        const LIST: &str = "SELECT g.id, g.name, (SELECT COUNT(*) FROM group_members m WHERE m.group_id = g.id), \
            g.created_at FROM groups g WHERE g.tenant = $1 ORDER BY g.name_key";
        let rows = self.scan(&statement!(LIST, self.tenant())).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                Ok(GroupLine { id: c.id()?, name: c.text()?, members: c.int()?, created_at: c.int()? })
            })
            .collect()
    }

    /// Puts a person into a group. Doing it twice is doing it once.
    pub async fn add_member(&self, group: Id, person: Id, note: &Note) -> Result<Change, StoreError> {
        const ADD: &str = concat!(
            "INSERT INTO group_members (tenant, person, group_id, added_at, changed_by, epoch) \
             SELECT $1, p.id, g.id, $4, $5, ",
            epoch!("$1"),
            " FROM people p JOIN groups g ON g.tenant = p.tenant WHERE p.tenant = $1 AND p.id = $2 AND g.id = $3 \
             ON CONFLICT (person, group_id) DO UPDATE SET tenant = excluded.tenant RETURNING person"
        );
        let event = event("group.add_member", group, format!("person:{person}"));
        let verb = vec![
            statement!(NEXT_EPOCH, self.tenant()),
            statement!(ADD, self.tenant(), person, group, note.at, note.id),
            audit::row(self, note, event, MEMBER_CHANGED, vec![person.into(), group.into()]),
        ];
        let answers = self.run(verb).await?;
        Ok(Change::when(answers.get(1).is_some_and(|rows| !rows.is_empty())))
    }

    /// Takes a person out of a group; `NotFound` when they were not in it.
    pub async fn remove_member(&self, group: Id, person: Id, note: &Note) -> Result<Change, StoreError> {
        // Once the membership is gone nothing is left to repeat the claim on, so it is claimed and deleted in two steps.
        const CLAIM: &str = "UPDATE group_members SET changed_by = $4 \
            WHERE tenant = $1 AND person = $2 AND group_id = $3 RETURNING person";
        const REMOVE: &str =
            "DELETE FROM group_members WHERE tenant = $1 AND person = $2 AND group_id = $3 AND changed_by = $4";
        let event = event("group.remove_member", group, format!("person:{person}"));
        let verb = vec![
            statement!(CLAIM, self.tenant(), person, group, note.id),
            audit::row(self, note, event, MEMBER_CHANGED, vec![person.into(), group.into()]),
            statement!(REMOVE, self.tenant(), person, group, note.id),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    /// The members of a group in the order of their names.
    pub async fn list_members(&self, group: Id) -> Result<Vec<Member>, StoreError> {
        const LIST: &str = "SELECT p.id, p.user_name, m.added_at FROM group_members m JOIN people p ON p.id = m.person \
            WHERE m.tenant = $1 AND m.group_id = $2 ORDER BY p.user_name_key";
        let rows = self.scan(&statement!(LIST, self.tenant(), group)).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                Ok(Member { person: c.id()?, user_name: c.text()?, added_at: c.int()? })
            })
            .collect()
    }
}

fn event(action: &'static str, group: Id, details: String) -> Event {
    Event { action, target: format!("group:{group}"), outcome: "done", details }
}
