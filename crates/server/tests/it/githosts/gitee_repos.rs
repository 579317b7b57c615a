//! Gitee's repositories, as its v5 description has them: addresses and shapes after GitHub's, parameters in query, form or
//! JSON, `total_page` beside each list, POST for a new file and PUT for a changed one, no way to delete a tag.

use super::fake::{Asked, Said, value};
use super::forge::{
    Commit, Entry, Forge, Hook, Kind, LINK, Repository, SUBMODULE, Space, Tag, from_base64, segments, to_base64,
};
use serde_json::{Value, json};

/// Who asks, and what they may.
pub struct Me<'a> {
    pub id: u64,
    pub login: &'a str,
    pub scopes: &'a [String],
}

impl Me<'_> {
    fn lacks(&self, needed: &str) -> bool {
        !self.scopes.iter().any(|scope| scope == needed)
    }
}

/// Answers a request below `/api/v5`.
pub fn answer(forge: &mut Forge, url: &str, asked: &Asked, me: &Me<'_>) -> Said {
    let path = segments(asked.path.strip_prefix("/api/v5").unwrap_or_default());
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let needed = match &path[..] {
        ["user", "namespaces"] => "user_info",
        [.., "hooks"] | [.., "hooks", _] => "hook",
        ["orgs", ..] => "groups",
        ["enterprises", ..] => "enterprises",
        _ => "projects",
    };
    if me.lacks(needed) {
        return failure(403, &format!("403 Forbidden: the token lacks the scope {needed}"));
    }
    match (asked.method.as_str(), &path[..]) {
        ("GET", ["user", "namespaces"]) => {
            let wanted = |s: &&Space| s.members.contains(&me.id);
            let order = |s: &&Space| (s.kind != Kind::Person, s.id);
            let mut spaces: Vec<&Space> = forge.spaces.iter().filter(wanted).collect();
            spaces.sort_by_key(order);
            Said::json(200, &spaces.into_iter().map(|space| namespace(url, space)).collect())
        }
        ("GET", ["user", "repos"]) => {
            let is_guest = value(&asked.query, "affiliation").is_some_and(|a| a.contains("collaborator"));
            let owns = !is_guest || value(&asked.query, "affiliation").is_some_and(|a| a.contains("owner"));
            list(forge, url, asked, |r| (owns && r.space == me.login) || (is_guest && r.guests.contains(&me.id)))
        }
        ("GET", ["orgs" | "enterprises", space, "repos"]) => list(forge, url, asked, |r| r.space == *space),
        // Public ones only: in this world there are none.
        ("GET", ["users", _, "repos"]) => page(forge, asked, Vec::new()),
        ("POST", ["user", "repos"]) => create(forge, url, asked, me.login),
        ("POST", ["orgs" | "enterprises", space, "repos"]) => create(forge, url, asked, space),
        (_, ["repos", owner, name, rest @ ..]) => {
            let is_meant = |r: &Repository| r.space.eq_ignore_ascii_case(owner) && r.name.eq_ignore_ascii_case(name);
            match forge.seen(me.id, is_meant) {
                Some(at) => of_repository(forge, at, url, asked, rest),
                None => failure(404, "404 Project Not Found"),
            }
        }
        _ => failure(404, "404 Not Found"),
    }
}

fn of_repository(forge: &mut Forge, at: usize, url: &str, asked: &Asked, rest: &[&str]) -> Said {
    let repository = &forge.repositories[at];
    match (asked.method.as_str(), rest) {
        ("GET", []) => Said::json(200, &shown(url, forge, repository)),
        ("GET", ["branches"]) => {
            let item = |(name, sha): (&String, &String)| {
                let commit = json!({ "sha": sha, "url": format!("{url}/c/{sha}") });
                json!({ "name": name, "commit": commit, "protected": false, "protection_url": url })
            };
            let items = repository.branches.iter().map(item).collect();
            page(forge, asked, items)
        }
        ("GET", ["tags"]) => {
            let item = |(name, tag): (&String, &Tag)| spell_tag(name, tag);
            let items = repository.tags.iter().map(item).collect();
            page(forge, asked, items)
        }
        ("POST", ["tags"]) => make_tag(&mut forge.repositories[at], asked),
        ("GET", ["commits"]) => {
            let from = value(&asked.query, "sha").unwrap_or(repository.default_branch());
            match repository.history(from) {
                none if none.is_empty() => failure(404, "404 Commit Not Found"),
                history => {
                    let items = history.into_iter().map(|found| commit(url, found)).collect();
                    page(forge, asked, items)
                }
            }
        }
        ("GET", ["hooks"]) => {
            let items = repository.hooks.iter().map(|one| hook(repository.id, one)).collect();
            page(forge, asked, items)
        }
        ("POST", ["hooks"]) => {
            let fields = fields(asked);
            let [to, secret] = ["url", "password"].map(|name| value(&fields, name).unwrap_or_default().to_owned());
            if to.is_empty() {
                return failure(400, "url is missing");
            }
            let made = Hook { id: forge.fresh_id(), url: to, secret };
            forge.repositories[at].hooks.push(made.clone());
            Said::json(201, &hook(forge.repositories[at].id, &made))
        }
        ("DELETE", ["hooks", id]) => {
            let hooks = &mut forge.repositories[at].hooks;
            let before = hooks.len();
            hooks.retain(|one| one.id.to_string() != *id);
            if hooks.len() < before { Said::empty(204) } else { failure(404, "404 Hook Not Found") }
        }
        ("GET", ["git", "trees", named @ ..]) => match repository.resolve(&named.join("/")) {
            Some(found) => tree(forge, url, found),
            None => failure(404, "404 Tree Not Found"),
        },
        ("GET", ["git", "blobs", sha]) => match repository.blob(sha) {
            Some(content) => Said::json(
                200,
                &json!({
                    "sha": sha, "size": content.len(), "url": url, "content": to_base64(content), "encoding": "base64",
                }),
            ),
            None => failure(404, "404 Blob Not Found"),
        },
        ("GET", ["contents", path @ ..]) => read(repository, url, asked, &path.join("/")),
        ("POST" | "PUT" | "DELETE", ["contents", path @ ..]) => write(forge, at, url, asked, &path.join("/")),
        _ => failure(404, "404 Not Found"),
    }
}

