//! GitHub: github.com and GitHub Enterprise Server.
//!
//! Owns what is GitHub's own; its rooms: signing in (`sign_in`), repositories (`repos`), files (`files`), webhooks (`hooks`). The quirks:
//! the token endpoint answers errors with status 200, and in form encoding unless JSON is asked for; tokens end after
//! eight hours, and refresh tokens rotate, only where the owner of the application switched that on; 403 is also its
//! word for a spent allowance; what a token may not see is 404.

mod files;
mod hooks;
mod repos;
mod sign_in;

use crate::address::{Address, Base};
use crate::answers::{
    CommitItem, File, HookItem, Listing, NamespaceItem, PER_PAGE, ProjectInfo, ProjectItem, Tokens, Upstream,
};
use crate::clone_url::CloneUrl;
use crate::errand::Step;
use crate::host::{Call, Change, GitHost, Habits, Place};
use crate::judge::{self, Said};
use crate::names::{BlobSha, Content, FilePath, HookId, Message, Namespace, NewName, Ref};
use crate::paging::{Next, Page, Turn, next_link};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::secret::Secret;
use crate::site::{Application, Departure, Site, Visit};
use crate::wire::{Method, Request};

/// The kind.
#[derive(Debug)]
pub struct GitHub;

static HABITS: Habits = Habits {
    kind: "github",
    label: "GitHub",
    public: "https://github.com",
    // GitHub looks at the token alone; this is the name that its own tools send, and one that a renamed account keeps.
    git_user: Some("x-access-token"),
    knows_pkce: true,
    scopes: &[
        ("read:user", "to know whose authorization it is"),
        ("read:org", "to list the organizations whose repositories may be read"),
        ("repo", "to read and change repositories, private ones too"),
        ("write:repo_hook", "to list and make webhooks"),
    ],
    cannot: &[(
        Call::Password,
        "GitHub gives no tokens for a password: authorize by redirect, or bring a personal token",
    )],
};

#[rustfmt::skip] // One method a line, as in the trait.
impl GitHost for GitHub {
    fn habits(&self) -> &'static Habits { &HABITS }

    fn site(&self, web: Base) -> Site {
        // Enterprise Server has its API below its pages; github.com and each GHE.com have a host of its own for it.
        let has_own = web.as_str() == HABITS.public || (web.host().ends_with(".ghe.com") && web.path().is_empty());
        let own = web.as_str().replacen("://", "://api.", 1);
        let api = Base::parse(&own).ok().filter(|_| has_own).unwrap_or_else(|| web.join("api/v3"));
        Site::new(web, api)
    }

