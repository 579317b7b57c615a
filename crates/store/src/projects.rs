//! Projects: what authorizations at Git hosts belong to, and who may act in them.
//!
//! Owns projects, their members and the role that each has. Does not own what a role may do, nor whether a member is
//! alive: that is asked of the credential that they come with, at each use.

use crate::applications::{Change, claimed};
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::people::canonical;
use crate::{Row, Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// What a member is in a project. Each includes those below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Viewer,
    /// Changes what is in the project.
    Editor,
    /// Decides who is in it.
    Owner,
}

impl Role {
    /// All of them, the strongest first.
    pub const ALL: [Role; 3] = [Role::Owner, Role::Editor, Role::Viewer];

    /// Its name, as people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Owner => "owner",
            Role::Editor => "editor",
            Role::Viewer => "viewer",
        }
    }

    /// The role of this name.
    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    pub(crate) fn stored(number: i64) -> Result<Role, StoreError> {
        let role = Role::ALL.into_iter().find(|role| role.number() == number);
        role.ok_or_else(|| StoreError::inconsistent("project_members.role"))
    }

    const fn number(self) -> i64 {
        match self {
            Role::Owner => 1,
            Role::Editor => 2,
            Role::Viewer => 3,
        }
    }
}

/// What became of a project to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddProject {
    /// It was added.
    Added,
    /// Another project has this name.
    NameTaken,
}

/// A project as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectLine {
    /// The row; its 32 digits are the project's id everywhere.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// How many people are in it.
    pub members: i64,
    /// When it was added, in Unix milliseconds.
    pub created_at: i64,
    /// Whether programs of its editors may be handed live tokens of its authorizations.
    pub hands_out: bool,
}

/// A project as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnProject {
    /// The row.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What they are in it.
    pub role: Role,
}

/// A project as a caller names it.
#[derive(Clone, Copy, Debug)]
pub enum ProjectRef<'a> {
    /// By its row.
    Id(Id),
    /// By its name.
    Name(&'a str),
}

/// A member of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectMember {
    /// The person.
    pub person: Id,
    /// Their user name.
    pub user_name: String,
    /// What they are in it.
    pub role: Role,
    /// Since when they are in it, in Unix milliseconds.
    pub added_at: i64,
}

/// Whether the person `$person` may change what is in the project `$project` now: an owner or an editor, and not switched
/// off.
macro_rules! may_edit {
    ($project:literal, $person:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM project_members m JOIN people p ON p.id = m.person WHERE m.project = ",
            $project,
            " AND m.person = ",
            $person,
            " AND m.role <= 2 AND p.disabled_at IS NULL)"
        )
    };
}
pub(crate) use may_edit;

/// A row of the trail for the verb that changed a membership last.
const MEMBER_CHANGED: &str =
    audited!("EXISTS (SELECT 1 FROM project_members WHERE project = $11 AND person = $12 AND changed_by = $1)");

