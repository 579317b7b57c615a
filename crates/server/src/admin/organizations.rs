//! Organizations: adding and listing.
//!
//! Owns what an administrator may do with the tree. Who belongs where is said with the person.

use super::fields::{self, Fault, Faults};
use super::{Changed, Desk, Thing, Unknown};
use vestibule_oauth::id::Id;
use vestibule_store::StoreError;
use vestibule_store::organizations::{AddOrganization, NewOrganization, OrganizationLine};

/// What became of an organization to add.
#[derive(Debug)]
pub enum Add {
    /// Added.
    Added(OrganizationLine),
    /// A field is not fit.
    Wrong(Vec<Fault>),
    /// Another organization has this name.
    NameTaken,
    /// Another organization has this external id.
    ExternalIdTaken,
    /// There is no such parent.
    Unknown(Unknown),
}

/// Adds an organization; `parent` is a name or an external id.
pub async fn add(
    desk: &Desk<'_>,
    name: &str,
    parent: Option<&str>,
    external_id: Option<&str>,
) -> Result<Add, StoreError> {
    let mut faults = Faults::default();
    let fit = (faults.take(fields::name(name)), faults.take_if(external_id, fields::external_id));
    let (name, external_id) = match faults.or(fit) {
        Ok(fit) => fit,
        Err(faults) => return Ok(Add::Wrong(faults)),
    };
    let above = match parent {
        None => None,
        Some(parent) => match find(desk, parent).await? {
            Changed::Done(id) => Some(id),
            Changed::Unknown(unknown) => return Ok(Add::Unknown(unknown)),
        },
    };
    let id = desk.id();
    // IDaaS has an `ou_id` for every organization: one that nobody named gets its row's spelling.
    let external_id = external_id.unwrap_or_else(|| id.to_string());
    let new = NewOrganization { id, name: name.clone(), parent: above, external_id: external_id.clone() };
    Ok(match desk.store.add_organization(&new, &desk.note()).await? {
        AddOrganization::Added => Add::Added(OrganizationLine {
            id,
            name,
            external_id,
            parent: above,
            disabled_at: None,
            created_at: desk.now,
        }),
        AddOrganization::NameTaken => Add::NameTaken,
        AddOrganization::ExternalIdTaken => Add::ExternalIdTaken,
        AddOrganization::NoParent => Add::Unknown(Unknown::new(Thing::Organization, parent.unwrap_or_default(), [])),
    })
}

/// Switches an organization off or on. What people of it were given before stays dead after switching on again.
pub async fn set_enabled(desk: &Desk<'_>, name: &str, enabled: bool) -> Result<Changed<OrganizationLine>, StoreError> {
    let id = match find(desk, name).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    desk.store.set_organization_enabled(id, enabled, &desk.note()).await?;
    let line = desk.store.list_organizations().await?.into_iter().find(|line| line.id == id);
    let gone = || Changed::Unknown(Unknown::new(Thing::Organization, name, []));
    Ok(line.map_or_else(gone, Changed::Done))
}

/// All organizations in the order of their names.
pub async fn list(desk: &Desk<'_>) -> Result<Vec<OrganizationLine>, StoreError> {
    desk.store.list_organizations().await
}

/// The row of the organization of this name or external id.
pub async fn find(desk: &Desk<'_>, name: &str) -> Result<Changed<Id>, StoreError> {
    if let Some(id) = desk.store.find_organization(name).await? {
        return Ok(Changed::Done(id));
    }
    let lines = desk.store.list_organizations().await?;
    let names = lines.iter().map(|line| line.name.as_str());
    Ok(Changed::Unknown(Unknown::new(Thing::Organization, name, names)))
}
