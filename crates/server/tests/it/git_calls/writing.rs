//! What the calls change: on condition, once, and with the host's own reason where it says no.

use super::scene::{Calls, KINDS, on_both};
use crate::git_auths::scene::refused;
use crate::githosts::forge::{Kind, blob_sha, to_base64};
use crate::githosts::{Fault, Gate};
use crate::harness::{Answer, Call, wait_until};
use serde_json::{Value, json};
use std::time::Duration;

/// The line of the request by which a host is told to write: to make, to change, to remove the file at this path.
fn line(kind: &str, verb: &str, path: &str) -> String {
    match (kind, verb) {
        ("github", "delete") => format!("DELETE /api/v3/repos/octocat/demo/contents/{path}"),
        ("github", _) => format!("PUT /api/v3/repos/octocat/demo/contents/{path}"),
        ("gitlab", "delete") => "POST /gitlab/api/v4/projects/lynx%2Fdemo/repository/commits".to_owned(),
        ("gitlab", verb) => {
            let method = if verb == "create" { "POST" } else { "PUT" };
            format!("{method} /gitlab/api/v4/projects/lynx%2Fdemo/repository/files/{}", path.replace('/', "%2F"))
        }
        (_, "create") => format!("POST /api/v5/repos/cat/demo/contents/{path}"),
        (_, "update") => format!("PUT /api/v5/repos/cat/demo/contents/{path}"),
        (_, _) => format!("DELETE /api/v5/repos/cat/demo/contents/{path}"),
    }
}

fn update(calls: &Calls, kind: &str, content: &[u8], sha: &str) -> Call {
    let body = json!({ "message": "Change", "content": to_base64(content), "sha": sha });
    calls.git(kind, "PUT", &format!("/files/{}/src%3Alib.rs?ref=main", calls.demo(kind))).json(&body)
}

fn delete(calls: &Calls, kind: &str, sha: &str) -> Call {
    let call = calls.git(kind, "DELETE", &format!("/files/{}/src%3Alib.rs", calls.demo(kind)));
    call.query(&[("ref", "main"), ("message", "Remove\n\nfor good"), ("sha", sha)])
}

fn content(calls: &Calls, kind: &str, path: &str) -> Option<Vec<u8>> {
    calls.forge(kind, |forge| forge.at(&calls.demo(kind)).content("main", path))
}

fn commits(calls: &Calls, kind: &str) -> usize {
    calls.forge(kind, |forge| forge.at(&calls.demo(kind)).commit_count())
}

#[track_caller]
fn done(answer: &Answer, status: u16, body: &Value) {
    assert_eq!(answer.status, status, "{}", answer.text());
    match status {
        204 => assert!(answer.body.is_empty(), "{}", answer.text()),
        _ => assert_eq!(&answer.json(), body),
    }
}

#[test]
fn a_file_is_made_changed_and_removed_and_each_of_it_stands_in_the_trail() {
    on_both(|calls| file_on(calls));
}

fn file_on(calls: &Calls) {
    for kind in KINDS {
        let demo = calls.demo(kind);
        let path = "docs:new \u{e4}.txt";
        let spelled = "docs%3Anew%20%C3%A4.txt";
        let file = format!("/files/{demo}/{spelled}?ref=main");
        let body = json!({ "message": "Add\n\nin two parts", "content": to_base64(b"one\n") });
        done(&calls.git(kind, "POST", &file).json(&body).send(), 200, &json!({ "path": path.replace(':', "/") }));
        let again = calls.git(kind, "POST", &file).json(&body).send();
        refused(&again, 400, "SVCSTG.REPO.0403");
        let sha = calls.good(kind, &file)["sha"].as_str().expect("a sha").to_owned();
        assert_eq!(sha, blob_sha(b"one\n"));
        // In lines, as many tools break base64.
        let body = json!({ "message": "Change", "content": "dHdv\r\nCg==\n", "sha": sha });
        done(&calls.git(kind, "PUT", &file).json(&body).send(), 200, &json!({ "path": path.replace(':', "/") }));
        let stale = calls.git(kind, "PUT", &file).json(&body).send();
        refused(&stale, 400, "SVCSTG.REPO.0400");
        assert_eq!(content(calls, kind, "docs/new ä.txt").as_deref(), Some(&b"two\n"[..]));
        let parameters = |sha: &str| [("message", "Remove\n\nfor good"), ("sha", sha)].map(|(n, v)| (n, v.to_owned()));
        let remove = |sha: &str| {
            let parameters = parameters(sha);
            let parameters: Vec<(&str, &str)> = parameters.iter().map(|(n, v)| (*n, v.as_str())).collect();
            calls.git(kind, "DELETE", &file).query(&parameters).send()
        };
        refused(&remove(&sha), 400, "SVCSTG.REPO.0400");
        done(&remove(&blob_sha(b"two\n")), 204, &Value::Null);
        refused(&remove(&blob_sha(b"two\n")), 404, "SVCSTG.REPO.0404");
        assert_eq!(content(calls, kind, "docs/new ä.txt"), None);
        // The file whose name the tree's address has can be written under it.
        let sha = calls.good(kind, &format!("/files/{demo}/%3Atrees?ref=main"))["sha"].clone();
        let body = json!({ "message": "Change", "content": to_base64(b"new\n"), "sha": sha });
        let trees = calls.git(kind, "PUT", &format!("/files/{demo}/trees?ref=main")).json(&body).send();
        done(&trees, 200, &json!({ "path": "trees" }));
    }
    let trail = calls.trail("git_repository.change");
    for kind in KINDS {
        let through = format!("through by-token-{kind}: ");
        for verb in ["create", "update", "delete"] {
            let what = format!("{through}{verb} file docs/new ä.txt on main of {}", calls.demo(kind));
            for outcome in ["asked", "done"] {
                assert!(trail.iter().any(|(told, details)| told == outcome && *details == what), "{what}: {trail:?}");
            }
        }
    }
}

