//! The vendor's SDK, unmodified, makes all twenty-three calls over each kind of host, and encodes paths as it does.

use super::scene::{Calls, KINDS};
use crate::clients::{Client, python};
use crate::git_auths::scene::brought;
use crate::githosts::follow;
use crate::githosts::forge::{blob_sha, to_base64};
use crate::harness::Database;
use serde_json::{Value, json};
use std::process::Command;

/// Makes these calls with the SDK, by an access key of ada's, and gives what it made of each answer.
fn made(calls: &Calls, list: &[Value]) -> Vec<Value> {
    let key = calls.server.json(&["access-key", "add", &calls.ada.name], "");
    let settings = json!({
        "endpoint": calls.server.url, "calls": list, "ak": key["access_key"], "sk": key["secret"],
        "project": calls.project,
    });
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/servicestage.py"));
    let results = Client::run(command, &settings).said("results");
    results.as_array().expect("a list").clone()
}

/// A call through the authorization of this name.
fn through(name: &str, call: &str, fields: Value) -> Value {
    let mut one = fields;
    one["call"] = call.into();
    one["x_repo_auth"] = name.into();
    one
}

/// What was served: the SDK's type and the bytes say the same. A list of the SDK's is there in both.
#[track_caller]
fn served<'a>(one: &'a Value, what: &str) -> &'a Value {
    let status = one["status"].as_u64();
    assert!(matches!(status, Some(200 | 204)), "{what}: {one}");
    assert_eq!(status == Some(204), one["raw"].is_null(), "{what}: {one}");
    if status == Some(200) {
        assert_eq!(one["typed"], one["raw"], "{what}: the SDK loses nothing");
    }
    &one["typed"]
}

