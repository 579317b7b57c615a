//! What may be revoked, and by whom.

use crate::sample::{authed, client, form, id};
use vestibule_oauth::presented::Presented;
use vestibule_oauth::refusal::Code;
use vestibule_oauth::revocation::{may_revoke, read};
use vestibule_oauth::secret::{Kind, MachineSecret};
use vestibule_oauth::template::{Template, Wire};

fn spelled(kind: Kind) -> String {
    MachineSecret::new(kind, id(4), [5; 32]).spell().expose().to_owned()
}

fn shown(body: &str) -> Presented {
    read(&authed(client(Template::Web)), &form(body)).expect("is read")
}

#[test]
fn st_70_the_spelling_tells_the_kind_whatever_the_hint_says() {
    for hint in ["", "&token_type_hint=access_token", "&token_type_hint=refresh_token", "&token_type_hint=nonsense"] {
        let access = shown(&format!("token={}{hint}", spelled(Kind::AccessToken)));
        assert!(matches!(access, Presented::AccessToken(token) if token.id() == id(4)), "{hint}");
        let refresh = shown(&format!("token={}{hint}", spelled(Kind::RefreshToken)));
        assert!(matches!(refresh, Presented::RefreshToken(token) if token.id() == id(4)), "{hint}");
        for unknown in ["x", "vst_at_", "vst_ac_nearly", "vst_at_AAAA"] {
            assert!(matches!(shown(&format!("token={unknown}{hint}")), Presented::Unknown), "{unknown}");
        }
    }
}

#[test]
fn st_70_st_75_a_request_without_a_token_and_a_secret_that_is_no_token_are_refused_in_the_clients_wire() {
    let gitlife = authed(client(Template::Gitlife));
    for body in ["", "token=", "token_type_hint=access_token"] {
        let refusal = read(&gitlife, &form(body)).expect_err("is refused");
        assert_eq!((refusal.code, refusal.status(), refusal.wire), (Code::InvalidRequest, 400, Wire::Gitlife));
    }
    for kind in [Kind::Code, Kind::ClientSecret, Kind::Session, Kind::Browser, Kind::SetupLink, Kind::AccessKey] {
        let refusal = read(&gitlife, &form(&format!("token={}", spelled(kind)))).expect_err("is refused");
        assert_eq!((refusal.error(), refusal.status()), ("unsupported_token_type", 400), "{kind:?}");
    }
}

#[test]
fn st_71_a_client_revokes_its_own_tokens_only() {
    let client = authed(client(Template::Web));
    assert!(may_revoke(&client, id(1)) && !may_revoke(&client, id(2)));
}
