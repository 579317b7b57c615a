//! An application on paper: its JSON object and its sheet.
//!
//! Owns the names of the members, which scripts rely on. `app` decides when one is printed.

use super::printout;
use crate::admin::addresses::{addresses, warnings};
use serde::Serialize;
use vestibule_oauth::secret::Secret;
use vestibule_oauth::template::Switch;
use vestibule_store::assignments::Subject;
use vestibule_store::clients::{ApplicationLine, ApplicationSheet};

/// An application in a list.
#[derive(Serialize)]
pub struct Line<'a> {
    pub name: &'a str,
    pub client_id: &'a str,
    pub template: &'static str,
    pub access: &'static str,
    pub verified: bool,
    pub enabled: bool,
    pub created_at: String,
}

impl<'a> Line<'a> {
    pub fn of(line: &'a ApplicationLine) -> Line<'a> {
        Line {
            name: &line.client.name,
            client_id: &line.client.client_id,
            template: line.client.template.name(),
            access: line.client.access.name(),
            verified: line.verified,
            enabled: line.client.enabled,
            created_at: printout::time(line.created_at),
        }
    }
}

/// One application with everything that is known.
#[derive(Serialize)]
pub struct Sheet<'a> {
    name: &'a str,
    client_id: &'a str,
    /// Shown once, when it is made; null for an application that keeps none.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<Option<&'a str>>,
    authorize_url: Option<String>,
    authorization_endpoint: String,
    token_url: String,
    userinfo_url: Option<String>,
    template: &'static str,
    redirect_uris: &'a [String],
    post_logout_redirect_uris: &'a [String],
    backchannel_logout_uri: Option<&'a str>,
    backchannel_logout_session_required: bool,
    scopes: Vec<&'a str>,
    access: &'static str,
    id_token_alg: &'static str,
    access_token: &'static str,
    sector: Option<&'a str>,
    home_page: Option<&'a str>,
    logo: bool,
    verified: bool,
    enabled: bool,
    disabled_at: Option<String>,
    created_at: String,
    updated_at: String,
    switches: Vec<&'static str>,
    access_token_seconds: i64,
    refresh_token_idle_seconds: Option<i64>,
    secrets: Vec<SecretView>,
    assignments: Vec<AssignmentView<'a>>,
    older_forms: Vec<OlderFormView>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct SecretView {
    id: String,
    created_at: String,
    ends_at: Option<String>,
}

#[derive(Serialize)]
struct AssignmentView<'a> {
    kind: &'static str,
    name: &'a str,
    assigned_at: String,
}

#[derive(Serialize)]
struct OlderFormView {
    form: &'static str,
    uses: i64,
    last_day: String,
}

