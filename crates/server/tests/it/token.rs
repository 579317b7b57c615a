//! `POST /oauth/token`: who may ask, in which form, and what comes back.

use crate::harness::{Answer, Call, http, on_both};
use serde_json::json;

#[test]
fn st_43_only_post_is_served() {
    on_both(|server| {
        for method in ["GET", "PUT", "DELETE", "PATCH", "HEAD"] {
            let answer = Call::new(method, server.at("/oauth/token?grant_type=client_credentials")).send();
            assert_eq!(answer.status, 405, "{method}");
            assert!(answer.header("allow").is_some_and(|a| a.contains("POST")), "{method}");
        }
    });
}

#[test]
fn st_44_fm_109_strict_clients_may_not_put_credentials_or_parameters_in_the_query() {
    on_both(|server| {
        for template in ["web", "service"] {
            let (app, person) = server.app_and_person(template);
            let mut fields = vec![("client_id", app.client_id.as_str()), ("client_secret", app.client_secret.as_str())];
            let code;
            if template == "web" {
                code = app.code(server, &person, &[]);
                fields.extend([
                    ("grant_type", "authorization_code"),
                    ("code", &code),
                    ("redirect_uri", &app.redirect_uri),
                    ("code_verifier", crate::harness::VERIFIER),
                ]);
            } else {
                fields.push(("grant_type", "client_credentials"));
            }
            let sentence = Call::post(server.at("/oauth/token")).query(&fields).send().refused(400, "invalid_request");
            assert!(sentence["error_description"].to_string().contains("URL"), "{sentence}");
            for (name, value) in &fields {
                let rest: Vec<(&str, &str)> = fields.iter().copied().filter(|(n, _)| n != name).collect();
                let mixed = Call::post(server.at("/oauth/token")).query(&[(name, value)]).form(&rest).send();
                assert!(matches!(mixed.status, 400 | 401), "{name} in the query: {}", mixed.text());
            }
        }
    });
}

#[test]
fn st_45_basic_and_body_credentials_both_work() {
    on_both(|server| {
        let app = server.app("service");
        let ask = [("grant_type", "client_credentials")];
        app.token(&ask).tokens();
        let url = server.at("/oauth/token");
        Call::post(&url).basic(&app.client_id, &app.client_secret).form(&ask).send().tokens();
        // Form-decoding of the pair: an escaped letter is the letter itself.
        use base64::Engine as _;
        let pair = format!("{}:{}", app.client_id.replace('_', "%5F"), app.client_secret.replace('v', "%76"));
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        Call::post(&url).header("Authorization", format!("basic {pair}")).form(&ask).send().tokens();
    });
}

#[test]
fn st_46_two_ways_of_authentication_in_one_request_are_refused() {
    on_both(|server| {
        for template in ["service", "gitlife"] {
            let app = server.app(template);
            let url = server.at("/oauth/token");
            let both = Call::post(&url).basic(&app.client_id, &app.client_secret).form(&[
                ("grant_type", "client_credentials"),
                ("client_id", &app.client_id),
                ("client_secret", &app.client_secret),
            ]);
            both.send().refused(400, "invalid_request");
            let twice = Call::post(&url)
                .basic(&app.client_id, &app.client_secret)
                .basic(&app.client_id, &app.client_secret)
                .form(&[("grant_type", "client_credentials")]);
            twice.send().refused(400, "invalid_request");
            let beside =
                Call::post(&url).basic(&app.client_id, &app.client_secret).header("Authorization", "Bearer x").form(&[
                    ("grant_type", "client_credentials"),
                    ("client_id", &app.client_id),
                    ("client_secret", &app.client_secret),
                ]);
            let said = beside.send().refused(400, "invalid_request");
            assert!(said["error_description"].as_str().is_some_and(|d| d.contains("Authorization")), "{said}");
        }
        let app = server.app("service");
        let bare = Call::post(server.at("/oauth/token"))
            .basic(&app.client_id, &app.client_secret)
            .form(&[("grant_type", "client_credentials"), ("client_id", &app.client_id)]);
        bare.send().tokens();
        let foreign = server.app("service");
        let other = Call::post(server.at("/oauth/token"))
            .basic(&app.client_id, &app.client_secret)
            .form(&[("grant_type", "client_credentials"), ("client_id", &foreign.client_id)]);
        assert!(matches!(other.send().status, 400 | 401));
    });
}

