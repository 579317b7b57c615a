//! The vendor's SDK of the Git API, unmodified, makes the six calls of the credential store: by access key, by token, and
//! by access key with the project looked up by its name, as the SDK does with a region's.

use crate::clients::{Client, python};
use crate::git_auths::scene::{Scene, brought};
use crate::harness::{Chromium, Database};
use serde_json::{Value, json};
use std::process::Command;

/// Makes these calls with the SDK and gives what it made of each answer.
fn calls(scene: &Scene, who: &Value, calls: &Value) -> Vec<Value> {
    let mut settings = json!({ "endpoint": scene.server.url, "calls": calls });
    let (settings_of, who) = (settings.as_object_mut().expect("an object"), who.as_object().expect("an object"));
    settings_of.extend(who.clone());
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/servicestage.py"));
    let results = Client::run(command, &settings).said("results");
    results.as_array().expect("a list").clone()
}

#[track_caller]
fn refused(one: &Value, status: u16, code: &str) {
    assert_eq!((one["status"].as_u64(), one["error_code"].as_str()), (Some(status.into()), Some(code)), "{one}");
    assert!(one["error_msg"].as_str().is_some_and(|words| !words.is_empty()), "{one}");
    assert!(
        one["request_id"].as_str().is_some_and(|id| !id.is_empty()),
        "the SDK tells its user the request's id: {one}"
    );
    assert_eq!(one["kind"], "ClientRequestException", "{one}");
}

/// An authorization as the SDK reads it: every documented field, and nothing lost between wire and type.
#[track_caller]
fn kept(one: &Value, name: &str, kind: &str, token_type: &str) {
    assert_eq!(one["status"], 200, "{one}");
    let (raw, typed) = (&one["raw"]["authorization"], &one["typed"]["authorization"]);
    assert_eq!(raw, typed, "the SDK loses nothing");
    let told = [&typed["name"], &typed["repo_type"], &typed["token_type"], &typed["status"]];
    assert_eq!(told, [&json!(name), &json!(kind), &json!(token_type), &json!(0)], "{one}");
    let order = "name repo_type repo_host repo_home repo_user avartar token_type create_time update_time status";
    let names: Vec<&String> = typed.as_object().expect("an object").keys().collect();
    let mut expected: Vec<&str> = order.split(' ').collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert!(typed["create_time"].as_i64().is_some_and(|ms| ms > 1_700_000_000_000), "milliseconds: {one}");
}

/// An access key of ada's, and her project's name.
fn key_and_project(scene: &Scene) -> (Value, String) {
    let key = scene.server.json(&["access-key", "add", &scene.ada.name], "");
    let shown = scene.server.json(&["project", "show", &scene.project], "");
    (key, shown["name"].as_str().expect("a name").to_owned())
}

