//! `/oauth/authorize`, `/oauth/authorize/{id}`: a person on the way from an application and back to it.
//!
//! One address shows whatever comes next. What that is, `oauth::next_step` says from what is stored; a request that
//! needs no page is never stored; an answer is given once, by a guarded verb of the store. Owns the order of calls.

use crate::app::App;
use crate::endpoints::issued::{self, Issued};
use crate::endpoints::steps::Stored;
use crate::pages::problem::{Callback, ForDevelopers, Problem};
use crate::pages::refused::RefusedPage;
use crate::text::Language;
use crate::web::browser::Browser;
use crate::web::departure::depart;
use crate::web::form::Received;
use crate::web::{answer, by_get, caller};
use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::authorize::{self, AuthorizationRequest, Hinting, Rejection};
use vestibule_oauth::client::Client;
use vestibule_oauth::id::Id;
use vestibule_oauth::id_token_hint;
use vestibule_oauth::jose::VerifyingKey;
use vestibule_oauth::next_step::{Facts, Step, next_step};
use vestibule_oauth::parameters::Parameters;
use vestibule_oauth::redirect_uri::{RedirectMismatch, csp_sources};
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::response::AuthorizationResponse;
use vestibule_store::StoreError;
use vestibule_store::authorizations::{Answer, NewAuthorization};

