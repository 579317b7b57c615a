//! Gitee's and GitLab's fakes driven by published clients, unmodified: what they send is taken, what they read is there, and
//! what the one that has models knows of each answer is what the fake sends.

use super::forge::{Kind, SUBMODULE, blob_sha};
use super::github::moment;
use super::{GitLab, Gitee};
use crate::clients::{Client, python};
use serde_json::{Value, json};
use std::process::Command;

#[test]
fn two_published_clients_of_gitee_and_an_oauth_client_take_the_fake_for_it() {
    let host = Gitee::start();
    let (email, password) = host.add_person("cat-of-clients");
    let redirect = "https://client.example/callback";
    host.register(redirect);
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/gitee_clients.py"));
    // oauthlib insists on https; loopback is where it allows an exception.
    command.env("OAUTHLIB_INSECURE_TRANSPORT", "1");
    let mut client = Client::run(
        command,
        &json!({
            "web": host.url(), "client_id": host.client_id, "client_secret": host.client_secret,
            "redirect_uri": redirect, "scope": "user_info projects emails hook", "email": email, "password": password,
        }),
    );
    let said = client.said("results");
    for pair in ["token", "fresh", "password"] {
        assert_eq!(said[pair]["expires_in"], 86_400, "{said}");
        assert_eq!(said[pair]["token_type"], "bearer", "{said}");
        assert_eq!(said[pair]["refresh_token"].as_str().map(str::len), Some(64), "{said}");
    }
    for refused in ["again", "stale"] {
        assert_eq!(said[refused]["kind"], "InvalidGrantError", "{refused}: {said}");
    }
    let (first, second) = (&said["first"], &said["second"]);
    assert_eq!(first["user"]["login"], "cat-of-clients");
    assert_eq!(first["user"], second["user"], "a token in the query and one in the header are the same");
    assert_eq!(first["emails"][0]["email"], email.as_str());
    assert_eq!(first["namespaces"][0]["path"], "cat-of-clients");
    assert_eq!(first["repositories"].as_array().map(Vec::len), Some(3), "{first}");
    assert_eq!(first["pages"], json!([2, 1]));
    assert_eq!(first["misfits"], json!([]));
    assert_eq!(first["check"], json!(["user.id is no int", "user.no is in no model"]), "the check finds something");
    let refusal = |one: &Value, kind: &str, status: u16, words: &str| {
        assert_eq!((one["kind"].as_str(), one["status"].as_u64()), (Some(kind), Some(status.into())), "{one}");
        assert!(one["words"].as_str().is_some_and(|said| said.contains(words)), "{one}");
    };
    refusal(&first["missing"], "GiteeNotFoundError", 404, "Not Found");
    refusal(&first["stranger"], "GiteeAuthError", 401, "Access token does not exist");
    refusal(&second["missing"], "APIError", 404, "Not Found");
    refusal(&second["stranger"], "APIError", 401, "Access token does not exist");
    of_repositories(&said["of_repositories"]);
    let of_api: Vec<_> = host.log().into_iter().filter(|asked| asked.path.starts_with("/api/v5/")).collect();
    let in_query = |asked: &super::Asked| asked.query.iter().any(|(name, _)| name == "access_token");
    assert!(of_api.iter().any(|asked| in_query(asked) && asked.header("authorization").is_empty()));
    assert!(of_api.iter().any(|asked| !in_query(asked) && asked.header("authorization").starts_with("Bearer ")));
    assert!(of_api.iter().any(|asked| asked.header("user-agent") == "Gitee-Python-SDK"));
}

/// What one of Gitee's clients made of a repository.
fn of_repositories(said: &Value) {
    assert_eq!(said["misfits"], json!([]), "{said}");
    assert_eq!((&said["made"], &said["tag"]), (&json!("cat-of-clients/of-client"), &json!("One")), "{said}");
    assert_eq!(said["read"], json!(["a b/\u{fc}.txt", "gr\u{f6}\u{df}e\n"]));
    assert_eq!(
        (&said["two"], &said["blob"], &said["written"]),
        (&json!("two\n"), &json!("two\n"), &json!([true, true]))
    );
    assert_eq!(said["tree"], json!([["a b", "tree"], ["a b/\u{fc}.txt", "blob"]]));
    assert_eq!(said["names"], json!([["main"], ["v1"]]));
    assert_eq!(said["hooks"], json!(["https://ci.example/hook"]));
    assert_eq!((&said["messages"], &said["gone"]), (&json!(["Change", "Add"]), &json!([])));
    for (what, status) in
        [("again", 422), ("taken", 400), ("late", 400), ("no_tag", 400), ("no_hook", 404), ("empty", 404)]
    {
        assert_eq!(said[what]["status"], status, "{what}: {said}");
    }
}

