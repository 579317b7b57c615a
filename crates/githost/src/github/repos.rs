//! Namespaces, repositories, branches, tags and commits at GitHub.
//!
//! Owns these calls, and how an id that we gave out is found again: GitHub's documented addresses take names only.

use super::{Spot, accept, is_empty, page, read_page, request};
use crate::address::Address;
use crate::answers::{CommitItem, Listing, NamespaceItem, ProjectInfo, ProjectItem};
use crate::clone_url::CloneUrl;
use crate::errand::Step;
use crate::github_shapes as shapes;
use crate::host::Place;
use crate::names::{Message, Namespace, NewName, Project, Ref};
use crate::paging::{self, Item, Turn};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::site::Visit;
use crate::wire::{Fields, Method};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Account {
    id: u64,
    login: String,
    #[serde(default)]
    r#type: String,
}

impl Item for Account {
    fn key(&self) -> Cow<'_, str> {
        self.login.as_str().into()
    }

    fn weight(&self) -> usize {
        self.login.len() + self.r#type.len()
    }
}

impl Account {
    fn item(self) -> NamespaceItem {
        NamespaceItem { id: self.id.to_string(), name: self.login }
    }
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
    name: String,
    clone_url: String,
    owner: Account,
}

impl Repository {
    fn item(self) -> ProjectItem {
        ProjectItem { id: self.id.to_string(), name: self.name, clone_url: self.clone_url }
    }
}

/// The person, then the person's organizations.
pub fn namespaces(visit: &Visit) -> Step<Listing<NamespaceItem>> {
    let visit = visit.clone();
    myself(&visit).then(move |me| {
        let address = visit.site.api().at().fixed("user/orgs");
        let ask = move |turn: &Turn| page(&visit, &address, turn);
        let read = |reply: &Reply, now, _: &Turn| read_page(reply, now, |r| r.read::<Vec<Account>>());
        paging::walk(ask, read).map(move |listing| {
            let items = std::iter::once(me).chain(listing.items).map(Account::item).collect();
            Listing { items, is_cut: listing.is_cut }
        })
    })
}

/// The repository that a clone URL names.
pub fn project_info(visit: &Visit, clone_url: &CloneUrl) -> Step<ProjectInfo> {
    let spot = match clone_url.on(&visit.site) {
        Ok([owner, repo]) => Spot { owner: owner.clone(), repo: repo.clone() },
        Ok(_) => return Step::refuse(Refusal::not_found("GitHub has no namespaces below a namespace")),
        Err(refusal) => return Step::refuse(refusal),
    };
    repository(visit, spot.at(visit, "")).map(|found| ProjectInfo {
        project_id: found.id.to_string(),
        namespace: found.owner.item(),
        project: found.name,
    })
}

impl Item for Repository {
    fn key(&self) -> Cow<'_, str> {
        self.id.to_string().into()
    }

    fn weight(&self) -> usize {
        self.name.len() + self.clone_url.len() + self.owner.weight()
    }
}

/// A namespace's repositories: of the person, of an organization, or of somebody else. The list of somebody else's holds
/// public ones only; those to which they invited the person stand among the person's own.
pub fn projects(visit: &Visit, namespace: &Namespace) -> Step<Listing<ProjectItem>> {
    let visit = visit.clone();
    holder(&visit, namespace).then(move |holder| {
        let api = visit.site.api().at();
        let mine = |affiliation| visit.site.api().at().fixed("user/repos").query("affiliation", affiliation);
        let (address, other) = match holder {
            Holder::Myself => (mine("owner"), None),
            Holder::Organization(name) => (api.fixed("orgs").segment(&name).fixed("repos"), None),
            Holder::Other(name) => (api.fixed("users").segment(&name).fixed("repos"), Some(name)),
        };
        let listing = list(&visit, address);
        let Some(owner) = other else { return listing.map(|found| found.map(Repository::item)) };
        let invited = list(&visit, mine("collaborator"));
        let invited = invited.map(move |mut invited| {
            invited.items.retain(|repository| repository.owner.login.eq_ignore_ascii_case(&owner));
            invited
        });
        paging::both(listing, invited).map(|found| found.map(Repository::item))
    })
}

fn list(visit: &Visit, address: Address) -> Step<Listing<Repository>> {
    let visit = visit.clone();
    let read = |reply: &Reply, now, _: &Turn| read_page(reply, now, |r| r.read::<Vec<Repository>>());
    paging::walk(move |turn: &Turn| page(&visit, &address, turn), read)
}

