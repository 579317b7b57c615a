//! Trees and files at GitHub.
//!
//! Owns these calls. GitHub takes the blob's sha as the precondition of a write and answers 409 when it has changed; with
//! 409 it also says that a rule of the repository forbids the write, so its words are read. The sha of a file that was
//! deleted it does not compare with anything: a deletion between our look and the write is undone by it.

use super::repos::locate;
use super::{Spot, accept, is_empty, request};
use crate::answers::{File, Listing};
use crate::errand::Step;
use crate::github_shapes::{self as shapes, Found};
use crate::host::{Change, Place};
use crate::judge::Said;
use crate::names::{BlobSha, Content, FilePath, Ref};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::site::Visit;
use crate::wire::{Fields, Method};

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
        look(&visit, &spot, &path, &at).then(move |found| match found {
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

/// What lies at a path.
fn look(visit: &Visit, spot: &Spot, path: &FilePath, at: &Ref) -> Step<Found> {
    let address = spot.at(visit, "contents").segments(path.as_str()).query("ref", at.as_str());
    let path = path.clone();
    Step::ask(request(visit, Method::Get, address), move |reply: &Reply, now| {
        accept(reply, now)?;
        shapes::file(reply, path.as_str())
    })
}

/// Makes a file.
pub fn create(visit: &Visit, place: &Place, change: &Change, content: &Content) -> Step<()> {
    let (visit, change, fields) = (visit.clone(), change.clone(), filled(change, content));
    locate(&visit, place).then(move |spot| send(&visit, &spot, &change, Method::Put, fields))
}

/// Changes a file whose blob is still `sha`. GitHub compares it with the file that there is; where there is none any
/// more it would make the file anew, so that is looked for first.
pub fn update(visit: &Visit, place: &Place, change: &Change, content: &Content, sha: &BlobSha) -> Step<()> {
    let fields = filled(change, content).text("sha", sha.as_str());
    let (visit, change, sha) = (visit.clone(), change.clone(), sha.clone());
    locate(&visit, place).then(move |spot| {
        look(&visit, &spot, &change.path, &change.branch).then(move |found| match found.sha() == sha.as_str() {
            true => send(&visit, &spot, &change, Method::Put, fields),
            false => Step::refuse(Refusal::new(Why::Stale, "the file has changed since it was read")),
        })
    })
}

/// Deletes a file whose blob is still `sha`.
pub fn delete(visit: &Visit, place: &Place, change: &Change, sha: &BlobSha) -> Step<()> {
    let fields = Fields::new().text("message", change.message.as_str()).text("sha", sha.as_str());
    let fields = fields.text("branch", change.branch.as_str());
    let (visit, change) = (visit.clone(), change.clone());
    locate(&visit, place).then(move |spot| send(&visit, &spot, &change, Method::Delete, fields))
}

fn filled(change: &Change, content: &Content) -> Fields {
    let fields = Fields::new().text("message", change.message.as_str()).text("content", content.as_str());
    fields.text("branch", change.branch.as_str())
}

fn send(visit: &Visit, spot: &Spot, change: &Change, method: Method, fields: Fields) -> Step<()> {
    let address = spot.at(visit, "contents").segments(change.path.as_str());
    let is_workflow = change.path.as_str().to_ascii_lowercase().starts_with(".github/workflows/");
    Step::ask(request(visit, method, address).json(fields), move |reply: &Reply, now| {
        accept(reply, now).map_err(|refusal| judge_write(refusal, reply, is_workflow))
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
