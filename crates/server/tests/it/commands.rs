//! The command line beside a running server.

use crate::harness::{Call, Database, Server, on_both, on_both_alone, process, server, unique};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[test]
fn an_application_prints_what_an_integrator_needs() {
    on_both(|server| {
        let app = server.app("web");
        for (key, value) in [
            ("authorization_endpoint", server.at("/oauth/authorize")),
            ("token_url", server.at("/oauth/token")),
            ("userinfo_url", server.at("/oauth/userinfo")),
        ] {
            assert_eq!(app.shown[key], value.as_str(), "{}", app.shown);
        }
        let url = app.shown["authorize_url"].as_str().expect("authorize_url");
        let answer = Call::get(url).send();
        assert!(matches!(answer.status, 200 | 303), "the Authorize URL opens as it is: {}", answer.text());
        let idaas = server.app("idaas-oauth2");
        assert!(idaas.shown["userinfo_url"].as_str().is_some_and(|u| u.contains("/api/bff/v1")), "{}", idaas.shown);
        let gitlife = server.app("gitlife");
        assert!(
            gitlife.shown["userinfo_url"].as_str().is_some_and(|u| u.ends_with("/api/v5/user")),
            "{}",
            gitlife.shown
        );
        let public = server.app("spa");
        assert!(public.shown["client_secret"].is_null(), "{}", public.shown);
    });
}

