//! The pages of a stored authorization request, put together from what is known of it.
//!
//! Owns what each page is told and where its forms may lead. Which page is due, `steps` finds out.

use crate::endpoints::steps::Stored;
use crate::pages::ApplicationCard;
use crate::pages::account::{AccountPage, Question};
use crate::pages::consent::{ConsentPage, Person, ScopeRow};
use crate::pages::problem::Problem;
use crate::pages::refused::NotAssignedPage;
use crate::pages::sign_in::SignInPage;
use crate::text::Language;
use crate::web::answer;
use crate::web::form::Received;
use axum::response::Response;
use vestibule_oauth::consent::Offer;
use vestibule_oauth::redirect_uri::csp_sources;
use vestibule_store::sessions::LiveSession;

impl Stored {
    /// What a form is for. All but the sign-in form speak for a person, so they are good only while the session is the
    /// one that they were shown to: somebody else may have signed in in another tab (FM-48).
    pub(super) fn purpose(&self, step: &str) -> String {
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

    /// Where the forms of this page may lead besides ourselves: back to the application, and on from there.
    fn follow(&self) -> Vec<String> {
        csp_sources(&self.request.redirect_uri)
    }

    /// The language that the application thinks the person reads.
    pub(super) fn language(&self) -> Language {
        Language::of(&self.request.ui_locales)
    }

    /// Who will probably sign in: whom the application names, or who is signed in and is asked to do so again.
    pub(super) fn expected_name(&self) -> &str {
        let signed_in = self.browser.session().filter(|_| self.request.is_for(&self.subject));
        let signed_in = signed_in.map(|session| session.user_name.as_str());
        self.request.login_hint.as_deref().or(signed_in).unwrap_or_default()
    }

    pub(super) fn account_page(&self, question: Question, session: &LiveSession) -> Response {
        let token = self.browser.form_token(&self.purpose("choose"));
        let page = AccountPage {
            language: self.language(),
            form_token: &token,
            application: self.card(),
            person: Person::of(session),
            question,
        };
        answer::page(200, page.render(), &self.follow())
    }

    pub(super) fn sign_in_page(&self, status: u16, name: &str, failed: bool) -> Response {
        let token = self.browser.form_token(&self.purpose("sign_in"));
        let page =
            SignInPage { language: self.language(), form_token: &token, application: Some(self.card()), name, failed };
        answer::page(status, page.render(), &self.follow())
    }

    pub(super) fn not_assigned_page(&self, session: &LiveSession, received: &Received) -> Response {
        let token = self.browser.form_token(&self.purpose("switch"));
        let page = NotAssignedPage {
            language: self.language(),
            form_token: &token,
            request_id: &received.request_id,
            application: &self.row.client.name,
            person: Person::of(session),
        };
        answer::page(Problem::NotAssigned.status(), page.render(), &[])
    }

    pub(super) fn consent_page(&self, offer: &Offer, session: &LiveSession) -> Response {
        let token = self.browser.form_token(&self.purpose("consent"));
        let scopes = offer.rows.iter().map(|row| ScopeRow { name: &row.scope, ticked: row.ticked, fixed: row.fixed });
        let page = ConsentPage {
            language: self.language(),
            form_token: &token,
            application: self.card(),
            redirect_uri: &self.request.redirect_uri,
            scopes: scopes.collect(),
            person: Person::of(session),
        };
        answer::page(200, page.render(), &self.follow())
    }
}
