//! How an application's tokens look and by which `sub` it knows people, as an administrator sets it.
//!
//! Owns the guarded verb: two administrators who set two things at once both get what they asked for. What the settings
//! mean is `oauth::client`'s.

use crate::applications::{Change, claimed};
use crate::audit::{self, Event, Note, audited};
use crate::{Store, StoreError, statement};
use vestibule_oauth::client::AccessTokenFormat;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;

/// What to set; `None` leaves a setting as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What ID tokens are signed with.
    pub id_token_alg: Option<Algorithm>,
    /// What access tokens look like.
    pub access_token_format: Option<AccessTokenFormat>,
    /// The sector of pairwise subjects, or none for subjects that are the same everywhere.
    pub sector: Option<Option<String>>,
}

impl Store {
    /// Sets what `settings` names at the application, and leaves what stands so as it is. What was issued before stays
    /// what it is. Audited.
    pub async fn set_settings(&self, application: Id, settings: &Settings, note: &Note) -> Result<Change, StoreError> {
        const SET: &str = "UPDATE applications SET id_token_alg = COALESCE($3, id_token_alg), \
            access_token = COALESCE($4, access_token), sector = CASE WHEN $5 = 1 THEN $6 ELSE sector END, \
            updated_at = $7, changed_by = $8 WHERE id = $1 AND tenant = $2 \
            AND (id_token_alg <> COALESCE($3, id_token_alg) OR access_token <> COALESCE($4, access_token) \
            OR ($5 = 1 AND COALESCE(sector, '') <> COALESCE($6, ''))) RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM applications WHERE id = $11 AND changed_by = $1)");
        let algorithm = settings.id_token_alg.map(Algorithm::name);
        let format = settings.access_token_format.map(AccessTokenFormat::name);
        let sector = settings.sector.as_ref().and_then(Option::as_deref);
        let sets_sector = settings.sector.is_some();
        let event = Event {
            action: "application.set",
            target: format!("application:{application}"),
            outcome: "done",
            details: details(settings),
        };
        let verb = vec![
            statement!(SET, application, self.tenant(), algorithm, format, sets_sector, sector, note.at, note.id),
            audit::row(self, note, event, AUDIT, vec![application.into()]),
        ];
        if claimed(&self.run(verb).await?) {
            return Ok(Change::Done);
        }
        const THERE: &str = "SELECT id FROM applications WHERE id = $1 AND tenant = $2";
        Ok(Change::when(self.find(&statement!(THERE, application, self.tenant())).await?.is_some()))
    }
}

/// For the trail: what was set to what.
fn details(settings: &Settings) -> String {
    let sector = settings.sector.as_ref().map(|sector| match sector {
        Some(sector) => format!("pairwise {sector}"),
        None => "public".to_owned(),
    });
    let set = [
        settings.id_token_alg.map(|algorithm| format!("id_token_alg {}", algorithm.name())),
        settings.access_token_format.map(|format| format!("access_token {}", format.name())),
        sector.map(|sector| format!("subject {sector}")),
    ];
    set.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