#[track_caller]
fn refused(one: &Value, status: u16, code: &str) {
    assert_eq!((one["status"].as_u64(), one["error_code"].as_str()), (Some(status.into()), Some(code)), "{one}");
    assert!(one["error_msg"].as_str().is_some_and(|words| !words.is_empty()), "{one}");
    assert!(one["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{one}");
}

/// The credential store's calls over a kind, by redirect, by password and by personal token; leaves `sdk-KIND`.
fn authorize(calls: &Calls, kind: &str, token: &str) {
    let password = match kind {
        "gitee" => calls.gitee.add_person("cat-of-password").1,
        _ => "x".to_owned(),
    };
    let first = made(calls, &[json!({ "call": "show_redirect_url", "repo_type": kind })]);
    let url = served(&first[0], "redirect")["url"].as_str().expect("an address").to_owned();
    let address = follow(&url);
    let page = calls.visitor(&calls.ada).open(&address);
    assert!(page.shows("git-keep"), "{kind}: {}", page.plain());
    let by_redirect = brought(&format!("redirect-{kind}"), &address);
    let by_password =
        json!({ "name": format!("password-{kind}"), "user": "cat-of-password@example.com", "password": password });
    let by_token = json!({ "name": format!("sdk-{kind}"), "token": token });
    let all = made(
        calls,
        &[
            json!({ "call": "create_o_auth", "repo_type": kind, "body": by_redirect }),
            json!({ "call": "create_password_auth", "repo_type": kind, "body": by_password }),
            json!({ "call": "create_personal_auth", "repo_type": kind, "body": by_token }),
            json!({ "call": "delete_authorize", "name": format!("redirect-{kind}") }),
            json!({ "call": "list_authorizations" }),
        ],
    );
    assert_eq!(served(&all[0], "oauth")["authorization"]["repo_type"], kind);
    match kind {
        "gitee" => drop(served(&all[1], "password")),
        _ => refused(&all[1], 400, "SVCSTG.REPO.0401"),
    }
    assert_eq!(served(&all[2], "personal")["authorization"]["token_type"], "personal");
    served(&all[3], "delete");
    let rows = served(&all[4], "list")["authorizations"].as_array().expect("a list");
    assert!(rows.iter().any(|row| row["name"] == format!("sdk-{kind}") && row["status"] == 0), "{rows:?}");
}

/// The seventeen through `sdk-KIND`.
fn act(calls: &Calls, kind: &str) {
    let (me, name) = (calls.me(kind), format!("sdk-{kind}"));
    let ask = |call: &str, fields: Value| through(&name, call, fields);
    let of_demo = |call: &str, fields: Value| {
        let mut one = through(&name, call, fields);
        (one["namespace"], one["project"]) = (me.into(), "demo".into());
        one
    };
    let clone_url = format!("{}/{me}/demo.git", calls.web(kind));
    let path = "sdk:a b \u{e4}?.txt";
    let (one, two) = (b"one\n", b"two\n");
    let first = made(
        calls,
        &[
            ask("list_namespaces", json!({})),
            ask("show_project_detail", json!({ "clone_url": clone_url })),
            ask("list_projects", json!({ "namespace": me })),
            ask("create_project", json!({ "namespace": me, "body": { "name": "of-sdk" } })),
            of_demo("list_branches", json!({})),
            of_demo("create_tag", json!({ "ref": "feature/x", "body": { "name": "rel/1", "description": "One" } })),
            of_demo("list_tags", json!({})),
            of_demo("delete_tag", json!({ "tag_name": "rel/1" })),
            of_demo("list_commits", json!({ "ref": "feature/x" })),
            of_demo("create_hook", json!({ "body": { "secret": "s3cret", "url": "https://ci.example/hook" } })),
            of_demo("list_hooks", json!({})),
            of_demo("list_trees", json!({ "ref": "main" })),
            of_demo(
                "create_file",
                json!({ "path": path, "ref": "main", "body": { "message": "Add", "content": to_base64(one) } }),
            ),
            of_demo("show_content", json!({ "path": path, "ref": "main" })),
        ],
    );
    for (at, what) in first.iter().enumerate().filter(|(at, _)| *at != 7) {
        served(what, &format!("{kind} {at}"));
    }
    let typed = |at: usize| &first[at]["typed"];
    assert_eq!(typed(0)["namespaces"][0]["name"], me);
    assert_eq!((&typed(1)["namespace"], &typed(1)["project"]), (&json!(me), &json!("demo")));
    assert_eq!(typed(2)["projects"][0]["clone_url"], clone_url);
    assert_eq!(typed(3)["name"], "of-sdk");
    assert_eq!(typed(4)["branches"], json!(["feature/x", "main"]));
    assert_eq!((&typed(5)["name"], &typed(6)["tags"]), (&json!("rel/1"), &json!(["rel/1", "v1.0"])));
    match kind {
        "gitee" => refused(&first[7], 400, "SVCSTG.REPO.0401"),
        _ => drop(served(&first[7], "delete_tag")),
    }
    assert_eq!(typed(8)["commits"][2]["message"], "Begin");
    let hook = typed(9)["id"].as_str().expect("an id");
    assert_eq!((&typed(10)["hooks"][0]["id"], &typed(10)["hooks"][0]["type"]), (&json!(hook), &json!(kind)));
    assert!(typed(11)["paths"].as_array().is_some_and(|paths| paths.iter().any(|p| p == "src/lib.rs")));
    assert_eq!(typed(12)["path"], "sdk/a b \u{e4}?.txt");
    let sha = typed(13)["sha"].as_str().expect("a sha");
    assert_eq!((sha, typed(13)["content"].as_str()), (blob_sha(one).as_str(), Some(to_base64(one).as_str())));
    let changed = json!({ "message": "Change", "content": to_base64(two), "sha": sha });
    let second = made(
        calls,
        &[
            of_demo("update_file", json!({ "path": path, "ref": "main", "body": changed })),
            of_demo("update_file", json!({ "path": path, "ref": "main", "body": changed })),
            of_demo("delete_file", json!({ "path": path, "ref": "main", "message": "Re\nmove", "sha": blob_sha(two) })),
            of_demo("show_content", json!({ "path": path, "ref": "main" })),
            of_demo("delete_hook", json!({ "hook_id": hook })),
            ask("list_projects", json!({ "namespace": "no-such-namespace" })),
            through("no-such-name", "list_namespaces", json!({})),
            ask("show_project_detail", json!({ "clone_url": "https://elsewhere.example/a/b.git" })),
        ],
    );
    assert_eq!(served(&second[0], "update")["path"], "sdk/a b \u{e4}?.txt");
    refused(&second[1], 400, "SVCSTG.REPO.0400");
    served(&second[2], "delete_file");
    refused(&second[3], 404, "SVCSTG.REPO.0404");
    served(&second[4], "delete_hook");
    match kind {
        // Of a name that nobody has there is an empty list of public repositories.
        "gitee" => assert_eq!(served(&second[5], "projects")["projects"], json!([])),
        _ => refused(&second[5], 404, "SVCSTG.REPO.0404"),
    }
    refused(&second[6], 400, "SVCSTG.REPO.0450");
    refused(&second[7], 400, "SVCSTG.REPO.0452");
}

fn runs_on(database: Database) {
    let calls = Calls::on(database);
    for kind in KINDS {
        let token = calls.personal(kind);
        authorize(&calls, kind, &token);
        act(&calls, kind);
    }
}

#[test]
fn the_vendors_sdk_makes_all_calls_over_each_kind_on_sqlite() {
    runs_on(Database::Sqlite);
}

#[test]
fn the_vendors_sdk_makes_all_calls_over_each_kind_on_postgresql() {
    runs_on(Database::Postgres);
}

/// Names as people and machines make them, from a seed: every printable character but those that a path cannot have.
fn names(seed: u64, count: usize) -> Vec<String> {
    let mut state = seed;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let characters: Vec<char> = (' '..='~')
        .filter(|c| !matches!(c, '/' | ':'))
        .chain("\u{e4}\u{df}\u{4ed3}\u{e9}\u{1f600}\u{200d}".chars())
        .collect();
    let mut made = Vec::new();
    while made.len() < count {
        let segments: Vec<String> = (0..=draw(3))
            .map(|_| (0..=draw(9)).map(|_| characters[draw(characters.len() as u64) as usize]).collect())
            .collect();
        let is_dot = |segment: &String| segment == "." || segment == "..";
        let path = segments.join("/");
        if !segments.iter().any(is_dot) && path != "trees" && !made.contains(&path) {
            made.push(path);
        }
    }
    made
}

/// Size in CI: 240 paths, each with its slashes as colons and as they are.
#[test]
fn fm_134_whatever_path_the_sdk_encodes_is_the_one_that_the_host_is_asked_for() {
    let calls = Calls::on(Database::Sqlite);
    let paths = names(20_261_122, 240);
    calls.forge("github", |forge| {
        let files: Vec<(&str, Option<&[u8]>)> =
            paths.iter().map(|path| (path.as_str(), Some(path.as_bytes()))).collect();
        forge.at("octocat/demo").commit("main", "All sorts", &files);
    });
    let read = |path: &str| {
        let fields = json!({ "namespace": "octocat", "project": "demo", "path": path, "ref": "main" });
        through("by-token-github", "show_content", fields)
    };
    let colons: Vec<Value> = paths.iter().map(|path| read(&path.replace('/', ":"))).collect();
    let slashes: Vec<Value> = paths.iter().map(|path| read(path)).collect();
    for list in [colons, slashes] {
        for (path, one) in paths.iter().zip(made(&calls, &list)) {
            let typed = served(&one, path);
            assert_eq!(typed["path"], path.as_str());
            assert_eq!(typed["content"], to_base64(path.as_bytes()), "{path}");
        }
    }
}

/// Size in CI: 40 repositories, each by five forms of its address.
#[test]
fn fm_111_each_form_of_a_clone_url_that_the_sdk_encodes_leads_to_its_repository() {
    let calls = Calls::on(Database::Sqlite);
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut repositories: Vec<String> = names(77, 400)
        .into_iter()
        .map(|name| name.chars().filter(|c| fits(*c)).collect::<String>())
        .filter(|name| name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.ends_with(".git"))
        .map(|name| name.to_ascii_lowercase())
        .collect();
    repositories.sort();
    repositories.dedup();
    repositories.truncate(40);
    assert_eq!(repositories.len(), 40);
    calls.forge("github", |forge| repositories.iter().for_each(|name| drop(forge.add("octocat", name).full_path())));
    let authority = &calls.github.authority;
    let host = authority.split(':').next().expect("a host");
    let forms = |name: &String| {
        [
            format!("http://{authority}/octocat/{name}.git"),
            format!("http://user-name@{authority}/octocat/{name}"),
            format!("ssh://git@{host}/octocat/{name}.git"),
            format!("git@{host}:octocat/{name}.git"),
            format!("http://{authority}/%6Fctocat/{name}/"),
        ]
    };
    let ask = |url: String| through("by-token-github", "show_project_detail", json!({ "clone_url": url }));
    let list: Vec<Value> = repositories.iter().flat_map(forms).map(ask).collect();
    for (at, one) in made(&calls, &list).iter().enumerate() {
        assert_eq!(served(one, &list[at].to_string())["project"], repositories[at / 5].as_str());
    }
}
