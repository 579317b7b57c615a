//! GitLab: gitlab.com and self-managed, with or without a path before it.
//!
//! Owns what is GitLab's own; its rooms: signing in (`sign_in`), repositories (`repos`), files (`files`). The quirks:
//! tokens live two hours; a refresh ends the old pair at once, both of it; a project is named by its whole path in one
//! encoded segment; namespaces lie below namespaces; a write is conditional on the file's last commit, not its blob.

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
use crate::paging::{Next, Page, Turn, next_link};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::site::{Application, Departure, Site, Visit};
use crate::wire::{Method, Request};

/// The kind.
#[derive(Debug)]
pub struct GitLab;

static HABITS: Habits = Habits {
    kind: "gitlab",
    label: "GitLab",
    public: "https://gitlab.com",
    // Wanted for an OAuth token; with a personal token any name will do.
    git_user: Some("oauth2"),
    knows_pkce: true,
    scopes: &[(
        "api",
        "to know whose authorization it is, and to read and change repositories, files, tags and webhooks",
    )],
    cannot: &[(
        Call::Password,
        "GitLab gives no tokens for a password: authorize by redirect, or bring a personal token",
    )],
};

#[rustfmt::skip] // One method a line, as in the trait.
impl GitHost for GitLab {
    fn habits(&self) -> &'static Habits { &HABITS }

    fn site(&self, web: Base) -> Site { let api = web.join("api/v4"); Site::new(web, api) }

    fn send_user(&self, site: &Site, application: &Application, departure: Departure<'_>) -> String { sign_in::send_user(site, application, departure) }
    fn trade_code(&self, site: &Site, application: &Application, code: &Secret, verifier: Option<&Secret>) -> Step<Tokens> { sign_in::trade_code(site, application, code, verifier) }
    fn refresh(&self, site: &Site, application: &Application, refresh: &Secret) -> Step<Tokens> { sign_in::refresh(site, application, refresh) }
    fn who(&self, visit: &Visit) -> Step<Upstream> { sign_in::who(visit) }
    fn try_personal(&self, visit: &Visit) -> Step<Upstream> { sign_in::try_personal(visit) }
    fn revoke(&self, site: &Site, application: &Application, access: &Secret, refresh: Option<&Secret>) -> Step<()> { sign_in::revoke(site, application, access, refresh) }

    fn namespaces(&self, visit: &Visit) -> Step<Listing<NamespaceItem>> { repos::namespaces(visit) }
    fn project_info(&self, visit: &Visit, clone_url: &CloneUrl) -> Step<ProjectInfo> { repos::project_info(visit, clone_url) }
    fn projects(&self, visit: &Visit, namespace: &Namespace) -> Step<Listing<ProjectItem>> { repos::projects(visit, namespace) }
    fn create_project(&self, visit: &Visit, namespace: &Namespace, name: &NewName) -> Step<ProjectItem> { repos::create_project(visit, namespace, name) }
    fn branches(&self, visit: &Visit, place: &Place) -> Step<Listing<String>> { repos::names(visit, place, "repository/branches") }
    fn tags(&self, visit: &Visit, place: &Place) -> Step<Listing<String>> { repos::names(visit, place, "repository/tags") }
    fn create_tag(&self, visit: &Visit, place: &Place, target: &Ref, name: &Ref, message: &Message) -> Step<()> { repos::create_tag(visit, place, target, name, message) }
    fn delete_tag(&self, visit: &Visit, place: &Place, name: &Ref) -> Step<()> { repos::delete_tag(visit, place, name) }
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

/// A project as it stands in GitLab's addresses: its id, or its whole path.
#[derive(Clone)]
struct Spot(String);

impl Spot {
    /// The address of something of this project.
    fn at(&self, visit: &Visit, fixed: &'static str) -> Address {
        let address = visit.site.api().at().fixed("projects").segment(&self.0);
        if fixed.is_empty() { address } else { address.fixed(fixed) }
    }
}

/// A request as the person of `visit`; personal tokens may come as Bearer too.
fn request(visit: &Visit, method: Method, address: Address) -> Request {
    Request::new(method, address).header("Accept", "application/json").bearer(&visit.token)
}

/// A request for a page of a list.
fn page(visit: &Visit, address: &Address, turn: &Turn) -> Request {
    let address = address.clone().query("page", &turn.number.to_string()).query("per_page", PER_PAGE);
    request(visit, Method::Get, address)
}

/// A request for a page of a list that is dear to walk by numbers: GitLab then makes all of it anew for each page. By
/// keys, unless the page before was counted all the same.
fn page_by_key(visit: &Visit, address: &Address, turn: &Turn) -> Request {
    let by_key = |address: Address| address.query("pagination", "keyset").query("per_page", PER_PAGE);
    let address = match (&turn.key, turn.number) {
        (Some(key), _) => by_key(address.clone()).query("page_token", key),
        (None, 1) => by_key(address.clone()),
        (None, _) => return page(visit, address, turn),
    };
    request(visit, Method::Get, address)
}

/// Reads a page. `X-Next-Page` holds the next one's number, or nothing; `Link` names the next one, and its key where it
/// is walked by keys. A proxy may have taken both away: then a full page may be followed by another.
fn read_page<T>(
    reply: &Reply,
    now: i64,
    turn: &Turn,
    items: impl FnOnce(&Reply) -> Result<Vec<T>, Refusal>,
) -> Result<Page<T>, Refusal> {
    accept(reply, now)?;
    let items = items(reply)?;
    let link = reply.header("link").and_then(next_link);
    let next = match (link.and_then(key), reply.header("x-next-page")) {
        (Some(key), _) => Next::Key(key),
        (None, Some(number)) => Next::number_if(!number.is_empty()),
        (None, None) => {
            let may_follow =
                turn.key.is_none() && reply.header("link").is_none() && items.len().to_string() == PER_PAGE;
            Next::number_if(link.is_some() || may_follow)
        }
    };
    Ok(Page { items, next, is_cut: false })
}

/// The key in the address of a next page: nothing else of it is used.
fn key(address: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "page_token");
    found.map(|(_, key)| key.into_owned()).filter(|key| (1..=MOST_KEY_BYTES).contains(&key.len()))
}

/// The longest key that is sent back, in bytes.
const MOST_KEY_BYTES: usize = 4096;

/// How it says, to an update and to a deletion, that a file is no longer the one of the commit that was named; and to any
/// write, that the branch moved while it was made.
const STALE: [&str; 2] = ["has changed since you started editing", "Please refresh and try again"];

/// Passes a success.
fn accept(reply: &Reply, now: i64) -> Result<(), Refusal> {
    if (200..300).contains(&reply.status()) {
        return Ok(());
    }
    let refusal = judge::refusal(reply, now);
    // Untruncated, because the file's path stands before the words that decide.
    let has_changed = reply.status() == 400 && STALE.iter().any(|words| refusal.reason.contains(words));
    let why = if has_changed { Why::Stale } else { refusal.why };
    Err(Refusal { why, ..refusal })
}
