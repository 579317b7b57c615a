//! `/git/{project}/browse/{authorization}`: a person looks at what an authorization opens: namespaces, repositories,
//! branches, folders, and a file.
//!
//! Owns the conductor: where in the repository the address points, and what is asked of the host for it. Nothing is changed,
//! here or there, and members see what viewers may read by the API. What a page shows is `shelves`'s; the token, and what the
//! host's no means for it, are `broker::visiting`'s.

use super::shelves::{Contents, Crumb, Item, Kind, ShelfPage, Trouble};
use crate::app::App;
use crate::broker::visiting::{AuthorizationName, VisitRefusal, visit, visit_large};
use crate::pages::home::sign_in_form;
use crate::pages::problem::Problem;
use crate::text::Language;
use crate::web::answer;
use crate::web::browser::Browser;
use crate::web::form::Received;
use crate::web::large::{Turn, holding};
use axum::extract::State;
use axum::response::Response;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use vestibule_githost::answers::Listing;
use vestibule_githost::errand::Step;
use vestibule_githost::host::{GitHost, Place};
use vestibule_githost::names::{FilePath, Namespace, Project, Ref};
use vestibule_githost::refusal::{Refusal, Why};
use vestibule_githost::site::Visit;
use vestibule_oauth::id::Id;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_store::StoreError;
use vestibule_store::projects::OwnProject;

/// What the sign-in form of these pages is for.
const SIGN_IN: &str = "/git/browse";
/// How many pages one person may have looked up at once, and how long one more waits.
pub const AT_ONCE: usize = 4;
const PATIENCE: Duration = Duration::from_secs(2);
/// The most entries that one page shows.
const MOST_SHOWN: usize = 1000;

/// `GET /git/{project}/browse/{authorization}`.
pub async fn show(State(app): State<Arc<App>>, received: Received) -> Response {
    let shown = async {
        let browser = Browser::meet(&app, &received.headers, app.clock.now()).await?;
        let response = match browser.session() {
            // Whoever signs in stays at the address that they came to.
            None => answer::page(200, sign_in_form(&browser, SIGN_IN, "", false), &[]),
            Some(session) => {
                let own = app.store.projects_of(session.person).await?;
                match Aisle::read(&received, own) {
                    Some(aisle) => aisle.walk(&app, session.person, &received.request_id).await,
                    None => answer::problem(Problem::NotFound, &received.request_id),
                }
            }
        };
        Ok(browser.dress(&app, response))
    };
    shown.await.unwrap_or_else(|error: StoreError| answer::store_page(&error, &received.request_id))
}

/// `POST /git/{project}/browse/{authorization}`: signs in.
pub async fn sign_in(State(app): State<Arc<App>>, received: Received) -> Response {
    let signed_in = async {
        let mut browser = Browser::meet(&app, &received.headers, app.clock.now()).await?;
        let form = received.page_form();
        let response = super::sign_in(&app, &mut browser, &received, (&form, SIGN_IN)).await?;
        Ok(browser.dress(&app, response))
    };
    signed_in.await.unwrap_or_else(|error: StoreError| answer::store_page(&error, &received.request_id))
}

/// Where somebody stands: as far as the address says.
struct Aisle {
    project: OwnProject,
    named: String,
    name: AuthorizationName,
    namespace: Option<String>,
    repository: Option<String>,
    branch: Option<String>,
    /// The folder, with a slash at its end; empty is the root.
    folder: String,
    file: Option<String>,
}

impl Aisle {
    /// Reads the address. `None` for a project of others and for what is no such address: the same page (FM-131).
    fn read(received: &Received, own: Vec<OwnProject>) -> Option<Aisle> {
        let (project, named) = received.path.strip_prefix("/git/")?.split_once("/browse/")?;
        let project = Id::parse(project)?;
        let project = own.into_iter().find(|own| own.id == project)?;
        let query = Parameters::read(received.query.as_deref(), Body::None, None).ok()?;
        let text = |name| query.get(name).ok().map(|value| value.filter(|text| !text.is_empty()).map(str::to_owned));
        let (namespace, repository, branch) = (text("namespace")?, text("repository")?, text("ref")?);
        let (folder, file) = (text("folder")?.unwrap_or_default(), text("file")?);
        let name = AuthorizationName::parse(named)?;
        Some(Aisle { project, named: named.to_owned(), name, namespace, repository, branch, folder, file })
    }

