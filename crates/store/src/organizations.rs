//! Organizations: a tree, and who belongs where.
//!
//! Owns the tree's closure, so that "in this organization or below" is one indexed look-up.

use crate::audit::Note;
use crate::clients::Change;
use crate::{Store, StoreError};
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
    /// When it was added, in Unix milliseconds.
    pub created_at: i64,
}

impl Store {
    /// Adds an organization below its parent; of two with one name or external id, one wins.
    pub async fn add_organization(&self, new: &NewOrganization, note: &Note) -> Result<AddOrganization, StoreError> {
        todo!()
    }

    /// The row of the organization that has this name or external id.
    pub async fn find_organization(&self, name_or_external_id: &str) -> Result<Option<Id>, StoreError> {
        todo!()
    }

    /// All organizations in the order of their names.
    pub async fn list_organizations(&self) -> Result<Vec<OrganizationLine>, StoreError> {
        todo!()
    }

    /// Puts a person into an organization; with `primary` it becomes their primary one. A person's first organization
    /// is primary anyway.
    pub async fn join_organization(
        &self,
        person: Id,
        organization: Id,
        primary: bool,
        note: &Note,
    ) -> Result<Change, StoreError> {
        todo!()
    }
}
