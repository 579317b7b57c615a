//! GitLab's repositories: groups, projects, refs, files and webhooks, after its REST pages.
//!
//! Its rules: a project is its id or its whole path in one segment; groups lie in groups; a page's follower in
//! `X-Next-Page`, and in `Link` for trees by `page_token`; a file's last commit is the precondition of a change, which the
//! call that deletes files drops unread and the commits call does not; webhooks may be doubled.

use super::super::fake::value;
use super::super::forge::{
    Commit, Entry, Forge, Hook, Kind, Repository, SUBMODULE, Space, Tag, from_base64, segments, to_base64,
};
use super::{Asked, Person, Said, failure};
use serde_json::{Value, json};

/// What is there.
#[derive(Default)]
pub struct Repositories {
    pub forge: Forge,
}

impl Repositories {
    /// Answers `what` (below `api/v4/`, as it was sent) to this person.
    pub fn answer(&mut self, url: &str, what: &str, asked: &Asked, person: &Person) -> Said {
        let (forge, path) = (&mut self.forge, segments(what));
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        // What is inherited from a group above counts, but in the list of all namespaces it is left out.
        let is_named = |s: &Space| s.members.contains(&person.id);
        let is_member = |s: &Space| forge.takes_part(person.id, s);
        match (asked.method.as_str(), &path[..]) {
            ("GET", ["namespaces"]) => {
                let items = forge.spaces.iter().filter(|s| is_named(s)).map(|s| namespace(forge, url, s)).collect();
                page(forge, url, asked, items)
            }
            ("GET", ["groups"]) => {
                let groups = forge.spaces.iter().filter(|s| s.kind == Kind::Group && is_member(s));
                let items = groups.map(|s| namespace(forge, url, s)).collect();
                page(forge, url, asked, items)
            }
            ("GET", ["namespaces", named]) => match forge.space(named).filter(|s| is_member(s)) {
                Some(space) => Said::json(200, &namespace(forge, url, space)),
                None => failure(404, "404 Namespace Not Found"),
            },
            ("GET", ["groups", named, "projects"]) => {
                match forge.space(named).filter(|s| s.kind == Kind::Group && is_member(s)) {
                    Some(space) => of_space(forge, url, asked, &space.path),
                    None => failure(404, "404 Group Not Found"),
                }
            }
            ("GET", ["users", named, "projects"]) => {
                match forge.space(named).filter(|s| s.kind == Kind::Person && s.path == *named) {
                    Some(space) if is_member(space) => of_space(forge, url, asked, &space.path),
                    // Public ones only: in this world there are none.
                    Some(_) => page(forge, url, asked, Vec::new()),
                    None => failure(404, "404 User Not Found"),
                }
            }
            ("POST", ["projects"]) => create(forge, url, asked, person),
            (_, ["projects", named, rest @ ..]) => {
                let is_it = |r: &Repository| r.id.to_string() == *named || r.full_path().eq_ignore_ascii_case(named);
                match forge.seen(person.id, is_it) {
                    Some(at) => of_project(forge, at, url, asked, rest),
                    None => failure(404, "404 Project Not Found"),
                }
            }
            _ => failure(404, "404 Not Found"),
        }
    }
}

