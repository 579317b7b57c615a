//! `/git/callback/{host}`: where a Git host sends people back to. The pages where they set out are in `acts` and `portal`.
//!
//! Owns the conductors of the way back: the person signs in if they are not, the flow lands in their browser only, and is
//! finished by the page's form, or elsewhere with what the page shows. The page stands at the callback's own address, so
//! that code and state can be copied from there. No address that it leads to comes from outside (statement 125).

pub mod acts;
pub mod browse;
pub mod landed;
pub mod portal;
pub mod shelves;

use super::home::sign_in_form;
use super::problem::Problem;
use super::sign_in::FAILED_STATUS;
use crate::app::App;
use crate::broker::finishing::{Finish, finish};
use crate::broker::keeping::Keeper;
use crate::broker::place::Place;
use crate::broker::{CALLBACK, NotKept};
use crate::text::Language;
use crate::web::answer;
use crate::web::browser::Browser;
use crate::web::caller::{self, SignIn};
use crate::web::form::{PageForm, Received};
use axum::extract::State;
use axum::response::Response;
use landed::LandedPage;
use std::sync::Arc;
use vestibule_githost::refusal::Why;
use vestibule_oauth::id::Id;
use vestibule_oauth::parameters::{Body, Parameters};
use vestibule_oauth::secret::{Kind, MachineSecret, Secret};
use vestibule_store::StoreError;
use vestibule_store::audit::{Event, Note};
use vestibule_store::git_flow_steps::{GitFlowRefusal, GitLanding, LandGitFlow};
use vestibule_store::git_flows::GitFlow;
use vestibule_store::git_hosts::GitHost;
use vestibule_store::projects::Role;
use vestibule_store::sessions::LiveSession;

/// What is wrong with a name that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is none that an authorization may have.
    Name,
    /// The project has an authorization of this name.
    NameTaken,
    /// The host does not accept the token, or it is none.
    Token,
}

