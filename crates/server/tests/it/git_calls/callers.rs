//! Who may call, through which authorization, and which address means what.

use super::scene::{KINDS, on_both};
use crate::git_auths::scene::{join, project, refused, token};
use crate::githosts::forge::to_base64;
use crate::harness::{Answer, Call};
use serde_json::json;

#[test]
fn a_viewer_reads_an_editor_changes_and_whoever_is_in_another_project_does_neither() {
    on_both(|calls| {
        let (viewer, stranger) = (calls.server.person(), calls.server.person());
        join(&calls.server, &calls.project, &viewer, "viewer");
        let elsewhere = project(&calls.server);
        join(&calls.server, &elsewhere, &stranger, "owner");
        let viewers = token(&calls.server, &viewer, &calls.project);
        let strangers = token(&calls.server, &stranger, &elsewhere);
        let demo = calls.demo("github");
        let call = |token: &str, method: &str, rest: &str| {
            let url = calls.server.at(&format!("/v1/{}/git{rest}", calls.project));
            Call::new(method, url).header("X-Auth-Token", token).header("X-Repo-Auth", "by-token-github")
        };
        let file = json!({ "message": "m", "content": to_base64(b"x"), "sha": "0".repeat(40) });
        let reads = [
            "/repos/namespaces".to_owned(),
            "/repos/octocat/projects".to_owned(),
            format!("/repos/{demo}/branches"),
            format!("/repos/{demo}/tags"),
            format!("/repos/{demo}/commits"),
            format!("/repos/{demo}/hooks"),
            format!("/files/{demo}/trees?ref=main"),
            format!("/files/{demo}/README.md?ref=main"),
        ];
        for rest in &reads {
            assert_eq!(call(&viewers, "GET", rest).send().status, 200, "{rest}");
            refused_by_gateway(&call(&strangers, "GET", rest).send());
        }
        for (method, rest) in [
            ("POST", "/repos/octocat/projects".to_owned()),
            ("POST", format!("/repos/{demo}/tags?ref=main")),
            ("DELETE", format!("/repos/{demo}/tags/v1.0")),
            ("POST", format!("/repos/{demo}/hooks")),
            ("DELETE", format!("/repos/{demo}/hooks/1")),
            ("POST", format!("/files/{demo}/x?ref=main")),
            ("PUT", format!("/files/{demo}/x?ref=main")),
            ("DELETE", format!("/files/{demo}/x?ref=main&message=m&sha=0")),
        ] {
            for token in [&viewers, &strangers] {
                refused_by_gateway(&call(token, method, &rest).json(&file).send());
            }
        }
        let before = calls.github.log().len();
        refused_by_gateway(&call(&viewers, "DELETE", &format!("/repos/{demo}/tags/v1.0")).send());
        assert_eq!(calls.github.log().len(), before, "the host hears nothing of it");
    });
}

#[track_caller]
pub fn refused_by_gateway(answer: &Answer) {
    assert_eq!((answer.status, &answer.json()["error_code"]), (403, &json!("APIG.0302")), "{}", answer.text());
}

#[test]
fn the_header_names_the_authorization_of_this_project() {
    on_both(|calls| {
        let call = |names: &[&str]| {
            let url = calls.server.at(&format!("/v1/{}/git/repos/namespaces", calls.project));
            let call = Call::get(url).header("X-Auth-Token", &calls.token);
            names.iter().fold(call, |call, name| call.header("X-Repo-Auth", *name)).send()
        };
        for names in [&[][..], &[""], &["no-such-one"], &["a"], &["by token"], &["by-token-github", "by-token-github"]]
        {
            refused(&call(names), 400, "SVCSTG.REPO.0450");
        }
        assert_eq!(call(&["by-token-github"]).status, 200);
        // A token that the host refuses is told as such, and from then on the authorization is known to be bad.
        calls.github.revoke_all();
        for _ in 0..2 {
            refused(&call(&["by-token-github"]), 400, "SVCSTG.REPO.0451");
        }
        let bad = calls.list().into_iter().find(|row| row["name"] == "by-token-github").expect("is listed");
        assert_eq!(bad["status"], 2, "{bad}");
        assert_eq!(call(&["by-token-gitee"]).status, 200, "another one is none the worse");
    });
}