fn of_project(forge: &mut Forge, at: usize, url: &str, asked: &Asked, rest: &[&str]) -> Said {
    let project = &forge.repositories[at];
    match (asked.method.as_str(), rest) {
        ("GET", []) => Said::json(200, &shown(url, forge, project)),
        ("GET", ["repository", "branches"]) => {
            let item = |(name, sha): (&String, &String)| {
                let tip = project.resolve(sha).map(|found| commit(url, found));
                json!({
                    "name": name, "merged": false, "protected": false, "default": name == project.default_branch(),
                    "developers_can_push": false, "developers_can_merge": false, "can_push": true, "web_url": url,
                    "commit": tip,
                })
            };
            let items = project.branches.iter().map(item).collect();
            page(forge, url, asked, items)
        }
        ("GET", ["repository", "tags"]) => {
            let items = project.tags.iter().map(|(name, tag)| spell_tag(url, project, name, tag)).collect();
            page(forge, url, asked, items)
        }
        ("GET", ["repository", "tags", name]) => match project.tags.get(*name) {
            Some(tag) => Said::json(200, &spell_tag(url, project, name, tag)),
            None => failure(404, "404 Tag Not Found"),
        },
        ("POST", ["repository", "tags"]) => make_tag(&mut forge.repositories[at], url, asked),
        ("DELETE", ["repository", "tags", name]) => match forge.repositories[at].tags.remove(*name) {
            Some(_) => Said::empty(204),
            None => failure(404, "404 Tag Not Found"),
        },
        ("GET", ["repository", "commits"]) => {
            let from = value(&asked.query, "ref_name").unwrap_or(project.default_branch());
            let items: Vec<Value> = project.history(from).into_iter().map(|found| commit(url, found)).collect();
            match items.is_empty() && value(&asked.query, "ref_name").is_some() {
                true => failure(404, "404 Commit Not Found"),
                false => page(forge, url, asked, items),
            }
        }
        ("POST", ["repository", "commits"]) => act(&mut forge.repositories[at], url, asked),
        ("GET", ["hooks"]) => {
            let items = project.hooks.iter().map(|one| hook(project.id, one)).collect();
            page(forge, url, asked, items)
        }
        ("POST", ["hooks"]) => {
            let body = body(asked);
            let [to, secret] = ["url", "token"].map(|name| text(&body, name).unwrap_or_default());
            if !to.starts_with("http") {
                return failure(422, "Invalid url given");
            }
            let made = Hook { id: forge.fresh_id(), url: to, secret };
            forge.repositories[at].hooks.push(made.clone());
            Said::json(201, &hook(forge.repositories[at].id, &made))
        }
        ("DELETE", ["hooks", id]) => {
            let hooks = &mut forge.repositories[at].hooks;
            let before = hooks.len();
            hooks.retain(|one| one.id.to_string() != *id);
            if hooks.len() < before { Said::empty(204) } else { failure(404, "404 Not found") }
        }
        ("GET", ["repository", "tree"]) => tree(forge, at, url, asked),
        ("GET" | "HEAD", ["repository", "files", path]) => read(project, asked, path),
        ("POST" | "PUT" | "DELETE", ["repository", "files", path]) => write(&mut forge.repositories[at], asked, path),
        _ => failure(404, "404 Not Found"),
    }
}

/// A file with its blob and its last commit; the same facts in the headers, also without the body.
fn read(project: &Repository, asked: &Asked, path: &str) -> Said {
    let from = value(&asked.query, "ref").unwrap_or(project.default_branch());
    let Some(found) = project.resolve(from) else { return failure(404, "404 Commit Not Found") };
    let (Some(entry), Some(last)) = (found.tree.get(path), project.last_commit(from, path)) else {
        return failure(404, "404 File Not Found");
    };
    if entry.mode == SUBMODULE {
        return failure(404, "404 File Not Found");
    }
    let content = project.blob(&entry.sha).unwrap_or_default();
    let name = path.rsplit('/').next();
    let body = json!({
        "file_name": name, "file_path": path, "size": content.len(), "encoding": "base64",
        "content": to_base64(content), "content_sha256": "0".repeat(64), "ref": from, "blob_id": entry.sha,
        "commit_id": found.sha, "last_commit_id": last.sha, "execute_filemode": false,
    });
    let said = Said::json(200, &body).header("X-Gitlab-Blob-Id", &entry.sha);
    let said = said.header("X-Gitlab-Commit-Id", &found.sha).header("X-Gitlab-Last-Commit-Id", &last.sha);
    said.header("X-Gitlab-Size", &content.len().to_string())
}

/// A change of one file. `last_commit_id` counts in a PUT; a DELETE drops it unread.
fn write(project: &mut Repository, asked: &Asked, path: &str) -> Said {
    let fields = body(asked);
    let (Some(branch), Some(message)) = (text(&fields, "branch"), text(&fields, "commit_message")) else {
        return Said::json(400, &json!({ "error": "branch is missing, commit_message is missing" }));
    };
    if !project.branches.contains_key(&branch) && !project.branches.is_empty() {
        return failure(400, "You can only create or edit files when you are on a branch");
    }
    let there = project.last_commit(&branch, path).map(|found| found.sha.clone());
    let content = match asked.method.as_str() {
        "DELETE" => None,
        _ if text(&fields, "encoding").as_deref() == Some("base64") => {
            from_base64(&text(&fields, "content").unwrap_or_default())
        }
        _ => text(&fields, "content").map(String::into_bytes),
    };
    let is_stale = |given: Option<String>| given.is_some() && given != there;
    match (asked.method.as_str(), &there) {
        ("POST", Some(_)) => return failure(400, "A file with this name already exists"),
        ("PUT" | "DELETE", None) => return failure(400, "A file with this name doesn't exist"),
        ("PUT", Some(_)) if is_stale(text(&fields, "last_commit_id")) => {
            let words = "that has changed since you started editing it.";
            return failure(400, &format!("You are attempting to update a file `{path}` {words}"));
        }
        _ => {}
    }
    project.commit(&branch, &message, &[(path, content.as_deref())]);
    match asked.method.as_str() {
        "DELETE" => Said::empty(204),
        "POST" => Said::json(201, &json!({ "file_path": path, "branch": branch })),
        _ => Said::json(200, &json!({ "file_path": path, "branch": branch })),
    }
}

