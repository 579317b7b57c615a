//! Applications: adding, listing, secrets, switching off and on, removing.
//!
//! Owns what an administrator may do with an application. What a redirect URI or a template may be is `oauth`'s; the
//! addresses that an application's developer needs are `addresses`'s, who may use one is said in `assignments`.

use super::application_settings::{self, Wanted};
use super::fields::{self, Fault, Faults, Field};
use super::{Changed, Desk, Thing, Unknown};
use std::collections::HashSet;
use vestibule_oauth::client::{Access, AccessTokenFormat, Client};
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::redirect_uri;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::{Kind, Secret};
use vestibule_oauth::template::{Switch, Template};
use vestibule_store::StoreError;
use vestibule_store::clients::{
    AddApplication, ApplicationLine, ApplicationSheet, Change, Logo, NewApplication, NewRedirectUri, NewSecret,
};

/// How many redirect URIs and scopes an application may register.
const REDIRECT_URIS: usize = 50;
const SCOPES: usize = 64;

/// What is said about an application to add.
#[derive(Debug)]
pub struct Input<'a> {
    /// The name that people see.
    pub name: &'a str,
    /// What its switches start with.
    pub template: Template,
    /// Its redirect URIs.
    pub redirect_uris: &'a [String],
    /// Its scopes, separated by spaces; `None` for the template's.
    pub scopes: Option<&'a str>,
    /// Its home page.
    pub home_page: Option<&'a str>,
    /// Its logo, the bytes of the file.
    pub logo: Option<Vec<u8>>,
    /// Whether it is shown as verified.
    pub verified: bool,
    /// Who may sign in to it; `None` for the template's.
    pub access: Option<Access>,
    /// How its tokens look and by which `sub` it knows people.
    pub settings: Wanted<'a>,
}

/// What became of an application to add.
#[derive(Debug)]
pub enum Add {
    /// Added, with its secret, if it keeps one: this is the only time that it is shown.
    Added(Box<ApplicationSheet>, Option<Secret>),
    /// Fields are not fit.
    Wrong(Vec<Fault>),
    /// Another application has this name.
    NameTaken,
}

/// Adds an application.
pub async fn add(desk: &Desk<'_>, input: Input<'_>) -> Result<Add, StoreError> {
    let id = desk.id();
    let mut new = match judge(id, input) {
        Ok(new) => new,
        Err(faults) => return Ok(Add::Wrong(faults)),
    };
    let secret = new.client.confidential.then(|| desk.dice.secret(Kind::ClientSecret, desk.id()));
    new.secret = secret.as_ref().map(|secret| NewSecret { id: secret.id(), digest: secret.digest() });
    match desk.store.add_application(&new, &desk.note()).await? {
        AddApplication::Added => {}
        AddApplication::NameTaken => return Ok(Add::NameTaken),
        AddApplication::ClientIdTaken => return Err(StoreError::inconsistent_row("applications.client_id", id)),
    }
    let sheet = desk.store.show_application(id).await?;
    let sheet = sheet.ok_or_else(|| StoreError::inconsistent_row("applications.id", id))?;
    Ok(Add::Added(Box::new(sheet), secret.map(|secret| secret.spell())))
}

/// Judges every field; gives the application without a secret.
fn judge(id: Id, input: Input<'_>) -> Result<NewApplication, Vec<Fault>> {
    let mut faults = Faults::default();
    let template = input.template;
    let name = faults.take(fields::name(input.name));
    let redirect_uris = redirect_uris(template, input.redirect_uris, &mut faults);
    let scopes = input.scopes.map_or_else(|| Ok(template.default_scopes()), scopes);
    let scopes = faults.take(scopes);
    let home_page = faults.take_if(input.home_page, fields::home_page);
    let logo = input.logo.and_then(|bytes| match fields::logo(&bytes) {
        Ok(media_type) => Some(Logo { media_type: media_type.to_owned(), bytes }),
        Err(fault) => {
            faults.note(fault.field, fault.sentence);
            None
        }
    });
    let uris = redirect_uris.iter().map(|uri| uri.uri.as_str());
    let settings = faults.take(application_settings::judge(&input.settings, template, uris));
    let client = Client {
        id,
        client_id: format!("app_{id}"),
        name,
        template,
        confidential: template.confidential(),
        switches: template.switches(),
        lifetimes: template.lifetimes(),
        scopes,
        access: input.access.unwrap_or(template.access()),
        id_token_alg: settings.id_token_alg.unwrap_or(Algorithm::Rs256),
        access_token_format: settings.access_token_format.unwrap_or(AccessTokenFormat::Opaque),
        sector: settings.sector.flatten(),
        enabled: true,
    };
    let verified = input.verified;
    faults.or(NewApplication { client, home_page, logo, verified, redirect_uris, secret: None })
}

