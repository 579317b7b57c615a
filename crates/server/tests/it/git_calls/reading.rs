//! What the calls read: the same answer from each kind of host, whole or said to be cut.

use super::scene::{KINDS, binary, on_both_shared};
use crate::githosts::forge::{blob_sha, to_base64};
use serde_json::json;

#[test]
fn each_kind_answers_the_same_in_the_documented_forms() {
    on_both_shared(|calls| {
        for kind in KINDS {
            let (me, demo) = (calls.me(kind), calls.demo(kind));
            let namespaces = calls.good(kind, "/repos/namespaces");
            let rows = namespaces["namespaces"].as_array().expect("a list");
            let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
            assert_eq!(names, [me, "octo-org"], "{kind}");
            assert!(rows.iter().all(|row| row["id"].is_string()), "{namespaces}");

            let projects = calls.good(kind, &format!("/repos/{me}/projects"));
            let rows = projects["projects"].as_array().expect("a list");
            let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
            assert_eq!(names, ["demo", "empty"], "{kind}");
            let clone_url = rows[0]["clone_url"].as_str().expect("an address");
            assert_eq!(clone_url, format!("{}/{demo}.git", calls.web(kind)));

            let asked = calls.git(kind, "GET", "/repos/project-info").query(&[("clone_url", clone_url)]).send();
            let info = asked.json();
            assert_eq!((&info["namespace"], &info["project"]), (&json!(me), &json!("demo")), "{}", asked.text());
            assert_eq!(info["project_id"], rows[0]["id"]);
            let id = info["project_id"].as_str().expect("an id");
            let namespace = info["namespace_id"].as_str().expect("an id");

            for place in [demo.clone(), format!("{me}/{me}%3Ademo"), format!("{me}/{id}"), format!("{namespace}/{id}")]
            {
                let branches = calls.good(kind, &format!("/repos/{place}/branches"));
                assert_eq!(branches, json!({ "branches": ["feature/x", "main"] }), "{kind} {place}");
            }
            assert_eq!(calls.good(kind, &format!("/repos/{demo}/tags")), json!({ "tags": ["v1.0"] }));
            let commits = calls.good(kind, &format!("/repos/{demo}/commits"));
            let commit = &commits["commits"][2];
            assert_eq!(commit["message"], "Begin", "{commits}");
            assert!(
                commit["authored_date"].as_str().is_some_and(|date| date.starts_with("2026-01-02T03:")),
                "{commits}"
            );
            assert_eq!(calls.good(kind, &format!("/repos/{demo}/commits?ref=feature%2Fx")), commits);
            assert_eq!(calls.good(kind, &format!("/repos/{demo}/hooks")), json!({ "hooks": [] }));

            let tree = calls.good(kind, &format!("/files/{demo}/trees?ref=main"));
            let paths = [
                "100%25 #1?&+;.txt",
                "README.md",
                "a b/c d.txt",
                "bin/all.bin",
                "docs/仓库 ü.md",
                "src/lib.rs",
                "trees",
            ];
            assert_eq!(tree, json!({ "paths": paths }), "{kind}: no folder, no link, no submodule");
            let empty = calls.good(kind, &format!("/repos/{me}/empty/branches"));
            assert_eq!(empty, json!({ "branches": [] }));
            assert_eq!(calls.good(kind, &format!("/repos/{me}/empty/commits")), json!({ "commits": [] }), "{kind}");
            assert_eq!(
                calls.good(kind, &format!("/files/{me}/empty/trees?ref=main")),
                json!({ "paths": [] }),
                "{kind}"
            );
        }
    });
}

#[test]
fn a_file_of_any_path_and_content_is_read_with_the_sha_of_its_blob() {
    on_both_shared(|calls| {
        for kind in KINDS {
            let demo = calls.demo(kind);
            for (spelled, path, content) in [
                ("src%3Alib.rs", "src/lib.rs", b"fn main() {}\n".to_vec()),
                ("src%2Flib.rs", "src/lib.rs", b"fn main() {}\n".to_vec()),
                ("src:lib.rs", "src/lib.rs", b"fn main() {}\n".to_vec()),
                ("a%20b%3Ac%20d.txt", "a b/c d.txt", b"spaces\n".to_vec()),
                ("docs%3A%E4%BB%93%E5%BA%93%20%C3%BC.md", "docs/仓库 ü.md", "non-ASCII: 仓库\n".as_bytes().to_vec()),
                ("bin%3Aall.bin", "bin/all.bin", binary()),
                ("100%2525%20%231%3F%26%2B%3B.txt", "100%25 #1?&+;.txt", b"all sorts\n".to_vec()),
                ("%3Atrees", "trees", b"a file called trees\n".to_vec()),
            ] {
                let answer = calls.read(kind, &format!("/files/{demo}/{spelled}?ref=main"));
                let (sha, content) = (blob_sha(&content), to_base64(&content));
                let wanted = format!(r#"{{"path":"{path}","sha":"{sha}","encoding":"base64","content":"{content}"}}"#);
                assert_eq!(answer.text(), wanted, "{kind} {spelled}: in the documented order");
            }
        }
    });
}
