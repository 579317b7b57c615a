//! Real git against real `git http-backend`, with nothing but the helper configured.

use super::workshop::{Workshop, at_gitee, at_github, at_gitlab};
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

#[test]
fn git_clones_and_pushes_at_a_gitlab_below_a_path_that_wants_its_own_user_name() {
    on_both(|scene| {
        scene.authorize("gitlab", "auth1");
        let (_, url) = at_gitlab(&scene);
        let workshop = Workshop::of_ada(&scene);
        // For all hosts, with the path told: it stays quiet at those of nobody's.
        workshop.configure(&format!("[credential]\n\tuseHttpPath = true\n{}", workshop.helper(&scene, "")));
        goes_all_the_way(&workshop, &url);
        let (_, other) = at_github(&scene);
        let done = workshop.git(&workshop.home.path, &["ls-remote", &other]);
        assert!(
            !done.ok && done.err.contains("could not read Username") && !done.err.contains("vestibule"),
            "{done:?}"
        );
    });
}

#[test]
fn of_two_accounts_at_a_host_git_takes_the_one_whose_repository_it_is() {
    let scene = Scene::on(Database::Sqlite);
    scene.authorize("github", "auth1");
    scene.github.add_person("hubot");
    scene.authorize("github", "auth2");
    let (backend, url) = at_github(&scene);
    let hubots = format!("{}{}", scene.github.url(), backend.add("hubot/app"));
    let workshop = Workshop::of_ada(&scene);
    let host = scene.github.url();
    workshop.configure(&format!("[credential \"{host}\"]\n\tuseHttpPath = true\n{}", workshop.helper(&scene, "")));
    let bearers = || {
        let log = scene.github.log();
        let tokens: Vec<String> = log.iter().filter_map(|asked| asked.basic()).map(|(_, token)| token).collect();
        scene.github.forget();
        tokens
    };
    let tokens = scene.github.live_tokens();
    bearers();
    for (url, token) in [(&url, &tokens[0]), (&hubots, &tokens[1])] {
        workshop.does(&workshop.home.path, &["ls-remote", url]);
        let brought = bearers();
        assert!(!brought.is_empty() && brought.iter().all(|brought| brought == token), "{url}");
    }
    // The same by a line for each namespace.
    let line = |name: &str| workshop.helper(&scene, &format!("--authorization {name}"));
    workshop.configure(&format!(
        "[credential]\n\tuseHttpPath = true\n[credential \"{host}/octocat\"]\n{}[credential \"{host}/hubot\"]\n{}",
        line("auth2"),
        line("auth1")
    ));
    for (url, token) in [(&url, &tokens[1]), (&hubots, &tokens[0])] {
        workshop.does(&workshop.home.path, &["ls-remote", url]);
        assert_eq!(bearers().last(), Some(token), "{url}");
    }
}

#[test]
fn a_token_that_the_host_refuses_is_told_of_and_the_next_attempt_has_another() {
    on_both(|scene| {
        scene.github.tokens_end();
        scene.authorize("github", "auth1");
        // Of two accounts, the user name in the address chooses; git does not say it again when it tells of a refusal.
        scene.github.add_person("hubot");
        scene.authorize("github", "auth2");
        let (_, url) = at_github(&scene);
        let url = url.replace("http://", "http://octocat@");
        let workshop = Workshop::of_ada(&scene);
        workshop.helps_at(&scene, &scene.github.url());
        let home = workshop.home.path.clone();
        workshop.does(&home, &["ls-remote", &url]);
        // The host has ended the token before its time; what renews it is still good.
        scene.github.end_access_tokens();
        let done = workshop.git(&home, &["ls-remote", &url]);
        assert!(!done.ok && done.err.contains("Authentication failed"), "{done:?}");
        workshop.does(&home, &["ls-remote", &url]);
        let standing: Vec<_> = scene.list().iter().map(|row| row["status"].clone()).collect();
        assert_eq!(standing, [0, 0]);
    });
}

#[test]
fn a_token_that_is_about_to_end_is_renewed_before_git_gets_it() {
    on_both(|scene| {
        scene.github.tokens_end();
        scene.github.lives(40);
        scene.authorize("github", "auth1");
        let first = scene.github.live_tokens().pop().expect("a token");
        scene.github.lives(28_800);
        let (_, url) = at_github(&scene);
        let workshop = Workshop::of_ada(&scene);
        workshop.helps_at(&scene, &scene.github.url());
        scene.github.forget();
        for _ in 0..2 {
            workshop.does(&workshop.home.path, &["ls-remote", &url]);
        }
        let log = scene.github.log();
        let brought: Vec<String> = log.iter().filter_map(|asked| asked.basic()).map(|(_, token)| token).collect();
        assert!(!brought.is_empty() && brought.iter().all(|token| *token != first), "{brought:?}");
        assert_eq!(scene.github.count("POST /login/oauth/access_token"), 1, "renewed once, and kept");
        let day = scene.github.clock.now() + 28_800;
        let done = workshop.help(
            &[
                "get",
                "--server",
                &scene.server.url,
                "--project",
                &scene.project,
                "--secret-file",
                workshop.secret_file.to_str().unwrap(),
            ],
            &format!("protocol=http\nhost={}\n\n", scene.github.authority),
        );
        let end = done.out.lines().find_map(|line| line.strip_prefix("password_expiry_utc=")).expect("an end");
        assert!((day - 120..=day).contains(&end.parse().expect("seconds")), "{}", done.out);
    });
}
