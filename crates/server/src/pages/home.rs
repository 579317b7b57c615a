//! `/`, for a person who is signed in and for a visitor, and the sign-in that belongs to no application.
//!
//! Owns the page's context and both conductors. A sign-in on an application's behalf is `endpoints/authorize`'s.

use super::sign_in::{self, SignInPage};
use super::{consent::Person, finish, signed_out, style};
use crate::app::App;
use crate::pages::problem::Problem;
use crate::text::{Language, Text};
use crate::web::answer;
use crate::web::browser::Browser;
use crate::web::caller::{self, SignIn};
use crate::web::form::Received;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::secret::Secret;
use vestibule_store::StoreError;

/// The page's context.
pub struct HomePage<'a> {
    /// The language.
    pub language: Language,
    /// Who is signed in; `None` for a visitor.
    pub person: Option<Person<'a>>,
    /// Whether that person is an administrator.
    pub administrator: bool,
    /// The form token of the sign-out button.
    pub form_token: &'a str,
    /// The form token of the button that signs out everywhere.
    pub everywhere_token: &'a str,
}

impl HomePage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        finish(
            Html {
                text: self.language.text(),
                person: self.person,
                administrator: self.administrator,
                form_token: self.form_token,
                everywhere_token: self.everywhere_token,
            }
            .render(),
        )
    }
}

#[cfg(test)]
impl HomePage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> HomePage<'static> {
        HomePage {
            language: Language::English,
            person: Some(Person { name: super::HOSTILE, account: super::HOSTILE }),
            administrator: true,
            form_token: "c2FtcGxl",
            everywhere_token: "ZXZlcnl3aGVyZQ",
        }
    }
}

#[derive(Template)]
#[template(path = "home.html", whitespace = "minimize")]
struct Html<'a> {
    text: &'static Text,
    person: Option<Person<'a>>,
    administrator: bool,
    form_token: &'a str,
    everywhere_token: &'a str,
}

/// `GET /`.
pub async fn show(State(app): State<Arc<App>>, received: Received) -> Response {
    let browser = match Browser::meet(&app, &received.headers, app.clock.now()).await {
        Ok(browser) => browser,
        Err(error) => return answer::store_page(&error, &received.request_id),
    };
    let page = HomePage {
        language: Language::English,
        person: browser.session().map(Person::of),
        administrator: browser.session().is_some_and(|session| session.administrator),
        form_token: &browser.form_token("/sign-out"),
        everywhere_token: &browser.form_token(&signed_out::everywhere(&browser)),
    };
    browser.dress(&app, answer::page(200, page.render(), &[]))
}

/// `GET /sign-in`. Whoever is signed in has nothing to do here.
pub async fn sign_in_page(State(app): State<Arc<App>>, received: Received) -> Response {
    match Browser::meet(&app, &received.headers, app.clock.now()).await {
        Ok(browser) if browser.session().is_some() => browser.dress(&app, answer::see_other("/")),
        Ok(browser) => {
            let page = sign_in_form(&browser, "/sign-in", "", false);
            browser.dress(&app, answer::page(200, page, &[]))
        }
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

/// `POST /sign-in`.
pub async fn sign_in(State(app): State<Arc<App>>, received: Received) -> Response {
    match try_sign_in(&app, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

async fn try_sign_in(app: &App, received: &Received) -> Result<Response, StoreError> {
    let mut browser = Browser::meet(app, &received.headers, app.clock.now()).await?;
    let fields = received.page_form();
    if !browser.accepts(app, received, "/sign-in", fields.get("form_token")) {
        return Ok(browser.dress(app, answer::problem(Problem::FormStale, &received.request_id)));
    }
    let (name, password) = (fields.get("name"), Secret::new(fields.get("password")));
    let response = match caller::sign_in(app, &mut browser, (name, &password), None, received).await? {
        SignIn::Done => answer::see_other("/"),
        SignIn::Wrong => answer::page(sign_in::FAILED_STATUS, sign_in_form(&browser, "/sign-in", name, true), &[]),
        SignIn::Busy => answer::problem(Problem::Busy, &received.request_id),
        SignIn::Wait(wait) => answer::problem(wait.problem(), &received.request_id),
    };
    Ok(browser.dress(app, response))
}

/// The sign-in page that belongs to no application, of the address that `purpose` names.
pub fn sign_in_form(browser: &Browser, purpose: &str, name: &str, failed: bool) -> String {
    let form_token = &browser.form_token(purpose);
    SignInPage { language: Language::English, form_token, application: None, name, failed }.render()
}
