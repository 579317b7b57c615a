//! How often applications use older forms, per day: so that an administrator sees when a switch may go.

use crate::{Store, StoreError};
use vestibule_oauth::id::Id;
use vestibule_oauth::template::Switch;

/// Uses of one older form by one application on one day, counted by a node since it last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    /// The application.
    pub application: Id,
    /// The switch that allows the form.
    pub form: Switch,
    /// Days since 1970-01-01 UTC.
    pub day: i64,
    /// How many to add.
    pub uses: i64,
}

impl Store {
    /// Adds these uses to what is known. One verb for all of them.
    pub async fn add_uses(&self, uses: &[Uses]) -> Result<(), StoreError> {
        todo!()
    }
}
