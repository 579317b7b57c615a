//! Real git against real `git http-backend`, with nothing but the helper configured.

use super::workshop::{Workshop, at_gitee, at_github};
use crate::git_auths::scene::Scene;
use crate::harness::Database;
use serde_json::json;
use std::path::Path;

fn on_both(test: impl Fn(Scene)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(Scene::on(database));
    }
}

/// Clones the empty repository, pushes a commit, asks for the references, and clones again elsewhere.
fn goes_all_the_way(workshop: &Workshop, url: &str) {
    let home = workshop.home.path.as_path();
    workshop.does(home, &["clone", "--quiet", url, "one"]);
    let one = home.join("one");
    // Larger than what git sends without looking, and no text: what a bridge would break first.
    let bytes: Vec<u8> = (0..300_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(one.join("blob.bin"), &bytes).expect("a file");
    workshop.does(&one, &["add", "."]);
    workshop.does(&one, &["commit", "--quiet", "-m", "First"]);
    workshop.does(&one, &["-c", "http.postBuffer=8388608", "push", "--quiet", "origin", "main"]);
    let head = workshop.does(&one, &["rev-parse", "HEAD"]);
    assert_eq!(
        workshop.does(home, &["ls-remote", url, "refs/heads/main"]),
        format!("{}\trefs/heads/main\n", head.trim())
    );
    workshop.does(home, &["clone", "--quiet", url, "two"]);
    assert_eq!(std::fs::read(home.join("two/blob.bin")).expect("the file"), bytes);
}

/// What git keeps of the repository and of its configuration holds no secret.
fn keeps_no_secret(workshop: &Workshop, token: &str) {
    let mut stack = vec![workshop.home.path.clone()];
    while let Some(directory) = stack.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory").flatten() {
            if entry.path().is_dir() {
                stack.push(entry.path());
            } else {
                let text = std::fs::read(entry.path()).expect("a file");
                let found = text.windows(token.len()).any(|window| window == token.as_bytes());
                assert!(!found, "{} holds the token", entry.path().display());
            }
        }
    }
}

#[test]
fn git_clones_and_pushes_by_an_authorization_by_redirect_with_an_access_key() {
    on_both(|scene| {
        scene.authorize("github", "auth1");
        let (backend, url) = at_github(&scene);
        let workshop = Workshop::of_ada(&scene);
        workshop.helps_at(&scene, &scene.github.url());
        goes_all_the_way(&workshop, &url);
        let token = scene.github.live_tokens().pop().expect("a token");
        keeps_no_secret(&workshop, &token);
        assert!(!scene.server.output().contains(&token));
        assert!(
            workshop
                .does(Path::new("/"), &["-C", backend.directory("octocat/app").to_str().unwrap(), "log", "--oneline"])
                .contains("First")
        );

        // Without the helper there is no way in.
        workshop.configure("");
        let done = workshop.git(&workshop.home.path, &["ls-remote", &url]);
        assert!(!done.ok && done.err.contains("could not read Username"), "{done:?}");
    });
}

#[test]
fn git_clones_and_pushes_by_a_personal_token_with_a_project_token() {
    on_both(|scene| {
        let token = scene.gitee.personal_token(&["user_info", "projects"], None);
        let kept =
            scene.post("/gitee/personal", &json!({ "name": "auth1", "token": token, "host": scene.gitee.url() }));
        assert_eq!(kept.status, 200, "{}", kept.text());
        let (_, url) = at_gitee(&scene);
        let workshop = Workshop::with(&json!({ "token": scene.token }));
        workshop.helps_at(&scene, &scene.gitee.url());
        goes_all_the_way(&workshop, &url);
        keeps_no_secret(&workshop, &token);
    });
}
