//! Gitee: gitee.com, its enterprise form, and Gitlife, which speaks the same.
//!
//! Owns what is Gitee's own; its rooms: signing in (`sign_in`), repositories (`repos`), files (`files`). The quirks:
//! 403 to whoever sends no User-Agent; the client secret belongs in the body; tokens live one day; a refresh is asked
//! for with the refresh token alone; the token endpoint may say 401 to everything. The API follows GitHub's v3 in its
//! addresses and shapes, and differs in what it answers to what does not exist.

mod files;
mod repos;
mod sign_in;

use crate::address::{Address, Base};
use crate::answers::{
    CommitItem, File, HookItem, Listing, NamespaceItem, PER_PAGE, ProjectInfo, ProjectItem, Tokens, Upstream,
};
use crate::clone_url::CloneUrl;
use crate::errand::Step;
use crate::host::{Call, Change, GitHost, Habits, Place};
use crate::judge;
use crate::names::{BlobSha, Content, FilePath, HookId, Message, Namespace, NewName, Ref};
use crate::paging::{Next, Page, Turn};
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::secret::Secret;
use crate::site::{Application, Departure, Site, Visit};
use crate::wire::{Method, Request};

/// The kind.
#[derive(Debug)]
pub struct Gitee;

static HABITS: Habits = Habits {
    kind: "gitee",
    label: "Gitee",
    public: "https://gitee.com",
    git_user: None,
    knows_pkce: false,
    scopes: &[
        ("user_info", "to know whose authorization it is"),
        ("projects", "to read and change repositories"),
        ("hook", "to list and make webhooks"),
        ("groups", "to list the organizations whose repositories may be read"),
        ("enterprises", "to list the enterprises whose repositories may be read"),
    ],
    cannot: &[
        (
            Call::Revoke,
            "Gitee documents no way to end a token: it ends by itself after a day, or under Third-party applications in the person's settings",
        ),
        (Call::DeleteTag, "Gitee's API has no way to delete a tag: push its deletion with git"),
    ],
};

#[rustfmt::skip] // One method a line, as in the trait.
impl GitHost for Gitee {
    fn habits(&self) -> &'static Habits { &HABITS }

    fn site(&self, web: Base) -> Site { let api = web.join("api/v5"); Site::new(web, api) }

    fn send_user(&self, site: &Site, application: &Application, departure: Departure<'_>) -> String { sign_in::send_user(site, application, departure) }
    fn trade_code(&self, site: &Site, application: &Application, code: &Secret, _verifier: Option<&Secret>) -> Step<Tokens> { sign_in::trade_code(site, application, code) }
    fn refresh(&self, site: &Site, _application: &Application, refresh: &Secret) -> Step<Tokens> { sign_in::refresh(site, refresh) }
    fn password(&self, site: &Site, application: &Application, user: &str, password: &Secret) -> Step<Tokens> { sign_in::password(site, application, user, password) }
    fn who(&self, visit: &Visit) -> Step<Upstream> { sign_in::who(visit) }

    fn namespaces(&self, visit: &Visit) -> Step<Listing<NamespaceItem>> { repos::namespaces(visit) }
    fn project_info(&self, visit: &Visit, clone_url: &CloneUrl) -> Step<ProjectInfo> { repos::project_info(visit, clone_url) }
    fn projects(&self, visit: &Visit, namespace: &Namespace) -> Step<Listing<ProjectItem>> { repos::projects(visit, namespace) }
    fn create_project(&self, visit: &Visit, namespace: &Namespace, name: &NewName) -> Step<ProjectItem> { repos::create_project(visit, namespace, name) }
    fn branches(&self, visit: &Visit, place: &Place) -> Step<Listing<String>> { repos::names(visit, place, "branches") }
    fn tags(&self, visit: &Visit, place: &Place) -> Step<Listing<String>> { repos::names(visit, place, "tags") }
    fn create_tag(&self, visit: &Visit, place: &Place, target: &Ref, name: &Ref, message: &Message) -> Step<()> { repos::create_tag(visit, place, target, name, message) }
    fn commits(&self, visit: &Visit, place: &Place, from: Option<&Ref>) -> Step<Vec<CommitItem>> { repos::commits(visit, place, from) }
    fn hooks(&self, visit: &Visit, place: &Place) -> Step<Listing<HookItem>> { repos::hooks(visit, place) }
    fn create_hook(&self, visit: &Visit, place: &Place, url: &str, secret: &Secret) -> Step<HookItem> { repos::create_hook(visit, place, url, secret) }
    fn delete_hook(&self, visit: &Visit, place: &Place, hook: &HookId) -> Step<()> { repos::delete_hook(visit, place, hook) }

    fn tree(&self, visit: &Visit, place: &Place, at: &Ref) -> Step<Listing<String>> { files::tree(visit, place, at) }
    fn read_file(&self, visit: &Visit, place: &Place, path: &FilePath, at: &Ref) -> Step<File> { files::read(visit, place, path, at) }
    fn create_file(&self, visit: &Visit, place: &Place, change: &Change, content: &Content) -> Step<()> { files::create(visit, place, change, content) }
    fn update_file(&self, visit: &Visit, place: &Place, change: &Change, content: &Content, sha: &BlobSha) -> Step<()> { files::update(visit, place, change, content, sha) }
    fn delete_file(&self, visit: &Visit, place: &Place, change: &Change, sha: &BlobSha) -> Step<()> { files::delete(visit, place, change, sha) }
}

/// A repository by the names that stand in Gitee's addresses.
#[derive(Clone)]
struct Spot {
    owner: String,
    repo: String,
}

impl Spot {
    /// The address of something of this repository.
    fn at(&self, visit: &Visit, fixed: &'static str) -> Address {
        let address = visit.site.api().at().fixed("repos").segment(&self.owner).segment(&self.repo);
        if fixed.is_empty() { address } else { address.fixed(fixed) }
    }
}

/// A request as the person of `visit`. The documents put the token into the query; the header is taken as well and
/// stays out of access logs.
fn request(visit: &Visit, method: Method, address: Address) -> Request {
    Request::new(method, address).header("Accept", "application/json").bearer(&visit.token)
}

/// A request for a page of a list.
fn page(visit: &Visit, address: &Address, turn: &Turn) -> Request {
    let address = address.clone().query("page", &turn.number.to_string()).query("per_page", PER_PAGE);
    request(visit, Method::Get, address)
}

/// Reads a page: `total_page` says how many there are; where it is missing, a full page may be followed by another.
fn read_page<T>(
    reply: &Reply,
    now: i64,
    turn: &Turn,
    items: impl FnOnce(&Reply) -> Result<Vec<T>, Refusal>,
) -> Result<Page<T>, Refusal> {
    accept(reply, now)?;
    let items = items(reply)?;
    let has_next = match reply.header("total_page").and_then(|total| total.parse::<u32>().ok()) {
        Some(total) => turn.number < total,
        None => items.len().to_string() == PER_PAGE,
    };
    Ok(Page { items, next: Next::number_if(has_next), is_cut: false })
}

/// Passes a success.
fn accept(reply: &Reply, now: i64) -> Result<(), Refusal> {
    match reply.status() {
        200..=299 => Ok(()),
        _ => Err(judge::refusal(reply, now)),
    }
}
