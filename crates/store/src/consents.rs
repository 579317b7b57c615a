//! Consents: what a person last ticked for an application.
//!
//! They are written by the verbs that issue (`authorizations`); here they are read.

use crate::{Store, StoreError};
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;

impl Store {
    /// What `person` last consented to for `application`.
    pub async fn last_consent(&self, person: Id, application: Id) -> Result<Option<ScopeSet>, StoreError> {
        todo!()
    }
}
