//! The addresses that an application's developer needs, and what an administrator should be warned of.
//!
//! Owns which address belongs to which wire, as a console shows it under "view details".

use form_urlencoded::Serializer;
use vestibule_oauth::redirect_uri;
use vestibule_oauth::template::{Switch, Wire};
use vestibule_store::clients::ApplicationSheet;

/// Where an application sends people and calls.
#[derive(Debug)]
pub struct Addresses {
    /// The authorization request, ready to be opened: response_type, client_id, redirect_uri and scope are filled in.
    /// `None` for an application that sends nobody through a browser.
    pub authorize_url: Option<String>,
    /// The same without parameters.
    pub authorization_endpoint: String,
    /// The token endpoint.
    pub token_url: String,
    /// Where the wire reads the person; `None` where there is none.
    pub userinfo_url: Option<String>,
}

/// The addresses of an application at the server of this public URL.
pub fn addresses(issuer: &str, sheet: &ApplicationSheet) -> Addresses {
    let client = &sheet.client;
    let authorization_endpoint = format!("{issuer}/oauth/authorize");
    let people = client.has(Switch::CodeGrant) || client.has(Switch::PasswordGrant);
    let userinfo = match client.wire() {
        Wire::Standard => "/oauth/userinfo",
        Wire::Idaas => "/api/bff/v1.2/oauth2/userinfo",
        Wire::Gitlife => "/api/v5/user",
    };
    let authorize_url = sheet.redirect_uris.first().filter(|_| client.has(Switch::CodeGrant)).map(|redirect_uri| {
        let mut query = Serializer::new(String::new());
        query.append_pair("response_type", "code").append_pair("client_id", &client.client_id);
        query.append_pair("redirect_uri", redirect_uri).append_pair("scope", &client.scopes.to_string());
        format!("{authorization_endpoint}?{}", query.finish())
    });
    Addresses {
        authorize_url,
        authorization_endpoint,
        token_url: format!("{issuer}/oauth/token"),
        userinfo_url: people.then(|| format!("{issuer}{userinfo}")),
    }
}

/// What stands out about an application, one sentence each.
pub fn warnings(sheet: &ApplicationSheet) -> Vec<String> {
    let mut warnings = Vec::new();
    for uri in sheet.redirect_uris.iter().filter(|uri| redirect_uri::is_plain_http(uri)) {
        warnings.push(format!(
            "The redirect URI {uri} is plain http: whoever sits on the way can read the codes. Move it to https."
        ));
    }
    if sheet.client.has(Switch::PkceRequired) {
        warnings.push(
            "It keeps no secret, so PKCE is required: add code_challenge and code_challenge_method=S256 to authorize_url."
                .to_owned(),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_oauth::client::{AccessTokenFormat, Client};
    use vestibule_oauth::id::Id;
    use vestibule_oauth::jose::Algorithm;
    use vestibule_oauth::template::Template;

    fn sheet(template: Template, redirect_uris: &[&str]) -> ApplicationSheet {
        let client = Client {
            id: Id::from_bytes([7; 16]),
            client_id: "app_1".into(),
            name: "Wiki".into(),
            template,
            confidential: template.confidential(),
            switches: template.switches(),
            lifetimes: template.lifetimes(),
            scopes: template.default_scopes(),
            access: template.access(),
            id_token_alg: Algorithm::Rs256,
            access_token_format: AccessTokenFormat::Opaque,
            sector: None,
            enabled: true,
        };
        ApplicationSheet {
            client,
            home_page: None,
            verified: false,
            has_logo: false,
            created_at: 0,
            updated_at: 0,
            disabled_at: None,
            valid_from: 0,
            redirect_uris: redirect_uris.iter().map(|uri| (*uri).to_owned()).collect(),
            secrets: Vec::new(),
            assignments: Vec::new(),
            logout: vestibule_store::logout::LogoutSheet::default(),
            older_forms: Vec::new(),
        }
    }

    #[test]
    fn the_authorize_url_opens_as_it_is() {
        let found = addresses("https://id.example", &sheet(Template::IdaasOauth2, &["https://a.example/cb?x=1&y=2"]));
        let url = url::Url::parse(&found.authorize_url.unwrap()).unwrap();
        assert_eq!(url.as_str().split('?').next(), Some(found.authorization_endpoint.as_str()));
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            pairs,
            [
                ("response_type", "code"),
                ("client_id", "app_1"),
                ("redirect_uri", "https://a.example/cb?x=1&y=2"),
                ("scope", "read")
            ]
        );
    }

    #[test]
    fn each_wire_reads_the_person_at_its_own_address_and_a_service_at_none() {
        let place = |template, uris: &[&str]| addresses("https://id.example", &sheet(template, uris)).userinfo_url;
        let uri = ["https://a.example/"];
        assert_eq!(place(Template::Web, &uri).as_deref(), Some("https://id.example/oauth/userinfo"));
        let idaas = "https://id.example/api/bff/v1.2/oauth2/userinfo";
        assert_eq!(place(Template::IdaasOauth2, &uri).as_deref(), Some(idaas));
        assert_eq!(place(Template::Gitlife, &uri).as_deref(), Some("https://id.example/api/v5/user"));
        assert_eq!(place(Template::Service, &[]), None);
        assert!(addresses("https://id.example", &sheet(Template::Service, &[])).authorize_url.is_none());
    }

    #[test]
    fn plain_http_to_another_machine_stands_as_a_warning_and_loopback_does_not() {
        let found = |uris: &[&str]| warnings(&sheet(Template::Gitlife, uris)).len();
        assert_eq!(found(&["http://a.example/cb", "https://a.example/cb", "http://localhost:9/cb"]), 1);
        assert_eq!(found(&["http://127.0.0.1/cb"]), 0);
    }
}
