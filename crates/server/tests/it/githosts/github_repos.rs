//! GitHub's repositories, as its REST description has them: names in addresses, `Link` between pages, the blob's sha as the
//! precondition of a write, a tag's object before its reference.
//!
//! Bodies are the examples of GitHub's own description with what a test's world has in their places.

use super::fake::{Asked, Said, value};
use super::forge::{
    Commit, Entry, Forge, Hook, Kind, LINK, Repository, SUBMODULE, Tag, from_base64, segments, to_base64,
};
use serde_json::{Value, json};

/// Who asks.
pub struct Me<'a> {
    pub id: u64,
    pub login: &'a str,
}

/// A person's page, as the host's own file spells it.
pub type Spell<'a> = &'a dyn Fn(u64) -> Option<Value>;

/// Answers a request below `/api/v3`.
pub fn answer(forge: &mut Forge, api: &str, asked: &Asked, me: &Me<'_>, person: Spell<'_>) -> Said {
    let path = segments(asked.path.strip_prefix("/api/v3").unwrap_or_default());
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = asked.method.as_str();
    match (method, &path[..]) {
        ("GET", ["user", id]) if id.parse::<u64>().is_ok() => account(forge, id.parse().unwrap_or(0), person),
        ("GET", ["users", login]) => match forge.space(login).filter(|s| s.path.eq_ignore_ascii_case(login)) {
            Some(space) => account(forge, space.id, person),
            None => missing(),
        },
        ("GET", ["user", "orgs"]) => {
            let orgs = forge.spaces.iter().filter(|s| s.kind == Kind::Group && s.members.contains(&me.id));
            let orgs = orgs.map(|s| organization(api, s.id, &s.path)).collect();
            page(forge, api, asked, orgs)
        }
        ("GET", ["user", "repos"]) => {
            let wanted = value(&asked.query, "affiliation").unwrap_or("owner,collaborator,organization_member");
            list(forge, api, asked, |r| {
                let own = r.space == me.login && wanted.contains("owner");
                own || (r.guests.contains(&me.id) && wanted.contains("collaborator"))
            })
        }
        // Public ones only: in this world there are none.
        ("GET", ["users", _, "repos"]) => page(forge, api, asked, Vec::new()),
        ("GET", ["orgs", org, "repos"]) => match is_member(forge, org, me) {
            true => list(forge, api, asked, |r| r.space.eq_ignore_ascii_case(org)),
            false => missing(),
        },
        ("POST", ["user", "repos"]) => create(forge, api, asked, me.login),
        ("POST", ["orgs", org, "repos"]) if is_member(forge, org, me) => create(forge, api, asked, org),
        ("GET", ["repositories", id]) => match forge.seen(me.id, |r| r.id.to_string() == *id) {
            Some(at) => Said::json(200, &full(api, forge, &forge.repositories[at])),
            None => missing(),
        },
        (_, ["repos", owner, name, rest @ ..]) => {
            let is_meant = |r: &Repository| r.space.eq_ignore_ascii_case(owner) && r.name.eq_ignore_ascii_case(name);
            match forge.seen(me.id, is_meant) {
                Some(at) => of_repository(forge, at, api, asked, rest),
                None => missing(),
            }
        }
        _ => missing(),
    }
}

fn is_member(forge: &Forge, org: &str, me: &Me<'_>) -> bool {
    forge.space(org).is_some_and(|s| s.kind == Kind::Group && s.members.contains(&me.id))
}