/// Makes a repository; private, because whoever asks says nothing of it.
pub fn create_project(visit: &Visit, namespace: &Namespace, name: &NewName) -> Step<ProjectItem> {
    let (visit, name) = (visit.clone(), name.clone());
    holder(&visit, namespace).then(move |holder| {
        let api = visit.site.api().at();
        let address = match holder {
            Holder::Myself => api.fixed("user/repos"),
            Holder::Organization(organization) => api.fixed("orgs").segment(&organization).fixed("repos"),
            Holder::Other(_) => {
                return Step::refuse(Refusal::new(Why::Forbidden, "this namespace belongs to another person"));
            }
        };
        let fields = Fields::new().text("name", name.as_str()).flag("private", true);
        Step::ask(request(&visit, Method::Post, address).json(fields), |reply: &Reply, now| {
            accept(reply, now)?;
            reply.read::<Repository>().map(Repository::item)
        })
    })
}

/// Lists branches.
pub fn branches(visit: &Visit, place: &Place) -> Step<Listing<String>> {
    names(visit, place, "branches")
}

/// Lists tags.
pub fn tags(visit: &Visit, place: &Place) -> Step<Listing<String>> {
    names(visit, place, "tags")
}

fn names(visit: &Visit, place: &Place, what: &'static str) -> Step<Listing<String>> {
    let visit = visit.clone();
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, what);
        let ask = move |turn: &Turn| page(&visit, &address, turn);
        paging::walk(ask, |reply: &Reply, now, _: &Turn| read_page(reply, now, shapes::names))
    })
}

/// An annotated tag: what it points at, the tag's object, the reference to it.
pub fn create_tag(visit: &Visit, place: &Place, target: &Ref, name: &Ref, message: &Message) -> Step<()> {
    let (visit, target, name, message) = (visit.clone(), target.clone(), name.clone(), message.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "commits").segment(target.as_str());
        // The whole commit with its patches may be huge; this media type answers its sha alone, where the server knows it.
        let whole = request(&visit, Method::Get, address).header("Accept", "application/vnd.github.sha");
        let (visit_2, spot_2, name_2) = (visit.clone(), spot.clone(), name.clone());
        Step::ask(whole, |reply: &Reply, now| accept(reply, now).and_then(|()| reply.sha()))
            .then(move |sha| {
                let fields = Fields::new().text("tag", name.as_str()).text("message", message.as_str());
                let fields = fields.text("object", &sha).text("type", "commit");
                let request = request(&visit, Method::Post, spot.at(&visit, "git/tags")).json(fields);
                Step::ask(request, |reply: &Reply, now| {
                    accept(reply, now)?;
                    reply.read::<Object>()
                })
            })
            .then(move |object| {
                let reference = format!("refs/tags/{}", name_2.as_str());
                let fields = Fields::new().text("ref", &reference).text("sha", &object.sha);
                let request = request(&visit_2, Method::Post, spot_2.at(&visit_2, "git/refs")).json(fields);
                Step::ask(request, accept)
            })
    })
}

#[derive(Deserialize)]
struct Object {
    sha: String,
}

/// Deletes a tag.
pub fn delete_tag(visit: &Visit, place: &Place, name: &Ref) -> Step<()> {
    let (visit, name) = (visit.clone(), name.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "git/refs/tags").segments(name.as_str());
        Step::ask(request(&visit, Method::Delete, address), |reply: &Reply, now| {
            accept(reply, now).map_err(|refusal| match reply.status() {
                // Other words with the same status are a rule of the repository that forbids it.
                422 if refusal.reason.to_lowercase().contains("reference does not exist") => {
                    Refusal { why: Why::NotFound, ..refusal }
                }
                _ => refusal,
            })
        })
    })
}

/// The latest ten commits.
pub fn commits(visit: &Visit, place: &Place, from: Option<&Ref>) -> Step<Vec<CommitItem>> {
    let (visit, from) = (visit.clone(), from.cloned());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "commits").query_if("sha", from.as_ref().map(Ref::as_str));
        let address = address.query("per_page", "10");
        Step::ask(request(&visit, Method::Get, address), |reply: &Reply, now| {
            // Without any commit there is nothing to look `from` up in, and the answer is 409 too.
            if is_empty(reply) {
                return Ok(Vec::new());
            }
            accept(reply, now)?;
            shapes::commits(reply)
        })
    })
}

fn myself(visit: &Visit) -> Step<Account> {
    account(visit, visit.site.api().at().fixed("user"))
}

