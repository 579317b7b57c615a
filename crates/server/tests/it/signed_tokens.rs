//! Signed access tokens (RFC 9068): what others read in them, and that at our own endpoints their row decides.

use crate::harness::jwt::{verified, verify};
use crate::harness::visitor::parameter;
use crate::harness::{Answer, App, Call, Person, Server, Tokens, Visitor, on_both, on_both_alone};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::Barrier;
use std::time::Instant;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Kind, MachineSecret};

const URI: &str = "https://client.example/callback";
const ALGORITHMS: [&str; 3] = ["EdDSA", "ES256", "RS256"];

fn signing(server: &Server, template: &str, algorithm: &str) -> (App, Person) {
    let uris: &[&str] = if template == "service" { &[] } else { &[URI] };
    let mut flags = vec!["--access-token", algorithm];
    if template != "service" {
        flags.extend(["--access", "everyone"]);
    }
    (server.app_with(template, uris, &flags), server.person())
}

fn tokens(server: &Server, algorithm: &str) -> (App, Person, Tokens) {
    let (app, person) = signing(server, "web", algorithm);
    let tokens = app.tokens(server, &person, &[("scope", "openid email offline_access")]);
    (app, person, tokens)
}

fn call(app: &App, path: &str, token: &str) -> Answer {
    let fields = [("client_id", app.client_id.as_str()), ("client_secret", &app.client_secret), ("token", token)];
    Call::post(format!("{}{path}", app.server)).form(&fields).send()
}

fn read(server: &Server, token: &str) -> u16 {
    Call::get(server.at("/oauth/userinfo")).bearer(token).send().status
}

fn refresh(app: &App, token: &str) -> Call {
    app.token_call(&[("grant_type", "refresh_token"), ("refresh_token", token)])
}

#[test]
fn st_108_st_109_st_110_it_says_what_kind_it_is_for_whom_and_what_it_is_good_for() {
    on_both(|server| {
        for algorithm in ALGORITHMS {
            let (app, _, tokens) = tokens(server, algorithm);
            let token = verified(server, &tokens.access, &server.url);
            assert_eq!(token.header.typ.as_deref(), Some("at+jwt"));
            assert_eq!(format!("{:?}", token.header.alg), algorithm);
            let claims = &token.claims;
            assert_eq!(claims["aud"], server.url.as_str(), "nobody asked for another resource");
            assert_eq!(claims["client_id"], app.client_id.as_str());
            assert_eq!(claims["scope"], tokens.json["scope"]);
            let moment = |name: &str| claims[name].as_i64().unwrap_or_else(|| panic!("{name}: {claims}"));
            assert_eq!(moment("exp") - moment("iat"), tokens.json["expires_in"].as_i64().expect("expires_in"));
            assert!(moment("auth_time") <= moment("iat") + 4, "{claims}");
            let jti = claims["jti"].as_str().expect("jti");
            assert!(Id::parse(jti).is_some(), "{jti}");
            let person = Call::get(server.at("/oauth/userinfo")).bearer(&tokens.access).send().json();
            assert_eq!(person["sub"], claims["sub"]);
            // Introspection says the same of it.
            let told = call(&app, "/oauth/introspect", &tokens.access).json();
            for same in ["iss", "aud", "sub", "client_id", "scope", "jti", "iat", "exp"] {
                assert_eq!(told[same], claims[same], "{same}");
            }
            assert_eq!((&told["active"], &told["token_type"]), (&json!(true), &json!("Bearer")));
        }
        let (service, _) = signing(server, "service", "ES256");
        let token = service.token(&[("grant_type", "client_credentials")]).tokens();
        let claims = verified(server, &token.access, &server.url).claims;
        assert_eq!((&claims["sub"], &claims["client_id"]), (&json!(service.client_id), &json!(service.client_id)));
        assert!(claims["auth_time"].is_null(), "{claims}");
    });
}

