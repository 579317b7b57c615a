//! What is GitHub's alone: what it says with one status that means many things.

use crate::every_host::place;
use crate::player::{Host, run};
use vestibule_githost::host::Change;
use vestibule_githost::names::{BlobSha, Content, FilePath, Message, Ref};
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::reply::Reply;
use vestibule_githost::wire::{Method, Request};

pub fn github() -> Host {
    Host::new("github", "https://github.com")
}

/// What an update and a deletion of a file end in when GitHub answers so; both in the same.
fn written(path: &str, status: u16, headers: &[(&str, &str)], words: &str) -> Refusal {
    let host = github();
    let change = Change {
        path: FilePath::parse(path).unwrap(),
        branch: Ref::parse("main").unwrap(),
        message: Message::parse("m").unwrap(),
    };
    let sha = BlobSha::parse(&"0".repeat(40)).unwrap();
    let (visit, place, content) = (host.visit(), place("a", "b"), Content::parse("bmV3Cg==").unwrap());
    let headers: Vec<_> = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let body = serde_json::to_vec(&serde_json::json!({ "message": words })).unwrap();
    let answer = |request: &Request| match request.method() {
        Method::Get => Reply::new(200, Vec::new(), file(sha.as_str())),
        _ => Reply::new(status, headers.clone(), body.clone()),
    };
    let updated = run(host.kind.update_file(&visit, &place, &change, &content, &sha), answer).unwrap_err();
    let deleted = run(host.kind.delete_file(&visit, &place, &change, &sha), answer).unwrap_err();
    assert_eq!(updated, deleted);
    updated
}

fn file(sha: &str) -> Vec<u8> {
    let file = serde_json::json!({ "type": "file", "encoding": "base64", "content": "b2xkCg==", "sha": sha });
    serde_json::to_vec(&file).unwrap()
}

#[test]
fn a_file_that_was_deleted_in_between_is_not_made_anew_by_an_update() {
    let (host, sha) = (github(), "0".repeat(40));
    let change = Change {
        path: FilePath::parse("a.txt").unwrap(),
        branch: Ref::parse("main").unwrap(),
        message: Message::parse("m").unwrap(),
    };
    for (status, body, why) in
        [(404, b"{\"message\":\"Not Found\"}".to_vec(), Why::NotFound), (200, file(&"1".repeat(40)), Why::Stale)]
    {
        let mut asked = Vec::new();
        let (content, sha) = (Content::parse("bmV3Cg==").unwrap(), BlobSha::parse(&sha).unwrap());
        let step = host.kind.update_file(&host.visit(), &place("a", "b"), &change, &content, &sha);
        let outcome = run(step, |request| {
            asked.push(request.method());
            Reply::new(status, Vec::new(), body.clone())
        });
        assert_eq!((asked.as_slice(), outcome.unwrap_err().why), ([Method::Get].as_slice(), why));
    }
}

#[test]
fn a_write_is_stale_only_where_github_says_that_the_file_or_the_branch_is_another_one() {
    let sha = "0".repeat(40);
    for words in [
        format!("a.txt does not match {sha}"),
        format!("is empty does not match {sha}"),
        format!("refs/heads/main expected to be at {sha}"),
        format!("is at {} but expected {sha}", "1".repeat(40)),
    ] {
        assert_eq!(written("a.txt", 409, &[], &words).why, Why::Stale, "{words}");
    }
    for words in [
        "Repository rule violations found\n\nChanges must be made through a pull request.\n\n",
        "Repository rule violations found\n\nSecret detected in content\n\n",
        "Conflict",
    ] {
        let refusal = written("a.txt", 409, &[], words);
        assert_eq!(refusal.why, Why::Forbidden, "{words}");
        assert!(refusal.reason.starts_with(&words[..8]));
    }
}

#[test]
fn a_workflow_that_a_token_has_no_scope_for_is_not_called_absent() {
    let workflow = Why::ScopeMissing { needed: Some("workflow".to_owned()) };
    let path = ".github/workflows/ci.yml";
    for status in [403, 404] {
        assert_eq!(written(path, status, &[("x-oauth-scopes", "repo, read:user")], "Not Found").why, workflow);
        for (path, scopes) in [("ci.yml", "repo"), (path, "repo, workflow"), (path, "")] {
            assert_ne!(written(path, status, &[("x-oauth-scopes", scopes)], "Not Found").why, workflow, "{path}");
        }
    }
}

#[test]
fn a_tag_in_a_repository_without_a_commit_does_not_exist_already() {
    let host = github();
    let (target, name) = (Ref::parse("main").unwrap(), Ref::parse("v1").unwrap());
    let step = host.kind.create_tag(&host.visit(), &place("a", "b"), &target, &name, &Message::parse("m").unwrap());
    let body = b"{\"message\":\"Git Repository is empty.\"}";
    let refusal = run(step, |_| Reply::new(409, Vec::new(), body.to_vec())).unwrap_err();
    assert_eq!((refusal.why, refusal.reason.as_str()), (Why::NotFound, "Git Repository is empty."));
}

#[test]
fn a_tag_is_made_of_what_the_commit_is_called_alone_or_in_its_whole_object() {
    let made = |body: String| {
        let host = github();
        let (target, name) = (Ref::parse("main").unwrap(), Ref::parse("v1").unwrap());
        let step = host.kind.create_tag(&host.visit(), &place("a", "b"), &target, &name, &Message::parse("m").unwrap());
        let mut asked = Vec::new();
        let done = run(step, |request| {
            asked.push(String::from_utf8(request.body().to_vec()).unwrap());
            match request.method() {
                Method::Get => Reply::new(200, Vec::new(), body.clone().into_bytes()),
                _ => Reply::new(201, Vec::new(), br#"{"sha":"940bd336248efae0f9ee5bc7b2d5c985887b16ac"}"#.to_vec()),
            }
        });
        (done.map_err(|refusal| refusal.why), asked)
    };
    let (short, long) = ("6dcb09b5b57875f334f61aebed695e2e4193db5e", "a".repeat(64));
    for sha in [short, &long] {
        let commit = serde_json::json!({ "node_id": "x", "sha": sha, "commit": { "tree": { "sha": "b".repeat(40) } } });
        for body in [sha.to_owned(), format!("{sha}\n"), commit.to_string()] {
            let (done, asked) = made(body);
            assert_eq!((done, asked.len()), (Ok(()), 3));
            assert!(asked[1].contains(&format!(r#""object":"{sha}""#)), "{}", asked[1]);
        }
    }
    for body in ["", "main", "{}", r#"{"sha":"main"}"#, r#"{"sha":null}"#, r#"{"commit":{"sha":"x"}}"#, "[]"] {
        let (done, asked) = made(body.to_owned());
        assert!(matches!(done, Err(Why::HostBroken { .. })) && asked.len() == 1, "{body}: {done:?}");
    }
}

#[test]
fn fm_107_the_address_of_a_single_sign_on_is_not_told() {
    let sso = [("x-github-sso", "required; url=https://github.com/orgs/o/sso?authorization_request=0NET1ME")];
    let refusal = written("a.txt", 403, &sso, "Resource protected by organization SAML enforcement.");
    assert_eq!(refusal.why, Why::Forbidden);
    assert!(refusal.reason.contains("single sign-on") && !refusal.reason.contains("0NET1ME"));
}
