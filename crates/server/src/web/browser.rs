//! The browser at the other end: its session, its binding cookie, and the forms that it may post.
//!
//! Owns the two cookies and the form token. Sessions themselves are the store's; who may sign in is `caller`'s.

use crate::app::App;
use crate::web::form::Received;
use aws_lc_rs::constant_time;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use vestibule_oauth::guessing::DEVICE_MS;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, Kind, MachineSecret};
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::sessions::LiveSession;

/// A browser, as its cookies tell.
pub struct Browser {
    secret: MachineSecret,
    /// Whether it had no binding cookie yet.
    fresh: bool,
    session: Option<LiveSession>,
    change: Option<SessionCookie>,
}

/// What happens to the session's cookie with the answer.
enum SessionCookie {
    Set(MachineSecret),
    Clear,
}

impl Browser {
    /// Reads the cookies. A browser that has no binding cookie yet gets one with the answer ([`Browser::dress`]).
    pub async fn meet(app: &App, headers: &HeaderMap, now: i64) -> Result<Browser, StoreError> {
        Browser::meet_for(app, headers, None, now).await
    }

    /// As [`Browser::meet`]; the session also says whether its person may use `application`, and their last consent.
    pub async fn meet_for(
        app: &App,
        headers: &HeaderMap,
        application: Option<Id>,
        now: i64,
    ) -> Result<Browser, StoreError> {
        let known = binding(app, headers);
        let fresh = known.is_none();
        let secret = known.unwrap_or_else(|| app.dice.secret(Kind::Browser, app.dice.id(now)));
        let mut browser = Browser { secret, fresh, session: None, change: None };
        let Some(text) = cookie(headers, session_cookie(app)) else { return Ok(browser) };
        if let Some(presented) = MachineSecret::parse(Kind::Session, text)
            && let Some(session) = app.store.find_session(&presented, application, now).await?
        {
            app.store.touch_session(&session, now).await?;
            browser.session = Some(session);
        } else {
            // A dead session's cookie does not stay in the browser (FM-52).
            browser.change = Some(SessionCookie::Clear);
        }
        Ok(browser)
    }

    /// Whether the request brought the binding cookie.
    pub fn is_known(app: &App, headers: &HeaderMap) -> bool {
        binding(app, headers).is_some()
    }

    /// Who is signed in here.
    pub fn session(&self) -> Option<&LiveSession> {
        self.session.as_ref()
    }

    /// What authorization requests keep of this browser, so that they are shown to no other (FM-45, FM-47).
    pub fn digest(&self) -> Digest {
        self.secret.digest()
    }

    /// The hidden field `form_token` of a form for `purpose`: a page's path, or an authorization request's id.
    pub fn form_token(&self, purpose: &str) -> String {
        let mut text = b"form ".to_vec();
        text.extend_from_slice(self.secret.spell().expose().as_bytes());
        text.extend_from_slice(purpose.as_bytes());
        URL_SAFE_NO_PAD.encode(Digest::of(&text).as_bytes())
    }

    /// Whether a posted form is one that we gave this browser for `purpose` (FM-57): the token that only our page
    /// holds, and no sign of another site.
    pub fn accepts(&self, app: &App, received: &Received, purpose: &str, token: &str) -> bool {
        let expected = self.form_token(purpose);
        let same = constant_time::verify_slices_are_equal(expected.as_bytes(), token.as_bytes()).is_ok();
        same && !self.fresh && !from_elsewhere(&app.issuer, &received.headers)
    }

    /// Notes that somebody has just signed in here: the cookie of the new session goes out with the answer.
    pub fn signed_in(&mut self, secret: MachineSecret) {
        self.session = None;
        self.change = Some(SessionCookie::Set(secret));
    }

    /// Ends the session that is signed in here.
    pub async fn leave(&mut self, app: &App, received: &Received, now: i64) -> Result<(), StoreError> {
        if let Some(session) = self.session.take() {
            let note = Note {
                id: app.dice.id(now),
                at: now,
                actor: format!("person:{}", session.number),
                request_id: Some(received.request_id.clone()),
            };
            app.store.end_session(session.id, &note).await?;
            app.bell.ring();
        }
        self.change = Some(SessionCookie::Clear);
        Ok(())
    }

