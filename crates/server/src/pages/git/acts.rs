//! `/git` and `/git/{project}`: a person looks at their projects' authorizations, and sets out for, renews and deletes them.
//!
//! Owns the conductors. Whoever is in no such project is told the same as of one that does not exist (FM-131).

use super::landed::KeptPage;
use super::portal::{DeletePage, HostChoice, PortalPage, ProjectsPage};
use super::{Fault, here, label, sign_in, sorry};
use crate::app::App;
use crate::broker::NotKept;
use crate::broker::departing::{Traveller, depart};
use crate::broker::ending::end;
use crate::broker::keeping::{Keeper, Workbench};
use crate::broker::place::Place;
use crate::broker::tokens::{Brought, bring, read_token};
use crate::pages::home::sign_in_form;
use crate::pages::problem::Problem;
use crate::text::Language;
use crate::web::browser::Browser;
use crate::web::form::{PageForm, Received};
use crate::web::{answer, caller};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_githost::refusal::Why;
use vestibule_oauth::id::Id;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_store::StoreError;
use vestibule_store::git_authorizations::GitAuthorization;
use vestibule_store::git_hosts::GitHost;
use vestibule_store::projects::{OwnProject, Role};
use vestibule_store::sessions::LiveSession;

/// Where the pages begin.
const GIT: &str = "/git";
/// What the sign-in form of these pages is for.
const SIGN_IN: &str = "/git";
/// The parameter that names what was just kept.
const KEPT: &str = "kept";
/// For how long something was just kept, in milliseconds: as long as the way back is open.
const JUST_MS: i64 = 10 * 60_000;

/// Where a person reads what was just kept.
pub fn kept_at(row: &GitAuthorization) -> String {
    // A name has no character that an address would have to escape.
    format!("{GIT}/{}?{KEPT}={}", row.project, row.name)
}

/// `GET /git`: the projects; the one that there is, if there is only one.
pub async fn projects(State(app): State<Arc<App>>, received: Received) -> Response {
    let shown = async {
        let browser = Browser::meet(&app, &received.headers, app.clock.now()).await?;
        let response = match browser.session() {
            // Whoever signs in stays at the address that they came to.
            None => answer::page(200, sign_in_form(&browser, SIGN_IN, "", false), &[]),
            Some(session) => match app.store.projects_of(session.person).await?.as_slice() {
                [only] => answer::see_other(&format!("{GIT}/{}", only.id)),
                projects => answer::page(200, ProjectsPage { language: Language::English, projects }.render(), &[]),
            },
        };
        Ok(browser.dress(&app, response))
    };
    shown.await.unwrap_or_else(|error: StoreError| answer::store_page(&error, &received.request_id))
}

/// `GET /git/{project}`: its authorizations.
pub async fn show(State(app): State<Arc<App>>, received: Received) -> Response {
    let shown = async {
        let browser = Browser::meet(&app, &received.headers, app.clock.now()).await?;
        let response = match browser.session() {
            // Whoever signs in stays at the address that they came to.
            None => answer::page(200, sign_in_form(&browser, SIGN_IN, "", false), &[]),
            Some(session) => match Portal::of(&app, &received, session).await? {
                Some(portal) => match portal.kept(&app, &received).await? {
                    Some(kept) => kept,
                    None => portal.page(&app, &browser, 200, None).await?,
                },
                None => answer::problem(Problem::NotFound, &received.request_id),
            },
        };
        Ok(browser.dress(&app, response))
    };
    shown.await.unwrap_or_else(|error: StoreError| answer::store_page(&error, &received.request_id))
}

/// `POST /git` and `POST /git/{project}`: signs in, or does what the buttons say.
pub async fn act(State(app): State<Arc<App>>, received: Received) -> Response {
    let acted = async {
        let mut browser = Browser::meet(&app, &received.headers, app.clock.now()).await?;
        let form = received.page_form();
        if form.get("step") == "sign_in" {
            let response = sign_in(&app, &mut browser, &received, (&form, SIGN_IN)).await?;
            return Ok(browser.dress(&app, response));
        }
        let sorry = |problem| answer::problem(problem, &received.request_id);
        let response = match browser.session() {
            None => answer::see_other(&here(&received)),
            Some(session) => match Portal::of(&app, &received, session).await? {
                None => sorry(Problem::NotFound),
                Some(portal) if !browser.accepts(&app, &received, &portal.purpose(), form.get("form_token")) => {
                    sorry(Problem::FormStale)
                }
                Some(portal) if portal.project.role < Role::Editor => sorry(Problem::GitNotAllowed),
                Some(portal) => portal.do_as(&app, &received, &browser, &form).await?,
            },
        };
        Ok(browser.dress(&app, response))
    };
    acted.await.unwrap_or_else(|error: StoreError| answer::store_page(&error, &received.request_id))
}

/// A project's page, for one of its members.
struct Portal<'a> {
    session: &'a LiveSession,
    project: OwnProject,
    hosts: Vec<GitHost>,
}

