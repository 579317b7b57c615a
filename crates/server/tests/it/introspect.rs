//! `POST /oauth/introspect` (RFC 7662): the truth for those who may know it, and the same nothing for everybody else.

use crate::harness::{Answer, App, Call, Server, Tokens, on_both, quick, until_quick};
use serde_json::Value;
use std::time::Instant;

const INACTIVE: &str = r#"{"active":false}"#;

fn first(server: &Server, template: &str) -> (App, crate::harness::Person, Tokens) {
    let (app, person) = server.app_and_person(template);
    let scope = match template {
        "gitlife" => "user_info emails",
        "idaas-oauth2" => "read",
        _ => "openid email offline_access",
    };
    let tokens = app.tokens(server, &person, &[("scope", scope)]);
    (app, person, tokens)
}

fn ask(app: &App, token: &str) -> Answer {
    let url = format!("{}/oauth/introspect", app.server);
    Call::post(url).basic(&app.client_id, &app.client_secret).form(&[("token", token)]).send()
}

fn told(app: &App, token: &str) -> Value {
    let answer = ask(app, token);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json")));
    answer.json()
}

fn is_inactive(app: &App, token: &str) -> bool {
    let answer = ask(app, token);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text() == INACTIVE || answer.json()["active"] == true, "neither: {}", answer.text());
    answer.text() == INACTIVE
}

#[test]
fn st_78_a_client_is_told_about_its_own_tokens() {
    on_both(|server| {
        for template in ["web", "gitlife", "idaas-oauth2"] {
            let (app, person, tokens) = first(server, template);
            let active = told(&app, &tokens.access);
            assert_eq!(active["active"], true, "{template}: {active}");
            assert_eq!(active["client_id"], app.client_id.as_str());
            // Told where the scope opens it: `web` asked for an address only.
            let opened = (template != "web").then_some(person.name.as_str());
            assert_eq!(active["username"].as_str(), opened, "{template}");
            assert_eq!((&active["token_type"], &active["token_use"]), (&"Bearer".into(), &"access_token".into()));
            assert_eq!(active["iss"], server.url.as_str());
            let (iat, exp) = (active["iat"].as_i64().expect("iat"), active["exp"].as_i64().expect("exp"));
            assert_eq!(exp - iat, tokens.json["expires_in"].as_i64().expect("expires_in"), "{template}");
            assert_eq!(active["scope"], tokens.json["scope"]);
            if template == "web" {
                let info = Call::get(server.at("/oauth/userinfo")).bearer(&tokens.access).send().json();
                assert_eq!(active["sub"], info["sub"], "the same subject as userinfo tells");
            }
            if let Some(refresh) = &tokens.refresh {
                let active = told(&app, refresh);
                assert_eq!((&active["active"], &active["token_use"]), (&true.into(), &"refresh_token".into()));
                assert!(active["token_type"].is_null(), "{active}");
            }
        }
        let app = server.app("service");
        let token = app.token(&[("grant_type", "client_credentials")]).tokens().access;
        let active = told(&app, &token);
        assert_eq!((&active["sub"], &active["scope"]), (&app.client_id.as_str().into(), &"api".into()));
        assert!(active["username"].is_null(), "{active}");
    });
}

#[test]
fn st_80_the_name_that_a_person_signs_in_with_is_told_with_the_scope_that_opens_it() {
    on_both(|server| {
        let person = server.person();
        for flags in [&[][..], &["--pairwise"], &["--access-token", "ES256"]] {
            let app = server.app_with("web", &["https://client.example/callback"], flags);
            for (scope, opened) in [("openid email", false), ("openid profile", true)] {
                let tokens = app.tokens(server, &person, &[("scope", scope)]);
                let active = told(&app, &tokens.access);
                assert_eq!(active["username"].as_str(), opened.then_some(person.name.as_str()), "{flags:?}: {active}");
                let info = Call::get(server.at("/oauth/userinfo")).bearer(&tokens.access).send().json();
                assert_eq!(active["username"], info["preferred_username"], "{flags:?}: {info}");
            }
        }
    });
}