fn of_repository(forge: &mut Forge, at: usize, api: &str, asked: &Asked, rest: &[&str]) -> Said {
    let method = asked.method.as_str();
    let repository = &forge.repositories[at];
    let is_empty = repository.branches.is_empty();
    match (method, rest) {
        ("GET", []) => Said::json(200, &full(api, forge, repository)),
        ("GET", ["branches"]) => {
            let item = |(name, sha): (&String, &String)| json!({ "name": name, "commit": { "sha": sha, "url": format!("{api}/commits/{sha}") }, "protected": false });
            let items = repository.branches.iter().map(item).collect();
            page(forge, api, asked, items)
        }
        ("GET", ["tags"]) => {
            let item = |(name, tag): (&String, &Tag)| {
                let commit = json!({ "sha": tag.commit, "url": format!("{api}/commits/{}", tag.commit) });
                let (zip, tar) = (format!("{api}/zipball/{name}"), format!("{api}/tarball/{name}"));
                json!({ "name": name, "commit": commit, "zipball_url": zip, "tarball_url": tar, "node_id": "x" })
            };
            let items = repository.tags.iter().map(item).collect();
            page(forge, api, asked, items)
        }
        ("GET" | "POST" | "DELETE", ["commits", ..] | ["git", "tags" | "refs", ..]) if is_empty => {
            failure(409, "Git Repository is empty.")
        }
        ("GET", ["git", "trees", ..]) if is_empty => failure(409, "Git Repository is empty."),
        ("GET", ["commits"]) => {
            let from = value(&asked.query, "sha").unwrap_or(repository.default_branch());
            match repository.history(from) {
                none if none.is_empty() => failure(404, "Not Found"),
                history => {
                    let items = history.into_iter().map(commit).collect();
                    page(forge, api, asked, items)
                }
            }
        }
        ("GET", ["commits", named @ ..]) => match repository.resolve(&named.join("/")) {
            Some(found) if asked.header("accept") == "application/vnd.github.sha" => {
                Said::new(200, "application/vnd.github.sha; charset=utf-8", found.sha.clone())
            }
            Some(found) => Said::json(200, &commit(found)),
            None => failure(422, &format!("No commit found for SHA: {}", named.join("/"))),
        },
        ("POST", ["git", "tags"]) => make_tag_object(&mut forge.repositories[at], api, asked),
        ("POST", ["git", "refs"]) => make_reference(&mut forge.repositories[at], api, asked),
        ("DELETE", ["git", "refs", "tags", name @ ..]) => match forge.repositories[at].tags.remove(&name.join("/")) {
            Some(_) => Said::empty(204),
            None => failure(422, "Reference does not exist"),
        },
        ("GET", ["hooks"]) => {
            let items = repository.hooks.iter().map(|one| hook(api, one)).collect();
            page(forge, api, asked, items)
        }
        ("POST", ["hooks"]) => make_hook(forge, at, api, asked),
        ("DELETE", ["hooks", id]) => {
            let hooks = &mut forge.repositories[at].hooks;
            let before = hooks.len();
            hooks.retain(|one| one.id.to_string() != *id);
            if hooks.len() < before { Said::empty(204) } else { missing() }
        }
        ("GET", ["git", "trees", named @ ..]) => match repository.resolve(&named.join("/")) {
            Some(found) => tree(forge, api, found),
            None => missing(),
        },
        ("GET", ["git", "blobs", sha]) => match repository.blob(sha) {
            Some(content) => Said::json(
                200,
                &json!({
                    "sha": sha, "node_id": "x", "size": content.len(), "url": format!("{api}/git/blobs/{sha}"),
                    "content": lines(content), "encoding": "base64",
                }),
            ),
            None => missing(),
        },
        ("GET", ["contents", path @ ..]) => read(repository, api, asked, &path.join("/")),
        ("PUT" | "DELETE", ["contents", path @ ..]) => write(&mut forge.repositories[at], asked, &path.join("/")),
        _ => missing(),
    }
}

fn read(repository: &Repository, api: &str, asked: &Asked, path: &str) -> Said {
    let from = value(&asked.query, "ref").unwrap_or(repository.default_branch());
    let Some(found) = repository.resolve(from) else {
        return failure(404, &format!("No commit found for the ref {from}"));
    };
    let Some(entry) = found.tree.get(path) else {
        return if Repository::is_folder(found, path) { Said::json(200, &folder(found, api, path)) } else { missing() };
    };
    let content = repository.blob(&entry.sha).unwrap_or_default();
    Said::json(200, &contents(api, path, entry, content))
}