fn scopes(text: &str) -> Result<ScopeSet, Fault> {
    let wrong = |sentence: &str| Err(fields::fault(Field::Scopes, sentence));
    match ScopeSet::parse(text) {
        Err(_) => {
            wrong("a scope name may hold visible ASCII characters but '\"' and '\\' only; separate them by spaces.")
        }
        Ok(set) if set.is_empty() => wrong("it names none; leave it out for the template's, or name some."),
        Ok(set) if set.len() > SCOPES => wrong("it names more than 64; register fewer."),
        Ok(set) => Ok(set),
    }
}

fn redirect_uris(template: Template, texts: &[String], faults: &mut Faults) -> Vec<NewRedirectUri> {
    let field = Field::RedirectUri;
    match (template.redirects(), texts.len()) {
        (true, 0) => faults.note(field, format!("template {} needs at least one; name it.", template.name())),
        (false, 1..) => faults.note(field, format!("template {} sends nobody back; leave it out.", template.name())),
        (_, count) if count > REDIRECT_URIS => {
            faults.note(field, format!("there are {count}; at most {REDIRECT_URIS} can be registered."));
            return Vec::new();
        }
        _ => {}
    }
    let mut seen = HashSet::new();
    let mut fit = Vec::new();
    for text in texts.iter().filter(|text| seen.insert(text.as_str())) {
        match redirect_uri::register(text, &template.switches()) {
            Ok(uri) => {
                let origin = redirect_uri::origin(uri.as_str());
                fit.push(NewRedirectUri { uri: uri.as_str().to_owned(), origin });
            }
            Err(problem) => faults.note(field, format!("{text:?} cannot be registered: {problem}")),
        }
    }
    fit
}

/// All applications in the order of their names.
pub async fn list(desk: &Desk<'_>) -> Result<Vec<ApplicationLine>, StoreError> {
    desk.store.list_applications().await
}

/// The row of the application of this name or client_id.
pub async fn find(desk: &Desk<'_>, name: &str) -> Result<Changed<Id>, StoreError> {
    if let Some(id) = desk.store.find_application(name).await? {
        return Ok(Changed::Done(id));
    }
    let lines = desk.store.list_applications().await?;
    let names = lines.iter().map(|line| line.client.name.as_str());
    Ok(Changed::Unknown(Unknown::new(Thing::Application, name, names)))
}

/// Everything about one application.
pub async fn show(desk: &Desk<'_>, name: &str) -> Result<Changed<Box<ApplicationSheet>>, StoreError> {
    match find(desk, name).await? {
        Changed::Done(id) => sheet(desk, id, name).await,
        Changed::Unknown(unknown) => Ok(Changed::Unknown(unknown)),
    }
}

pub(super) async fn sheet(desk: &Desk<'_>, id: Id, name: &str) -> Result<Changed<Box<ApplicationSheet>>, StoreError> {
    let sheet = desk.store.show_application(id).await?;
    Ok(sheet.map_or_else(|| gone(name), |sheet| Changed::Done(Box::new(sheet))))
}

pub(super) fn gone<T>(name: &str) -> Changed<T> {
    Changed::Unknown(Unknown::new(Thing::Application, name, []))
}

/// What became of a secret to rotate.
#[derive(Debug)]
pub enum Rotate {
    /// The new secret: this is the only time that it is shown.
    Rotated(Box<ApplicationSheet>, Secret),
    /// The application is a public client: it keeps no secret.
    KeepsNoSecret,
    /// There is no such application.
    Unknown(Unknown),
}

/// Gives the application a new secret; the ones before end after `overlap_ms`.
pub async fn rotate_secret(desk: &Desk<'_>, name: &str, overlap_ms: i64) -> Result<Rotate, StoreError> {
    let before = match show(desk, name).await? {
        Changed::Done(sheet) => sheet,
        Changed::Unknown(unknown) => return Ok(Rotate::Unknown(unknown)),
    };
    if !before.client.confidential {
        return Ok(Rotate::KeepsNoSecret);
    }
    let secret = desk.dice.secret(Kind::ClientSecret, desk.id());
    let new = NewSecret { id: secret.id(), digest: secret.digest() };
    let change = desk.store.rotate_secret(before.client.id, &new, overlap_ms, &desk.note()).await?;
    let after = match change {
        Change::Done => sheet(desk, before.client.id, name).await?,
        Change::NotFound => gone(name),
    };
    Ok(match after {
        Changed::Done(sheet) => Rotate::Rotated(sheet, secret.spell()),
        Changed::Unknown(unknown) => Rotate::Unknown(unknown),
    })
}

/// What became of a secret to remove.
#[derive(Debug)]
pub enum RemoveSecret {
    /// It authenticates nobody any more.
    Removed(Box<ApplicationSheet>),
    /// The application has no secret of this id.
    NoSuchSecret,
    /// There is no such application.
    Unknown(Unknown),
}

