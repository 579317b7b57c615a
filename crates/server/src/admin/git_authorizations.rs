//! Authorizations at Git hosts as an administrator sees them: listing, showing.
//!
//! Owns how they are named here. How they are made and used is the API's; how each stands is told by its row.

use super::{Changed, Desk, Thing, Unknown, projects};
use vestibule_store::StoreError;
use vestibule_store::git_authorizations::GitAuthorizationLine;

/// The authorizations of all projects, or of one, by project and then in the order of their names.
pub async fn list(desk: &Desk<'_>, project: Option<&str>) -> Result<Changed<Vec<GitAuthorizationLine>>, StoreError> {
    let Some(project) = project else {
        return Ok(Changed::Done(desk.store.git_authorization_lines(None).await?));
    };
    Ok(match projects::find(desk, project).await? {
        Changed::Done(id) => Changed::Done(desk.store.git_authorization_lines(Some(id)).await?),
        Changed::Unknown(unknown) => Changed::Unknown(unknown),
    })
}

/// One authorization of a project.
pub async fn show(desk: &Desk<'_>, project: &str, name: &str) -> Result<Changed<GitAuthorizationLine>, StoreError> {
    let lines = match list(desk, Some(project)).await? {
        Changed::Done(lines) => lines,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    let found = lines.iter().find(|line| line.authorization.name == name);
    Ok(found.cloned().map_or_else(|| Changed::Unknown(unknown(name, &lines)), Changed::Done))
}

fn unknown(name: &str, lines: &[GitAuthorizationLine]) -> Unknown {
    Unknown::new(Thing::GitAuthorization, name, lines.iter().map(|line| line.authorization.name.as_str()))
}