/// All six calls, and the refusals that a caller meets most.
fn drive(scene: &Scene, who: &Value, land: impl FnOnce(&str) -> (String, String)) {
    let first = calls(
        scene,
        who,
        &json!([
            { "call": "list_authorizations" },
            { "call": "show_redirect_url", "repo_type": "GitHub" },
            { "call": "show_redirect_url", "repo_type": "bitbucket" },
            { "call": "show_redirect_url", "repo_type": "github", "tag": "no-such-tag" },
        ]),
    );
    assert_eq!((first[0]["status"].as_u64(), &first[0]["typed"]["count"]), (Some(200), &json!(0)), "{first:?}");
    refused(&first[2], 400, "SVCSTG.REPO.0401");
    refused(&first[3], 400, "SVCSTG.REPO.0400");
    let url = first[1]["typed"]["url"].as_str().unwrap_or_else(|| panic!("{first:?}"));
    assert!(url.starts_with(&format!("{}/login/oauth/authorize?", scene.github.url())), "{url}");
    let (code, state) = land(url);
    let oauth = json!({ "name": "by-redirect", "code": code, "state": state });
    let token = scene.gitee.personal_token(&["user_info", "projects"], None);
    let (email, password) = scene.gitee.add_person("cat-of-sdk");
    let host = format!("{}/cat-of-sdk", scene.gitee.url());
    let second = calls(
        scene,
        who,
        &json!([
            { "call": "create_o_auth", "repo_type": "github", "body": oauth },
            { "call": "create_o_auth", "repo_type": "github", "body": { "name": "again", "code": code, "state": state } },
            { "call": "create_personal_auth", "repo_type": "gitee",
              "body": { "name": "by-token", "token": token, "host": host } },
            { "call": "create_personal_auth", "repo_type": "gitee", "body": { "name": "by-token", "token": token } },
            { "call": "create_personal_auth", "repo_type": "gitee", "body": { "name": "no-token", "token": "no" } },
            { "call": "create_password_auth", "repo_type": "Gitee",
              "body": { "name": "by-password", "user": email, "password": password } },
            { "call": "create_password_auth", "repo_type": "github",
              "body": { "name": "no-password", "user": "octocat", "password": "x" } },
            { "call": "list_authorizations" },
        ]),
    );
    kept(&second[0], "by-redirect", "github", "oauth");
    refused(&second[1], 400, "SVCSTG.REPO.0402");
    kept(&second[2], "by-token", "gitee", "personal");
    refused(&second[3], 400, "SVCSTG.REPO.0403");
    refused(&second[4], 400, "SVCSTG.REPO.0400");
    kept(&second[5], "by-password", "gitee", "password");
    refused(&second[6], 400, "SVCSTG.REPO.0401");
    let list = &second[7];
    assert_eq!((&list["typed"], &list["typed"]["count"]), (&list["raw"], &json!(3)), "{list}");
    let rows = list["typed"]["authorizations"].as_array().expect("a list");
    assert!(rows.iter().all(|row| row.as_object().is_some_and(|row| row.contains_key("tag"))), "{list}");
    let deletions: Vec<Value> = ["by-redirect", "by-token", "by-password", "by-token"]
        .map(|name| json!({ "call": "delete_authorize", "name": name }))
        .into_iter()
        .chain([json!({ "call": "list_authorizations" })])
        .collect();
    let third = calls(scene, who, &json!(deletions));
    for gone in &third[..3] {
        assert_eq!((gone["status"].as_u64(), &gone["raw"]), (Some(204), &Value::Null), "{gone}");
    }
    refused(&third[3], 404, "SVCSTG.REPO.0450");
    assert_eq!(third[4]["typed"]["count"], 0);
}

/// Code and state of a flow that ada's browser, which shows no page, has landed.
fn landed(scene: &Scene, url: &str) -> (String, String) {
    let address = crate::githosts::follow(url);
    let page = scene.visitor(&scene.ada).open(&address);
    assert!(page.shows("git-keep"), "{} {}", page.answer.status, page.plain());
    let body = brought("x", &address);
    let text = |name: &str| body[name].as_str().expect("text").to_owned();
    (text("code"), text("state"))
}

fn runs_on(database: Database) {
    let scene = Scene::on(database);
    let (key, project) = key_and_project(&scene);
    let by_key = json!({ "ak": key["access_key"], "sk": key["secret"], "project": scene.project });
    drive(&scene, &by_key, |url| landed(&scene, url));
    drive(&scene, &json!({ "token": scene.token, "project": scene.project }), |url| landed(&scene, url));
    // The project by its name, and code and state as a person reads them off the page.
    let by_name = json!({ "ak": key["access_key"], "sk": key["secret"], "region": project });
    scene.github.asks();
    drive(&scene, &by_name, |url| {
        let browser = Chromium::open();
        browser.goto(url);
        browser.click("authorize");
        browser.sign_in(&scene.ada.name, &scene.ada.password);
        (browser.text("git-code"), browser.text("git-state"))
    });
    let wrong = json!({ "ak": key["access_key"], "sk": "no", "project": scene.project });
    let list = json!([{ "call": "list_authorizations" }]);
    refused(&calls(&scene, &wrong, &list)[0], 401, "APIG.0301");
    refused(&calls(&scene, &json!({ "token": "no", "project": scene.project }), &list)[0], 401, "APIG.0301");
    let elsewhere = json!({ "token": scene.token, "project": "0".repeat(32) });
    refused(&calls(&scene, &elsewhere, &list)[0], 403, "APIG.0302");
}

#[test]
fn the_vendors_sdk_makes_the_six_calls_on_sqlite() {
    runs_on(Database::Sqlite);
}

#[test]
fn the_vendors_sdk_makes_the_six_calls_on_postgresql() {
    runs_on(Database::Postgres);
}