    async fn walk(&self, app: &Arc<App>, person: Id, request_id: &str) -> Response {
        let seat = app.browsing.take(person, PATIENCE).await;
        let looked = match &seat {
            Some(_) => self.look(app).await,
            None => Err(VisitRefusal::Crowded { wait_s: 2, reason: String::new() }),
        };
        let mut held = None;
        let (contents, wait_s) = match looked {
            Ok((contents, turn)) => {
                held = turn;
                (contents, None)
            }
            Err(VisitRefusal::Unknown | VisitRefusal::StaysHere) => {
                return answer::problem(Problem::NotFound, request_id);
            }
            Err(VisitRefusal::Ours(cause)) => {
                tracing::error!(cause, "a Git host could not be looked at");
                return answer::problem(Problem::ServerError, request_id);
            }
            Err(VisitRefusal::Invalid(reason)) => (Contents::None(Trouble::Over(reason)), None),
            Err(VisitRefusal::RateLimited { wait_s, .. }) => {
                (Contents::None(Trouble::Wait(wait_s)), Some(wait_s.max(1)))
            }
            Err(VisitRefusal::Crowded { wait_s, .. }) => (Contents::None(Trouble::Later(wait_s)), Some(wait_s.max(1))),
            Err(VisitRefusal::Host(refusal)) => (Contents::None(trouble(refusal)), None),
        };
        let status = if let Contents::None(trouble) = &contents { trouble.status() } else { 200 };
        let crumbs = self.crumbs();
        let back = format!("/git/{}", self.project.id);
        let page = ShelfPage {
            language: Language::English,
            project: &self.project.name,
            authorization: &self.named,
            back: &back,
            crumbs: &crumbs,
            contents: &contents,
        };
        let mut response = answer::page(status, page.render(), &[]);
        if let Some(seconds) = wait_s {
            answer::retry_after(&mut response, seconds);
        }
        match held {
            Some(turn) => holding(response, turn),
            None => response,
        }
    }

    /// Asks the host for what lies where the person stands. What may be large has a turn with it.
    async fn look(&self, app: &Arc<App>) -> Result<(Contents, Option<Turn>), VisitRefusal> {
        let Some(namespace) = &self.namespace else {
            let all = self.ask(app, |host, visit| host.namespaces(visit)).await?;
            let link = |name| vec![("namespace", name)];
            return Ok((self.list(Kind::Namespaces, names(all, |item| item.name), link), None));
        };
        let namespace = Namespace::parse(namespace).map_err(VisitRefusal::Host)?;
        let Some(repository) = &self.repository else {
            let all = self.ask(app, |host, visit| host.projects(visit, &namespace)).await?;
            let link = |name| vec![("namespace", namespace.as_str().to_owned()), ("repository", name)];
            return Ok((self.list(Kind::Repositories, names(all, |item| item.name), link), None));
        };
        let place = Place { namespace, project: Project::parse(repository).map_err(VisitRefusal::Host)? };
        let Some(branch) = &self.branch else {
            let all = self.ask(app, |host, visit| host.branches(visit, &place)).await?;
            let link = |name| self.in_repository([("ref", name)]);
            return Ok((self.list(Kind::Branches, all, link), None));
        };
        let at = Ref::parse(branch).map_err(VisitRefusal::Host)?;
        match &self.file {
            Some(file) => {
                let path = FilePath::parse(file).map_err(VisitRefusal::Host)?;
                let asked = self.ask_large(app, |host, visit| host.read_file(visit, &place, &path, &at));
                let (file, turn) = asked.await?;
                Ok((Contents::File(file), Some(turn)))
            }
            None => {
                let (tree, turn) = self.ask_large(app, |host, visit| host.tree(visit, &place, &at)).await?;
                Ok((self.folder(tree), Some(turn)))
            }
        }
    }

