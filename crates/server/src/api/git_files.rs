//! `/v1/{project_id}/git/files…`: the five calls on trees and files at a Git host (ServiceStage "Git Repository Access",
//! pages ss/0110 to ss/0114).
//!
//! Owns the calls. A write is conditional on the blob that its caller read; how a host is told so is `vestibule-githost`'s.

mod answers;
mod bodies;

use super::git_calls::{
    CHANGE, GitCall, READ, answer, answer_large, answer_list, no_content, of_host, read_aside, reference,
};
use crate::app::App;
use crate::web::form::Received;
use crate::web::large_body::ReceivedFile;
use crate::web::servicestage::{Code, Refusal, respond};
use answers::{Content, Paths, Written};
use axum::extract::State;
use axum::response::Response;
use bodies::{NewFile, NewVersion};
use std::sync::Arc;
use vestibule_githost::host::{Change, Place};
use vestibule_githost::names::{BlobSha, FilePath, Message};

/// `GET …/git/files/{namespace}/{project}/trees?ref=`: the paths of all files.
pub async fn tree(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, READ).await?;
        let (place, at) = (call.place()?, reference(call.query()?.required("ref")?)?);
        let (listing, turn) = call.ask_large(|host, visit| host.tree(visit, &place, &at)).await?;
        Ok(answer_large((answer_list(listing, |paths| Paths { paths }), turn)))
    };
    respond(served.await, &received.request_id)
}

/// `GET …/git/files/{namespace}/{project}/{path}?ref=`: a file, and the sha of its blob.
pub async fn read(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, READ).await?;
        let (place, path) = (call.place()?, path(&call)?);
        let at = reference(call.query()?.required("ref")?)?;
        let (file, turn) = call.ask_large(|host, visit| host.read_file(visit, &place, &path, &at)).await?;
        Ok(answer_large((answer(&Content::of(&file)), turn)))
    };
    respond(served.await, &received.request_id)
}

/// `POST …/git/files/{namespace}/{project}/{path}?ref=`: makes a file that is not there yet.
pub async fn create(State(app): State<Arc<App>>, received: ReceivedFile) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, CHANGE).await?;
        let NewFile { message, content } = read_aside(received.body.clone(), NewFile::read).await?;
        let (place, change) = (call.place()?, change(&call, message)?);
        let what = told("create file", &place, &change);
        let path = change.path.clone();
        let turn = received.turn();
        call.change(what, move |host, visit| {
            let _held = &turn;
            host.create_file(visit, &place, &change, &content)
        })
        .await?;
        Ok(answer(&Written { path: path.as_str() }))
    };
    respond(served.await, &received.request_id)
}

/// `PUT …/git/files/{namespace}/{project}/{path}?ref=`: a new version of a file whose blob is still `sha`.
pub async fn update(State(app): State<Arc<App>>, received: ReceivedFile) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, CHANGE).await?;
        let NewVersion { file: NewFile { message, content }, sha } =
            read_aside(received.body.clone(), NewVersion::read).await?;
        let (place, change) = (call.place()?, change(&call, message)?);
        let what = told("update file", &place, &change);
        let path = change.path.clone();
        let turn = received.turn();
        call.change(what, move |host, visit| {
            let _held = &turn;
            host.update_file(visit, &place, &change, &content, &sha)
        })
        .await?;
        Ok(answer(&Written { path: path.as_str() }))
    };
    respond(served.await, &received.request_id)
}

/// `DELETE …/git/files/{namespace}/{project}/{path}?ref=&message=&sha=`: a file whose blob is still `sha`.
pub async fn delete(State(app): State<Arc<App>>, received: Received) -> Response {
    let served = async {
        let call = GitCall::begin(&app, &received, CHANGE).await?;
        let query = call.query()?;
        let message = Message::parse(query.required("message")?).map_err(of_host)?;
        let sha = BlobSha::parse(query.required("sha")?).map_err(of_host)?;
        let (place, change) = (call.place()?, change(&call, message)?);
        let what = told("delete file", &place, &change);
        call.change(what, move |host, visit| host.delete_file(visit, &place, &change, &sha)).await?;
        Ok(no_content())
    };
    respond(served.await, &received.request_id)
}

/// The file that the path names. A colon before it stands for the repository's root: `:trees` is how the file is read
/// whose own name is taken by the tree. That name in an odd spelling is neither (FM-106): a proxy may read it as the other.
fn path(call: &GitCall<'_>) -> Result<FilePath, Refusal> {
    let text = call.segment(PATH);
    if text == "trees" && !call.path().ends_with("/trees") {
        return Err(Refusal::new(Code::NoSuchApi));
    }
    FilePath::parse(text.strip_prefix([':', '/']).unwrap_or(text)).map_err(of_host)
}

fn change(call: &GitCall<'_>, message: Message) -> Result<Change, Refusal> {
    Ok(Change { path: path(call)?, branch: reference(call.query()?.required("ref")?)?, message })
}

fn told(verb: &str, place: &Place, change: &Change) -> String {
    let Place { namespace, project } = place;
    let [path, branch] = [change.path.as_str(), change.branch.as_str()];
    format!("{verb} {path} on {branch} of {}/{}", namespace.as_str(), project.as_str())
}

/// The place of the segment that names a file.
const PATH: usize = 6;

/// The template of each address, for the router. The literal one goes before the other.
pub mod path {
    pub const TREES: &str = "/v1/{project_id}/git/files/{namespace}/{project}/trees";
    pub const FILE: &str = "/v1/{project_id}/git/files/{namespace}/{project}/{path}";
}