/// `GET /git/callback/{host}`.
pub async fn land(State(app): State<Arc<App>>, received: Received) -> Response {
    match shown(&app, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

/// `POST /git/callback/{host}`: signs in, or keeps what landed.
pub async fn act(State(app): State<Arc<App>>, received: Received) -> Response {
    match acted(&app, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

async fn shown(app: &App, received: &Received) -> Result<Response, StoreError> {
    let now = app.clock.now();
    let browser = Browser::meet(app, &received.headers, now).await?;
    let response = match browser.session() {
        // Nothing of the address is looked at before it is known who brings it; it is kept by staying here.
        None => answer::page(200, sign_in_form(&browser, PURPOSE, "", false), &[]),
        Some(session) => match landing(app, received, session, now).await? {
            Ok(landed) => answer::page(200, landed.page(app, &browser, None).await?, &[]),
            Err(problem) => answer::problem(problem, &received.request_id),
        },
    };
    Ok(browser.dress(app, response))
}

async fn acted(app: &Arc<App>, received: &Received) -> Result<Response, StoreError> {
    let now = app.clock.now();
    let mut browser = Browser::meet(app, &received.headers, now).await?;
    let form = received.page_form();
    if form.get("step") == "sign_in" {
        let response = sign_in(app, &mut browser, received, (&form, PURPOSE)).await?;
        return Ok(browser.dress(app, response));
    }
    let sorry = |problem| answer::problem(problem, &received.request_id);
    let response = match browser.session() {
        None => answer::see_other(&here(received)),
        Some(session) => match Landing::read(app, received).await? {
            Ok(asked) if browser.accepts(app, received, &asked.purpose(session), form.get("form_token")) => {
                match asked.land(app, received, session, now).await? {
                    Ok(landed) => landed.keep(app, received, &browser, session, &form).await?,
                    Err(problem) => sorry(problem),
                }
            }
            Ok(_) => sorry(Problem::FormStale),
            Err(problem) => sorry(problem),
        },
    };
    Ok(browser.dress(app, response))
}

/// Signs in at the address that somebody came to; `purpose` is what its form was for.
async fn sign_in(
    app: &App,
    browser: &mut Browser,
    received: &Received,
    (form, purpose): (&PageForm, &str),
) -> Result<Response, StoreError> {
    if !browser.accepts(app, received, purpose, form.get("form_token")) {
        return Ok(answer::problem(Problem::FormStale, &received.request_id));
    }
    let (name, password) = (form.get("name"), Secret::new(form.get("password")));
    Ok(match caller::sign_in(app, browser, (name, &password), None, received).await? {
        SignIn::Done => answer::see_other(&here(received)),
        SignIn::Wrong => answer::page(FAILED_STATUS, sign_in_form(browser, purpose, name, true), &[]),
        SignIn::Busy => answer::problem(Problem::Busy, &received.request_id),
        SignIn::Wait(wait) => answer::problem(wait.problem(), &received.request_id),
    })
}

/// This very address, with the code and the state that stand in it.
fn here(received: &Received) -> String {
    let query = received.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{query}", received.path)
}

async fn landing(
    app: &App,
    received: &Received,
    session: &LiveSession,
    now: i64,
) -> Result<Result<Landed, Problem>, StoreError> {
    match Landing::read(app, received).await? {
        Ok(asked) => asked.land(app, received, session, now).await,
        Err(problem) => Ok(Err(problem)),
    }
}

/// What stands in the address that a host sent somebody back to.
struct Landing {
    host: GitHost,
    state: MachineSecret,
    code: Result<Secret, Problem>,
    /// Whether an issuer is named, and it is another host's (RFC 9207).
    other_issuer: bool,
}

impl Landing {
    async fn read(app: &App, received: &Received) -> Result<Result<Landing, Problem>, StoreError> {
        let Some(host) = received.path.strip_prefix(CALLBACK).and_then(Id::parse) else {
            return Ok(Err(Problem::NotFound));
        };
        let Some(host) = app.store.find_git_host(host).await? else { return Ok(Err(Problem::NotFound)) };
        let Ok(query) = Parameters::read(received.query.as_deref(), Body::None, None) else {
            return Ok(Err(Problem::InvalidRequest));
        };
        let (Ok(state), Ok(code), Ok(error), Ok(iss)) =
            (query.get("state"), query.get("code"), query.get("error"), query.get("iss"))
        else {
            return Ok(Err(Problem::InvalidRequest));
        };
        let state = state.and_then(|state| MachineSecret::parse(Kind::GitState, state));
        let Some(state) = state else { return Ok(Err(Problem::GitWayOver)) };
        let code = match (error, code) {
            (Some("access_denied"), _) => Err(Problem::GitDenied),
            (Some(_), _) => Err(Problem::GitHostFailed),
            (None, Some(code)) => Ok(Secret::new(code)),
            (None, None) => Err(Problem::GitWayOver),
        };
        let other_issuer = iss.is_some_and(|iss| !Place::of(&host).is_some_and(|place| place.site.may_be_issuer(iss)));
        Ok(Ok(Landing { host, state, code, other_issuer }))
    }

    /// What the page's forms are for: this flow, in the session that it was shown to (FM-48).
    fn purpose(&self, session: &LiveSession) -> String {
        format!("{CALLBACK}{} {} {}", self.host.id, self.state.id(), session.id)
    }

    /// Lands the flow, or finds that it has landed here before. Nothing is sent to anybody.
    async fn land(
        self,
        app: &App,
        received: &Received,
        session: &LiveSession,
        now: i64,
    ) -> Result<Result<Landed, Problem>, StoreError> {
        let note = caller::note(app, received, format!("person:{}", session.number), now);
        if self.other_issuer {
            self.tell(app, &note, "other_issuer").await?;
            return Ok(Err(Problem::GitWayOver));
        }
        let code = match &self.code {
            Ok(code) => code.clone(),
            Err(problem) => {
                self.tell(app, &note, problem.code()).await?;
                return Ok(Err(*problem));
            }
        };
        let landing =
            GitLanding { person: session.person, session: session.root, host: self.host.id, code: code.digest() };
        let flow = match app.store.land_git_flow(&self.state, &landing, &note).await? {
            LandGitFlow::Landed(flow) | LandGitFlow::Again(flow) => *flow,
            LandGitFlow::Refused(GitFlowRefusal::OtherPerson) => return Ok(Err(Problem::GitWayForeign)),
            LandGitFlow::Refused(GitFlowRefusal::Taken) => return Ok(Err(Problem::GitWayUsed)),
            LandGitFlow::Refused(_) => return Ok(Err(Problem::GitWayOver)),
        };
        let role = app.store.role_in(flow.project, session.person).await?;
        if role.is_none_or(|role| role < Role::Editor) {
            return Ok(Err(Problem::GitNotAllowed));
        }
        let purpose = self.purpose(session);
        Ok(Ok(Landed { flow, state: self.state, code, purpose, note }))
    }

    async fn tell(&self, app: &App, note: &Note, why: &str) -> Result<(), StoreError> {
        let (target, details) = (format!("git_flow:{}", self.state.id()), why.to_owned());
        app.store.keep_event(note, Event { action: "git_flow.land", target, outcome: "refused", details }).await
    }
}

/// A flow that has landed in this browser.
struct Landed {
    flow: GitFlow,
    state: MachineSecret,
    code: Secret,
    purpose: String,
    note: Note,
}

impl Landed {
    async fn page(&self, app: &App, browser: &Browser, typed: Option<(&str, Fault)>) -> Result<String, StoreError> {
        let rows = app.store.list_git_authorizations(self.flow.project).await?;
        let offered = landed::free_name(&self.flow.host.kind, &rows);
        let renewable = rows.iter().filter(|row| row.host == self.flow.host.id).collect();
        Ok(LandedPage {
            language: Language::English,
            form_token: &browser.form_token(&self.purpose),
            host: label(&self.flow.host),
            project: &self.flow.project_name,
            name: typed.map_or(offered.as_str(), |(name, _)| name),
            fault: typed.map(|(_, fault)| fault),
            renewable,
            code: self.code.expose(),
            state: self.state.spell().expose(),
            renews: self.flow.renews.and_then(|id| rows.iter().find(|row| row.id == id)),
            expires_at: self.flow.expires_at,
            person: browser.session().map(super::consent::Person::of),
        }
        .render())
    }

    async fn keep(
        self,
        app: &Arc<App>,
        received: &Received,
        browser: &Browser,
        session: &LiveSession,
        form: &PageForm,
    ) -> Result<Response, StoreError> {
        let (name, in_place) = (form.get("name").trim().to_owned(), form.get("step") == "renew");
        // A row of the trail of its own: the landing has one already if it was refused.
        let note = Note { id: app.dice.id(app.clock.now()), ..self.note.clone() };
        let keeper = Keeper { person: session.person, project: self.flow.project, name, in_place, note };
        let name = keeper.name.clone();
        let wanted = Finish {
            keeper,
            kind_or_name: self.flow.host.name.clone(),
            host: Some(self.flow.host.id),
            tag: None,
            state: self.state.spell(),
            code: self.code.clone(),
        };
        let again =
            async |fault| Ok(answer::page(422, self.page(app, browser, Some((name.as_str(), fault))).await?, &[]));
        match finish(app, wanted).await {
            // Away from the address that has the spent code and state in it.
            Ok(row) => Ok(answer::see_other(&acts::kept_at(&row))),
            Err(NotKept::BadName) => again(Fault::Name).await,
            Err(NotKept::NameTaken) => again(Fault::NameTaken).await,
            Err(why) => Ok(sorry(why, received)),
        }
    }
}

/// The page that says why nothing was kept, and when to come again where that mends it.
fn sorry(why: NotKept, received: &Received) -> Response {
    let wait_s = why.wait_s();
    let mut response = answer::problem(unkept(why), &received.request_id);
    if let Some(seconds) = wait_s {
        answer::retry_after(&mut response, seconds);
    }
    response
}

/// What a person is told when nothing was kept.
fn unkept(why: NotKept) -> Problem {
    match why {
        NotKept::Host(Why::RateLimited { .. } | Why::Crowded { .. }) => Problem::GitTooManyTries,
        NotKept::Host(_) => Problem::GitHostFailed,
        NotKept::Ours(cause) => {
            tracing::error!(cause, "an authorization could not be kept");
            Problem::ServerError
        }
        NotKept::TooManyTries(_) => Problem::GitTooManyTries,
        NotKept::Flow(GitFlowRefusal::OtherPerson) => Problem::GitWayForeign,
        NotKept::NotAllowed | NotKept::Flow(GitFlowRefusal::NoEditor) => Problem::GitNotAllowed,
        NotKept::Flow(GitFlowRefusal::Taken) => Problem::GitWayUsed,
        NotKept::Flow(_) => Problem::GitWayOver,
        _ => Problem::GitNotKept,
    }
}

/// What people call the host: its kind, and where it is if there are several such.
fn label(host: &GitHost) -> String {
    let Some(place) = Place::of(host) else { return host.name.clone() };
    let habits = place.kind.habits();
    match place.site.web().as_str() == habits.public {
        true => habits.label.to_owned(),
        false => format!("{} ({})", habits.label, place.site.web().host()),
    }
}

/// What the sign-in form of this address is for.
const PURPOSE: &str = "/git/callback";
