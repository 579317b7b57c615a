//! The problem page: what happened, what to do next, and for an application's developer what to mend.
//!
//! Owns the kinds of problem that a person may meet, their status and code, and the comparison of a wrong callback
//! address with the registered ones. Pages take a [`Problem`], never a sentence from the address bar (FM-93).

use super::{finish, style};
use crate::text::{Language, ProblemWords, Text};
use askama::Template;

/// What went wrong, as far as a person needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No application has this `client_id`.
    UnknownApplication,
    /// The application is switched off.
    ApplicationDisabled,
    /// The callback address is not among the registered ones.
    WrongCallback,
    /// The request is malformed and no callback address is known good.
    InvalidRequest,
    /// There is no such authorization request, or it was begun in another browser (FM-45, FM-47).
    RequestUnknown,
    /// The authorization request has waited too long.
    RequestExpired,
    /// The authorization request was answered before.
    AlreadySentBack,
    /// The person may not use this application (IDaaS).
    NotAssigned,
    /// The form is not from this browser, or too old: the form token does not fit.
    FormStale,
    /// Too many requests from this address, or to this application, and after how many seconds another makes sense.
    TooManyRequests { wait_s: u32 },
    /// Too many tries at a password, and how long the next one has to wait, in seconds.
    TooManyTries { wait_s: u32 },
    /// A queue is full.
    Busy,
    /// Nothing is at this address.
    NotFound,
    /// The address is there but not for this method.
    MethodNotAllowed,
    /// The request's body is too large.
    TooLarge,
    /// The setup link is used, too old or never was.
    SetupLinkUnusable,
    /// The way back from a Git host is over, or never was.
    GitWayOver,
    /// The person finished it before: they called it up again, or pressed twice.
    GitWayUsed,
    /// Somebody else set out to the Git host.
    GitWayForeign,
    /// The person did not allow it at the Git host.
    GitDenied,
    /// The Git host said no, or does not answer.
    GitHostFailed,
    /// Something has changed, or is full.
    GitNotKept,
    /// The person may not change the project.
    GitNotAllowed,
    /// Too many tokens that the person brought were wrong, or the project has too many under way.
    GitTooManyTries,
    /// The database cannot be reached.
    Unavailable,
    /// Our fault.
    ServerError,
}

impl Problem {
    /// All of them, for tests.
    #[cfg(test)]
    pub const ALL: [Problem; 26] = [
        Problem::UnknownApplication,
        Problem::ApplicationDisabled,
        Problem::WrongCallback,
        Problem::InvalidRequest,
        Problem::RequestUnknown,
        Problem::RequestExpired,
        Problem::AlreadySentBack,
        Problem::NotAssigned,
        Problem::FormStale,
        Problem::TooManyRequests { wait_s: 2 },
        Problem::TooManyTries { wait_s: 1 },
        Problem::Busy,
        Problem::NotFound,
        Problem::MethodNotAllowed,
        Problem::TooLarge,
        Problem::SetupLinkUnusable,
        Problem::GitWayOver,
        Problem::GitWayUsed,
        Problem::GitWayForeign,
        Problem::GitDenied,
        Problem::GitHostFailed,
        Problem::GitNotKept,
        Problem::GitNotAllowed,
        Problem::GitTooManyTries,
        Problem::Unavailable,
        Problem::ServerError,
    ];

    /// The HTTP status of the page.
    pub const fn status(self) -> u16 {
        match self {
            Problem::UnknownApplication | Problem::WrongCallback | Problem::InvalidRequest => 400,
            Problem::ApplicationDisabled | Problem::NotAssigned | Problem::FormStale => 403,
            Problem::GitWayForeign | Problem::GitDenied | Problem::GitNotAllowed => 403,
            Problem::RequestUnknown | Problem::NotFound | Problem::SetupLinkUnusable => 404,
            Problem::MethodNotAllowed => 405,
            Problem::RequestExpired | Problem::AlreadySentBack => 410,
            Problem::GitWayOver | Problem::GitWayUsed => 410,
            Problem::GitNotKept => 409,
            Problem::TooLarge => 413,
            Problem::TooManyRequests { .. } | Problem::TooManyTries { .. } | Problem::GitTooManyTries => 429,
            Problem::ServerError => 500,
            Problem::GitHostFailed => 502,
            Problem::Busy | Problem::Unavailable => 503,
        }
    }

