//! Groups: adding, listing, and who is in them.

use super::fields::{self, Fault};
use super::{Changed, Desk, Thing, Unknown, people};
use vestibule_oauth::id::Id;
use vestibule_store::StoreError;
use vestibule_store::clients::Change;
use vestibule_store::groups::{AddGroup, GroupLine, Member};

/// What became of a group to add.
#[derive(Debug)]
pub enum Add {
    /// Added.
    Added(GroupLine),
    /// The name is not fit.
    Wrong(Vec<Fault>),
    /// Another group has this name.
    NameTaken,
}

/// Adds a group.
pub async fn add(desk: &Desk<'_>, name: &str) -> Result<Add, StoreError> {
    let name = match fields::name(name) {
        Ok(name) => name,
        Err(fault) => return Ok(Add::Wrong(vec![fault])),
    };
    let id = desk.id();
    Ok(match desk.store.add_group(id, &name, &desk.note()).await? {
        AddGroup::Added => Add::Added(GroupLine { id, name, members: 0, created_at: desk.now }),
        AddGroup::NameTaken => Add::NameTaken,
    })
}

/// All groups in the order of their names.
pub async fn list(desk: &Desk<'_>) -> Result<Vec<GroupLine>, StoreError> {
    desk.store.list_groups().await
}

/// The row of the group of this name.
pub async fn find(desk: &Desk<'_>, name: &str) -> Result<Changed<Id>, StoreError> {
    if let Some(id) = desk.store.find_group(name).await? {
        return Ok(Changed::Done(id));
    }
    let lines = desk.store.list_groups().await?;
    let names = lines.iter().map(|line| line.name.as_str());
    Ok(Changed::Unknown(Unknown::new(Thing::Group, name, names)))
}

/// What became of a membership.
#[derive(Debug)]
pub enum Membership {
    /// It is as was asked.
    Done,
    /// The person was not in the group.
    NotAMember,
    /// The group or the person is not there.
    Unknown(Unknown),
}

/// Puts a person into a group, or takes them out.
pub async fn set_member(desk: &Desk<'_>, group: &str, person: &str, member: bool) -> Result<Membership, StoreError> {
    let group_id = match find(desk, group).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Membership::Unknown(unknown)),
    };
    let person_id = match people::find(desk, person).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Membership::Unknown(unknown)),
    };
    let note = desk.note();
    let change = if member {
        desk.store.add_member(group_id, person_id, &note).await?
    } else {
        desk.store.remove_member(group_id, person_id, &note).await?
    };
    Ok(match change {
        Change::Done => Membership::Done,
        // Between finding and adding, one of the two was removed.
        Change::NotFound if member => Membership::Unknown(Unknown::new(Thing::Group, group, [])),
        Change::NotFound => Membership::NotAMember,
    })
}

/// The members of a group in the order of their names.
pub async fn members(desk: &Desk<'_>, group: &str) -> Result<Changed<Vec<Member>>, StoreError> {
    Ok(match find(desk, group).await? {
        Changed::Done(id) => Changed::Done(desk.store.list_members(id).await?),
        Changed::Unknown(unknown) => Changed::Unknown(unknown),
    })
}
