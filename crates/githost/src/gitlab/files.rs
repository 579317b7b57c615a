//! Trees and files at GitLab.
//!
//! Owns these calls. GitLab's precondition is the file's last commit: blob and commit are read together, the blob is
//! compared, and the write is sent on condition of that commit, so that a change in between refuses it. GitLab compares
//! just before it commits, not in one with it: what comes into that gap of its own is beyond whoever asks.

use super::repos::{locate, none_if_empty};
use super::{Spot, accept, page_by_key, read_page, request};
use crate::answers::{File, Listing, MOST_FILE_BYTES};
use crate::errand::Step;
use crate::github_shapes::{LINK, whole};
use crate::host::{Change, Place};
use crate::names::{BlobSha, Content, FilePath, Ref};
use crate::paging::{self, Item, Turn};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::site::Visit;
use crate::wire::{Fields, Method};
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Entry {
    path: String,
    r#type: String,
    #[serde(default)]
    mode: String,
}

impl Item for Entry {
    fn key(&self) -> Cow<'_, str> {
        self.path.as_str().into()
    }

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
            move |turn: &Turn| page_by_key(&visit, &address, turn)
        };
        let listing = paging::walk(pages, |reply: &Reply, now, turn: &Turn| {
            // Folders count while pages are walked, so that a page of folders alone is no end.
            read_page(reply, now, turn, |r| r.read::<Vec<Entry>>())
        });
        none_if_empty(&visit, &spot, listing).map(|mut listing| {
            listing.items.retain(|entry| entry.r#type == "blob" && entry.mode != LINK);
            listing.map(|entry| entry.path)
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

/// What a write hangs on: the file's blob, and the commit that it comes from.
struct Facts {
    blob: String,
    last_commit: String,
}

/// Asks for the facts alone, which stand in headers. An answer without them says nothing (a refusal to HEAD has no
/// words), and the whole file is asked for instead; but a host that wants to be left alone, or is away, has said so.
fn facts(visit: &Visit, spot: &Spot, path: &FilePath, at: &Ref) -> Step<Facts> {
    let address = spot.at(visit, "repository/files").segment(path.as_str()).query("ref", at.as_str());
    let headers = Step::ask(request(visit, Method::Head, address), |reply: &Reply, now| {
        if reply.status() == 429 || reply.status() >= 500 || reply.header("retry-after").is_some() {
            accept(reply, now)?;
        }
        let found = |name| reply.header(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let facts = match (found("x-gitlab-blob-id"), found("x-gitlab-last-commit-id")) {
            (Some(blob), Some(last_commit)) => Some(Facts { blob, last_commit }),
            _ => None,
        };
        Ok(facts.filter(|_| reply.status() == 200))
    });
    let (visit, spot, path, at) = (visit.clone(), spot.clone(), path.clone(), at.clone());
    headers.then(move |facts| match facts {
        Some(facts) => Step::Done(Ok(facts)),
        None => entity(&visit, &spot, &path, &at)
            .map(|entity| Facts { blob: entity.blob_id, last_commit: entity.last_commit_id }),
    })
}

fn entity(visit: &Visit, spot: &Spot, path: &FilePath, at: &Ref) -> Step<Entity> {
    let address = spot.at(visit, "repository/files").segment(path.as_str()).query("ref", at.as_str());
    Step::ask(request(visit, Method::Get, address).file_limit(FILE_BYTES), |reply: &Reply, now| {
        accept(reply, now)?;
        reply.read()
    })
}

/// Makes a file.
pub fn create(visit: &Visit, place: &Place, change: &Change, content: &Content) -> Step<()> {
    let (visit, change, content) = (visit.clone(), change.clone(), content.clone());
    locate(&visit, place).then(move |spot| write(&visit, &spot, Method::Post, &change, &content, None))
}

/// Changes a file whose blob is still `sha`.
pub fn update(visit: &Visit, place: &Place, change: &Change, content: &Content, sha: &BlobSha) -> Step<()> {
    let content = content.clone();
    conditionally(visit, place, change, sha, move |visit, spot, change, commit| {
        write(visit, spot, Method::Put, change, &content, Some(commit))
    })
}

/// Deletes a file whose blob is still `sha`. It is a commit of one action, because the call that deletes a file drops
/// `last_commit_id` unread (gitlab-org/gitlab issue 587586), and would delete what somebody else has just pushed.
pub fn delete(visit: &Visit, place: &Place, change: &Change, sha: &BlobSha) -> Step<()> {
    conditionally(visit, place, change, sha, |visit, spot, change, commit| {
        let action = Fields::new().text("action", "delete").text("file_path", change.path.as_str());
        let fields = message(change).groups("actions", vec![action.text("last_commit_id", commit)]);
        let address = spot.at(visit, "repository/commits");
        Step::ask(request(visit, Method::Post, address).json(fields), accept)
    })
}

/// Writes by `write` if the file's blob is still `sha`, on condition of the commit that it comes from.
fn conditionally(
    visit: &Visit,
    place: &Place,
    change: &Change,
    sha: &BlobSha,
    write: impl FnOnce(&Visit, &Spot, &Change, &str) -> Step<()> + Send + 'static,
) -> Step<()> {
    let (visit, change, sha) = (visit.clone(), change.clone(), sha.clone());
    locate(&visit, place).then(move |spot| {
        facts(&visit, &spot, &change.path, &change.branch).then(move |found| {
            if found.blob != sha.as_str() {
                return Step::refuse(Refusal::new(Why::Stale, "the file has changed since it was read"));
            }
            write(&visit, &spot, &change, &found.last_commit)
        })
    })
}

fn message(change: &Change) -> Fields {
    Fields::new().text("branch", change.branch.as_str()).text("commit_message", change.message.as_str())
}

fn write(
    visit: &Visit,
    spot: &Spot,
    method: Method,
    change: &Change,
    content: &Content,
    last_commit: Option<&str>,
) -> Step<()> {
    let fields = message(change).text("encoding", "base64").text("content", content.as_str());
    let fields = match last_commit {
        Some(commit) => fields.text("last_commit_id", commit),
        None => fields,
    };
    let address = spot.at(visit, "repository/files").segment(change.path.as_str());
    Step::ask(request(visit, method, address).json(fields), accept)
}

/// The longest file that is read: 8 MiB in base64 with the facts about it.
const FILE_BYTES: usize = 12 << 20;
