//! The client credentials grant: which scopes a client may have for itself.

use crate::sample::{authed, client, form, scope};
use vestibule_oauth::grant::{self, Ask};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::template::Template;

fn granted(registered: &str, rest: &str) -> Result<ScopeSet, Refusal> {
    let mut service = client(Template::Service);
    service.scopes = scope(registered);
    match grant::read(&authed(service), &form(&format!("grant_type=client_credentials{rest}")))? {
        Ask::ClientCredentials(ask) => Ok(ask.scope),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_service_gets_what_it_registered_or_less() {
    assert_eq!(granted("api admin", "").unwrap(), scope("api admin"));
    assert_eq!(granted("api admin", "&scope=admin").unwrap(), scope("admin"));
    assert_eq!(granted("api admin", "&scope=root").unwrap_err().code, Code::InvalidScope);
}

#[test]
fn st_54_scopes_of_a_person_are_never_a_clients_own() {
    let all = "openid profile email phone address offline_access";
    assert_eq!(granted(&format!("{all} api"), "").unwrap(), scope("api"));
    for name in all.split(' ') {
        let refusal = granted(&format!("{all} api"), &format!("&scope={name}")).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidScope, "{name}");
    }
    assert_eq!(granted(all, "").unwrap_err().code, Code::InvalidScope);
}
