//! Templates, switches, the client's own words, and scope sets.

use std::collections::BTreeSet;
use vestibule_oauth::client::Access;
use vestibule_oauth::scope::{MAX_NAMES, MalformedScope, ScopeSet};
use vestibule_oauth::template::{
    AUTHORIZATION_REQUEST_MS, CODE_MS, SESSION_IDLE_MS, SESSION_MAX_MS, SETUP_LINK_MS, Switch, Switches, Template, Wire,
};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn scopes(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

#[test]
fn templates_and_accesses_have_names_that_read_back() {
    for (template, name) in
        Template::ALL.into_iter().zip(["web", "spa", "native", "service", "idaas-oauth2", "gitlife"])
    {
        assert_eq!(template.name(), name);
        assert_eq!(Template::parse(name), Some(template));
        assert!(!template.default_scopes().is_empty());
    }
    assert_eq!(Template::parse("Web"), None);
    for (access, name) in [(Access::Assigned, "assigned"), (Access::Everyone, "everyone")] {
        assert_eq!(access.name(), name);
        assert_eq!(Access::parse(name), Some(access));
    }
    assert_eq!(Access::parse(""), None);
}

#[test]
fn each_template_is_what_the_design_says() {
    for template in Template::ALL {
        let wire = match template {
            Template::IdaasOauth2 => Wire::Idaas,
            Template::Gitlife => Wire::Gitlife,
            _ => Wire::Standard,
        };
        assert_eq!(template.wire(), wire);
        assert_eq!(template.confidential(), !matches!(template, Template::Spa | Template::Native));
        assert_eq!(template.redirects(), template != Template::Service);
        let access = if template == Template::IdaasOauth2 { Access::Assigned } else { Access::Everyone };
        assert_eq!(template.access(), access);
        let lifetimes = template.lifetimes();
        let expected = match template {
            Template::Web | Template::Native => (600_000, 30 * DAY, 365 * DAY),
            Template::Spa => (600_000, DAY, DAY),
            Template::Service => (3_600_000, 0, 0),
            Template::IdaasOauth2 => (7_200_000, 30 * DAY, 365 * DAY),
            Template::Gitlife => (86_400_000, 30 * DAY, i64::MAX / 4),
        };
        assert_eq!((lifetimes.access_ms, lifetimes.refresh_idle_ms, lifetimes.refresh_max_ms), expected);
    }
    assert_eq!(
        Template::Gitlife.default_scopes().to_string(),
        "user_info projects pull_requests issues notes keys hook groups gists enterprises emails"
    );
    assert_eq!(Template::IdaasOauth2.default_scopes().to_string(), "read");
}

#[test]
fn st_24_st_44_st_10_fm_37_older_forms_are_on_only_under_the_two_older_wires() {
    for template in Template::ALL {
        let on: BTreeSet<&str> =
            Switch::ALL.into_iter().filter(|s| template.switches().has(*s)).map(Switch::name).collect();
        let expected: &[&str] = match template {
            Template::Web => &["code_grant", "refresh_grant"],
            Template::Spa => &["code_grant", "refresh_grant", "pkce_required"],
            Template::Native => {
                &["code_grant", "refresh_grant", "pkce_required", "loopback_any_port", "private_use_schemes"]
            }
            Template::Service => &["client_credentials_grant"],
            Template::IdaasOauth2 => {
                &["code_grant", "query_parameters", "query_access_token", "no_consent", "plain_http_redirects"]
            }
            Template::Gitlife => &[
                "code_grant",
                "refresh_grant",
                "password_grant",
                "query_parameters",
                "query_access_token",
                "json_body",
                "refresh_always",
                "refresh_without_client",
                "consent_per_scope",
                "plain_http_redirects",
            ],
        };
        assert_eq!(on, expected.iter().copied().collect(), "{template:?}");
        // A public client cannot do without PKCE (statement 35).
        assert!(template.confidential() || template.switches().has(Switch::PkceRequired));
    }
    let older: BTreeSet<&str> = Switch::ALL.into_iter().filter(|s| s.is_older_form()).map(Switch::name).collect();
    let expected =
        ["password_grant", "query_parameters", "query_access_token", "refresh_without_client", "plain_http_redirects"];
    assert_eq!(older, expected.into_iter().collect());
}

#[test]
fn a_switch_keeps_its_number_and_turns_alone() {
    for (number, switch) in Switch::ALL.into_iter().enumerate() {
        assert_eq!(switch as usize, number, "the database keeps it");
        let only = Switches::of(&[switch]);
        assert_eq!(only.bits(), 1 << number);
        assert_eq!(Switches::from_bits(only.bits()), only);
        let none = Switches::of(&[]);
        assert_eq!(none.with(switch, true), only);
        assert_eq!(only.with(switch, false), none);
        assert_eq!(only.with(switch, true), only);
        assert_eq!(none.with(switch, false), none);
        let all = Switches::of(&Switch::ALL);
        for other in Switch::ALL {
            assert_eq!(only.has(other), other == switch);
            assert_eq!(all.with(switch, false).has(other), other != switch);
        }
    }
    let names: BTreeSet<&str> = Switch::ALL.into_iter().map(Switch::name).collect();
    assert_eq!(names.len(), Switch::ALL.len());
}

#[test]
fn st_29_lifetimes_are_those_of_the_design() {
    assert_eq!(CODE_MS, 60_000);
    assert_eq!(AUTHORIZATION_REQUEST_MS, 1_800_000);
    assert_eq!(SESSION_IDLE_MS, 43_200_000);
    assert_eq!(SESSION_MAX_MS, 7 * DAY);
    assert_eq!(SETUP_LINK_MS, 3_600_000);
}

#[test]
fn st_54_a_scope_parameter_is_a_list_of_tokens() {
    let set = scopes("read  write read ");
    assert_eq!(set.to_string(), "read write");
    assert_eq!(set.len(), 2);
    assert_eq!(set.iter().collect::<Vec<_>>(), ["read", "write"]);
    assert!(set.contains("read") && !set.contains("rea") && !set.contains("READ") && !set.contains(""));
    assert!(scopes("").is_empty() && scopes("   ").is_empty() && !set.is_empty());
    assert_eq!(ScopeSet::empty().len(), 0);
    assert_eq!(ScopeSet::default().to_string(), "");
}

#[test]
fn st_54_only_the_characters_of_rfc_6749() {
    for byte in 0..=0x7f_u8 {
        let good = matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert_eq!(ScopeSet::parse(&format!("a{}b", byte as char)).is_ok(), good, "{byte:#x}");
    }
    for bad in ["\u{e9}", "a\u{a0}b", "a\tb", "a\"", "a\\b"] {
        assert_eq!(ScopeSet::parse(bad), Err(MalformedScope), "{bad}");
    }
}

#[test]
fn fm_118_at_most_64_scopes() {
    let names = |n: usize| (0..n).map(|i| format!("s{i}")).collect::<Vec<_>>().join(" ");
    assert_eq!(MAX_NAMES, 64);
    assert_eq!(scopes(&names(64)).len(), 64);
    assert_eq!(ScopeSet::parse(&names(65)), Err(MalformedScope));
    assert_eq!(scopes(&format!("{} {}", names(64), names(64))).len(), 64, "a repeated name counts once");
}

#[test]
fn scope_sets_are_sets() {
    let (a, b) = (scopes("read write admin"), scopes("admin read"));
    assert_eq!(scopes("x y"), scopes("y x"));
    assert_ne!(scopes("x y"), scopes("x z"));
    assert_ne!(scopes("x"), scopes("x y"));
    assert_ne!(scopes("x y"), scopes("x"));
    assert!(b.is_subset(&a) && !a.is_subset(&b) && a.is_subset(&a) && ScopeSet::empty().is_subset(&b));
    assert_eq!(a.intersection(&b).to_string(), "read admin");
    assert_eq!(b.intersection(&a).to_string(), "admin read");
    assert!(a.intersection(&scopes("none")).is_empty());
    let mut grown = b.clone();
    grown.insert("admin");
    assert_eq!(grown.len(), 2);
    grown.insert("more");
    assert_eq!(grown.to_string(), "admin read more");
}
