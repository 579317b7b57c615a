//! Authorizations at Git hosts as an administrator sees them: listing, showing, removing one or all.
//!
//! Owns how they are named here. How they are made and ended is `broker`'s; how each stands is told by its row.

use super::{Changed, Desk, Thing, Unknown, projects};
use crate::broker::NotKept;
use crate::broker::ending::{End, end};
use crate::broker::keeping::Workbench;
use crate::seal::Seal;
use vestibule_store::StoreError;
use vestibule_store::git_authorizations::{GitAuthorization, GitAuthorizationLine};

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

/// Removes an authorization: here at once, at its host in the background.
pub async fn remove(desk: &Desk<'_>, seal: &Seal, project: &str, name: &str) -> Result<Changed<()>, NotKept> {
    let line = match show(desk, project, name).await? {
        Changed::Done(line) => line,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    Ok(match end(bench(desk, seal), line.authorization.project, name, &desk.note()).await? {
        End::Ended => Changed::Done(()),
        // Between finding and ending, somebody else removed it.
        End::Unknown => Changed::Unknown(Unknown::new(Thing::GitAuthorization, name, [])),
    })
}

/// Removes the authorizations of one project or of all, and gives how many there were (FM-126).
pub async fn remove_all(desk: &Desk<'_>, seal: &Seal, project: Option<&str>) -> Result<Changed<usize>, NotKept> {
    let lines = match list(desk, project).await? {
        Changed::Done(lines) => lines,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    let mut removed = 0;
    for line in &lines {
        let GitAuthorization { project, name, .. } = &line.authorization;
        removed += usize::from(end(bench(desk, seal), *project, name, &desk.note()).await? == End::Ended);
    }
    Ok(Changed::Done(removed))
}

const fn bench<'a>(desk: &Desk<'a>, seal: &'a Seal) -> Workbench<'a> {
    Workbench { store: desk.store, seal, dice: desk.dice, now: desk.now }
}

fn unknown(name: &str, lines: &[GitAuthorizationLine]) -> Unknown {
    Unknown::new(Thing::GitAuthorization, name, lines.iter().map(|line| line.authorization.name.as_str()))
}
