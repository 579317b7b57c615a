//! ID tokens, verified as an application verifies them: by another library, with the published keys.

use crate::harness::jwt::{Verified, verified, verify};
use crate::harness::visitor::parameter;
use crate::harness::{App, Call, Server, Tokens, Visitor, on_both};
use aws_lc_rs::digest::{SHA256, SHA512, digest};
use base64::Engine as _;
use serde_json::{Value, json};

const URI: &str = "https://client.example/callback";
const SCOPE: &str = "openid email offline_access";

fn id_token(server: &Server, app: &App, tokens: &Tokens) -> Verified {
    let token = tokens.json["id_token"].as_str().unwrap_or_else(|| panic!("no ID token: {}", tokens.json));
    verified(server, token, &app.client_id)
}

fn userinfo(server: &Server, access: &str) -> Value {
    let answer = Call::get(server.at("/oauth/userinfo")).bearer(access).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn refreshed(app: &App, tokens: &Tokens) -> Tokens {
    let token = tokens.refresh.as_deref().expect("a refresh token");
    app.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).tokens()
}

fn now_s() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs() as i64
}

/// The left half of the access token's hash, made without our own code (OpenID Connect Core section 3.1.3.6).
fn at_hash(algorithm: &str, access: &str) -> String {
    let hash = if algorithm == "EdDSA" { &SHA512 } else { &SHA256 };
    let sum = digest(hash, access.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&sum.as_ref()[..sum.as_ref().len() / 2])
}

#[test]
fn st_126_st_127_an_id_token_of_each_algorithm_tells_the_sign_in_and_the_subject_of_userinfo() {
    on_both(|server| {
        let person = server.person();
        for algorithm in ["RS256", "ES256", "EdDSA"] {
            let flags: &[&str] = if algorithm == "RS256" { &[] } else { &["--id-token-alg", algorithm] };
            let app = server.app_with("web", &[URI], flags);
            let before = now_s();
            let over = [("scope", SCOPE), ("nonce", "n-0S6_WzA2Mj"), ("max_age", "3600")];
            let tokens = app.tokens(server, &person, &over);
            let read = id_token(server, &app, &tokens);
            assert_eq!(format!("{:?}", read.header.alg), algorithm);
            assert_eq!(read.header.typ.as_deref(), Some("JWT"));
            let claims = &read.claims;
            assert_eq!((&claims["nonce"], &claims["aud"]), (&json!("n-0S6_WzA2Mj"), &json!(app.client_id)));
            assert_eq!(claims["at_hash"], at_hash(algorithm, &tokens.access), "{algorithm}");
            let moment = |name: &str| claims[name].as_i64().unwrap_or_else(|| panic!("{name}: {claims}"));
            assert!(
                (before..=now_s()).contains(&moment("iat")) && (before..=now_s() + 3).contains(&moment("auth_time"))
            );
            assert_eq!(moment("exp") - moment("iat"), 3600);
            assert_eq!(claims["amr"], json!(["pwd"]));
            assert!(claims["acr"].is_string() && claims["sid"].as_str().is_some_and(|sid| sid.len() == 43), "{claims}");
            // What a scope opens is told at userinfo.
            assert!(claims["email"].is_null() && claims["azp"].is_null(), "{claims}");
            assert_eq!(userinfo(server, &tokens.access)["sub"], claims["sub"]);
        }
    });
}

#[test]
fn st_126_an_id_token_is_given_for_openid_only_and_a_refresh_tells_the_same_sign_in_without_the_nonce() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        let without = app.tokens(server, &person, &[("scope", "email offline_access")]);
        assert!(without.json["id_token"].is_null() && refreshed(&app, &without).json["id_token"].is_null());
        let first = app.tokens(server, &person, &[("scope", SCOPE), ("nonce", "once")]);
        let then = id_token(server, &app, &first).claims;
        let second = refreshed(&app, &first);
        let now = id_token(server, &app, &second).claims;
        for same in ["iss", "sub", "aud", "auth_time", "sid", "acr"] {
            assert_eq!(then[same], now[same], "{same}");
        }
        assert!(now["nonce"].is_null() && now["iat"].as_i64() >= then["iat"].as_i64(), "{now}");
        assert_eq!(now["at_hash"], at_hash("RS256", &second.access));
        // Asked again by the same sender, it says the same of the same access token.
        let again = refreshed(&app, &first);
        assert_eq!(id_token(server, &app, &again).claims, now);
        let less = second.refresh.as_deref().expect("a refresh token");
        let fields = [("grant_type", "refresh_token"), ("refresh_token", less), ("scope", "email")];
        assert!(app.token(&fields).tokens().json["id_token"].is_null(), "nobody asked for openid");
        let service = server.app("service");
        let machine = service.token(&[("grant_type", "client_credentials")]).tokens();
        assert!(machine.json["id_token"].is_null(), "there is no person: {}", machine.json);
    });
}

#[test]
fn st_126_whatever_nonce_is_taken_comes_back_in_an_id_token() {
    on_both(|server| {
        let (app, person) = server.app_and_person("web");
        // What grows most in JSON: two bytes for one.
        let longest = "\"".repeat(1024);
        let tokens = app.tokens(server, &person, &[("scope", "openid"), ("nonce", &longest)]);
        assert_eq!(id_token(server, &app, &tokens).claims["nonce"], longest.as_str());
        for name in ["nonce", "login_hint"] {
            let too_long = app.authorize_url(&[("scope", "openid"), ("prompt", "none"), (name, &"n".repeat(1025))]);
            Visitor::new(server).open(&too_long).is_error_at(&app, "invalid_request");
        }
    });
}

