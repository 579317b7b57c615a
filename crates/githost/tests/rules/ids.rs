//! Ids that we gave out lead back to what they were given out for, also where a namespace cannot be looked up.

use crate::every_host::place;
use crate::player::{Host, run};
use vestibule_githost::names::Namespace;
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::reply::Reply;

/// A host that knows these addresses of its API, each with the body of its answer, and answers 404 to all others.
fn ask<T: 'static>(
    host: &Host,
    step: vestibule_githost::errand::Step<T>,
    known: &[(&str, &str)],
) -> (Vec<String>, Result<T, Refusal>) {
    let mut asked = Vec::new();
    let outcome = run(step, |request| {
        let url = request.url().strip_prefix(host.site.api().as_str()).unwrap();
        let path = url.split('?').next().unwrap().to_owned();
        let found = known.iter().find(|(address, _)| *address == path).map(|(_, body)| *body);
        asked.push(path);
        let status = if found.is_some() { 200 } else { 404 };
        Reply::new(status, Vec::new(), found.unwrap_or("{\"message\":\"no\"}").as_bytes().to_vec())
    });
    (asked, outcome)
}

const PROJECT: &str =
    r#"{"id":5,"path":"b","http_url_to_repo":"https://g/a/b.git","namespace":{"id":7,"full_path":"a"}}"#;

#[test]
fn a_project_of_gitlab_is_found_by_both_ids_though_its_namespace_cannot_be_looked_up() {
    let host = Host::new("gitlab", "https://gitlab.com");
    let known = [("/projects/5", PROJECT), ("/projects/5/repository/branches", "[{\"name\":\"main\"}]")];
    let (asked, outcome) = ask(&host, host.kind.branches(&host.visit(), &place("7", "5")), &known);
    assert_eq!((asked.len(), outcome.unwrap().items), (2, vec!["main".to_owned()]));
    // The id of a project of another namespace leads nowhere.
    let (_, outcome) = ask(&host, host.kind.branches(&host.visit(), &place("8", "5")), &known);
    assert_eq!(outcome.unwrap_err().why, Why::NotFound);
}

#[test]
fn projects_of_gitlab_are_listed_of_a_namespace_that_cannot_be_looked_up() {
    let host = Host::new("gitlab", "https://gitlab.com");
    let list = format!("[{PROJECT}]");
    for (name, address, found) in [
        ("a", "/groups/a/projects", true),
        ("a", "/users/a/projects", true),
        ("7", "/groups/7/projects", true),
        ("7", "/users/7/projects", false),
    ] {
        let step = host.kind.projects(&host.visit(), &Namespace::parse(name).unwrap());
        let (_, outcome) = ask(&host, step, &[(address, &list)]);
        assert_eq!(outcome.is_ok_and(|listing| listing.items[0].id == "5"), found, "{address}");
    }
}

#[test]
fn a_login_of_digits_at_github_is_found_where_it_is_no_id() {
    let host = Host::new("github", "https://github.com");
    let branches = ("/repos/2024/b/branches", "[{\"name\":\"main\"}]");
    let by_name = ("/users/2024", "{\"id\":9,\"login\":\"2024\"}");
    let (_, outcome) = ask(&host, host.kind.branches(&host.visit(), &place("2024", "b")), &[by_name, branches]);
    assert_eq!(outcome.unwrap().items, ["main"]);
    let by_id = ("/user/2024", "{\"id\":2024,\"login\":\"cat\"}");
    let known = [by_id, by_name, ("/repos/cat/b/branches", "[]"), branches];
    let (asked, _) = ask(&host, host.kind.branches(&host.visit(), &place("2024", "b")), &known);
    assert_eq!(asked, ["/user/2024", "/repos/cat/b/branches"]);
}

#[test]
fn an_id_that_is_not_among_the_repositories_that_are_looked_through_is_not_called_absent() {
    for host in [Host::new("github", "https://github.com"), Host::new("gitee", "https://gitee.com")] {
        let step = host.kind.branches(&host.visit(), &place("a", "5"));
        let outcome = run(step, |request| {
            let body = match request.url().strip_prefix(host.site.api().as_str()).unwrap() {
                "/users/a" => r#"{"id":1,"login":"a","type":"Organization"}"#,
                "/user/namespaces?mode=all" => "[]",
                url if url.contains("/repos?") => {
                    r#"[{"id":1,"name":"x","path":"x","clone_url":"u","html_url":"u","owner":{"id":1,"login":"a"},"namespace":{"id":1,"path":"a"}}]"#
                }
                _ => return Reply::new(404, Vec::new(), b"{}".to_vec()),
            };
            let next = [("link", "<x>; rel=\"next\""), ("total_page", "99")];
            let next = next.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            Reply::new(200, next, body.as_bytes().to_vec())
        });
        assert_eq!(outcome.unwrap_err().why, Why::TooLarge, "{}", host.name());
    }
}
