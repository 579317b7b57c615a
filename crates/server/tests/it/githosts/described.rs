//! GitHub's fake against GitHub's published description: what it serves of the API stands there by method, path and
//! status, and every member of every body is one that the description has there, of its type. The description is the
//! extract that `crates/githost` is tested with.

use super::GitHub;
use super::forge::{Kind, LINK, SUBMODULE, blob_sha};
use crate::harness::{Answer, Call};
use serde_json::{Value, json};

struct Description(Value);

impl Description {
    fn read() -> Description {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../githost/tests/replies/github.openapi.json");
        Description(serde_json::from_str(&std::fs::read_to_string(path).expect("the extract")).expect("JSON"))
    }

    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(name) = schema["$ref"].as_str() {
            schema = &self.0["components"]["schemas"][name.rsplit('/').next().expect("a name")];
            assert!(schema.is_object(), "{name} is not in the extract");
        }
        schema
    }

    /// What does not fit, or nothing. A member that the description does not have does not fit.
    fn misfit(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let schema = self.resolve(schema);
        if value.is_null() && schema["nullable"] == true {
            return None;
        }
        if let Some(any) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
            let misfits: Vec<_> = any.iter().map(|one| self.misfit(one, value, at)).collect();
            return misfits.iter().all(Option::is_some).then(|| format!("{at}: {misfits:?}"));
        }
        for all in schema["allOf"].as_array().into_iter().flatten() {
            if let Some(misfit) = self.misfit(all, value, at) {
                return Some(misfit);
            }
        }
        if schema["type"].is_array() {
            let fits = schema["type"].as_array().into_iter().flatten().any(|one| {
                let mut only = schema.clone();
                only["type"] = one.clone();
                self.misfit(&only, value, at).is_none()
            });
            return (!fits).then(|| format!("{at}: {value} is none of {}", schema["type"]));
        }
        let fits = match schema["type"].as_str() {
            Some("null") => value.is_null(),
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            None => true,
            Some(other) => panic!("{other} is not understood"),
        };
        if !fits || schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
            return Some(format!("{at}: {value} is not {}", schema["type"]));
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            let Some(known) = schema["properties"].get(name) else {
                // An object of whatever members.
                if schema["properties"].is_null() {
                    continue;
                }
                return Some(format!("{at}.{name}: unknown"));
            };
            if let Some(misfit) = self.misfit(known, member, &format!("{at}.{name}")) {
                return Some(misfit);
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(lacking) = required.into_iter().find(|name| value.get(name).is_none()) {
            return Some(format!("{at} lacks {lacking}"));
        }
        let items = value.as_array().into_iter().flatten().enumerate();
        let mut items = items.filter(|_| schema.get("items").is_some());
        items.find_map(|(i, item)| self.misfit(&schema["items"], item, &format!("{at}[{i}]")))
    }

    /// What does not fit of this answer to this operation, or nothing.
    fn judge(&self, method: &str, template: &str, answer: &Answer) -> Option<String> {
        let operation = &self.0["paths"][template][method];
        assert!(operation.is_object(), "the description has no {method} {template}");
        let Some(schema) = operation["responses"].get(answer.status.to_string()) else {
            return Some(format!("{method} {template} never answers {}", answer.status));
        };
        match schema.is_object() {
            true => self.misfit(schema, &answer.json(), "body"),
            false => (!answer.body.is_empty()).then(|| "a body where there is none".to_owned()),
        }
    }
}

fn ask(host: &GitHub, token: &str) -> Answer {
    let call = Call::get(format!("{}/api/v3/user", host.url())).header("User-Agent", "a test");
    if token.is_empty() { call.send() } else { call.bearer(token).send() }
}

