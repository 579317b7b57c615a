//! Who may use an application: people, groups, and organizations with everything below them.
//!
//! Owns the rows and the one SQL fragment that asks whether a person is assigned. Whether that matters is the
//! application's access (`oauth::client::Access`), which the fragment takes into account.

use crate::audit::Note;
use crate::clients::Change;
use crate::{Store, StoreError};
use vestibule_oauth::id::Id;

/// What is assigned to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One person.
    Person(Id),
    /// The members of a group.
    Group(Id),
    /// The members of an organization and of all below it.
    Organization(Id),
}

/// An assignment as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who.
    pub subject: Subject,
    /// The name of the person, group or organization.
    pub name: String,
    /// Since when, in Unix milliseconds.
    pub assigned_at: i64,
}

impl Store {
    /// Lets `subject` use the application. Doing it twice is doing it once.
    pub async fn assign(&self, application: Id, subject: Subject, note: &Note) -> Result<Change, StoreError> {
        todo!()
    }

    /// Takes that back; `NotFound` when there was no such assignment.
    pub async fn unassign(&self, application: Id, subject: Subject, note: &Note) -> Result<Change, StoreError> {
        todo!()
    }

    /// The application's assignments.
    pub async fn list_assignments(&self, application: Id) -> Result<Vec<Assignment>, StoreError> {
        todo!()
    }
}
