//! The shapes that GitHub's API v3 answers in, and that others copied (Gitee's v5 says so of itself).
//!
//! Owns how these are read to the types of [`crate::answers`]. Does not own addresses or what a status means.

use crate::answers::{CommitItem, File, HookItem, Listing, MOST_FILE_BYTES, MOST_ITEMS};
use crate::errand::Step;
use crate::names::Content;
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Anything with a name.
#[derive(Deserialize)]
pub struct Named {
    /// Its name.
    pub name: String,
}

/// The names in a list.
pub fn names(reply: &Reply) -> Result<Vec<String>, Refusal> {
    Ok(reply.read::<Vec<Named>>()?.into_iter().map(|named| named.name).collect())
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
    commit: CommitBody,
}

#[derive(Deserialize)]
struct CommitBody {
    message: String,
    author: Option<Author>,
}

#[derive(Deserialize)]
struct Author {
    date: Option<String>,
}

/// The commits in a list, at most ten.
pub fn commits(reply: &Reply) -> Result<Vec<CommitItem>, Refusal> {
    let item = |Commit { sha, commit }: Commit| CommitItem {
        sha,
        message: commit.message,
        authored_date: commit.author.and_then(|author| author.date).unwrap_or_default(),
    };
    Ok(reply.read::<Vec<Commit>>()?.into_iter().take(10).map(item).collect())
}

#[derive(Deserialize)]
struct Tree {
    tree: Vec<Entry>,
    #[serde(default)]
    truncated: bool,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    r#type: String,
    #[serde(default)]
    mode: String,
}

/// What git calls a symbolic link: a blob that holds the name of another file.
pub const LINK: &str = "120000";

/// The files of a tree.
pub fn tree(reply: &Reply) -> Result<Listing<String>, Refusal> {
    let Tree { tree, truncated } = reply.read()?;
    let mut items: Vec<String> =
        tree.into_iter().filter(|e| e.r#type == "blob" && e.mode != LINK).map(|e| e.path).collect();
    let is_cut = truncated || items.len() > MOST_ITEMS;
    items.truncate(MOST_ITEMS);
    Ok(Listing { items, is_cut })
}

/// The whole tree, or its top and that it was cut, where the whole is more than is read.
pub fn tree_or_top(whole: Step<Listing<String>>, top: Step<Listing<String>>) -> Step<Listing<String>> {
    whole.settle(|outcome| match outcome {
        Err(refusal) if refusal.why == Why::TooLarge => top.map(|top| Listing { is_cut: true, ..top }),
        outcome => Step::Done(outcome),
    })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Contents {
    Several(Vec<IgnoredAny>),
    One(Entity),
}

#[derive(Deserialize)]
struct Entity {
    r#type: String,
    #[serde(default)]
    encoding: String,
    #[serde(default)]
    content: String,
    sha: String,
    #[serde(default)]
    size: usize,
    submodule_git_url: Option<String>,
}

/// A file, or where its content has to be fetched from.
pub enum Found {
    /// The whole file.
    Whole(File),
    /// Only its blob's sha: the content is too long for this answer.
    Blob(String),
}

impl Found {
    /// The sha of its blob.
    pub fn sha(&self) -> &str {
        match self {
            Found::Whole(file) => &file.sha,
            Found::Blob(sha) => sha,
        }
    }
}

/// Reads what lies at a path.
pub fn file(reply: &Reply, path: &str) -> Result<Found, Refusal> {
    let entity = match reply.read::<Contents>()? {
        // Gitee answers 200 and an empty list for what does not exist.
        Contents::Several(list) if list.is_empty() => return Err(Refusal::not_found("there is no such file")),
        Contents::Several(_) => return Err(Refusal::invalid("this is a folder, not a file")),
        Contents::One(entity) => entity,
    };
    if entity.r#type == "submodule" || entity.submodule_git_url.is_some() {
        return Err(Refusal::invalid("this is a submodule: its files lie in another repository"));
    }
    if entity.r#type != "file" {
        return Err(Refusal::invalid("this is not a file"));
    }
    if entity.size > MOST_FILE_BYTES {
        return Err(Refusal::new(Why::TooLarge, "the file is larger than 8 MiB"));
    }
    match entity.encoding.as_str() {
        "base64" => Ok(Found::Whole(whole(path, entity.sha, &entity.content)?)),
        "none" => Ok(Found::Blob(entity.sha)),
        _ => Err(Refusal::broken("the host answered a file in an encoding that it does not document")),
    }
}

#[derive(Deserialize)]
struct Blob {
    content: String,
    encoding: String,
    sha: String,
}

/// Reads a blob.
pub fn blob(reply: &Reply, path: &str) -> Result<File, Refusal> {
    let blob: Blob = reply.read()?;
    if blob.encoding != "base64" {
        return Err(Refusal::broken("the host answered a blob in an encoding that it does not document"));
    }
    whole(path, blob.sha, &blob.content)
}

/// A file whose content a host gave in base64, with line breaks or without.
pub fn whole(path: &str, sha: String, content: &str) -> Result<File, Refusal> {
    let joined: String = content.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let content = Content::parse(&joined).map_err(|refusal| match refusal.why {
        Why::TooLarge => refusal,
        _ => Refusal::broken("the host's base64 cannot be read"),
    })?;
    Ok(File { path: path.to_owned(), sha, content })
}

#[derive(Deserialize)]
struct Hook {
    id: u64,
    url: Option<String>,
    config: Option<HookConfig>,
}

#[derive(Deserialize)]
struct HookConfig {
    url: Option<String>,
}

impl Hook {
    /// GitHub keeps the address in `config`, and its own address of the hook in `url`; others have `url` only.
    fn item(self) -> HookItem {
        let callback_url = match self.config {
            Some(config) => config.url,
            None => self.url,
        };
        HookItem { id: self.id.to_string(), callback_url: callback_url.unwrap_or_default() }
    }
}

/// Reads a list of webhooks.
pub fn hooks(reply: &Reply) -> Result<Vec<HookItem>, Refusal> {
    Ok(reply.read::<Vec<Hook>>()?.into_iter().map(Hook::item).collect())
}

/// Reads a webhook.
pub fn hook(reply: &Reply) -> Result<HookItem, Refusal> {
    reply.read::<Hook>().map(Hook::item)
}

/// Why a repository's id was not found among more repositories than are listed.
pub const TOO_MANY: &str =
    "this namespace has more repositories than we look through for an id: name it by its full path";