    /// The code in the element `error-code`, which tools and support rely on.
    pub const fn code(self) -> &'static str {
        match self {
            Problem::UnknownApplication => "unknown_application",
            Problem::ApplicationDisabled => "application_disabled",
            Problem::WrongCallback => "redirect_uri_mismatch",
            Problem::InvalidRequest => "invalid_request",
            Problem::RequestUnknown => "request_unknown",
            Problem::RequestExpired => "request_expired",
            Problem::AlreadySentBack => "already_sent_back",
            Problem::NotAssigned => "not_assigned",
            Problem::FormStale => "form_stale",
            Problem::TooManyRequests { .. } => "too_many_requests",
            Problem::TooManyTries { .. } => "too_many_tries",
            Problem::Busy => "busy",
            Problem::NotFound => "not_found",
            Problem::MethodNotAllowed => "method_not_allowed",
            Problem::TooLarge => "too_large",
            Problem::SetupLinkUnusable => "setup_link_unusable",
            Problem::GitWayOver => "git_way_over",
            Problem::GitWayUsed => "git_way_used",
            Problem::GitWayForeign => "git_way_foreign",
            Problem::GitDenied => "git_denied",
            Problem::GitHostFailed => "git_host_failed",
            Problem::GitNotKept => "git_not_kept",
            Problem::GitNotAllowed => "git_not_allowed",
            Problem::GitTooManyTries => "git_too_many_tries",
            Problem::Unavailable => "unavailable",
            Problem::ServerError => "server_error",
        }
    }

    /// Whether the person's authorizations at Git hosts tell what came of it.
    const fn leads_to_git(self) -> bool {
        matches!(self, Problem::GitWayUsed | Problem::GitNotKept)
    }

    /// After how many seconds another try makes sense, for `Retry-After`.
    pub const fn retry_after_s(self) -> Option<u32> {
        match self {
            Problem::Busy | Problem::Unavailable => Some(5),
            Problem::TooManyRequests { wait_s } | Problem::TooManyTries { wait_s } => Some(wait_s),
            Problem::GitTooManyTries => Some(60),
            _ => None,
        }
    }
}

/// What only the application's developer can use. Everything in it comes from a request or a registration and is
/// escaped by the template.
#[derive(Clone, Copy, Debug, Default)]
pub struct ForDevelopers<'a> {
    /// The application's name, when it is known.
    pub application: Option<&'a str>,
    /// The sentence of the refusal: names the parameter and the mend.
    pub sentence: Option<&'a str>,
    /// For a wrong callback: what was asked and what is registered.
    pub callback: Option<Callback<'a>>,
}

/// A callback address that did not match.
#[derive(Clone, Copy, Debug)]
pub struct Callback<'a> {
    /// The `redirect_uri` of the request; `None` when it had none.
    pub asked: Option<&'a str>,
    /// The registered ones.
    pub registered: &'a [String],
}

/// How the asked address differs from the registered one that is most like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// None was sent.
    Missing,
    /// Only by a `/` at the end.
    TrailingSlash,
    /// Only by capital and small letters.
    Case,
    /// By its scheme, mostly `http` for `https`.
    Scheme,
    /// By host or port.
    Host,
    /// By what comes after the host.
    Rest,
}

/// One registered address, cut where it begins to differ from the asked one.
struct Compared<'a> {
    same: &'a str,
    other: &'a str,
}

/// The page's context.
pub struct ProblemPage<'a> {
    /// The language.
    pub language: Language,
    /// What went wrong.
    pub problem: Problem,
    /// The request's id, by which an administrator finds it in the log.
    pub request_id: &'a str,
    /// For the application's developer.
    pub for_developers: Option<ForDevelopers<'a>>,
}

