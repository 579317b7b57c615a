//! Back-channel logout: who is told, what the token says, and what becomes of receivers that misbehave.

use crate::harness::jwt;
use crate::harness::receiver::SAYS;
use crate::harness::visitor::parameter;
use crate::harness::{Act, App, Call, Database, Person, Receiver, Server, Visitor, wait_until};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;
use std::time::{Duration, Instant};
use vestibule_store::audit::AuditRow;
use vestibule_store::statement;

const DATABASES: [Database; 2] = [Database::Sqlite, Database::Postgres];

/// A server that may call these receivers.
fn server(database: Database, receivers: &[&Receiver]) -> Server {
    let hosts: Vec<&str> = receivers.iter().map(|receiver| receiver.authority.as_str()).collect();
    let hosts = hosts.join(",");
    eprintln!("--- on {database:?}");
    Server::start(database, &["--allow-private-host", &hosts])
}

fn listening_app(server: &Server, receiver: &Receiver, arguments: &[&str]) -> App {
    let url = receiver.url();
    let mut all = vec!["--backchannel-logout-uri", &url];
    all.extend_from_slice(arguments);
    server.app_with("web", &["https://client.example/callback"], &all)
}

/// Somebody who signed in and went to these applications.
fn visitor(server: &Server, person: &Person, apps: &[&App]) -> Visitor {
    let mut visitor = Visitor::new(server);
    for app in apps {
        visitor.go_through(&app.authorize_url(&[("scope", "openid")]), person, None);
    }
    visitor
}

/// Goes to the application and gives the `sid` of the ID token that it gets.
fn session_of(server: &Server, visitor: &mut Visitor, person: &Person, app: &App) -> String {
    let back = visitor.go_through(&app.authorize_url(&[("scope", "openid")]), person, None);
    let tokens = app.trade(&parameter(&back, "code").expect("a code")).tokens();
    let token = tokens.json["id_token"].as_str().expect("an ID token");
    jwt::verified(server, token, &app.client_id).claims["sid"].as_str().expect("sid").to_owned()
}

fn sign_out(server: &Server, visitor: &mut Visitor) {
    let page = visitor.open(&server.at("/sign-out"));
    let out = visitor.submit(&page, "sign-out", &[]);
    assert_eq!(out.answer.status, 200, "{}", out.plain());
}

/// The rows of the trail about notices, oldest first.
fn trail(server: &Server) -> Vec<AuditRow> {
    let mut rows = server.with_store(async |store| store.list_audit(1000).await.expect("reads"));
    rows.retain(|row| row.action == "logout.notice");
    rows.reverse();
    rows
}

/// Waits for so many rows of the trail about notices.
fn settled(server: &Server, count: usize) -> Vec<AuditRow> {
    let mut rows = Vec::new();
    wait_until("the trail tells of so many", || {
        rows = trail(server);
        rows.len() >= count
    });
    rows
}

/// Verifies a logout token with an independent library and the published keys; gives its header's algorithm and claims.
fn verified(server: &Server, app: &App, token: &str) -> (Algorithm, Value) {
    let keys: JwkSet = serde_json::from_value(Call::get(server.at("/oauth/jwks")).send().json()).expect("a key set");
    let header = jsonwebtoken::decode_header(token).expect("a header");
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let key = keys.find(header.kid.as_deref().expect("kid")).expect("a published key");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[&app.client_id]);
    validation.set_issuer(&[&server.url]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.leeway = 0;
    let decoded = jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key).expect("a key"), &validation)
        .expect("verifies");
    (header.alg, decoded.claims)
}

