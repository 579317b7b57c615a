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
use vestibule_oauth::logout::{self, LogoutRequest};
use vestibule_store::StoreError;

/// `GET /sign-out`: a question, because a session is never ended by a GET.
pub struct SignOutPage<'a> {
    /// The language.
    pub language: Language,
    /// Who is signed in.
    pub person: Person<'a>,
    /// The application that asks for it, if one does.
    pub asked_by: Option<&'a str>,
    /// The hidden field `form_token`, for [`Return::purpose`].
    pub form_token: &'a str,
    /// Where the person goes afterwards, if an application wants them back.
    pub way_back: Option<Return<'a>>,
}

/// Where a person goes after signing out. It travels in the form and is judged again when that comes back.
#[derive(Clone, Copy, Debug)]
pub struct Return<'a> {
    /// The application.
    pub client_id: &'a str,
    /// The address that it registered.
    pub uri: &'a str,
    /// Its own value; empty for none.
    pub state: &'a str,
}

impl Return<'_> {
    /// What the form token of the question is for: signing out, and going nowhere else than was asked.
    pub fn purpose(way_back: Option<&Return<'_>>) -> String {
        way_back.map_or_else(
            || "/sign-out".to_owned(),
            |Return { client_id, uri, state }| format!("/sign-out {client_id} {uri} {state}"),
        )
    }
}

impl SignOutPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        let Self { person, asked_by, form_token, way_back, .. } = *self;
        finish(SignOutHtml { text, person, asked_by, form_token, way_back }.render())
    }
}

#[cfg(test)]
impl SignOutPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> SignOutPage<'static> {
        SignOutPage {
            language: Language::English,
            person: Person { name: super::HOSTILE, account: super::HOSTILE },
            asked_by: Some(super::HOSTILE),
            form_token: "c2FtcGxl",
            way_back: Some(Return { client_id: super::HOSTILE, uri: super::HOSTILE, state: super::HOSTILE }),
        }
    }
}

/// The page that says that the session has ended.
pub struct SignedOutPage<'a> {
    /// The language.
    pub language: Language,
    /// The application that the person came from, and the way back to it.
    pub back: Option<(&'a str, &'a str)>,
}

impl SignedOutPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        finish(SignedOutHtml { text: self.language.text(), back: self.back }.render())
    }
}

#[cfg(test)]
impl SignedOutPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> SignedOutPage<'static> {
        let address = "https://wiki.example.org/?state=\"><script>alert('x')</script>";
        SignedOutPage { language: Language::English, back: Some((super::HOSTILE, address)) }
    }
}

#[derive(Template)]
#[template(path = "sign_out.html", whitespace = "minimize")]
struct SignOutHtml<'a> {
    text: &'static Text,
    person: Person<'a>,
    asked_by: Option<&'a str>,
    form_token: &'a str,
    way_back: Option<Return<'a>>,
}

#[derive(Template)]
#[template(path = "signed_out.html", whitespace = "minimize")]
struct SignedOutHtml<'a> {
    text: &'static Text,
    back: Option<(&'a str, &'a str)>,
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
            let page = SignOutPage {
                language: Language::English,
                person: Person::of(session),
                asked_by: None,
                form_token: &browser.form_token(&Return::purpose(None)),
                way_back: None,
            };
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
/// to applications in it; with `everywhere=1` all sessions of the person, and whatever was issued in their name. Then
/// the person goes back to the application that asked for it, if one did.
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
    let wanted = Return {
        client_id: form.get("client_id"),
        uri: form.get("post_logout_redirect_uri"),
        state: form.get("state"),
    };
    let wanted = (!wanted.client_id.is_empty()).then_some(wanted);
    let purpose = if all { everywhere(&browser) } else { Return::purpose(wanted.as_ref()) };
    if !browser.accepts(app, received, &purpose, form.get("form_token")) {
        return Ok(browser.dress(app, answer::problem(Problem::FormStale, &received.request_id)));
    }
    if all && let Some(session) = browser.session() {
        let note = caller::note(app, received, format!("person:{}", session.number), now);
        app.store.sign_out_everywhere(session.person, &note).await?;
        app.bell.ring();
    }
    browser.leave(app, received, now).await?;
    let back = match wanted {
        Some(wanted) => way_back(app, wanted).await?,
        None => None,
    };
    Ok(browser.dress(app, answer::see_other(back.as_deref().unwrap_or("/signed-out"))))
}

/// The whole address to go back to, if the application has it registered (still: it may have been a while).
async fn way_back(app: &App, wanted: Return<'_>) -> Result<Option<String>, StoreError> {
    let leaving = app.store.find_leaving_client(wanted.client_id).await?;
    let Some(leaving) = leaving.filter(|leaving| leaving.client.enabled) else { return Ok(None) };
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let request = LogoutRequest {
        post_logout_redirect_uri: text(wanted.uri),
        state: text(wanted.state),
        ..LogoutRequest::default()
    };
    let back = request.way_back(&leaving.client, &leaving.post_logout_redirect_uris).unwrap_or_default();
    Ok(back.map(|back| logout::location(&back, request.state.as_deref())))
}

/// `GET /signed-out`. Says so only when it is true.
pub async fn show(State(app): State<Arc<App>>, received: Received) -> Response {
    match Browser::meet(&app, &received.headers, app.clock.now()).await {
        Ok(browser) if browser.session().is_some() => browser.dress(&app, answer::see_other("/")),
        Ok(browser) => {
            let page = SignedOutPage { language: Language::English, back: None };
            browser.dress(&app, answer::page(200, page.render(), &[]))
        }
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}