#[test]
fn nothing_is_written_or_removed_where_git_keeps_its_own_and_no_host_hears_of_it() {
    on_both(|calls| {
        for kind in KINDS {
            let before = calls.fake(kind).log().len();
            for path in [".git%3Aconfig", ".GIT%2Fhooks%2Fpost-checkout", "a%3A.git%3Ab", "git~1%3Aconfig", ".git.%3Ax"]
            {
                let file = format!("/files/{}/{path}", calls.demo(kind));
                let body = json!({ "message": "m", "content": "bw==", "sha": "0".repeat(40) });
                for method in ["POST", "PUT"] {
                    let call = calls.git(kind, method, &file).query(&[("ref", "main")]).json(&body);
                    let why = refused(&call.send(), 400, "SVCSTG.REPO.0400");
                    assert!(why.contains(".git"), "{why}");
                }
                let sha = "0".repeat(40);
                let call = calls.git(kind, "DELETE", &file);
                let call = call.query(&[("ref", "main"), ("message", "m"), ("sha", &sha)]);
                refused(&call.send(), 400, "SVCSTG.REPO.0400");
            }
            assert_eq!(calls.fake(kind).log().len(), before, "{kind}: the host hears nothing of these");
        }
    });
}

#[test]
fn a_branch_that_moves_between_read_and_write_is_not_written_over() {
    on_both(|calls| {
        for kind in KINDS {
            let sha = blob_sha(b"fn main() {}\n");
            for (verb, call) in
                [("update", update(calls, kind, b"mine\n", &sha)), ("delete", delete(calls, kind, &sha))]
            {
                let (gate, line) = (Gate::default(), line(kind, verb, "src/lib.rs"));
                let fake = calls.fake(kind);
                fake.forget();
                fake.fails(&line, Fault::FrozenBefore(gate.clone()), 1);
                let theirs = format!("theirs before a {verb}\n").into_bytes();
                let (answer, before) = std::thread::scope(|scope| {
                    let under_way = scope.spawn(|| call.send());
                    wait_until(&format!("{kind} is told to {verb}"), || fake.count(&line) > 0);
                    // The host has the request and has not looked at it yet: now somebody else pushes.
                    calls.forge(kind, |forge| {
                        forge.at(&calls.demo(kind)).commit("main", "Push", &[("src/lib.rs", Some(&theirs))])
                    });
                    let before = commits(calls, kind);
                    gate.open();
                    (under_way.join().expect("an answer"), before)
                });
                refused(&answer, 400, "SVCSTG.REPO.0400");
                assert_eq!(content(calls, kind, "src/lib.rs"), Some(theirs), "{kind} {verb}");
                assert_eq!(commits(calls, kind), before, "{kind} {verb}: nothing was written");
                calls.forge(kind, |forge| {
                    forge.at(&calls.demo(kind)).commit("main", "Back", &[("src/lib.rs", Some(b"fn main() {}\n"))])
                });
            }
            // Before the host is told at all it is the same, on every kind.
            calls.forge(kind, |forge| {
                forge.at(&calls.demo(kind)).commit("main", "Push", &[("src/lib.rs", Some(b"theirs\n"))])
            });
            let before = commits(calls, kind);
            refused(&update(calls, kind, b"mine\n", &sha).send(), 400, "SVCSTG.REPO.0400");
            refused(&delete(calls, kind, &sha).send(), 400, "SVCSTG.REPO.0400");
            assert_eq!(
                (content(calls, kind, "src/lib.rs").as_deref(), commits(calls, kind)),
                (Some(&b"theirs\n"[..]), before)
            );
            // What moves another file is in nobody's way.
            let sha = blob_sha(b"theirs\n");
            calls.forge(kind, |forge| forge.at(&calls.demo(kind)).commit("main", "Push", &[("other.txt", Some(b"x"))]));
            done(&update(calls, kind, b"mine\n", &sha).send(), 200, &json!({ "path": "src/lib.rs" }));
        }
        // A host that compares nothing: what had moved before we asked is seen all the same.
        calls.forge("gitee", |forge| forge.overlooks_shas = true);
        let sha = blob_sha(b"fn main() {}\n");
        refused(&update(calls, "gitee", b"mine\n", &sha).send(), 400, "SVCSTG.REPO.0400");
        refused(&delete(calls, "gitee", &sha).send(), 400, "SVCSTG.REPO.0400");
        assert_eq!(content(calls, "gitee", "src/lib.rs").as_deref(), Some(&b"mine\n"[..]));
    });
}

