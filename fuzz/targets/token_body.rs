//! Bodies of the token endpoint: the first byte picks the application and the content type, the rest up to a line end is
//! the query, what follows the body. A parameter has one value wherever it stood, spelled again it is read again, and a
//! request that names another application is not this one's.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vestibule_fuzz::client;
use vestibule_oauth::client::RegisteredClient;
use vestibule_oauth::client_auth::{authenticate, by_refresh_token, identify};
use vestibule_oauth::grant;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::presented::Presented;
use vestibule_oauth::secret::{Kind, MachineSecret};

const NAMES: [&str; 12] = [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "client_id",
    "client_secret",
    "refresh_token",
    "scope",
    "username",
    "password",
    "token",
    "resource",
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let cut = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (query, body) = rest.split_at(cut);
    let Ok(query) = std::str::from_utf8(query) else { return };
    let body = match choice >> 5 {
        0 => Body::None,
        1 | 2 => Body::Json(body),
        3 => Body::Untyped(body),
        4 => Body::Foreign,
        _ => Body::Form(body),
    };
    let Ok(parameters) = Parameters::read(Some(query), body, None) else { return };
    check_values(&parameters);
    drop(Presented::read(&parameters));
    let client = client(*choice);
    let secret = MachineSecret::new(Kind::ClientSecret, client.id, [7; 32]);
    let registered = RegisteredClient { client: client.clone(), secrets: vec![secret.digest()] };
    let authed = match authenticate(&parameters, registered) {
        Ok(authed) => {
            assert_eq!(identify(&parameters).ok().flatten(), Some("app"));
            if client.confidential {
                let sent = parameters.get("client_secret").ok().flatten();
                assert_eq!(sent, Some(secret.spell().expose()));
            }
            authed
        }
        Err(_) => match by_refresh_token(&parameters, client) {
            Ok(authed) => authed,
            Err(_) => return,
        },
    };
    drop(grant::read(&authed, &parameters));
});

fn check_values(parameters: &Parameters) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    let values = NAMES.map(|name| parameters.get(name).ok().flatten());
    for (name, value) in NAMES.into_iter().zip(values) {
        if let Some(value) = value {
            assert!(!value.is_empty() && !value.contains(['\0', '\n', '\r']));
            form.append_pair(name, value);
        }
    }
    let again = form.finish();
    let again = Parameters::read(None, Body::Form(again.as_bytes()), None).expect("spelled by us");
    assert_eq!(NAMES.map(|name| again.get(name).ok().flatten()), values);
}
