//! The sign-out question and the page after it.
//!
//! Owns the contexts of both pages and their conductors.

use super::{consent::Person, finish, style};
use crate::app::App;
use crate::pages::problem::Problem;
use crate::text::{Language, Text};
use crate::web::answer;
use crate::web::browser::Browser;
use crate::web::caller;
use crate::web::form::Received;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_store::StoreError;

/// `GET /sign-out`: a question, because a session is never ended by a GET.
pub struct SignOutPage<'a> {
    /// The language.
    pub language: Language,
    /// Who is signed in.
    pub person: Person<'a>,
    /// The hidden field `form_token`.
    pub form_token: &'a str,
}

impl SignOutPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        finish(SignOutHtml { text: self.language.text(), person: self.person, form_token: self.form_token }.render())
    }
}

#[cfg(test)]
impl SignOutPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> SignOutPage<'static> {
        SignOutPage {
            language: Language::English,
            person: Person { name: super::HOSTILE, account: super::HOSTILE },
            form_token: "c2FtcGxl",
        }
    }
}

/// The page that says that the session has ended.
pub struct SignedOutPage {
    /// The language.
    pub language: Language,
}

impl SignedOutPage {
    /// The page.
    pub fn render(&self) -> String {
        finish(SignedOutHtml { text: self.language.text() }.render())
    }

    /// The page as it is.
    #[cfg(test)]
    pub fn sample() -> SignedOutPage {
        SignedOutPage { language: Language::English }
    }
}

#[derive(Template)]
#[template(path = "sign_out.html", whitespace = "minimize")]
struct SignOutHtml<'a> {
    text: &'static Text,
    person: Person<'a>,
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "signed_out.html", whitespace = "minimize")]
struct SignedOutHtml {
    text: &'static Text,
}

/// `GET /sign-out`: the question; whoever is not signed in hears that at once.
pub async fn ask(State(app): State<Arc<App>>, received: Received) -> Response {
    let browser = match Browser::meet(&app, &received.headers, app.clock.now()).await {
        Ok(browser) => browser,
        Err(error) => return answer::store_page(&error, &received.request_id),
    };
    let response = match browser.session() {
        None => answer::see_other("/signed-out"),
        Some(session) => {
            let form_token = &browser.form_token("/sign-out");
            let page = SignOutPage { language: Language::English, person: Person::of(session), form_token };
            answer::page(200, page.render(), &[])
        }
    };
    browser.dress(&app, response)
}

/// What the button that signs out everywhere is for. It speaks for a person, so it is good only while the session is
/// the one that it was shown to: somebody else may have signed in in another tab (FM-48).
pub fn everywhere(browser: &Browser) -> String {
    let session = browser.session().map(|session| session.id.to_string()).unwrap_or_default();
    format!("/sign-out everywhere {session}")
}

/// `POST /sign-out`: ends the session, so that its cookie is worth nothing even where it was copied, and what was issued
/// to applications in it; with `everywhere=1` all sessions of the person, and whatever was issued in their name.
pub async fn leave(State(app): State<Arc<App>>, received: Received) -> Response {
    match end(&app, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

async fn end(app: &App, received: &Received) -> Result<Response, StoreError> {
    let now = app.clock.now();
    let mut browser = Browser::meet(app, &received.headers, now).await?;
    let form = received.page_form();
    let all = form.get("everywhere") == "1";
    let purpose = if all { everywhere(&browser) } else { "/sign-out".to_owned() };
    if !browser.accepts(app, received, &purpose, form.get("form_token")) {
        return Ok(browser.dress(app, answer::problem(Problem::FormStale, &received.request_id)));
    }
    if all && let Some(session) = browser.session() {
        let note = caller::note(app, received, format!("person:{}", session.number), now);
        app.store.sign_out_everywhere(session.person, &note).await?;
    }
    browser.leave(app, received, now).await?;
    Ok(browser.dress(app, answer::see_other("/signed-out")))
}

/// `GET /signed-out`. Says so only when it is true.
pub async fn show(State(app): State<Arc<App>>, received: Received) -> Response {
    match Browser::meet(&app, &received.headers, app.clock.now()).await {
        Ok(browser) if browser.session().is_some() => browser.dress(&app, answer::see_other("/")),
        Ok(browser) => {
            let page = SignedOutPage { language: Language::English };
            browser.dress(&app, answer::page(200, page.render(), &[]))
        }
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}