impl Store {
    /// Adds a project; of two with one name, one wins.
    pub async fn add_project(&self, id: Id, name: &str, note: &Note) -> Result<AddProject, StoreError> {
        const INSERT: &str = "INSERT INTO projects (id, tenant, name, name_key, created_at) VALUES ($1, $2, $3, $4, $5) \
            ON CONFLICT DO NOTHING RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM projects WHERE id = $11)");
        let verb = vec![
            statement!(INSERT, id, self.tenant(), name, canonical(name), note.at),
            audit::row(self, note, event("project.add", id, name.to_owned()), AUDIT, vec![id.into()]),
        ];
        Ok(if claimed(&self.run(verb).await?) { AddProject::Added } else { AddProject::NameTaken })
    }

    /// The row of the project that has this id (32 digits) or this name.
    pub async fn find_project(&self, id_or_name: &str) -> Result<Option<Id>, StoreError> {
        const BY_ID: &str = "SELECT id FROM projects WHERE id = $2 AND tenant = $1";
        const BY_NAME: &str = "SELECT id FROM projects WHERE tenant = $1 AND name_key = $2";
        let statement = match Id::parse(id_or_name) {
            Some(id) => statement!(BY_ID, self.tenant(), id),
            None => statement!(BY_NAME, self.tenant(), canonical(id_or_name)),
        };
        self.find(&statement).await?.map(|row| row.id(0)).transpose()
    }

    /// All projects in the order of their names.
    pub async fn list_projects(&self) -> Result<Vec<ProjectLine>, StoreError> {
        const LIST: &str = "SELECT j.id, j.name, (SELECT COUNT(*) FROM project_members m WHERE m.project = j.id), \
            j.created_at, CASE WHEN j.hands_out_at IS NULL THEN 0 ELSE 1 END FROM projects j WHERE j.tenant = $1 ORDER BY j.name_key";
        let rows = self.scan(&statement!(LIST, self.tenant())).await?;
        rows.into_iter().map(line).collect()
    }

    /// One project.
    pub async fn show_project(&self, id: Id) -> Result<Option<ProjectLine>, StoreError> {
        const SHOW: &str = "SELECT j.id, j.name, (SELECT COUNT(*) FROM project_members m WHERE m.project = j.id), \
            j.created_at, CASE WHEN j.hands_out_at IS NULL THEN 0 ELSE 1 END FROM projects j WHERE j.id = $2 AND j.tenant = $1";
        self.find(&statement!(SHOW, self.tenant(), id)).await?.map(line).transpose()
    }

    /// Lets programs of the project's editors have live tokens of its authorizations, or no longer (FM-127). Doing it twice
    /// is doing it once.
    pub async fn set_project_hand_out(&self, project: Id, on: bool, note: &Note) -> Result<Change, StoreError> {
        const SET: &str = "UPDATE projects SET hands_out_at = $3, \
            changed_by = CASE WHEN (hands_out_at IS NULL) = ($3 IS NULL) THEN changed_by ELSE $4 END \
            WHERE id = $1 AND tenant = $2 RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM projects WHERE id = $11 AND changed_by = $1)");
        let event = event("project.hand_out", project, if on { "on" } else { "off" }.to_owned());
        let verb = vec![
            statement!(SET, project, self.tenant(), on.then_some(note.at), note.id),
            audit::row(self, note, event, AUDIT, vec![project.into()]),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    /// The projects that a person is in, in the order of their names.
    pub async fn projects_of(&self, person: Id) -> Result<Vec<OwnProject>, StoreError> {
        const LIST: &str = "SELECT j.id, j.name, m.role FROM project_members m JOIN projects j ON j.id = m.project \
            WHERE m.person = $2 AND m.tenant = $1 ORDER BY j.name_key";
        let rows = self.scan(&statement!(LIST, self.tenant(), person)).await?;
        rows.into_iter().map(own).collect()
    }

    /// The project of this row or name, if the person is in it: one read, whether there is none of that name or it is
    /// others'.
    pub async fn own_project(&self, person: Id, wanted: ProjectRef<'_>) -> Result<Option<OwnProject>, StoreError> {
        const BY_ID: &str = "SELECT j.id, j.name, m.role FROM projects j \
            JOIN project_members m ON m.project = j.id AND m.person = $3 WHERE j.id = $2 AND j.tenant = $1";
        const BY_NAME: &str = "SELECT j.id, j.name, m.role FROM projects j \
            JOIN project_members m ON m.project = j.id AND m.person = $3 WHERE j.tenant = $1 AND j.name_key = $2";
        let statement = match wanted {
            ProjectRef::Id(id) => statement!(BY_ID, self.tenant(), id, person),
            ProjectRef::Name(name) => statement!(BY_NAME, self.tenant(), canonical(name), person),
        };
        self.find(&statement).await?.map(own).transpose()
    }

    /// The name of the tenant.
    pub async fn tenant_name(&self) -> Result<String, StoreError> {
        const NAME: &str = "SELECT name FROM tenants WHERE tenant = $1";
        let row = self.find(&statement!(NAME, self.tenant())).await?;
        row.ok_or_else(|| StoreError::inconsistent("tenants.tenant"))?.take_text(0)
    }

    /// What a person is in a project; `None` when they are not in it, or when there is no such project.
    ///
    /// Both cost the same one read, so that a foreign project and one that does not exist cannot be told apart.
    pub async fn role_in(&self, project: Id, person: Id) -> Result<Option<Role>, StoreError> {
        const ROLE: &str = "SELECT role FROM project_members WHERE project = $2 AND person = $3 AND tenant = $1";
        let row = self.find(&statement!(ROLE, self.tenant(), project, person)).await?;
        row.map(|row| Role::stored(row.int(0)?)).transpose()
    }

    /// Puts a person into a project, or changes what they are in it. Doing it twice is doing it once.
    pub async fn set_project_member(
        &self,
        project: Id,
        person: Id,
        role: Role,
        note: &Note,
    ) -> Result<Change, StoreError> {
        const SET: &str = "INSERT INTO project_members (tenant, project, person, role, added_at, added_by, changed_by) \
            SELECT $1, j.id, p.id, $4, $5, $6, $6 FROM people p JOIN projects j ON j.tenant = p.tenant \
            WHERE p.tenant = $1 AND p.id = $3 AND j.id = $2 \
            ON CONFLICT (project, person) DO UPDATE SET role = excluded.role, \
            changed_by = CASE WHEN project_members.role = excluded.role THEN project_members.changed_by \
            ELSE excluded.changed_by END RETURNING person";
        let event = event("project.set_member", project, format!("person:{person} as {}", role.name()));
        let verb = vec![
            statement!(SET, self.tenant(), project, person, role.number(), note.at, note.id),
            audit::row(self, note, event, MEMBER_CHANGED, vec![project.into(), person.into()]),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    /// Takes a person out of a project; `NotFound` when they were not in it.
    pub async fn remove_project_member(&self, project: Id, person: Id, note: &Note) -> Result<Change, StoreError> {
        // Once the membership is gone nothing is left to repeat the claim on, so it is claimed and deleted in two steps.
        const CLAIM: &str = "UPDATE project_members SET changed_by = $4 \
            WHERE tenant = $1 AND project = $2 AND person = $3 RETURNING person";
        const REMOVE: &str =
            "DELETE FROM project_members WHERE tenant = $1 AND project = $2 AND person = $3 AND changed_by = $4";
        let event = event("project.remove_member", project, format!("person:{person}"));
        let verb = vec![
            statement!(CLAIM, self.tenant(), project, person, note.id),
            audit::row(self, note, event, MEMBER_CHANGED, vec![project.into(), person.into()]),
            statement!(REMOVE, self.tenant(), project, person, note.id),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }

    /// The members of a project: owners first, then in the order of their names.
    pub async fn project_members(&self, project: Id) -> Result<Vec<ProjectMember>, StoreError> {
        const LIST: &str = "SELECT p.id, p.user_name, m.role, m.added_at FROM project_members m \
            JOIN people p ON p.id = m.person WHERE m.project = $2 AND m.tenant = $1 ORDER BY m.role, p.user_name_key";
        let rows = self.scan(&statement!(LIST, self.tenant(), project)).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                let (person, user_name) = (c.id()?, c.text()?);
                Ok(ProjectMember { person, user_name, role: Role::stored(c.int()?)?, added_at: c.int()? })
            })
            .collect()
    }
}

fn own(mut row: Row) -> Result<OwnProject, StoreError> {
    let mut c = Columns::of(&mut row);
    Ok(OwnProject { id: c.id()?, name: c.text()?, role: Role::stored(c.int()?)? })
}

fn line(mut row: Row) -> Result<ProjectLine, StoreError> {
    let mut c = Columns::of(&mut row);
    Ok(ProjectLine { id: c.id()?, name: c.text()?, members: c.int()?, created_at: c.int()?, hands_out: c.flag()? })
}

fn event(action: &'static str, project: Id, details: String) -> Event {
    Event { action, target: format!("project:{project}"), outcome: "done", details }
}
