//! Health, starting and stopping.

use crate::harness::{Call, Database, Server, http, on_both, on_both_alone, wait_until};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

#[test]
fn the_three_health_addresses_answer_and_tell_nothing() {
    on_both(|server| {
        for path in ["/livez", "/readyz", "/healthz"] {
            let answer = Call::get(server.at(path)).send();
            assert_eq!(answer.status, 200, "{path}");
            assert!(answer.body.len() < 200 && !answer.text().contains("postgres://"), "{path}: {}", answer.text());
        }
    });
}

#[test]
fn sigterm_drains_and_exits_with_success() {
    on_both_alone(|mut server| {
        // A request whose body is still on its way when the signal comes.
        let mut slow = http::connect(server.authority()).expect("a connection");
        let body = "grant_type=nonsense";
        write!(slow, "POST /oauth/token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n", body.len())
            .and_then(|()| slow.write_all(&body.as_bytes()[..5]))
            .expect("half a request");
        // It is under way when the server wants the rest of it.
        let mut go_on = [0; 25];
        slow.read_exact(&mut go_on).expect("a word that the body is waited for");
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        server.process().terminate();
        wait_until("nobody listens any more", || http::connect(server.authority()).is_err());
        slow.write_all(&body.as_bytes()[5..]).expect("the other half");
        let mut answer = [0; 12];
        slow.read_exact(&mut answer).expect("an answer to a request that was under way");
        assert!(answer.starts_with(b"HTTP/1.1 40"), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(server.process().wait(Duration::from_secs(60)), Some(Some(0)), "{}", server.output());
        assert!(Call::get(server.at("/livez")).try_send().is_err(), "it still listens");
    });
}

#[test]
fn the_drain_grace_lets_a_balancer_read_not_ready() {
    let mut server = Server::start(Database::Sqlite, &["--drain-grace", "60"]);
    server.process().terminate();
    let start = Instant::now();
    loop {
        // New connections are still taken, which is what the grace is for.
        let answer = Call::get(server.at("/readyz")).send();
        if answer.status == 503 {
            assert!(answer.text().contains("draining"), "{}", answer.text());
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(45), "still ready");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(Call::get(server.at("/livez")).send().status, 200);
    // A second signal means now.
    server.process().terminate();
    assert_eq!(server.process().wait(Duration::from_secs(30)), Some(Some(0)), "{}", server.output());
}

#[test]
fn listening_everywhere_needs_a_public_url() {
    let litter = crate::harness::process::Litter::new();
    let mut command = crate::harness::server::binary(&litter.path, None);
    let output = crate::harness::process::run(command.args(["serve", "--listen", "0.0.0.0:0"]), "");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--public-url"), "{output:?}");
}

#[test]
fn a_node_with_another_issuer_is_warned_of() {
    const WARNING: &str = "the issuer is not the one of the last start";
    let first = Server::start(Database::Postgres, &[]);
    let second = first.second_node();
    assert!(!second.output().contains(WARNING), "{}", second.output());
    let third = first.node_at("https://elsewhere.example");
    assert!(third.output().contains(WARNING), "{}", third.output());
}

#[test]
fn fm_75_what_was_answered_survives_a_power_cut() {
    on_both_alone(|mut server| {
        let (app, person) = server.app_and_person("web");
        let code = app.code(&server, &person, &[("scope", "openid offline_access")]);
        let tokens = app.trade(&code).tokens();
        let ended = app.code(&server, &person, &[("scope", "openid")]);
        let dead = app.trade(&ended).tokens().access;
        app.trade(&ended).refused(400, "invalid_grant");
        server.process().kill();
        server.restart();
        let read = |token: &str| Call::get(server.at("/oauth/userinfo")).bearer(token).send().status;
        assert_eq!(read(&tokens.access), 200, "an answered token is gone");
        assert_eq!(read(&dead), 401, "an ended token came back");
        app.trade(&code).refused(400, "invalid_grant");
        assert_eq!(read(&tokens.access), 401);
    });
}

#[test]
fn two_servers_on_one_sqlite_file_are_refused() {
    let server = Server::start(Database::Sqlite, &[]);
    let mut command = crate::harness::server::binary(&server.directory, None);
    let output = crate::harness::process::run(command.args(["serve", "--listen", "127.0.0.1:0"]), "");
    assert!(!output.status.success(), "a second server took the same file");
    assert_eq!(Call::get(server.at("/readyz")).send().status, 200);
}

#[test]
fn two_servers_on_one_postgresql_database_share_everything() {
    let server = Server::start(Database::Postgres, &[]);
    let second = server.second_node();
    let (app, person) = server.app_and_person("web");
    let code = app.code(&server, &person, &[]);
    let mut there = app.clone();
    there.server = second.at("");
    let token = there.trade(&code).tokens().access;
    assert_eq!(Call::get(server.at("/oauth/userinfo")).bearer(&token).send().status, 200);
    app.trade(&code).refused(400, "invalid_grant");
    assert_eq!(Call::get(second.at("/oauth/userinfo")).bearer(&token).send().status, 401);
}

#[test]
fn a_database_that_goes_away_is_503_and_never_a_success() {
    let server = Server::start(Database::Postgres, &[]);
    let (app, person) = server.app_and_person("web");
    let token = app.tokens(&server, &person, &[]).access;
    let url = server.database_url.clone().expect("a URL");
    let (base, name) = url.rsplit_once('/').expect("a name");
    let base = format!("{base}/postgres");
    crate::harness::postgres::batch(&base, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    crate::harness::postgres::batch(
        &base,
        &format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
    );
    let read = Call::get(server.at("/oauth/userinfo")).bearer(&token).send();
    assert_eq!(read.status, 503, "{}", read.text());
    assert!(read.header("retry-after").is_some());
    assert_eq!(app.trade("vst_ac_x").status, 503);
    let page = Call::get(app.authorize_url(&[])).send();
    assert_eq!(page.status, 503);
    wait_until("/readyz notices", || Call::get(server.at("/readyz")).send().status == 503);
    assert_eq!(Call::get(server.at("/livez")).send().status, 200);
    let log = server.output();
    for route in ["/readyz", "/oauth/userinfo", "/oauth/token", "/oauth/authorize"] {
        assert!(log.contains(&format!(r#""route":"{route}""#)), "no line of {route}: {log}");
    }
    crate::harness::postgres::batch(&base, &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    let read = || Call::get(server.at("/oauth/userinfo")).bearer(&token).send().status;
    wait_until("it comes back", || read() == 200);
}
