//! Authorization codes and PKCE: bound, short-lived, spent once.

use crate::harness::visitor::parameter;
use crate::harness::{Answer, Call, Database, Server, VERIFIER, Visitor, on_both, on_both_alone};
use std::time::Duration;

fn userinfo(server: &Server, token: &str) -> Answer {
    Call::get(server.at("/oauth/userinfo")).bearer(token).send()
}

#[test]
fn st_30_fm_19_a_second_presentation_is_refused_and_ends_what_the_first_gave() {
    on_both(|server| {
        for template in ["web", "spa", "gitlife", "idaas-oauth2"] {
            let (app, person) = server.app_and_person(template);
            let over = if template == "web" || template == "spa" {
                [("scope", "openid offline_access")]
            } else {
                [("scope", "")]
            };
            let code = app.code(server, &person, &over);
            let tokens = app.trade(&code).tokens();
            let resource = match template {
                "gitlife" => "/api/v5/user",
                "idaas-oauth2" => "/api/bff/v1.2/oauth2/userinfo",
                _ => "/oauth/userinfo",
            };
            let read = || Call::get(server.at(resource)).bearer(&tokens.access).send().status;
            assert_eq!(read(), 200, "{template}");
            app.trade(&code).refused(400, "invalid_grant");
            assert_eq!(read(), 401, "{template}: the access token outlived the replay");
            if let Some(refresh) = &tokens.refresh {
                app.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).refused(400, "invalid_grant");
            }
        }
    });
}

#[test]
fn st_31_st_33_fm_21_fm_22_a_code_is_good_only_for_its_own_client() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let other = server.app_with("web", &[&app.redirect_uri], &[]);
        let with = |over: &[(&str, &str)]| app.trade_with(&app.code(server, &person, &[]), over);
        with(&[("client_id", &other.client_id), ("client_secret", &other.client_secret)]).refused(400, "invalid_grant");
        with(&[("client_secret", &other.client_secret)]).refused(401, "invalid_client");
        with(&[("client_id", &other.client_id)]).refused(401, "invalid_client");
        assert!(matches!(with(&[("client_id", "")]).status, 400 | 401));
        assert!(matches!(with(&[("client_id", ""), ("client_secret", "")]).status, 400 | 401));
        let public = server.app_with("spa", &[&app.redirect_uri], &[]);
        with(&[("client_id", &public.client_id), ("client_secret", "")]).refused(400, "invalid_grant");
    });
}

#[test]
fn st_31_st_32_the_redirect_uri_of_the_request_must_be_repeated() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        for wrong in ["https://client.example/callback/", "https://client.example/CALLBACK", "https://evil.example/"] {
            let code = app.code(server, &person, &[]);
            app.trade_with(&code, &[("redirect_uri", wrong)]).refused(400, "invalid_grant");
        }
        let code = app.code(server, &person, &[]);
        let missing = app.trade_with(&code, &[("redirect_uri", "")]);
        assert!(
            matches!(missing.json()["error"].as_str(), Some("invalid_grant" | "invalid_request")),
            "{}",
            missing.text()
        );
        let code = app.code(server, &person, &[("redirect_uri", "")]);
        app.trade_with(&code, &[("redirect_uri", "")]).tokens();
    });
}

#[test]
fn st_34_st_39_fm_24_fm_34_a_wrong_or_missing_verifier_burns_the_code() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let other = "x".repeat(64);
        let longer = format!("{VERIFIER}a");
        for wrong in
            [other.as_str(), &VERIFIER.to_lowercase(), &VERIFIER[..42], &longer, "   ", "", crate::harness::CHALLENGE]
        {
            let code = app.code(server, &person, &[]);
            let refused = app.trade_with(&code, &[("code_verifier", wrong)]);
            assert!(
                matches!(refused.json()["error"].as_str(), Some("invalid_grant" | "invalid_request")),
                "{wrong:?}: {}",
                refused.text()
            );
            if wrong.len() == 64 {
                refused.refused(400, "invalid_grant");
                app.trade(&code).refused(400, "invalid_grant");
            }
        }
        let code = app.code(server, &person, &[]);
        app.trade_with(&code, &[("code_verifier", "")]).refused(400, "invalid_grant");
    });
}

