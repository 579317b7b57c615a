//! What is offered, when nobody need be asked, and what ticks mean.

use crate::sample::{client, scope, with};
use vestibule_oauth::client::Client;
use vestibule_oauth::consent::{Offer, kept, needed, offer, offered};
use vestibule_oauth::template::{Switch, Template};

fn gitlife() -> Client {
    let mut client = client(Template::Gitlife);
    client.scopes = scope("user_info projects issues");
    client
}

/// Each row as `name`, with `+` if it starts ticked and `!` if it is fixed.
fn rows(offer: &Offer) -> Vec<String> {
    let sign = |on, sign| if on { sign } else { "" };
    offer.rows.iter().map(|row| format!("{}{}{}", row.scope, sign(row.ticked, "+"), sign(row.fixed, "!"))).collect()
}

#[test]
fn st_54_offered_is_what_is_requested_of_what_is_registered() {
    let client = gitlife();
    assert_eq!(offered(&client, None), scope("user_info projects issues"));
    assert_eq!(offered(&client, Some(&scope("projects emails"))), scope("projects"));
}

#[test]
fn gitlife_offers_user_info_fixed_and_the_rest_as_it_was_ticked_last() {
    let client = gitlife();
    assert_eq!(rows(&offer(&client, None, None)), ["user_info+!", "projects", "issues"]);
    let last = scope("user_info issues");
    assert_eq!(rows(&offer(&client, None, Some(&last))), ["user_info+!", "projects", "issues+"]);
    assert_eq!(rows(&offer(&client, Some(&scope("issues projects")), Some(&last))), ["issues+", "projects"]);
}

#[test]
fn other_templates_offer_everything_ticked_and_openid_fixed() {
    let web = client(Template::Web);
    let requested = scope("openid email user_info");
    assert_eq!(rows(&offer(&web, Some(&requested), None)), ["openid+!", "email+"]);
    assert_eq!(rows(&offer(&web, Some(&requested), Some(&scope("openid")))), ["openid+!", "email+"]);
    let mut odd = gitlife();
    odd.scopes = scope("openid user_info");
    assert_eq!(rows(&offer(&odd, None, None)), ["openid", "user_info+!"]);
}

#[test]
fn gitlife_skips_consent_only_when_scope_is_sent_and_is_what_was_ticked_last() {
    let client = gitlife();
    let last = scope("user_info projects");
    assert!(!needed(&client, Some(&scope("user_info projects")), Some(&last), false));
    assert!(!needed(&client, Some(&scope("projects user_info")), Some(&last), false));
    assert!(needed(&client, None, Some(&last), false));
    assert!(needed(&client, None, Some(&client.scopes), false));
    assert!(needed(&client, Some(&scope("user_info")), Some(&last), false));
    assert!(needed(&client, Some(&scope("user_info projects issues")), Some(&last), false));
    assert!(needed(&client, Some(&last), None, false));
    assert!(needed(&client, Some(&last), Some(&last), true));
}

#[test]
fn others_skip_consent_when_everything_requested_was_consented() {
    let web = client(Template::Web);
    let last = scope("openid email");
    assert!(!needed(&web, Some(&scope("openid email")), Some(&last), false));
    assert!(!needed(&web, Some(&scope("email")), Some(&last), false));
    assert!(needed(&web, Some(&scope("openid profile")), Some(&last), false));
    assert!(needed(&web, None, Some(&last), false));
    assert!(!needed(&web, None, Some(&web.scopes), false));
    assert!(needed(&web, Some(&last), None, false));
    assert!(needed(&web, Some(&last), Some(&last), true));
}

#[test]
fn st_26_fm_55_a_public_client_is_always_asked_for() {
    for template in [Template::Spa, Template::Native] {
        let client = client(template);
        assert!(needed(&client, Some(&scope("openid")), Some(&client.scopes), false));
        assert!(needed(&with(client, Switch::NoConsent, true), Some(&scope("openid")), None, false));
    }
    let mut public = gitlife();
    public.confidential = false;
    assert!(needed(&public, Some(&scope("user_info")), Some(&scope("user_info")), false));
}

#[test]
fn idaas_never_asks() {
    let client = client(Template::IdaasOauth2);
    for asked_for in [false, true] {
        assert!(!needed(&client, None, None, asked_for));
        assert!(!needed(&client, Some(&scope("read")), None, asked_for));
    }
}

#[test]
fn st_54_ticks_grant_what_was_offered_and_the_fixed_rows_and_nothing_else() {
    let offer = offer(&gitlife(), None, None);
    assert_eq!(offer.decide(&[]), Some(scope("user_info")));
    assert_eq!(offer.decide(&["issues", "admin", "keys"]), Some(scope("user_info issues")));
    assert_eq!(offer.decide(&["issues", "projects"]).unwrap().to_string(), "user_info projects issues");
}

#[test]
fn nothing_ticked_is_nothing_granted() {
    let without_fixed = offer(&gitlife(), Some(&scope("projects issues")), None);
    assert_eq!(without_fixed.decide(&[]), None);
    assert_eq!(without_fixed.decide(&["user_info"]), None);
    assert_eq!(without_fixed.decide(&["issues"]), Some(scope("issues")));
}

#[test]
fn gitlife_keeps_the_last_ticks_and_others_what_they_gathered() {
    let offered = scope("openid email");
    let last = scope("openid email profile unregistered");
    assert_eq!(kept(&gitlife(), &offered, Some(&last), &scope("openid")), scope("openid"));
    let web = client(Template::Web);
    // "email" was offered again and not ticked again: no longer consented.
    assert_eq!(kept(&web, &offered, Some(&last), &scope("openid")), scope("openid profile"));
    assert_eq!(kept(&web, &offered, None, &scope("openid")), scope("openid"));
}