/// `GET|POST /oauth/authorize`: an application sends a person.
pub async fn begin(State(app): State<Arc<App>>, received: Received) -> Response {
    match arrive(&app, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

/// `GET|POST /oauth/authorize/{id}`: whatever comes next for this request, or what the person did on the page.
pub async fn visit(State(app): State<Arc<App>>, Path(id): Path<String>, received: Received) -> Response {
    let done = match Stored::find(&app, &received, &id).await {
        Ok(Ok(stored)) if received.method == Method::POST => stored.act(&app, &received).await,
        Ok(Ok(stored)) => stored.show(&app, &received).await,
        Ok(Err(response)) => Ok(response),
        Err(error) => Err(error),
    };
    done.unwrap_or_else(|error| answer::store_page(&error, &received.request_id))
}

/// `HEAD` of either: a GET here may issue a code, and HEAD must change nothing (RFC 9110 section 9.2.1).
pub async fn no_head(received: Received) -> Response {
    let mut response = answer::by_path(&received.path, Code::MethodNotAllowed, &received.request_id);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

async fn arrive(app: &App, received: &Received) -> Result<Response, StoreError> {
    let now = app.clock.now();
    let parameters = match by_get::parameters(received) {
        Ok(parameters) => parameters,
        Err(refusal) => return Ok(refused(received, None, &refusal, None)),
    };
    let client_id = match parameters.required("client_id") {
        Ok(client_id) => client_id,
        Err(refusal) => return Ok(refused(received, None, &refusal, None)),
    };
    let Some(found) = app.store.find_redirecting_client(client_id).await? else {
        return Ok(unknown_application(received));
    };
    let client = found.client;
    let key = hint_key(app, &parameters).await?;
    let hinting = Hinting { issuer: &app.issuer, key: key.as_deref() };
    let request = match authorize::judge(&parameters, &client, &found.redirect_uris, &hinting) {
        Ok(request) => request,
        Err(Rejection::Page(refusal, mismatch)) => return Ok(refused(received, Some(&client), &refusal, mismatch)),
        Err(Rejection::Redirect { redirect_uri, state, response_mode, refusal }) => {
            let back =
                AuthorizationResponse::failure(&redirect_uri, response_mode, &refusal, state.as_deref(), &app.issuer);
            if by_get::is_due(app, received) {
                return Ok(ask_again_by_get(received));
            }
            let silent = parameters.get("prompt").is_ok_and(|prompt| prompt == Some("none"));
            return send_back(app, received, &client, &refusal, &back, silent).await;
        }
    };
    if by_get::is_due(app, received) {
        return Ok(ask_again_by_get(received));
    }
    let browser = Browser::meet_for(app, &received.headers, Some(client.id), now).await?;
    let response = proceed(app, received, &client, &request, &browser, now).await?;
    Ok(browser.dress(app, response))
}

/// Has the browser ask the same by GET.
fn ask_again_by_get(received: &Received) -> Response {
    by_get::ask_again(received).unwrap_or_else(|refusal| refused(received, None, &refusal, None))
}

/// A refused request whose redirect URI is good. Whoever is signed in goes back at once, and so does everybody when
/// the application forbids pages. To anybody else a page is shown first, with the way back as a link: an application
/// could otherwise use our name to bounce strangers wherever it likes (FM-17, statement 17).
async fn send_back(
    app: &App,
    received: &Received,
    client: &Client,
    refusal: &Refusal,
    back: &AuthorizationResponse,
    silent: bool,
) -> Result<Response, StoreError> {
    if silent || Browser::meet(app, &received.headers, app.clock.now()).await?.session().is_some() {
        return Ok(depart(back, &client.name, Language::default()));
    }
    let page = RefusedPage {
        language: Language::default(),
        request_id: &received.request_id,
        code: refusal.code.name(),
        application: &client.name,
        sentence: refusal.description(),
        back,
    };
    Ok(answer::page(400, page.render(), &csp_sources(&back.redirect_uri)))
}

/// A good request: answered at once where no page is due, else kept and shown.
async fn proceed(
    app: &App,
    received: &Received,
    client: &Client,
    request: &AuthorizationRequest,
    browser: &Browser,
    now: i64,
) -> Result<Response, StoreError> {
    let subject = browser.session().map(|session| issued::subject(app, client, session)).unwrap_or_default();
    let facts = Facts {
        request,
        client,
        visitor: browser.session().map(|session| issued::visitor(session, &subject)),
        last_consent: browser.session().and_then(|session| session.last_consent.as_ref()),
        consented_now: None,
        request_created_at: None,
        chosen: None,
        now,
    };
    let leave = |response: &AuthorizationResponse| depart(response, &client.name, Language::of(&request.ui_locales));
    let page = |problem| Ok(answer::problem(problem, &received.request_id));
    let failure = |refusal: &Refusal| {
        let (uri, mode, state) = (&request.redirect_uri, request.response_mode, request.state.as_deref());
        Ok(leave(&AuthorizationResponse::failure(uri, mode, refusal, state, &app.issuer)))
    };
    match (next_step(&facts), browser.session()) {
        (Step::ApplicationOff, _) => page(Problem::ApplicationDisabled),
        (Step::Refuse(refusal), _) => failure(&refusal),
        (Step::Issue(granted), Some(session)) => {
            let issued = Issued::new(app, client, request, session, granted, None, now);
            let note = caller::note(app, received, issued::actor(session), now);
            match app.store.issue_fresh(&issued.row, &note).await? {
                Answer::Given => Ok(leave(&issued.response)),
                // The session ended between its read and this verb, so the person must sign in.
                _ if request.prompt.none => {
                    let refusal = Refusal::new(Code::LoginRequired, "The person's session has just ended.");
                    failure(&refusal.for_wire(client.wire()))
                }
                _ => keep(app, received, client, request, browser, now).await,
            }
        }
        // Who is not assigned may be somebody else at this browser ("not you?"), so that request is kept too.
        (
            Step::SignIn
            | Step::SomebodyElse
            | Step::ChooseAccount
            | Step::NotAssigned
            | Step::Consent(_)
            | Step::Issue(_),
            _,
        ) => keep(app, received, client, request, browser, now).await,
    }
}

/// Keeps a request that needs a page, for this browser, and sends the browser to its address.
async fn keep(
    app: &App,
    received: &Received,
    client: &Client,
    request: &AuthorizationRequest,
    browser: &Browser,
    now: i64,
) -> Result<Response, StoreError> {
    let ticks = app.clock.ticks();
    let admitted = app.guard.admit(received.peer, ticks);
    if let Err(wait_s) = admitted.and_then(|()| app.application_guard.admit_application(client.id, ticks)) {
        return Ok(answer::problem(Problem::TooManyRequests { wait_s }, &received.request_id));
    }
    let id: Id = app.dice.id(now);
    let new = NewAuthorization { id, application: client.id, browser: browser.digest(), request: request.to_json() };
    app.store.keep_request(&new, now).await?;
    Ok(answer::see_other(&format!("/oauth/authorize/{id}")))
}

/// The published key that an `id_token_hint` names, if there is a hint and such a key.
async fn hint_key(app: &App, parameters: &Parameters) -> Result<Option<Arc<VerifyingKey>>, StoreError> {
    let hint = parameters.get("id_token_hint").ok().flatten();
    match hint.and_then(id_token_hint::key_name) {
        Some(name) => app.keys.find_verifying(&name).await,
        None => Ok(None),
    }
}

/// No application has this `client_id`. It is not shown again: the page would be a place to write on.
fn unknown_application(received: &Received) -> Response {
    let sentence =
        "The client_id is of no application here: copy it from what 'vestibule app list' or 'app add' prints.";
    let for_developers = ForDevelopers { sentence: Some(sentence), ..ForDevelopers::default() };
    answer::problem_for(Problem::UnknownApplication, &received.request_id, Some(for_developers))
}

/// A page instead of a redirect, because no redirect URI is known good (FM-13). The developer is told what to mend.
fn refused(
    received: &Received,
    client: Option<&Client>,
    refusal: &Refusal,
    mismatch: Option<RedirectMismatch>,
) -> Response {
    let problem = match (&mismatch, refusal.code) {
        (Some(_), _) => Problem::WrongCallback,
        (None, Code::UnauthorizedClient) => Problem::ApplicationDisabled,
        (None, _) => Problem::InvalidRequest,
    };
    let for_developers = ForDevelopers {
        application: client.map(|client| client.name.as_str()),
        sentence: Some(refusal.description()),
        callback: mismatch
            .as_ref()
            .map(|mismatch| Callback { asked: Some(mismatch.asked.as_str()), registered: &mismatch.registered }),
    };
    answer::problem_for(problem, &received.request_id, Some(for_developers))
}