#[test]
fn what_the_fake_github_serves_of_the_api_is_what_github_describes() {
    let (host, description) = (GitHub::start(), Description::read());
    let good = ask(&host, &host.classic_token(&["repo"], None));
    let fine = ask(&host, &host.fine_grained_token(host.clock.now() + 60));
    let (unknown, nobody) = (ask(&host, "ghp_no"), ask(&host, ""));
    assert_eq!([&good, &fine, &unknown, &nobody].map(|answer| answer.status), [200, 200, 401, 401]);
    for answer in [&good, &fine, &unknown, &nobody] {
        assert_eq!(description.judge("get", "/user", answer), None);
    }
    host.register("https://vestibule.example/");
    let token = host.token_for_app();
    let end = |token: &str| {
        let address = format!("{}/api/v3/applications/{}/token", host.url(), host.client_id);
        let call = Call::new("DELETE", address).header("User-Agent", "a test");
        call.basic(&host.client_id, &host.client_secret).json(&json!({ "access_token": token })).send()
    };
    let (ended, again) = (end(&token), end(&token));
    assert_eq!((ended.status, again.status), (204, 422));
    for answer in [&ended, &again] {
        assert_eq!(description.judge("delete", "/applications/{client_id}/token", answer), None);
    }
    // With the grant, all tokens of the person end, whichever of them is named.
    let (one, other) = (host.token_for_app(), host.token_for_app());
    host.add_person("hubot");
    let hubots = host.token_for_app();
    let end = |token: &str| {
        let address = format!("{}/api/v3/applications/{}/grant", host.url(), host.client_id);
        let call = Call::new("DELETE", address).header("User-Agent", "a test");
        call.basic(&host.client_id, &host.client_secret).json(&json!({ "access_token": token })).send()
    };
    let (ended, again) = (end(&one), end(&other));
    assert_eq!((ended.status, again.status), (204, 422), "the other one went with it");
    assert_eq!(host.live_tokens(), [hubots], "and another person's did not");
    for answer in [&ended, &again] {
        assert_eq!(description.judge("delete", "/applications/{client_id}/grant", answer), None);
    }
    // A token without the scope sees nothing else.
    let served: Vec<&str> = ["/user", "/user/repos", "/repos/a/b", "/applications/x/grant"]
        .into_iter()
        .filter(|path| {
            let call = Call::get(format!("{}/api/v3{path}", host.url())).header("User-Agent", "a test");
            call.bearer(&host.classic_token(&[], None)).send().status != 404
        })
        .collect();
    assert_eq!(served, ["/user"]);

    let mut odd = good.json();
    odd["karma"] = json!(7);
    assert!(description.misfit(&description.0["paths"]["/user"]["get"]["responses"]["200"], &odd, "body").is_some());
    let mut wrong = good.json();
    wrong["id"] = json!("1");
    assert!(description.misfit(&description.0["paths"]["/user"]["get"]["responses"]["200"], &wrong, "body").is_some());
}