#[test]
fn a_create_that_is_repeated_after_a_lost_answer_does_not_write_twice() {
    on_both(|calls| {
        for kind in KINDS {
            let (me, demo, fake) = (calls.me(kind), calls.demo(kind), calls.fake(kind));
            let of_demo = match kind {
                "github" => "POST /api/v3/repos/octocat/demo",
                "gitlab" => "POST /gitlab/api/v4/projects/lynx%2Fdemo",
                _ => "POST /api/v5/repos/cat/demo",
            };
            let (tags, projects) = match kind {
                "github" => (format!("{of_demo}/git/refs"), "POST /api/v3/user/repos"),
                "gitlab" => (format!("{of_demo}/repository/tags"), "POST /gitlab/api/v4/projects"),
                _ => (format!("{of_demo}/tags"), "POST /api/v5/user/repos"),
            };
            let hook = json!({ "secret": "s3cret-of-a-hook", "url": "https://ci.example/hook" });
            let file = json!({ "message": "Add", "content": to_base64(b"once\n") });
            for (what, line, rest, body) in [
                ("repository", projects.to_owned(), format!("/repos/{me}/projects"), json!({ "name": "made" })),
                ("tag", tags, format!("/repos/{demo}/tags?ref=main"), json!({ "name": "v2", "description": "Two" })),
                ("webhook", format!("{of_demo}/hooks"), format!("/repos/{demo}/hooks"), hook),
                ("file", self::line(kind, "create", "once.txt"), format!("/files/{demo}/once.txt?ref=main"), file),
            ] {
                fake.recovers();
                fake.fails(&line, Fault::DropAfter, 1);
                let lost = calls.git(kind, "POST", &rest).json(&body).send();
                refused(&lost, 502, "SVCSTG.REPO.0500");
                fake.forget();
                let again = calls.git(kind, "POST", &rest).json(&body).send();
                refused(&again, 400, "SVCSTG.REPO.0403");
                assert!(fake.count(&line) <= 1, "{kind} {what}: asked at most once more");
            }
            let (made, tag, hooks, times) = calls.forge(kind, |forge| {
                let made = forge.repositories.iter().filter(|r| r.name == "made").count();
                let demo = forge.at(&demo);
                let times = demo.history("main").iter().filter(|commit| commit.message == "Add").count();
                (made, demo.tags["v2"].message.clone(), demo.hooks.clone(), times)
            });
            assert_eq!((made, tag.as_deref(), hooks.len(), times), (1, Some("Two"), 1, 1), "{kind}");
            assert_eq!(
                (hooks[0].url.as_str(), hooks[0].secret.as_str()),
                ("https://ci.example/hook", "s3cret-of-a-hook")
            );
        }
    });
}

