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

#[test]
fn a_number_is_an_id_before_it_is_a_name_so_that_nobody_takes_anothers_id_for_a_name() {
    const NAMED: &str = r#"{"id":9,"path":"5","http_url_to_repo":"u","namespace":{"id":7,"full_path":"a"}}"#;
    let gitlab = Host::new("gitlab", "https://gitlab.com");
    let known = [("/projects/5", PROJECT), ("/projects/a%2F5", NAMED), ("/projects/5/repository/branches", "[]")];
    let (asked, outcome) = ask(&gitlab, gitlab.kind.branches(&gitlab.visit(), &place("a", "5")), &known);
    assert!(outcome.is_ok() && asked == ["/projects/5", "/projects/5/repository/branches"], "{asked:?}");

    let github = Host::new("github", "https://github.com");
    let by_id = r#"{"id":5,"name":"b","clone_url":"u","owner":{"id":7,"login":"A"}}"#;
    let known = [("/repositories/5", by_id), ("/repos/a/5", by_id), ("/repos/a/b/branches", "[]")];
    let (asked, outcome) = ask(&github, github.kind.branches(&github.visit(), &place("a", "5")), &known);
    assert!(outcome.is_ok() && asked == ["/repositories/5", "/repos/a/b/branches"], "{asked:?}");

    let gitee = Host::new("gitee", "https://gitee.com");
    let list = r#"[{"id":9,"path":"5","html_url":"u","namespace":{"id":7,"path":"a"}},
        {"id":5,"path":"b","html_url":"u","namespace":{"id":7,"path":"a"}}]"#;
    let known =
        [("/user/namespaces", "[]"), ("/users/a/repos", list), ("/user/repos", "[]"), ("/repos/a/b/branches", "[]")];
    let (asked, outcome) = ask(&gitee, gitee.kind.branches(&gitee.visit(), &place("a", "5")), &known);
    assert!(outcome.is_ok() && asked.last().is_some_and(|path| path == "/repos/a/b/branches"), "{asked:?}");
}

#[test]
fn a_repository_whose_name_is_a_number_is_found_where_the_number_is_no_id_of_its_namespace() {
    let elsewhere = [
        r#"{"id":2024,"path":"x","name":"x","clone_url":"u","html_url":"u","http_url_to_repo":"u","owner":{"id":1,"login":"z"},"#,
        r#""namespace":{"id":1,"full_path":"z","path":"z"}}"#,
    ]
    .concat();
    let own = elsewhere.replace("2024", "9").replace("\"z\"", "\"a\"");
    let list = format!("[{own}]");
    for (host, branches) in [
        (Host::new("github", "https://github.com"), "/repos/a/2024/branches"),
        (Host::new("gitlab", "https://gitlab.com"), "/projects/a%2F2024/repository/branches"),
        (Host::new("gitee", "https://gitee.com"), "/repos/a/2024/branches"),
    ] {
        let lists = [("/user/namespaces", "[]"), ("/users/a/repos", list.as_str()), ("/user/repos", "[]")];
        let known: Vec<_> =
            lists.into_iter().chain([(branches, "[{\"name\":\"main\"}]"), ("/repos/a/2024", &own)]).collect();
        // Somebody else's project has that id; and: there is none that the token sees.
        for by_id in [Some(("/projects/2024", "/repositories/2024")), None] {
            let others = by_id.into_iter().flat_map(|(one, other)| [(one, elsewhere.as_str()), (other, &elsewhere)]);
            let known: Vec<_> = known.iter().copied().chain(others).collect();
            let (_, outcome) = ask(&host, host.kind.branches(&host.visit(), &place("a", "2024")), &known);
            assert_eq!(outcome.unwrap().items, ["main"], "{}", host.name());
        }
    }
}
