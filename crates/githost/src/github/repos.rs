//! Namespaces, repositories, branches, tags and commits at GitHub.
//!
//! Owns these calls, and how an id that we gave out is found again: GitHub's addresses take names only.

use super::{Spot, accept, is_empty, page, read_page, request};
use crate::answers::{CommitItem, Listing, NamespaceItem, ProjectInfo, ProjectItem};
use crate::clone_url::CloneUrl;
use crate::errand::Step;
use crate::github_shapes as shapes;
use crate::host::Place;
use crate::names::{Message, Namespace, NewName, Project, Ref};
use crate::paging::{self, Weigh};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::site::Visit;
use crate::wire::{Fields, Method};
use serde::Deserialize;

#[derive(Deserialize, PartialEq)]
struct Account {
    id: u64,
    login: String,
    #[serde(default)]
    r#type: String,
}

impl Weigh for Account {
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
        let ask = move |number| page(&visit, &address, number);
        let read = |reply: &Reply, now, _| read_page(reply, now, |r| r.read::<Vec<Account>>());
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
    Step::ask(request(visit, Method::Get, spot.at(visit, "")), |reply: &Reply, now| {
        accept(reply, now)?;
        let repository: Repository = reply.read()?;
        let project_id = repository.id.to_string();
        Ok(ProjectInfo { namespace: repository.owner.item(), project_id, project: repository.name })
    })
}

/// A namespace's repositories: of the person, of an organization, or of somebody else.
pub fn projects(visit: &Visit, namespace: &Namespace) -> Step<Listing<ProjectItem>> {
    let visit = visit.clone();
    holder(&visit, namespace).then(move |holder| list(&visit, holder).map(items))
}

fn items(listing: Listing<Listed>) -> Listing<ProjectItem> {
    Listing { items: listing.items.into_iter().map(|Listed(item)| item).collect(), is_cut: listing.is_cut }
}

/// Compared by id alone.
struct Listed(ProjectItem);

impl PartialEq for Listed {
    fn eq(&self, other: &Listed) -> bool {
        self.0.id == other.0.id
    }
}

impl Weigh for Listed {
    fn weight(&self) -> usize {
        self.0.weight()
    }
}

fn list(visit: &Visit, holder: Holder) -> Step<Listing<Listed>> {
    let api = visit.site.api().at();
    let address = match &holder {
        Holder::Myself => api.fixed("user/repos").query("affiliation", "owner"),
        Holder::Organization(name) => api.fixed("orgs").segment(name).fixed("repos"),
        Holder::Other(name) => api.fixed("users").segment(name).fixed("repos"),
    };
    let visit = visit.clone();
    let read = |reply: &Reply, now, _| {
        read_page(reply, now, |r| {
            Ok(r.read::<Vec<Repository>>()?.into_iter().map(|repository| Listed(repository.item())).collect())
        })
    };
    paging::walk(move |number| page(&visit, &address, number), read)
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
        let ask = move |number| page(&visit, &address, number);
        paging::walk(ask, |reply: &Reply, now, _| read_page(reply, now, shapes::names))
    })
}

/// An annotated tag: what it points at, the tag's object, the reference to it.
pub fn create_tag(visit: &Visit, place: &Place, target: &Ref, name: &Ref, message: &Message) -> Step<()> {
    let (visit, target, name, message) = (visit.clone(), target.clone(), name.clone(), message.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "commits").segment(target.as_str());
        // The whole commit with its patches may be huge; this media type answers its sha alone.
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

fn account(visit: &Visit, address: crate::address::Address) -> Step<Account> {
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

/// A repository may be called `2024`: a number is a name first, and an id when there is no such name.
fn below(visit: &Visit, owner: String, project: &Project) -> Step<Spot> {
    let spot = Spot { repo: project.below(&owner).to_owned(), owner };
    if spot.repo.contains('/') || spot.owner.contains('/') {
        return Step::refuse(Refusal::not_found("GitHub has no namespaces below a namespace"));
    }
    if !project.is_number() {
        return Step::Done(Ok(spot));
    }
    let visit = visit.clone();
    let named = Step::ask(request(&visit, Method::Get, spot.at(&visit, "")), accept);
    named.settle(move |outcome| match outcome {
        Ok(()) => Step::Done(Ok(spot)),
        Err(refusal) if refusal.why == Why::NotFound => by_id(&visit, spot, refusal),
        Err(refusal) => Step::refuse(refusal),
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