/// Removes the secret of this id, as [`show`] tells it. What was issued to whoever knew it lives on, unless it was the last.
pub async fn remove_secret(desk: &Desk<'_>, name: &str, secret: &str) -> Result<RemoveSecret, StoreError> {
    let id = match find(desk, name).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(RemoveSecret::Unknown(unknown)),
    };
    let Some(secret) = Id::parse(secret) else { return Ok(RemoveSecret::NoSuchSecret) };
    if desk.store.remove_secret(id, secret, &desk.note()).await? == Change::NotFound {
        return Ok(RemoveSecret::NoSuchSecret);
    }
    Ok(match sheet(desk, id, name).await? {
        Changed::Done(sheet) => RemoveSecret::Removed(sheet),
        Changed::Unknown(unknown) => RemoveSecret::Unknown(unknown),
    })
}

/// Switches an application off or on. What it got before stays dead after switching on again.
pub async fn set_enabled(
    desk: &Desk<'_>,
    name: &str,
    enabled: bool,
) -> Result<Changed<Box<ApplicationSheet>>, StoreError> {
    let id = match find(desk, name).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    match desk.store.set_application_enabled(id, enabled, &desk.note()).await? {
        Change::Done => sheet(desk, id, name).await,
        Change::NotFound => Ok(gone(name)),
    }
}

/// Turns one of the application's switches on or off; `None` only shows how it stands.
pub async fn set_switch(
    desk: &Desk<'_>,
    name: &str,
    switch: Switch,
    on: Option<bool>,
) -> Result<Changed<Box<ApplicationSheet>>, StoreError> {
    let Some(on) = on else { return show(desk, name).await };
    let id = match find(desk, name).await? {
        Changed::Done(id) => id,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    match desk.store.set_switch(id, switch, on, &desk.note()).await? {
        Change::Done => sheet(desk, id, name).await,
        Change::NotFound => Ok(gone(name)),
    }
}

/// Removes an application; gives what it was.
pub async fn remove(desk: &Desk<'_>, name: &str) -> Result<Changed<Box<ApplicationSheet>>, StoreError> {
    let before = match show(desk, name).await? {
        Changed::Done(sheet) => sheet,
        Changed::Unknown(unknown) => return Ok(Changed::Unknown(unknown)),
    };
    match desk.store.remove_application(before.client.id, &desk.note()).await? {
        Change::Done => Ok(Changed::Done(before)),
        Change::NotFound => Ok(gone(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input<'a>(template: Template, redirect_uris: &'a [String]) -> Input<'a> {
        let (scopes, home_page, logo, access) = (None, None, None, None);
        let settings = Wanted::default();
        Input { name: "Wiki", template, redirect_uris, scopes, home_page, logo, verified: false, access, settings }
    }

    fn fields(input: Input<'_>) -> Vec<Field> {
        let judged = judge(Id::from_bytes([1; 16]), input);
        judged.err().unwrap_or_default().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn an_application_registers_redirect_uris_exactly_where_its_template_sends_people_back() {
        let one = ["https://a.example/cb".to_owned()];
        assert_eq!(fields(input(Template::Web, &one)), []);
        assert_eq!(fields(input(Template::Web, &[])), [Field::RedirectUri]);
        assert_eq!(fields(input(Template::Service, &one)), [Field::RedirectUri]);
        assert_eq!(fields(input(Template::Service, &[])), []);
        let plain = ["http://a.example/cb".to_owned()];
        assert_eq!(fields(input(Template::Web, &plain)), [Field::RedirectUri]);
        assert_eq!(fields(input(Template::IdaasOauth2, &plain)), []);
        let many: Vec<String> = (0..51).map(|i| format!("https://a.example/{i}")).collect();
        assert_eq!(fields(input(Template::Web, &many)), [Field::RedirectUri]);
        assert_eq!(fields(input(Template::Web, &many[..50])), []);
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let uris = ["https://a.example/#f".to_owned()];
        let mut wrong = input(Template::Web, &uris);
        wrong.name = " ";
        wrong.scopes = Some("a\"b");
        wrong.home_page = Some("javascript:alert(1)");
        wrong.logo = Some(b"<svg/>".to_vec());
        let all = [Field::Name, Field::RedirectUri, Field::Scopes, Field::HomePage, Field::Logo];
        assert_eq!(fields(wrong), all);
    }

    #[test]
    fn scopes_are_named_bounded_and_default_to_the_templates() {
        let uris = ["https://a.example/cb".to_owned()];
        let mut none = input(Template::Web, &uris);
        none.scopes = Some("  ");
        assert_eq!(fields(none), [Field::Scopes]);
        let text: Vec<String> = (0..65).map(|i| format!("s{i}")).collect();
        let (most, more) = (text[..64].join(" "), text.join(" "));
        for (scopes, faults) in [(most.as_str(), vec![]), (more.as_str(), vec![Field::Scopes])] {
            let mut named = input(Template::Web, &uris);
            named.scopes = Some(scopes);
            assert_eq!(self::fields(named), faults);
        }
        let new = judge(Id::from_bytes([1; 16]), input(Template::Gitlife, &uris)).unwrap();
        assert_eq!(new.client.scopes, Template::Gitlife.default_scopes());
        assert_eq!(new.client.client_id, "app_01010101010101010101010101010101");
    }
}