#[test]
fn fm_106_a_literal_goes_before_a_variable_and_has_one_spelling() {
    on_both(|calls| {
        for kind in KINDS {
            let demo = calls.demo(kind);
            // A namespace, a repository and a file that bear the names of literals.
            calls.forge(kind, |forge| {
                let id = forge.space(calls.me(kind)).expect("mine").members[0];
                forge.add_space("namespaces", crate::githosts::forge::Kind::Group, &[id]);
                for name in ["projects", "branches", "trees"] {
                    forge.add("namespaces", name).commit("main", "Begin", &[("tags", Some(b"t"))]);
                }
            });
            let names = calls.good(kind, "/repos/namespaces")["namespaces"].clone();
            assert!(names.as_array().is_some_and(|rows| rows.len() == 3), "{names}");
            let listed = calls.good(kind, "/repos/namespaces/projects")["projects"].clone();
            assert!(listed.as_array().is_some_and(|rows| rows.len() == 3), "{listed}");
            for name in ["projects", "branches", "trees"] {
                let found = calls.good(kind, &format!("/repos/namespaces/{name}/branches"));
                assert_eq!(found, json!({ "branches": ["main"] }), "{kind} {name}");
                let tree = calls.good(kind, &format!("/files/namespaces/{name}/trees?ref=main"));
                assert_eq!(tree, json!({ "paths": ["tags"] }), "{kind} {name}");
                assert_eq!(calls.good(kind, &format!("/files/namespaces/{name}/tags?ref=main"))["content"], "dA==");
            }
            for rest in [
                "/repos/%6Eamespaces".to_owned(),
                format!("/repos/{demo}/branche%73"),
                format!("/files/{demo}/tree%73?ref=main"),
                format!("/files/{demo}"),
                format!("/files/{demo}/src/lib.rs?ref=main"),
                format!("/files/{demo}/..?ref=main"),
                format!("/files/{demo}/%2E%2E?ref=main"),
                format!("/repos/{demo}/branches/"),
                format!("/repos/{demo}/branches/main"),
            ] {
                let answer = calls.read(kind, &rest);
                assert_eq!((answer.status, &answer.json()["error_code"]), (404, &json!("APIG.0101")), "{kind} {rest}");
            }
            let before = calls.fake(kind).log().len();
            for rest in [
                format!("/files/{demo}/..%2Fsecrets?ref=main"),
                format!("/files/{demo}/a%3A..%3Ab?ref=main"),
                format!("/files/{demo}/a%2F%2Fb?ref=main"),
                format!("/files/{demo}/a%3A.%3Ab?ref=main"),
                format!("/files/{demo}/.git%3Aconfig?ref=main"),
                format!("/files/{demo}/a%2F.GIT?ref=main"),
                format!("/files/{demo}/README.md?ref=a..b"),
                format!("/files/{demo}/README.md?ref=-x"),
                format!("/files/{demo}/README.md?ref=%ff"),
                format!("/files/{demo}/README.md"),
                format!("/files/{demo}/README.md?ref=main&ref=main"),
                format!("/repos/..%3Ax/{}/branches", "demo"),
                format!("/repos/{demo}/commits?ref=a%20b"),
            ] {
                refused(&calls.read(kind, &rest), 400, "SVCSTG.REPO.0400");
            }
            for clone_url in ["", "demo", "https://u:p@github.com/a/b", "https://elsewhere.example/a/b", "ftp://x/a/b"]
            {
                let asked = calls.git(kind, "GET", "/repos/project-info").query(&[("clone_url", clone_url)]).send();
                let code = if clone_url.is_empty() { "SVCSTG.REPO.0400" } else { "SVCSTG.REPO.0452" };
                refused(&asked, 400, code);
            }
            assert_eq!(calls.fake(kind).log().len(), before, "{kind}: the host hears nothing of these");
            for rest in [
                format!("/repos/{}/nothing/branches", calls.me(kind)),
                format!("/files/{demo}/no-such-file?ref=main"),
                format!("/files/{demo}/README.md?ref=no-such-branch"),
            ] {
                refused(&calls.read(kind, &rest), 404, "SVCSTG.REPO.0404");
            }
            for (rest, words) in [("vendor%3Adep", "this is a submodule"), ("src", "this is a folder")] {
                let answer = calls.read(kind, &format!("/files/{demo}/{rest}?ref=main"));
                // GitLab says of neither more than that it is no file.
                match kind {
                    "gitlab" => drop(refused(&answer, 404, "SVCSTG.REPO.0404")),
                    _ => {
                        assert!(refused(&answer, 400, "SVCSTG.REPO.0400").contains(words), "{kind}: {}", answer.text())
                    }
                }
            }
        }
    });
}

