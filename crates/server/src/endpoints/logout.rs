//! `GET|POST /oauth/logout`: an application sends a person to sign out (OpenID Connect RP-Initiated Logout).
//!
//! Owns the order of calls. When the person is asked first and where they may go afterwards, `oauth::logout` says; the
//! question, and signing out itself, are `pages/signed_out`'s.

use crate::app::App;
use crate::pages::consent::Person;
use crate::pages::problem::{Callback, ForDevelopers, Problem};
use crate::pages::signed_out::{Return, SignOutPage, SignedOutPage};
use crate::text::Language;
use crate::web::browser::Browser;
use crate::web::form::Received;
use crate::web::{answer, by_get};
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::id::Id;
use vestibule_oauth::id_token_hint::{self, Hint};
use vestibule_oauth::logout::{self, LogoutRequest, Next};
use vestibule_oauth::redirect_uri::{RedirectMismatch, csp_sources};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::subject;
use vestibule_store::StoreError;
use vestibule_store::logout::LeavingClient;

/// An application sends a person to sign out.
pub async fn begin(State(app): State<Arc<App>>, received: Received) -> Response {
    match arrive(&app, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

/// What was asked, as far as it could be believed.
struct Asked {
    request: LogoutRequest,
    hint: Option<Hint>,
    leaving: Option<LeavingClient>,
    /// Where the person goes afterwards: registered by the application.
    back: Option<String>,
}

async fn arrive(app: &App, received: &Received) -> Result<Response, StoreError> {
    let asked = match read(app, received).await? {
        Ok(asked) => asked,
        Err(response) => return Ok(response),
    };
    if by_get::is_due(app, received) {
        return Ok(by_get::ask_again(received).unwrap_or_else(|refusal| refused(received, None, &refusal, None)));
    }
    let now = app.clock.now();
    let mut browser = Browser::meet(app, &received.headers, now).await?;
    let response = match browser.session() {
        None => nobody_here(&asked),
        Some(session) => match logout::next(asked.hint.as_ref(), asked.session(app, session.root).as_deref()) {
            Next::Ask => ask(&asked, &browser),
            Next::Leave => {
                browser.leave(app, received, now).await?;
                answer::see_other(asked.way_back().as_deref().unwrap_or("/signed-out"))
            }
        },
    };
    Ok(browser.dress(app, response))
}

/// Reads and judges what was asked; the error is the page that says what to mend.
async fn read(app: &App, received: &Received) -> Result<Result<Asked, Response>, StoreError> {
    let request = match by_get::parameters(received).and_then(|parameters| LogoutRequest::read(&parameters)) {
        Ok(request) => request,
        Err(refusal) => return Ok(Err(refused(received, None, &refusal, None))),
    };
    let hint = match read_hint(app, &request).await? {
        Ok(hint) => hint,
        Err(refusal) => return Ok(Err(refused(received, None, &refusal, None))),
    };
    let leaving = match request.asker(hint.as_ref()) {
        Err(refusal) => return Ok(Err(refused(received, None, &refusal, None))),
        Ok(None) => None,
        Ok(Some(client_id)) => match app.store.find_leaving_client(client_id).await? {
            None => return Ok(Err(answer::problem(Problem::UnknownApplication, &received.request_id))),
            Some(found) if !found.client.enabled => {
                return Ok(Err(answer::problem(Problem::ApplicationDisabled, &received.request_id)));
            }
            found => found,
        },
    };
    let back = match &leaving {
        Some(leaving) => match request.way_back(&leaving.client, &leaving.post_logout_redirect_uris) {
            Ok(back) => back,
            Err(mismatch) => {
                let sentence = "post_logout_redirect_uri is not registered: 'vestibule app set' registers it.";
                let refusal = Refusal::new(Code::InvalidRequest, sentence);
                return Ok(Err(refused(received, Some(leaving), &refusal, Some(&mismatch))));
            }
        },
        None if request.post_logout_redirect_uri.is_some() => {
            let sentence = "post_logout_redirect_uri needs id_token_hint or client_id, which say whose address it is.";
            return Ok(Err(refused(received, None, &Refusal::new(Code::InvalidRequest, sentence), None)));
        }
        None => None,
    };
    Ok(Ok(Asked { request, hint, leaving, back }))
}

/// The hint, if there is one: ours, unchanged, though it may be long over.
async fn read_hint(app: &App, request: &LogoutRequest) -> Result<Result<Option<Hint>, Refusal>, StoreError> {
    let Some(token) = &request.id_token_hint else { return Ok(Ok(None)) };
    let key = match id_token_hint::key_name(token) {
        Some(kid) => app.keys.find_verifying(&kid).await?,
        None => None,
    };
    let hint = id_token_hint::read_hint(token, &app.issuer, None, key.as_deref());
    Ok(hint.map(Some).map_err(|_| {
        let sentence = "id_token_hint is no ID token of this server, or was changed: send one as it was issued to you.";
        Refusal::new(Code::InvalidRequest, sentence)
    }))
}

impl Asked {
    /// The whole address that the person is sent to.
    fn way_back(&self) -> Option<String> {
        self.back.as_ref().map(|back| logout::location(back, self.request.state.as_deref()))
    }

    /// The session of this root, as the application that asks knows it.
    fn session(&self, app: &App, root: Id) -> Option<String> {
        let leaving = self.leaving.as_ref()?;
        Some(subject::session_for(&leaving.client, root, app.keys.pairwise()))
    }

    fn application(&self) -> Option<&str> {
        self.leaving.as_ref().map(|leaving| leaving.client.name.as_str())
    }
}

/// Puts the question to the person. Their answer goes to `/sign-out`, as everybody's does.
fn ask(asked: &Asked, browser: &Browser) -> Response {
    let Some(session) = browser.session() else { return answer::see_other("/signed-out") };
    let way_back = match (&asked.leaving, &asked.back) {
        (Some(leaving), Some(back)) => Some(Return {
            client_id: &leaving.client.client_id,
            uri: back,
            state: asked.request.state.as_deref().unwrap_or_default(),
        }),
        _ => None,
    };
    let page = SignOutPage {
        language: Language::of(&asked.request.ui_locales),
        person: Person::of(session),
        asked_by: asked.application(),
        form_token: &browser.form_token(&Return::purpose(way_back.as_ref())),
        way_back,
    };
    let follow: Vec<String> = asked.back.as_deref().map(csp_sources).unwrap_or_default();
    answer::page(200, page.render(), &follow)
}

/// Nobody is signed in. Who shows a hint is sent back at once; for anybody else the way back is a link, so that our name
/// cannot be used to bounce strangers.
fn nobody_here(asked: &Asked) -> Response {
    match (asked.way_back(), asked.application()) {
        (Some(back), _) if asked.hint.is_some() => answer::see_other(&back),
        (Some(back), Some(name)) => {
            let page = SignedOutPage { language: Language::of(&asked.request.ui_locales), back: Some((name, &back)) };
            answer::page(200, page.render(), &[])
        }
        _ => answer::see_other("/signed-out"),
    }
}

/// A page instead of a redirect: nothing of the request is believed. The developer is told what to mend.
fn refused(
    received: &Received,
    leaving: Option<&LeavingClient>,
    refusal: &Refusal,
    mismatch: Option<&RedirectMismatch>,
) -> Response {
    let problem = if mismatch.is_some() { Problem::WrongCallback } else { Problem::InvalidRequest };
    let for_developers = ForDevelopers {
        application: leaving.map(|leaving| leaving.client.name.as_str()),
        sentence: Some(refusal.description()),
        callback: mismatch.map(|m| Callback { asked: Some(m.asked.as_str()), registered: &m.registered }),
    };
    answer::problem_for(problem, &received.request_id, Some(for_developers))
}