#[test]
fn st_126_the_older_wires_give_an_id_token_last_and_only_with_openid() {
    on_both(|server| {
        for (template, plain) in [("idaas-oauth2", "read"), ("gitlife", "user_info")] {
            let scopes = format!("{plain} openid");
            let app = server.app_with(template, &[URI], &["--scopes", &scopes, "--access", "everyone"]);
            let person = server.person();
            let without = app.tokens(server, &person, &[("scope", plain)]);
            assert!(without.json["id_token"].is_null(), "{}", without.json);
            let back = Visitor::new(server).go_through(
                &app.authorize_url(&[("scope", &scopes)]),
                &person,
                (template == "gitlife").then_some(&["user_info", "openid"]),
            );
            let answer = app.trade(&parameter(&back, "code").expect("a code"));
            let (text, json) = (answer.text(), answer.json());
            let at = |name: &str| text.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name}: {text}"));
            let others = json.as_object().expect("an object").keys().filter(|name| *name != "id_token");
            assert!(others.map(|name| at(name)).all(|other| other < at("id_token")), "{text}");
            id_token(server, &app, &answer.tokens());
        }
    });
}

#[test]
fn st_126_st_127_claims_that_were_asked_for_by_name_stand_where_they_were_asked_for() {
    on_both(|server| {
        let app = server.app("web");
        let person = server.person_with(&["--nickname", "Ada L", "--phone", "+44 20 7946 0000"]);
        let claims = r#"{"id_token":{"email":null,"unknown":null},"userinfo":{"nickname":{"essential":true}}}"#;
        let over = [("scope", "openid email profile phone"), ("claims", claims)];
        let tokens = app.tokens(server, &person, &over);
        let told = id_token(server, &app, &tokens).claims;
        assert_eq!(told["email"], person.email.as_str(), "{told}");
        assert!(told["nickname"].is_null() && told["phone_number"].is_null() && told["unknown"].is_null(), "{told}");
        assert_eq!(userinfo(server, &tokens.access)["nickname"], "Ada L");
        // Asked for by name only: the person opens it on the consent page, or it is not told.
        for (ticks, nickname) in
            [(&["openid", "email", "profile"][..], "Ada L"), (&["openid", "email"], ""), (&["openid"], "")]
        {
            let someone = server.person_with(&["--nickname", "Ada L"]);
            let url = app.authorize_url(&[("scope", "openid"), ("claims", claims)]);
            let back = Visitor::new(server).go_through(&url, &someone, Some(ticks));
            let narrow = app.trade(&parameter(&back, "code").expect("a code")).tokens();
            let told = id_token(server, &app, &narrow).claims;
            let opened = ticks.contains(&"email").then_some(someone.email.as_str());
            assert_eq!(told["email"].as_str(), opened, "{ticks:?}: {told}");
            let read = userinfo(server, &narrow.access);
            assert_eq!(read["nickname"].as_str().unwrap_or_default(), nickname, "{ticks:?}: {read}");
            assert!(read["email"].is_null(), "asked for in the ID token only: {read}");
        }
    });
}

#[test]
fn st_127_a_pairwise_subject_is_the_same_everywhere_for_one_sector_and_another_one_for_the_next() {
    on_both(|server| {
        let person = server.person();
        let all = |app: &App| {
            let tokens = app.tokens(server, &person, &[("scope", "openid")]);
            let fields = [("client_id", app.client_id.as_str()), ("client_secret", &app.client_secret)];
            let told = Call::post(server.at("/oauth/introspect"))
                .form(&[&fields[..], &[("token", tokens.access.as_str())]].concat())
                .send()
                .json();
            let sub = userinfo(server, &tokens.access)["sub"].clone();
            assert_eq!(id_token(server, app, &tokens).claims["sub"], sub);
            assert_eq!(told["sub"], sub, "{told}");
            sub.as_str().expect("sub").to_owned()
        };
        let public = server.app("web");
        let here = server.app_with("web", &["https://a.example/cb"], &["--pairwise"]);
        let also_here =
            server.app_with("web", &["https://a.example/other"], &["--pairwise", "--access-token", "ES256"]);
        let named = server.app_with("web", &["https://c.example/cb"], &["--pairwise", "--sector", "a.example"]);
        let there = server.app_with("web", &["https://b.example/cb"], &["--pairwise"]);
        assert_eq!(here.shown["sector"], "a.example");
        let sub = all(&here);
        assert_eq!([all(&also_here), all(&named)], [sub.clone(), sub.clone()]);
        let others = [all(&public), all(&there)];
        assert!(!others.contains(&sub) && others[0] != others[1], "{others:?}");
        // What an application was told by one name it is told by the other after the switch.
        let shown = server.json(&["app", "set", &here.name, "--no-pairwise"], "");
        assert!(shown["sector"].is_null(), "{shown}");
        assert_eq!(all(&here), others[0]);
    });
}

#[test]
fn fm_78_an_access_token_is_no_id_token_and_an_id_token_is_for_its_own_client_only() {
    on_both(|server| {
        let app = server.app_with("web", &[URI], &["--access-token", "ES256", "--id-token-alg", "ES256"]);
        let (other, person) = server.app_and_person("web");
        let tokens = app.tokens(server, &person, &[("scope", "openid")]);
        let token = tokens.json["id_token"].as_str().expect("an ID token");
        assert!(verify(server, token, &other.client_id).is_err());
        assert!(
            verify(server, &tokens.access, &app.client_id).is_err(),
            "the access token is for us, not for the client"
        );
        // As a hint of who is there, the access token is none.
        let mut visitor = Visitor::new(server);
        let over = [("scope", "openid"), ("prompt", "none"), ("id_token_hint", tokens.access.as_str())];
        let page = visitor.open(&app.authorize_url(&over));
        assert!(page.left_for.as_deref().is_none_or(|back| parameter(back, "code").is_none()), "{:?}", page.left_for);
    });
}
