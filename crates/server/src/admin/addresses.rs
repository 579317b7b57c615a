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
