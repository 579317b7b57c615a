//! The steps of a stored authorization request: its page, and what the person does there.
//!
//! Owns that a request is shown to one browser only, that a form is accepted only where its step is due, and how
//! each step's outcome becomes a page or a redirect. Which step is due is `oauth::next_step`'s.

use crate::app::App;
use crate::pages::ApplicationCard;
use crate::pages::consent::{ConsentPage, Person, ScopeRow};
use crate::pages::problem::Problem;
use crate::pages::refused::NotAssignedPage;
use crate::pages::sign_in::{FAILED_STATUS, SignInPage};
use crate::text::Language;
use crate::web::answer;
use crate::web::browser::Browser;
use crate::web::caller::{self, SignIn};
use crate::web::form::{PageForm, Received};
use axum::response::Response;
use vestibule_oauth::authorize::AuthorizationRequest;
use vestibule_oauth::claims_request::ClaimsRequest;
use vestibule_oauth::client::Client;
use vestibule_oauth::consent::{self, Offer};
use vestibule_oauth::id::Id;
use vestibule_oauth::next_step::{Facts, Step, Visitor, next_step};
use vestibule_oauth::redirect_uri::csp_source;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::response::{failure_location, success_location};
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::{Kind, Secret};
use vestibule_store::StoreError;
use vestibule_store::authorizations::{Answer, Issue, StoredAuthorization};
use vestibule_store::codes::NewCode;
use vestibule_store::sessions::LiveSession;

/// Who is signed in, as the rulebook sees them.
pub fn visitor(session: &LiveSession) -> Visitor {
    Visitor { person: session.person, auth_time: session.auth_time, assigned: session.assigned }
}

/// The person in audit rows.
pub fn actor(session: &LiveSession) -> String {
    format!("person:{}", session.number)
}

/// A code that is about to be issued: what the store keeps, and where the browser goes with it.
pub struct Issued {
    /// What the store keeps.
    pub row: Issue,
    /// Where the browser goes; holds the code.
    pub location: String,
}

impl Issued {
    /// Makes a code for `scopes`; `consent` is what the store keeps of what was ticked just now.
    pub fn new(
        app: &App,
        client: &Client,
        request: &AuthorizationRequest,
        session: &LiveSession,
        scopes: ScopeSet,
        consent: Option<ScopeSet>,
        now: i64,
    ) -> Issued {
        let code = app.dice.secret(Kind::Code, app.dice.id(now));
        let location = success_location(&request.redirect_uri, &code.spell(), request.state.as_deref(), &app.issuer);
        let row = Issue {
            verb: app.dice.id(now),
            grant: app.dice.id(now),
            code: NewCode {
                id: code.id(),
                digest: code.digest(),
                redirect_uri: request.redirect_uri.clone(),
                redirect_uri_sent: request.redirect_uri_sent,
                challenge: request.challenge.clone(),
                nonce: request.nonce.clone(),
                max_age: request.max_age,
            },
            application: client.id,
            person: session.person,
            session: session.id,
            auth_time: session.auth_time,
            scopes,
            claims: request.claims.as_ref().map(ClaimsRequest::to_json),
            consent,
            last_consent: session.last_consent.clone(),
            consent_generation: session.consent_generation,
        };
        Issued { row, location }
    }
}

