//! Projects: adding, listing, showing, and what each member is in them.

use super::fields::{self, Fault, Field};
use super::{Changed, Desk, Thing, Unknown, people};
use vestibule_oauth::id::Id;
use vestibule_store::StoreError;
use vestibule_store::applications::Change;
use vestibule_store::projects::{AddProject, ProjectLine, ProjectMember, Role};

/// What became of a project to add.
#[derive(Debug)]
pub enum Add {
    /// Added.
    Added(ProjectLine),
    /// The name is not fit.
    Wrong(Vec<Fault>),
    /// Another project has this name.
    NameTaken,
}

/// Adds a project.
pub async fn add(desk: &Desk<'_>, name: &str) -> Result<Add, StoreError> {
    let name = match fields::name(name) {
        Ok(name) => name,
        Err(fault) => return Ok(Add::Wrong(vec![fault])),
    };
    if Id::parse(&name).is_some() {
        let sentence = "it would be taken for a project's id; choose a name that is not 32 digits.".to_owned();
        return Ok(Add::Wrong(vec![Fault { field: Field::Name, sentence }]));
    }
    let id = desk.id();
    Ok(match desk.store.add_project(id, &name, &desk.note()).await? {
        AddProject::Added => Add::Added(ProjectLine { id, name, members: 0, created_at: desk.now, hands_out: false }),
        AddProject::NameTaken => Add::NameTaken,
    })
}

/// All projects in the order of their names.
pub async fn list(desk: &Desk<'_>) -> Result<Vec<ProjectLine>, StoreError> {
    desk.store.list_projects().await
}

/// The row of the project of this id or name.
pub async fn find(desk: &Desk<'_>, project: &str) -> Result<Changed<Id>, StoreError> {
    if let Some(id) = desk.store.find_project(project).await? {
        return Ok(Changed::Done(id));
    }
    let lines = desk.store.list_projects().await?;
    let names = lines.iter().map(|line| line.name.as_str());
    Ok(Changed::Unknown(Unknown::new(Thing::Project, project, names)))
}

/// A project with its members, owners first.
pub async fn show(desk: &Desk<'_>, project: &str) -> Result<Changed<(ProjectLine, Vec<ProjectMember>)>, StoreError> {
    let id = match find(desk, project).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    Ok(match desk.store.show_project(id).await? {
        Some(line) => Changed::Done((line, desk.store.project_members(id).await?)),
        None => Changed::Unknown(Unknown::new(Thing::Project, project, [])),
    })
}

/// Lets programs of the project's editors have live tokens of its authorizations, or no longer.
pub async fn set_hand_out(desk: &Desk<'_>, project: &str, on: bool) -> Result<Changed<ProjectLine>, StoreError> {
    let id = match find(desk, project).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    desk.store.set_project_hand_out(id, on, &desk.note()).await?;
    Ok(match desk.store.show_project(id).await? {
        Some(line) => Changed::Done(line),
        None => Changed::Unknown(Unknown::new(Thing::Project, project, [])),
    })
}

/// What became of a membership.
#[derive(Debug)]
pub enum Membership {
    /// It is as was asked.
    Done,
    /// The person was not in the project.
    NotAMember,
    /// The project or the person is not there.
    Unknown(Unknown),
}

/// Puts a person into a project with a role, or changes it; `None` takes them out.
pub async fn set_member(
    desk: &Desk<'_>,
    project: &str,
    person: &str,
    role: Option<Role>,
) -> Result<Membership, StoreError> {
    let project_id = match find(desk, project).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Membership::Unknown(unknown)),
    };
    let person_id = match people::find(desk, person).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Membership::Unknown(unknown)),
    };
    let note = desk.note();
    let change = match role {
        Some(role) => desk.store.set_project_member(project_id, person_id, role, &note).await?,
        None => desk.store.remove_project_member(project_id, person_id, &note).await?,
    };
    Ok(match change {
        Change::Done => Membership::Done,
        // Between finding and adding, one of the two was removed.
        Change::NotFound if role.is_some() => Membership::Unknown(Unknown::new(Thing::Project, project, [])),
        Change::NotFound => Membership::NotAMember,
    })
}