/// What lies at a path: the content only up to 1 MB, and nothing of a link or submodule but where it leads.
fn contents(api: &str, path: &str, entry: &Entry, content: &[u8]) -> Value {
    let at = format!("{api}/contents/{path}");
    let mut body = json!({
        "type": "file", "size": content.len(), "name": path.rsplit('/').next(), "path": path, "sha": entry.sha,
        "url": at, "git_url": at, "html_url": at, "download_url": at,
        "_links": { "git": at, "self": at, "html": at },
    });
    match entry.mode {
        LINK => (body["type"], body["target"]) = ("symlink".into(), String::from_utf8_lossy(content).into()),
        SUBMODULE => (body["type"], body["submodule_git_url"]) = ("submodule".into(), "git://elsewhere/dep.git".into()),
        _ if content.len() > 1_000_000 => (body["encoding"], body["content"]) = ("none".into(), "".into()),
        _ => (body["encoding"], body["content"]) = ("base64".into(), lines(content).into()),
    }
    body
}

/// A folder's own page: what lies right below it.
fn folder(found: &Commit, api: &str, path: &str) -> Value {
    let inside = found.tree.iter().filter(|(other, _)| other.strip_prefix(path).is_some_and(|r| r.starts_with('/')));
    let item = |(other, entry): (&String, &Entry)| {
        let mut body = contents(api, other, entry, b"");
        body.as_object_mut().map(|body| (body.remove("encoding"), body.remove("content")));
        body
    };
    inside.map(item).collect()
}

fn write(repository: &mut Repository, asked: &Asked, path: &str) -> Said {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let branch = text("branch").unwrap_or_else(|| repository.default_branch().to_owned());
    if !repository.branches.contains_key(&branch) && !repository.branches.is_empty() {
        return failure(404, &format!("Branch {branch} not found"));
    }
    let Some(message) = text("message") else {
        return failure(422, "Invalid request.\n\n\"message\" wasn't supplied.");
    };
    let there = repository.tip(&branch).and_then(|found| found.tree.get(path)).map(|entry| entry.sha.clone());
    match (&there, text("sha")) {
        (Some(there), Some(given)) if *there != given => {
            return failure(409, &format!("{path} does not match {given}"));
        }
        (Some(_), None) => return failure(422, "Invalid request.\n\n\"sha\" wasn't supplied."),
        (None, _) if asked.method == "DELETE" => return missing(),
        _ => {}
    }
    let content = match asked.method.as_str() {
        "DELETE" => None,
        _ => match text("content").and_then(|content| from_base64(&content)) {
            Some(content) => Some(content),
            None => return failure(422, "content is not valid Base64"),
        },
    };
    let sha = repository.commit(&branch, &message, &[(path, content.as_deref())]);
    let mut body = example(WRITTEN)["commit"].clone();
    (body["sha"], body["message"]) = (sha.into(), message.into());
    let entry = repository.tip(&branch).and_then(|found| found.tree.get(path)).cloned();
    let shown = entry.map(|entry| {
        let mut shown = contents("", path, &entry, content.as_deref().unwrap_or_default());
        shown.as_object_mut().map(|shown| (shown.remove("encoding"), shown.remove("content")));
        shown
    });
    let status = if there.is_none() { 201 } else { 200 };
    Said::json(status, &json!({ "content": shown, "commit": body }))
}

fn make_tag_object(repository: &mut Repository, api: &str, asked: &Asked) -> Said {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let [name, message, object] = ["tag", "message", "object"].map(|n| body[n].as_str().unwrap_or_default().to_owned());
    if body["type"] != "commit" || repository.resolve(&object).is_none() {
        return failure(422, "Object does not exist");
    }
    let sha = repository.keep_tag_object(Tag { commit: object.clone(), message: Some(message.clone()) });
    let mut said = example(TAG_OBJECT);
    (said["sha"], said["tag"], said["message"]) = (sha.into(), name.into(), message.into());
    (said["object"]["sha"], said["url"]) = (object.into(), format!("{api}/git/tags").into());
    Said::json(201, &said)
}

fn make_reference(repository: &mut Repository, api: &str, asked: &Asked) -> Said {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let [reference, sha] = ["ref", "sha"].map(|name| body[name].as_str().unwrap_or_default().to_owned());
    let Some(name) = reference.strip_prefix("refs/tags/") else { return failure(422, "Reference name is invalid") };
    if repository.tags.contains_key(name) {
        return failure(422, "Reference already exists");
    }
    let light = repository.resolve(&sha).map(|found| Tag { commit: found.sha.clone(), message: None });
    let Some(tag) = repository.tag_object(&sha).or(light) else { return failure(422, "Object does not exist") };
    repository.tags.insert(name.to_owned(), tag);
    let object = json!({ "type": "tag", "sha": sha, "url": format!("{api}/git/tags/{sha}") });
    Said::json(
        201,
        &json!({ "ref": reference, "node_id": "x", "url": format!("{api}/git/{reference}"), "object": object }),
    )
}

