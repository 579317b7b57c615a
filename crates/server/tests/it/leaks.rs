//! Secrets stay where they belong: not in logs, not in error answers, not readable in the database.

use crate::harness::{Call, Database, Server, VERIFIER, Visitor, on_both_alone, postgres};

/// Everything that the server left on disk or in its database, as a thief of a dump would read it.
pub fn stored(server: &Server) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut folders = vec![server.data_directory()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                bytes.extend(std::fs::read(entry.path()).unwrap_or_default());
            }
        }
    }
    if let Some(url) = &server.database_url {
        bytes.extend(postgres::dump(url).into_bytes());
    }
    bytes
}

pub fn holds(heap: &[u8], needle: &[u8]) -> bool {
    memmem(heap, needle) || memmem(heap, hex(needle).as_bytes())
}

pub fn memmem(heap: &[u8], needle: &[u8]) -> bool {
    heap.windows(needle.len()).any(|w| w == needle)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Size in CI: 11 kinds of secret through every endpoint, well and badly formed, on each database.
#[test]
fn st_48_st_56_fm_97_fm_107_fm_108_fm_110_canary_secrets_reach_no_log_no_answer_and_no_row() {
    on_both_alone(|mut server| {
        let (app, person) = server.app_and_person("web");
        let gitlife = server.app("gitlife");
        let tokens = app.tokens(&server, &person, &[("scope", "openid offline_access")]);
        let unused = app.code(&server, &person, &[("scope", "openid")]);
        let mut visitor = Visitor::new(&server);
        visitor.go_through(&app.authorize_url(&[]), &person, None);
        let cookies: Vec<String> = visitor.cookies.values().cloned().collect();
        let link = server.json(&["setup-link"], "")["url"].as_str().expect("url").to_owned();
        Call::get(&link).send();
        let setup = link.rsplit('/').next().expect("a secret").to_owned();
        let canary = "CANARY-pass-word-81c6f0";
        let refresh = tokens.refresh.clone().expect("refresh token");
        let mut secrets = vec![
            ("password", person.password.clone()),
            ("client secret", app.client_secret.clone()),
            ("other client secret", gitlife.client_secret.clone()),
            ("access token", tokens.access.clone()),
            ("refresh token", refresh),
            ("unused code", unused),
            ("setup link", setup),
            ("typed password", canary.to_owned()),
        ];
        secrets.extend(cookies.into_iter().map(|c| ("cookie", c)));
        let mut answers = Vec::new();
        for (_, secret) in &secrets {
            answers.extend(pester(&server, &visitor, &gitlife.client_id, secret));
        }
        server.process().terminate();
        server.process().wait(std::time::Duration::from_secs(30));
        let log = std::fs::read(server.directory.join("log.txt")).expect("log");
        let rows = stored(&server);
        assert!(!rows.is_empty());
        assert!(holds(&rows, app.name.as_bytes()), "the search finds what is there");
        for (what, secret) in &secrets {
            for (place, heap) in [("log", &log), ("database", &rows)] {
                assert!(!holds(heap, secret.as_bytes()), "{what} stands in the {place}");
                // The random part alone, as raw bytes, would be as good as the spelling.
                if let Some(raw) = raw_part(secret) {
                    assert!(!holds(heap, &raw), "{what}: its raw bytes stand in the {place}");
                }
            }
            for (call, answer) in &answers {
                let echoed = !call.contains("echo") && memmem(answer.as_bytes(), secret.as_bytes());
                assert!(!echoed, "{what} came back from {call}: {answer}");
            }
        }
        assert!(!holds(&log, VERIFIER.as_bytes()), "the verifier stands in the log");
        if server.database == Database::Sqlite {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(server.data_directory()).expect("data directory").permissions().mode();
            assert_eq!(mode & 0o077, 0, "others can read the data directory: {mode:o}");
        }
    });
}

/// The 32 random bytes inside a machine-made secret.
fn raw_part(secret: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let body = secret.strip_prefix("vst_")?.split_once('_')?.1;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).ok()?;
    Some(bytes.get(16..48)?.to_vec())
}

/// Sends `secret` to every endpoint in every place, well and badly formed.
fn pester(server: &Server, visitor: &Visitor, client_id: &str, secret: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let names = ["client_secret", "code", "refresh_token", "password", "code_verifier", "access_token", "username"];
    for path in [
        "/oauth/token",
        "/oauth/userinfo",
        "/oauth/authorize",
        "/api/v5/user",
        "/api/bff/v1/oauth2/userinfo",
        "/nothing",
    ] {
        for name in names {
            let url = server.at(path);
            let fields = [(name, secret), ("client_id", client_id), ("grant_type", "authorization_code")];
            let calls = [
                Call::get(&url).query(&fields),
                Call::post(&url).form(&fields),
                Call::post(&url).body(Some("application/json"), format!("{{\"{name}\":\"{secret}\"")),
                Call::post(&url).body(Some("application/json"), format!("{{\"{name}\":[\"{secret}\"]}}")),
                Call::post(&url).body(Some("text/plain"), format!("{name}={secret}\u{0}%zz")),
                Call::post(&url).body(None, format!("{name}={secret}&{name}={secret}")),
            ];
            for call in calls {
                all.push((format!("{path} {name}"), call.send().text()));
            }
        }
        let url = server.at(path);
        for header in [
            format!("Bearer {secret}"),
            format!("Basic {secret}"),
            format!("Basic {}", base64_of(&format!("x:{secret}"))),
            secret.to_owned(),
        ] {
            all.push((path.to_owned(), Call::post(&url).header("Authorization", header).send().text()));
        }
        all.push((
            path.to_owned(),
            Call::get(&url)
                .header("Cookie", format!("vestibule-session={secret}; vestibule-browser={secret}"))
                .send()
                .text(),
        ));
    }
    all.push(("/setup".into(), Call::get(server.at(&format!("/setup/{secret}"))).send().status.to_string()));
    all.push((
        "/oauth/authorize/id".into(),
        Call::get(server.at(&format!("/oauth/authorize/{secret}"))).send().status.to_string(),
    ));
    let mut someone = visitor.clone();
    someone.cookies.remove("vestibule-session");
    let page = someone.open(&server.at("/sign-in"));
    let after = someone.sign_in_as(&page, "nobody", secret);
    all.push(("/sign-in".into(), after.answer.text()));
    all
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn fm_110_secrets_are_not_taken_from_arguments_and_shown_once() {
    let server = Server::start(Database::Sqlite, &[]);
    let app = server.app("web");
    for arguments in [vec!["app", "show", app.name.as_str()], vec!["app", "list"]] {
        let output = server.command(&arguments, "");
        assert!(!String::from_utf8_lossy(&output.stdout).contains(&app.client_secret));
    }
    let person = server.person();
    let shown = String::from_utf8_lossy(&server.command(&["user", "show", &person.name], "").stdout).into_owned();
    assert!(!shown.contains("argon2") && !shown.contains(&person.password), "{shown}");
    let output =
        server.command(&["user", "add", "eve", "--email", "eve@example.org", "--password", "in the process list"], "");
    assert_eq!(output.status.code(), Some(2), "a password in the arguments is in everybody's process list");
}