impl<'a> Sheet<'a> {
    /// The sheet of an application at the server of the public URL `issuer`.
    pub fn of(sheet: &'a ApplicationSheet, issuer: &str) -> Sheet<'a> {
        let client = &sheet.client;
        let places = addresses(issuer, sheet);
        let backchannel = sheet.logout.backchannel.as_ref();
        let refreshes = client.has(Switch::RefreshGrant);
        Sheet {
            name: &client.name,
            client_id: &client.client_id,
            client_secret: None,
            authorize_url: places.authorize_url,
            authorization_endpoint: places.authorization_endpoint,
            token_url: places.token_url,
            userinfo_url: places.userinfo_url,
            template: client.template.name(),
            redirect_uris: &sheet.redirect_uris,
            post_logout_redirect_uris: &sheet.logout.post_logout_redirect_uris,
            backchannel_logout_uri: backchannel.map(|b| b.uri.as_str()),
            backchannel_logout_session_required: backchannel.is_some_and(|b| b.session_required),
            scopes: client.scopes.iter().collect(),
            access: client.access.name(),
            id_token_alg: client.id_token_alg.name(),
            access_token: client.access_token_format.name(),
            sector: client.sector.as_deref(),
            home_page: sheet.home_page.as_deref(),
            logo: sheet.has_logo,
            verified: sheet.verified,
            enabled: sheet.disabled_at.is_none(),
            disabled_at: sheet.disabled_at.map(printout::time),
            created_at: printout::time(sheet.created_at),
            updated_at: printout::time(sheet.updated_at),
            switches: Switch::ALL.into_iter().filter(|switch| client.has(*switch)).map(Switch::name).collect(),
            access_token_seconds: client.lifetimes.access_ms / 1000,
            refresh_token_idle_seconds: refreshes.then_some(client.lifetimes.refresh_idle_ms / 1000),
            secrets: secrets(sheet),
            assignments: assignments(sheet),
            older_forms: older_forms(sheet),
            warnings: warnings(sheet),
        }
    }

    /// The same with the secret that was just made, or with the word that there is none.
    pub fn with_secret(mut self, secret: Option<&'a Secret>) -> Sheet<'a> {
        self.client_secret = Some(secret.map(Secret::expose));
        self
    }

    /// For people.
    pub fn text(&self) -> String {
        let list = |values: &[String]| if values.is_empty() { "-".to_owned() } else { values.join("\n") };
        let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
        let yes = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
        let mut rows = vec![("name", self.name.to_owned()), ("client_id", self.client_id.to_owned())];
        match self.client_secret {
            Some(Some(secret)) => rows.push(("client_secret", secret.to_owned())),
            Some(None) => rows.push(("client_secret", "none (public client)".to_owned())),
            None => {}
        }
        rows.extend([
            ("authorize_url", text(self.authorize_url.as_deref())),
            ("authorization_endpoint", self.authorization_endpoint.clone()),
            ("token_url", self.token_url.clone()),
            ("userinfo_url", text(self.userinfo_url.as_deref())),
            ("template", self.template.to_owned()),
            ("redirect URIs", list(self.redirect_uris)),
            ("after sign-out", list(self.post_logout_redirect_uris)),
            ("told of logouts at", text(self.backchannel_logout_uri)),
            ("scopes", self.scopes.join(" ")),
            ("access", self.access.to_owned()),
            ("ID tokens", self.id_token_alg.to_owned()),
            ("access tokens", self.access_token.to_owned()),
            ("subjects", self.sector.map_or("public".to_owned(), |sector| format!("pairwise for {sector}"))),
            ("home page", text(self.home_page)),
            ("logo", yes(self.logo)),
            ("verified", yes(self.verified)),
            ("state", self.disabled_at.as_ref().map_or("enabled".to_owned(), |at| format!("disabled since {at}"))),
            ("added", self.created_at.clone()),
            ("switches", self.switches.join(" ")),
        ]);
        let secret = |secret: &SecretView| match &secret.ends_at {
            Some(end) => format!("{}, made {}, ends {end}", secret.id, secret.created_at),
            None => format!("{}, made {}", secret.id, secret.created_at),
        };
        rows.push(("secrets", list(&self.secrets.iter().map(secret).collect::<Vec<_>>())));
        let assigned = |to: &AssignmentView| format!("{} {}", to.kind, to.name);
        rows.push(("assigned to", list(&self.assignments.iter().map(assigned).collect::<Vec<_>>())));
        let used = |form: &OlderFormView| format!("{}: {} uses, the last on {}", form.form, form.uses, form.last_day);
        rows.push(("older forms", list(&self.older_forms.iter().map(used).collect::<Vec<_>>())));
        printout::sheet(&rows)
    }

    /// What a person should hear beside the sheet.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn secrets(sheet: &ApplicationSheet) -> Vec<SecretView> {
    let view = |line: &vestibule_store::clients::SecretLine| SecretView {
        id: line.id.to_string(),
        created_at: printout::time(line.created_at),
        ends_at: line.ends_at.map(printout::time),
    };
    sheet.secrets.iter().map(view).collect()
}

fn assignments(sheet: &ApplicationSheet) -> Vec<AssignmentView<'_>> {
    let kind = |subject| match subject {
        Subject::Person(_) => "user",
        Subject::Group(_) => "group",
        Subject::Organization(_) => "org",
    };
    let assignments = sheet.assignments.iter();
    assignments
        .map(|to| AssignmentView {
            kind: kind(to.subject),
            name: &to.name,
            assigned_at: printout::time(to.assigned_at),
        })
        .collect()
}

fn older_forms(sheet: &ApplicationSheet) -> Vec<OlderFormView> {
    let name = |number: i64| Switch::ALL.into_iter().find(|s| *s as i64 == number).map_or("unknown", Switch::name);
    let lines = sheet.older_forms.iter();
    lines
        .map(|line| OlderFormView {
            form: name(line.form),
            uses: line.uses,
            last_day: printout::time(line.last_day * 86_400_000)[..10].to_owned(),
        })
        .collect()
}