#[test]
fn st_47_st_48_st_49_fm_21_fm_66_fm_70_without_the_right_secret_there_is_nothing() {
    on_both(|server| {
        for template in ["web", "service", "gitlife"] {
            let other = server.app(template);
            // An application for every four guesses: a sixth would have to wait.
            for (grants, n) in [["authorization_code", "client_credentials"], ["refresh_token", "password"]]
                .into_iter()
                .flat_map(|grants| (0..8).map(move |n| (grants, n)))
            {
                let app = server.app(template);
                let nearly = format!("{}x", app.client_secret);
                let upper = app.client_secret.to_uppercase();
                let cut = &app.client_secret[..app.client_secret.len() - 1];
                let secret = ["", " ", "null", "undefined", &nearly, &upper, cut, &other.client_secret][n];
                for grant in grants {
                    if grant == "refresh_token" && template == "gitlife" && secret.is_empty() {
                        continue;
                    }
                    let fields = [
                        ("grant_type", grant),
                        ("code", "vst_ac_x"),
                        ("refresh_token", "vst_rt_x"),
                        ("username", "x"),
                        ("password", "x"),
                        ("client_secret", secret),
                    ];
                    app.token(&fields).refused(401, "invalid_client");
                    let basic = Call::post(server.at("/oauth/token")).basic(&app.client_id, secret).form(&fields[..5]);
                    let refused = basic.send();
                    refused.refused(401, "invalid_client");
                    let challenge = refused.header("www-authenticate").unwrap_or_default();
                    assert!(challenge.starts_with("Basic"), "{challenge}");
                }
            }
            let missing = Call::post(server.at("/oauth/token")).form(&[("grant_type", "client_credentials")]).send();
            assert!(matches!(missing.status, 400 | 401), "{}", missing.text());
        }
    });
}

#[test]
fn fm_66_fm_67_no_other_proof_passes_for_a_secret() {
    on_both(|server| {
        let app = server.app("service");
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        for assertion in ["eyJhbGciOiJub25lIn0.e30.", "x", ""] {
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_secret", ""),
                ("client_assertion_type", kind),
                ("client_assertion", assertion),
            ];
            assert!(matches!(app.token(&fields).status, 400 | 401));
        }
        let token = app.token(&[("grant_type", "client_credentials")]).tokens().access;
        let bearer = Call::post(server.at("/oauth/token"))
            .bearer(&token)
            .form(&[("grant_type", "client_credentials"), ("client_id", &app.client_id)]);
        assert!(matches!(bearer.send().status, 400 | 401));
    });
}

#[test]
fn st_50_client_credentials_are_for_confidential_clients_and_give_no_refresh_token() {
    on_both(|server| {
        let app = server.app_with("service", &[], &["--scopes", "api reports"]);
        let tokens = app.token(&[("grant_type", "client_credentials")]).tokens();
        assert!(tokens.refresh.is_none(), "{}", tokens.json);
        assert_eq!(tokens.json["expires_in"], 3600);
        let narrower = app.token(&[("grant_type", "client_credentials"), ("scope", "reports")]).tokens();
        assert_eq!(narrower.json["scope"], "reports");
        app.token(&[("grant_type", "client_credentials"), ("scope", "reports more")]).refused(400, "invalid_scope");
        for template in ["spa", "native"] {
            let public = server.app_with(template, &["https://client.example/callback"], &[]);
            let refused = public.token(&[("grant_type", "client_credentials")]);
            assert!(matches!(refused.json()["error"].as_str(), Some("unauthorized_client" | "invalid_client")));
        }
    });
}

#[test]
fn st_24_st_51_fm_62_a_grant_that_is_not_switched_on_is_refused() {
    on_both(|server| {
        let person = server.person();
        for template in ["web", "spa", "native", "service"] {
            let app = server.app(template);
            let password =
                [("grant_type", "password"), ("username", person.email.as_str()), ("password", &person.password)];
            app.token(&password).refused(400, "unauthorized_client");
        }
        for (template, grant) in
            [("web", "client_credentials"), ("service", "authorization_code"), ("gitlife", "client_credentials")]
        {
            let app = server.app(template);
            app.token(&[("grant_type", grant), ("code", "vst_ac_x")]).refused(400, "unauthorized_client");
        }
        let app = server.app("web");
        for grant in ["nonsense", "implicit", "AUTHORIZATION_CODE", "urn:ietf:params:oauth:grant-type:device_code"] {
            app.token(&[("grant_type", grant)]).refused(400, "unsupported_grant_type");
        }
        let sentence = app.token(&[]).refused(400, "invalid_request");
        assert!(sentence["error_description"].to_string().contains("grant_type"), "{sentence}");
    });
}

#[test]
fn st_52_st_53_token_answers_are_complete_and_never_kept() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let code = app.code(server, &person, &[("scope", "openid email offline_access")]);
        let good = app.trade(&code);
        let tokens = good.tokens();
        assert_eq!(tokens.json["token_type"], "Bearer");
        assert_eq!(tokens.json["expires_in"], 600);
        assert!(tokens.refresh.is_some());
        let mut scope: Vec<&str> = tokens.json["scope"].as_str().unwrap_or_default().split(' ').collect();
        scope.sort_unstable();
        assert_eq!(scope, ["email", "offline_access", "openid"]);
        for answer in [good, app.trade(&code), app.token(&[])] {
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("pragma"), Some("no-cache"));
            assert!(answer.header("content-type").is_some_and(|c| c.to_lowercase().starts_with("application/json")));
        }
    });
}

