//! Namespaces, repositories, branches, tags, commits and webhooks at Gitee.
//!
//! Owns these calls. A namespace is personal, a group or an enterprise, and each has its own address for repositories.

use super::{Spot, accept, page, read_page, request};
use crate::address::Address;
use crate::answers::{CommitItem, HookItem, Listing, NamespaceItem, ProjectInfo, ProjectItem};
use crate::clone_url::CloneUrl;
use crate::errand::Step;
use crate::github_shapes as shapes;
use crate::hooks::may_make;
use crate::host::Place;
use crate::names::{HookId, Message, Namespace, NewName, Project, Ref};
use crate::paging::{self, Item, Turn};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::site::Visit;
use crate::wire::{Fields, Method};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize, Clone)]
struct Space {
    id: u64,
    path: String,
    #[serde(default)]
    r#type: String,
}

impl Space {
    fn item(self) -> NamespaceItem {
        NamespaceItem { id: self.id.to_string(), name: self.path }
    }
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
    path: String,
    html_url: String,
    namespace: Space,
    #[serde(default)]
    private: bool,
}

impl Repository {
    fn item(self) -> ProjectItem {
        // The page's own address ends in .git at gitee.com, and does not everywhere.
        let page = self.html_url.trim_end_matches(".git");
        ProjectItem { id: self.id.to_string(), clone_url: format!("{page}.git"), name: self.path }
    }
}

impl Item for Repository {
    fn key(&self) -> Cow<'_, str> {
        self.id.to_string().into()
    }

    fn weight(&self) -> usize {
        self.path.len() + self.html_url.len() + self.namespace.path.len()
    }
}

/// Where repositories of a namespace are listed and made.
enum Holder {
    Myself,
    Group(String),
    Enterprise(String),
    /// Another person's, or one that the token does not see.
    Other(String),
}

#[derive(Deserialize)]
struct Myself {
    login: String,
}

/// Whose a namespace is. The person takes part in others' personal namespaces too, and those are listed among the
/// person's own: only the login tells them apart.
fn holder(visit: &Visit, space: Space) -> Step<Holder> {
    match space.r#type.as_str() {
        "personal" => {}
        "enterprise" => return Step::Done(Ok(Holder::Enterprise(space.path))),
        _ => return Step::Done(Ok(Holder::Group(space.path))),
    }
    let address = visit.site.api().at().fixed("user");
    let me = Step::ask(request(visit, Method::Get, address), |reply: &Reply, now| {
        accept(reply, now)?;
        reply.read::<Myself>()
    });
    me.map(move |me| match me.login.eq_ignore_ascii_case(&space.path) {
        true => Holder::Myself,
        false => Holder::Other(space.path),
    })
}

fn spaces(visit: &Visit) -> Step<Vec<Space>> {
    let address = visit.site.api().at().fixed("user/namespaces").query("mode", "all");
    Step::ask(request(visit, Method::Get, address), |reply: &Reply, now| {
        accept(reply, now)?;
        reply.read()
    })
}

/// All namespaces that the person takes part in; Gitee answers them on one page.
pub fn namespaces(visit: &Visit) -> Step<Listing<NamespaceItem>> {
    spaces(visit).map(|spaces| Listing { items: spaces.into_iter().map(Space::item).collect(), is_cut: false })
}

/// The repository that a clone URL names.
pub fn project_info(visit: &Visit, clone_url: &CloneUrl) -> Step<ProjectInfo> {
    let spot = match clone_url.on(&visit.site) {
        Ok([owner, repo]) => Spot { owner: owner.clone(), repo: repo.clone() },
        Ok(_) => return Step::refuse(Refusal::not_found("Gitee has no namespaces below a namespace")),
        Err(refusal) => return Step::refuse(refusal),
    };
    Step::ask(request(visit, Method::Get, spot.at(visit, "")), |reply: &Reply, now| {
        accept(reply, now)?;
        let Repository { id, path, namespace, .. } = reply.read()?;
        Ok(ProjectInfo { namespace: namespace.item(), project_id: id.to_string(), project: path })
    })
}

