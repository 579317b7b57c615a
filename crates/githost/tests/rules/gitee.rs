//! What is Gitee's alone: whose a namespace is decides where its repositories are listed and made.

use crate::player::Host;
use vestibule_githost::answers::ProjectItem;
use vestibule_githost::names::{Namespace, NewName};
use vestibule_githost::refusal::{Refusal, Why};

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
    let host = gitee();
    let step = host.kind.projects(&host.visit(), &Namespace::parse("9").unwrap());
    let listing = host.play("projects_of_another", step).unwrap();
    let urls: Vec<_> = listing.items.iter().map(|item| item.clone_url.as_str()).collect();
    assert_eq!(urls, ["https://gitee.com/dog/Hello-World.git"]);
}
