//! Clients as the protocol and the pages meet them.
//!
//! Owns the reads on the way of a request. Adding and changing applications is in `applications`, what an
//! administrator sees of them in `application_sheets`. Does not judge redirect URIs or secrets
//! (`oauth::redirect_uri`, `oauth::client_auth`).

use crate::columns::{Columns, client_columns};
use crate::{Store, StoreError, statement};
use vestibule_oauth::client::{Client, RegisteredClient};

pub use crate::application_sheets::{ApplicationLine, ApplicationSheet, OlderFormLine, SecretLine};
pub use crate::applications::{AddApplication, Change, NewApplication, NewRedirectUri, NewSecret};

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

impl Store {
    /// The client of this `client_id` with the digests of the secrets that are live at `now`, in one read.
    pub async fn find_client(&self, client_id: &str, now: i64) -> Result<Option<RegisteredClient>, StoreError> {
        const FIND: &str = concat!(
            "SELECT ",
            client_columns!(),
            ", s.digest FROM applications a \
             LEFT JOIN client_secrets s ON s.application = a.id AND (s.ends_at IS NULL OR s.ends_at > $3) \
             WHERE a.tenant = $1 AND a.client_id = $2"
        );
        let rows = self.read(&statement!(FIND, self.tenant(), client_id, now)).await?;
        let mut found: Option<RegisteredClient> = None;
        for mut row in rows {
            let mut c = Columns::of(&mut row);
            let client = c.client()?;
            let secret = c.opt_digest()?;
            found.get_or_insert_with(|| RegisteredClient { client, secrets: Vec::new() }).secrets.extend(secret);
        }
        Ok(found)
    }

    /// The client of this `client_id` with its redirect URIs, in one read.
    pub async fn find_redirecting_client(&self, client_id: &str) -> Result<Option<RedirectingClient>, StoreError> {
        const FIND: &str = concat!(
            "SELECT ",
            client_columns!(),
            ", r.uri FROM applications a LEFT JOIN redirect_uris r ON r.application = a.id \
             WHERE a.tenant = $1 AND a.client_id = $2 ORDER BY r.position"
        );
        let rows = self.read(&statement!(FIND, self.tenant(), client_id)).await?;
        let mut found: Option<RedirectingClient> = None;
        for mut row in rows {
            let mut c = Columns::of(&mut row);
            let client = c.client()?;
            let uri = c.opt_text()?;
            found
                .get_or_insert_with(|| RedirectingClient { client, redirect_uris: Vec::new() })
                .redirect_uris
                .extend(uri);
        }
        Ok(found)
    }

    /// What a page shows about the application of this `client_id`.
    pub async fn find_card(&self, client_id: &str) -> Result<Option<Card>, StoreError> {
        const FIND: &str = "SELECT a.client_id, a.name, a.home_page, a.verified, \
            EXISTS (SELECT 1 FROM logos l WHERE l.application = a.id) \
            FROM applications a WHERE a.tenant = $1 AND a.client_id = $2";
        let Some(mut row) = self.find(&statement!(FIND, self.tenant(), client_id)).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        Ok(Some(Card {
            client_id: c.text()?,
            name: c.text()?,
            home_page: c.opt_text()?,
            verified: c.flag()?,
            has_logo: c.flag()?,
        }))
    }

    /// The picture of the application of this `client_id`.
    pub async fn find_logo(&self, client_id: &str) -> Result<Option<Logo>, StoreError> {
        const FIND: &str = "SELECT l.media_type, l.bytes FROM applications a JOIN logos l ON l.application = a.id \
            WHERE a.tenant = $1 AND a.client_id = $2";
        let Some(mut row) = self.find(&statement!(FIND, self.tenant(), client_id)).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        Ok(Some(Logo { media_type: c.text()?, bytes: c.blob()? }))
    }

    /// Whether a public client that is switched on has a redirect URI of this web origin (CORS).
    pub async fn allows_origin(&self, origin: &str) -> Result<bool, StoreError> {
        const FIND: &str = "SELECT r.position FROM redirect_uris r JOIN applications a ON a.id = r.application \
            WHERE r.tenant = $1 AND r.origin = $2 AND a.confidential = 0 AND a.disabled_at IS NULL LIMIT 1";
        Ok(self.find(&statement!(FIND, self.tenant(), origin)).await?.is_some())
    }
}
