//! What an application says about signing out: what is wanted, and whether it may be.
//!
//! Owns the verbs of an administrator. What may be registered is `oauth::logout`'s and `oauth::redirect_uri`'s; whether
//! the server can reach an address is its own to find out (`reach`).

use super::applications::{self, Add, Input};
use super::fields::{Fault, Faults, Field};
use super::{Changed, Desk, Thing, Unknown, reach};
use crate::outbound::allowed::AllowedHost;
use std::collections::HashSet;
use url::Url;
use vestibule_oauth::logout;
use vestibule_oauth::redirect_uri;
use vestibule_oauth::template::{Switches, Template};
use vestibule_store::StoreError;
use vestibule_store::clients::{ApplicationSheet, Change};
use vestibule_store::logout::{Backchannel, LogoutSettings};

/// How many addresses people may be sent to.
const POST_LOGOUT_REDIRECT_URIS: usize = 50;

/// What is wanted; `None` leaves a setting as it stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// All addresses that people may be sent to after signing out.
    pub post_logout_redirect_uris: Option<&'a [String]>,
    /// Where it wants to hear of ended sessions, or nowhere.
    pub backchannel_logout_uri: Option<Option<&'a str>>,
    /// Whether it needs the session's identifier; goes with an address.
    pub session_required: bool,
}

impl Wanted<'_> {
    /// Whether anything is.
    pub const fn any(&self) -> bool {
        self.post_logout_redirect_uris.is_some() || self.backchannel_logout_uri.is_some()
    }
}

/// What became of settings to set.
#[derive(Debug)]
pub enum Set {
    /// They stand.
    Done,
    /// They are not fit for this application.
    Wrong(Vec<Fault>),
    /// There is no such application.
    Unknown(Unknown),
}

/// Adds an application with what it says about signing out.
pub async fn add(desk: &Desk<'_>, input: Input<'_>, wanted: Wanted<'_>) -> Result<Add, StoreError> {
    if !wanted.any() {
        return applications::add(desk, input).await;
    }
    let settings = match judge(&wanted, input.template, &input.template.switches(), &reach::allowed(desk).await?) {
        Ok(settings) => settings,
        Err(faults) => return Ok(Add::Wrong(faults)),
    };
    let (added, secret) = match applications::add(desk, input).await? {
        Add::Added(added, secret) => (added, secret),
        not_added => return Ok(not_added),
    };
    let id = added.client.id;
    desk.store.set_logout(id, &settings, &desk.note()).await?;
    let sheet = desk.store.show_application(id).await?;
    Ok(Add::Added(sheet.map_or(added, Box::new), secret))
}

/// Sets what is wanted at the application of this name or client_id.
pub async fn set(desk: &Desk<'_>, name: &str, wanted: Wanted<'_>) -> Result<Set, StoreError> {
    let before = match applications::show(desk, name).await? {
        Changed::Done(sheet) => sheet,
        Changed::Unknown(unknown) => return Ok(Set::Unknown(unknown)),
    };
    let client = &before.client;
    let settings = match judge(&wanted, client.template, &client.switches, &reach::allowed(desk).await?) {
        Ok(settings) => settings,
        Err(faults) => return Ok(Set::Wrong(faults)),
    };
    Ok(match desk.store.set_logout(client.id, &settings, &desk.note()).await? {
        Change::Done => Set::Done,
        Change::NotFound => Set::Unknown(Unknown::new(Thing::Application, name, [])),
    })
}

/// What an administrator should hear of an address that the server may not call.
pub async fn remark(desk: &Desk<'_>, sheet: &ApplicationSheet) -> Result<Option<String>, StoreError> {
    let Some(url) = sheet.logout.backchannel.as_ref().and_then(|b| Url::parse(&b.uri).ok()) else { return Ok(None) };
    reach::remark(desk, &url).await
}