fn make_hook(forge: &mut Forge, at: usize, api: &str, asked: &Asked) -> Said {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let [url, secret] = ["url", "secret"].map(|name| body["config"][name].as_str().unwrap_or_default().to_owned());
    if url.is_empty() {
        return invalid("Hook", "url", "missing_field", "");
    }
    if forge.repositories[at].hooks.iter().any(|one| one.url == url) {
        return invalid("Hook", "", "custom", "Hook already exists on this repository");
    }
    let made = Hook { id: forge.fresh_id(), url, secret };
    forge.repositories[at].hooks.push(made.clone());
    Said::json(201, &hook(api, &made))
}

fn create(forge: &mut Forge, api: &str, asked: &Asked, space: &str) -> Said {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let name = body["name"].as_str().unwrap_or_default();
    let taken = |r: &Repository| r.space.eq_ignore_ascii_case(space) && r.name.eq_ignore_ascii_case(name);
    if forge.repositories.iter().any(taken) {
        let words = "name already exists on this account";
        return Said::json(
            422,
            &json!({
                "message": "Repository creation failed.", "documentation_url": "https://docs.github.com/rest",
                "errors": [{ "resource": "Repository", "code": "custom", "field": "name", "message": words }],
            }),
        );
    }
    let space = forge.space(space).map_or_else(|| space.to_owned(), |s| s.path.clone());
    let made = forge.add(&space, name).clone();
    let mut said = full(api, forge, &made);
    said["private"] = body["private"].as_bool().unwrap_or(false).into();
    Said::json(201, &said)
}

fn account(forge: &Forge, id: u64, person: Spell<'_>) -> Said {
    if let Some(person) = person(id) {
        return Said::json(200, &person);
    }
    let Some(space) = forge.spaces.iter().find(|s| s.id == id && s.kind == Kind::Group) else { return missing() };
    let mut said = example(ACCOUNT);
    (said["login"], said["id"], said["type"]) = (space.path.as_str().into(), id.into(), "Organization".into());
    Said::json(200, &said)
}

fn organization(api: &str, id: u64, login: &str) -> Value {
    let mut said = example(NAMESPACES)[0].clone();
    (said["login"], said["id"], said["url"]) = (login.into(), id.into(), format!("{api}/orgs/{login}").into());
    said
}

/// A repository as lists have it.
fn minimal(api: &str, forge: &Forge, repository: &Repository) -> Value {
    let mut said = dressed(example(PROJECTS)[0].clone(), api, forge, repository);
    said["license"] = Value::Null;
    said
}

/// A repository's own page, which has some of what lists have not.
fn full(api: &str, forge: &Forge, repository: &Repository) -> Value {
    let mut said = dressed(example(PROJECT), api, forge, repository);
    (said["license"], said["subscribers_count"], said["network_count"]) = (Value::Null, 1.into(), 0.into());
    said
}

fn dressed(mut said: Value, api: &str, forge: &Forge, repository: &Repository) -> Value {
    let web = api.trim_end_matches("/api/v3");
    let path = repository.full_path();
    (said["id"], said["name"], said["full_name"]) =
        (repository.id.into(), repository.name.clone().into(), path.clone().into());
    (said["private"], said["clone_url"]) = (true.into(), format!("{web}/{path}.git").into());
    let owner = forge.space(&repository.space).map_or(0, |s| s.id);
    (said["owner"]["login"], said["owner"]["id"]) = (repository.space.clone().into(), owner.into());
    said["default_branch"] = repository.default_branch().into();
    // What stands in the examples and not in the descriptions of every list and page.
    let members = said.as_object_mut().expect("an object");
    members.retain(|name, _| !UNDESCRIBED.contains(&name.as_str()));
    said
}

const UNDESCRIBED: [&str; 10] = [
    "template_repository",
    "parent",
    "source",
    "subscribers_count",
    "network_count",
    "license",
    "allow_rebase_merge",
    "allow_squash_merge",
    "allow_auto_merge",
    "allow_merge_commit",
];