#[test]
fn st_112_st_127_it_opens_userinfo_in_every_form_that_an_opaque_one_opens() {
    on_both(|server| {
        let (_, _, tokens) = tokens(server, "RS256");
        let (url, token) = (server.at("/oauth/userinfo"), &tokens.access);
        assert_eq!(Call::get(&url).bearer(token).send().status, 200);
        assert_eq!(Call::post(&url).bearer(token).send().status, 200);
        assert_eq!(Call::post(&url).form(&[("access_token", token)]).send().status, 200);
        assert_eq!(Call::get(&url).query(&[("access_token", token)]).send().status, 400);
        assert_eq!(Call::post(&url).bearer(token).form(&[("access_token", token)]).send().status, 400);
        for (template, scope, path) in
            [("idaas-oauth2", "read", "/api/bff/v1.2/oauth2/userinfo"), ("gitlife", "user_info", "/api/v5/user")]
        {
            let (app, person) = signing(server, template, "ES256");
            let token = app.tokens(server, &person, &[("scope", scope)]).access;
            assert!(token.contains('.'), "{token}");
            assert_eq!(Call::get(server.at(path)).bearer(&token).send().status, 200, "{template}");
            assert_eq!(Call::get(server.at(path)).query(&[("access_token", &token)]).send().status, 200, "{template}");
            assert_eq!(read(server, &token), 403, "of another wire");
        }
    });
}

/// What is signed, but not as an access token of ours.
fn impostors(server: &Server, app: &App, tokens: &Tokens) -> Vec<(&'static str, String)> {
    let parts: Vec<&str> = tokens.access.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("{}", tokens.access) };
    let decoded = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
    };
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let with = |part: &str, name: &str, value: Value| {
        let mut object = decoded(part);
        object[name] = value;
        encoded(&object)
    };
    let keys = Call::get(server.at("/oauth/jwks")).send().text();
    let mac = |header: &str, key: &[u8]| {
        let signed = format!("{header}.{claims}");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    };
    let hs256 = with(header, "alg", json!("HS256"));
    let id_token = tokens.json["id_token"].as_str().expect("an ID token").to_owned();
    let other_body = with(claims, "scope", json!("openid email profile phone"));
    let jti = Id::parse(decoded(claims)["jti"].as_str().expect("jti")).expect("an id");
    let forged = |bytes| MachineSecret::new(Kind::AccessToken, jti, bytes).spell().expose().to_owned();
    let mut mark = [0; 32];
    mark[31] = 2;
    vec![
        ("an ID token", id_token.clone()),
        (
            "an ID token's claims under an access token's header",
            format!("{header}.{}", &id_token[id_token.find('.').expect("a dot") + 1..]),
        ),
        ("other claims", format!("{header}.{other_body}.{signature}")),
        ("alg none", format!("{}.{claims}.", with(header, "alg", json!("none")))),
        ("typ JWT", format!("{}.{claims}.{signature}", with(header, "typ", json!("JWT")))),
        ("typ logout+jwt", format!("{}.{claims}.{signature}", with(header, "typ", json!("logout+jwt")))),
        ("a MAC with the published key set", mac(&hs256, keys.as_bytes())),
        ("a MAC with nothing", mac(&hs256, b"")),
        ("an unknown key", format!("{}.{claims}.{signature}", with(header, "kid", json!("../../etc/passwd")))),
        ("no signature", format!("{header}.{claims}.")),
        ("two parts", format!("{header}.{claims}")),
        ("five parts", format!("{header}.{claims}.{signature}.{claims}.{signature}")),
        ("an opaque token for its row", forged([0; 32])),
        ("another one", forged(mark)),
        ("a refresh token", tokens.refresh.clone().expect("a refresh token")),
        ("a client secret", app.client_secret.clone()),
    ]
}