fn judge(
    wanted: &Wanted<'_>,
    template: Template,
    switches: &Switches,
    allowed: &[AllowedHost],
) -> Result<LogoutSettings, Vec<Fault>> {
    let mut faults = Faults::default();
    if !template.redirects() && wanted.any() {
        let sentence = format!("template {} signs nobody in; leave it out.", template.name());
        faults.note(Field::PostLogoutRedirectUri, sentence);
    }
    let uris = wanted.post_logout_redirect_uris.map(|texts| after(texts, switches, &mut faults));
    let backchannel = wanted.backchannel_logout_uri.map(|uri| {
        let uri = uri.and_then(|text| {
            let allowed = |url: &Url| allowed.iter().any(|host| host.allows(url));
            logout::register_backchannel(text, allowed)
                .map_err(|problem| {
                    faults.note(Field::BackchannelLogoutUri, format!("{text:?} cannot be registered: {problem}"));
                })
                .ok()
        });
        uri.map(|uri| Backchannel { uri: uri.as_str().to_owned(), session_required: wanted.session_required })
    });
    faults.or(LogoutSettings { post_logout_redirect_uris: uris, backchannel })
}

/// The addresses to be sent to after signing out: fit by the rules of redirect URIs.
fn after(texts: &[String], switches: &Switches, faults: &mut Faults) -> Vec<String> {
    let field = Field::PostLogoutRedirectUri;
    if texts.len() > POST_LOGOUT_REDIRECT_URIS {
        let count = texts.len();
        faults.note(field, format!("there are {count}; at most {POST_LOGOUT_REDIRECT_URIS} can be registered."));
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut fit = Vec::new();
    for text in texts.iter().filter(|text| seen.insert(text.as_str())) {
        match redirect_uri::register(text, switches) {
            Ok(uri) => fit.push(uri.as_str().to_owned()),
            Err(problem) => faults.note(field, format!("{text:?} cannot be registered: {problem}")),
        }
    }
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(template: Template, uris: &[&str], backchannel: Option<&str>, allowed: &[&str]) -> Vec<Field> {
        let uris: Vec<String> = uris.iter().map(|uri| (*uri).to_owned()).collect();
        let wanted = Wanted {
            post_logout_redirect_uris: Some(&uris),
            backchannel_logout_uri: Some(backchannel),
            session_required: false,
        };
        let allowed: Vec<_> = allowed.iter().map(|host| AllowedHost::parse(host).unwrap()).collect();
        let judged = judge(&wanted, template, &template.switches(), &allowed);
        judged.err().unwrap_or_default().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn st_128_fm_08_the_address_after_signing_out_is_judged_like_a_redirect_uri() {
        use Field::PostLogoutRedirectUri as Uri;
        for good in ["https://a.example/out", "http://localhost:8080/out", "http://127.0.0.1/"] {
            assert_eq!(fields(Template::Web, &[good], None, &[]), [], "{good}");
        }
        for bad in [
            "http://a.example/out",
            "javascript:alert(1)",
            "data:text/html,x",
            "//a.example/",
            "/out",
            "https://a.example/#x",
            "https://u@a.example/",
            "https://a.example/../x",
            "https://a.example/?state=x",
            " https://a.example/",
            "https://a.example/\u{1}",
            "JaVaScRiPt:alert(1)",
        ] {
            assert_eq!(fields(Template::Web, &[bad], None, &[]), [Uri], "{bad}");
        }
        assert_eq!(fields(Template::Service, &["https://a.example/"], None, &[]), [Uri]);
        assert_eq!(fields(Template::Native, &["com.example.app:/out"], None, &[]), []);
    }

    #[test]
    fn st_129_fm_08_the_backchannel_is_https_unless_it_is_loopback_or_an_allowed_host() {
        use Field::BackchannelLogoutUri as Uri;
        for good in ["https://a.example/bc", "https://a.example:8443/bc?x=1", "http://127.0.0.1:8080/bc"] {
            assert_eq!(fields(Template::Web, &[], Some(good), &[]), [], "{good}");
        }
        let inside = "http://wiki.internal:8080/bc";
        assert_eq!(fields(Template::Web, &[], Some(inside), &[]), [Uri]);
        assert_eq!(fields(Template::Web, &[], Some(inside), &["wiki.internal:8080"]), []);
        assert_eq!(fields(Template::Web, &[], Some(inside), &["wiki.internal:8081"]), [Uri]);
        // The switch for older redirect URIs opens nothing here.
        assert_eq!(fields(Template::IdaasOauth2, &[], Some("http://a.example/bc"), &[]), [Uri]);
        for bad in ["com.example.app:/bc", "ftp://a.example/", "javascript:alert(1)", "https://a.example/#f", "", "a"] {
            assert_eq!(fields(Template::Native, &[], Some(bad), &[]), [Uri], "{bad}");
        }
    }
}
