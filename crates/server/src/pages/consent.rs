//! The consent page: who asks, for what, in whose name, and where the person goes afterwards.
//!
//! Owns the page's context and the plain words of where a callback address leads. Which scopes are offered and which
//! are ticked is `oauth::consent`'s.

use super::{ApplicationCard, finish, initial, style};
use crate::text::{Language, ScopeMeaning, Text};
use askama::Template;
use url::{Host, Url};
use vestibule_store::sessions::LiveSession;

/// One scope that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ScopeRow<'a> {
    /// Its name on the wire.
    pub name: &'a str,
    /// Whether the box is ticked at first.
    pub ticked: bool,
    /// Whether it cannot be unticked.
    pub fixed: bool,
}

/// The person who is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The name to show: nickname, or user name.
    pub name: &'a str,
    /// The e-mail address or user name, to tell two accounts apart.
    pub account: &'a str,
}

impl<'a> Person<'a> {
    /// The person of a session: the name that they gave themselves, and the address or user name beside it.
    pub fn of(session: &'a LiveSession) -> Person<'a> {
        let user_name = session.user_name.as_str();
        let name = session.nickname.as_deref().unwrap_or(user_name);
        Person { name, account: session.email.as_deref().unwrap_or(user_name) }
    }

    /// The first letter of the name, which stands where a picture would.
    pub(super) fn initial(&self) -> String {
        initial(self.name)
    }
}

/// The page's context.
pub struct ConsentPage<'a> {
    /// The language.
    pub language: Language,
    /// The hidden field `form_token`.
    pub form_token: &'a str,
    /// The application that asks.
    pub application: ApplicationCard<'a>,
    /// Where the answer goes: the request's redirect URI, known good.
    pub redirect_uri: &'a str,
    /// What is asked for.
    pub scopes: Vec<ScopeRow<'a>>,
    /// Who is signed in.
    pub person: Person<'a>,
}

impl ConsentPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        finish(
            Html {
                text,
                form_token: self.form_token,
                application: &self.application,
                destination: Destination::of(self.redirect_uri),
                rows: self.scopes.iter().map(|scope| Row::of(text, scope)).collect(),
                person: self.person,
            }
            .render(),
        )
    }
}

#[cfg(test)]
impl ConsentPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> ConsentPage<'static> {
        let row = |name, ticked, fixed| ScopeRow { name, ticked, fixed };
        ConsentPage {
            language: Language::English,
            form_token: "c2FtcGxl",
            application: ApplicationCard::sample(),
            redirect_uri: "http://wiki.example.org/<script>",
            scopes: vec![
                row("user_info", true, true),
                row("projects", false, false),
                row("emails", true, false),
                row("x<script>'", true, false),
            ],
            person: Person { name: super::HOSTILE, account: "ada@\"><script>alert(1)</script>" },
        }
    }
}

/// Where a callback address leads, in words that a person can judge.
#[derive(Debug, PartialEq, Eq)]
pub enum Destination {
    /// A site, by its host (and port).
    Site { host: String, plain_http: bool },
    /// A program on the person's own computer.
    ThisComputer { host: String },
    /// An application of the device, by its private-use scheme.
    App { scheme: String },
}

impl Destination {
    /// The destination of a redirect URI. The address was judged at registration; this is only for showing.
    pub fn of(redirect_uri: &str) -> Destination {
        let Ok(url) = Url::parse(redirect_uri) else {
            return Destination::Site { host: redirect_uri.to_owned(), plain_http: false };
        };
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => return Destination::App { scheme: url.scheme().to_owned() },
        };
        let name = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        match url.scheme() {
            "http" | "https" if loopback => Destination::ThisComputer { host },
            scheme @ ("http" | "https") => Destination::Site { host, plain_http: scheme == "http" },
            scheme => Destination::App { scheme: scheme.to_owned() },
        }
    }
}

/// A scope in plain words.
struct Row<'a> {
    scope: &'a ScopeRow<'a>,
    what: String,
    detail: &'static str,
}

impl<'a> Row<'a> {
    fn of(text: &'static Text, scope: &'a ScopeRow<'a>) -> Row<'a> {
        match ScopeMeaning::of(scope.name) {
            Some(meaning) => {
                let words = (text.scope)(meaning);
                Row { scope, what: words.what.to_owned(), detail: words.detail }
            }
            None => Row { scope, what: (text.unknown_scope)(scope.name), detail: "" },
        }
    }
}

#[derive(Template)]
#[template(path = "consent.html", whitespace = "minimize")]
struct Html<'a> {
    text: &'static Text,
    form_token: &'a str,
    application: &'a ApplicationCard<'a>,
    destination: Destination,
    rows: Vec<Row<'a>>,
    person: Person<'a>,
}