#[test]
fn st_76_without_client_authentication_there_is_no_answer() {
    on_both(|server| {
        let (app, _, tokens) = first(server, "web");
        let url = server.at("/oauth/introspect");
        let token = ("token", tokens.access.as_str());
        Call::post(&url).form(&[token]).send().refused(401, "invalid_client");
        Call::post(&url).form(&[token, ("client_id", &app.client_id)]).send().refused(401, "invalid_client");
        let wrong = Call::post(&url).basic(&app.client_id, "vst_cs_wrong").form(&[token]).send();
        wrong.refused(401, "invalid_client");
        assert!(wrong.header("www-authenticate").is_some_and(|value| value.starts_with("Basic")));
        Call::post(&url).bearer(&tokens.access).form(&[token]).send().refused(401, "invalid_client");
        for template in ["spa", "native"] {
            let (public, _, own) = first(server, template);
            let form = [("token", own.access.as_str()), ("client_id", &public.client_id)];
            Call::post(&url).form(&form).send().refused(401, "invalid_client");
        }
        let missing = Call::post(&url).basic(&app.client_id, &app.client_secret).form(&[("a", "b")]).send();
        missing.refused(400, "invalid_request");
        assert_eq!(Call::get(&url).send().status, 405);
        let strict = [("client_id", app.client_id.as_str()), ("client_secret", &app.client_secret), token];
        Call::post(&url).query(&strict).send().refused(400, "invalid_request");
        assert_eq!(Call::post(&url).form(&strict).send().json()["active"], true, "credentials in the body");
        server.json(&["app", "disable", &app.name], "");
        ask(&app, &tokens.access).refused(401, "invalid_client");
    });
}

