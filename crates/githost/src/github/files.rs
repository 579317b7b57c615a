//! Trees and files at GitHub.
//!
//! Owns these calls. GitHub takes the blob's sha as the precondition of a write and answers 409 when it has changed; with
//! 409 it also says that a rule of the repository forbids the write, so its words are read.

use super::repos::locate;
use super::{accept, is_empty, request};
use crate::answers::{File, Listing};
use crate::errand::Step;
use crate::github_shapes::{self as shapes, Found};
use crate::host::{Change, Place};
use crate::judge::Said;
use crate::names::{BlobSha, Content, FilePath, Ref};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::site::Visit;
use crate::wire::{Fields, Method, Request};

/// The files of a tree, to any depth; where that is more than we read, those at its top.
pub fn tree(visit: &Visit, place: &Place, at: &Ref) -> Step<Listing<String>> {
    let (visit, at) = (visit.clone(), at.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "git/trees").segment(at.as_str());
        let ask = |address| Step::ask(request(&visit, Method::Get, address).tree_limit(TREE_BYTES), read_tree);
        let top = ask(address.clone());
        shapes::tree_or_top(ask(address.query("recursive", "1")), top)
    })
}

fn read_tree(reply: &Reply, now: i64) -> Result<Listing<String>, Refusal> {
    if is_empty(reply) {
        return Ok(Listing { items: Vec::new(), is_cut: false });
    }
    accept(reply, now)?;
    shapes::tree(reply)
}

/// Reads a file. Above 1 MB the content is not in the first answer and is fetched as a blob.
pub fn read(visit: &Visit, place: &Place, path: &FilePath, at: &Ref) -> Step<File> {
    let (visit, path, at) = (visit.clone(), path.clone(), at.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "contents").segments(path.as_str()).query("ref", at.as_str());
        let name = path.clone();
        let found = Step::ask(request(&visit, Method::Get, address), move |reply: &Reply, now| {
            accept(reply, now)?;
            shapes::file(reply, name.as_str())
        });
        found.then(move |found| match found {
            Found::Whole(file) => Step::Done(Ok(file)),
            Found::Blob(sha) => {
                let address = spot.at(&visit, "git/blobs").segment(&sha);
                let request = request(&visit, Method::Get, address).file_limit(BLOB_BYTES);
                Step::ask(request, move |reply: &Reply, now| {
                    accept(reply, now)?;
                    shapes::blob(reply, path.as_str())
                })
            }
        })
    })
}

/// Makes a file, or changes one whose blob is still `sha`.
pub fn write(visit: &Visit, place: &Place, change: &Change, content: &Content, sha: Option<&BlobSha>) -> Step<()> {
    let fields = Fields::new().text("message", change.message.as_str()).text("content", content.as_str());
    let fields = fields.text("branch", change.branch.as_str());
    let fields = match sha {
        Some(sha) => fields.text("sha", sha.as_str()),
        None => fields,
    };
    send(visit, place, change, move |request| request.json(fields), Method::Put)
}

/// Deletes a file whose blob is still `sha`.
pub fn delete(visit: &Visit, place: &Place, change: &Change, sha: &BlobSha) -> Step<()> {
    let fields = Fields::new().text("message", change.message.as_str()).text("sha", sha.as_str());
    let fields = fields.text("branch", change.branch.as_str());
    send(visit, place, change, move |request| request.json(fields), Method::Delete)
}

fn send(
    visit: &Visit,
    place: &Place,
    change: &Change,
    fill: impl FnOnce(Request) -> Request + Send + 'static,
    method: Method,
) -> Step<()> {
    let (visit, path) = (visit.clone(), change.path.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "contents").segments(path.as_str());
        let is_workflow = path.as_str().to_ascii_lowercase().starts_with(".github/workflows/");
        Step::ask(fill(request(&visit, method, address)), move |reply: &Reply, now| {
            accept(reply, now).map_err(|refusal| judge_write(refusal, reply, is_workflow))
        })
    })
}

/// 409 is said of a blob that is another one and of a branch that moved while it was written; and of a secret in the
/// content (push protection) and of rulesets, where reading anew and trying again would go on for ever. A classic token
/// writes workflows with a scope of their own only, and is told that there is no such thing.
fn judge_write(refusal: Refusal, reply: &Reply, is_workflow: bool) -> Refusal {
    let said = Said::of(reply);
    let moved =
        said.has(&["does not match", "expected to be at"]) || (said.has(&["is at"]) && said.has(&["but expected"]));
    let scopes = reply.header("x-oauth-scopes").filter(|list| !list.is_empty());
    let lacks = scopes.is_some_and(|list| !list.split(',').any(|scope| scope.trim() == "workflow"));
    let why = match (refusal.why, reply.status()) {
        (Why::Invalid | Why::NotFound | Why::Conflict, 409) if moved => Why::Stale,
        (Why::Invalid, 409) => Why::Forbidden,
        (Why::Forbidden | Why::NotFound, 403 | 404) if is_workflow && lacks => {
            Why::ScopeMissing { needed: Some("workflow".to_owned()) }
        }
        (why, _) => why,
    };
    Refusal { why, ..refusal }
}

/// The longest tree that is read. GitHub cuts its tree at 7 MB, and says a good deal more of each entry.
const TREE_BYTES: usize = 16 << 20;

/// The longest blob that is read: 8 MiB in base64 with line breaks.
const BLOB_BYTES: usize = 12 << 20;
