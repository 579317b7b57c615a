//! What the calls on repositories answer, in the documented order of the fields.
//!
//! Owns the spelling: ids are text even where a host numbers, branches and tags are bare names.

use serde::Serialize;
use vestibule_githost::answers::{CommitItem, HookItem, NamespaceItem, ProjectInfo, ProjectItem};

#[derive(Serialize)]
pub struct Namespaces {
    namespaces: Vec<Namespace>,
}

#[derive(Serialize)]
struct Namespace {
    id: String,
    name: String,
}

impl Namespaces {
    pub fn of(items: Vec<NamespaceItem>) -> Namespaces {
        Namespaces { namespaces: items.into_iter().map(|NamespaceItem { id, name }| Namespace { id, name }).collect() }
    }
}

#[derive(Serialize)]
pub struct Info {
    namespace_id: String,
    namespace: String,
    project_id: String,
    project: String,
}

impl Info {
    pub fn of(info: ProjectInfo) -> Info {
        let ProjectInfo { namespace: NamespaceItem { id: namespace_id, name: namespace }, project_id, project } = info;
        Info { namespace_id, namespace, project_id, project }
    }
}

#[derive(Serialize)]
pub struct Projects {
    projects: Vec<Project>,
}

#[derive(Serialize)]
pub struct Project {
    id: String,
    name: String,
    clone_url: String,
}

impl Project {
    pub fn of(item: ProjectItem) -> Project {
        let ProjectItem { id, name, clone_url } = item;
        Project { id, name, clone_url }
    }
}

impl Projects {
    pub fn of(items: Vec<ProjectItem>) -> Projects {
        Projects { projects: items.into_iter().map(Project::of).collect() }
    }
}

#[derive(Serialize)]
pub struct Branches {
    pub branches: Vec<String>,
}

#[derive(Serialize)]
pub struct Tags {
    pub tags: Vec<String>,
}

/// A tag that was made.
#[derive(Serialize)]
pub struct Created<'a> {
    pub name: &'a str,
}

#[derive(Serialize)]
pub struct Commits {
    commits: Vec<Commit>,
}

#[derive(Serialize)]
struct Commit {
    sha: String,
    message: String,
    authored_date: String,
}

impl Commits {
    pub fn of(items: Vec<CommitItem>) -> Commits {
        let commit = |CommitItem { sha, message, authored_date }| Commit { sha, message, authored_date };
        Commits { commits: items.into_iter().map(commit).collect() }
    }
}

#[derive(Serialize)]
pub struct Hooks {
    hooks: Vec<Hook>,
}

/// A webhook. Its type is the kind of its host, as the document's example has it.
#[derive(Serialize)]
pub struct Hook {
    id: String,
    r#type: &'static str,
    callback_url: String,
}

impl Hook {
    pub fn of(kind: &'static str, item: HookItem) -> Hook {
        let HookItem { id, callback_url } = item;
        Hook { id, r#type: kind, callback_url }
    }
}

impl Hooks {
    pub fn of(kind: &'static str, items: Vec<HookItem>) -> Hooks {
        Hooks { hooks: items.into_iter().map(|item| Hook::of(kind, item)).collect() }
    }
}
