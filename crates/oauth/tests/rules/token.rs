//! Lifetimes at issue, and what ends a token.

use crate::sample::{NOW, client, off_switches, person, scope, standing, unassigned, with};
use vestibule_oauth::grant::Kind;
use vestibule_oauth::refusal::Code;
use vestibule_oauth::template::{Switch, Template, Wire};
use vestibule_oauth::token::{self, Dead, PersonStanding, RefreshPlan, Standing};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

#[test]
fn lifetimes_are_those_of_the_template() {
    let offline = scope("openid offline_access");
    let web = token::plan(&client(Template::Web), Kind::AuthorizationCode, &offline, NOW);
    assert_eq!(web.access_expires_at, NOW + 10 * MINUTE);
    assert_eq!(web.refresh, Some(RefreshPlan { idle_ends_at: NOW + 30 * DAY, max_ends_at: NOW + 365 * DAY }));

    let spa = token::plan(&client(Template::Spa), Kind::AuthorizationCode, &offline, NOW);
    assert_eq!(spa.refresh, Some(RefreshPlan { idle_ends_at: NOW + DAY, max_ends_at: NOW + DAY }));

    let idaas = token::plan(&client(Template::IdaasOauth2), Kind::AuthorizationCode, &scope("read"), NOW);
    assert_eq!((idaas.access_expires_at, idaas.refresh), (NOW + 7_200_000, None));

    let gitlife = token::plan(&client(Template::Gitlife), Kind::Password, &scope("user_info"), NOW);
    assert_eq!(gitlife.access_expires_at, NOW + DAY);
    assert_eq!(gitlife.refresh.map(|r| r.idle_ends_at), Some(NOW + 30 * DAY));

    let service = token::plan(&client(Template::Service), Kind::ClientCredentials, &scope("api"), NOW);
    assert_eq!((service.access_expires_at, service.refresh), (NOW + 60 * MINUTE, None));
}

#[test]
fn a_refresh_token_needs_offline_access_and_the_grant_or_the_switch_that_always_gives_one() {
    let gives = |client: &_, kind, text| token::plan(client, kind, &scope(text), NOW).refresh.is_some();
    let web = client(Template::Web);
    assert!(gives(&web, Kind::AuthorizationCode, "offline_access"));
    assert!(!gives(&web, Kind::AuthorizationCode, "openid"));
    assert!(!gives(&with(web.clone(), Switch::RefreshGrant, false), Kind::AuthorizationCode, "offline_access"));
    assert!(gives(&with(web, Switch::RefreshAlways, true), Kind::AuthorizationCode, "openid"));
}

#[test]
fn st_50_client_credentials_give_no_refresh_token() {
    let client = with(client(Template::Gitlife), Switch::ClientCredentialsGrant, true);
    let offline = scope("offline_access");
    assert_eq!(token::plan(&client, Kind::ClientCredentials, &offline, NOW).refresh, None);
    assert!(token::plan(&client, Kind::AuthorizationCode, &offline, NOW).refresh.is_some());
}

#[test]
fn st_69_idle_time_never_reaches_beyond_the_familys_end_and_rotation_does_not_move_that() {
    let web = client(Template::Web);
    let end = NOW + 40 * DAY;
    let early = token::rotate(&web, end, NOW);
    assert_eq!(early.refresh, Some(RefreshPlan { idle_ends_at: NOW + 30 * DAY, max_ends_at: end }));
    assert_eq!(early.access_expires_at, NOW + 10 * MINUTE);
    let late = token::rotate(&web, end, NOW + 20 * DAY);
    assert_eq!(late.refresh, Some(RefreshPlan { idle_ends_at: end, max_ends_at: end }));
}

#[test]
fn fm_30_fm_63_each_off_switch_ends_a_token_and_says_why() {
    assert_eq!(token::judge(&standing(), NOW), Ok(()));
    let reasons: Vec<_> = off_switches().iter().map(|(_, off)| token::judge(off, NOW).unwrap_err()).collect();
    let expected = [
        Dead::Expired,
        Dead::Revoked,
        Dead::GrantEnded,
        Dead::SignedOut,
        Dead::ConsentWithdrawn,
        Dead::OrganizationOff,
        Dead::ClientDisabled,
        Dead::BeforeClientValid,
        Dead::PersonDisabled,
        Dead::BeforePersonValid,
    ];
    assert_eq!(reasons, expected);
    assert_eq!(token::judge(&unassigned(), NOW), Err(Dead::NotAssigned));
}

#[test]
fn fm_73_fm_113_a_token_dies_on_its_millisecond() {
    let standing = standing();
    assert_eq!(token::judge(&standing, standing.expires_at - 1), Ok(()));
    assert_eq!(token::judge(&standing, standing.expires_at), Err(Dead::Expired));
    assert_eq!(token::judge(&standing, standing.expires_at + 1), Err(Dead::Expired));
}

#[test]
fn what_began_in_the_very_millisecond_of_a_switch_lives() {
    let person = PersonStanding { valid_from: NOW - 5000, signed_in_at: NOW - 5000, ..person() };
    let standing = Standing { client_valid_from: NOW - 1000, begun_at: NOW - 1000, person: Some(person), ..standing() };
    assert_eq!(token::judge(&standing, NOW), Ok(()));
}

#[test]
fn a_grant_hangs_on_its_sign_in_for_the_person_and_on_its_own_start_for_the_application() {
    // Given after the application came back, on an older session: lives.
    let standing = Standing { client_valid_from: NOW - 2000, begun_at: NOW - 1000, ..standing() };
    assert_eq!(token::judge(&standing, NOW), Ok(()));
    // Given after the password changed, on a session from before: dead.
    let person = PersonStanding { valid_from: NOW - 2000, signed_in_at: NOW - 5000, ..person() };
    assert_eq!(token::judge(&Standing { person: Some(person), ..standing }, NOW), Err(Dead::BeforePersonValid));
}

#[test]
fn a_token_without_a_person_asks_only_for_its_client() {
    assert_eq!(token::judge(&Standing { person: None, ..standing() }, NOW), Ok(()));
    let off = Standing { person: None, client_enabled: false, ..standing() };
    assert_eq!(token::judge(&off, NOW), Err(Dead::ClientDisabled));
}

#[test]
fn not_being_assigned_is_told_only_of_what_is_alive_otherwise() {
    for (name, off) in off_switches() {
        let both = Standing { person: off.person.map(|p| PersonStanding { assigned: false, ..p }), ..off };
        assert_ne!(token::judge(&both, NOW), Err(Dead::NotAssigned), "{name}");
    }
}

#[test]
fn st_113_resources_answer_401_for_dead_tokens_and_403_for_people_who_are_not_assigned() {
    for (name, off) in off_switches() {
        let refusal = token::judge(&off, NOW).unwrap_err().at_resource(Wire::Gitlife);
        assert_eq!((refusal.code, refusal.status(), refusal.wire), (Code::InvalidToken, 401, Wire::Gitlife), "{name}");
        let sentence = if name == "expired" { "Access token is expired" } else { "Access token is revoked" };
        assert_eq!(refusal.description(), sentence);
    }
    let refusal = Dead::NotAssigned.at_resource(Wire::Idaas);
    assert_eq!((refusal.error(), refusal.status()), ("Forbidden", 403));
    let refusal = token::unknown(Wire::Idaas);
    assert_eq!((refusal.error(), refusal.message(), refusal.status()), ("Unauthorized", "Unauthorized", 401));
    assert_eq!(token::unknown(Wire::Standard).code, Code::InvalidToken);
}