#[test]
fn st_127_st_129_each_application_of_a_session_is_told_with_a_token_that_an_independent_library_verifies() {
    let algorithms = [("RS256", Algorithm::RS256), ("ES256", Algorithm::ES256), ("EdDSA", Algorithm::EdDSA)];
    for database in DATABASES {
        let receivers =
            [Receiver::doing(&[Act::Say(200)]), Receiver::doing(&[Act::Say(204)]), Receiver::doing(&[Act::Say(200)])];
        let server = server(database, &receivers.each_ref());
        let person = server.person();
        let apps: Vec<App> = algorithms
            .iter()
            .zip(&receivers)
            .map(|((name, _), receiver)| listening_app(&server, receiver, &["--id-token-alg", name, "--pairwise"]))
            .collect();
        let mut visitor = Visitor::new(&server);
        let told: Vec<String> = apps.iter().map(|app| session_of(&server, &mut visitor, &person, app)).collect();
        sign_out(&server, &mut visitor);
        let mut sessions = Vec::new();
        for (((_, algorithm), receiver), app) in algorithms.iter().zip(&receivers).zip(&apps) {
            let heard = receiver.next();
            assert_eq!(heard.line, "POST /told?by=us HTTP/1.1");
            assert_eq!(heard.header("content-type"), "application/x-www-form-urlencoded");
            assert!(heard.header("user-agent").starts_with("Vestibule/"), "{heard:?}");
            let (used, claims) = verified(&server, app, &heard.logout_token());
            assert_eq!(used, *algorithm);
            assert_eq!(claims["events"], serde_json::json!({"http://schemas.openid.net/event/backchannel-logout": {}}));
            assert!(claims.get("nonce").is_none(), "{claims}");
            let life = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
            assert!((1..=120).contains(&life), "{claims}");
            assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 16), "{claims}");
            sessions.push(claims["sid"].as_str().expect("sid").to_owned());
            assert!(claims["sub"].as_str().is_some_and(|sub| sub.len() > 20), "{claims}");
        }
        assert_eq!(sessions, told, "the session is named as in the ID tokens");
        sessions.sort();
        sessions.dedup();
        assert_eq!(sessions.len(), 3, "two applications that compare sessions see that they speak of one browser");
        let rows = settled(&server, 3);
        assert!(rows.iter().all(|row| row.outcome == "done" && row.actor == "server"), "{rows:?}");
        for receiver in &receivers {
            assert!(receiver.within(Duration::from_millis(300)).is_none(), "told twice");
        }
    }
}