/// A commit of several actions, each under its own condition. Only deletions are taken here.
fn act(project: &mut Repository, url: &str, asked: &Asked) -> Said {
    let fields = body(asked);
    let (Some(branch), Some(message)) = (text(&fields, "branch"), text(&fields, "commit_message")) else {
        return Said::json(400, &json!({ "error": "branch is missing, commit_message is missing" }));
    };
    let actions = fields["actions"].as_array().cloned().unwrap_or_default();
    let mut changes = Vec::new();
    for action in &actions {
        let path = text(action, "file_path").unwrap_or_default();
        if action["action"] != "delete" {
            return Said::json(400, &json!({ "error": "actions[action] does not have a valid value" }));
        }
        let Some(last) = project.last_commit(&branch, &path) else {
            return failure(400, "A file with this name doesn't exist");
        };
        if text(action, "last_commit_id").is_some_and(|given| given != last.sha) {
            return failure(400, &format!("The file has changed since you started editing it: {path}"));
        }
        changes.push((path, None));
    }
    let changes: Vec<(&str, Option<&[u8]>)> = changes.iter().map(|(path, none)| (path.as_str(), *none)).collect();
    project.commit(&branch, &message, &changes);
    Said::json(201, &commit(url, project.tip(&branch).expect("just made")))
}

/// A tree, page by page; by `page_token` where keyset pages are asked for.
fn tree(forge: &Forge, at: usize, url: &str, asked: &Asked) -> Said {
    let project = &forge.repositories[at];
    let from = value(&asked.query, "ref").unwrap_or(project.default_branch());
    let Some(found) = project.resolve(from) else { return failure(404, "404 Tree Not Found") };
    let is_deep = value(&asked.query, "recursive").is_some_and(|deep| deep.eq_ignore_ascii_case("true"));
    let item = |(path, kind, entry): (String, &str, Entry)| {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        json!({ "id": entry.sha, "name": name, "type": kind, "path": path, "mode": entry.mode })
    };
    let all = Repository::listing(found).into_iter().filter(|(path, ..)| is_deep || !path.contains('/'));
    let items: Vec<Value> = all.map(item).collect();
    if value(&asked.query, "pagination") != Some("keyset") {
        return page(forge, url, asked, items);
    }
    let token = value(&asked.query, "page_token").unwrap_or_default();
    let begin = items.iter().position(|item| item["id"] == token).map_or(0, |at| at + 1);
    let (shown, _, pages) = forge.page(&[], 20, items[begin..].to_vec());
    let last = shown.last().and_then(|item| item["id"].as_str()).unwrap_or_default().to_owned();
    let said = Said::json(200, &Value::Array(shown));
    match pages > 1 {
        true => said.header("Link", &format!("<{url}/elsewhere?pagination=keyset&page_token={last}>; rel=\"next\"")),
        false => said,
    }
}

fn make_tag(project: &mut Repository, url: &str, asked: &Asked) -> Said {
    let fields = body(asked);
    let [name, target] = ["tag_name", "ref"].map(|name| text(&fields, name).unwrap_or_default());
    if project.tags.contains_key(&name) {
        return failure(400, &format!("Tag {name} already exists"));
    }
    let Some(found) = project.resolve(&target) else {
        return failure(400, &format!("Target {target} is invalid"));
    };
    let message = text(&fields, "message").filter(|message| !message.is_empty());
    let tag = Tag { commit: found.sha.clone(), message };
    project.tags.insert(name.clone(), tag.clone());
    Said::json(201, &spell_tag(url, project, &name, &tag))
}

fn create(forge: &mut Forge, url: &str, asked: &Asked, person: &Person) -> Said {
    let fields = body(asked);
    let id = fields["namespace_id"].as_u64();
    let own = |s: &&Space| match id {
        Some(id) => s.id == id,
        None => s.path == person.login,
    };
    let Some(space) = forge.spaces.iter().find(own).filter(|s| forge.takes_part(person.id, s)) else {
        return Said::json(400, &json!({ "message": { "namespace": ["is not valid"] } }));
    };
    let (space, name) = (space.path.clone(), text(&fields, "path").or(text(&fields, "name")).unwrap_or_default());
    if forge.repositories.iter().any(|r| r.space == space && r.name.eq_ignore_ascii_case(&name)) {
        let taken = json!(["has already been taken"]);
        let words = json!({ "project_namespace.name": taken, "name": taken, "path": taken });
        return Said::json(400, &json!({ "message": words }));
    }
    let made = forge.add(&space, &name).clone();
    let mut said = shown(url, forge, &made);
    said["visibility"] = fields["visibility"].as_str().unwrap_or("private").into();
    Said::json(201, &said)
}

