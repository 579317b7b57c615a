//! What is GitHub's alone: what it says with one status that means many things.

use crate::every_host::place;
use crate::player::{Host, run};
use vestibule_githost::host::Change;
use vestibule_githost::names::{BlobSha, Content, FilePath, Message, Ref};
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::reply::Reply;

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
    let answer = |_: &_| Reply::new(status, headers.clone(), body.clone());
    let updated = run(host.kind.update_file(&visit, &place, &change, &content, &sha), answer).unwrap_err();
    let deleted = run(host.kind.delete_file(&visit, &place, &change, &sha), answer).unwrap_err();
    assert_eq!(updated, deleted);
    updated
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
fn fm_107_the_address_of_a_single_sign_on_is_not_told() {
    let sso = [("x-github-sso", "required; url=https://github.com/orgs/o/sso?authorization_request=0NET1ME")];
    let refusal = written("a.txt", 403, &sso, "Resource protected by organization SAML enforcement.");
    assert_eq!(refusal.why, Why::Forbidden);
    assert!(refusal.reason.contains("single sign-on") && !refusal.reason.contains("0NET1ME"));
}