#[test]
fn fm_78_a_logout_token_that_we_signed_passes_for_no_other_token() {
    for database in DATABASES {
        let receiver = Receiver::doing(&[Act::Say(200)]);
        let server = server(database, &[&receiver]);
        let flags = ["--access-token", "ES256", "--id-token-alg", "ES256", "--scopes", "openid offline_access"];
        let app = listening_app(&server, &receiver, &flags);
        let person = server.person();
        sign_out(&server, &mut visitor(&server, &person, &[&app]));
        let token = receiver.next().logout_token();
        verified(&server, &app, &token);
        for path in ["/oauth/userinfo", "/api/v5/user", "/api/bff/v1.2/oauth2/userinfo"] {
            assert_eq!(Call::get(server.at(path)).bearer(&token).send().status, 401, "{path}");
        }
        let fields = [("client_id", app.client_id.as_str()), ("client_secret", &app.client_secret), ("token", &token)];
        let told = Call::post(server.at("/oauth/introspect")).form(&fields).send();
        assert_eq!((told.status, told.text().as_str()), (200, r#"{"active":false}"#));
        app.token(&[("grant_type", "refresh_token"), ("refresh_token", &token)]).refused(400, "invalid_grant");
        app.trade(&token).refused(400, "invalid_grant");
        // It names person and session: as a hint it would sign out, and say who is to be there.
        let mut there = visitor(&server, &person, &[&app]);
        let out = Call::get(server.at("/oauth/logout")).query(&[("id_token_hint", &token)]).url().to_owned();
        assert_eq!(there.open(&out).is_error_page(400), "invalid_request");
        let silent = app.authorize_url(&[("scope", "openid"), ("prompt", "none"), ("id_token_hint", &token)]);
        there.open(&silent).is_error_at(&app, "invalid_request");
    }
}

#[test]
fn st_129_whatever_ends_the_sessions_of_a_person_tells_their_applications() {
    for database in DATABASES {
        let receiver = Receiver::doing(&[Act::Say(200)]);
        let server = server(database, &[&receiver]);
        let app = listening_app(&server, &receiver, &["--backchannel-logout-session-required"]);
        assert_eq!(app.shown["backchannel_logout_uri"], receiver.url());
        assert_eq!(app.shown["backchannel_logout_session_required"], true);
        server.json(&["org", "add", "Board"], "");
        let mut sessions = Vec::new();
        let ways = ["everywhere", "another", "user sign-out", "user disable", "user set-password", "org disable"];
        for way in ways {
            let person = server.person_with(if way == "org disable" { &["--org", "Board"][..] } else { &[] });
            let mut visitor = visitor(&server, &person, &[&app]);
            match way {
                "everywhere" => {
                    let home = visitor.open(&server.at("/"));
                    visitor.submit(&home, "sign-out-everywhere", &[]);
                }
                "another" => {
                    let page = visitor.open(&app.authorize_url(&[("scope", "openid"), ("prompt", "login")]));
                    visitor.sign_in(&page, &server.person());
                }
                "org disable" => drop(server.json(&["org", "disable", "Board"], "")),
                "user set-password" => {
                    server.json(&["user", "set-password", &person.name, "--password-stdin"], "another 1 password");
                }
                cli => {
                    let mut words: Vec<&str> = cli.split(' ').collect();
                    words.push(&person.name);
                    server.json(&words, "");
                }
            }
            let heard = receiver.next();
            let (_, claims) = verified(&server, &app, &heard.logout_token());
            sessions.push(claims["sid"].as_str().expect("sid").to_owned());
            assert!(receiver.within(Duration::from_millis(200)).is_none(), "{way}: told twice");
        }
        sessions.sort();
        sessions.dedup();
        assert_eq!(sessions.len(), ways.len(), "each is another session");
        server.json(&["app", "set", &app.name, "--no-backchannel-logout"], "");
        let mut last = visitor(&server, &server.person(), &[&app]);
        sign_out(&server, &mut last);
        assert!(receiver.within(Duration::from_millis(1500)).is_none(), "told though it does not want to hear");
    }
}

#[test]
fn st_129_fm_87_fm_90_receivers_that_misbehave_are_asked_again_and_hold_up_nobody() {
    for database in DATABASES {
        let inside = Receiver::doing(&[Act::Say(200)]);
        let redirecting = Receiver::doing(&[Act::Redirect(inside.url()), Act::Say(200)]);
        let failing = Receiver::doing(&[Act::Say(500), Act::Say(200)]);
        let flooding = Receiver::doing(&[Act::Flood]);
        let dawdling = Receiver::doing(&[Act::Dawdle]);
        let refusing = Receiver::doing(&[Act::Say(400)]);
        let silent = Receiver::doing(&[Act::Silence]);
        let good = Receiver::doing(&[Act::Say(200)]);
        let all = [&inside, &redirecting, &failing, &flooding, &dawdling, &refusing, &silent, &good];
        let server = server(database, &all);
        let apps: Vec<App> = all[1..].iter().map(|receiver| listening_app(&server, receiver, &[])).collect();
        let (dead, good_app) = (&apps[5], &apps[6]);
        // Many ends for the one that never answers: they take only its own turns.
        for _ in 0..6 {
            let mut one = visitor(&server, &server.person(), &[dead]);
            let start = Instant::now();
            sign_out(&server, &mut one);
            assert!(start.elapsed() < Duration::from_secs(4), "signing out waited for an application");
        }
        silent.next();
        let mut one = visitor(&server, &server.person(), &apps.iter().collect::<Vec<_>>());
        let start = Instant::now();
        sign_out(&server, &mut one);
        let (_, claims) = verified(&server, good_app, &good.next().logout_token());
        assert!(start.elapsed() < Duration::from_secs(10), "a dead application held up another");
        for twice in [&redirecting, &failing] {
            let (first, second) = (twice.next(), twice.next());
            let tokens = [first.logout_token(), second.logout_token()];
            assert_ne!(tokens[0], tokens[1], "a second try is no replay of the first");
            let app = &apps[all.iter().position(|r| r.authority == twice.authority).expect("is there") - 1];
            let both = tokens.map(|token| verified(&server, app, &token).1);
            assert_eq!(both[0]["sid"], both[1]["sid"]);
            assert_ne!(both[0]["sid"], claims["sid"], "another application knows the session by another name");
            assert_ne!(both[0]["jti"], both[1]["jti"]);
        }
        for once in [&refusing, &flooding, &dawdling] {
            once.next();
        }
        // Six are settled; the dead one's are not.
        let rows = settled(&server, 6);
        let refused: Vec<_> = rows.iter().filter(|row| row.outcome == "refused").collect();
        assert_eq!((rows.len(), refused.len()), (6, 1), "{rows:?}");
        assert!(refused[0].details.ends_with("attempt 1: status 400"), "{}", refused[0].details);
        assert!(inside.within(Duration::from_millis(100)).is_none(), "a redirect was followed");
        for once in [&refusing, &flooding, &dawdling] {
            assert!(
                once.within(Duration::from_millis(100)).is_none(),
                "what it said at once was not taken for its answer"
            );
        }
        let shown = format!("{} {rows:?}", server.output());
        assert!(!shown.contains(SAYS), "what the other side said is shown");
    }
}

#[test]
fn st_129_fm_112_a_server_that_is_killed_while_it_tells_tells_again() {
    for database in DATABASES {
        let receiver = Receiver::doing(&[Act::Silence]);
        let mut server = server(database, &[&receiver]);
        let app = listening_app(&server, &receiver, &[]);
        let mut one = visitor(&server, &server.person(), &[&app]);
        sign_out(&server, &mut one);
        let (_, first) = verified(&server, &app, &receiver.next().logout_token());
        server.process().kill();
        receiver.now_does(Act::Say(200));
        // Its lease would be over in half a minute.
        server.with_store(async |store| {
            let over =
                statement!("UPDATE logout_notices SET due_at = $1 WHERE tenant = $2 RETURNING attempts", 0_i64, 1_i64);
            let rows = store.run(vec![over]).await.expect("runs");
            assert_eq!(rows[0].len(), 1, "the notice is gone");
        });
        server.restart();
        let (_, second) = verified(&server, &app, &receiver.next().logout_token());
        assert_eq!(first["sid"], second["sid"]);
        let rows = settled(&server, 1);
        assert!(rows[0].details.ends_with("attempt 2: status 200"), "{}", rows[0].details);
    }
}

#[test]
fn st_129_after_a_day_an_application_that_never_answers_is_given_up() {
    for database in DATABASES {
        let receiver = Receiver::doing(&[Act::Say(503)]);
        let server = server(database, &[&receiver]);
        let app = listening_app(&server, &receiver, &[]);
        let mut one = visitor(&server, &server.person(), &[&app]);
        sign_out(&server, &mut one);
        receiver.next();
        assert!(trail(&server).is_empty());
        server.with_store(async |store| {
            let aged = "UPDATE logout_notices SET created_at = created_at - $1, due_at = $2 WHERE tenant = $3";
            store.run(vec![statement!(aged, 86_400_000_i64, 0_i64, 1_i64)]).await.expect("runs");
        });
        receiver.next();
        let rows = settled(&server, 1);
        assert_eq!(rows[0].outcome, "given_up");
        assert!(receiver.within(Duration::from_millis(2500)).is_none(), "still asked");
    }
}

#[test]
fn st_129_fm_86_no_address_inside_the_house_is_told_unless_an_administrator_allowed_it() {
    for database in DATABASES {
        let inside = Receiver::doing(&[Act::Say(200)]);
        let allowed = Receiver::doing(&[Act::Say(200)]);
        let server = server(database, &[&allowed]);
        let port = inside.authority.rsplit(':').next().expect("a port").to_owned();
        let mut apps = vec![listening_app(&server, &allowed, &[])];
        for host in [
            "http://127.0.0.1",
            "http://localhost",
            "http://[::1]",
            "https://127.0.0.1",
            "https://localhost",
            "https://10.0.0.1",
        ] {
            let uri = format!("{host}:{port}/told");
            apps.push(server.app_with(
                "web",
                &["https://client.example/callback"],
                &["--backchannel-logout-uri", &uri],
            ));
        }
        for wrong in [
            "http://127.1",
            "http://0x7f000001",
            "http://2130706433",
            "https://[::ffff:127.0.0.1]",
            "http://wiki.internal",
            "https://u@127.0.0.1",
            "file://localhost",
        ] {
            let uri = format!("{wrong}:{port}/told");
            let output = server.command(
                &[
                    "app",
                    "add",
                    "never",
                    "--template",
                    "web",
                    "--redirect-uri",
                    "https://a.example/",
                    "--backchannel-logout-uri",
                    &uri,
                ],
                "",
            );
            assert_eq!(output.status.code(), Some(2), "{uri} was registered");
        }
        let mut one = visitor(&server, &server.person(), &apps.iter().collect::<Vec<_>>());
        sign_out(&server, &mut one);
        allowed.next();
        // Each is tried once at least.
        let refused = || server.output().matches("could not be told of a logout yet").count();
        wait_until("each was tried", || refused() >= apps.len() - 1);
        assert!(inside.within(Duration::from_millis(200)).is_none(), "something arrived inside");
        let output = server.output();
        assert!(output.contains("plain_http") && output.contains("forbidden_address"), "{output}");
    }
}