fn account(visit: &Visit, address: Address) -> Step<Account> {
    Step::ask(request(visit, Method::Get, address), |reply: &Reply, now| {
        accept(reply, now)?;
        reply.read()
    })
}

/// The account that a namespace names. A number is the id that we gave out first, and a login where it is no id: the
/// other way round, whoever took somebody's id for a login would be taken for them.
fn named(visit: &Visit, namespace: &Namespace) -> Step<Account> {
    let by_name = visit.site.api().at().fixed("users").segment(namespace.as_str());
    if !namespace.is_number() {
        return account(visit, by_name);
    }
    let visit = visit.clone();
    let by_id = account(&visit, visit.site.api().at().fixed("user").segment(namespace.as_str()));
    by_id.settle(move |outcome| match outcome {
        Err(refusal) if refusal.why == Why::NotFound => account(&visit, by_name),
        outcome => Step::Done(outcome),
    })
}

/// Whose a namespace is.
enum Holder {
    Myself,
    Organization(String),
    Other(String),
}

fn holder(visit: &Visit, namespace: &Namespace) -> Step<Holder> {
    let visit = visit.clone();
    named(&visit, namespace).then(move |account| {
        if account.r#type == "Organization" {
            return Step::Done(Ok(Holder::Organization(account.login)));
        }
        myself(&visit).map(move |me| match me.id == account.id {
            true => Holder::Myself,
            false => Holder::Other(account.login),
        })
    })
}

/// Finds the names that stand in addresses. Names cost nothing; an id is looked up.
pub fn locate(visit: &Visit, place: &Place) -> Step<Spot> {
    let (visit, project) = (visit.clone(), place.project.clone());
    if !place.namespace.is_number() {
        return below(&visit, place.namespace.as_str().to_owned(), &project);
    }
    named(&visit, &place.namespace).then(move |account| below(&visit, account.login, &project))
}

/// A number is the id that we gave out first, and a name where it is no id of this namespace: anybody who may make
/// repositories there chooses names, and nobody chooses ids. GitHub finds an id at an address that its own links use
/// and its description lacks; a server that does not know it is asked for the name, and then looked through.
fn below(visit: &Visit, owner: String, project: &Project) -> Step<Spot> {
    let spot = Spot { repo: project.below(&owner).to_owned(), owner };
    if spot.repo.contains('/') || spot.owner.contains('/') {
        return Step::refuse(Refusal::not_found("GitHub has no namespaces below a namespace"));
    }
    if !project.is_number() {
        return Step::Done(Ok(spot));
    }
    let visit = visit.clone();
    let address = visit.site.api().at().fixed("repositories").segment(&spot.repo);
    repository(&visit, address).settle(move |outcome| match outcome {
        Ok(found) if found.owner.login.eq_ignore_ascii_case(&spot.owner) => {
            Step::Done(Ok(Spot { repo: found.name, ..spot }))
        }
        // Somebody else's id: what is meant is the name.
        Ok(_) => Step::Done(Ok(spot)),
        Err(refusal) if matches!(refusal.why, Why::NotFound | Why::Forbidden) => by_name(&visit, spot),
        Err(refusal) => Step::refuse(refusal),
    })
}

fn by_name(visit: &Visit, spot: Spot) -> Step<Spot> {
    let visit = visit.clone();
    repository(&visit, spot.at(&visit, "")).settle(move |outcome| match outcome {
        Ok(_) => Step::Done(Ok(spot)),
        Err(refusal) if refusal.why == Why::NotFound => by_id(&visit, spot, refusal),
        Err(refusal) => Step::refuse(refusal),
    })
}

fn repository(visit: &Visit, address: Address) -> Step<Repository> {
    Step::ask(request(visit, Method::Get, address), |reply: &Reply, now| {
        accept(reply, now)?;
        reply.read()
    })
}

fn by_id(visit: &Visit, spot: Spot, missing: Refusal) -> Step<Spot> {
    let namespace = match Namespace::parse(&spot.owner) {
        Ok(namespace) => namespace,
        Err(refusal) => return Step::refuse(refusal),
    };
    projects(visit, &namespace).then(move |listing| match listing.items.into_iter().find(|item| item.id == spot.repo) {
        Some(item) => Step::Done(Ok(Spot { repo: item.name, ..spot })),
        None if listing.is_cut => Step::refuse(Refusal::new(Why::TooLarge, shapes::TOO_MANY)),
        None => Step::refuse(missing),
    })
}
