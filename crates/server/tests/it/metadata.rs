//! `/.well-known/oauth-authorization-server`: what is advertised works, and what is not is refused.

use crate::harness::{Call, on_both};
use serde_json::json;

#[test]
fn st_15_st_42_st_82_st_83_the_document_is_complete_and_names_its_own_address() {
    on_both(|server| {
        let answer = Call::get(server.at("/.well-known/oauth-authorization-server")).send();
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").is_some_and(|c| c.starts_with("application/json")));
        let document = answer.json();
        assert_eq!(document["issuer"], server.url.as_str());
        assert_eq!(document["authorization_endpoint"], server.at("/oauth/authorize").as_str());
        assert_eq!(document["token_endpoint"], server.at("/oauth/token").as_str());
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["response_types_supported"], json!(["code"]));
        for (name, value) in document.as_object().expect("an object") {
            assert!(value != &json!([]), "{name} is empty and should be left out");
            if let Some(url) = value.as_str().filter(|_| name.ends_with("_endpoint") || name.ends_with("_uri")) {
                assert!(url.starts_with(&server.url), "{name}: {url}");
                assert_ne!(Call::get(url).send().status, 404, "{name} is advertised and not there");
            }
        }
    });
}

#[test]
fn st_84_what_is_advertised_works_and_what_is_not_is_refused() {
    on_both(|server| {
        let document = Call::get(server.at("/.well-known/oauth-authorization-server")).send().json();
        let list = |name: &str| -> Vec<String> {
            let values = document[name].as_array().cloned().unwrap_or_default();
            values.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        let person = server.person();
        let grants = list("grant_types_supported");
        for grant in [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "password",
            "implicit",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ] {
            let web = server.app("web");
            let answer = match grant {
                "authorization_code" => web.trade(&web.code(server, &person, &[])),
                "refresh_token" => {
                    let refresh = web.tokens(server, &person, &[("scope", "openid offline_access")]).refresh;
                    web.token(&[("grant_type", grant), ("refresh_token", &refresh.expect("refresh token"))])
                }
                "client_credentials" => server.app("service").token(&[("grant_type", grant)]),
                "password" => server.app("gitlife").token(&[
                    ("grant_type", grant),
                    ("username", &person.email),
                    ("password", &person.password),
                ]),
                _ => web.token(&[("grant_type", grant), ("device_code", "x"), ("assertion", "x")]),
            };
            if grants.iter().any(|g| g == grant) {
                answer.tokens();
            } else if grant != "password" {
                answer.refused(400, "unsupported_grant_type");
            }
        }
        let methods = list("token_endpoint_auth_methods_supported");
        assert!(
            methods.iter().any(|m| m == "client_secret_basic") && methods.iter().any(|m| m == "client_secret_post")
        );
        for absent in ["private_key_jwt", "client_secret_jwt", "tls_client_auth"] {
            assert!(!methods.iter().any(|m| m == absent));
        }
        let modes = list("response_modes_supported");
        assert_eq!(modes, ["query", "form_post"]);
        for (member, path) in [
            ("revocation_endpoint", "/oauth/revoke"),
            ("introspection_endpoint", "/oauth/introspect"),
            ("device_authorization_endpoint", "/oauth/device_authorization"),
            ("pushed_authorization_request_endpoint", "/oauth/par"),
            ("registration_endpoint", "/oauth/register"),
        ] {
            if document[member].is_null() {
                assert_eq!(
                    Call::post(server.at(path)).form(&[("a", "b")]).send().status,
                    404,
                    "{path} is there and not advertised"
                );
            }
        }
    });
}

#[test]
fn st_57_fm_104_fm_105_forwarding_headers_change_nothing() {
    on_both(|server| {
        let plain = Call::get(server.at("/.well-known/oauth-authorization-server")).send().text();
        for (name, value) in [
            ("X-Forwarded-Host", "evil.example"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-For", "10.0.0.1"),
            ("X-Forwarded-Port", "1"),
            ("Forwarded", "host=evil.example;proto=https"),
            ("X-Original-URL", "/evil"),
            ("X-Rewrite-URL", "/evil"),
            ("X-Real-IP", "10.0.0.1"),
        ] {
            let call = Call::get(server.at("/.well-known/oauth-authorization-server")).header(name, value);
            assert_eq!(call.send().text(), plain, "{name}");
            let app = server.app("web");
            let answer = Call::get(app.authorize_url(&[])).header(name, value).send();
            assert!(!answer.header("location").unwrap_or_default().contains("evil"));
        }
    });
}

#[test]
fn fm_106_strange_paths_are_404() {
    on_both(|server| {
        for path in [
            "/oauth/token;x=1",
            "/oauth;/token",
            "/oauth//token",
            "//oauth/token",
            "/oauth/%74oken/../token",
            "/oauth%2ftoken",
            "/x/../oauth/token",
            "/oauth/token/",
            "/OAUTH/TOKEN",
            "/oauth/token%00",
            "/.well-known/../oauth/token",
        ] {
            let answer = Call::post(server.at(path)).form(&[("grant_type", "x")]).send();
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        }
    });
}
