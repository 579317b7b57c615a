//! Trees and files at GitLab.
//!
//! Owns these calls. GitLab's precondition is the file's last commit: blob and commit are read together, the blob is
//! compared, and the write is sent on condition of that commit, so that a change in between refuses it.

use super::repos::{locate, repository};
use super::{Spot, accept, page, read_page, request};
use crate::answers::{File, Listing, MOST_FILE_BYTES};
use crate::errand::Step;
use crate::github_shapes::whole;
use crate::host::{Change, Place};
use crate::names::{BlobSha, Content, FilePath, Ref};
use crate::paging::{self, Weigh};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::site::Visit;
use crate::wire::{Fields, Method};
use serde::Deserialize;

#[derive(Deserialize, PartialEq)]
struct Entry {
    path: String,
    r#type: String,
}

impl Weigh for Entry {
    fn weight(&self) -> usize {
        self.path.len() + self.r#type.len()
    }
}

/// The files of a tree, to any depth. An empty repository has no tree, which GitLab calls not found.
pub fn tree(visit: &Visit, place: &Place, at: &Ref) -> Step<Listing<String>> {
    let (visit, at) = (visit.clone(), at.clone());
    locate(&visit, place).then(move |spot| {
        let address = spot.at(&visit, "repository/tree").query("recursive", "true").query("ref", at.as_str());
        let pages = {
            let visit = visit.clone();
            move |number| page(&visit, &address, number)
        };
        let listing = paging::walk(pages, |reply: &Reply, now, _| {
            // Folders count while pages are walked, so that a page of folders alone is no end.
            read_page(reply, now, |r| r.read::<Vec<Entry>>())
        });
        listing.settle(move |outcome| match outcome {
            Ok(listing) => {
                let files = listing.items.into_iter().filter(|entry| entry.r#type == "blob").map(|entry| entry.path);
                Step::Done(Ok(Listing { items: files.collect(), is_cut: listing.is_cut }))
            }
            Err(missing) if missing.why == Why::NotFound => {
                repository(&visit, &spot).then(move |repository| match repository.empty_repo {
                    true => Step::Done(Ok(Listing { items: Vec::new(), is_cut: false })),
                    false => Step::refuse(missing),
                })
            }
            Err(refusal) => Step::refuse(refusal),
        })
    })
}

#[derive(Deserialize)]
struct Entity {
    blob_id: String,
    last_commit_id: String,
    encoding: String,
    content: String,
    size: usize,
}

/// Reads a file.
pub fn read(visit: &Visit, place: &Place, path: &FilePath, at: &Ref) -> Step<File> {
    let (visit, path, at) = (visit.clone(), path.clone(), at.clone());
    locate(&visit, place).then(move |spot| {
        entity(&visit, &spot, &path, &at).then(move |entity| {
            if entity.encoding != "base64" {
                return Step::refuse(Refusal::broken(
                    "the host answered a file in an encoding that it does not document",
                ));
            }
            if entity.size > MOST_FILE_BYTES {
                return Step::refuse(Refusal::new(Why::TooLarge, "the file is larger than 8 MiB"));
            }
            Step::Done(whole(path.as_str(), entity.blob_id, &entity.content))
        })
    })
}

fn entity(visit: &Visit, spot: &Spot, path: &FilePath, at: &Ref) -> Step<Entity> {
    let address = spot.at(visit, "repository/files").segment(path.as_str()).query("ref", at.as_str());
    Step::ask(request(visit, Method::Get, address).reply_limit(FILE_BYTES), |reply: &Reply, now| {
        accept(reply, now)?;
        reply.read()
    })
}

/// Makes a file.
pub fn create(visit: &Visit, place: &Place, change: &Change, content: &Content) -> Step<()> {
    let (visit, change, content) = (visit.clone(), change.clone(), content.clone());
    locate(&visit, place).then(move |spot| write(&visit, &spot, Method::Post, &change, Some(&content), None))
}

/// Changes a file whose blob is still `sha`.
pub fn update(visit: &Visit, place: &Place, change: &Change, content: &Content, sha: &BlobSha) -> Step<()> {
    conditionally(visit, place, change, sha, Method::Put, Some(content))
}

/// Deletes a file whose blob is still `sha`.
pub fn delete(visit: &Visit, place: &Place, change: &Change, sha: &BlobSha) -> Step<()> {
    conditionally(visit, place, change, sha, Method::Delete, None)
}

fn conditionally(
    visit: &Visit,
    place: &Place,
    change: &Change,
    sha: &BlobSha,
    method: Method,
    content: Option<&Content>,
) -> Step<()> {
    let (visit, change, sha, content) = (visit.clone(), change.clone(), sha.clone(), content.cloned());
    locate(&visit, place).then(move |spot| {
        entity(&visit, &spot, &change.path, &change.branch).then(move |found| {
            if found.blob_id != sha.as_str() {
                return Step::refuse(Refusal::new(Why::Stale, "the file has changed since it was read"));
            }
            write(&visit, &spot, method, &change, content.as_ref(), Some(&found.last_commit_id))
        })
    })
}

fn write(
    visit: &Visit,
    spot: &Spot,
    method: Method,
    change: &Change,
    content: Option<&Content>,
    last_commit: Option<&str>,
) -> Step<()> {
    let fields = Fields::new().text("branch", change.branch.as_str()).text("commit_message", &change.message);
    let fields = match content {
        Some(content) => fields.text("encoding", "base64").text("content", content.as_str()),
        None => fields,
    };
    let fields = match last_commit {
        Some(commit) => fields.text("last_commit_id", commit),
        None => fields,
    };
    let address = spot.at(visit, "repository/files").segment(change.path.as_str());
    Step::ask(request(visit, method, address).json(fields), accept)
}

/// The longest file that is read: 8 MiB in base64 with the facts about it.
const FILE_BYTES: usize = 12 << 20;
