//! The way out: a flow is opened, and a person's browser is sent to the host.
//!
//! Owns the state, the code verifier and the address. The way back is `pages/git`'s and `finishing`'s.

use super::NotKept;
use super::place::{Place, sealed_at};
use crate::app::App;
use crate::seal::Scope;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use vestibule_githost::site::Departure;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, Kind, Secret};
use vestibule_store::git_flows::{NewGitFlow, OpenGitFlow};
use vestibule_store::git_hosts::GitHost;

/// Who sets out, for which project, to which host.
#[derive(Clone, Copy)]
pub struct Traveller<'a> {
    /// The person.
    pub person: Id,
    /// The project that is to get the authorization.
    pub project: Id,
    /// The host.
    pub host: &'a GitHost,
    /// The tag by which it was chosen.
    pub tag: Option<&'a str>,
    /// The authorization that is to be renewed in place.
    pub renews: Option<Id>,
}

/// Opens a flow and gives the address to send the person's browser to.
pub async fn depart(app: &App, traveller: Traveller<'_>) -> Result<String, NotKept> {
    let Traveller { person, project, host, tag, renews } = traveller;
    let place = Place::asked(host)?;
    let application = place.visible(&app.issuer).filter(|_| host.secret.is_some()).ok_or(NotKept::NoApplication)?;
    let now = app.clock.now();
    let state = app.dice.secret(Kind::GitState, app.dice.id(now));
    let verifier = place.kind.habits().knows_pkce.then(|| Secret::new(URL_SAFE_NO_PAD.encode(app.dice.bytes::<32>())));
    let sealed = match &verifier {
        Some(verifier) => {
            let at = sealed_at("git_flows", "verifier", state.id());
            Some(app.seal.seal(Scope::Project(project), &at, verifier.expose().as_bytes()).await?)
        }
        None => None,
    };
    let flow = NewGitFlow {
        id: state.id(),
        digest: state.digest(),
        person,
        project,
        host: host.id,
        tag: tag.map(str::to_owned),
        redirect_uri: application.redirect_uri.clone(),
        verifier: sealed,
        renews,
    };
    match app.store.open_git_flow(&flow, now).await? {
        OpenGitFlow::Opened => {}
        OpenGitFlow::TooMany => return Err(NotKept::TooMany),
        OpenGitFlow::NotServed => return Err(NotKept::NotServed),
    }
    let challenge = verifier.map(|verifier| challenge(&verifier));
    let state = state.spell();
    let departure = Departure { state: state.expose(), challenge: challenge.as_deref() };
    Ok(place.kind.send_user(&place.site, &application, departure))
}

/// S256 (RFC 7636 section 4.2).
fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Digest::of(verifier.expose().as_bytes()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_124_the_challenge_is_that_of_rfc_7636_appendix_b() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge(&verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