#[test]
fn st_111_fm_72_fm_78_nothing_else_that_is_signed_or_secret_passes_for_one() {
    on_both(|server| {
        let flags = ["--access-token", "ES256", "--id-token-alg", "ES256"];
        let app = server.app_with("web", &[URI], &flags);
        let person = server.person();
        let tokens = app.tokens(server, &person, &[("scope", "openid email offline_access")]);
        let code = app.code(server, &person, &[("scope", "openid")]);
        let mut all = impostors(server, &app, &tokens);
        all.push(("a code", code));
        for (what, token) in &all {
            for path in ["/oauth/userinfo", "/api/v5/user", "/api/v5/emails", "/api/bff/v1.2/oauth2/userinfo"] {
                let answer = Call::get(server.at(path)).bearer(token).send();
                assert_eq!(answer.status, 401, "{what} at {path}: {}", answer.text());
            }
            if *what != "a refresh token" {
                assert_eq!(call(&app, "/oauth/introspect", token).text(), r#"{"active":false}"#, "{what}");
            }
        }
        // None of them ends it either.
        for (what, token) in all.iter().filter(|(what, _)| *what != "a refresh token") {
            assert!(matches!(call(&app, "/oauth/revoke", token).status, 200 | 400), "{what}");
        }
        assert_eq!(read(server, &tokens.access), 200);
    });
}

#[test]
fn st_70_st_71_fm_71_it_is_revoked_by_its_own_client_and_told_to_nobody_else() {
    on_both(|server| {
        let (app, _, tokens) = tokens(server, "EdDSA");
        let foreign = server.app("web");
        assert_eq!(call(&foreign, "/oauth/introspect", &tokens.access).text(), r#"{"active":false}"#);
        assert_eq!(call(&foreign, "/oauth/revoke", &tokens.access).status, 200);
        assert_eq!(read(server, &tokens.access), 200, "a foreign client ended it");
        let gateway = server.app("service");
        server.json(&["app", "switch", &gateway.name, "introspect", "on"], "");
        let told = call(&gateway, "/oauth/introspect", &tokens.access).json();
        assert!(told["active"] == true && told["username"].is_null(), "{told}");
        assert_eq!(call(&app, "/oauth/revoke", &tokens.access).status, 200);
        assert_eq!(read(server, &tokens.access), 401);
        for asking in [&app, &gateway] {
            assert_eq!(call(asking, "/oauth/introspect", &tokens.access).text(), r#"{"active":false}"#);
        }
        assert!(
            verify(server, &tokens.access, &server.url).is_ok(),
            "with others it lives to its end, as the docs say"
        );
    });
}

/// Size in CI: 3 algorithms × 2 generations × 32 presenters, on each database.
#[test]
fn fm_25_fm_28_fm_29_presenters_of_one_refresh_token_get_the_same_row_signed_again() {
    on_both(|server| {
        for algorithm in ALGORITHMS {
            let (app, _, first) = tokens(server, algorithm);
            let mut current = first.refresh.expect("a refresh token");
            for _ in 0..2 {
                let (gate, begin) = (Barrier::new(32), Instant::now());
                let one = || {
                    gate.wait();
                    refresh(&app, &current).send()
                };
                let answers: Vec<Answer> = std::thread::scope(|scope| {
                    let callers: Vec<_> = (0..32).map(|_| scope.spawn(one)).collect();
                    callers.into_iter().map(|caller| caller.join().expect("an answer")).collect()
                });
                let given: Vec<Tokens> = answers.iter().map(Answer::tokens).collect();
                let passed = begin.elapsed().as_secs() as i64 + 1;
                let claims = verified(server, &given[0].access, &server.url).claims;
                for tokens in &given {
                    assert_eq!(tokens.refresh, given[0].refresh, "two successors of one token");
                    assert_eq!(verified(server, &tokens.access, &server.url).claims, claims);
                    let left = tokens.json["expires_in"].as_i64().expect("expires_in");
                    assert!((600 - passed..=600).contains(&left), "{left} after {passed} s");
                }
                assert_eq!(read(server, &given[0].access), 200);
                current = given[0].refresh.clone().expect("a refresh token");
            }
        }
    });
}

#[test]
fn fm_29_a_lost_answer_is_given_again_as_what_it_was_when_the_setting_changed_meanwhile() {
    on_both(|server| {
        let (app, _, first) = tokens(server, "ES256");
        let token = first.refresh.expect("a refresh token");
        let given = refresh(&app, &token).send().tokens();
        server.json(&["app", "set", &app.name, "--access-token", "opaque"], "");
        let again = refresh(&app, &token).send().tokens();
        let claims = |tokens: &Tokens| verified(server, &tokens.access, &server.url).claims;
        assert_eq!(claims(&again), claims(&given));
        assert_eq!(again.refresh, given.refresh);
        assert_eq!(read(server, &given.access), 200, "what was issued stays what it is");
        let next = refresh(&app, given.refresh.as_deref().expect("a refresh token")).send().tokens();
        assert!(!next.access.contains('.'), "{}", next.json);
        assert_eq!(read(server, &next.access), 200);
    });
}

#[test]
fn st_73_fm_75_what_was_revoked_stays_revoked_after_a_power_cut() {
    on_both_alone(|mut server| {
        let (app, _, ended) = tokens(&server, "ES256");
        let (_, _, kept) = tokens(&server, "ES256");
        assert_eq!(call(&app, "/oauth/revoke", &ended.access).status, 200);
        server.process().kill();
        server.restart();
        assert_eq!((read(&server, &ended.access), read(&server, &kept.access)), (401, 200));
    });
}

#[test]
fn an_administrator_sets_what_tokens_look_like_and_it_stands_in_the_trail() {
    on_both(|server| {
        let app = server.app("web");
        assert_eq!((&app.shown["id_token_alg"], &app.shown["access_token"]), (&json!("RS256"), &json!("opaque")));
        assert!(app.shown["sector"].is_null());
        let shown = server.json(&["app", "set", &app.name, "--id-token-alg", "EdDSA", "--access-token", "ES256"], "");
        assert_eq!((&shown["id_token_alg"], &shown["access_token"]), (&json!("EdDSA"), &json!("ES256")));
        assert_eq!(server.json(&["app", "show", &app.name], "")["access_token"], "ES256");
        // The server is everybody's: others set theirs meanwhile.
        let target = format!("application:{}", app.client_id.trim_start_matches("app_"));
        let rows = server.with_store(async |store| store.list_audit(100_000).await.expect("reads"));
        let row = rows.iter().find(|row| row.action == "application.set" && row.target == target);
        assert!(row.is_some_and(|row| row.details == "id_token_alg EdDSA, access_token ES256"), "{row:?}");
        let two = server.app_with("web", &["https://a.example/cb", "https://b.example/cb"], &[]);
        for wrong in [
            vec!["app", "set", &two.name, "--pairwise"],
            vec!["app", "set", &two.name],
            vec!["app", "set", &two.name, "--pairwise", "--sector", "https://a.example"],
            vec!["app", "set", &two.name, "--sector", "a.example"],
            vec!["app", "set", &two.name, "--access-token", "none"],
            vec!["app", "set", &two.name, "--id-token-alg", "HS256"],
        ] {
            let output = server.command(&wrong, "");
            assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
        }
        let named = server.json(&["app", "set", &two.name, "--pairwise", "--sector", "A.example"], "");
        assert_eq!(named["sector"], "a.example");
        let unknown = server.command(&["app", "set", "nobody", "--access-token", "opaque"], "");
        assert_eq!(unknown.status.code(), Some(1));
    });
}

/// The Gitlife and IDaaS wires tell people's own ids, so that pairwise subjects would hide nothing there.
#[test]
fn an_application_of_the_older_wires_has_no_pairwise_subjects() {
    let server = Server::shared(crate::harness::Database::Sqlite);
    for template in ["gitlife", "idaas-oauth2"] {
        let name = crate::harness::unique("pair");
        let add = ["app", "add", &name, "--template", template, "--redirect-uri", URI, "--pairwise"];
        let output = server.command(&add, "");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn st_126_a_password_grant_gives_a_signed_access_token_and_no_id_token() {
    on_both(|server| {
        let scopes = ["--scopes", "user_info openid", "--access-token", "ES256"];
        let app = server.app_with("gitlife", &[URI], &scopes);
        let person = server.person();
        let fields = [
            ("grant_type", "password"),
            ("username", person.name.as_str()),
            ("password", &person.password),
            ("scope", "user_info openid"),
        ];
        let tokens = app.token(&fields).tokens();
        assert!(tokens.json["id_token"].is_null(), "nobody signed in with a browser: {}", tokens.json);
        let claims = verified(server, &tokens.access, &server.url).claims;
        assert!(claims["auth_time"].is_i64(), "{claims}");
        let back = Visitor::new(server).go_through(&app.authorize_url(&[]), &person, Some(&["user_info"]));
        let code = parameter(&back, "code").expect("a code");
        let by_code = verified(server, &app.trade(&code).tokens().access, &server.url).claims;
        assert_eq!(by_code["sub"], claims["sub"]);
    });
}
