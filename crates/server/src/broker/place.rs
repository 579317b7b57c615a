//! A host configuration as the rulebook needs it: its kind, its addresses, and ourselves as an application there.
//!
//! Owns how a stored configuration becomes these, and opening its secret. Which configuration is meant is the store's.

use super::{NotKept, callback_uri};
use crate::app::App;
use crate::seal::{Place as SealedPlace, Scope};
use std::sync::Arc;
use vestibule_githost::address::Base;
use vestibule_githost::host::GitHost as Kind;
use vestibule_githost::registry;
use vestibule_githost::secret::Secret;
use vestibule_githost::site::{Application, Site, Visit};
use vestibule_oauth::id::Id;
use vestibule_store::git_hosts::GitHost;

/// A host that can be asked.
pub struct Place<'a> {
    /// Its configuration.
    pub host: &'a GitHost,
    /// How hosts of its kind are asked.
    pub kind: &'static dyn Kind,
    /// Where it is.
    pub site: Arc<Site>,
}

impl<'a> Place<'a> {
    /// The place of a configuration; `None` for a kind that this version does not know.
    pub fn of(host: &'a GitHost) -> Option<Place<'a>> {
        let kind = registry::find(&host.kind)?;
        let web = Base::parse(&host.web).ok()?;
        Some(Place { host, kind, site: Arc::new(kind.site(web)) })
    }

    /// As [`Place::of`]; a kind that is not known cannot be asked.
    pub fn asked(host: &'a GitHost) -> Result<Place<'a>, NotKept> {
        Place::of(host).ok_or(NotKept::CannotDo("this kind of host is not known here"))
    }

    /// Ourselves there, for the addresses that a browser is sent to: nothing secret is in it. `None` where the
    /// configuration has no client id.
    pub fn visible(&self, issuer: &str) -> Option<Application> {
        Some(Application {
            client_id: self.host.client_id.clone()?,
            client_secret: Secret::new(""),
            redirect_uri: callback_uri(issuer, self.host.id),
            scopes: self.host.scopes.clone(),
        })
    }

    /// Ourselves there, with our secret.
    pub async fn application(&self, app: &App) -> Result<Application, NotKept> {
        let (Some(application), Some(sealed)) = (self.visible(&app.issuer), &self.host.secret) else {
            return Err(NotKept::NoApplication);
        };
        let scope = self.host.project.map_or(Scope::Deployment, Scope::Project);
        let place = SealedPlace { table: "git_hosts", column: "secret", row: self.host.id };
        let opened = app.seal.open_value(scope, &place, sealed).await?;
        Ok(Application { client_secret: text(&opened)?, ..application })
    }

    /// A visit there with this token.
    pub fn visit(&self, token: &Secret) -> Visit {
        Visit { site: self.site.clone(), token: token.clone() }
    }
}

/// What was opened, as the text that was sealed.
pub fn text(opened: &[u8]) -> Result<Secret, NotKept> {
    let text = std::str::from_utf8(opened).map_err(|_| NotKept::Ours("a sealed value is no text".to_owned()))?;
    Ok(Secret::new(text))
}

/// Where a column of a row is sealed.
pub const fn sealed_at(table: &'static str, column: &'static str, row: Id) -> SealedPlace {
    SealedPlace { table, column, row }
}
