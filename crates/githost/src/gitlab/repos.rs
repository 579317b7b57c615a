//! Namespaces, projects, branches, tags, commits and webhooks at GitLab.
//!
//! Owns these calls, and the way from the names that a caller gave to a project's address.

use super::{Spot, accept, page, read_page, request};
use crate::answers::{CommitItem, HookItem, Listing, NamespaceItem, ProjectInfo, ProjectItem};
use crate::clone_url::CloneUrl;
use crate::errand::Step;
use crate::github_shapes as shapes;
use crate::hooks::may_make;
use crate::host::Place;
use crate::names::{HookId, Message, Namespace, NewName, Project, Ref};
use crate::paging::{self, Turn};
use crate::refusal::Why;
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

/// The person's own namespace, then the groups that the person is a member of, those below them too. The list of all
/// namespaces would leave out what membership is inherited by, and hold everybody's for an administrator.
pub fn namespaces(visit: &Visit) -> Step<Listing<NamespaceItem>> {
    let visit = visit.clone();
    myself(&visit).then(move |me| {
        let address = visit.site.api().at().fixed("groups").query("min_access_level", "10");
        let groups = paging::walk(
            move |turn: &Turn| page(&visit, &address, turn),
            |reply: &Reply, now, turn: &Turn| {
                read_page(reply, now, turn, |r| Ok(r.read::<Vec<Space>>()?.into_iter().map(Space::item).collect()))
            },
        );
        groups.map(move |groups| Listing { items: vec![me.item()], is_cut: false }.and(groups))
    })
}

#[derive(Deserialize)]
struct Myself {
    username: String,
}

/// The person's own namespace: its number is not the person's.
fn myself(visit: &Visit) -> Step<Space> {
    let visit = visit.clone();
    let me = Step::ask(request(&visit, Method::Get, visit.site.api().at().fixed("user")), |reply: &Reply, now| {
        accept(reply, now)?;
        reply.read::<Myself>()
    });
    me.then(move |me| space_at(&visit, &me.username))
}

fn space(visit: &Visit, namespace: &Namespace) -> Step<Space> {
    space_at(visit, namespace.as_str())
}

fn space_at(visit: &Visit, name: &str) -> Step<Space> {
    let address = visit.site.api().at().fixed("namespaces").segment(name);
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
        move |turn: &Turn| page(&visit, &address, turn),
        |reply: &Reply, now, turn: &Turn| {
            read_page(reply, now, turn, |r| {
                Ok(r.read::<Vec<Repository>>()?.into_iter().map(Repository::item).collect())
            })
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
        let ask = move |turn: &Turn| page(&visit, &address, turn);
        paging::walk(ask, |reply: &Reply, now, turn: &Turn| read_page(reply, now, turn, shapes::names))
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
        let listing = Step::ask(request(&visit, Method::Get, address.query("per_page", "10")), |reply: &Reply, now| {
            accept(reply, now)?;
            let item = |Commit { id, message, authored_date }| CommitItem { sha: id, message, authored_date };
            Ok(reply.read::<Vec<Commit>>()?.into_iter().take(10).map(item).collect())
        });
        none_if_empty(&visit, &spot, listing)
    })
}

/// What is asked of a repository without any commit is not found: then it is nothing.
pub fn none_if_empty<T: Default + 'static>(visit: &Visit, spot: &Spot, asked: Step<T>) -> Step<T> {
    let (visit, spot) = (visit.clone(), spot.clone());
    asked.settle(move |outcome| match outcome {
        Err(missing) if missing.why == Why::NotFound => {
            repository(&visit, &spot).then(move |repository| match repository.empty_repo {
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
    let ask = move |turn: &Turn| page(&visit, &address, turn);
    paging::walk(ask, |reply: &Reply, now, turn: &Turn| read_page(reply, now, turn, shapes::hooks))
}

/// Makes a webhook, unless one calls that address already: a create that is repeated after a lost answer.
pub fn create_hook(visit: &Visit, place: &Place, url: &str, secret: &Secret) -> Step<HookItem> {
    let (visit, url, secret) = (visit.clone(), url.to_owned(), secret.clone());
    locate(&visit, place).then(move |spot| {
        hooks_of(&visit, &spot).then(move |listing| {
            if let Err(refusal) = may_make(&listing, &url) {
                return Step::refuse(refusal);
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

/// A number is a project's id first, if that lies in this namespace, and a name where it does not: anybody who may make
/// projects there chooses names, and nobody chooses ids.
fn below(visit: &Visit, namespace: Namespace, project: &Project) -> Step<Spot> {
    let named = Spot(format!("{}/{}", namespace.as_str(), project.below(namespace.as_str())));
    if !project.is_number() {
        return Step::Done(Ok(named));
    }
    let by_id = Spot(project.as_str().to_owned());
    repository(visit, &by_id).settle(move |outcome| match outcome {
        Ok(found) if namespace.is(&found.namespace.id.to_string(), &found.namespace.full_path) => Step::Done(Ok(by_id)),
        Err(refusal) if !matches!(refusal.why, Why::NotFound | Why::Forbidden) => Step::refuse(refusal),
        _ => Step::Done(Ok(named)),
    })
}