impl ProblemPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        let developers = self.for_developers.unwrap_or_default();
        let callback = developers.callback;
        let asked = callback.and_then(|c| c.asked);
        let registered = callback.map_or(&[][..], |c| c.registered);
        let shared = registered.iter().map(|r| shared_length(asked.unwrap_or_default(), r)).max().unwrap_or(0);
        let (asked_same, asked_other) = asked.unwrap_or_default().split_at(shared);
        finish(
            Html {
                text,
                words: (text.problem)(self.problem),
                code: self.problem.code(),
                leads_to_git: self.problem.leads_to_git(),
                request_id: self.request_id,
                application: developers.application,
                sentence: developers.sentence,
                callback: callback.is_some(),
                asked: asked.map(|_| Compared { same: asked_same, other: asked_other }),
                registered: registered.iter().map(|r| compare(asked.unwrap_or_default(), r)).collect(),
                difference: callback.and_then(|c| difference(c.asked, c.registered)).map(text.problem_frame.difference),
            }
            .render(),
        )
    }
}

#[cfg(test)]
impl ProblemPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> ProblemPage<'static> {
        static REGISTERED: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
            vec!["https://wiki.example.org/callback".into(), "http://localhost:9000/signed-in?from=<b>\"x\"</b>".into()]
        });
        ProblemPage {
            language: Language::English,
            problem: Problem::WrongCallback,
            request_id: "01997c0e5f6a7b6c8d9e0f1a2b3c4d5e",
            for_developers: Some(ForDevelopers {
                application: Some(super::HOSTILE),
                sentence: Some("redirect_uri is not registered <script>alert(1)</script>"),
                callback: Some(Callback {
                    asked: Some("https://wiki.example.org/Callback/<script>alert('x')</script>"),
                    registered: &REGISTERED,
                }),
            }),
        }
    }
}

/// How many bytes from the start both have in common, ending between two characters of both.
fn shared_length(a: &str, b: &str) -> usize {
    a.char_indices()
        .zip(b.chars())
        .take_while(|((_, x), y)| x == y)
        .map(|((i, x), _)| i + x.len_utf8())
        .last()
        .unwrap_or(0)
}

fn compare<'a>(asked: &str, registered: &'a str) -> Compared<'a> {
    let (same, other) = registered.split_at(shared_length(asked, registered));
    Compared { same, other }
}

/// How many characters both have in common at the beginning and at the end.
fn likeness(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count()
        + a.chars().rev().zip(b.chars().rev()).take_while(|(x, y)| x == y).count()
}

/// Names the difference to the registered address that is most like the asked one.
fn difference(asked: Option<&str>, registered: &[String]) -> Option<Difference> {
    let Some(asked) = asked else { return Some(Difference::Missing) };
    let nearest = registered.iter().max_by_key(|r| likeness(asked, r))?;
    if asked.trim_end_matches('/') == nearest.trim_end_matches('/') {
        return Some(Difference::TrailingSlash);
    }
    if asked.eq_ignore_ascii_case(nearest) {
        return Some(Difference::Case);
    }
    let (scheme, rest) = asked.split_once("://")?;
    let (near_scheme, near_rest) = nearest.split_once("://")?;
    let host = |rest: &str| rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
    Some(match () {
        () if scheme != near_scheme => Difference::Scheme,
        () if host(rest) != host(near_rest) => Difference::Host,
        () => Difference::Rest,
    })
}

#[derive(Template)]
#[template(path = "problem.html", whitespace = "minimize")]
struct Html<'a> {
    text: &'static Text,
    words: ProblemWords,
    code: &'static str,
    leads_to_git: bool,
    request_id: &'a str,
    application: Option<&'a str>,
    sentence: Option<&'a str>,
    callback: bool,
    asked: Option<Compared<'a>>,
    registered: Vec<Compared<'a>>,
    difference: Option<&'static str>,
}
