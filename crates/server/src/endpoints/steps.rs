//! The steps of a stored authorization request: its page, and what the person does there.
//!
//! Owns that a request is shown to one browser only, that a form is accepted only where its step is due, and how
//! each step's outcome becomes a page or a redirect. Which step is due is `oauth::next_step`'s; what stands on the pages is
//! put together in `step_pages`.

use crate::app::App;
use crate::endpoints::issued::{self, Issued, actor};
use crate::pages::account::Question;
use crate::pages::problem::Problem;
use crate::pages::sign_in::FAILED_STATUS;
use crate::web::answer;
use crate::web::browser::Browser;
use crate::web::caller::{self, SignIn};
use crate::web::departure::depart;
use crate::web::form::{PageForm, Received};
use axum::response::Response;
use vestibule_oauth::authorize::AuthorizationRequest;
use vestibule_oauth::consent::{self, Offer};
use vestibule_oauth::id::Id;
use vestibule_oauth::next_step::{Facts, Granted, Step, next_step};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::response::AuthorizationResponse;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::Secret;
use vestibule_store::StoreError;
use vestibule_store::authorizations::{Answer, StoredAuthorization};
use vestibule_store::sessions::LiveSession;

/// A stored request in the browser that it belongs to.
pub struct Stored {
    pub(super) id: Id,
    pub(super) row: StoredAuthorization,
    pub(super) request: AuthorizationRequest,
    pub(super) browser: Browser,
    /// The subject by which the application knows who is signed in; empty while nobody is.
    pub(super) subject: String,
    now: i64,
}

impl Stored {
    /// Finds the request at the address `id` for the browser that asks, or the page that says why there is none. Other
    /// browsers are told the same as for an id that never was (FM-45, FM-47).
    pub async fn find(app: &App, received: &Received, id: &str) -> Result<Result<Stored, Response>, StoreError> {
        let now = app.clock.now();
        let problem = |problem| Ok(Err(answer::problem(problem, &received.request_id)));
        let Some(id) = Id::parse(id) else { return problem(Problem::RequestUnknown) };
        let Some(row) = app.store.find_request(id).await? else { return problem(Problem::RequestUnknown) };
        let browser = Browser::meet_for(app, &received.headers, Some(row.client.id), now).await?;
        if !row.browser.matches(&browser.digest()) {
            return problem(Problem::RequestUnknown);
        }
        if row.answered_at.is_some() {
            return problem(Problem::AlreadySentBack);
        }
        if now >= row.expires_at {
            return problem(Problem::RequestExpired);
        }
        let request = AuthorizationRequest::from_json(&row.request)
            .ok_or_else(|| StoreError::inconsistent("authorizations.request"))?;
        let subject = browser.session().map(|session| issued::subject(app, &row.client, session)).unwrap_or_default();
        Ok(Ok(Stored { id, row, request, browser, subject, now }))
    }

    /// What comes next, given what the person ticked just now.
    fn step(&self, consented_now: Option<&ScopeSet>) -> Step {
        next_step(&Facts {
            request: &self.request,
            client: &self.row.client,
            visitor: self.browser.session().map(|session| issued::visitor(session, &self.subject)),
            last_consent: self.browser.session().and_then(|session| session.last_consent.as_ref()),
            consented_now,
            request_created_at: Some(self.row.created_at),
            chosen: self.row.chosen,
            now: self.now,
        })
    }

    /// Shows what comes next, or sends the browser back when nothing more does.
    pub async fn show(self, app: &App, received: &Received) -> Result<Response, StoreError> {
        let response = match (self.step(None), self.browser.session()) {
            (Step::ApplicationOff, _) => answer::problem(Problem::ApplicationDisabled, &received.request_id),
            (Step::SomebodyElse, Some(session)) => self.account_page(Question::SomebodyElse, session),
            (Step::ChooseAccount, Some(session)) => self.account_page(Question::Choose, session),
            (Step::NotAssigned, Some(session)) => self.not_assigned_page(session, received),
            (Step::NotAssigned, None) => answer::problem(Problem::NotAssigned, &received.request_id),
            (Step::Consent(offer), Some(session)) => self.consent_page(&offer, session),
            (Step::Issue(granted), Some(session)) => self.issue(app, received, session, granted, None).await?,
            (Step::Refuse(refusal), _) => self.deny(app, received, &refusal).await?,
            (Step::SignIn, _)
            | (Step::SomebodyElse | Step::ChooseAccount | Step::Consent(_) | Step::Issue(_), None) => {
                self.sign_in_page(200, self.expected_name(), false)
            }
        };
        Ok(self.browser.dress(app, response))
    }

