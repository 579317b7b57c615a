//! Namespaces, projects, branches, tags, commits and webhooks at GitLab.
//!
//! Owns these calls, and the way from the names that a caller gave to a project's address.

use super::{Spot, accept, page, read_page, request};
use crate::answers::{CommitItem, HookItem, Listing, NamespaceItem, ProjectInfo, ProjectItem};
use crate::clone_url::CloneUrl;
use crate::errand::Step;
use crate::github_shapes as shapes;
use crate::host::Place;
use crate::names::{HookId, Message, Namespace, NewName, Project, Ref};
use crate::paging;
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::site::Visit;
use crate::wire::{Fields, Method};
use serde::Deserialize;

#[derive(Deserialize)]
struct Space {
    id: u64,
    full_path: String,
    #[serde(default)]
    kind: String,
}

impl Space {
    fn item(self) -> NamespaceItem {
        NamespaceItem { id: self.id.to_string(), name: self.full_path }
    }
}

#[derive(Deserialize)]
pub struct Repository {
    id: u64,
    path: String,
    http_url_to_repo: String,
    namespace: Space,
    #[serde(default)]
    pub empty_repo: bool,
}

impl Repository {
    fn item(self) -> ProjectItem {
        ProjectItem { id: self.id.to_string(), name: self.path, clone_url: self.http_url_to_repo }
    }
}

/// All namespaces that the person takes part in, those below others too.
pub fn namespaces(visit: &Visit) -> Step<Listing<NamespaceItem>> {
    let (visit, address) = (visit.clone(), visit.site.api().at().fixed("namespaces"));
    paging::walk(
        move |number| page(&visit, &address, number),
        |reply: &Reply, now, _| {
            read_page(reply, now, |r| Ok(r.read::<Vec<Space>>()?.into_iter().map(Space::item).collect()))
        },
    )
}

fn space(visit: &Visit, namespace: &Namespace) -> Step<Space> {
    let address = visit.site.api().at().fixed("namespaces").segment(namespace.as_str());
    Step::ask(request(visit, Method::Get, address), |reply: &Reply, now| {
        accept(reply, now)?;
        reply.read()
    })
}

/// The project that a clone URL names.
pub fn project_info(visit: &Visit, clone_url: &CloneUrl) -> Step<ProjectInfo> {
    let spot = match clone_url.on(&visit.site) {
        Ok(segments) => Spot(segments.join("/")),
        Err(refusal) => return Step::refuse(refusal),
    };
    repository(visit, &spot).map(|Repository { id, path, namespace, .. }| ProjectInfo {
        namespace: namespace.item(),
        project_id: id.to_string(),
        project: path,
    })
}

/// A project's own page of facts.
pub fn repository(visit: &Visit, spot: &Spot) -> Step<Repository> {
    Step::ask(request(visit, Method::Get, spot.at(visit, "")), |reply: &Reply, now| {
        accept(reply, now)?;
        reply.read()
    })
}

/// A namespace's projects, without those that are only shared with it. A namespace that the person takes no part in
/// cannot be looked up, but may well be read: as a group, or by its name as a person.
pub fn projects(visit: &Visit, namespace: &Namespace) -> Step<Listing<ProjectItem>> {
    let (visit, namespace) = (visit.clone(), namespace.clone());
    space(&visit, &namespace).settle(move |outcome| match outcome {
        Ok(space) => projects_of(&visit, space.kind == "user", &space.full_path),
        Err(missing) if missing.why == Why::NotFound => {
            projects_of(&visit, false, namespace.as_str()).settle(move |outcome| match outcome {
                // A person's number is not the number of the person's namespace.
                Err(refusal) if refusal.why == Why::NotFound && !namespace.is_number() => {
                    projects_of(&visit, true, namespace.as_str())
                }
                outcome => Step::Done(outcome),
            })
        }
        Err(refusal) => Step::refuse(refusal),
    })
}

fn projects_of(visit: &Visit, is_person: bool, name: &str) -> Step<Listing<ProjectItem>> {
    let (visit, api) = (visit.clone(), visit.site.api().at());
    let address = match is_person {
        true => api.fixed("users").segment(name).fixed("projects"),
        false => api.fixed("groups").segment(name).fixed("projects").query("with_shared", "false"),
    };
    let address = address.query("simple", "true");
    paging::walk(
        move |number| page(&visit, &address, number),
        |reply: &Reply, now, _| {
            read_page(reply, now, |r| Ok(r.read::<Vec<Repository>>()?.into_iter().map(Repository::item).collect()))
        },
    )
}

/// Makes a project; private, because whoever asks says nothing of it.
pub fn create_project(visit: &Visit, namespace: &Namespace, name: &NewName) -> Step<ProjectItem> {
    let (visit, name) = (visit.clone(), name.clone());
    space(&visit, namespace).then(move |space| {
        let fields = Fields::new().text("name", name.as_str()).text("path", name.as_str());
        let fields = fields.number("namespace_id", space.id).text("visibility", "private");
        let address = visit.site.api().at().fixed("projects");
        Step::ask(request(&visit, Method::Post, address).json(fields), |reply: &Reply, now| {
            accept(reply, now)?;
            reply.read::<Repository>().map(Repository::item)
        })
    })
}