/// A file, a link or a submodule; 200 and an empty list for what does not exist.
fn read(repository: &Repository, url: &str, asked: &Asked, path: &str) -> Said {
    let from = value(&asked.query, "ref").unwrap_or(repository.default_branch());
    let Some(found) = repository.resolve(from) else { return failure(404, "404 Commit Not Found") };
    let Some(entry) = found.tree.get(path) else {
        let inside =
            found.tree.iter().filter(|(other, _)| other.strip_prefix(path).is_some_and(|r| r.starts_with('/')));
        return Said::json(200, &inside.map(|(other, entry)| contents(url, other, entry, None)).collect());
    };
    Said::json(200, &contents(url, path, entry, repository.blob(&entry.sha)))
}

fn contents(url: &str, path: &str, entry: &Entry, content: Option<&[u8]>) -> Value {
    let mut body = json!({
        "type": "file", "size": content.map_or(0, <[u8]>::len), "name": path.rsplit('/').next(), "path": path,
        "sha": entry.sha, "url": url, "html_url": url, "download_url": url, "_links": { "self": url, "html": url },
    });
    match (entry.mode, content) {
        (SUBMODULE, _) => body["type"] = "submodule".into(),
        (LINK, _) => body["type"] = "symlink".into(),
        (_, Some(content)) => (body["encoding"], body["content"]) = ("base64".into(), to_base64(content).into()),
        (_, None) => {}
    }
    body
}

fn write(forge: &mut Forge, at: usize, url: &str, asked: &Asked, path: &str) -> Said {
    let (fields, overlooks) = (fields(asked), forge.overlooks_shas);
    let repository = &mut forge.repositories[at];
    let text = |name: &str| value(&fields, name).map(str::to_owned);
    let branch = text("branch").unwrap_or_else(|| repository.default_branch().to_owned());
    let Some(message) = text("message") else { return failure(400, "message is missing") };
    if !repository.branches.contains_key(&branch) && !repository.branches.is_empty() {
        return failure(404, "404 Branch Not Found");
    }
    let there = repository.tip(&branch).and_then(|found| found.tree.get(path)).map(|entry| entry.sha.clone());
    let is_new = asked.method == "POST";
    match (&there, text("sha")) {
        (Some(_), _) if is_new => return failure(400, "A file with this name already exists"),
        (None, _) if !is_new => return failure(404, "404 File Not Found"),
        (_, None) if !is_new => return failure(400, "sha is missing"),
        (Some(there), Some(given)) if *there != given && !overlooks => return failure(400, "sha does not match"),
        _ => {}
    }
    let content = match asked.method.as_str() {
        "DELETE" => None,
        _ => match text("content").and_then(|content| from_base64(&content)) {
            Some(content) => Some(content),
            None => return failure(400, "content is missing"),
        },
    };
    let sha = repository.commit(&branch, &message, &[(path, content.as_deref())]);
    let entry = repository.tip(&branch).and_then(|found| found.tree.get(path)).cloned();
    let shown = entry.map(|entry| contents(url, path, &entry, None));
    let commit = json!({ "sha": sha, "message": message, "parents": [] });
    Said::json(if is_new { 201 } else { 200 }, &json!({ "content": shown, "commit": commit }))
}