/// A stored request in the browser that it belongs to.
pub struct Stored {
    id: Id,
    row: StoredAuthorization,
    request: AuthorizationRequest,
    browser: Browser,
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
        Ok(Ok(Stored { id, row, request, browser, now }))
    }

    /// What comes next, given what the person ticked just now.
    fn step(&self, consented_now: Option<&ScopeSet>) -> Step {
        next_step(&Facts {
            request: &self.request,
            client: &self.row.client,
            visitor: self.browser.session().map(visitor),
            last_consent: self.browser.session().and_then(|session| session.last_consent.as_ref()),
            consented_now,
            request_created_at: Some(self.row.created_at),
        })
    }

    /// Shows what comes next, or sends the browser back when nothing more does.
    pub async fn show(self, app: &App, received: &Received) -> Result<Response, StoreError> {
        let response = match (self.step(None), self.browser.session()) {
            (Step::ApplicationOff, _) => answer::problem(Problem::ApplicationDisabled, &received.request_id),
            (Step::NotAssigned, Some(session)) => self.not_assigned_page(session, received),
            (Step::NotAssigned, None) => answer::problem(Problem::NotAssigned, &received.request_id),
            (Step::Consent(offer), Some(session)) => self.consent_page(&offer, session),
            (Step::Issue(scopes), Some(session)) => self.issue(app, received, session, scopes, None).await?,
            (Step::Refuse(refusal), _) => self.deny(app, received, &refusal).await?,
            (Step::SignIn | Step::Consent(_) | Step::Issue(_), _) => {
                self.sign_in_page(200, self.request.login_hint.as_deref().unwrap_or_default(), false)
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
        Ok(match caller::sign_in(app, &mut self.browser, name, &password, received).await? {
            SignIn::Done => self.again(),
            SignIn::Wrong => self.sign_in_page(FAILED_STATUS, name, true),
            SignIn::Busy => answer::problem(Problem::Busy, &received.request_id),
            SignIn::Wait(wait) => answer::wait_page(wait.0, &received.request_id),
        })
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
            (Step::Issue(scopes), Some(session)) => {
                let client = &self.row.client;
                let offered = consent::offered(client, self.request.scope.as_ref());
                let kept = consent::kept(client, &offered, session.last_consent.as_ref(), &granted);
                self.issue(app, received, session, scopes, Some(kept)).await
            }
            _ => Ok(self.again()),
        }
    }

    async fn issue(
        &self,
        app: &App,
        received: &Received,
        session: &LiveSession,
        scopes: ScopeSet,
        kept: Option<ScopeSet>,
    ) -> Result<Response, StoreError> {
        let issued = Issued::new(app, &self.row.client, &self.request, session, scopes, kept, self.now);
        let note = caller::note(app, received, actor(session), self.now);
        let outcome = app.store.issue_stored(self.id, &issued.row, &note).await?;
        Ok(self.sent_back(outcome, &issued.location, received))
    }

    async fn deny(&self, app: &App, received: &Received, refusal: &Refusal) -> Result<Response, StoreError> {
        let who = self.browser.session().map_or_else(|| "nobody".to_owned(), actor);
        let note = caller::note(app, received, who, self.now);
        let outcome = app.store.deny_stored(self.id, app.dice.id(self.now), &note).await?;
        let (uri, state) = (&self.request.redirect_uri, self.request.state.as_deref());
        Ok(self.sent_back(outcome, &failure_location(uri, refusal, state, &app.issuer), received))
    }

    fn sent_back(&self, outcome: Answer, location: &str, received: &Received) -> Response {
        match outcome {
            Answer::Given => answer::see_other(location),
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

    /// What a form is for. All but the sign-in form speak for a person, so they are good only while the session is the
    /// one that they were shown to: somebody else may have signed in in another tab (FM-48).
    fn purpose(&self, step: &str) -> String {
        match (step, self.browser.session()) {
            ("sign_in", _) | (_, None) => self.id.to_string(),
            (_, Some(session)) => format!("{} {}", self.id, session.id),
        }
    }

    fn card(&self) -> ApplicationCard<'_> {
        let row = &self.row;
        ApplicationCard::new(
            &row.client.name,
            &row.client.client_id,
            row.has_logo,
            row.home_page.as_deref(),
            row.verified,
        )
    }

    /// Where the forms of this page may lead besides ourselves: back to the application.
    fn follow(&self) -> Vec<String> {
        csp_source(&self.request.redirect_uri).into_iter().collect()
    }

    fn sign_in_page(&self, status: u16, name: &str, failed: bool) -> Response {
        let token = self.browser.form_token(&self.purpose("sign_in"));
        let page = SignInPage {
            language: Language::English,
            form_token: &token,
            application: Some(self.card()),
            name,
            failed,
        };
        answer::page(status, page.render(), &self.follow())
    }

    fn not_assigned_page(&self, session: &LiveSession, received: &Received) -> Response {
        let token = self.browser.form_token(&self.purpose("switch"));
        let page = NotAssignedPage {
            language: Language::English,
            form_token: &token,
            request_id: &received.request_id,
            application: &self.row.client.name,
            person: Person::of(session),
        };
        answer::page(Problem::NotAssigned.status(), page.render(), &[])
    }

    fn consent_page(&self, offer: &Offer, session: &LiveSession) -> Response {
        let token = self.browser.form_token(&self.purpose("consent"));
        let scopes = offer.rows.iter().map(|row| ScopeRow { name: &row.scope, ticked: row.ticked, fixed: row.fixed });
        let page = ConsentPage {
            language: Language::English,
            form_token: &token,
            application: self.card(),
            redirect_uri: &self.request.redirect_uri,
            scopes: scopes.collect(),
            person: Person::of(session),
        };
        answer::page(200, page.render(), &self.follow())
    }
}
