//! What an administrator sees of people. Reads only; they scan, and so stay off the way of a request.

use crate::columns::{Columns, primary_organization, profile_columns};
use crate::{Row, Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::userinfo::Profile;

/// A person as an administrator sees it.
#[derive(Clone, Debug)]
pub struct PersonSheet {
    /// The row.
    pub id: Id,
    /// What is known.
    pub profile: Profile,
    /// Whether the person is an administrator.
    pub administrator: bool,
    /// Whether the person has a password.
    pub has_password: bool,
    /// When the person was switched off, if it is so.
    pub disabled_at: Option<i64>,
    /// What the person was given before this moment is dead.
    pub valid_from: i64,
    /// When the person last signed in with a password; `None` for never.
    pub last_sign_in_at: Option<i64>,
    /// The names of the person's organizations, the primary one first. Empty in lists.
    pub organizations: Vec<String>,
    /// The names of the person's groups. Empty in lists.
    pub groups: Vec<String>,
}

impl Store {
    /// All people in the order of their numbers.
    pub async fn list_people(&self) -> Result<Vec<PersonSheet>, StoreError> {
        const LIST: &str = concat!(
            "SELECT p.id, p.administrator, p.password_hash IS NOT NULL, p.disabled_at, p.valid_from, \
             p.last_sign_in_at, ",
            profile_columns!(),
            " FROM people p ",
            primary_organization!(),
            " WHERE p.tenant = $1 ORDER BY p.number"
        );
        let rows = self.scan(&statement!(LIST, self.tenant())).await?;
        rows.into_iter().map(read_sheet).collect()
    }

    /// Everything about one person.
    pub async fn show_person(&self, id: Id) -> Result<Option<PersonSheet>, StoreError> {
        const SHOW: &str = concat!(
            "SELECT p.id, p.administrator, p.password_hash IS NOT NULL, p.disabled_at, p.valid_from, \
             p.last_sign_in_at, ",
            profile_columns!(),
            " FROM people p ",
            primary_organization!(),
            " WHERE p.id = $1 AND p.tenant = $2"
        );
        const ORGANIZATIONS: &str = "SELECT o.name FROM person_organizations w \
            JOIN organizations o ON o.id = w.organization WHERE w.person = $1 ORDER BY w.is_primary DESC, o.name_key";
        const GROUPS: &str = "SELECT g.name FROM group_members m JOIN groups g ON g.id = m.group_id \
            WHERE m.person = $1 ORDER BY g.name_key";
        let Some(row) = self.find(&statement!(SHOW, id, self.tenant())).await? else { return Ok(None) };
        let mut sheet = read_sheet(row)?;
        for mut row in self.scan(&statement!(ORGANIZATIONS, id)).await? {
            sheet.organizations.push(row.take_text(0)?);
        }
        for mut row in self.scan(&statement!(GROUPS, id)).await? {
            sheet.groups.push(row.take_text(0)?);
        }
        Ok(Some(sheet))
    }
}

fn read_sheet(mut row: Row) -> Result<PersonSheet, StoreError> {
    let mut c = Columns::of(&mut row);
    Ok(PersonSheet {
        id: c.id()?,
        administrator: c.flag()?,
        has_password: c.flag()?,
        disabled_at: c.opt_int()?,
        valid_from: c.int()?,
        last_sign_in_at: Some(c.int()?).filter(|at| *at > 0),
        profile: c.profile()?,
        organizations: Vec::new(),
        groups: Vec::new(),
    })
}