fn list(forge: &Forge, api: &str, asked: &Asked, wanted: impl Fn(&Repository) -> bool) -> Said {
    let items = forge.repositories.iter().filter(|r| wanted(r)).map(|r| minimal(api, forge, r)).collect();
    page(forge, api, asked, items)
}

fn tree(forge: &Forge, api: &str, found: &Commit) -> Said {
    let item = |(path, kind, entry): (String, &str, Entry)| json!({ "path": path, "mode": entry.mode, "type": kind, "sha": entry.sha, "url": format!("{api}/git") });
    let mut items: Vec<Value> = Repository::listing(found).into_iter().map(item).collect();
    // GitHub's bound is 100,000; a test's host may have a lower one.
    let most = if forge.most_per_page == 0 { 100_000 } else { forge.most_per_page };
    let truncated = items.len() > most;
    items.truncate(most);
    Said::json(200, &json!({ "sha": found.sha, "url": format!("{api}/trees"), "tree": items, "truncated": truncated }))
}

fn commit(found: &Commit) -> Value {
    let mut said = example(COMMITS)[0].clone();
    (said["sha"], said["commit"]["message"]) = (found.sha.clone().into(), found.message.clone().into());
    said["commit"]["author"]["date"] = found.date.clone().into();
    said
}

fn hook(api: &str, one: &Hook) -> Value {
    let mut said = example(HOOKS)[0].clone();
    (said["id"], said["config"]["url"]) = (one.id.into(), one.url.clone().into());
    (said["events"], said["url"]) = (json!(["push"]), format!("{api}/hooks/{}", one.id).into());
    said
}

/// A page, and the way to the next one in `Link`.
fn page(forge: &Forge, api: &str, asked: &Asked, items: Vec<Value>) -> Said {
    let (items, number, pages) = forge.page(&asked.query, 30, items);
    let said = Said::json(200, &Value::Array(items));
    let link = |page: usize, rel: &str| format!("<{api}/elsewhere?page={page}>; rel=\"{rel}\"");
    match number < pages {
        true => said.header("Link", &format!("{}, {}", link(number + 1, "next"), link(pages, "last"))),
        false => said,
    }
}

/// Base64 in lines, as GitHub sends it.
fn lines(content: &[u8]) -> String {
    let text = to_base64(content);
    let mut said = String::new();
    for line in text.as_bytes().chunks(60) {
        said.push_str(&String::from_utf8_lossy(line));
        said.push('\n');
    }
    said
}

fn missing() -> Said {
    failure(404, "Not Found")
}

pub fn failure(status: u16, words: &str) -> Said {
    let mut body = json!({ "message": words, "documentation_url": "https://docs.github.com/rest" });
    if status != 422 {
        body["status"] = status.to_string().into();
    }
    Said::json(status, &body)
}

fn invalid(resource: &str, field: &str, code: &str, words: &str) -> Said {
    let error = json!({ "resource": resource, "field": field, "code": code, "message": words });
    let body = json!({
        "message": "Validation Failed", "errors": [error], "documentation_url": "https://docs.github.com/rest",
    });
    Said::json(422, &body)
}

/// The body of an example, by its file and its place there.
fn example((text, at): (&str, usize)) -> Value {
    let exchanges: Value = serde_json::from_str(text).expect("an example");
    exchanges[at]["reply"]["body"].clone()
}

macro_rules! replies {
    ($name:literal) => {
        include_str!(concat!("../../../../githost/tests/replies/github/", $name, ".json"))
    };
}

const ACCOUNT: (&str, usize) = (replies!("projects"), 0);
const NAMESPACES: (&str, usize) = (replies!("namespaces"), 1);
const PROJECTS: (&str, usize) = (replies!("projects"), 2);
const PROJECT: (&str, usize) = (replies!("project_info"), 0);
const COMMITS: (&str, usize) = (replies!("commits"), 0);
const HOOKS: (&str, usize) = (replies!("hooks"), 0);
const TAG_OBJECT: (&str, usize) = (replies!("create_tag"), 1);
const WRITTEN: (&str, usize) = (replies!("update_file"), 0);
