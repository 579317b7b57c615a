//! `/applications`: which applications may use the person's account, what they may do there, and taking it back.
//!
//! Owns the page's context and its conductors. What withdrawing ends is the store's.

use super::{ApplicationCard, finish, style};
use crate::app::App;
use crate::clock::rfc3339;
use crate::pages::problem::Problem;
use crate::text::{Language, ScopeMeaning, Text};
use crate::web::browser::Browser;
use crate::web::form::Received;
use crate::web::{answer, caller};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_store::StoreError;
use vestibule_store::consents::Allowed;

/// The page's context.
pub struct ApplicationsPage<'a> {
    /// The language.
    pub language: Language,
    /// The hidden field `form_token`.
    pub form_token: &'a str,
    /// What the person allowed.
    pub allowed: &'a [Allowed],
}

impl ApplicationsPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        let rows = self.allowed.iter().map(|one| Row::of(text, one)).collect();
        finish(Html { text, form_token: self.form_token, rows }.render())
    }
}

#[cfg(test)]
impl ApplicationsPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> ApplicationsPage<'static> {
        use std::sync::OnceLock;
        static ALLOWED: OnceLock<Vec<Allowed>> = OnceLock::new();
        let allowed = ALLOWED.get_or_init(|| {
            vec![Allowed {
                application: vestibule_oauth::id::Id::from_bytes([1; 16]),
                client_id: super::HOSTILE.to_owned(),
                name: super::HOSTILE.to_owned(),
                home_page: Some("javascript:alert(1)".to_owned()),
                verified: false,
                has_logo: true,
                scopes: vestibule_oauth::scope::ScopeSet::parse("openid x<script>'").unwrap(),
                given_at: 0,
            }]
        });
        ApplicationsPage { language: Language::English, form_token: "c2FtcGxl", allowed }
    }
}

/// An application on the page.
struct Row<'a> {
    application: ApplicationCard<'a>,
    client_id: &'a str,
    may: Vec<String>,
    moment: String,
}

impl<'a> Row<'a> {
    fn of(text: &'static Text, one: &'a Allowed) -> Row<'a> {
        let words = |scope: &str| match ScopeMeaning::of(scope) {
            Some(meaning) => (text.scope)(meaning).what.to_owned(),
            None => (text.unknown_scope)(scope),
        };
        Row {
            application: ApplicationCard::new(
                &one.name,
                &one.client_id,
                one.has_logo,
                one.home_page.as_deref(),
                one.verified,
            ),
            client_id: &one.client_id,
            may: one.scopes.iter().map(words).collect(),
            moment: rfc3339(one.given_at),
        }
    }

    /// The day, which says enough to a person.
    fn day(&self) -> &str {
        self.moment.split('T').next().unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "applications.html", whitespace = "minimize")]
struct Html<'a> {
    text: &'static Text,
    form_token: &'a str,
    rows: Vec<Row<'a>>,
}

/// What the buttons are for: they speak for a person, and so only for the session that they were shown to (FM-48).
fn purpose(browser: &Browser) -> String {
    let session = browser.session().map(|session| session.id.to_string()).unwrap_or_default();
    format!("/applications {session}")
}

/// `GET /applications`. A visitor is asked to sign in.
pub async fn show(State(app): State<Arc<App>>, received: Received) -> Response {
    match list(&app, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

async fn list(app: &App, received: &Received) -> Result<Response, StoreError> {
    let now = app.clock.now();
    let browser = Browser::meet(app, &received.headers, now).await?;
    let response = match browser.session() {
        None => answer::see_other("/sign-in"),
        Some(session) => {
            let allowed = &app.store.list_allowed(session.person, now).await?;
            let form_token = &browser.form_token(&purpose(&browser));
            let page = ApplicationsPage { language: Language::English, form_token, allowed };
            answer::page(200, page.render(), &[])
        }
    };
    Ok(browser.dress(app, response))
}

/// `POST /applications`: withdraws everything that the person allowed one application.
pub async fn withdraw(State(app): State<Arc<App>>, received: Received) -> Response {
    match take_back(&app, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

async fn take_back(app: &App, received: &Received) -> Result<Response, StoreError> {
    let now = app.clock.now();
    let browser = Browser::meet(app, &received.headers, now).await?;
    let form = received.page_form();
    if !browser.accepts(app, received, &purpose(&browser), form.get("form_token")) {
        return Ok(browser.dress(app, answer::problem(Problem::FormStale, &received.request_id)));
    }
    let Some(session) = browser.session() else {
        return Ok(browser.dress(app, answer::see_other("/sign-in")));
    };
    // An application that has gone meanwhile has nothing left to withdraw.
    if let Some(client) = app.store.find_client(form.get("client_id"), now).await? {
        let note = caller::note(app, received, format!("person:{}", session.number), now);
        app.store.withdraw_consent(session.person, client.client.id, &note).await?;
    }
    Ok(browser.dress(app, answer::see_other("/applications")))
}
