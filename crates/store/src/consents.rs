//! Consents: what a person last ticked for an application.
//!
//! They are written by the verbs that issue (`authorizations`); here they are read.

use crate::columns::Columns;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;

impl Store {
    /// What `person` last consented to for `application`.
    pub async fn last_consent(&self, person: Id, application: Id) -> Result<Option<ScopeSet>, StoreError> {
        const FIND: &str = "SELECT scopes FROM consents WHERE person = $1 AND application = $2 AND tenant = $3";
        let Some(mut row) = self.find(&statement!(FIND, person, application, self.tenant())).await? else {
            return Ok(None);
        };
        Columns::of(&mut row).scopes().map(Some)
    }
}