/// A namespace's repositories. The list of somebody else's holds public ones only; those to which they invited the person
/// stand among the person's own.
pub fn projects(visit: &Visit, namespace: &Namespace) -> Step<Listing<ProjectItem>> {
    let (visit, namespace) = (visit.clone(), namespace.clone());
    let visit_2 = visit.clone();
    let holder = spaces(&visit).then(move |spaces| {
        let found = spaces.into_iter().find(|space| namespace.is(&space.id.to_string(), &space.path));
        match found {
            Some(space) => holder(&visit_2, space),
            None => Step::Done(Ok(Holder::Other(namespace.as_str().to_owned()))),
        }
    });
    holder.then(move |holder| {
        let api = visit.site.api().at();
        let (address, other) = match holder {
            Holder::Myself => (api.fixed("user/repos").query("type", "personal"), None),
            Holder::Enterprise(path) => (api.fixed("enterprises").segment(&path).fixed("repos"), None),
            Holder::Group(path) => (api.fixed("orgs").segment(&path).fixed("repos"), None),
            Holder::Other(login) => (api.fixed("users").segment(&login).fixed("repos"), Some(login)),
        };
        let listing = list(&visit, address);
        let Some(owner) = other else { return listing.map(|found| found.map(Repository::item)) };
        let invited = list(&visit, visit.site.api().at().fixed("user/repos").query("affiliation", "collaborator"));
        let invited = invited.map(move |mut invited| {
            invited.items.retain(|repository| repository.namespace.path.eq_ignore_ascii_case(&owner));
            invited
        });
        paging::both(listing, invited).map(|found| found.map(Repository::item))
    })
}

fn list(visit: &Visit, address: Address) -> Step<Listing<Repository>> {
    let visit = visit.clone();
    walk(move |turn: &Turn| page(&visit, &address, turn), |reply| reply.read::<Vec<Repository>>())
}

/// Walks the pages of a list.
fn walk<T: Item + Send + 'static>(
    ask: impl Fn(&Turn) -> crate::wire::Request + Send + 'static,
    items: impl Fn(&Reply) -> Result<Vec<T>, Refusal> + Send + 'static,
) -> Step<Listing<T>> {
    paging::walk(ask, move |reply: &Reply, now, turn: &Turn| read_page(reply, now, turn, &items))
}

/// Makes a repository; private, because whoever asks says nothing of it. An enterprise's takes a number for that, in
/// which 0 is private and 1 open to the world.
pub fn create_project(visit: &Visit, namespace: &Namespace, name: &NewName) -> Step<ProjectItem> {
    let (visit, namespace, name) = (visit.clone(), namespace.clone(), name.clone());
    let visit_2 = visit.clone();
    let holder = spaces(&visit).then(move |spaces| {
        let found = spaces.into_iter().find(|space| namespace.is(&space.id.to_string(), &space.path));
        match found {
            Some(space) => holder(&visit_2, space),
            None => Step::refuse(Refusal::not_found("the token sees no such namespace")),
        }
    });
    holder.then(move |holder| {
        let api = visit.site.api().at();
        // What stands in addresses is the path; without one Gitee would make it out of the name.
        let fields = Fields::new().text("name", name.as_str()).text("path", name.as_str());
        let (address, fields) = match holder {
            Holder::Myself => (api.fixed("user/repos"), fields.flag("private", true)),
            Holder::Group(path) => (api.fixed("orgs").segment(&path).fixed("repos"), fields.flag("private", true)),
            Holder::Enterprise(path) => {
                (api.fixed("enterprises").segment(&path).fixed("repos"), fields.number("private", 0))
            }
            Holder::Other(_) => {
                return Step::refuse(Refusal::new(Why::Forbidden, "this namespace belongs to another person"));
            }
        };
        Step::ask(request(&visit, Method::Post, address).json(fields), made)
    })
}

/// Reads a repository that was made. One that others can read must not pass for a private one.
fn made(reply: &Reply, now: i64) -> Result<ProjectItem, Refusal> {
    accept(reply, now)?;
    match reply.read::<Repository>()? {
        repository if repository.private => Ok(repository.item()),
        _ => Err(Refusal::broken("the host made the repository, but not a private one: look at it there")),
    }
}

/// Lists branches or tags.
pub fn names(visit: &Visit, place: &Place, what: &'static str) -> Step<Listing<String>> {
    let visit = visit.clone();
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, what);
        walk(move |turn: &Turn| page(&visit, &address, turn), shapes::names)
    })
}

/// Makes an annotated tag: one with a message is annotated.
pub fn create_tag(visit: &Visit, place: &Place, target: &Ref, name: &Ref, message: &Message) -> Step<()> {
    let fields = Fields::new().text("refs", target.as_str()).text("tag_name", name.as_str());
    let fields = fields.text("tag_message", message.as_str());
    let visit = visit.clone();
    locate(&visit, place)
        .then(move |spot| Step::ask(request(&visit, Method::Post, spot.at(&visit, "tags")).json(fields), accept))
}

/// The latest ten commits.
pub fn commits(visit: &Visit, place: &Place, from: Option<&Ref>) -> Step<Vec<CommitItem>> {
    let (visit, from) = (visit.clone(), from.cloned());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "commits").query_if("sha", from.as_ref().map(Ref::as_str));
        let address = address.query("page", "1").query("per_page", "10");
        let listing = Step::ask(request(&visit, Method::Get, address), |reply: &Reply, now| {
            accept(reply, now)?;
            shapes::commits(reply)
        });
        none_if_empty(&visit, &spot, listing)
    })
}