/// What an OAuth client and GitLab's own client made of tokens and their end.
fn of_signing_in(said: &Value) {
    assert_eq!((&said["lives"], &said["users"]), (&json!([7200, 7200]), &json!(["lynx", "lynx"])), "{said}");
    assert_eq!((&said["type"], &said["told"]), (&json!("Bearer"), &json!([["api", "read_user"], true])), "{said}");
    assert_eq!(said["ended"], 200, "{said}");
    for (what, kind, words) in [
        ("again", "InvalidGrantError", "provided authorization grant is invalid"),
        ("stale", "InvalidGrantError", "provided authorization grant is invalid"),
        ("old", "GitlabAuthenticationError", "invalid_token"),
        ("dead", "GitlabAuthenticationError", "invalid_token"),
    ] {
        assert_eq!(said[what]["kind"], kind, "{what}: {said}");
        assert!(said[what]["words"].as_str().is_some_and(|told| told.contains(words)), "{what}: {said}");
    }
}

#[test]
fn a_published_client_of_gitlab_takes_the_fake_for_it() {
    let host = GitLab::below("/gitlab");
    let ends = host.clock.now() + 86_400;
    let token = host.personal_token(&["api"], ends);
    host.forge(|forge| {
        forge.add_space("octo-org", Kind::Group, &[1]);
        forge.add_space("octo-org/team", Kind::Group, &[1]);
        forge.add("octo-org", "theirs");
        let demo = forge.add("lynx", "demo");
        demo.commit("main", "Begin", &[("README.md", Some(b"# demo")), ("src/a", Some(b"a")), ("src/b", Some(b"b"))]);
        demo.put("main", "dep", SUBMODULE, b"elsewhere");
        for name in ["one", "three", "two"] {
            let tip = demo.branches["main"].clone();
            demo.branches.insert(name.to_owned(), tip);
        }
    });
    let mut command = Command::new(python());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/gitlab_client.py"));
    command.env("OAUTHLIB_INSECURE_TRANSPORT", "1");
    let redirect = "https://client.example/callback";
    host.register(redirect);
    let settings = json!({
        "url": host.url(), "token": token, "path": "lynx/demo", "group": "octo-org", "person": "lynx",
        "client_id": host.client_id, "client_secret": host.client_secret, "redirect_uri": redirect,
    });
    let said = Client::run(command, &settings).said("results");
    of_signing_in(&said["signed_in"]);
    let day = moment(ends)[..10].to_owned();
    assert_eq!(said["own_token"], json!([["api"], true, day]), "{said}");
    let spaces = json!(["lynx", "octo-org", "octo-org/team"]);
    assert_eq!((&said["namespaces"], &said["bearer"]), (&spaces, &spaces), "{said}");
    assert_eq!((&said["projects"], &said["of_person"]), (&json!(["theirs"]), &json!(["demo", "of-client"])), "{said}");
    assert_eq!(said["project"][2], format!("{}/lynx/demo.git", host.url()));
    assert_eq!((&said["user"], &said["made"]), (&json!("lynx"), &json!("lynx/of-client")));
    assert_eq!(said["branches"], json!(["main", "one", "three", "two"]), "page by page");
    assert_eq!((&said["tag"], &said["tags"], &said["left"]), (&json!(["v9", "Nine"]), &json!(["v9"]), &json!([])));
    assert_eq!(said["hooks"], json!(["https://ci.example/hook"]));
    let tree = json!([
        ["README.md", "blob", "100644"],
        ["dep", "commit", "160000"],
        ["src", "tree", "040000"],
        ["src/a", "blob", "100644"],
        ["src/b", "blob", "100644"],
    ]);
    assert_eq!(said["tree"], tree, "{said}");
    assert_eq!(said["keyset"], json!(["README.md", "dep", "src", "src/a", "src/b"]));
    assert_eq!((&said["file"], &said["two"]), (&json!("of client/a.txt"), &json!("two")));
    assert_eq!(said["read"], json!(["of client/a.txt", blob_sha(b"one"), 3]));
    assert_eq!(said["facts"], json!([blob_sha(b"one"), true]));
    for (what, kind, status, words) in [
        ("again", "GitlabCreateError", 400, "has already been taken"),
        ("taken", "GitlabCreateError", 400, "Tag v9 already exists"),
        ("stale", "GitlabUpdateError", 400, "that has changed since you started editing it"),
        ("late", "GitlabCreateError", 400, "The file has changed since you started editing it"),
        ("no_hook", "GitlabDeleteError", 404, "404 Not found"),
        ("missing", "GitlabGetError", 404, "404 File Not Found"),
        ("nothing", "GitlabGetError", 404, "404 Project Not Found"),
        ("stranger", "GitlabAuthenticationError", 401, "401 Unauthorized"),
    ] {
        let one = &said[what];
        assert_eq!((one["kind"].as_str(), one["status"].as_u64()), (Some(kind), Some(status)), "{what}: {one}");
        assert!(one["words"].as_str().is_some_and(|said| said.contains(words)), "{what}: {one}");
    }
}