/// The repositories: each operation that the fake has, answered well and answered badly.
#[test]
fn what_the_fake_github_serves_of_repositories_is_what_github_describes() {
    let (host, description) = (GitHub::start(), Description::read());
    host.forge(|forge| {
        forge.add_space("octo-org", Kind::Group, &[1]);
        forge.add("octo-org", "theirs");
        forge.add("octocat", "empty");
        let large = vec![7; 1_200_000];
        let demo = forge.add("octocat", "demo");
        demo.commit("main", "Begin", &[("README.md", Some(b"# demo")), ("src/a", Some(b"a")), ("large", Some(&large))]);
        demo.put("main", "link", LINK, b"README.md");
        demo.put("main", "dep", SUBMODULE, b"elsewhere");
    });
    let token = host.classic_token(&["repo", "read:org", "write:repo_hook"], None);
    let ask = |method: &str, path: &str, body: Value| {
        let call = Call::new(method, format!("{}/api/v3{path}", host.url())).header("User-Agent", "a test");
        let call = call.bearer(&token);
        if body.is_null() { call.send() } else { call.json(&body).send() }
    };
    let readme = blob_sha(b"# demo");
    let write = |sha: Option<&str>| json!({ "message": "m", "content": "eA==", "branch": "main", "sha": sha });
    let commit = host.forge(|forge| forge.at("octocat/demo").branches["main"].clone());
    let hook = json!({ "name": "web", "config": { "url": "https://ci.example/hook", "secret": "s" } });
    let tag = json!({ "tag": "v1", "message": "one", "object": commit, "type": "commit" });
    let repo = "/repos/{owner}/{repo}";
    let none = Value::Null;
    for (method, template, path, body, status) in [
        ("get", "/users/{username}", "/users/octocat", &none, 200),
        ("get", "/users/{username}", "/users/octo-org", &none, 200),
        ("get", "/users/{username}", "/users/nobody", &none, 404),
        ("get", "/user/{account_id}", "/user/1", &none, 200),
        ("get", "/user/{account_id}", "/user/9", &none, 404),
        ("get", "/user/orgs", "/user/orgs", &none, 200),
        ("get", "/user/repos", "/user/repos", &none, 200),
        ("get", "/users/{username}/repos", "/users/octocat/repos", &none, 200),
        ("get", "/orgs/{org}/repos", "/orgs/octo-org/repos", &none, 200),
        ("post", "/user/repos", "/user/repos", &json!({ "name": "made", "private": true }), 201),
        ("post", "/user/repos", "/user/repos", &json!({ "name": "made" }), 422),
        ("post", "/orgs/{org}/repos", "/orgs/octo-org/repos", &json!({ "name": "made" }), 201),
        ("get", repo, "/repos/octocat/demo", &none, 200),
        ("get", repo, "/repos/octocat/nothing", &none, 404),
        ("get", "/repos/{owner}/{repo}/branches", "/repos/octocat/demo/branches", &none, 200),
        ("get", "/repos/{owner}/{repo}/tags", "/repos/octocat/demo/tags", &none, 200),
        ("get", "/repos/{owner}/{repo}/commits", "/repos/octocat/demo/commits", &none, 200),
        ("get", "/repos/{owner}/{repo}/commits", "/repos/octocat/demo/commits?sha=no", &none, 404),
        ("get", "/repos/{owner}/{repo}/commits", "/repos/octocat/empty/commits", &none, 409),
        ("get", "/repos/{owner}/{repo}/commits/{ref}", "/repos/octocat/empty/commits/main", &none, 409),
        ("post", "/repos/{owner}/{repo}/git/tags", "/repos/octocat/demo/git/tags", &tag, 201),
        ("post", "/repos/{owner}/{repo}/git/tags", "/repos/octocat/empty/git/tags", &tag, 409),
        (
            "post",
            "/repos/{owner}/{repo}/git/refs",
            "/repos/octocat/demo/git/refs",
            &json!({ "ref": "refs/tags/v1", "sha": commit }),
            201,
        ),
        ("delete", "/repos/{owner}/{repo}/git/refs/{ref}", "/repos/octocat/demo/git/refs/tags/v1", &none, 204),
        ("get", "/repos/{owner}/{repo}/hooks", "/repos/octocat/demo/hooks", &none, 200),
        ("post", "/repos/{owner}/{repo}/hooks", "/repos/octocat/demo/hooks", &hook, 201),
        ("get", "/repos/{owner}/{repo}/hooks", "/repos/octocat/demo/hooks", &none, 200),
        ("post", "/repos/{owner}/{repo}/hooks", "/repos/octocat/demo/hooks", &hook, 422),
        ("delete", "/repos/{owner}/{repo}/hooks/{hook_id}", "/repos/octocat/demo/hooks/1", &none, 404),
        (
            "get",
            "/repos/{owner}/{repo}/git/trees/{tree_sha}",
            "/repos/octocat/demo/git/trees/main?recursive=1",
            &none,
            200,
        ),
        ("get", "/repos/{owner}/{repo}/git/trees/{tree_sha}", "/repos/octocat/empty/git/trees/main", &none, 409),
        (
            "get",
            "/repos/{owner}/{repo}/git/blobs/{file_sha}",
            &format!("/repos/octocat/demo/git/blobs/{readme}"),
            &none,
            200,
        ),
        ("get", "/repos/{owner}/{repo}/git/blobs/{file_sha}", "/repos/octocat/demo/git/blobs/0", &none, 404),
        ("get", "/repos/{owner}/{repo}/contents/{path}", "/repos/octocat/demo/contents/README.md", &none, 200),
        ("get", "/repos/{owner}/{repo}/contents/{path}", "/repos/octocat/demo/contents/large", &none, 200),
        ("get", "/repos/{owner}/{repo}/contents/{path}", "/repos/octocat/demo/contents/link", &none, 200),
        ("get", "/repos/{owner}/{repo}/contents/{path}", "/repos/octocat/demo/contents/dep", &none, 200),
        ("get", "/repos/{owner}/{repo}/contents/{path}", "/repos/octocat/demo/contents/src", &none, 200),
        ("get", "/repos/{owner}/{repo}/contents/{path}", "/repos/octocat/demo/contents/no", &none, 404),
        ("put", "/repos/{owner}/{repo}/contents/{path}", "/repos/octocat/demo/contents/new", &write(None), 201),
        ("put", "/repos/{owner}/{repo}/contents/{path}", "/repos/octocat/demo/contents/README.md", &write(None), 422),
        (
            "put",
            "/repos/{owner}/{repo}/contents/{path}",
            "/repos/octocat/demo/contents/README.md",
            &write(Some("0")),
            409,
        ),
        (
            "put",
            "/repos/{owner}/{repo}/contents/{path}",
            "/repos/octocat/demo/contents/README.md",
            &write(Some(&readme)),
            200,
        ),
        (
            "delete",
            "/repos/{owner}/{repo}/contents/{path}",
            "/repos/octocat/demo/contents/README.md",
            &write(Some("0")),
            409,
        ),
        (
            "delete",
            "/repos/{owner}/{repo}/contents/{path}",
            "/repos/octocat/demo/contents/README.md",
            &write(Some(&blob_sha(b"x"))),
            200,
        ),
        (
            "delete",
            "/repos/{owner}/{repo}/contents/{path}",
            "/repos/octocat/demo/contents/README.md",
            &write(Some("0")),
            404,
        ),
    ] {
        let answer = ask(&method.to_uppercase(), path, body.clone());
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(description.judge(method, template, &answer), None, "{method} {path}");
    }
}