#[test]
fn st_77_st_79_fm_71_fm_98_what_is_unknown_anothers_or_malformed_gets_the_same_bytes() {
    on_both(|server| {
        let (app, person, tokens) = first(server, "web");
        let other = server.app("web");
        let code = app.code(server, &person, &[]);
        let refresh = tokens.refresh.as_deref().expect("refresh token");
        let (cut, longer) = (&tokens.access[..tokens.access.len() - 1], format!("{}x", tokens.access));
        for token in [&tokens.access, refresh, cut, &longer, &code, &app.client_secret, "x", "vst_at_", "null"] {
            let answer = ask(&other, token);
            assert_eq!((answer.status, answer.text().as_str()), (200, INACTIVE), "{token}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
        for template in ["service", "gitlife", "idaas-oauth2"] {
            assert!(is_inactive(&server.app(template), &tokens.access), "{template}");
        }
        // Neither a code nor a secret of one's own is a token.
        assert!(is_inactive(&app, &code) && is_inactive(&app, &app.client_secret));
        assert!(!is_inactive(&app, &tokens.access), "asking ends nothing");
        app.trade(&code).tokens();
    });
}

#[test]
fn st_78_fm_30_fm_76_what_ends_is_inactive_from_the_moment_of_the_answer() {
    on_both(|server| {
        for template in ["web", "gitlife", "idaas-oauth2"] {
            let (app, person, tokens) = first(server, template);
            assert!(!is_inactive(&app, &tokens.access));
            server.json(&["user", "disable", &person.name], "");
            assert!(is_inactive(&app, &tokens.access), "{template}: disabled");
            assert!(tokens.refresh.iter().all(|token| is_inactive(&app, token)), "{template}: disabled");
            server.json(&["user", "enable", &person.name], "");
            assert!(is_inactive(&app, &tokens.access), "{template}: came back");
        }
        let (app, _, tokens) = first(server, "web");
        let old = tokens.refresh.as_deref().expect("refresh token");
        let next = app.token(&[("grant_type", "refresh_token"), ("refresh_token", old)]).tokens();
        assert!(is_inactive(&app, old), "was traded");
        let end = |token: &str| {
            let call = Call::post(server.at("/oauth/revoke")).basic(&app.client_id, &app.client_secret);
            assert_eq!(call.form(&[("token", token)]).send().status, 200);
        };
        end(&tokens.access);
        assert!(is_inactive(&app, &tokens.access) && !is_inactive(&app, &next.access));
        let last = next.refresh.as_deref().expect("refresh token");
        assert!(!is_inactive(&app, last));
        end(last);
        assert!(is_inactive(&app, &next.access) && is_inactive(&app, last));
        let (app, _, tokens) = first(server, "web");
        let code = app.code(server, &server.person(), &[]);
        let replayed = app.trade(&code).tokens();
        app.trade(&code).refused(400, "invalid_grant");
        assert!(is_inactive(&app, &replayed.access) && !is_inactive(&app, &tokens.access));
    });
}

#[test]
fn st_80_an_administrator_lets_a_resource_server_ask_about_every_applications_access_tokens() {
    on_both(|server| {
        let (app, person, tokens) = first(server, "web");
        let gateway = server.app("service");
        assert!(is_inactive(&gateway, &tokens.access));
        let stands = |shown: Value| shown["switches"].to_string().contains("introspect");
        assert!(!stands(server.json(&["app", "switch", &gateway.name, "introspect"], "")));
        assert!(stands(server.json(&["app", "switch", &gateway.name, "introspect", "on"], "")));
        assert!(stands(server.json(&["app", "show", &gateway.name], "")));
        let active = told(&gateway, &tokens.access);
        assert_eq!((&active["active"], &active["client_id"]), (&true.into(), &app.client_id.as_str().into()));
        assert!(active["username"].is_null() && !active.to_string().contains(&person.name), "{active}");
        let refresh = tokens.refresh.as_deref().expect("refresh token");
        assert!(is_inactive(&gateway, refresh), "a resource server must not take a refresh token for an access token");
        server.json(&["app", "switch", &gateway.name, "introspect", "off"], "");
        assert!(is_inactive(&gateway, &tokens.access), "off is off at once");
        let unknown = server.command(&["app", "switch", &gateway.name, "nonsense", "on"], "");
        assert!(!unknown.status.success());
        let nobody = server.command(&["app", "switch", "nobody-has-this-name", "introspect", "on"], "");
        assert!(!nobody.status.success() && String::from_utf8_lossy(&nobody.stderr).contains("no application"));
    });
}

#[test]
fn fm_78_no_kind_of_secret_passes_for_another() {
    on_both(|server| {
        let (app, person, tokens) = first(server, "web");
        let refresh = tokens.refresh.as_deref().expect("refresh token");
        let code = app.code(server, &person, &[]);
        for wrong in [refresh, &code, &app.client_secret] {
            let answer = Call::get(server.at("/oauth/userinfo")).bearer(wrong).send();
            assert_eq!(answer.status, 401, "{}", answer.text());
        }
        for wrong in [&tokens.access, &code, &app.client_secret] {
            app.token(&[("grant_type", "refresh_token"), ("refresh_token", wrong)]).refused(400, "invalid_grant");
        }
    });
}

#[test]
fn st_83_metadata_names_both_endpoints_and_how_to_authenticate_there() {
    on_both(|server| {
        let document = Call::get(server.at("/.well-known/oauth-authorization-server")).send().json();
        assert_eq!(document["revocation_endpoint"], server.at("/oauth/revoke").as_str());
        assert_eq!(document["introspection_endpoint"], server.at("/oauth/introspect").as_str());
        let methods = |name: &str| document[name].to_string();
        assert!(methods("revocation_endpoint_auth_methods_supported").contains("none"));
        let asking = methods("introspection_endpoint_auth_methods_supported");
        assert!(asking.contains("client_secret_basic") && !asking.contains("none"), "{asking}");
    });
}

/// Size in CI: 101 made-up tokens and 300 that have ended, on each database.
#[test]
fn st_79_fm_101_who_asks_about_tokens_that_never_were_waits_and_about_others_never() {
    let scene = |server: &Server| {
        let (app, person, tokens) = first(server, "web");
        let dead = app.tokens(server, &person, &[("scope", "openid")]).access;
        let revoke = Call::post(server.at("/oauth/revoke")).basic(&app.client_id, &app.client_secret);
        assert_eq!(revoke.form(&[("token", &dead)]).send().status, 200);
        for _ in 0..300 {
            assert!(is_inactive(&app, &dead), "what has ended is no guess");
        }
        let code = app.code(server, &person, &[("scope", "openid")]);
        let never = |n: u64| match n % 4 {
            0 => format!("made up {n}"),
            1 => made_up(&tokens.access, None),
            2 => made_up(&tokens.access, Some(u64::MAX - n)),
            _ => code.clone(),
        };
        let mut since = Instant::now();
        for n in 0..100 {
            since = Instant::now();
            assert!(is_inactive(&app, &never(n)), "{n}");
        }
        let waits = [0, 1, 2, 3].map(|n| ask(&app, &never(n)));
        quick(since)?;
        for answer in &waits {
            answer.refused(429, "temporarily_unavailable");
            let seconds: u64 = answer.header("retry-after").expect("Retry-After").parse().expect("seconds");
            assert!((1..=60).contains(&seconds));
        }
        // Neither good ones wait, nor those that have ended, nor one so old that it may have been swept.
        for _ in 0..3 {
            assert_eq!(told(&app, &tokens.access)["active"], true);
            assert!(is_inactive(&app, &dead));
            assert!(is_inactive(&app, &made_up(&tokens.access, Some(1))));
        }
        // Nor does anything else that it does, or another application.
        app.trade("vst_ac_wrong").refused(400, "invalid_grant");
        let (other, _, _) = first(server, "web");
        assert!(is_inactive(&other, &never(0)));
        Some(())
    };
    on_both(|server| until_quick(|| scene(server)));
}

/// Size in CI: 100 forged signatures and 100 tokens that have ended, on each database.
#[test]
fn st_79_fm_101_a_signature_that_is_not_ours_is_a_token_that_never_was() {
    let scene = |server: &Server| {
        let app = server.app_with("web", &["https://client.example/callback"], &["--access-token", "ES256"]);
        let person = server.person();
        let give = || app.tokens(server, &person, &[("scope", "openid")]).access;
        let (good, ended) = (give(), give());
        let revoke = Call::post(server.at("/oauth/revoke")).basic(&app.client_id, &app.client_secret);
        assert_eq!(revoke.form(&[("token", &ended)]).send().status, 200);
        let end = |token: &str| token.rfind('.').expect("a signature") + 1;
        let forged = |n: usize| match n % 3 {
            0 => format!("{}{}", &good[..end(&good)], &ended[end(&ended)..]),
            1 => format!("{}{}", &good[..end(&good)], "A".repeat(86)),
            _ => good[..end(&good)].to_owned(),
        };
        let mut since = Instant::now();
        for n in 0..100 {
            assert!(is_inactive(&app, &ended), "what has ended is no guess");
            since = Instant::now();
            assert!(is_inactive(&app, &forged(n)), "{n}");
        }
        let waits = [0, 1, 2].map(|n| ask(&app, &forged(n)));
        quick(since)?;
        for answer in &waits {
            answer.refused(429, "temporarily_unavailable");
        }
        assert_eq!(told(&app, &good)["active"], true);
        assert!(is_inactive(&app, &ended));
        Some(())
    };
    on_both(|server| until_quick(|| scene(server)));
}

/// A well-spelled token with another secret and the id of `token`, or one of the moment `made_at` (Unix milliseconds).
fn made_up(token: &str, made_at: Option<u64>) -> String {
    use vestibule_oauth::id::Id;
    use vestibule_oauth::secret::{Kind, MachineSecret};
    let mut id = *MachineSecret::parse(Kind::AccessToken, token).expect("ours").id().as_bytes();
    if let Some(moment) = made_at {
        id[..6].copy_from_slice(&moment.to_be_bytes()[2..]);
        id[15] ^= 1;
    }
    MachineSecret::new(Kind::AccessToken, Id::from_bytes(id), [7; 32]).spell().expose().to_owned()
}
