//! The judgement of a presented refresh token: rotated, refused, reused.

use crate::sample::{
    NOW, authed, authed_by_refresh_token, client, form, id, off_switches, scope, standing, told, unassigned,
};
use vestibule_oauth::client_auth::AuthedClient;
use vestibule_oauth::grant::refresh_token::{Ask, Generation, Verdict, judge, refused};
use vestibule_oauth::grant::{self};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::template::{Template, Wire};
use vestibule_oauth::token::Standing;

fn generation() -> Generation {
    Generation {
        client: id(1),
        scope: scope("user_info projects"),
        spent: false,
        max_ends_at: NOW + 120_000,
        standing: standing(),
    }
}

fn gitlife() -> AuthedClient {
    authed(client(Template::Gitlife))
}

fn ask(rest: &str) -> Ask {
    match grant::read(&gitlife(), &form(&format!("grant_type=refresh_token&refresh_token=r{rest}"))) {
        Ok(grant::Ask::RefreshToken(ask)) => ask,
        other => panic!("{other:?}"),
    }
}

fn refusal(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Refuse(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn st_64_scope_is_that_of_the_grant_or_less() {
    let granted = |rest: &str| match judge(&gitlife(), &ask(rest), Some(&generation()), NOW) {
        Verdict::Rotate(scope) => scope,
        other => panic!("{rest}: {other:?}"),
    };
    assert_eq!(granted(""), scope("user_info projects"));
    assert_eq!(granted("&scope="), scope("user_info projects"));
    assert_eq!(granted("&scope=projects"), scope("projects"));
    assert_eq!(granted("&scope=projects%20user_info"), scope("user_info projects"));
    // Registered by the client, but not granted by the person.
    let more = refusal(judge(&gitlife(), &ask("&scope=user_info%20issues"), Some(&generation()), NOW));
    assert_eq!((more.code, more.status(), more.wire), (Code::InvalidScope, 400, Wire::Gitlife));
}

#[test]
fn a_refresh_token_alone_is_good_where_the_template_says_so() {
    let client = authed_by_refresh_token(client(Template::Gitlife));
    assert!(matches!(judge(&client, &ask(""), Some(&generation()), NOW), Verdict::Rotate(_)));
}

#[test]
fn fm_23_an_unknown_token_is_refused() {
    let refusal = refusal(judge(&gitlife(), &ask(""), None, NOW));
    assert_eq!((refusal.code, refusal.status(), refusal.wire), (Code::InvalidGrant, 400, Wire::Gitlife));
}

#[test]
fn st_63_fm_22_a_foreign_client_is_refused_and_cannot_end_the_family() {
    for spent in [false, true] {
        let foreign = Generation { client: id(2), spent, ..generation() };
        assert_eq!(refusal(judge(&gitlife(), &ask(""), Some(&foreign), NOW)).code, Code::InvalidGrant);
    }
}

#[test]
fn st_66_fm_26_a_token_that_was_traded_ends_the_family_also_after_its_own_end() {
    let spent = Generation { spent: true, ..generation() };
    let old = Generation { standing: Standing { expires_at: NOW - 1, ..standing() }, ..spent.clone() };
    for generation in [spent, old] {
        match judge(&gitlife(), &ask(""), Some(&generation), NOW) {
            Verdict::Reuse(refusal) => assert_eq!(refusal.code, Code::InvalidGrant),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn st_69_fm_31_a_token_dies_on_the_millisecond_of_its_idle_end_and_of_its_familys_end() {
    let judged =
        |generation: &Generation, now| matches!(judge(&gitlife(), &ask(""), Some(generation), now), Verdict::Rotate(_));
    let idle = generation();
    assert!(judged(&idle, idle.standing.expires_at - 1));
    assert!(!judged(&idle, idle.standing.expires_at));
    let family = Generation { max_ends_at: NOW + 5, ..generation() };
    assert!(judged(&family, NOW + 4));
    assert!(!judged(&family, NOW + 5));
    assert!(!judged(&family, NOW + 6));
}

#[test]
fn st_68_fm_30_each_off_switch_ends_refreshing() {
    for (name, standing) in off_switches() {
        let generation = Generation { standing, ..generation() };
        assert_eq!(refusal(judge(&gitlife(), &ask(""), Some(&generation), NOW)).code, Code::InvalidGrant, "{name}");
    }
}

#[test]
fn fm_62_a_person_who_is_not_assigned_any_more_gets_nothing() {
    let generation = Generation { standing: unassigned(), ..generation() };
    let other = refusal(judge(&gitlife(), &ask(""), Some(&generation), NOW));
    assert_eq!((other.code, other.status()), (Code::InvalidGrant, 400));
    assert!(other.description().contains("assign"));
    let idaas = refusal(judge(&authed(client(Template::IdaasOauth2)), &ask(""), Some(&generation), NOW));
    assert_eq!(told(&idaas), (Code::Forbidden, "Forbidden", 403));
}

#[test]
fn unknown_foreign_expired_and_traded_tokens_are_told_the_same() {
    let client = authed(client(Template::Web));
    let expected = refused(&client).body();
    let foreign = Generation { client: id(2), ..generation() };
    let spent = Generation { spent: true, ..generation() };
    let family = Generation { max_ends_at: NOW, ..generation() };
    let idle = Generation { standing: Standing { expires_at: NOW, ..standing() }, ..generation() };
    for generation in [None, Some(&foreign), Some(&spent), Some(&family), Some(&idle)] {
        match judge(&client, &ask(""), generation, NOW) {
            Verdict::Refuse(refusal) | Verdict::Reuse(refusal) => assert_eq!(refusal.body(), expected),
            Verdict::Rotate(_) => panic!("{generation:?}"),
        }
    }
    assert!(expected.contains("refresh_token is unknown"));
}