    fn send_user(&self, site: &Site, application: &Application, departure: Departure<'_>) -> String { sign_in::send_user(site, application, departure) }
    fn trade_code(&self, site: &Site, application: &Application, code: &Secret, verifier: Option<&Secret>) -> Step<Tokens> { sign_in::trade_code(site, application, code, verifier) }
    fn refresh(&self, site: &Site, application: &Application, refresh: &Secret) -> Step<Tokens> { sign_in::refresh(site, application, refresh) }
    fn who(&self, visit: &Visit) -> Step<Upstream> { sign_in::who(visit) }
    fn revoke(&self, site: &Site, application: &Application, access: &Secret, refresh: Option<&Secret>) -> Step<()> { sign_in::revoke(site, application, access, refresh) }

    fn namespaces(&self, visit: &Visit) -> Step<Listing<NamespaceItem>> { repos::namespaces(visit) }
    fn project_info(&self, visit: &Visit, clone_url: &CloneUrl) -> Step<ProjectInfo> { repos::project_info(visit, clone_url) }
    fn projects(&self, visit: &Visit, namespace: &Namespace) -> Step<Listing<ProjectItem>> { repos::projects(visit, namespace) }
    fn create_project(&self, visit: &Visit, namespace: &Namespace, name: &NewName) -> Step<ProjectItem> { repos::create_project(visit, namespace, name) }
    fn branches(&self, visit: &Visit, place: &Place) -> Step<Listing<String>> { repos::branches(visit, place) }
    fn tags(&self, visit: &Visit, place: &Place) -> Step<Listing<String>> { repos::tags(visit, place) }
    fn create_tag(&self, visit: &Visit, place: &Place, target: &Ref, name: &Ref, message: &Message) -> Step<()> { repos::create_tag(visit, place, target, name, message) }
    fn delete_tag(&self, visit: &Visit, place: &Place, name: &Ref) -> Step<()> { repos::delete_tag(visit, place, name) }
    fn commits(&self, visit: &Visit, place: &Place, from: Option<&Ref>) -> Step<Vec<CommitItem>> { repos::commits(visit, place, from) }
    fn hooks(&self, visit: &Visit, place: &Place) -> Step<Listing<HookItem>> { hooks::hooks(visit, place) }
    fn create_hook(&self, visit: &Visit, place: &Place, url: &str, secret: &Secret) -> Step<HookItem> { hooks::create_hook(visit, place, url, secret) }
    fn delete_hook(&self, visit: &Visit, place: &Place, hook: &HookId) -> Step<()> { hooks::delete_hook(visit, place, hook) }

    fn tree(&self, visit: &Visit, place: &Place, at: &Ref) -> Step<Listing<String>> { files::tree(visit, place, at) }
    fn read_file(&self, visit: &Visit, place: &Place, path: &FilePath, at: &Ref) -> Step<File> { files::read(visit, place, path, at) }
    fn create_file(&self, visit: &Visit, place: &Place, change: &Change, content: &Content) -> Step<()> { files::create(visit, place, change, content) }
    fn update_file(&self, visit: &Visit, place: &Place, change: &Change, content: &Content, sha: &BlobSha) -> Step<()> { files::update(visit, place, change, content, sha) }
    fn delete_file(&self, visit: &Visit, place: &Place, change: &Change, sha: &BlobSha) -> Step<()> { files::delete(visit, place, change, sha) }
}

/// A repository by the names that stand in GitHub's addresses.
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

/// A request as the person of `visit`.
fn request(visit: &Visit, method: Method, address: Address) -> Request {
    documented(Request::new(method, address)).bearer(&visit.token)
}

/// The headers that GitHub's documentation asks for.
fn documented(request: Request) -> Request {
    request.header("Accept", "application/vnd.github+json").header("X-GitHub-Api-Version", "2022-11-28")
}

/// A request for a page of a list.
fn page(visit: &Visit, address: &Address, turn: &Turn) -> Request {
    let address = address.clone().query("per_page", PER_PAGE).query("page", &turn.number.to_string());
    request(visit, Method::Get, address)
}

/// Reads a page: another one follows if the `Link` header names a next one. A list over several organizations leaves out
/// those that want the token authorized for their single sign-on, and says so in a header.
fn read_page<T>(
    reply: &Reply,
    now: i64,
    items: impl FnOnce(&Reply) -> Result<Vec<T>, Refusal>,
) -> Result<Page<T>, Refusal> {
    accept(reply, now)?;
    let next = Next::number_if(reply.header("link").and_then(next_link).is_some());
    let is_cut = reply.header("x-github-sso").is_some_and(|sso| sso.starts_with("partial-results"));
    Ok(Page { items: items(reply)?, next, is_cut })
}

/// Whether it says that the repository has no commit yet.
fn is_empty(reply: &Reply) -> bool {
    reply.status() == 409 && Said::of(reply).has(&["is empty"])
}

/// Passes a success; a refusal is judged with GitHub's own quirks.
fn accept(reply: &Reply, now: i64) -> Result<(), Refusal> {
    if (200..300).contains(&reply.status()) {
        return Ok(());
    }
    let refusal = judge::refusal(reply, now);
    if reply.status() != 403 {
        return Err(refusal);
    }
    let wants_sso = reply.header("x-github-sso").is_some_and(|sso| sso.starts_with("required"));
    if refusal.why == Why::Forbidden && wants_sso {
        // The address beside it is for one person and one time, and not for our words.
        let reason = "the organization wants this token authorized for its single sign-on, in the person's settings";
        return Err(Refusal::raw(Why::Forbidden, reason.to_owned()));
    }
    let header = |name| reply.header(name).filter(|list| !list.is_empty());
    // An App's token has no scopes; the scopes that would do are told to it all the same.
    let scopes = header("x-oauth-scopes");
    let accepted = header("x-accepted-oauth-scopes").filter(|_| scopes.is_some());
    let needed = accepted.or_else(|| header("x-accepted-github-permissions"));
    let why = match refusal.why {
        Why::Forbidden if lacks(scopes, accepted) || Said::of(reply).has(&["not accessible by"]) => {
            Why::ScopeMissing { needed: needed.map(str::to_owned) }
        }
        why => why,
    };
    Err(Refusal { why, ..refusal })
}

/// Whether the token has scopes, and none of those that would do.
fn lacks(has: Option<&str>, needed: Option<&str>) -> bool {
    let split = |list: &str| list.split(',').map(|s| s.trim().to_owned()).filter(|s| !s.is_empty()).collect::<Vec<_>>();
    let (Some(has), Some(needed)) = (has, needed) else { return false };
    let has = split(has);
    !split(needed).iter().any(|scope| has.contains(scope))
}