#[test]
fn a_projects_members_and_roles_are_set_shown_and_taken_away() {
    on_both(|server| {
        let (name, alice, bob) = (unique("project"), server.person(), server.person());
        let added = server.json(&["project", "add", &name], "");
        let id = added["id"].as_str().expect("an id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{added}");
        let member = |arguments: &[&str]| server.json(&[&["project", "member"][..], arguments].concat(), "");
        member(&["add", &name, &alice.name, "--role", "viewer"]);
        assert_eq!(member(&["add", &id, &alice.name, "--role", "owner"])["role"], "owner");
        member(&["add", &id, &bob.email, "--role", "editor"]);
        let shown = server.json(&["project", "show", &id], "");
        let members: Vec<_> = shown["members"].as_array().expect("an array").iter().collect();
        let roles: Vec<_> = members.iter().map(|m| (m["person"].as_str(), m["role"].as_str())).collect();
        let (alice_name, bob_name) = (Some(alice.name.as_str()), Some(bob.name.as_str()));
        assert_eq!(roles, [(alice_name, Some("owner")), (bob_name, Some("editor"))]);
        let lists = server.json(&["project", "list"], "");
        let line =
            lists.as_array().expect("an array").iter().find(|line| line["id"] == id.as_str()).expect("is listed");
        assert_eq!((&line["name"], &line["members"]), (&name.as_str().into(), &2.into()));
        assert!(member(&["remove", &name, &bob.name])["role"].is_null());
        assert_eq!(server.json(&["project", "show", &name], "")["members"].as_array().map(Vec::len), Some(1));
        for (arguments, status) in [
            (vec!["project", "add", name.as_str()], 1),
            (vec!["project", "add", id.as_str()], 2),
            (vec!["project", "show", "no-such-project"], 1),
            (vec!["project", "member", "remove", &name, &bob.name], 1),
            (vec!["project", "member", "add", &name, "nobody-at-all", "--role", "owner"], 1),
            (vec!["project", "member", "add", &name, &bob.name, "--role", "king"], 2),
            (vec!["project", "member", "add", &name, &bob.name], 2),
        ] {
            let output = server.command(&arguments, "");
            assert_eq!(
                output.status.code(),
                Some(status),
                "{arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
        }
    });
}

#[test]
fn an_access_keys_secret_is_shown_once_and_kept_sealed() {
    on_both(|server| {
        let person = server.person();
        let added = server.json(&["access-key", "add", &person.email], "");
        let (key, secret) = (added["access_key"].as_str().expect("a key"), added["secret"].as_str().expect("a secret"));
        assert!(key.len() == 20 && key.starts_with("VSTK") && secret.starts_with("vst_sk_"), "{added}");
        let list = || {
            let list = server.json(&["access-key", "list"], "");
            assert!(!list.to_string().contains(secret), "{list}");
            let line = list.as_array().expect("an array").iter().find(|line| line["access_key"] == key).cloned();
            line.map(|line| (line["person"].clone(), line["enabled"].clone()))
        };
        assert_eq!(list(), Some((person.name.as_str().into(), true.into())));
        assert_eq!(server.json(&["access-key", "disable", key], "")["enabled"], false);
        assert_eq!(list(), Some((person.name.as_str().into(), false.into())));
        server.json(&["access-key", "remove", key], "");
        assert_eq!(list(), None);
        for arguments in
            [["access-key", "disable", key], ["access-key", "remove", key], ["access-key", "add", "nobody-at-all"]]
        {
            let output = server.command(&arguments, "");
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(output.stdout.is_empty(), "{arguments:?}");
        }
    });
}

#[test]
fn lists_and_shows_tell_what_was_added() {
    on_both(|server| {
        let org = unique("org");
        server.json(&["org", "add", &org, "--external-id", &unique("ext")], "");
        let person =
            server.person_with(&["--org", &org, "--nickname", "Grace", "--locale", "en", "--phone", "+1 202 555 0100"]);
        let shown = server.json(&["user", "show", &person.email], "");
        assert_eq!(shown["user_name"], person.name.as_str());
        assert_eq!(shown["nickname"], "Grace");
        assert_eq!(shown["organization"], org.as_str());
        let list = |noun: &str| server.json(&[noun, "list"], "").as_array().expect("an array").clone();
        assert!(list("user").iter().any(|u| u["user_name"] == person.name.as_str()));
        assert!(list("org").iter().any(|o| o["name"] == org.as_str()));
        let group = unique("group");
        server.json(&["group", "add", &group], "");
        server.json(&["group", "member", "add", &group, &person.name], "");
        assert!(server.json(&["user", "show", &person.name], "").to_string().contains(&group));
        assert!(list("group").iter().any(|g| g["name"] == group.as_str()));
        let app = server.app("web");
        assert!(list("app").iter().any(|a| a["client_id"] == app.client_id.as_str()));
        let shown = server.json(&["app", "show", &app.client_id], "");
        assert_eq!(shown["name"], app.name.as_str());
        assert!(shown["redirect_uris"].to_string().contains(&app.redirect_uri), "{shown}");
    });
}

#[test]
fn st_25_fm_95_a_logo_is_a_picture_and_nothing_else() {
    on_both(|server| {
        let litter = process::Litter::new();
        let file = |name: &str, bytes: &[u8]| {
            let path = litter.path.join(name);
            std::fs::write(&path, bytes).expect("file");
            path.display().to_string()
        };
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
        let good = file("good.png", png);
        let uri = "https://client.example/callback";
        let app = server.app_with("web", &[uri], &["--logo-file", &good]);
        let answer = Call::get(server.at(&format!("/applications/{}/logo", app.client_id))).send();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/png")));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(answer.header("content-security-policy").is_some_and(|p| p.contains("default-src 'none'")));
        for bad in [
            file("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
            file("a.png", b"<!doctype html><script>alert(1)</script>"),
            file("b.png", b""),
            file("c.png", &[png.as_slice(), &vec![0; 300 * 1024]].concat()),
            litter.path.join("missing.png").display().to_string(),
        ] {
            let name = unique("logo");
            let add = ["app", "add", &name, "--template", "web", "--redirect-uri", uri, "--logo-file", &bad];
            assert!(!server.command(&add, "").status.success(), "{bad} became a logo");
        }
        for id in ["app_0", "..%2f..%2fetc%2fpasswd", &server.app("web").client_id] {
            assert_eq!(Call::get(server.at(&format!("/applications/{id}/logo"))).send().status, 404, "{id}");
        }
    });
}

#[test]
fn what_cannot_be_done_says_so_and_exits_with_1() {
    on_both(|server| {
        let person = server.person();
        let app = server.app("web");
        let same = person.name.to_uppercase();
        for (arguments, input) in [
            (vec!["user", "show", "nobody"], ""),
            (vec!["user", "disable", "nobody"], ""),
            (vec!["app", "show", "nothing"], ""),
            (vec!["app", "remove", "nothing"], ""),
            (vec!["app", "assign", "nothing", "--user", person.name.as_str()], ""),
            (vec!["app", "assign", app.name.as_str(), "--user", "nobody"], ""),
            (vec!["user", "add", person.name.as_str(), "--email", "x@example.org", "--password-stdin"], "long enough"),
            (vec!["user", "add", same.as_str(), "--email", "y@example.org", "--password-stdin"], "long enough"),
            (vec!["user", "add", "someone-new", "--email", person.email.as_str(), "--password-stdin"], "long enough"),
        ] {
            let output = server.command(&arguments, input);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{arguments:?}");
        }
        for (arguments, input) in [
            (vec!["user", "add", "a@b", "--email", "z@example.org", "--password-stdin"], "long enough"),
            (vec!["user", "add", "short", "--email", "short@example.org", "--password-stdin"], "short"),
            (vec!["user", "add", "empty", "--email", "empty@example.org", "--password-stdin"], ""),
            (vec!["user", "add", "mail", "--email", "no address", "--password-stdin"], "long enough"),
            (vec!["app", "add", "t", "--template", "nonsense"], ""),
            (vec!["nonsense"], ""),
            (vec!["app", "assign", app.name.as_str()], ""),
        ] {
            let output = server.command(&arguments, input);
            assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {output:?}");
            assert!(!output.stderr.is_empty(), "{arguments:?}");
        }
    });
}

/// Size in CI: 100 commands beside 8 writers, on SQLite and on PostgreSQL; each within 5 seconds.
#[test]
fn a_hundred_commands_beside_a_saturated_writer_finish_within_five_seconds_each() {
    on_both_alone(|server| {
        let service = server.app("service");
        let person = server.person();
        let app = server.app("web");
        let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        if service.token(&[("grant_type", "client_credentials")]).status == 200 {
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            let mut slowest = Duration::ZERO;
            let mut passing = String::new();
            for turn in 0..100 {
                let start = Instant::now();
                let done = match turn % 8 {
                    0 => server.command(&["app", "assign", &app.name, "--user", &person.name], ""),
                    1 => server.command(&["app", "unassign", &app.name, "--user", &person.name], ""),
                    2 => server.command(&["org", "add", &unique("busy")], ""),
                    3 => server.command(&["user", "show", &person.name], ""),
                    4 => {
                        let name = unique("busy");
                        let email = format!("{name}@example.org");
                        server.command(&["user", "add", &name, "--email", &email, "--password-stdin"], "long enough")
                    }
                    5 => {
                        passing = unique("passing");
                        server.command(&["app", "add", &passing, "--template", "service"], "")
                    }
                    6 => server.command(&["app", "rotate-secret", &passing], ""),
                    _ => server.command(&["app", "remove", &passing], ""),
                };
                assert!(done.status.success(), "turn {turn}: {}", String::from_utf8_lossy(&done.stderr));
                slowest = slowest.max(start.elapsed());
            }
            stop.store(true, Ordering::Relaxed);
            assert!(slowest < Duration::from_secs(5), "the slowest took {slowest:?}");
        });
        assert!(written.load(Ordering::Relaxed) > 100, "the writer was hardly busy");
    });
}

#[test]
fn settings_come_from_the_environment_too_and_flags_win() {
    let server = Server::start(Database::Sqlite, &[]);
    let person = server.person();
    let mut command = server::program();
    command.env("VESTIBULE_DATA_DIR", server.data_directory()).env("VESTIBULE_JSON", "true");
    let output = process::run(command.args(["user", "show", &person.name]), "");
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    assert_eq!(shown["email"], person.email.as_str());
    let file = server.directory.join("url");
    std::fs::write(&file, format!("sqlite:{}\n", server.data_directory().join("vestibule.db").display()))
        .expect("file");
    let mut command = server::program();
    command.env("VESTIBULE_DATABASE_URL_FILE", &file).env("VESTIBULE_DATA_DIR", "/nonexistent");
    let output = process::run(command.args(["user", "list"]), "");
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains(&person.name), "{output:?}");
    let mut command = server::binary(&server.directory, None);
    let output = process::run(command.env("VESTIBULE_DATA_DIR", "/nonexistent").args(["user", "list"]), "");
    assert!(output.status.success(), "a flag wins over the environment: {output:?}");
}

