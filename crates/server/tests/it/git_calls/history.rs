//! The latest ten commits, and what a branch, a tag and a commit's sha show that differ from each other.

use super::scene::{KINDS, on_both};
use crate::githosts::forge::{Tag, to_base64};
use serde_json::{Value, json};

fn messages(told: &Value) -> Vec<&str> {
    told["commits"].as_array().expect("a list").iter().filter_map(|row| row["message"].as_str()).collect()
}

/// Size in CI: 12 commits on a branch beside the main one, at each kind of host, on each database.
#[test]
fn the_latest_ten_commits_come_and_a_ref_shows_its_own_commits_and_files() {
    on_both(|calls| {
        for kind in KINDS {
            let demo = calls.demo(kind);
            let shas: Vec<String> = calls.forge(kind, |forge| {
                let demo = forge.at(&demo);
                let step = |n: u32| {
                    let content = format!("{n}\n");
                    demo.commit("feature/x", &format!("Step {n}"), &[("steps.txt", Some(content.as_bytes()))])
                };
                (1..=12).map(step).collect()
            });
            calls.forge(kind, |forge| {
                let tag = Tag { commit: shas[1].clone(), message: None };
                forge.at(&demo).tags.insert("old/one".to_owned(), tag)
            });
            let main = calls.good(kind, &format!("/repos/{demo}/commits"));
            assert_eq!(messages(&main), ["put", "put", "Begin"], "{kind}: the default branch");
            assert_eq!(calls.good(kind, &format!("/repos/{demo}/commits?ref=main")), main, "{kind}");
            let latest = calls.good(kind, &format!("/repos/{demo}/commits?ref=feature%2Fx"));
            let wanted: Vec<String> = (3..=12).rev().map(|n| format!("Step {n}")).collect();
            assert_eq!(messages(&latest), wanted, "{kind}: ten, the newest first");
            let found: Vec<&str> =
                latest["commits"].as_array().unwrap().iter().filter_map(|row| row["sha"].as_str()).collect();
            assert!(found.iter().eq(shas[2..].iter().rev()), "{kind}: {found:?}");
            for at in ["old%2Fone", "old/one", &shas[1]] {
                let told = calls.good(kind, &format!("/repos/{demo}/commits?ref={at}"));
                assert_eq!(messages(&told), ["Step 2", "Step 1", "put", "put", "Begin"], "{kind} {at}");
                let file = calls.good(kind, &format!("/files/{demo}/steps.txt?ref={at}"));
                assert_eq!(file["content"], to_base64(b"2\n"), "{kind} {at}");
            }
            let file = calls.good(kind, &format!("/files/{demo}/steps.txt?ref=feature%2Fx"));
            assert_eq!(file["content"], to_base64(b"12\n"), "{kind}");
            let missing = calls.read(kind, &format!("/files/{demo}/steps.txt?ref=main"));
            assert_eq!((missing.status, &missing.json()["error_code"]), (404, &json!("SVCSTG.REPO.0404")), "{kind}");
            for (at, is_there) in [("main", false), ("feature%2Fx", true), ("old%2Fone", true)] {
                let tree = calls.good(kind, &format!("/files/{demo}/trees?ref={at}"));
                let paths = tree["paths"].as_array().expect("a list");
                assert_eq!(paths.contains(&json!("steps.txt")), is_there, "{kind} {at}");
            }
            // A tag is put where its ref points.
            for (name, target, wanted) in [("new/one", "feature%2Fx", &shas[11]), ("new-two", "old%2Fone", &shas[1])] {
                let body = json!({ "name": name, "description": "Here" });
                let made = calls.git(kind, "POST", &format!("/repos/{demo}/tags?ref={target}")).json(&body).send();
                assert_eq!(made.status, 200, "{kind}: {}", made.text());
                let commit = calls.forge(kind, |forge| forge.at(&demo).tags[name].commit.clone());
                assert_eq!(commit, *wanted, "{kind} {name}");
            }
        }
    });
}