    /// Does what a posted form says, if that is what comes next; whatever else it says, the page is shown again (FM-51).
    pub async fn act(mut self, app: &App, received: &Received) -> Result<Response, StoreError> {
        let form = received.page_form();
        if !self.browser.accepts(app, received, &self.purpose(form.get("step")), form.get("form_token")) {
            return Ok(answer::problem(Problem::FormStale, &received.request_id));
        }
        let response = match (form.get("step"), self.step(None)) {
            ("sign_in", Step::SignIn) => self.sign_in(app, received, &form).await?,
            ("consent", Step::Consent(offer)) => self.consent(app, received, &form, &offer).await?,
            ("choose", Step::ChooseAccount) => self.choose(app).await?,
            ("decline", Step::SomebodyElse) => {
                let refusal = Refusal::new(Code::LoginRequired, "The person who is asked for did not sign in.");
                self.deny(app, received, &refusal.for_wire(self.row.client.wire())).await?
            }
            ("switch", _) => {
                self.browser.leave(app, received, self.now).await?;
                self.again()
            }
            _ => self.again(),
        };
        Ok(self.browser.dress(app, response))
    }

    async fn sign_in(&mut self, app: &App, received: &Received, form: &PageForm) -> Result<Response, StoreError> {
        let (name, password) = (form.get("name"), Secret::new(form.get("password")));
        let asked_at = Some(self.row.created_at);
        Ok(match caller::sign_in(app, &mut self.browser, (name, &password), asked_at, received).await? {
            SignIn::Done => self.again(),
            SignIn::Wrong => self.sign_in_page(FAILED_STATUS, name, true),
            SignIn::Busy => answer::problem(Problem::Busy, &received.request_id),
            SignIn::Wait(wait) => answer::problem(wait.problem(), &received.request_id),
        })
    }

    async fn choose(&self, app: &App) -> Result<Response, StoreError> {
        if let Some(session) = self.browser.session() {
            app.store.choose_session(self.id, session.id, self.now).await?;
        }
        Ok(self.again())
    }

    async fn consent(
        &self,
        app: &App,
        received: &Received,
        form: &PageForm,
        offer: &Offer,
    ) -> Result<Response, StoreError> {
        let ticked: Vec<&str> = form.all("scope").collect();
        let granted = match form.get("decision") {
            "allow" => offer.decide(&ticked),
            "deny" => None,
            _ => return Ok(self.again()),
        };
        let Some(granted) = granted else {
            let refusal = Refusal::new(Code::AccessDenied, "The person did not allow it.");
            return self.deny(app, received, &refusal.for_wire(self.row.client.wire())).await;
        };
        match (self.step(Some(&granted)), self.browser.session()) {
            (Step::Issue(issued), Some(session)) => {
                let client = &self.row.client;
                let offered = consent::offered(client, self.request.asked().as_ref());
                let kept = consent::kept(client, &offered, session.last_consent.as_ref(), &granted);
                self.issue(app, received, session, issued, Some(kept)).await
            }
            _ => Ok(self.again()),
        }
    }

    async fn issue(
        &self,
        app: &App,
        received: &Received,
        session: &LiveSession,
        granted: Granted,
        kept: Option<ScopeSet>,
    ) -> Result<Response, StoreError> {
        let issued = Issued::new(app, &self.row.client, &self.request, session, granted, kept, self.now);
        let note = caller::note(app, received, actor(session), self.now);
        let outcome = app.store.issue_stored(self.id, &issued.row, &note).await?;
        Ok(self.sent_back(outcome, &issued.response, received))
    }

    async fn deny(&self, app: &App, received: &Received, refusal: &Refusal) -> Result<Response, StoreError> {
        let who = self.browser.session().map_or_else(|| "nobody".to_owned(), actor);
        let note = caller::note(app, received, who, self.now);
        let outcome = app.store.deny_stored(self.id, app.dice.id(self.now), &note).await?;
        let AuthorizationRequest { redirect_uri, response_mode, state, .. } = &self.request;
        let failure =
            AuthorizationResponse::failure(redirect_uri, *response_mode, refusal, state.as_deref(), &app.issuer);
        Ok(self.sent_back(outcome, &failure, received))
    }

    fn sent_back(&self, outcome: Answer, response: &AuthorizationResponse, received: &Received) -> Response {
        match outcome {
            Answer::Given => depart(response, &self.row.client.name, self.language()),
            Answer::AlreadyAnswered => answer::problem(Problem::AlreadySentBack, &received.request_id),
            Answer::Expired => answer::problem(Problem::RequestExpired, &received.request_id),
            // Something was switched off in between: what comes next is another step now.
            Answer::NoLongerAllowed => self.again(),
        }
    }

    /// Sends the browser to the request's own address.
    fn again(&self) -> Response {
        answer::see_other(&format!("/oauth/authorize/{}", self.id))
    }
}
