//! Who may ask about a token, and what is told.

use crate::sample::{
    NOW, authed, authed_by_refresh_token, client, id, off_switches, scope, standing, told, unassigned, with,
};
use vestibule_oauth::client::{Client, Owner};
use vestibule_oauth::introspection::{AccessToken, INACTIVE, RefreshToken, access_token, judge_caller, refresh_token};
use vestibule_oauth::refusal::Code;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::subject::{PairwiseSecret, subject_for};
use vestibule_oauth::template::{Switch, Template};
use vestibule_oauth::token::Standing;
use vestibule_oauth::userinfo::Profile;

const ISSUER: &str = "https://id.example";

fn ada() -> Profile {
    let (subject, username) = ("subject-of-ada".to_owned(), "ada".to_owned());
    Profile { subject, username, number: 7, external_id: Some("E-7".to_owned()), ..Profile::default() }
}

fn pairwise() -> PairwiseSecret {
    PairwiseSecret::new([5; 32])
}

fn other(template: Template) -> Client {
    Client { id: id(2), client_id: "app_other".to_owned(), ..client(template) }
}

fn asked(asking: &Client, owner: &Client, standing: &Standing, person: Option<&Profile>, now: i64) -> String {
    asked_of(asking, owner, "openid email", standing, person, now)
}

fn asked_of(
    asking: &Client,
    owner: &Client,
    scopes: &str,
    standing: &Standing,
    person: Option<&Profile>,
    now: i64,
) -> String {
    let scope: ScopeSet = scope(scopes);
    let Client { id: owner_id, client_id, template, switches, scopes, sector, .. } = owner.clone();
    let owner = &Owner { id: owner_id, client_id, template, switches, scopes, sector };
    let token = AccessToken { id: id(9), owner, scope: &scope, standing, created_at: NOW - 1500, person };
    access_token(asking, ISSUER, &pairwise(), &token, now)
}

#[test]
fn st_76_only_a_client_that_proved_who_it_is_may_ask() {
    for template in [Template::Web, Template::Service, Template::Gitlife, Template::IdaasOauth2] {
        assert!(judge_caller(&authed(client(template))).is_ok());
    }
    for public in [Template::Spa, Template::Native] {
        let refusal = judge_caller(&authed(client(public))).expect_err("is refused");
        assert_eq!((refusal.code, refusal.status()), (Code::InvalidClient, 401));
    }
    let alone = judge_caller(&authed_by_refresh_token(client(Template::Gitlife))).expect_err("is refused");
    assert_eq!(told(&alone).0, Code::InvalidClient);
}