#[test]
fn st_40_fm_33_a_verifier_for_a_code_without_a_challenge_is_refused() {
    on_both(|server| {
        for template in ["web", "gitlife", "idaas-oauth2"] {
            let (app, person) = server.app_and_person(template);
            let without = [("code_challenge", ""), ("code_challenge_method", "")];
            let code = app.code(server, &person, &without);
            let refused = app.trade(&code);
            assert_eq!(refused.status, 400, "{template}");
            assert!(
                matches!(refused.json()["error"].as_str(), Some("invalid_grant" | "invalid_request")),
                "{template}"
            );
            let code = app.code(server, &person, &without);
            app.trade_with(&code, &[("code_verifier", "")]).tokens();
        }
    });
}

/// Size in CI: every byte of one code changed, and every proper prefix and suffix of a code and of both tokens.
#[test]
fn st_41_fm_20_fm_23_a_code_or_token_that_was_touched_is_worth_nothing() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let code = app.code(server, &person, &[("scope", "openid offline_access")]);
        let spare = app.code(server, &person, &[]);
        assert!(!code.contains(crate::harness::CHALLENGE) && !code.contains(VERIFIER));
        let touched = |code: String| {
            is_refused(&app.trade(&code));
        };
        for at in 0..code.len() {
            let mut bytes = code.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            touched(String::from_utf8(bytes).expect("ASCII"));
            let spliced = format!("{}{}", &code[..at], &spare[at..]);
            if spliced != spare && spliced != code {
                touched(spliced);
            }
            if at > 0 {
                touched(code[..at].to_owned());
                touched(code[at..].to_owned());
            }
        }
        let tokens = app.trade(&code).tokens();
        let refresh = tokens.refresh.clone().expect("offline_access was asked for");
        for at in 1..tokens.access.len() {
            for part in [&tokens.access[..at], &tokens.access[at..]] {
                assert_eq!(userinfo(server, part).status, 401, "{part}");
            }
        }
        for at in 1..refresh.len() {
            for part in [&refresh[..at], &refresh[at..]] {
                is_refused(&app.token(&[("grant_type", "refresh_token"), ("refresh_token", part)]));
            }
        }
        assert_eq!(userinfo(server, &refresh).status, 401, "a refresh token is no access token");
        assert_eq!(userinfo(server, &tokens.access).status, 200, "and the token itself still lives");
        is_refused(&app.token(&[("grant_type", "refresh_token"), ("refresh_token", &tokens.access)]));
        is_refused(&app.trade(&refresh));
        app.token(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).tokens();
    });
}

/// Refused; after five wrong ones also with the word that the client has to wait.
#[track_caller]
fn is_refused(answer: &Answer) {
    match answer.status {
        429 => drop(answer.refused(429, "temporarily_unavailable")),
        _ => drop(answer.refused(400, "invalid_grant")),
    }
}

/// Size in CI: one code left for 61 seconds on each database.
#[test]
fn st_29_fm_113_a_code_is_dead_after_a_minute() {
    let scenes = [Database::Sqlite, Database::Postgres].map(|database| {
        let server = Server::shared(database);
        let (app, person) = server.app_and_person("web");
        let code = app.code(server, &person, &[]);
        (app, code)
    });
    std::thread::sleep(Duration::from_secs(61));
    for (app, code) in scenes {
        app.trade(&code).refused(400, "invalid_grant");
    }
}

/// Size in CI: 500 codes on each database, all different.
#[test]
fn st_55_fm_38_codes_and_tokens_are_long_and_never_alike() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = Visitor::new(server);
        visitor.go_through(&app.authorize_url(&[]), &person, None);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let page = visitor.open(&app.authorize_url(&[]));
            let code = parameter(page.left_for.as_deref().unwrap_or_default(), "code").expect("code");
            // 256 random bits in base64url are 43 characters; the row's id and a checksum stand beside them.
            assert!(code.len() >= 43 + 7, "{code}");
            assert!(seen.insert(code));
        }
    });
}

/// Size in CI: 10 rounds on each database.
#[test]
fn fm_27_a_trade_that_races_an_off_switch_leaves_nothing_alive() {
    on_both_alone(|server| {
        let (app, person) = server.app_and_person("web");
        for _ in 0..10 {
            let code = app.code(&server, &person, &[]);
            let answer = std::thread::scope(|scope| {
                let trade = scope.spawn(|| app.trade(&code));
                server.json(&["user", "disable", &person.name], "");
                trade.join().expect("the trade")
            });
            if answer.status == 200 {
                assert_eq!(userinfo(&server, &answer.tokens().access).status, 401, "a token outlived the disabling");
            }
            server.json(&["user", "enable", &person.name], "");
            if answer.status == 200 {
                assert_eq!(userinfo(&server, &answer.tokens().access).status, 401, "a token came back");
            }
        }
    });
}