#[test]
fn help_and_version_are_there_for_every_noun() {
    for arguments in [
        vec!["--help"],
        vec!["--version"],
        vec!["serve", "--help"],
        vec!["user", "add", "--help"],
        vec!["org", "--help"],
        vec!["group", "--help"],
        vec!["app", "add", "--help"],
        vec!["setup-link", "--help"],
        vec!["keys", "rotate", "--help"],
    ] {
        let mut command = server::program();
        let output = process::run(command.args(&arguments), "");
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}");
    }
    let mut command = server::program();
    let help = process::run(command.args(["serve", "--help"]), "").stdout;
    let help = String::from_utf8_lossy(&help).into_owned();
    for variable in [
        "VESTIBULE_LISTEN",
        "VESTIBULE_PUBLIC_URL",
        "VESTIBULE_DATA_DIR",
        "VESTIBULE_DATABASE_URL",
        "VESTIBULE_DATABASE_URL_FILE",
    ] {
        assert!(help.contains(variable), "no {variable} in the help");
    }
}

#[test]
fn no_command_makes_a_database_or_moves_its_schema() {
    let litter = process::Litter::new();
    let mut command = server::binary(&litter.path, None);
    let output = process::run(command.args(["user", "list"]), "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(!litter.path.join("data/vestibule.db").exists());
}