/// Every call: its method, where it is, and whether it is about webhooks.
pub fn routes(demo: &str) -> Vec<(&'static str, String, bool)> {
    let (me, _) = demo.split_once('/').expect("a namespace");
    vec![
        ("GET", "/repos/namespaces".to_owned(), false),
        ("GET", "/repos/project-info?clone_url=https%3A%2F%2Fx.example%2Fa%2Fb".to_owned(), false),
        ("GET", format!("/repos/{me}/projects"), false),
        ("POST", format!("/repos/{me}/projects"), false),
        ("GET", format!("/repos/{demo}/branches"), false),
        ("GET", format!("/repos/{demo}/tags"), false),
        ("POST", format!("/repos/{demo}/tags?ref=main"), false),
        ("DELETE", format!("/repos/{demo}/tags/none"), false),
        ("GET", format!("/repos/{demo}/commits"), false),
        ("GET", format!("/repos/{demo}/hooks"), true),
        ("POST", format!("/repos/{demo}/hooks"), true),
        ("DELETE", format!("/repos/{demo}/hooks/1"), true),
        ("GET", format!("/files/{demo}/trees?ref=main"), false),
        ("GET", format!("/files/{demo}/README.md?ref=main"), false),
        ("POST", format!("/files/{demo}/x?ref=main"), false),
        ("PUT", format!("/files/{demo}/x?ref=main"), false),
        ("DELETE", format!("/files/{demo}/x?ref=main&message=m&sha=0"), false),
    ]
}

#[test]
fn st_112_fm_59_an_access_token_opens_the_calls_of_its_scope_and_no_others() {
    on_both(|calls| {
        let redirect = ["https://client.example/callback"];
        let app =
            calls.server.app_with("web", &redirect, &["--scopes", "openid projects hook groups git_authorizations"]);
        let token = |scope| app.tokens(&calls.server, &calls.ada, &[("scope", scope)]).access;
        let demo = calls.demo("github");
        assert_eq!(routes(&demo).len(), 17);
        for scope in ["openid", "git_authorizations", "projects", "hook", "groups"] {
            let token = token(scope);
            for (method, rest, of_hooks) in routes(&demo) {
                let url = calls.server.at(&format!("/v1/{}/git{rest}", calls.project));
                let answer = Call::new(method, url).bearer(&token).header("X-Repo-Auth", "by-token-github").send();
                // What namespaces there are, and nothing in them, is opened by `groups` as well.
                let needed = match (of_hooks, rest.as_str()) {
                    (true, _) => "hook",
                    (_, "/repos/namespaces") => "projects or groups",
                    _ => "projects",
                };
                if needed.split(" or ").any(|one| one == scope) {
                    assert_ne!(answer.status, 403, "{scope} {method} {rest}: {}", answer.text());
                    continue;
                }
                refused_by_gateway(&answer);
                assert!(answer.text().contains(&format!("needs the scope {needed}")), "{}", answer.text());
                assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"insufficient_scope\""));
            }
        }
    });
}
