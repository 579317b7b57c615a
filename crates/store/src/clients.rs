//! Applications and their secrets, redirect URIs and logos.
//!
//! Owns what is remembered of a client. Does not judge redirect URIs or secrets (`oauth::redirect_uri`,
//! `oauth::client_auth`), and does not say who may use it (`assignments`).

use crate::assignments::Assignment;
use crate::audit::Note;
use crate::{Store, StoreError};
use vestibule_oauth::client::{Access, Client, RegisteredClient};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;

/// A client with the redirect URIs that it registered, in their order.
#[derive(Clone, Debug)]
pub struct RedirectingClient {
    /// The client, whether it is switched on or not.
    pub client: Client,
    /// Its redirect URIs.
    pub redirect_uris: Vec<String>,
}

/// What a page shows about an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Its public identifier.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// Its home page.
    pub home_page: Option<String>,
    /// Whether somebody vouched for it.
    pub verified: bool,
    /// Whether it has a logo.
    pub has_logo: bool,
}

/// An application's picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// Its media type.
    pub media_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A redirect URI to register, with its web origin (`oauth::redirect_uri::origin`).
#[derive(Clone, Debug)]
pub struct NewRedirectUri {
    /// The URI.
    pub uri: String,
    /// `scheme://host[:port]` for http and https, else none.
    pub origin: Option<String>,
}

/// A secret to keep: its row and digest.
#[derive(Clone, Debug)]
pub struct NewSecret {
    /// The row.
    pub id: Id,
    /// The digest of the text that the application will present.
    pub digest: Digest,
}

/// An application to add.
#[derive(Clone, Debug)]
pub struct NewApplication {
    /// What the rules know of it; `client.enabled` is taken as true.
    pub client: Client,
    /// Its home page.
    pub home_page: Option<String>,
    /// Its picture.
    pub logo: Option<Logo>,
    /// Whether somebody vouches for it.
    pub verified: bool,
    /// Its redirect URIs.
    pub redirect_uris: Vec<NewRedirectUri>,
    /// Its first secret, if it keeps one.
    pub secret: Option<NewSecret>,
}

/// What became of an application to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddApplication {
    /// It was added.
    Added,
    /// Another application has this name.
    NameTaken,
    /// Another application has this client id.
    ClientIdTaken,
}

/// What became of a change to something that must exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was done.
    Done,
    /// There is nothing of this id.
    NotFound,
}

/// One line of the list of applications.
#[derive(Clone, Debug)]
pub struct ApplicationLine {
    /// The client.
    pub client: Client,
    /// When it was added, in Unix milliseconds.
    pub created_at: i64,
    /// Whether somebody vouches for it.
    pub verified: bool,
}

/// A secret as an administrator sees it: never the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretLine {
    /// The row.
    pub id: Id,
    /// When it was made, in Unix milliseconds.
    pub created_at: i64,
    /// From when on it is dead, if that is set.
    pub ends_at: Option<i64>,
}

/// How often an older form was used on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OlderFormLine {
    /// The number of the switch that allows it.
    pub form: i64,
    /// How often, on all days together.
    pub uses: i64,
    /// The last day, in days since 1970-01-01 UTC.
    pub last_day: i64,
}

/// Everything that an administrator sees of an application.
#[derive(Clone, Debug)]
pub struct ApplicationSheet {
    /// The client.
    pub client: Client,
    /// Its home page.
    pub home_page: Option<String>,
    /// Whether somebody vouches for it.
    pub verified: bool,
    /// Whether it has a logo.
    pub has_logo: bool,
    /// When it was added.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
    /// When it was switched off, if it is.
    pub disabled_at: Option<i64>,
    /// What it got before this moment is dead.
    pub valid_from: i64,
    /// Its redirect URIs in their order.
    pub redirect_uris: Vec<String>,
    /// Its secrets, newest first.
    pub secrets: Vec<SecretLine>,
    /// Who may use it, where access is by assignment.
    pub assignments: Vec<Assignment>,
    /// The older forms that it used.
    pub older_forms: Vec<OlderFormLine>,
}

impl Store {
    /// The client of this `client_id` with the digests of the secrets that are live at `now`, in one read.
    pub async fn find_client(&self, client_id: &str, now: i64) -> Result<Option<RegisteredClient>, StoreError> {
        todo!()
    }

    /// The client of this `client_id` with its redirect URIs, in one read.
    pub async fn find_redirecting_client(&self, client_id: &str) -> Result<Option<RedirectingClient>, StoreError> {
        todo!()
    }

    /// What a page shows about the application of this `client_id`.
    pub async fn find_card(&self, client_id: &str) -> Result<Option<Card>, StoreError> {
        todo!()
    }

    /// The picture of the application of this `client_id`.
    pub async fn find_logo(&self, client_id: &str) -> Result<Option<Logo>, StoreError> {
        todo!()
    }

    /// Whether a public client that is switched on has a redirect URI of this web origin (CORS).
    pub async fn allows_origin(&self, origin: &str) -> Result<bool, StoreError> {
        todo!()
    }

    /// The row of the application that has this `client_id` or this name.
    pub async fn find_application(&self, name_or_client_id: &str) -> Result<Option<Id>, StoreError> {
        todo!()
    }

    /// All applications in the order of their names.
    pub async fn list_applications(&self) -> Result<Vec<ApplicationLine>, StoreError> {
        todo!()
    }

    /// Everything about one application.
    pub async fn show_application(&self, id: Id) -> Result<Option<ApplicationSheet>, StoreError> {
        todo!()
    }

    /// Adds an application with its redirect URIs and its first secret; of two with one name, one wins.
    pub async fn add_application(&self, new: &NewApplication, note: &Note) -> Result<AddApplication, StoreError> {
        todo!()
    }

    /// Gives the application a new secret; the older ones end `overlap_ms` after `note.at` (0: now), or earlier where
    /// that was set before.
    pub async fn rotate_secret(
        &self,
        application: Id,
        secret: &NewSecret,
        overlap_ms: i64,
        note: &Note,
    ) -> Result<Change, StoreError> {
        todo!()
    }

    /// Switches the application on or off at `note.at`. What it got before that stays dead after switching on again.
    pub async fn set_application_enabled(
        &self,
        application: Id,
        enabled: bool,
        note: &Note,
    ) -> Result<Change, StoreError> {
        todo!()
    }

    /// Removes the application: from the answer on nothing of it is accepted. Upkeep sweeps what hung on it.
    pub async fn remove_application(&self, application: Id, note: &Note) -> Result<Change, StoreError> {
        todo!()
    }
}

#[allow(unused)]
fn unused(_: Access) {}
