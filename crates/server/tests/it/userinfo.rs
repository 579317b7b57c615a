//! `GET|POST /oauth/userinfo`: claims by scope, and every way in which a token is not good.

use crate::harness::visitor::parameter;
use crate::harness::{Call, Visitor, on_both};

#[test]
fn fm_61_claims_follow_the_scopes() {
    on_both(|server| {
        let app = server.app("web");
        let person = server.person_with(&["--nickname", "Ada L", "--phone", "+44 20 7946 0000", "--locale", "en-GB"]);
        let claims = |scope: &str| {
            let token = app.tokens(server, &person, &[("scope", scope)]).access;
            Call::get(server.at("/oauth/userinfo")).bearer(&token).send().json()
        };
        let bare = claims("openid");
        assert_eq!(bare.as_object().expect("object").keys().collect::<Vec<_>>(), ["sub"], "{bare}");
        let mail = claims("openid email");
        assert_eq!(mail["email"], person.email.as_str());
        assert!(mail["email_verified"].is_boolean() && mail["phone_number"].is_null() && mail["nickname"].is_null());
        let phone = claims("openid phone");
        assert!(phone["phone_number"].is_string() && phone["email"].is_null(), "{phone}");
        let profile = claims("openid profile");
        assert_eq!(profile["nickname"], "Ada L");
        assert_eq!(profile["preferred_username"], person.name.as_str());
        assert!(profile["email"].is_null() && profile["phone_number"].is_null());
        assert_eq!(bare["sub"], profile["sub"], "a subject never changes");
    });
}

#[test]
fn st_112_st_113_the_token_travels_in_the_header_or_the_body_and_nowhere_else() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let token = app.tokens(server, &person, &[("scope", "openid")]).access;
        let url = server.at("/oauth/userinfo");
        assert_eq!(Call::get(&url).bearer(&token).send().status, 200);
        assert_eq!(Call::get(&url).header("Authorization", format!("bearer {token}")).send().status, 200);
        assert_eq!(Call::post(&url).bearer(&token).send().status, 200);
        assert_eq!(Call::post(&url).form(&[("access_token", &token)]).send().status, 200);
        let query = Call::get(&url).query(&[("access_token", &token)]).send();
        assert!(matches!(query.status, 400 | 401), "{}", query.text());
        let two = Call::post(&url).bearer(&token).form(&[("access_token", &token)]).send();
        assert_eq!(two.status, 400, "{}", two.text());

        let none = Call::get(&url).send();
        assert_eq!(none.status, 401);
        let challenge = none.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer") && !challenge.contains("error="), "{challenge}");
        for bad in ["x", "vst_at_", &token[..token.len() - 1], "null", &format!("{token}x"), &app.client_secret] {
            let refused = Call::get(&url).bearer(bad).send();
            assert_eq!(refused.status, 401, "{bad}");
            assert!(refused.header("www-authenticate").is_some_and(|c| c.contains("error=\"invalid_token\"")));
        }
    });
}

#[test]
fn st_113_fm_59_a_token_without_the_scope_is_403() {
    on_both(|server| {
        let app = server.app_with("web", &["https://client.example/callback"], &["--scopes", "openid api"]);
        let person = server.person();
        let token = app.tokens(server, &person, &[("scope", "api")]);
        let refused = Call::get(server.at("/oauth/userinfo")).bearer(&token.access).send();
        if token.json["scope"].to_string().contains("openid") {
            assert_eq!(refused.status, 200, "openid is fixed: {}", token.json);
        } else {
            assert_eq!(refused.status, 403, "{}", refused.text());
            assert!(refused.header("www-authenticate").is_some_and(|c| c.contains("insufficient_scope")));
        }
    });
}

#[test]
fn fm_59_fm_78_a_token_of_one_wire_opens_no_other() {
    on_both(|server| {
        let (web, person) = server.app_and_person("web");
        let (idaas, someone) = server.app_and_person("idaas-oauth2");
        let gitlife = server.app("gitlife");
        let service = server.app("service");
        let every = ["user_info", "emails"];
        let back = Visitor::new(server).go_through(&gitlife.authorize_url(&[]), &person, Some(&every));
        let code = parameter(&back, "code").expect("code");
        let tokens = [
            ("web", web.tokens(server, &person, &[]).access, "/oauth/userinfo"),
            ("idaas", idaas.tokens(server, &someone, &[]).access, "/api/bff/v1/oauth2/userinfo"),
            ("gitlife", gitlife.trade(&code).tokens().access, "/api/v5/user"),
            ("service", service.token(&[("grant_type", "client_credentials")]).tokens().access, "nowhere"),
        ];
        for (wire, token, home) in &tokens {
            for path in [
                "/oauth/userinfo",
                "/api/bff/v1/oauth2/userinfo",
                "/api/bff/v1.2/oauth2/userinfo",
                "/api/v5/user",
                "/api/v5/emails",
            ] {
                let status = Call::get(server.at(path)).bearer(token).send().status;
                let same_house = path == *home
                    || (*wire == "idaas" && path.contains("/bff/"))
                    || (*wire == "gitlife" && path.contains("/v5/"));
                if same_house {
                    assert_eq!(status, 200, "{wire} at {path}");
                } else {
                    assert_eq!(status, 403, "{wire} at {path}");
                }
            }
        }
    });
}