#[test]
fn st_78_a_client_is_told_what_its_living_token_is_good_for() {
    let web = client(Template::Web);
    let expected = format!(
        r#"{{"active":true,"scope":"openid email","client_id":"app_sample","token_type":"Bearer","token_use":"access_token","exp":{},"iat":{},"sub":"subject-of-ada","aud":"https://id.example","iss":"https://id.example","jti":"09090909090909090909090909090909"}}"#,
        (NOW + 60_000) / 1000,
        (NOW - 1500).div_euclid(1000),
    );
    assert_eq!(asked(&web, &web, &standing(), Some(&ada()), NOW), expected);
    let machine = asked(&web, &web, &Standing { person: None, ..standing() }, None, NOW);
    assert!(machine.contains(r#""sub":"app_sample""#) && !machine.contains("username"), "{machine}");
    let pair = Client { sector: Some("a.example".to_owned()), ..client(Template::Web) };
    let told = asked(&pair, &pair, &standing(), Some(&ada()), NOW);
    let sub = subject_for(&pair, "subject-of-ada", &pairwise());
    assert!(told.contains(&format!(r#""sub":"{sub}""#)) && !told.contains("subject-of-ada"), "{told}");
    let idaas = Client { scopes: scope("openid email"), ..client(Template::IdaasOauth2) };
    assert!(asked(&idaas, &idaas, &standing(), Some(&ada()), NOW).contains(r#""sub":"E-7""#));
    let numbered = Profile { external_id: None, ..ada() };
    assert!(asked(&idaas, &idaas, &standing(), Some(&numbered), NOW).contains(r#""sub":"7""#));
}

#[test]
fn st_77_st_78_fm_71_what_is_dead_or_anothers_is_inactive_and_nothing_else() {
    let web = client(Template::Web);
    for (name, standing) in off_switches() {
        assert_eq!(asked(&web, &web, &standing, Some(&ada()), NOW), INACTIVE, "{name}");
    }
    assert_eq!(asked(&web, &web, &unassigned(), Some(&ada()), NOW), INACTIVE);
    let end = standing().expires_at;
    assert_ne!(asked(&web, &web, &standing(), None, end - 1), INACTIVE);
    assert_eq!(asked(&web, &web, &standing(), None, end), INACTIVE);
    for template in Template::ALL {
        assert!(!template.switches().has(Switch::Introspect), "no template starts with it");
        assert_eq!(asked(&other(template), &web, &standing(), Some(&ada()), NOW), INACTIVE);
    }
    assert_eq!(INACTIVE, r#"{"active":false}"#);
}

#[test]
fn st_80_a_resource_server_with_the_switch_is_told_of_others_tokens_but_not_the_persons_name() {
    let web = client(Template::Web);
    let gateway = with(other(Template::Service), Switch::Introspect, true);
    let told = asked(&gateway, &web, &standing(), Some(&ada()), NOW);
    assert!(told.contains(r#""client_id":"app_sample""#) && told.contains("subject-of-ada"), "{told}");
    assert!(!told.contains("username"), "{told}");
    let told = asked_of(&gateway, &web, "openid profile", &standing(), Some(&ada()), NOW);
    assert!(told.contains("subject-of-ada") && !told.contains("username"), "{told}");
    for (name, standing) in off_switches() {
        assert_eq!(asked(&gateway, &web, &standing, Some(&ada()), NOW), INACTIVE, "{name}");
    }
}

#[test]
fn st_80_the_persons_name_is_told_where_userinfo_would_tell_it_and_nowhere_else() {
    let registering = |template, scopes| Client { scopes: scope(scopes), ..client(template) };
    let web = registering(Template::Web, "openid profile email");
    let pairwise = Client { sector: Some("a.example".to_owned()), ..web.clone() };
    let less = registering(Template::Web, "openid email");
    let gitlife = registering(Template::Gitlife, "user_info emails");
    let idaas = registering(Template::IdaasOauth2, "read");
    for (owner, scopes, is_told) in [
        (&web, "openid email", false),
        (&web, "openid profile", true),
        (&web, "email", false),
        (&pairwise, "openid email", false),
        (&pairwise, "openid profile", true),
        // Registered no longer.
        (&less, "openid profile", false),
        (&gitlife, "emails", false),
        (&gitlife, "user_info", true),
        (&idaas, "read", true),
    ] {
        let told = asked_of(owner, owner, scopes, &standing(), Some(&ada()), NOW);
        assert!(told.starts_with(r#"{"active":true"#), "{told}");
        assert_eq!(told.contains(r#""username":"ada""#), is_told, "{scopes}: {told}");
        assert_eq!(told.contains("\"ada\""), is_told, "{scopes}: {told}");
    }
}

#[test]
fn fm_78_a_refresh_token_is_told_of_to_its_own_client_only_and_never_as_a_bearer_token() {
    let web = client(Template::Web);
    let scope = scope("openid");
    let ask = |asking: &Client, standing: &Standing, spent| {
        refresh_token(asking, ISSUER, &RefreshToken { owner: &web, scope: &scope, standing, spent }, NOW)
    };
    let own = ask(&web, &standing(), false);
    assert!(
        own.starts_with(r#"{"active":true,"scope":"openid","client_id":"app_sample","token_use":"refresh_token","#)
    );
    assert!(!own.contains("Bearer") && !own.contains("token_type"), "{own}");
    assert_eq!(ask(&with(other(Template::Service), Switch::Introspect, true), &standing(), false), INACTIVE);
    assert_eq!(ask(&web, &standing(), true), INACTIVE, "was traded");
    for (name, standing) in off_switches() {
        assert_eq!(ask(&web, &standing, false), INACTIVE, "{name}");
    }
}

#[test]
fn fm_30_only_scopes_that_are_still_registered_are_told() {
    let registering = |scopes: &str| Client { scopes: scope(scopes), ..client(Template::Web) };
    let less = registering("email");
    assert!(asked(&less, &less, &standing(), None, NOW).contains(r#""scope":"email","#));
    let none = registering("phone");
    assert_eq!(asked(&none, &none, &standing(), None, NOW), INACTIVE);
}