fn make_tag(repository: &mut Repository, asked: &Asked) -> Said {
    let fields = fields(asked);
    let [target, name] = ["refs", "tag_name"].map(|name| value(&fields, name).unwrap_or_default().to_owned());
    if name.is_empty() || target.is_empty() {
        return failure(400, "tag_name is missing");
    }
    if repository.tags.contains_key(&name) {
        return failure(400, "Tag already exists");
    }
    let Some(found) = repository.resolve(&target) else { return failure(404, "404 Commit Not Found") };
    let tag = Tag { commit: found.sha.clone(), message: value(&fields, "tag_message").map(str::to_owned) };
    let said = spell_tag(&name, &tag);
    repository.tags.insert(name, tag);
    Said::json(201, &said)
}

fn spell_tag(name: &str, tag: &Tag) -> Value {
    let commit = json!({ "sha": tag.commit, "date": "2026-01-02T03:04:05+08:00" });
    json!({ "name": name, "message": tag.message.clone().unwrap_or_default(), "commit": commit })
}

fn create(forge: &mut Forge, url: &str, asked: &Asked, space: &str) -> Said {
    let fields = fields(asked);
    let name = value(&fields, "path").or(value(&fields, "name")).unwrap_or_default().to_owned();
    if name.is_empty() {
        return failure(400, "name is missing");
    }
    if forge.space(space).is_none() {
        return failure(404, "404 Namespace Not Found");
    }
    if forge.repositories.iter().any(|r| r.space == space && r.name.eq_ignore_ascii_case(&name)) {
        return Said::json(422, &json!({ "message": { "base": ["路径 已存在"] } }));
    }
    let made = forge.add(space, &name).clone();
    let mut said = shown(url, forge, &made);
    // Enterprises have a number for it: 0 is private.
    let private = matches!(value(&fields, "private"), Some("true" | "0"));
    (said["private"], said["public"]) = (private.into(), (!private).into());
    Said::json(201, &said)
}

/// All parameters of a request, as text, wherever they stand.
fn fields(asked: &Asked) -> Vec<(String, String)> {
    let body: Value = serde_json::from_str(&asked.body).unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let of_json = body.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value)));
    [of_json.collect(), asked.form(), asked.query.clone()].concat()
}

fn list(forge: &Forge, url: &str, asked: &Asked, wanted: impl Fn(&Repository) -> bool) -> Said {
    let items = forge.repositories.iter().filter(|r| wanted(r)).map(|r| shown(url, forge, r)).collect();
    page(forge, asked, items)
}

fn tree(forge: &Forge, url: &str, found: &Commit) -> Said {
    let item = |(path, kind, entry): (String, &str, Entry)| json!({ "sha": entry.sha, "mode": entry.mode, "type": kind, "path": path, "size": 1, "url": url });
    let mut items: Vec<Value> = Repository::listing(found).into_iter().map(item).collect();
    let most = if forge.most_per_page == 0 { 100_000 } else { forge.most_per_page };
    let truncated = items.len() > most;
    items.truncate(most);
    Said::json(200, &json!({ "sha": found.sha, "url": url, "tree": items, "truncated": truncated }))
}

fn commit(url: &str, found: &Commit) -> Value {
    let who = json!({ "name": "M", "date": found.date, "email": "m@example.com" });
    let commit = json!({
        "author": who, "committer": who, "message": found.message, "tree": { "sha": found.sha, "url": url },
    });
    json!({
        "url": url, "sha": found.sha, "html_url": url, "comments_url": url, "commit": commit, "author": null,
        "committer": null, "parents": [],
    })
}

fn hook(project: u64, one: &Hook) -> Value {
    json!({
        "id": one.id, "url": one.url, "password": one.secret, "project_id": project, "result": "", "result_code": 0,
        "push_events": true, "tag_push_events": false, "issues_events": false, "note_events": false,
        "merge_requests_events": false, "created_at": "2026-01-02T03:04:05+08:00",
    })
}

/// One page of a list, and how many there are.
fn page(forge: &Forge, asked: &Asked, items: Vec<Value>) -> Said {
    let count = items.len();
    let (items, _, pages) = forge.page(&asked.query, 20, items);
    let said = Said::json(200, &Value::Array(items));
    said.header("total_count", &count.to_string()).header("total_page", &pages.to_string())
}

pub fn failure(status: u16, words: &str) -> Said {
    Said::json(status, &json!({ "message": words }))
}

fn namespace(url: &str, space: &Space) -> Value {
    let kind = match space.kind {
        Kind::Person => "personal",
        Kind::Group => "group",
        Kind::Enterprise => "enterprise",
    };
    let Space { id, path, .. } = space;
    json!({ "id": id, "type": kind, "name": path, "path": path, "html_url": format!("{url}/{path}") })
}

fn shown(url: &str, forge: &Forge, repository: &Repository) -> Value {
    let full = repository.full_path();
    let space = forge.space(&repository.space).map(|space| namespace(url, space));
    json!({
        "id": repository.id, "full_name": full, "human_name": full, "url": format!("{url}/api/v5/repos/{full}"),
        "namespace": space, "path": repository.name, "name": repository.name, "private": true, "public": false,
        "internal": false, "fork": false, "html_url": format!("{url}/{full}.git"),
        "default_branch": repository.default_branch(),
    })
}
