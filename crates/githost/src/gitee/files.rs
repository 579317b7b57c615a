//! Trees and files at Gitee.
//!
//! Owns these calls. Gitee's document does not say that it compares the sha of a write, so it is compared here first: a
//! change between that and the write may be overwritten, and nothing that Gitee documents can prevent it. Nor does it
//! say whose file is read where a tag has the branch's name.

use super::repos::{locate, none_if_empty};
use super::{Spot, accept, request};
use crate::answers::{File, Listing};
use crate::errand::Step;
use crate::github_shapes::{self as shapes, Found};
use crate::host::{Change, Place};
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
        let read = |reply: &Reply, now: i64| {
            accept(reply, now)?;
            shapes::tree(reply)
        };
        let ask = |address| Step::ask(request(&visit, Method::Get, address).tree_limit(TREE_BYTES), read);
        let top = ask(address.clone());
        let tree = shapes::tree_or_top(ask(address.query("recursive", "1")), top);
        none_if_empty(&visit, &spot, tree)
    })
}

/// Reads a file.
pub fn read(visit: &Visit, place: &Place, path: &FilePath, at: &Ref) -> Step<File> {
    let (visit, path, at) = (visit.clone(), path.clone(), at.clone());
    locate(&visit, place).then(move |spot| read_at(&visit, &spot, &path, &at))
}

fn read_at(visit: &Visit, spot: &Spot, path: &FilePath, at: &Ref) -> Step<File> {
    let (visit, spot, name) = (visit.clone(), spot.clone(), path.clone());
    let address = spot.at(&visit, "contents").segments(path.as_str()).query("ref", at.as_str());
    let found = Step::ask(request(&visit, Method::Get, address).file_limit(BLOB_BYTES), move |reply: &Reply, now| {
        accept(reply, now)?;
        shapes::file(reply, name.as_str())
    });
    let path = path.clone();
    found.then(move |found| match found {
        Found::Whole(file) => Step::Done(Ok(file)),
        Found::Blob(sha) => {
            let address = spot.at(&visit, "git/blobs").segment(&sha);
            Step::ask(request(&visit, Method::Get, address).file_limit(BLOB_BYTES), move |reply: &Reply, now| {
                accept(reply, now)?;
                shapes::blob(reply, path.as_str())
            })
        }
    })
}

/// Makes a file.
pub fn create(visit: &Visit, place: &Place, change: &Change, content: &Content) -> Step<()> {
    let (visit, change, content) = (visit.clone(), change.clone(), content.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "contents").segments(change.path.as_str());
        let fields = Fields::new().text("content", content.as_str()).text("message", change.message.as_str());
        let fields = fields.text("branch", change.branch.as_str());
        Step::ask(request(&visit, Method::Post, address).json(fields), accept)
    })
}

/// Changes a file whose blob is still `sha`.
pub fn update(visit: &Visit, place: &Place, change: &Change, content: &Content, sha: &BlobSha) -> Step<()> {
    let (visit, change, content, sha) = (visit.clone(), change.clone(), content.clone(), sha.clone());
    locate(&visit, place).then(move |spot| {
        unchanged(&visit, &spot, &change, &sha).then(move |()| {
            let address = spot.at(&visit, "contents").segments(change.path.as_str());
            let fields = Fields::new().text("content", content.as_str()).text("message", change.message.as_str());
            let fields = fields.text("branch", change.branch.as_str()).text("sha", sha.as_str());
            Step::ask(request(&visit, Method::Put, address).json(fields), written)
        })
    })
}

/// Deletes a file whose blob is still `sha`. Gitee takes the parameters in the query.
pub fn delete(visit: &Visit, place: &Place, change: &Change, sha: &BlobSha) -> Step<()> {
    let (visit, change, sha) = (visit.clone(), change.clone(), sha.clone());
    locate(&visit, place).then(move |spot| {
        if change.message.as_str().len() > MOST_MESSAGE_BYTES {
            return Step::refuse(Refusal::invalid("Gitee takes no message longer than 2 KiB to delete a file"));
        }
        unchanged(&visit, &spot, &change, &sha).then(move |()| {
            let address = spot.at(&visit, "contents").segments(change.path.as_str());
            let address = address.query("sha", sha.as_str()).query("message", change.message.as_str());
            let address = address.query("branch", change.branch.as_str());
            Step::ask(request(&visit, Method::Delete, address), written)
        })
    })
}

/// Should Gitee compare the sha after all, it says so as GitHub does.
fn written(reply: &Reply, now: i64) -> Result<(), Refusal> {
    accept(reply, now).map_err(|refusal| match refusal.why {
        Why::Invalid if reply.status() == 409 => Refusal { why: Why::Stale, ..refusal },
        _ => refusal,
    })
}

fn unchanged(visit: &Visit, spot: &Spot, change: &Change, sha: &BlobSha) -> Step<()> {
    let sha = sha.clone();
    read_at(visit, spot, &change.path, &change.branch).then(move |file| match file.sha == sha.as_str() {
        true => Step::Done(Ok(())),
        false => Step::refuse(Refusal::new(Why::Stale, "the file has changed since it was read")),
    })
}

/// The longest message that stands in an address: encoded it is up to three times as long, and servers read addresses
/// of about 8 KiB.
const MOST_MESSAGE_BYTES: usize = 2 << 10;

/// The longest tree that is read.
const TREE_BYTES: usize = 16 << 20;

/// The longest file that is read: 8 MiB in base64 with line breaks.
const BLOB_BYTES: usize = 12 << 20;
