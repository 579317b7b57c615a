//! People: who can sign in, and what is known about them.
//!
//! Owns names and their canonical forms, numbers that are never given twice, and the moments that switch a person off
//! and on. Does not hash passwords (the server's pool does) nor judge whether something of theirs is alive.

use crate::audit::Note;
use crate::clients::Change;
use crate::{Store, StoreError};
use vestibule_oauth::id::Id;
use vestibule_oauth::userinfo::Profile;

/// A person to add.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The row.
    pub id: Id,
    /// The immutable subject.
    pub subject: String,
    /// The id by which another directory knows the person.
    pub external_id: Option<String>,
    /// The name to sign in with; without `@`, white space and control characters.
    pub user_name: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be theirs.
    pub email_verified: bool,
    /// The name to show.
    pub nickname: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// BCP 47 language tag.
    pub locale: Option<String>,
    /// IANA time zone name.
    pub zone: Option<String>,
    /// The password's hash in the PHC string format.
    pub password_hash: Option<String>,
    /// Whether the person is an administrator.
    pub administrator: bool,
    /// The person's organizations; the first is the primary one.
    pub organizations: Vec<Id>,
}

/// What became of a person to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddPerson {
    /// Added, with this number.
    Added(i64),
    /// Another person has this user name.
    NameTaken,
    /// Another person has this e-mail address.
    EmailTaken,
    /// Another person has this external id.
    ExternalIdTaken,
}

/// What a sign-in needs to know about a person, in one read.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The person.
    pub person: Id,
    /// The number.
    pub number: i64,
    /// The user name.
    pub user_name: String,
    /// The hash to verify against; `None` for a person without a password.
    pub password_hash: Option<String>,
    /// Whether the person is switched on.
    pub enabled: bool,
    /// What the person was given before this moment is dead.
    pub valid_from: i64,
}

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

/// The canonical form of a user name or an e-mail address: what must be unique, and what a sign-in looks for.
///
/// Outer white space is dropped and letters are folded to lower case.
pub fn canonical(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Store {
    /// Adds a person and gives out the next number; of two with one name, one wins.
    pub async fn add_person(&self, new: &NewPerson, note: &Note) -> Result<AddPerson, StoreError> {
        todo!()
    }

    /// The row of the person who has this user name or (with an `@`) this e-mail address.
    pub async fn find_person(&self, login: &str) -> Result<Option<Id>, StoreError> {
        todo!()
    }

    /// What a sign-in with `login` needs: an e-mail address if it holds an `@`, else a user name.
    pub async fn find_credentials(&self, login: &str) -> Result<Option<Credentials>, StoreError> {
        todo!()
    }

    /// All people in the order of their numbers.
    pub async fn list_people(&self) -> Result<Vec<PersonSheet>, StoreError> {
        todo!()
    }

    /// Everything about one person.
    pub async fn show_person(&self, id: Id) -> Result<Option<PersonSheet>, StoreError> {
        todo!()
    }

    /// Whether anybody is an administrator, switched on or not.
    pub async fn has_administrator(&self) -> Result<bool, StoreError> {
        todo!()
    }

    /// Switches the person on or off at `note.at`. What they were given before that stays dead after switching on.
    pub async fn set_person_enabled(&self, person: Id, enabled: bool, note: &Note) -> Result<Change, StoreError> {
        todo!()
    }

    /// Sets a password's hash; everything that the person was given before is dead from the answer on.
    pub async fn set_password(&self, person: Id, hash: &str, note: &Note) -> Result<Change, StoreError> {
        todo!()
    }

    /// Replaces `old_hash` by `new_hash` of the same password, unless the hash has changed since. Ends nothing. Call it
    /// after the verb that names `old_hash` (opening a session), not before. Gives whether it was replaced.
    pub async fn keep_rehashed(&self, person: Id, old_hash: &str, new_hash: &str) -> Result<bool, StoreError> {
        todo!()
    }
}