#[test]
fn repositories_tags_and_webhooks_are_made_listed_and_removed() {
    on_both(|calls| {
        for kind in KINDS {
            let (me, demo) = (calls.me(kind), calls.demo(kind));
            let mut spaces = vec![(me, "fresh-1"), ("octo-org", "fresh.2")];
            if kind == "gitee" {
                // A third kind of namespace, with a way of its own to say that a repository is private.
                calls.forge(kind, |forge| {
                    let id = forge.space(me).expect("the person's own").members[0];
                    forge.add_space("octo-works", Kind::Enterprise, &[id])
                });
                spaces.push(("octo-works", "fresh-3"));
            }
            for (space, name) in spaces {
                let made =
                    calls.git(kind, "POST", &format!("/repos/{space}/projects")).json(&json!({ "name": name })).send();
                let json = made.json();
                assert_eq!((made.status, &json["name"]), (200, &json!(name)), "{json}");
                assert_eq!(json["clone_url"], format!("{}/{space}/{name}.git", calls.web(kind)));
                let begin = format!(r#"{{"id":"{}","name":"{name}","clone_url":"#, json["id"].as_str().expect("an id"));
                assert!(made.text().starts_with(&begin), "{}", made.text());
            }
            let tags = format!("/repos/{demo}/tags?ref=feature%2Fx");
            let body = json!({ "name": "rel/2.0", "description": "Second\nline" });
            let made = calls.git(kind, "POST", &tags).json(&body).send();
            done(&made, 200, &json!({ "name": "rel/2.0" }));
            let kept = calls.forge(kind, |forge| forge.at(&demo).tags["rel/2.0"].message.clone());
            assert_eq!(kept.as_deref(), Some("Second\nline"), "{kind}: annotated");
            assert_eq!(calls.good(kind, &format!("/repos/{demo}/tags")), json!({ "tags": ["rel/2.0", "v1.0"] }));
            let gone = |name: &str| calls.git(kind, "DELETE", &format!("/repos/{demo}/tags/{name}")).send();
            match kind {
                "gitee" => {
                    let sentence = refused(&gone("v1.0"), 400, "SVCSTG.REPO.0401");
                    assert!(sentence.contains("push its deletion with git"), "{sentence}");
                }
                _ => {
                    done(&gone("rel%3A2.0"), 204, &Value::Null);
                    done(&gone("v1.0"), 204, &Value::Null);
                    assert!(refused(&gone("v1.0"), 404, "SVCSTG.REPO.0404").contains("not found"));
                    assert_eq!(calls.good(kind, &format!("/repos/{demo}/tags")), json!({ "tags": [] }));
                }
            }
            let hooks = format!("/repos/{demo}/hooks");
            let body = json!({ "secret": "s", "url": "https://ci.example/a?b=c" });
            let made = calls.git(kind, "POST", &hooks).json(&body).send();
            let id = made.json()["id"].as_str().expect("text").to_owned();
            let one = format!(r#"{{"id":"{id}","type":"{kind}","callback_url":"https://ci.example/a?b=c"}}"#);
            assert_eq!((made.status, made.text()), (200, one.clone()));
            assert_eq!(calls.read(kind, &hooks).text(), format!(r#"{{"hooks":[{one}]}}"#), "its secret is never shown");
            let remove = |id: &str| calls.git(kind, "DELETE", &format!("{hooks}/{id}")).send();
            done(&remove(&id), 204, &Value::Null);
            refused(&remove(&id), 404, "SVCSTG.REPO.0404");
            refused(&remove("one"), 404, "SVCSTG.REPO.0404");
            let trail = calls.trail("git_repository.change");
            let told = format!("through by-token-{kind}: create a webhook to ci.example in {demo}");
            assert!(trail.iter().any(|(_, details)| *details == told), "{trail:?}");
        }
    });
}

#[test]
fn a_change_whose_caller_hangs_up_is_finished_and_told_to_the_trail() {
    use std::io::Write;
    on_both(|calls| {
        let (gate, line) = (Gate::default(), "POST /api/v3/repos/octocat/demo/git/tags");
        calls.github.fails(line, Fault::FrozenAfter(gate.clone()), 1);
        let body = json!({ "name": "v7", "description": "Seven" }).to_string();
        let mut stream = crate::harness::http::connect(calls.server.url.trim_start_matches("http://")).expect("a line");
        let head = format!(
            "POST /v1/{}/git/repos/octocat/demo/tags?ref=main HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\n\
             X-Repo-Auth: by-token-github\r\nContent-Length: {}\r\n\r\n{body}",
            calls.project,
            calls.token,
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("is sent");
        wait_until("the host is asked", || calls.github.count(line) == 1);
        // The tag's object is there, the reference to it is not: whoever asked leaves.
        drop(stream);
        std::thread::sleep(Duration::from_millis(300));
        gate.open();
        wait_until("the reference is made", || {
            calls.github.forge(|forge| forge.at("octocat/demo").tags.contains_key("v7"))
        });
        let told = |outcome: &str| {
            let trail = calls.trail("git_repository.change");
            trail.iter().any(|(said, details)| said == outcome && details.ends_with("create tag v7 in octocat/demo"))
        };
        wait_until("the trail says that it was done", || told("asked") && told("done"));
        // What a host says no to, and what nobody knows of.
        let again = calls.git("github", "POST", "/repos/octocat/demo/tags?ref=main");
        let body = json!({ "name": "v7", "description": "Seven" });
        refused(&again.clone().json(&body).send(), 400, "SVCSTG.REPO.0403");
        calls.github.fails(line, Fault::DropAfter, 1);
        refused(&again.json(&json!({ "name": "v8", "description": "x" })).send(), 502, "SVCSTG.REPO.0500");
        assert!(told("refused"));
        let trail = calls.trail("git_repository.change");
        assert!(trail.iter().any(|(said, details)| said == "unknown" && details.contains("v8")), "{trail:?}");
    });
}
