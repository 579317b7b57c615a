//! What is Gitee's alone: whose a namespace is decides where its repositories are listed and made.

use crate::every_host::place;
use crate::player::{Host, folder, recorded, reply, run};
use std::fs;
use vestibule_githost::answers::ProjectItem;
use vestibule_githost::host::Change;
use vestibule_githost::names::{BlobSha, Content, FilePath, Message, Namespace, NewName, Ref};
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::reply::Reply;

fn gitee() -> Host {
    Host::new("gitee", "https://gitee.com")
}

fn create(namespace: &str, file: &str) -> Result<ProjectItem, Refusal> {
    let (host, name) = (gitee(), NewName::parse("demo").unwrap());
    host.play(file, host.kind.create_project(&host.visit(), &Namespace::parse(namespace).unwrap(), &name))
}

#[test]
fn a_project_is_made_private_in_a_group_and_in_an_enterprise() {
    // Each file holds what is sent: `true` to a group, 0 to an enterprise, where `true` would be 1 and open source.
    assert_eq!(create("octo-org", "create_project_of_group").unwrap().clone_url, "https://gitee.com/octo-org/demo.git");
    let made = create("8", "create_project_of_enterprise").unwrap();
    assert_eq!(made.clone_url, "https://gitee.com/octo-works/demo.git");
}

#[test]
fn a_project_that_was_made_for_all_to_read_does_not_pass_for_a_private_one() {
    let refusal = create("octo-works", "create_project_not_private").unwrap_err();
    assert_eq!(refusal.why, Why::HostBroken { retry_after: None });
    assert!(refusal.reason.contains("not a private one"), "{}", refusal.reason);
}

#[test]
fn another_persons_namespace_is_not_taken_for_ones_own() {
    assert_eq!(create("dog", "create_project_of_another").unwrap_err().why, Why::Forbidden);
}

#[test]
fn a_change_that_gitee_itself_finds_stale_is_stale() {
    let host = gitee();
    let change = Change {
        path: FilePath::parse("src/lib.rs").unwrap(),
        branch: Ref::parse("main").unwrap(),
        message: Message::parse("m").unwrap(),
    };
    let file = &recorded("gitee", "update_file").unwrap()[0]["reply"];
    let sha = BlobSha::parse(file["body"]["sha"].as_str().unwrap()).unwrap();
    let writes = [
        host.kind.update_file(&host.visit(), &place("a", "b"), &change, &Content::parse("bmV3Cg==").unwrap(), &sha),
        host.kind.delete_file(&host.visit(), &place("a", "b"), &change, &sha),
    ];
    for write in writes {
        let outcome = run(write, |request| match request.method().name() {
            "GET" => reply(file),
            _ => Reply::new(409, Vec::new(), b"{\"message\":\"no\"}".to_vec()),
        });
        assert_eq!(outcome.unwrap_err().why, Why::Stale);
    }
}

#[test]
fn a_message_that_an_address_cannot_hold_is_refused_before_anything_is_sent() {
    let host = gitee();
    let sha = BlobSha::parse(&"0".repeat(40)).unwrap();
    for (bytes, is_sent) in [(2 << 10, true), ((2 << 10) + 1, false)] {
        let change = Change {
            path: FilePath::parse("a").unwrap(),
            branch: Ref::parse("main").unwrap(),
            message: Message::parse(&"m".repeat(bytes)).unwrap(),
        };
        let mut asked = 0;
        let outcome = run(host.kind.delete_file(&host.visit(), &place("a", "b"), &change, &sha), |_| {
            asked += 1;
            Reply::new(404, Vec::new(), b"{}".to_vec())
        });
        let why = if is_sent { Why::NotFound } else { Why::Invalid };
        assert_eq!((asked > 0, outcome.unwrap_err().why), (is_sent, why));
    }
}

#[test]
fn each_request_to_gitee_is_one_that_its_description_has() {
    let operations = fs::read_to_string(folder().join("gitee.operations.txt")).unwrap();
    let fits = |operation: &str, method: &str, path: &str| {
        let template = operation.strip_prefix(method).and_then(|rest| rest.strip_prefix(" /api/v5/")).unwrap_or("-");
        let template = template.replace("(/{path})", "/{path}");
        let (parts, given): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        // The path of a file may hold slashes, by its own description.
        let lengths = match template.ends_with("/contents/{path}") {
            true => given.len() >= parts.len(),
            false => given.len() == parts.len(),
        };
        lengths && parts.iter().zip(&given).all(|(part, segment)| part.starts_with('{') || part == segment)
    };
    let mut checked = 0;
    for entry in fs::read_dir(folder().join("gitee")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        for exchange in recorded("gitee", &name).unwrap() {
            let Some(url) = exchange["request"]["url"].as_str().and_then(|url| url.strip_prefix("{api}/")) else {
                continue;
            };
            let (path, _) = url.split_once('?').unwrap_or((url, ""));
            let method = exchange["request"]["method"].as_str().unwrap();
            assert!(operations.lines().any(|operation| fits(operation, method, path)), "{name}: {method} {path}");
            checked += 1;
        }
    }
    assert!(checked > 30 && !operations.lines().any(|operation| fits(operation, "DELETE", "repos/a/b/tags/v1")));
}
