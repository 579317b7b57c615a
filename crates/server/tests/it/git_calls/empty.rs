//! A repository without any commit: what can be read of it, what cannot be done there yet, and the first write.

use super::scene::{KINDS, on_both};
use crate::git_auths::scene::refused;
use crate::githosts::forge::to_base64;
use serde_json::json;

#[test]
fn the_first_file_of_an_empty_repository_makes_its_branch_and_a_tag_has_to_wait_for_it() {
    on_both(|calls| {
        for kind in KINDS {
            let empty = format!("{}/empty", calls.me(kind));
            for what in ["branches", "tags", "hooks", "commits"] {
                let told = calls.good(kind, &format!("/repos/{empty}/{what}"));
                assert_eq!(told, json!({ what: [] }), "{kind}");
            }
            let file = format!("/files/{empty}/docs%3Afirst.txt?ref=main");
            refused(&calls.read(kind, &file), 404, "SVCSTG.REPO.0404");
            let tag = || {
                let body = json!({ "name": "v1", "description": "One" });
                calls.git(kind, "POST", &format!("/repos/{empty}/tags?ref=main")).json(&body).send()
            };
            // Nothing to put it on: never "it exists already".
            let answer = tag();
            let code = answer.json()["error_code"].as_str().unwrap_or_default().to_owned();
            assert!(
                [(400, "SVCSTG.REPO.0400"), (404, "SVCSTG.REPO.0404")].contains(&(answer.status, &code)),
                "{kind}: {}",
                answer.text()
            );
            let sha = json!("0".repeat(40));
            let body = json!({ "message": "Change", "content": to_base64(b"x"), "sha": sha });
            refused(&calls.git(kind, "PUT", &file).json(&body).send(), 404, "SVCSTG.REPO.0404");
            assert_eq!(calls.forge(kind, |forge| forge.at(&empty).commit_count()), 0, "{kind}: nothing was written");

            let body = json!({ "message": "First", "content": to_base64(b"one\n") });
            let made = calls.git(kind, "POST", &file).json(&body).send();
            assert_eq!((made.status, made.json()), (200, json!({ "path": "docs/first.txt" })), "{kind}");
            assert_eq!(calls.good(kind, &file)["content"], to_base64(b"one\n"));
            assert_eq!(calls.good(kind, &format!("/repos/{empty}/branches")), json!({ "branches": ["main"] }));
            let told = calls.good(kind, &format!("/repos/{empty}/commits"));
            assert_eq!(
                (&told["commits"][0]["message"], &told["commits"][1]),
                (&json!("First"), &json!(null)),
                "{kind}"
            );
            let tree = calls.good(kind, &format!("/files/{empty}/trees?ref=main"));
            assert_eq!(tree, json!({ "paths": ["docs/first.txt"] }), "{kind}");
            refused(&calls.git(kind, "POST", &file).json(&body).send(), 400, "SVCSTG.REPO.0403");
            let made = tag();
            assert_eq!((made.status, made.json()), (200, json!({ "name": "v1" })), "{kind}");
        }
    });
}
