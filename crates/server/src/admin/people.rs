//! People: adding, listing, switching off and on, passwords.
//!
//! Owns what an administrator may do with a person. Hashing is the caller's: the command line hashes on its own thread,
//! a server on its pool.

use super::fields::{self, Fault, Faults, Field};
use super::organizations;
use super::{Changed, Desk, Thing, Unknown};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Secret;
use vestibule_store::StoreError;
use vestibule_store::clients::Change;
use vestibule_store::people::{AddPerson, NewPerson, PersonSheet};

/// What is said about a person to add.
#[derive(Debug, Default)]
pub struct Input<'a> {
    /// User name.
    pub user_name: &'a str,
    /// E-mail address.
    pub email: &'a str,
    /// Name that applications may show.
    pub nickname: Option<&'a str>,
    /// Telephone number.
    pub phone: Option<&'a str>,
    /// The id in another system.
    pub external_id: Option<&'a str>,
    /// Language tag.
    pub locale: Option<&'a str>,
    /// Time zone.
    pub zone: Option<&'a str>,
    /// Whether the person becomes an administrator.
    pub administrator: bool,
}

/// An input whose fields were all found fit, password included.
#[derive(Debug)]
pub struct Fit {
    user_name: String,
    email: String,
    nickname: Option<String>,
    phone: Option<String>,
    external_id: Option<String>,
    locale: Option<String>,
    zone: Option<String>,
    administrator: bool,
}

/// Judges every field of `input` and the password, before it costs a hash.
pub fn judge(input: &Input, password: &Secret) -> Result<Fit, Vec<Fault>> {
    let mut faults = Faults::default();
    let fit = Fit {
        user_name: faults.take(fields::user_name(input.user_name)),
        email: faults.take(fields::email(input.email)),
        nickname: faults.take_if(input.nickname, |text| fields::line(Field::Nickname, text, 100)),
        phone: faults.take_if(input.phone, fields::phone),
        external_id: faults.take_if(input.external_id, fields::external_id),
        locale: faults.take_if(input.locale, fields::locale),
        zone: faults.take_if(input.zone, fields::zone),
        administrator: input.administrator,
    };
    faults.take(fields::password(password));
    faults.or(fit)
}

impl Fit {
    /// The person to keep, with a number still to be given.
    pub(super) fn into_person(self, desk: &Desk, hash: String, organizations: Vec<Id>) -> NewPerson {
        NewPerson {
            id: desk.id(),
            // Says nothing about the row: clients of one person must not learn when it was made.
            subject: Id::from_bytes(desk.dice.bytes()).to_string(),
            external_id: self.external_id,
            user_name: self.user_name,
            email: Some(self.email),
            email_verified: false,
            nickname: self.nickname,
            phone: self.phone,
            locale: self.locale,
            zone: self.zone,
            password_hash: Some(hash),
            administrator: self.administrator,
            organizations,
        }
    }
}

/// What became of a person to add.
#[derive(Debug)]
pub enum Add {
    /// Added.
    Added(Box<PersonSheet>),
    /// Somebody has this user name.
    NameTaken,
    /// Somebody has this e-mail address.
    EmailTaken,
    /// Somebody has this external id.
    ExternalIdTaken,
    /// There is no such organization.
    Unknown(Unknown),
}

/// Adds a person. `hash` is the PHC string of the judged password; `organization` a name or an external id.
pub async fn add(desk: &Desk<'_>, fit: Fit, hash: String, organization: Option<&str>) -> Result<Add, StoreError> {
    let mut organizations = Vec::new();
    if let Some(name) = organization {
        match organizations::find(desk, name).await? {
            Changed::Done(id) => organizations.push(id),
            Changed::Unknown(unknown) => return Ok(Add::Unknown(unknown)),
        }
    }
    let person = fit.into_person(desk, hash, organizations);
    match desk.store.add_person(&person, &desk.note()).await? {
        AddPerson::Added(_) => {}
        AddPerson::NameTaken => return Ok(Add::NameTaken),
        AddPerson::EmailTaken => return Ok(Add::EmailTaken),
        AddPerson::ExternalIdTaken => return Ok(Add::ExternalIdTaken),
    }
    let sheet = desk.store.show_person(person.id).await?;
    Ok(Add::Added(Box::new(sheet.ok_or_else(|| StoreError::inconsistent_row("people.id", person.id))?)))
}

/// All people in the order of their numbers.
pub async fn list(desk: &Desk<'_>) -> Result<Vec<PersonSheet>, StoreError> {
    desk.store.list_people().await
}

/// The row of the person of this user name or e-mail address.
pub async fn find(desk: &Desk<'_>, name: &str) -> Result<Changed<Id>, StoreError> {
    if let Some(id) = desk.store.find_person(name).await? {
        return Ok(Changed::Done(id));
    }
    let people = desk.store.list_people().await?;
    let user_names = people.iter().map(|person| person.profile.username.as_str());
    let addresses = people.iter().filter_map(|person| person.profile.email.as_deref());
    let unknown = if name.contains('@') {
        Unknown::new(Thing::Person, name, addresses)
    } else {
        Unknown::new(Thing::Person, name, user_names)
    };
    Ok(Changed::Unknown(unknown))
}

/// Everything about one person.
pub async fn show(desk: &Desk<'_>, name: &str) -> Result<Changed<Box<PersonSheet>>, StoreError> {
    match find(desk, name).await? {
        Changed::Unknown(unknown) => Ok(Changed::Unknown(unknown)),
        Changed::Done(id) => sheet(desk, id, name).await,
    }
}

/// Switches a person off or on. What the person was given before stays dead after switching on again.
pub async fn set_enabled(desk: &Desk<'_>, name: &str, enabled: bool) -> Result<Changed<Box<PersonSheet>>, StoreError> {
    let id = match find(desk, name).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    match desk.store.set_person_enabled(id, enabled, &desk.note()).await? {
        Change::Done => sheet(desk, id, name).await,
        Change::NotFound => Ok(gone(name)),
    }
}

/// Sets a password, judged by [`fields::password`] and hashed to `hash`. What the person was given before is dead.
pub async fn set_password(desk: &Desk<'_>, name: &str, hash: &str) -> Result<Changed<Box<PersonSheet>>, StoreError> {
    let id = match find(desk, name).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    match desk.store.set_password(id, hash, &desk.note()).await? {
        Change::Done => sheet(desk, id, name).await,
        Change::NotFound => Ok(gone(name)),
    }
}

/// Signs a person out everywhere: sessions, and whatever applications were given in their name, are dead. The password
/// stays.
pub async fn sign_out(desk: &Desk<'_>, name: &str) -> Result<Changed<Box<PersonSheet>>, StoreError> {
    let id = match find(desk, name).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    match desk.store.sign_out_everywhere(id, &desk.note()).await? {
        Change::Done => sheet(desk, id, name).await,
        Change::NotFound => Ok(gone(name)),
    }
}

async fn sheet(desk: &Desk<'_>, id: Id, name: &str) -> Result<Changed<Box<PersonSheet>>, StoreError> {
    let sheet = desk.store.show_person(id).await?;
    Ok(sheet.map_or_else(|| gone(name), |sheet| Changed::Done(Box::new(sheet))))
}

fn gone<T>(name: &str) -> Changed<T> {
    Changed::Unknown(Unknown::new(Thing::Person, name, []))
}
