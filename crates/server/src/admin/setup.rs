//! The first administrator: a one-time link, valid for an hour, that exists only while there is no administrator.
//!
//! Owns when a link is made and what spending it does. The page behind it is `pages::setup`'s.

use super::Desk;
use super::people::Fit;
use vestibule_oauth::secret::{Kind, MachineSecret};
use vestibule_oauth::template::SETUP_LINK_MS;
use vestibule_store::StoreError;
use vestibule_store::setup_links::{OpenSetupLink, SpendSetupLink};

/// A setup link, as it is shown to whoever starts the server.
#[derive(Debug)]
pub struct SetupLink {
    /// `<issuer>/setup/vst_su_…`.
    pub url: String,
    /// From when on it is over, in Unix milliseconds.
    pub expires_at: i64,
}

/// Makes a setup link while there is no administrator, and ends the one before; gives `None` when there is an
/// administrator. `issuer` is the public URL without a slash at the end.
pub async fn announce(desk: &Desk<'_>, issuer: &str) -> Result<Option<SetupLink>, StoreError> {
    let secret = desk.dice.secret(Kind::SetupLink, desk.id());
    Ok(match desk.store.open_setup_link(secret.id(), &secret.digest(), &desk.note()).await? {
        OpenSetupLink::Opened => Some(SetupLink {
            url: format!("{issuer}/setup/{}", secret.spell().expose()),
            expires_at: desk.now + SETUP_LINK_MS,
        }),
        OpenSetupLink::AdministratorExists => None,
    })
}

/// What became of a setup link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenLink {
    /// The first administrator exists now and can sign in.
    Made,
    /// The link is unknown, over or used, or there is an administrator already.
    Gone,
    /// Somebody has the user name; the link is still good.
    NameTaken,
    /// Somebody has the e-mail address; the link is still good.
    EmailTaken,
}

/// Whether the link (its `vst_su_…` part) can still be used.
pub async fn find_link(desk: &Desk<'_>, link: &str) -> Result<bool, StoreError> {
    Ok(good(desk, link).await?.is_some())
}

/// Spends the link and makes the first administrator, in one guarded verb. `fit` comes from [`super::people::judge`]
/// with `administrator` set, `hash` is the PHC string of the judged password.
pub async fn open_link(desk: &Desk<'_>, link: &str, fit: Fit, hash: String) -> Result<OpenLink, StoreError> {
    let Some(link) = good(desk, link).await? else { return Ok(OpenLink::Gone) };
    let mut person = fit.into_person(desk, hash, Vec::new());
    person.administrator = true;
    let spent = desk.store.spend_setup_link(link.id(), desk.id(), &person, &desk.note()).await?;
    Ok(match spent {
        SpendSetupLink::Created(_) => OpenLink::Made,
        SpendSetupLink::NoLongerGood => OpenLink::Gone,
        SpendSetupLink::NameTaken => OpenLink::NameTaken,
        SpendSetupLink::EmailTaken => OpenLink::EmailTaken,
    })
}

/// The link, if its row is there and its secret is the right one.
async fn good(desk: &Desk<'_>, link: &str) -> Result<Option<MachineSecret>, StoreError> {
    let Some(secret) = MachineSecret::parse(Kind::SetupLink, link) else { return Ok(None) };
    Ok(desk.store.knows_setup_link(&secret, desk.now).await?.then_some(secret))
}
