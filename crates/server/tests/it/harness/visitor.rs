//! A person at a browser without a browser: cookies, redirects inside the server, forms.
//!
//! Owns the manners of a browser that the server may rely on (cookies, Origin, Sec-Fetch-Site). What a real one
//! does is asked of Chromium.

use super::application::{App, Person};
use super::http::{Answer, Call};
use super::page::{self, Form};
use super::server::Server;
use std::collections::BTreeMap;

/// A browser's state towards one server.
#[derive(Clone)]
pub struct Visitor {
    base: String,
    pub cookies: BTreeMap<String, String>,
}

/// Where the visitor stands.
#[derive(Debug, Clone)]
pub struct Page {
    /// The address of the page.
    pub url: String,
    pub answer: Answer,
    /// The address outside the server that the browser was sent to, if it was.
    pub left_for: Option<String>,
}

impl Visitor {
    pub fn new(server: &Server) -> Visitor {
        Visitor { base: server.url.clone(), cookies: BTreeMap::new() }
    }

    /// The same browser at another node behind the same address.
    pub fn on(&self, node: &Server) -> Visitor {
        Visitor { base: node.url.clone(), cookies: self.cookies.clone() }
    }

    /// Sends one call with the cookies and keeps those that come back.
    pub fn send(&mut self, call: Call) -> Answer {
        let cookie: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let call = if cookie.is_empty() { call } else { call.header("Cookie", cookie.join("; ")) };
        let answer = call.send();
        for set in answer.headers_named("set-cookie") {
            let (pair, attributes) = set.split_once(';').unwrap_or((set, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a name");
            if value.is_empty() || attributes.to_lowercase().contains("max-age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Opens an address and follows redirects as long as they stay on the server.
    pub fn open(&mut self, url: &str) -> Page {
        let answer = self.send(Call::get(url));
        self.follow(url.to_owned(), answer)
    }

    fn follow(&mut self, mut url: String, mut answer: Answer) -> Page {
        for _ in 0..10 {
            if !(300..400).contains(&answer.status) {
                return Page { url, answer, left_for: None };
            }
            assert_ne!(answer.status, 307, "a 307 would repeat the form, password included, elsewhere");
            let target = answer.location().to_owned();
            let target = if target.starts_with('/') { format!("{}{target}", self.base) } else { target };
            let inside = target.strip_prefix(&self.base).is_some_and(|r| r.is_empty() || r.starts_with(['/', '?']));
            if !inside {
                return Page { url, answer, left_for: Some(target) };
            }
            answer = self.send(Call::get(&target));
            url = target;
        }
        panic!("ten redirects in a row, last at {url}");
    }

    /// Posts `fields` to where `form` points, as its button would.
    pub fn post(&mut self, page: &Page, form: &Form, fields: &[(&str, &str)]) -> Page {
        let url = self.resolve(&page.url, &form.action);
        let call =
            Call::post(&url).header("Origin", self.base.clone()).header("Sec-Fetch-Site", "same-origin").form(fields);
        let answer = self.send(call);
        self.follow(url, answer)
    }

    /// Posts these fields to an address, as another site's form would, and follows.
    pub fn post_to(&mut self, url: &str, fields: &[(&str, &str)]) -> Page {
        let answer = self.send(Call::post(url).form(fields));
        self.follow(url.to_owned(), answer)
    }

    pub fn resolve(&self, page: &str, action: &str) -> String {
        url::Url::parse(page).and_then(|u| u.join(action)).expect("an address").to_string()
    }

    /// Fills the page's form with hidden fields kept and `fields` laid over them, and sends it.
    pub fn submit(&mut self, page: &Page, holds: &str, fields: &[(&str, &str)]) -> Page {
        let form = page.form(holds);
        let mut all: Vec<(String, String)> = form.fields();
        all.retain(|(n, _)| !fields.iter().any(|(f, _)| f == n));
        let mut all: Vec<(&str, &str)> = all.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        all.extend_from_slice(fields);
        self.post(page, &form, &all)
    }

    /// Fills in the sign-in page.
    pub fn sign_in(&mut self, page: &Page, person: &Person) -> Page {
        self.sign_in_as(page, &person.name, &person.password)
    }

    pub fn sign_in_as(&mut self, page: &Page, name: &str, password: &str) -> Page {
        self.submit(page, "sign-in-password", &[("name", name), ("password", password)])
    }

    /// Presses "allow" with the boxes as they stand, or as `ticks` says.
    pub fn allow(&mut self, page: &Page, ticks: Option<&[&str]>) -> Page {
        let form = page.form("allow");
        let mut fields = form.fields();
        if let Some(ticks) = ticks {
            fields.retain(|(n, _)| n != "scope");
            fields.extend(ticks.iter().map(|t| ("scope".to_owned(), (*t).to_owned())));
        }
        fields.retain(|(n, _)| n != "decision");
        fields.push(("decision".to_owned(), "allow".to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        self.post(page, &form, &fields)
    }

    pub fn deny(&mut self, page: &Page) -> Page {
        self.submit(page, "deny", &[("decision", "deny")])
    }

    /// Goes the whole way: opens `url`, signs in and allows where asked. Gives the address it was sent to.
    pub fn go_through(&mut self, url: &str, person: &Person, ticks: Option<&[&str]>) -> String {
        let mut page = self.open(url);
        if page.shows("sign-in-password") {
            page = self.sign_in(&page, person);
        }
        if page.shows("allow") {
            page = self.allow(&page, ticks);
        }
        page.left_for.clone().unwrap_or_else(|| panic!("stayed at {}: {}", page.url, page.plain()))
    }
}

impl Page {
    /// Whether there is an element of this id.
    pub fn shows(&self, id: &str) -> bool {
        page::tags(&self.answer.text()).iter().any(|t| t.get("id") == Some(id))
    }

    /// The form that holds a field or an id of this name.
    #[track_caller]
    pub fn form(&self, holds: &str) -> Form {
        let html = self.answer.text();
        page::forms(&html).into_iter().find(|f| f.has(holds)).unwrap_or_else(|| {
            panic!("no form with {holds} at {} ({}): {}", self.url, self.answer.status, self.plain())
        })
    }

    /// Asserts an error page of this status that sends the browser nowhere. Gives the error code on it.
    #[track_caller]
    pub fn is_error_page(&self, status: u16) -> String {
        let html = self.answer.text();
        assert_eq!(self.answer.status, status, "{:?} {}", self.left_for, self.plain());
        assert!(self.answer.header("location").is_none(), "an error page redirects: {:?}", self.left_for);
        assert!(self.answer.header("refresh").is_none() && !html.to_lowercase().contains("http-equiv=\"refresh"));
        self.error_code().unwrap_or_else(|| panic!("no #error-code: {html}"))
    }

    /// Asserts an error that was sent back to the application, with `iss`. Gives the description.
    #[track_caller]
    pub fn is_error_at(&self, app: &App, error: &str) -> String {
        let back = self.left_for.clone().unwrap_or_else(|| panic!("no redirect at {}: {}", self.url, self.plain()));
        assert!(back.starts_with(&app.redirect_uri), "{back}");
        assert_eq!(parameter(&back, "error").as_deref(), Some(error), "{back}");
        assert_eq!(parameter(&back, "iss").as_deref(), Some(app.server.as_str()), "{back}");
        assert_eq!(parameter(&back, "code"), None, "{back}");
        parameter(&back, "error_description").unwrap_or_else(|| panic!("no sentence in {back}"))
    }

    /// The error code that the page names.
    pub fn error_code(&self) -> Option<String> {
        page::text_of(&self.answer.text(), "error-code")
    }

    pub fn plain(&self) -> String {
        page::plain(&self.answer.text())
    }

    /// The parameters of the address outside the server, in order.
    #[track_caller]
    pub fn sent_back(&self) -> Vec<(String, String)> {
        let left = self.left_for.as_deref();
        parameters(left.unwrap_or_else(|| panic!("still at {}: {}", self.url, self.plain())))
    }
}

/// The query parameters of an address in order.
pub fn parameters(url: &str) -> Vec<(String, String)> {
    let query = url.split_once('?').map_or("", |(_, q)| q);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// The one value of a query parameter; panics when it stands twice.
#[track_caller]
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let mut values: Vec<String> = parameters(url).into_iter().filter(|(n, _)| n == name).map(|(_, v)| v).collect();
    assert!(values.len() <= 1, "{name} stands {} times in {url}", values.len());
    values.pop()
}
