//! A namespace below a namespace, as GitLab has them: by each spelling, by the id that it was given out under, on the pages.

use super::scene::{Calls, on_both};
use crate::git_auths::scene::refused;
use crate::git_browse::{start, text, walk};
use crate::githosts::forge::{Kind, blob_sha};
use serde_json::{Value, json};

/// Two namespaces below the group, which nobody is a member of by name, with a repository of one name in each.
fn nest(calls: &Calls) {
    calls.forge("gitlab", |forge| {
        for space in ["octo-org/team", "octo-org/team/deep"] {
            forge.add_space(space, Kind::Group, &[]);
            let content = format!("in {space}\n");
            let inner = forge.add(space, "inner");
            inner.commit("main", "Begin", &[("src/lib.rs", Some(content.as_bytes()))]);
            inner.commit("of/its-own", "Begin", &[("x", Some(b"x"))]);
        }
    });
}

fn names(rows: &Value) -> Vec<&str> {
    rows.as_array().expect("a list").iter().filter_map(|row| row["name"].as_str()).collect()
}

#[test]
fn a_namespace_below_a_namespace_is_found_by_each_spelling_and_by_the_id_that_it_was_given_out_under() {
    on_both(|calls| {
        nest(calls);
        let good = |rest: &str| calls.good("gitlab", rest);
        let spaces = good("/repos/namespaces")["namespaces"].clone();
        assert_eq!(names(&spaces), ["lynx", "octo-org", "octo-org/team", "octo-org/team/deep"]);
        assert_eq!(names(&good("/repos/octo-org/projects")["projects"]), ["theirs"], "and none of those below it");
        for (at, path) in [(2, "octo-org/team"), (3, "octo-org/team/deep")] {
            let id = spaces[at]["id"].as_str().expect("an id");
            let [colons, encoded] = [":", "%2F"].map(|slash| path.replace('/', slash));
            let spellings = [&colons, &encoded, &colons.replace(':', "%3A"), &colons.to_uppercase(), id];
            let mut projects = Vec::new();
            for space in spellings {
                projects.push(good(&format!("/repos/{space}/projects"))["projects"].clone());
            }
            assert_eq!(names(&projects[0]), ["inner"], "{path}");
            assert!(projects.iter().all(|rows| *rows == projects[0]), "{projects:?}");
            let (number, url) = (&projects[0][0]["id"], &projects[0][0]["clone_url"]);
            assert_eq!(*url, format!("{}/{path}/inner.git", calls.web("gitlab")));
            let host = calls.gitlab.authority.split(':').next().expect("a host");
            let wanted = json!({ "namespace_id": id, "namespace": path, "project_id": number, "project": "inner" });
            let [scp, ssh] = [format!("git@{host}:{path}/inner.git"), format!("ssh://git@{host}:22/{path}/inner")];
            for url in [url.as_str().expect("an address"), &scp, &ssh] {
                let asked = calls.git("gitlab", "GET", "/repos/project-info").query(&[("clone_url", url)]).send();
                assert_eq!(asked.json(), wanted, "{url}: {}", asked.text());
            }
            let number = number.as_str().expect("an id");
            let whole = format!("{colons}:inner");
            for project in ["inner", number, &whole] {
                for space in spellings {
                    let branches = good(&format!("/repos/{space}/{project}/branches"));
                    assert_eq!(branches, json!({ "branches": ["main", "of/its-own"] }), "{space}/{project}");
                    let file = good(&format!("/files/{space}/{project}/src%3Alib.rs?ref=main"));
                    let content = format!("in {path}\n");
                    assert_eq!(file["sha"], blob_sha(content.as_bytes()), "{space}/{project}");
                }
            }
        }
        // A name below another namespace, and a part of a path, are not it.
        for rest in ["octo-org/inner", "team/inner", "team:deep/inner", "octo-org:team:inner/inner"] {
            refused(&calls.read("gitlab", &format!("/repos/{rest}/branches")), 404, "SVCSTG.REPO.0404");
        }
        for kind in ["github", "gitee"] {
            let rest = "/repos/octo-org:team/inner/branches";
            refused(&calls.read(kind, rest), 404, "SVCSTG.REPO.0404");
        }
    });
}

#[test]
fn a_repository_is_made_in_a_namespace_below_a_namespace() {
    on_both(|calls| {
        nest(calls);
        let spaces = calls.good("gitlab", "/repos/namespaces")["namespaces"].clone();
        let id = spaces[2]["id"].as_str().expect("an id");
        for (name, space) in [("by-colon", "octo-org:team"), ("by-slash", "octo-org%2Fteam"), ("by-id", id)] {
            let body = json!({ "name": name });
            let made = calls.git("gitlab", "POST", &format!("/repos/{space}/projects")).json(&body).send();
            assert_eq!(made.status, 200, "{space}: {}", made.text());
            let url = format!("{}/octo-org/team/{name}.git", calls.web("gitlab"));
            assert_eq!(made.json()["clone_url"], url);
            let at = calls.forge("gitlab", |forge| forge.at(&format!("octo-org/team/{name}")).space.clone());
            assert_eq!(at, "octo-org/team");
            refused(
                &calls.git("gitlab", "POST", &format!("/repos/{space}/projects")).json(&body).send(),
                400,
                "SVCSTG.REPO.0403",
            );
        }
        let told = "through by-token-gitlab: create repository octo-org/team/by-colon";
        assert!(calls.trail("git_repository.change").iter().any(|(_, details)| details == told));
    });
}

#[test]
fn a_person_walks_through_a_namespace_below_a_namespace() {
    on_both(|calls| {
        nest(calls);
        let (mut visitor, start) = (calls.visitor(&calls.ada), start(calls, "gitlab"));
        for space in ["octo-org/team", "octo-org/team/deep"] {
            let page = walk(&mut visitor, &start, &[space, "inner", "main", "src/", "lib.rs"]);
            assert_eq!(text(&page, "browse-file").trim(), format!("in {space}"));
            let page = walk(&mut visitor, &start, &[space, "inner", "of/its-own"]);
            assert!(page.answer.text().contains(">x<"), "{}", page.plain());
        }
    });
}
