//! The password grant: its scope, and that its refusals tell nothing.

use crate::sample::{authed, client, form, person, scope, told};
use vestibule_oauth::grant::{self, Ask, password::judge};
use vestibule_oauth::refusal::Code;
use vestibule_oauth::template::{Template, Wire};
use vestibule_oauth::token::PersonStanding;

#[test]
fn st_54_scope_is_what_is_asked_of_what_is_registered_or_all_of_that() {
    let mut gitlife = client(Template::Gitlife);
    gitlife.scopes = scope("user_info projects");
    let client = authed(gitlife);
    let read =
        |rest: &str| grant::read(&client, &form(&format!("grant_type=password&username=a@b.example&password=p{rest}")));
    let granted = |rest: &str| match read(rest) {
        Ok(Ask::Password(ask)) => ask.scope,
        other => panic!("{other:?}"),
    };
    assert_eq!(granted(""), scope("user_info projects"));
    assert_eq!(granted("&scope=projects"), scope("projects"));
    assert_eq!(read("&scope=projects%20issues").unwrap_err().code, Code::InvalidScope);
}

#[test]
fn the_right_password_of_an_enabled_person_is_good() {
    assert!(judge(&authed(client(Template::Gitlife)), Some(person()), true).is_ok());
}

#[test]
fn fm_96_unknown_name_wrong_password_and_disabled_person_are_refused_alike() {
    let client = authed(client(Template::Gitlife));
    let off = PersonStanding { enabled: false, ..person() };
    let off_and_unassigned = PersonStanding { assigned: false, ..off };
    let unassigned = PersonStanding { assigned: false, ..person() };
    let cases = [
        (None, false),
        (None, true),
        (Some(person()), false),
        (Some(unassigned), false),
        (Some(off), true),
        (Some(off), false),
        (Some(off_and_unassigned), true),
    ];
    for (person, matched) in cases {
        let refusal = judge(&client, person, matched).unwrap_err();
        assert_eq!((refusal.code, refusal.status(), refusal.wire), (Code::InvalidGrant, 400, Wire::Gitlife));
        assert_eq!(refusal.description(), "username or password is wrong.", "{person:?} {matched}");
    }
}

#[test]
fn fm_62_a_person_who_is_not_assigned_gets_nothing() {
    let unassigned = PersonStanding { assigned: false, ..person() };
    let refusal = judge(&authed(client(Template::Gitlife)), Some(unassigned), true).unwrap_err();
    assert_eq!((refusal.code, refusal.wire), (Code::InvalidGrant, Wire::Gitlife));
    assert!(refusal.description().contains("assign"));
    let refusal = judge(&authed(client(Template::IdaasOauth2)), Some(unassigned), true).unwrap_err();
    assert_eq!(told(&refusal), (Code::Forbidden, "Forbidden", 403));
}
