//! `/v1/{project_id}/git/repos…`: twelve calls on namespaces, repositories, branches, tags, commits and webhooks at a Git
//! host (ServiceStage "Git Repository Access", pages ss/0098 to ss/0109).
//!
//! Owns the calls. What they share with those on files is `git_calls`'s.

mod answers;
mod bodies;

use super::git_calls::{
    CHANGE, CHANGE_HOOKS, GitCall, READ, READ_HOOKS, READ_SPACES, answer, answer_list, no_content, of_host, reference,
};
use crate::app::App;
use crate::web::form::Received;
use crate::web::servicestage::respond;
use answers::{Branches, Commits, Created, Hook, Hooks, Info, Namespaces, Project, Projects, Tags};
use axum::extract::State;
use axum::response::Response;
use bodies::{HookBody, NamedBody, TagBody};
use std::sync::Arc;
use vestibule_githost::clone_url::CloneUrl;
use vestibule_githost::names::{HookId, Message, NewName};

/// `GET …/git/repos/namespaces`: the namespaces that the authorization's token sees.
pub async fn namespaces(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, READ_SPACES).await?;
        let listing = call.ask(|host, visit| host.namespaces(visit)).await?;
        Ok(answer_list(listing, Namespaces::of))
    };
    respond(served.await, &received.request_id)
}

/// `GET …/git/repos/project-info?clone_url=`: the repository that a clone URL names.
pub async fn project_info(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, READ).await?;
        let clone_url = CloneUrl::parse(call.query()?.required("clone_url")?).map_err(of_host)?;
        let info = call.ask(|host, visit| host.project_info(visit, &clone_url)).await?;
        Ok(answer(&Info::of(info)))
    };
    respond(served.await, &received.request_id)
}

/// `GET …/git/repos/{namespace}/projects`: its repositories.
pub async fn projects(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, READ).await?;
        let namespace = call.namespace()?;
        let listing = call.ask(|host, visit| host.projects(visit, &namespace)).await?;
        Ok(answer_list(listing, Projects::of))
    };
    respond(served.await, &received.request_id)
}

/// `POST …/git/repos/{namespace}/projects`: makes a private repository.
pub async fn create_project(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, CHANGE).await?;
        let (namespace, body) = (call.namespace()?, NamedBody::read(&received.body)?);
        let name = NewName::parse(&body.name).map_err(of_host)?;
        let what = format!("create repository {}/{}", namespace.as_str(), name.as_str());
        let made = call.change(what, move |host, visit| host.create_project(visit, &namespace, &name)).await?;
        Ok(answer(&Project::of(made)))
    };
    respond(served.await, &received.request_id)
}

/// `GET …/git/repos/{namespace}/{project}/branches`: their names.
pub async fn branches(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, READ).await?;
        let place = call.place()?;
        let listing = call.ask(|host, visit| host.branches(visit, &place)).await?;
        Ok(answer_list(listing, |branches| Branches { branches }))
    };
    respond(served.await, &received.request_id)
}

/// `GET …/git/repos/{namespace}/{project}/tags`: their names.
pub async fn tags(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, READ).await?;
        let place = call.place()?;
        let listing = call.ask(|host, visit| host.tags(visit, &place)).await?;
        Ok(answer_list(listing, |tags| Tags { tags }))
    };
    respond(served.await, &received.request_id)
}

/// `POST …/git/repos/{namespace}/{project}/tags?ref=`: makes an annotated tag.
pub async fn create_tag(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, CHANGE).await?;
        let (place, target) = (call.place()?, reference(call.query()?.required("ref")?)?);
        let TagBody { name, description } = TagBody::read(&received.body)?;
        let name = reference(&name)?;
        let message = Message::parse(&description).map_err(of_host)?;
        let what = format!("create tag {} in {}", name.as_str(), path_of(&place));
        let made = name.clone();
        call.change(what, move |host, visit| host.create_tag(visit, &place, &target, &name, &message)).await?;
        Ok(answer(&Created { name: made.as_str() }))
    };
    respond(served.await, &received.request_id)
}