#[test]
fn st_54_fm_60_what_was_ticked_is_the_most_that_a_token_can_do() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let mut visitor = crate::harness::Visitor::new(server);
        let back = visitor.go_through(
            &app.authorize_url(&[("scope", "openid profile email offline_access")]),
            &person,
            Some(&["openid", "profile", "offline_access"]),
        );
        let code = crate::harness::visitor::parameter(&back, "code").expect("code");
        let tokens = app.trade_with(&code, &[("scope", "openid profile email phone")]).tokens();
        assert!(!tokens.json["scope"].to_string().contains("email"), "{}", tokens.json);
        let refresh = tokens.refresh.expect("refresh token");
        let more =
            app.token(&[("grant_type", "refresh_token"), ("refresh_token", &refresh), ("scope", "openid email")]);
        more.refused(400, "invalid_scope");
        let info = Call::get(server.at("/oauth/userinfo")).bearer(&tokens.access).send().json();
        assert!(info["email"].is_null() && info["preferred_username"].is_string(), "{info}");
    });
}

#[test]
fn st_36_st_49_public_clients_trade_with_their_verifier_alone() {
    on_both(|server| {
        for template in ["spa", "native"] {
            let (app, person) = server.app_and_person(template);
            let code = app.code(server, &person, &[]);
            app.trade(&code).tokens();
        }
    });
}

#[test]
fn fm_25_fm_26_fm_28_fm_32_refresh_tokens_are_used_once_and_reuse_ends_the_family() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let first = app.tokens(server, &person, &[("scope", "openid offline_access")]);
        let refresh = |token: &str| app.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
        let mut generations = vec![first.refresh.expect("refresh token")];
        let mut access = first.access;
        for _ in 0..20 {
            let next = refresh(generations.last().expect("one")).tokens();
            generations.push(next.refresh.expect("rotated"));
            access = next.access;
        }
        let alive = || Call::get(server.at("/oauth/userinfo")).bearer(&access).send().status == 200;
        assert!(alive());
        refresh(&generations[7]).refused(400, "invalid_grant");
        assert!(!alive(), "the family lives on after a reuse");
        refresh(generations.last().expect("one")).refused(400, "invalid_grant");
    });
}

#[test]
fn fm_22_a_refresh_token_is_good_only_for_its_own_client() {
    on_both(|server| {
        for template in ["web", "gitlife"] {
            let (app, person) = server.app_and_person(template);
            let other = server.app(template);
            let scope = if template == "web" { "openid offline_access" } else { "user_info" };
            let refresh = app.tokens(server, &person, &[("scope", scope)]).refresh.expect("refresh token");
            other.token(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).refused(400, "invalid_grant");
            let swapped =
                [("grant_type", "refresh_token"), ("refresh_token", &refresh), ("client_secret", &other.client_secret)];
            app.token(&swapped).refused(401, "invalid_client");
        }
    });
}

#[test]
fn fm_70_strict_clients_cannot_refresh_without_authentication() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let refresh =
            app.tokens(server, &person, &[("scope", "openid offline_access")]).refresh.expect("refresh token");
        let ask = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        let alone = Call::post(server.at("/oauth/token")).form(&ask).send();
        assert!(matches!(alone.status, 400 | 401), "{}", alone.text());
        let named = app.token(&[("grant_type", "refresh_token"), ("refresh_token", &refresh), ("client_secret", "")]);
        named.refused(401, "invalid_client");
        app.token(&ask).tokens();
    });
}

#[test]
fn json_bodies_are_for_templates_that_switch_them_on() {
    on_both(|server| {
        let app = server.app("service");
        let body =
            json!({"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.client_secret});
        let refused = Call::post(server.at("/oauth/token")).json(&body).send();
        assert!((400..=415).contains(&refused.status), "{}", refused.text());
    });
}

#[test]
fn st_03_fm_118_a_token_parameter_twice_or_in_two_values_is_refused() {
    on_both(|server| {
        let app = server.app("service");
        let pair = http::query(&[("client_id", &app.client_id), ("client_secret", &app.client_secret)]);
        for doubled in [
            "grant_type=client_credentials&grant_type=client_credentials",
            "grant_type=client_credentials&scope=api&scope=api",
        ] {
            let body = format!("{pair}&{doubled}");
            let answer =
                Call::post(server.at("/oauth/token")).body(Some("application/x-www-form-urlencoded"), body).send();
            answer.refused(400, "invalid_request");
        }
        let lax = server.app("gitlife");
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", "a"),
            ("client_id", &lax.client_id),
            ("client_secret", &lax.client_secret),
        ];
        let answer = Call::post(server.at("/oauth/token?code=b")).form(&fields).send();
        answer.refused(400, "invalid_request");
    });
}

#[test]
fn st_62_client_ids_and_subjects_cannot_be_confused() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let token = app.tokens(server, &person, &[("scope", "openid")]).access;
        let sub = Call::get(server.at("/oauth/userinfo")).bearer(&token).send().json()["sub"]
            .as_str()
            .expect("sub")
            .to_owned();
        assert!(app.client_id.starts_with("app_") && !sub.starts_with("app_"));
        let service = server.app("service");
        let token = service.token(&[("grant_type", "client_credentials")]).tokens().access;
        let info: Answer = Call::get(server.at("/oauth/userinfo")).bearer(&token).send();
        assert_eq!(info.status, 403, "a token of no person has no userinfo: {}", info.text());
    });
}
