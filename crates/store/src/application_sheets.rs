//! What an administrator sees of applications. Reads only; they scan, and so stay off the way of a request.

use crate::assignments::Assignment;
use crate::columns::{Columns, client_columns};
use crate::logout::LogoutSheet;
use crate::{Store, StoreError, statement};
use vestibule_oauth::client::Client;
use vestibule_oauth::id::Id;

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
    /// What it says about signing out.
    pub logout: LogoutSheet,
    /// The older forms that it used.
    pub older_forms: Vec<OlderFormLine>,
}

impl Store {
    /// All applications in the order of their names.
    pub async fn list_applications(&self) -> Result<Vec<ApplicationLine>, StoreError> {
        const LIST: &str = concat!(
            "SELECT ",
            client_columns!(),
            ", a.created_at, a.verified FROM applications a WHERE a.tenant = $1 ORDER BY a.name_key"
        );
        let rows = self.scan(&statement!(LIST, self.tenant())).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                Ok(ApplicationLine { client: c.client()?, created_at: c.int()?, verified: c.flag()? })
            })
            .collect()
    }

    /// Everything about one application.
    pub async fn show_application(&self, id: Id) -> Result<Option<ApplicationSheet>, StoreError> {
        const SHOW: &str = concat!(
            "SELECT ",
            client_columns!(),
            ", a.home_page, a.verified, EXISTS (SELECT 1 FROM logos l WHERE l.application = a.id), a.created_at, \
             a.updated_at, a.disabled_at, a.valid_from FROM applications a WHERE a.id = $1 AND a.tenant = $2"
        );
        let Some(mut row) = self.find(&statement!(SHOW, id, self.tenant())).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        Ok(Some(ApplicationSheet {
            client: c.client()?,
            home_page: c.opt_text()?,
            verified: c.flag()?,
            has_logo: c.flag()?,
            created_at: c.int()?,
            updated_at: c.int()?,
            disabled_at: c.opt_int()?,
            valid_from: c.int()?,
            redirect_uris: self.redirect_uris_of(id).await?,
            secrets: self.secrets_of(id).await?,
            assignments: self.list_assignments(id).await?,
            logout: self.show_logout(id).await?,
            older_forms: self.older_forms_of(id).await?,
        }))
    }

    async fn redirect_uris_of(&self, application: Id) -> Result<Vec<String>, StoreError> {
        const LIST: &str = "SELECT uri FROM redirect_uris WHERE application = $1 ORDER BY position";
        let rows = self.scan(&statement!(LIST, application)).await?;
        rows.into_iter().map(|mut row| row.take_text(0)).collect()
    }

    async fn secrets_of(&self, application: Id) -> Result<Vec<SecretLine>, StoreError> {
        const LIST: &str = "SELECT id, created_at, ends_at FROM client_secrets WHERE application = $1 ORDER BY created_at DESC, id DESC";
        let rows = self.scan(&statement!(LIST, application)).await?;
        rows.iter()
            .map(|row| Ok(SecretLine { id: row.id(0)?, created_at: row.int(1)?, ends_at: row.opt_int(2)? }))
            .collect()
    }

    async fn older_forms_of(&self, application: Id) -> Result<Vec<OlderFormLine>, StoreError> {
        const LIST: &str = "SELECT form, CAST(SUM(uses) AS BIGINT), MAX(day) FROM older_forms WHERE application = $1 \
            GROUP BY form ORDER BY form";
        let rows = self.scan(&statement!(LIST, application)).await?;
        rows.iter()
            .map(|row| Ok(OlderFormLine { form: row.int(0)?, uses: row.int(1)?, last_day: row.int(2)? }))
            .collect()
    }
}
