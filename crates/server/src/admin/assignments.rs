//! Assignments: who may use an application.
//!
//! Owns giving and taking back. Whether an assignment matters is the application's access (`oauth::client::Access`).

use super::{Changed, Desk, Thing, Unknown, applications, groups, organizations, people};
use vestibule_oauth::client::Access;
use vestibule_oauth::id::Id;
use vestibule_store::StoreError;
use vestibule_store::assignments::Subject;
use vestibule_store::clients::Change;

/// Whom an application is assigned to.
#[derive(Clone, Copy, Debug)]
pub enum Assignee<'a> {
    /// A person, by user name or e-mail address.
    Person(&'a str),
    /// A group, by name.
    Group(&'a str),
    /// An organization and all below it, by name or external id.
    Organization(&'a str),
}

/// What became of an assignment.
#[derive(Debug)]
pub enum Assign {
    /// It is as was asked; the application's access decides whether it matters.
    Done(Access),
    /// There was no such assignment to take back.
    NotAssigned,
    /// The application or the assignee is not there.
    Unknown(Unknown),
}

/// Assigns the application, or takes that back.
pub async fn set_assigned(
    desk: &Desk<'_>,
    name: &str,
    assignee: Assignee<'_>,
    assigned: bool,
) -> Result<Assign, StoreError> {
    let application = match applications::show(desk, name).await? {
        Changed::Done(sheet) => sheet,
        Changed::Unknown(unknown) => return Ok(Assign::Unknown(unknown)),
    };
    let subject = match assignee {
        Assignee::Person(person) => subject(people::find(desk, person).await?, Subject::Person),
        Assignee::Group(group) => subject(groups::find(desk, group).await?, Subject::Group),
        Assignee::Organization(name) => subject(organizations::find(desk, name).await?, Subject::Organization),
    };
    let subject = match subject {
        Ok(subject) => subject,
        Err(unknown) => return Ok(Assign::Unknown(unknown)),
    };
    let (id, note) = (application.client.id, desk.note());
    let change = if assigned {
        desk.store.assign(id, subject, &note).await?
    } else {
        desk.store.unassign(id, subject, &note).await?
    };
    Ok(match change {
        Change::Done => Assign::Done(application.client.access),
        // Between finding and assigning, one of the two was removed.
        Change::NotFound if assigned => Assign::Unknown(Unknown::new(Thing::Application, name, [])),
        Change::NotFound => Assign::NotAssigned,
    })
}

fn subject(found: Changed<Id>, kind: fn(Id) -> Subject) -> Result<Subject, Unknown> {
    match found {
        Changed::Done(id) => Ok(kind(id)),
        Changed::Unknown(unknown) => Err(unknown),
    }
}