impl<'a> Portal<'a> {
    async fn of(app: &App, received: &Received, session: &'a LiveSession) -> Result<Option<Portal<'a>>, StoreError> {
        let named = received.path.strip_prefix(GIT).and_then(|rest| rest.strip_prefix('/')).and_then(Id::parse);
        let own = app.store.projects_of(session.person).await?;
        let Some(project) = own.into_iter().find(|own| Some(own.id) == named) else { return Ok(None) };
        let hosts = app.store.git_hosts_of(project.id).await?;
        Ok(Some(Portal { session, project, hosts }))
    }

    fn here(&self) -> String {
        format!("{GIT}/{}", self.project.id)
    }

    /// What the forms are for: they speak for a person, and so only for the session that they were shown to (FM-48).
    fn purpose(&self) -> String {
        format!("{} {}", self.here(), self.session.id)
    }

    /// What was just kept, if the address names it. Anybody can make such an address: it says nothing that is not so.
    async fn kept(&self, app: &App, received: &Received) -> Result<Option<Response>, StoreError> {
        let Ok(query) = Parameters::read(received.query.as_deref(), Body::None, None) else { return Ok(None) };
        let Ok(Some(name)) = query.get(KEPT) else { return Ok(None) };
        let rows = app.store.list_git_authorizations(self.project.id).await?;
        let is_just = |row: &&GitAuthorization| row.name == name && app.clock.now() - row.updated_at < JUST_MS;
        let Some(row) = rows.iter().find(is_just) else { return Ok(None) };
        let host = self.hosts.iter().find(|host| host.id == row.host).map_or_else(|| row.host_name.clone(), label);
        let (language, project, list) = (Language::English, &self.project.name, &self.here());
        let page = KeptPage { language, row, host, project, list, renewed: row.generation > 1 };
        Ok(Some(answer::page(200, page.render(), &[])))
    }

    async fn page(
        &self,
        app: &App,
        browser: &Browser,
        status: u16,
        fault: Option<(&str, Fault)>,
    ) -> Result<Response, StoreError> {
        let is_editor = self.project.role >= Role::Editor;
        let rows = app.store.list_git_authorizations(self.project.id).await?;
        let hosts: Vec<HostChoice> = self.hosts.iter().map(choice).collect();
        let page = PortalPage {
            language: Language::English,
            form_token: &browser.form_token(&self.purpose()),
            project: &self.project.name,
            here: &self.here(),
            rows: &rows,
            hosts: &hosts,
            is_editor,
            fault,
            now: app.clock.now(),
        };
        // Chromium applies form-action to the redirect that follows a form: people leave for these hosts.
        let follow: Vec<String> = self.hosts.iter().filter_map(origin).collect();
        Ok(answer::page(status, page.render(), &follow))
    }

    async fn do_as(
        &self,
        app: &Arc<App>,
        received: &Received,
        browser: &Browser,
        form: &PageForm,
    ) -> Result<Response, StoreError> {
        let name = form.get("name");
        let found = app.store.find_git_authorization(self.project.id, name).await?;
        let row = found.as_ref().map(|found| &found.authorization);
        let note = caller::note(app, received, format!("person:{}", self.session.number), app.clock.now());
        let chosen = Id::parse(form.get("host")).or_else(|| row.map(|row| row.host));
        let host = self.hosts.iter().find(|host| Some(host.id) == chosen);
        let keeper = |in_place| {
            let (person, project, name) = (self.session.person, self.project.id, name.trim().to_owned());
            Keeper { person, project, name, in_place, note: note.clone() }
        };
        let token = async |in_place, host: &GitHost| {
            let token = read_token(form.get("token").trim()).ok_or(NotKept::Host(Why::TokenRefused))?;
            bring(app, keeper(in_place), host.clone(), Brought::Personal(token)).await.map(|_| self.again())
        };
        let outcome = match (form.get("step"), row, host) {
            ("create", _, Some(host)) => self.leave(app, host, None).await,
            ("renew", Some(row), Some(host)) => self.leave(app, host, Some(row.id)).await,
            ("token", _, Some(host)) => token(false, host).await,
            ("renew_token", Some(_), Some(host)) => token(true, host).await,
            ("ask_delete", Some(row), _) => {
                let (form_token, back) = (&browser.form_token(&self.purpose()), &self.here());
                let page = DeletePage { language: Language::English, form_token, row, back };
                Ok(answer::page(200, page.render(), &[]))
            }
            ("delete", _, _) => {
                let ended = end(Workbench::of(app), self.project.id, name, &note).await;
                app.revocations.ring();
                ended.map(|_| self.again())
            }
            _ => Ok(self.again()),
        };
        match outcome {
            Ok(response) => Ok(response),
            Err(NotKept::BadName) => self.page(app, browser, 422, Some((name, Fault::Name))).await,
            Err(NotKept::NameTaken) => self.page(app, browser, 422, Some((name, Fault::NameTaken))).await,
            Err(NotKept::Host(Why::TokenRefused | Why::Forbidden | Why::ScopeMissing { .. })) => {
                self.page(app, browser, 422, Some((name, Fault::Token))).await
            }
            Err(why) => Ok(sorry(why, received)),
        }
    }

    /// Sends the person's browser to the host.
    async fn leave(&self, app: &App, host: &GitHost, renews: Option<Id>) -> Result<Response, NotKept> {
        let (person, project) = (self.session.person, self.project.id);
        let url = depart(app, Traveller { person, project, host, tag: None, renews }).await?;
        Ok(answer::see_other(&url))
    }

    fn again(&self) -> Response {
        answer::see_other(&self.here())
    }
}

fn choice(host: &GitHost) -> HostChoice {
    let by_redirect = host.client_id.is_some() && host.secret.is_some();
    HostChoice { id: host.id.to_string(), label: label(host), name: host.name.clone(), by_redirect }
}

/// The origin of a host's pages.
fn origin(host: &GitHost) -> Option<String> {
    let place = Place::of(host)?;
    let url = url::Url::parse(place.site.web().as_str()).ok()?;
    Some(url.origin().ascii_serialization())
}