/// Lists branches or tags.
pub fn names(visit: &Visit, place: &Place, what: &'static str) -> Step<Listing<String>> {
    let visit = visit.clone();
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, what);
        let ask = move |number| page(&visit, &address, number);
        paging::walk(ask, |reply: &Reply, now, _| read_page(reply, now, shapes::names))
    })
}

/// Makes an annotated tag: one with a message is annotated.
pub fn create_tag(visit: &Visit, place: &Place, target: &Ref, name: &Ref, message: &Message) -> Step<()> {
    let fields =
        Fields::new().text("tag_name", name.as_str()).text("ref", target.as_str()).text("message", message.as_str());
    let visit = visit.clone();
    locate(&visit, place).then(move |spot| {
        Step::ask(request(&visit, Method::Post, spot.at(&visit, "repository/tags")).json(fields), accept)
    })
}

/// Deletes a tag.
pub fn delete_tag(visit: &Visit, place: &Place, name: &Ref) -> Step<()> {
    let (visit, name) = (visit.clone(), name.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "repository/tags").segment(name.as_str());
        Step::ask(request(&visit, Method::Delete, address), accept)
    })
}

#[derive(Deserialize)]
struct Commit {
    id: String,
    message: String,
    authored_date: String,
}

/// The latest ten commits.
pub fn commits(visit: &Visit, place: &Place, from: Option<&Ref>) -> Step<Vec<CommitItem>> {
    let (visit, from) = (visit.clone(), from.cloned());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "repository/commits").query_if("ref_name", from.as_ref().map(Ref::as_str));
        Step::ask(request(&visit, Method::Get, address.query("per_page", "10")), |reply: &Reply, now| {
            accept(reply, now)?;
            let item = |Commit { id, message, authored_date }| CommitItem { sha: id, message, authored_date };
            Ok(reply.read::<Vec<Commit>>()?.into_iter().take(10).map(item).collect())
        })
    })
}

/// Lists webhooks.
pub fn hooks(visit: &Visit, place: &Place) -> Step<Listing<HookItem>> {
    let visit = visit.clone();
    locate(&visit, place).then(move |spot| hooks_of(&visit, &spot))
}

fn hooks_of(visit: &Visit, spot: &Spot) -> Step<Listing<HookItem>> {
    let (visit, address) = (visit.clone(), spot.at(visit, "hooks"));
    let ask = move |number| page(&visit, &address, number);
    paging::walk(ask, |reply: &Reply, now, _| read_page(reply, now, shapes::hooks))
}

/// Makes a webhook, unless one calls that address already: a create that is repeated after a lost answer.
pub fn create_hook(visit: &Visit, place: &Place, url: &str, secret: &Secret) -> Step<HookItem> {
    let (visit, url, secret) = (visit.clone(), url.to_owned(), secret.clone());
    locate(&visit, place).then(move |spot| {
        hooks_of(&visit, &spot).then(move |listing| {
            if listing.items.iter().any(|hook| hook.callback_url == url) {
                return Step::refuse(Refusal::new(Why::Conflict, "a webhook to this address exists already"));
            }
            let fields = Fields::new().text("url", &url).secret("token", &secret).flag("push_events", true);
            let fields = fields.flag("enable_ssl_verification", true);
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

/// Finds the project's address. Two names cost nothing. Two numbers are first taken for the ids that we gave out: the
/// namespace of a project that somebody was only invited to cannot be looked up, but the project tells its id. A
/// namespace's id is otherwise looked up for its path.
pub fn locate(visit: &Visit, place: &Place) -> Step<Spot> {
    let (visit, place) = (visit.clone(), place.clone());
    if !place.namespace.is_number() {
        return below(&visit, place.namespace, &place.project);
    }
    if !place.project.is_number() {
        return below_id(&visit, &place);
    }
    let by_id = Spot(place.project.as_str().to_owned());
    repository(&visit, &by_id).settle(move |outcome| match outcome {
        Ok(found) if found.namespace.id.to_string() == place.namespace.as_str() => Step::Done(Ok(by_id)),
        Err(refusal) if refusal.why != Why::NotFound => Step::refuse(refusal),
        _ => below_id(&visit, &place),
    })
}

fn below_id(visit: &Visit, place: &Place) -> Step<Spot> {
    let (visit, project) = (visit.clone(), place.project.clone());
    space(&visit, &place.namespace).then(move |space| match Namespace::parse(&space.full_path) {
        Ok(namespace) => below(&visit, namespace, &project),
        Err(refusal) => Step::refuse(refusal),
    })
}

/// A number is a project's name first, as it may be anywhere, and an id when there is no such name; but only the id of
/// a project of this namespace.
fn below(visit: &Visit, namespace: Namespace, project: &Project) -> Step<Spot> {
    let named = Spot(format!("{}/{}", namespace.as_str(), project.below(namespace.as_str())));
    if !project.is_number() {
        return Step::Done(Ok(named));
    }
    let (visit, by_id) = (visit.clone(), Spot(project.as_str().to_owned()));
    repository(&visit, &named).settle(move |outcome| match outcome {
        Ok(_) => Step::Done(Ok(named)),
        Err(missing) if missing.why == Why::NotFound => repository(&visit, &by_id).then(move |found| {
            let is_here = namespace.is(&found.namespace.id.to_string(), &found.namespace.full_path);
            if is_here { Step::Done(Ok(by_id)) } else { Step::refuse(missing) }
        }),
        Err(refusal) => Step::refuse(refusal),
    })
}
