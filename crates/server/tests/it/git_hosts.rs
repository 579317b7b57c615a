//! `vestibule git-host` and `git-auth`: what an administrator types and reads.

use crate::harness::{Server, on_both, on_both_alone, process, unique};
use serde_json::Value;
use vestibule_oauth::id::Id;
use vestibule_store::audit::Note;
use vestibule_store::data_keys::WrappedKey;
use vestibule_store::git_authorizations::{GitAccount, GitTokens, TokenType};
use vestibule_store::git_credentials::{AddGitAuthorization, NewGitAuthorization};
use vestibule_store::git_standing::GitTrouble;
use vestibule_store::sealed::SealedValue;

const SECRET: &str = "canary-of-a-client-secret-7d0a41";

/// The exit status and what was said on stderr.
fn refused(server: &Server, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let output = server.command(arguments, input);
    assert!(output.stdout.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn project(server: &Server) -> (String, String) {
    let name = unique("project");
    let id = server.json(&["project", "add", &name], "")["id"].as_str().expect("an id").to_owned();
    (name, id)
}

fn line(server: &Server, name: &str) -> Option<Value> {
    let list = server.json(&["git-host", "list"], "");
    list.as_array().expect("an array").iter().find(|line| line["name"] == name).cloned()
}

#[test]
fn st_121_a_host_tells_what_to_register_there_and_why_each_scope_is_asked_for() {
    on_both(|server| {
        let (hub, forge) = (unique("hub"), unique("forge"));
        let shown = server.json(
            &["git-host", "add", &hub, "--kind", "GitHub", "--client-id", "our-id", "--secret-stdin"],
            &format!("{SECRET}\n"),
        );
        let id = shown["id"].as_str().expect("an id");
        assert_eq!(shown["callback_url"], format!("{}/git/callback/{id}", server.url));
        assert_eq!((&shown["kind"], &shown["url"]), (&"github".into(), &"https://github.com".into()));
        assert_eq!(shown["api_url"], "https://api.github.com");
        assert_eq!((&shown["client_id"], &shown["has_secret"]), (&"our-id".into(), &true.into()));
        let scopes = shown["scopes"].as_array().expect("an array");
        assert!(
            scopes
                .iter()
                .any(|s| s["scope"] == "repo" && s["reason"] == "to read and change repositories, private ones too")
        );
        assert!(scopes.iter().all(|scope| !scope["reason"].as_str().expect("a reason").is_empty()), "{scopes:?}");
        assert!(!shown.to_string().contains(SECRET), "{shown}");
        let other = server.json(
            &[
                "git-host",
                "add",
                &forge,
                "--kind",
                "gitee",
                "--url",
                "https://git.example.org/",
                "--tag",
                "intl",
                "--tag",
                "cn",
                "--scopes",
                "projects mine",
            ],
            "",
        );
        assert_ne!(other["callback_url"], shown["callback_url"], "each has an address of its own");
        assert_eq!(
            (&other["url"], &other["api_url"]),
            (&"https://git.example.org".into(), &"https://git.example.org/api/v5".into())
        );
        assert_eq!((&other["tags"], &other["has_secret"]), (&serde_json::json!(["intl", "cn"]), &false.into()));
        assert_eq!(other["scopes"][1], serde_json::json!({ "scope": "mine", "reason": "an administrator wants it" }));
        assert_eq!(server.json(&["git-host", "show", &hub], ""), shown);
        let listed = line(server, &hub).expect("is listed");
        assert_eq!(
            (&listed["oauth"], &listed["enabled"], &listed["project"]),
            (&true.into(), &true.into(), &Value::Null)
        );
        let trail = server.with_store(async |store| store.list_audit(100_000).await.expect("reads"));
        let target = format!("git_host:{id}");
        let row = trail.iter().find(|row| row.target == target && row.action == "git_host.add").expect("is audited");
        assert!(row.details.contains(&hub) && !row.details.contains(SECRET), "{}", row.details);
    });
}

#[test]
fn fm_132_a_host_serves_the_projects_that_are_ticked_and_a_projects_own_host_serves_it_alone() {
    on_both(|server| {
        let (hub, (name, id)) = (unique("hub"), project(server));
        server.json(&["git-host", "add", &hub, "--kind", "github"], "");
        let projects = || server.json(&["git-host", "show", &hub], "")["projects"].clone();
        assert_eq!(projects(), serde_json::json!([]), "nobody is served unasked");
        let project = |verb: &str, host: &str, project: &str| {
            server.json(&["git-host", "project", verb, host, project], "")["serves"].clone()
        };
        assert_eq!(project("add", &hub, &id), true);
        assert_eq!(projects(), serde_json::json!([name]));
        assert_eq!(project("remove", &hub, &name), false);
        assert_eq!(projects(), serde_json::json!([]));
        let own = unique("own");
        let shown = server.json(&["git-host", "add", &own, "--kind", "github", "--project", &name, "--default"], "");
        assert_eq!((&shown["project"], &shown["default"]), (&name.as_str().into(), &true.into()));
        assert_eq!(shown["projects"], serde_json::json!([name]));
        assert_eq!(server.json(&["git-host", "show", &own, "--project", &id], ""), shown);
        for (arguments, status) in [
            (vec!["git-host", "show", own.as_str()], 1),
            (vec!["git-host", "project", "add", &own, &id], 1),
            (vec!["git-host", "project", "remove", &hub, &name], 1),
            (vec!["git-host", "project", "add", &hub, "no-such-project"], 1),
            (vec!["git-host", "add", &hub, "--kind", "gitee"], 1),
            (vec!["git-host", "add", "hub", "--kind", "github", "--project", "no-such-project"], 1),
        ] {
            assert_eq!(refused(server, &arguments, "").0, Some(status), "{arguments:?}");
        }
        // A project may use the name of one of the deployment's.
        server.json(&["git-host", "add", &hub, "--kind", "gitee", "--project", &name], "");
    });
}

#[test]
fn fm_86_what_is_no_host_is_refused_with_a_sentence() {
    on_both(|server| {
        let add = |more: &[&str], input: &str| refused(server, &[&["git-host", "add"], more].concat(), input);
        for (arguments, said) in [
            (&["github", "--kind", "github"][..], "NAME"),
            (&["bitbucket", "--kind", "github"], "NAME"),
            (&["a b", "--kind", "github"], "NAME"),
            (&["hub", "--kind", "sourceforge"], "--kind"),
            (&["hub", "--kind", "github", "--url", "http://git.example.org"], "--url"),
            (&["hub", "--kind", "github", "--url", "https://u:p@git.example.org"], "--url"),
            (&["hub", "--kind", "github", "--client-id", "x"], "--secret"),
            (&["hub", "--kind", "github", "--tag", "a b"], "--tag"),
            (&["hub", "--kind", "github", "--scopes", " "], "--scopes"),
        ] {
            let (status, sentence) = add(arguments, "");
            assert_eq!(status, Some(2), "{arguments:?}: {sentence}");
            assert!(sentence.contains(said), "{arguments:?}: {sentence}");
        }
        for input in ["", "two words\n", &"x".repeat(1025)] {
            let (status, sentence) = add(&["hub", "--kind", "github", "--client-id", "x", "--secret-stdin"], input);
            assert_eq!(status, Some(2), "{sentence}");
            assert!(sentence.contains("--secret-stdin") && !sentence.contains("two words"), "{sentence}");
        }
        let (status, sentence) = add(&["hub", "--kind", "github", "--secret-stdin"], "secret\n");
        assert_eq!((status, sentence.contains("--client-id")), (Some(2), true), "{sentence}");
    });
}

#[test]
fn a_host_is_switched_off_and_on_made_the_default_and_gets_another_secret() {
    on_both(|server| {
        let (name, _) = project(server);
        let litter = process::Litter::new();
        let file = litter.path.join("secret");
        std::fs::write(&file, format!("{SECRET}\r\nrest")).expect("a file");
        let file = file.display().to_string();
        let [one, two] = ["one", "two"].map(unique);
        for host in [&one, &two] {
            server.json(&["git-host", "add", host, "--kind", "github", "--project", &name], "");
        }
        let run = |verb: &str, host: &str| server.json(&["git-host", verb, host, "--project", &name], "");
        let default = |host: &str| run("show", host)["default"].clone();
        assert_eq!((default(&one), default(&two)), (false.into(), false.into()));
        run("set-default", &one);
        assert_eq!((default(&one), default(&two)), (true.into(), false.into()));
        std::thread::sleep(std::time::Duration::from_millis(2));
        run("set-default", &two);
        assert_eq!((default(&one), default(&two)), (false.into(), true.into()));
        run("disable", &two);
        assert_eq!((default(&one), run("show", &two)["enabled"].clone()), (true.into(), false.into()));
        run("enable", &two);
        assert!(run("show", &two)["disabled_at"].is_null());
        let set = ["git-host", "set-secret", &one, "--project", &name, "--secret-file", &file];
        let (status, sentence) = refused(server, &set, "");
        assert_eq!((status, sentence.contains("--client-id")), (Some(2), true), "{sentence}");
        server.json(&[&set[..], &["--client-id", "first"]].concat(), "");
        assert_eq!(run("show", &one)["client_id"], "first");
        server.json(&["git-host", "set-secret", &one, "--project", &name, "--secret-stdin"], "another\n");
        let shown = run("show", &one);
        assert_eq!((&shown["client_id"], &shown["has_secret"]), (&"first".into(), &true.into()));
        assert!(!shown.to_string().contains("another"), "{shown}");
        for arguments in [
            vec!["git-host", "set-secret", &one, "--project", &name],
            vec!["git-host", "set-secret", &one, "--project", &name, "--secret-stdin", "--secret-file", &file],
        ] {
            assert_eq!(refused(server, &arguments, "x\n").0, Some(2), "{arguments:?}");
        }
        for verb in ["show", "disable", "enable", "set-default"] {
            let (status, sentence) = refused(server, &["git-host", verb, "no-such-host"], "");
            assert_eq!((status, sentence.contains("git-host list")), (Some(1), true), "{verb}: {sentence}");
        }
    });
}

/// What a person sees of authorizations, without any host: rows that the store keeps.
#[test]
fn fm_128_an_authorization_tells_its_status_its_reason_since_when_and_what_comes_next() {
    on_both_alone(|server| {
        let (name, id) = project(&server);
        let person = server.person();
        server.json(&["project", "member", "add", &name, &person.name, "--role", "editor"], "");
        let hub = unique("hub");
        let host = server.json(&["git-host", "add", &hub, "--kind", "github", "--project", &name], "")["id"].clone();
        let host = Id::parse(host.as_str().expect("an id")).expect("an id");
        let project = Id::parse(&id).expect("an id");
        let note =
            |n: u8| Note { id: Id::from_bytes([n; 16]), at: 1_000, actor: "tester".to_owned(), request_id: None };
        server.with_store(async |store| {
            let key = Id::from_bytes([9; 16]);
            let (wrapped, wrapped_by) = (vec![1; 40], "none".to_owned());
            let scope = Id::from_bytes([8; 16]);
            let made = WrappedKey { id: key, scope, wrapped, wrapped_by, created_at: 0, retired_at: None };
            store.keep_data_key(&made, &note(1)).await.expect("runs");
            let person = store.find_person(&person.name).await.expect("reads").expect("is there");
            for (n, name, ends_at) in [(2, "alive", None), (3, "over", Some(2_000)), (4, "blamed", None)] {
                let account = GitAccount {
                    token_type: TokenType::Personal,
                    upstream_id: "7".to_owned(),
                    login: "octo\u{1b}[31mcat".to_owned(),
                    avatar: None,
                    home: "https://github.com/octocat".to_owned(),
                    scopes: None,
                    access_ends_at: ends_at,
                    refresh_ends_at: None,
                };
                let access = SealedValue { bytes: vec![n], key };
                let new = NewGitAuthorization {
                    id: Id::from_bytes([n; 16]),
                    project,
                    name: name.to_owned(),
                    host,
                    tag: Some("intl".to_owned()),
                    account,
                    tokens: GitTokens { access, refresh: None },
                    person,
                };
                let added = store.add_git_authorization(&new, &note(n + 10)).await.expect("runs");
                assert_eq!(added, AddGitAuthorization::Added);
            }
            let found = store.find_git_authorization(project, "blamed").await.expect("reads").expect("is there");
            let trouble = GitTrouble::TokenRefused;
            store.blame_git_authorization(&found.authorization, trouble, &note(30)).await.expect("runs");
        });
        let show = |which: &str| server.json(&["git-auth", "show", &name, which], "");
        let alive = show("alive");
        assert_eq!(
            (&alive["status"], &alive["reason"], &alive["since"]),
            (&"normal".into(), &Value::Null, &"1970-01-01T00:00:01Z".into())
        );
        assert_eq!((&alive["created_by"], &alive["tag"]), (&person.name.as_str().into(), &"intl".into()));
        let over = show("over");
        assert_eq!((&over["status"], &over["since"]), (&"overdue".into(), &"1970-01-01T00:00:02Z".into()));
        assert_eq!(over["reason"], "the token has ended");
        assert_eq!(over["next"], "somebody of the project authorizes it again");
        assert_eq!(show("blamed")["reason"], "the host no longer takes the token");
        server.json(&["git-host", "disable", &hub, "--project", &name], "");
        assert_eq!(show("alive")["reason"], "the host configuration is switched off");
        server.json(&["git-host", "enable", &hub, "--project", &name], "");
        for arguments in [&["git-auth", "list"][..], &["git-auth", "list", "--project", &id]] {
            let list = server.json(arguments, "");
            let told: Vec<_> =
                list.as_array().expect("an array").iter().map(|one| (&one["name"], &one["status"])).collect();
            let expected = [("alive", "normal"), ("blamed", "unauthenticated"), ("over", "overdue")];
            let expected = expected.map(|(name, status)| (Value::from(name), Value::from(status)));
            assert_eq!(told, expected.iter().map(|(name, status)| (name, status)).collect::<Vec<_>>());
        }
        let (status, sentence) = refused(&server, &["git-auth", "show", &name, "aliv"], "");
        assert_eq!((status, sentence.contains("\"alive\"")), (Some(1), true), "{sentence}");
    });
}