/// The parameters of a request, as JSON, as a form, or in the query.
fn body(asked: &Asked) -> Value {
    let texts = |fields: Vec<(String, String)>| fields.into_iter().map(|(name, value)| (name, Value::String(value)));
    // Who deletes sends parameters in the query.
    match asked.method.as_str() {
        "DELETE" if asked.body.is_empty() => texts(asked.query.clone()).collect(),
        _ => serde_json::from_str(&asked.body).unwrap_or_else(|_| texts(asked.form()).collect()),
    }
}

fn text(fields: &Value, name: &str) -> Option<String> {
    fields[name].as_str().map(str::to_owned)
}

fn of_space(forge: &Forge, url: &str, asked: &Asked, space: &str) -> Said {
    let items = forge.repositories.iter().filter(|r| r.space == space).map(|r| shown(url, forge, r)).collect();
    page(forge, url, asked, items)
}

fn namespace(forge: &Forge, url: &str, space: &Space) -> Value {
    let Space { id, path, kind, .. } = space;
    let kind = if *kind == Kind::Person { "user" } else { "group" };
    let parent = path.rsplit_once('/').and_then(|(parent, _)| forge.space(parent)).map(|parent| parent.id);
    let name = path.rsplit('/').next();
    json!({
        "id": id, "name": name, "path": name, "kind": kind, "full_path": path, "parent_id": parent,
        "avatar_url": null, "web_url": format!("{url}/{path}"),
    })
}

fn shown(url: &str, forge: &Forge, project: &Repository) -> Value {
    let path = project.full_path();
    let space = forge.space(&project.space).map(|space| namespace(forge, url, space));
    json!({
        "id": project.id, "description": null, "name": project.name, "name_with_namespace": path,
        "path": project.name, "path_with_namespace": path, "created_at": "2026-01-02T03:04:05.000Z",
        "default_branch": project.default_branch(), "tag_list": [], "topics": [],
        "ssh_url_to_repo": format!("git@gitlab.example:{path}.git"), "http_url_to_repo": format!("{url}/{path}.git"),
        "web_url": format!("{url}/{path}"), "forks_count": 0, "star_count": 0,
        "last_activity_at": "2026-01-02T03:04:05.000Z", "namespace": space, "visibility": "private",
        "empty_repo": project.branches.is_empty(),
    })
}

fn commit(url: &str, found: &Commit) -> Value {
    json!({
        "id": found.sha, "short_id": found.sha[..8], "created_at": found.date, "parent_ids": found.parent,
        "title": found.message.lines().next(), "message": found.message, "author_name": "M",
        "author_email": "m@example.com", "authored_date": found.date, "committer_name": "M",
        "committer_email": "m@example.com", "committed_date": found.date, "trailers": {}, "web_url": url,
    })
}

fn spell_tag(url: &str, project: &Repository, name: &str, tag: &Tag) -> Value {
    let found = project.resolve(&tag.commit).map(|found| commit(url, found));
    json!({
        "name": name, "message": tag.message.clone().unwrap_or_default(), "target": tag.commit, "commit": found,
        "release": null, "protected": false, "created_at": null,
    })
}

fn hook(project: u64, one: &Hook) -> Value {
    json!({
        "id": one.id, "url": one.url, "name": "", "description": "", "project_id": project, "push_events": true,
        "push_events_branch_filter": "", "branch_filter_strategy": "wildcard", "issues_events": false,
        "merge_requests_events": false, "tag_push_events": false, "note_events": false,
        "enable_ssl_verification": true, "repository_update_events": false, "alert_status": "executable",
        "disabled_until": null, "url_variables": [], "created_at": "2026-01-02T03:04:05.000Z",
    })
}

/// One page of a list: the next one's number in a header of its own, and in `Link`.
fn page(forge: &Forge, url: &str, asked: &Asked, items: Vec<Value>) -> Said {
    let count = items.len();
    let (items, number, pages) = forge.page(&asked.query, 20, items);
    let next = if number < pages { (number + 1).to_string() } else { String::new() };
    let said = Said::json(200, &Value::Array(items)).header("X-Page", &number.to_string());
    let said = said.header("X-Total", &count.to_string()).header("X-Total-Pages", &pages.to_string());
    let said = said.header("X-Next-Page", &next);
    // The same address with another page, as GitLab's own clients follow it.
    let mut query: Vec<(&str, &str)> = asked.query.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    query.retain(|(name, _)| *name != "page");
    query.push(("page", &next));
    let origin = url.split('/').take(3).collect::<Vec<_>>().join("/");
    let link = format!("<{origin}{}?{}>; rel=\"next\"", asked.path, crate::harness::http::query(&query));
    if next.is_empty() { said } else { said.header("Link", &link) }
}
