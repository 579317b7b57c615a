//! Consents: which applications a person has let use their account, and withdrawing that in their place.
//!
//! Owns who is named how. What withdrawing ends is the store's.

use super::{Changed, Desk, Thing, Unknown, applications, people};
use vestibule_store::StoreError;
use vestibule_store::clients::{ApplicationSheet, Change};
use vestibule_store::consents::Allowed;

/// The applications that the person of this name allowed something that still counts.
pub async fn list(desk: &Desk<'_>, name: &str) -> Result<Changed<Vec<Allowed>>, StoreError> {
    Ok(match people::find(desk, name).await? {
        Changed::Done(id) => Changed::Done(desk.store.list_allowed(id, desk.now).await?),
        Changed::Unknown(unknown) => Changed::Unknown(unknown),
    })
}

/// Withdraws everything that the person allowed the application; gives the application.
pub async fn withdraw(
    desk: &Desk<'_>,
    name: &str,
    application: &str,
) -> Result<Changed<Box<ApplicationSheet>>, StoreError> {
    let person = match people::find(desk, name).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    let sheet = match applications::show(desk, application).await? {
        Changed::Done(sheet) => sheet,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    Ok(match desk.store.withdraw_consent(person, sheet.client.id, &desk.note()).await? {
        Change::Done => Changed::Done(sheet),
        Change::NotFound => Changed::Unknown(Unknown::new(Thing::Application, application, [])),
    })
}