    /// Adds the cookies that changed to `response`.
    pub fn dress(&self, app: &App, mut response: Response) -> Response {
        let signs_in = matches!(self.change, Some(SessionCookie::Set(_)));
        if self.fresh || signs_in {
            // It outlives the session, so that the browser is still known when others guess at the account (FM-102).
            let more = format!("; Max-Age={}", DEVICE_MS / 1000);
            set(app, &mut response, browser_cookie(app), self.secret.spell().expose(), &more);
        }
        match &self.change {
            Some(SessionCookie::Set(secret)) => {
                set(app, &mut response, session_cookie(app), secret.spell().expose(), "");
            }
            Some(SessionCookie::Clear) => set(app, &mut response, session_cookie(app), "", "; Max-Age=0"),
            None => {}
        }
        response
    }
}

fn binding(app: &App, headers: &HeaderMap) -> Option<MachineSecret> {
    cookie(headers, browser_cookie(app)).and_then(|text| MachineSecret::parse(Kind::Browser, text))
}

/// Under https the prefix keeps other hosts of the domain, and plain http, from planting a cookie of ours.
fn browser_cookie(app: &App) -> &'static str {
    if app.https() { "__Host-vestibule-browser" } else { "vestibule-browser" }
}

fn session_cookie(app: &App) -> &'static str {
    if app.https() { "__Host-vestibule-session" } else { "vestibule-session" }
}

/// The cookie of this name; `None` when it stands twice, because one of the two was planted.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut values = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value);
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

fn set(app: &App, response: &mut Response, name: &str, value: &str, more: &str) {
    let secure = if app.https() { "; Secure" } else { "" };
    let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}");
    if let Ok(mut line) = HeaderValue::from_str(&line) {
        line.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, line);
    }
}

/// Whether the browser says that another site sent the form. Our own pages post with `Origin: null`, because they
/// suppress the referrer; then Fetch Metadata and the form token decide.
fn from_elsewhere(issuer: &str, headers: &HeaderMap) -> bool {
    let foreign_site =
        headers.get_all("sec-fetch-site").iter().any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"));
    let foreign_origin = headers
        .get_all(header::ORIGIN)
        .iter()
        .any(|origin| origin.as_bytes() != b"null" && origin.as_bytes() != issuer.as_bytes());
    foreign_site || foreign_origin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn fm_46_a_cookie_that_stands_twice_is_none() {
        assert_eq!(cookie(&headers(&["a=1; b=2", "c=3"]), "b"), Some("2"));
        assert_eq!(cookie(&headers(&["a=1", "c=3"]), "c"), Some("3"));
        assert_eq!(cookie(&headers(&["a=1; a=2"]), "a"), None);
        assert_eq!(cookie(&headers(&["a=1", "a=1"]), "a"), None);
        assert_eq!(cookie(&headers(&["aa=1"]), "a"), None);
    }

    #[test]
    fn fm_57_st_19_a_form_that_another_site_sent_is_known_by_its_headers() {
        let from = |site: Option<&'static str>, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            site.map(|site| headers.insert("sec-fetch-site", HeaderValue::from_static(site)));
            origin.map(|origin| headers.insert(header::ORIGIN, HeaderValue::from_static(origin)));
            from_elsewhere("https://us.example", &headers)
        };
        assert!(!from(None, None), "an old browser says nothing: the form token decides");
        assert!(!from(Some("same-origin"), Some("null")), "our own pages suppress the referrer");
        assert!(!from(Some("same-origin"), Some("https://us.example")));
        assert!(from(Some("cross-site"), Some("null")));
        assert!(from(Some("same-site"), None), "a neighbour is not us");
        assert!(from(None, Some("https://us.example.evil")));
        assert!(from(None, Some("http://us.example")));
    }
}