    /// Asks for a tree or a file: they are large while they are read, however little of them a page shows.
    async fn ask_large<T: Send + 'static>(
        &self,
        app: &Arc<App>,
        ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T>,
    ) -> Result<(T, Turn), VisitRefusal> {
        visit_large(app, self.project.id, &self.name, ask).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        app: &Arc<App>,
        ask: impl Fn(&'static dyn GitHost, &Visit) -> Step<T>,
    ) -> Result<T, VisitRefusal> {
        visit(app, self.project.id, &self.name, ask).await
    }

    /// What lies in the folder, of all paths that the repository has: folders first.
    fn folder(&self, tree: Listing<String>) -> Contents {
        let is_folder = self.folder.is_empty() || self.folder.ends_with('/');
        let (mut folders, mut files) = (BTreeSet::new(), BTreeSet::new());
        for path in &tree.items {
            let Some(rest) = path.strip_prefix(&self.folder) else { continue };
            match rest.split_once('/') {
                Some((folder, _)) => folders.insert(folder.to_owned()),
                None => files.insert(rest.to_owned()),
            };
        }
        // What was left out of a list that is cut may lie here.
        let is_there =
            is_folder && (self.folder.is_empty() || tree.is_cut || !(folders.is_empty() && files.is_empty()));
        if !is_there {
            return Contents::None(Trouble::NotThere);
        }
        let branch = || self.branch.clone().unwrap_or_default();
        let inside = |name: &str| format!("{}{name}", self.folder);
        let folder = |name: String| {
            let to = self.to(&self.in_repository([("ref", branch()), ("folder", format!("{}/", inside(&name)))]));
            Item { label: format!("{name}/"), to: Some(to), is_folder: true }
        };
        let file = |name: String| {
            // A colon stands for a slash in every address of ours: a file with one in its name has none.
            let has_address = !inside(&name).contains(':') && FilePath::parse(&inside(&name)).is_ok();
            let to = || self.to(&self.in_repository([("ref", branch()), ("file", inside(&name))]));
            Item { to: has_address.then(to), label: name, is_folder: false }
        };
        let items: Vec<Item> = folders.into_iter().map(folder).chain(files.into_iter().map(file)).collect();
        shelf(Kind::Folder, items, tree.is_cut)
    }

    fn list(&self, kind: Kind, all: Listing<String>, link: impl Fn(String) -> Vec<(&'static str, String)>) -> Contents {
        let item = |name: String| Item { to: Some(self.to(&link(name.clone()))), label: name, is_folder: true };
        shelf(kind, all.items.into_iter().map(item).collect(), all.is_cut)
    }

    /// The parameters of this repository and some more.
    fn in_repository<const N: usize>(&self, more: [(&'static str, String); N]) -> Vec<(&'static str, String)> {
        let given = |name, value: &Option<String>| value.clone().map(|value| (name, value));
        let mut all: Vec<_> = given("namespace", &self.namespace).into_iter().collect();
        all.extend(given("repository", &self.repository));
        all.extend(more);
        all
    }

    fn to(&self, parameters: &[(&'static str, String)]) -> String {
        let here = format!("/git/{}/browse/{}", self.project.id, self.named);
        if parameters.is_empty() {
            return here;
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("{here}?{query}")
    }

    /// The way back, step by step; the last one is where the person stands.
    fn crumbs(&self) -> Vec<Crumb> {
        let mut crumbs = vec![Crumb { label: self.named.clone(), to: self.to(&[]) }];
        let mut add = |label: &str, to: Vec<(&'static str, String)>| {
            crumbs.push(Crumb { label: label.to_owned(), to: self.to(&to) });
        };
        let Some(namespace) = &self.namespace else { return crumbs };
        add(namespace, vec![("namespace", namespace.clone())]);
        let Some(repository) = &self.repository else { return crumbs };
        add(repository, self.in_repository([]));
        let Some(branch) = &self.branch else { return crumbs };
        add(branch, self.in_repository([("ref", branch.clone())]));
        let path = self.file.as_deref().unwrap_or(&self.folder);
        let mut end = 0;
        for part in path.split_inclusive('/') {
            end += part.len();
            let folder = self.in_repository([("ref", branch.clone()), ("folder", path[..end].to_owned())]);
            match part.strip_suffix('/') {
                Some(label) => add(label, folder),
                None => add(part, self.in_repository([("ref", branch.clone()), ("file", path.to_owned())])),
            }
        }
        crumbs
    }
}

fn names<T>(listing: Listing<T>, name: impl Fn(T) -> String) -> Listing<String> {
    Listing { items: listing.items.into_iter().map(name).collect(), is_cut: listing.is_cut }
}

fn shelf(kind: Kind, mut items: Vec<Item>, is_cut: bool) -> Contents {
    let hidden = items.len().saturating_sub(MOST_SHOWN);
    items.truncate(MOST_SHOWN);
    Contents::Shelf { kind, items, hidden, is_cut }
}

/// What a host's no means to a person who only looks.
fn trouble(refusal: Refusal) -> Trouble {
    match refusal.why {
        Why::NotFound | Why::Invalid => Trouble::NotThere,
        Why::TooLarge => Trouble::TooLarge,
        Why::CannotDo | Why::Forbidden | Why::ScopeMissing { .. } => Trouble::Refused(refusal.reason),
        _ => Trouble::Away,
    }
}
