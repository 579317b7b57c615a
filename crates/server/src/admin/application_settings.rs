//! How an application's tokens look and by which `sub` it knows people: what is wanted, and whether it may be.
//!
//! Owns the verb of an administrator. What the settings mean is `oauth::client`'s, what a sector is `oauth::subject`'s.

use super::applications::{find, gone, sheet};
use super::fields::{Fault, Field, fault};
use super::{Changed, Desk, Unknown};
use vestibule_oauth::client::AccessTokenFormat;
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::subject::{self, SectorProblem};
use vestibule_oauth::template::{Template, Wire};
use vestibule_store::StoreError;
use vestibule_store::application_settings::Settings;
use vestibule_store::clients::{ApplicationSheet, Change};

/// What is wanted; `None` leaves a setting as it stands, or at its default for an application to add.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// What ID tokens are signed with.
    pub id_token_alg: Option<Algorithm>,
    /// What access tokens look like.
    pub access_token_format: Option<AccessTokenFormat>,
    /// Whether subjects are pairwise.
    pub pairwise: Option<bool>,
    /// The host that they are made for, where it is not the one of the redirect URIs.
    pub sector: Option<&'a str>,
}

/// What became of settings to set.
#[derive(Debug)]
pub enum Set {
    /// They stand.
    Done(Box<ApplicationSheet>),
    /// They are not fit for this application.
    Wrong(Fault),
    /// There is no such application.
    Unknown(Unknown),
}

/// What to write for an application of this template and these redirect URIs.
pub fn judge<'u>(
    wanted: &Wanted<'_>,
    template: Template,
    redirect_uris: impl IntoIterator<Item = &'u str>,
) -> Result<Settings, Fault> {
    let sector = match wanted.pairwise {
        None => None,
        Some(false) => Some(None),
        Some(true) if template.wire() != Wire::Standard => {
            let sentence = format!("template {} tells people's own ids on its wire; leave it out.", template.name());
            return Err(fault(Field::Pairwise, sentence));
        }
        Some(true) => Some(Some(subject::sector(wanted.sector, redirect_uris).map_err(not_clear)?)),
    };
    Ok(Settings { id_token_alg: wanted.id_token_alg, access_token_format: wanted.access_token_format, sector })
}

fn not_clear(problem: SectorProblem) -> Fault {
    let field = if problem == SectorProblem::NotAHost { Field::Sector } else { Field::Pairwise };
    fault(field, problem.to_string())
}

/// Sets what is wanted at the application of this name or client_id. Tokens that were issued before stay what they are.
pub async fn set(desk: &Desk<'_>, name: &str, wanted: Wanted<'_>) -> Result<Set, StoreError> {
    let id = match find(desk, name).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Set::Unknown(unknown)),
    };
    let before = match sheet(desk, id, name).await? {
        Changed::Done(sheet) => sheet,
        Changed::Unknown(unknown) => return Ok(Set::Unknown(unknown)),
    };
    let uris = before.redirect_uris.iter().map(String::as_str);
    let settings = match judge(&wanted, before.client.template, uris) {
        Ok(settings) => settings,
        Err(fault) => return Ok(Set::Wrong(fault)),
    };
    let after = match desk.store.set_settings(id, &settings, &desk.note()).await? {
        Change::Done => sheet(desk, id, name).await?,
        Change::NotFound => gone(name),
    };
    Ok(match after {
        Changed::Done(sheet) => Set::Done(sheet),
        Changed::Unknown(unknown) => Set::Unknown(unknown),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sector(pairwise: Option<bool>, sector: Option<&str>, uris: &[&str]) -> Result<Option<Option<String>>, Field> {
        let wanted = Wanted { pairwise, sector, ..Wanted::default() };
        let judged = judge(&wanted, Template::Web, uris.iter().copied());
        judged.map(|settings| settings.sector).map_err(|fault| fault.field)
    }

    #[test]
    fn subjects_change_only_where_that_is_said_and_a_sector_is_named_where_it_is_not_clear() {
        let one = ["https://a.example/cb", "https://a.example:8443/other"];
        assert_eq!(sector(None, None, &one), Ok(None));
        assert_eq!(sector(Some(false), None, &one), Ok(Some(None)));
        assert_eq!(sector(Some(true), None, &one), Ok(Some(Some("a.example".to_owned()))));
        let two = ["https://a.example/cb", "https://b.example/cb"];
        assert_eq!(sector(Some(true), None, &two), Err(Field::Pairwise));
        assert_eq!(sector(Some(true), Some("B.example"), &two), Ok(Some(Some("b.example".to_owned()))));
        assert_eq!(sector(Some(true), Some("https://b.example"), &two), Err(Field::Sector));
    }

    #[test]
    fn a_wire_that_tells_peoples_own_ids_has_no_pairwise_subjects() {
        let wanted = Wanted { pairwise: Some(true), ..Wanted::default() };
        for template in [Template::IdaasOauth2, Template::Gitlife] {
            let judged = judge(&wanted, template, ["https://a.example/cb"]);
            assert_eq!(judged.map_err(|fault| fault.field), Err(Field::Pairwise));
        }
    }
}