/// `DELETE …/git/repos/{namespace}/{project}/tags/{tag_name}`
pub async fn delete_tag(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, CHANGE).await?;
        let (place, name) = (call.place()?, reference(call.segment(LAST))?);
        let what = format!("delete tag {} in {}", name.as_str(), path_of(&place));
        call.change(what, move |host, visit| host.delete_tag(visit, &place, &name)).await?;
        Ok(no_content())
    };
    respond(served.await, &received.request_id)
}

/// `GET …/git/repos/{namespace}/{project}/commits?ref=`: the latest ten.
pub async fn commits(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, READ).await?;
        let (place, query) = (call.place()?, call.query()?);
        let from = query.optional("ref")?.map(reference).transpose()?;
        let commits = call.ask(|host, visit| host.commits(visit, &place, from.as_ref())).await?;
        Ok(answer(&Commits::of(commits)))
    };
    respond(served.await, &received.request_id)
}

/// `GET …/git/repos/{namespace}/{project}/hooks`: webhooks.
pub async fn hooks(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, READ_HOOKS).await?;
        let place = call.place()?;
        let (kind, listing) =
            call.ask(|host, visit| host.hooks(visit, &place).map(|listing| (host.habits().kind, listing))).await?;
        Ok(answer_list(listing, |hooks| Hooks::of(kind, hooks)))
    };
    respond(served.await, &received.request_id)
}

/// `POST …/git/repos/{namespace}/{project}/hooks`: makes a webhook for pushes.
pub async fn create_hook(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, CHANGE_HOOKS).await?;
        let (place, HookBody { secret, url }) = (call.place()?, HookBody::read(&received.body)?);
        // The address may hold a secret of its receiver's, so only its host is told.
        let what = format!("create a webhook to {} in {}", bodies::host_of(&url), path_of(&place));
        // Whatever the repository is called: it has an id and a path, and the path may be spelled in several ways.
        let thing = Some(format!("webhook {url}"));
        let (kind, made) = call
            .change_alone(thing, what, move |host, visit| {
                host.create_hook(visit, &place, &url, &secret).map(|made| (host.habits().kind, made))
            })
            .await?;
        Ok(answer(&Hook::of(kind, made)))
    };
    respond(served.await, &received.request_id)
}

/// `DELETE …/git/repos/{namespace}/{project}/hooks/{hook_id}`
pub async fn delete_hook(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, CHANGE_HOOKS).await?;
        let (place, hook) = (call.place()?, HookId::parse(call.segment(LAST)).map_err(of_host)?);
        let what = format!("delete webhook {} in {}", hook.as_str(), path_of(&place));
        call.change(what, move |host, visit| host.delete_hook(visit, &place, &hook)).await?;
        Ok(no_content())
    };
    respond(served.await, &received.request_id)
}

fn path_of(place: &vestibule_githost::host::Place) -> String {
    format!("{}/{}", place.namespace.as_str(), place.project.as_str())
}

/// The place of the segment that names one tag or webhook.
const LAST: usize = 7;

/// The template of each address, for the router. Literal segments go before variables.
pub mod path {
    pub const NAMESPACES: &str = "/v1/{project_id}/git/repos/namespaces";
    pub const PROJECT_INFO: &str = "/v1/{project_id}/git/repos/project-info";
    pub const PROJECTS: &str = "/v1/{project_id}/git/repos/{namespace}/projects";
    pub const BRANCHES: &str = "/v1/{project_id}/git/repos/{namespace}/{project}/branches";
    pub const TAGS: &str = "/v1/{project_id}/git/repos/{namespace}/{project}/tags";
    pub const TAG: &str = "/v1/{project_id}/git/repos/{namespace}/{project}/tags/{tag_name}";
    pub const COMMITS: &str = "/v1/{project_id}/git/repos/{namespace}/{project}/commits";
    pub const HOOKS: &str = "/v1/{project_id}/git/repos/{namespace}/{project}/hooks";
    pub const HOOK: &str = "/v1/{project_id}/git/repos/{namespace}/{project}/hooks/{hook_id}";
}
