//! Groups: flat sets of people.

use crate::audit::Note;
use crate::clients::Change;
use crate::{Store, StoreError};
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

impl Store {
    /// Adds a group; of two with one name, one wins.
    pub async fn add_group(&self, id: Id, name: &str, note: &Note) -> Result<AddGroup, StoreError> {
        todo!()
    }

    /// The row of the group of this name.
    pub async fn find_group(&self, name: &str) -> Result<Option<Id>, StoreError> {
        todo!()
    }

    /// All groups in the order of their names.
    pub async fn list_groups(&self) -> Result<Vec<GroupLine>, StoreError> {
        todo!()
    }

    /// Puts a person into a group. Doing it twice is doing it once.
    pub async fn add_member(&self, group: Id, person: Id, note: &Note) -> Result<Change, StoreError> {
        todo!()
    }

    /// Takes a person out of a group; `NotFound` when they were not in it.
    pub async fn remove_member(&self, group: Id, person: Id, note: &Note) -> Result<Change, StoreError> {
        todo!()
    }

    /// The members of a group in the order of their names.
    pub async fn list_members(&self, group: Id) -> Result<Vec<Member>, StoreError> {
        todo!()
    }
}