/// What is asked of a repository without any commit may be not found: where there is no branch, it is nothing.
pub fn none_if_empty<T: Default + 'static>(visit: &Visit, spot: &Spot, asked: Step<T>) -> Step<T> {
    let (visit, spot) = (visit.clone(), spot.clone());
    asked.settle(move |outcome| match outcome {
        Err(missing) if missing.why == Why::NotFound => {
            let address = spot.at(&visit, "branches").query("page", "1").query("per_page", "1");
            let branches = Step::ask(request(&visit, Method::Get, address), |reply: &Reply, now| {
                accept(reply, now)?;
                shapes::names(reply)
            });
            branches.then(move |branches| match branches.is_empty() {
                true => Step::Done(Ok(T::default())),
                false => Step::refuse(missing),
            })
        }
        outcome => Step::Done(outcome),
    })
}

/// Lists webhooks.
pub fn hooks(visit: &Visit, place: &Place) -> Step<Listing<HookItem>> {
    let visit = visit.clone();
    locate(&visit, place).then(move |spot| hooks_of(&visit, &spot))
}

fn hooks_of(visit: &Visit, spot: &Spot) -> Step<Listing<HookItem>> {
    let (visit, address) = (visit.clone(), spot.at(visit, "hooks"));
    walk(move |turn: &Turn| page(&visit, &address, turn), shapes::hooks)
}

/// Makes a webhook that signs what it sends with the secret (the other form would send the secret itself), unless one
/// calls that address already: a create that is repeated after a lost answer.
pub fn create_hook(visit: &Visit, place: &Place, url: &str, secret: &Secret) -> Step<HookItem> {
    let (visit, url, secret) = (visit.clone(), url.to_owned(), secret.clone());
    locate(&visit, place).then(move |spot| {
        hooks_of(&visit, &spot).then(move |listing| {
            if let Err(refusal) = may_make(&listing, &url) {
                return Step::refuse(refusal);
            }
            let fields = Fields::new().text("url", &url).number("encryption_type", 1).secret("password", &secret);
            let fields = fields.flag("push_events", true);
            Step::ask(request(&visit, Method::Post, spot.at(&visit, "hooks")).json(fields), |reply: &Reply, now| {
                accept(reply, now)?;
                shapes::hook(reply)
            })
        })
    })
}

/// Deletes a webhook.
pub fn delete_hook(visit: &Visit, place: &Place, hook: &HookId) -> Step<()> {
    let (visit, hook) = (visit.clone(), hook.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "hooks").segment(hook.as_str());
        Step::ask(request(&visit, Method::Delete, address), accept)
    })
}

/// Finds the names that stand in addresses. Names cost nothing; an id is looked up in what the token sees.
pub fn locate(visit: &Visit, place: &Place) -> Step<Spot> {
    let (visit, namespace, project) = (visit.clone(), place.namespace.clone(), place.project.clone());
    if !namespace.is_number() {
        return below(&visit, namespace.as_str().to_owned(), &project);
    }
    spaces(&visit).then(move |spaces| {
        let found = spaces.into_iter().find(|space| namespace.is(&space.id.to_string(), &space.path));
        match found {
            Some(space) => below(&visit, space.path, &project),
            None => below(&visit, namespace.as_str().to_owned(), &project),
        }
    })
}

/// A number is the id that we gave out first, and a name where it is no id of this namespace: anybody who may make
/// repositories there chooses names, and nobody chooses ids. Gitee finds no ids, so the namespace is looked through.
fn below(visit: &Visit, owner: String, project: &Project) -> Step<Spot> {
    let spot = Spot { repo: project.below(&owner).to_owned(), owner };
    if spot.repo.contains('/') || spot.owner.contains('/') {
        return Step::refuse(Refusal::not_found("Gitee has no namespaces below a namespace"));
    }
    if !project.is_number() {
        return Step::Done(Ok(spot));
    }
    let namespace = match Namespace::parse(&spot.owner) {
        Ok(namespace) => namespace,
        Err(refusal) => return Step::refuse(refusal),
    };
    projects(visit, &namespace).settle(move |outcome| match outcome {
        Ok(listing) => match listing.items.into_iter().find(|item| item.id == spot.repo) {
            Some(item) => Step::Done(Ok(Spot { repo: item.name, ..spot })),
            None if listing.is_cut => Step::refuse(Refusal::new(Why::TooLarge, shapes::TOO_MANY)),
            None => Step::Done(Ok(spot)),
        },
        Err(refusal) if matches!(refusal.why, Why::NotFound | Why::Forbidden) => Step::Done(Ok(spot)),
        Err(refusal) => Step::refuse(refusal),
    })
}
