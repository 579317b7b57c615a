//! Two pages about one application: its request is refused, or the person may not use it.
//!
//! Owns both contexts. They name the application, which a problem page cannot.

use super::{consent::Person, finish, problem::Problem, style};
use crate::text::{Language, ProblemWords, Text};
use askama::Template;
use vestibule_oauth::response::{AuthorizationResponse, ResponseMode};

/// A request with a mistake, from somebody who is not signed in: a page first, and the way back as a link, so that our
/// name cannot be used to bounce strangers (FM-17, statement 17).
pub struct RefusedPage<'a> {
    /// The language.
    pub language: Language,
    /// The request's id.
    pub request_id: &'a str,
    /// The OAuth error code.
    pub code: &'static str,
    /// The application's name.
    pub application: &'a str,
    /// The sentence of the refusal, for the application's developer.
    pub sentence: &'a str,
    /// The error answer; its redirect URI is known good.
    pub back: &'a AuthorizationResponse,
}

impl RefusedPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        let Self { request_id, code, application, sentence, back, .. } = *self;
        let link = (back.mode == ResponseMode::Query).then(|| back.location());
        finish(RefusedHtml { text, request_id, code, application, sentence, back, link }.render())
    }
}

#[cfg(test)]
impl<'a> RefusedPage<'a> {
    /// A page with hostile values in every place, for tests.
    pub fn sample(back: &'a AuthorizationResponse) -> RefusedPage<'a> {
        RefusedPage {
            language: Language::English,
            request_id: "01997c0e5f6a7b6c8d9e0f1a2b3c4d5e",
            code: "invalid_scope",
            application: super::HOSTILE,
            sentence: super::HOSTILE,
            back,
        }
    }
}

/// The person is signed in but was not given the application (IDaaS). Its form ("not you?") posts to its own address.
pub struct NotAssignedPage<'a> {
    /// The language.
    pub language: Language,
    /// The form token.
    pub form_token: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// The application's name.
    pub application: &'a str,
    /// Who is signed in.
    pub person: Person<'a>,
}

impl NotAssignedPage<'_> {
    /// The page; its status is that of [`Problem::NotAssigned`].
    pub fn render(&self) -> String {
        let text = self.language.text();
        finish(
            NotAssignedHtml {
                text,
                form_token: self.form_token,
                words: (text.problem)(Problem::NotAssigned),
                code: Problem::NotAssigned.code(),
                request_id: self.request_id,
                application: self.application,
                person: self.person,
            }
            .render(),
        )
    }
}

#[cfg(test)]
impl NotAssignedPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> NotAssignedPage<'static> {
        NotAssignedPage {
            language: Language::English,
            form_token: "token",
            request_id: "01997c0e5f6a7b6c8d9e0f1a2b3c4d5e",
            application: super::HOSTILE,
            person: Person { name: super::HOSTILE, account: super::HOSTILE },
        }
    }
}

#[derive(Template)]
#[template(path = "refused.html", whitespace = "minimize")]
struct RefusedHtml<'a> {
    text: &'static Text,
    request_id: &'a str,
    code: &'static str,
    application: &'a str,
    sentence: &'a str,
    back: &'a AuthorizationResponse,
    link: Option<String>,
}

#[derive(Template)]
#[template(path = "not_assigned.html", whitespace = "minimize")]
struct NotAssignedHtml<'a> {
    text: &'static Text,
    form_token: &'a str,
    words: ProblemWords,
    code: &'static str,
    request_id: &'a str,
    application: &'a str,
    person: Person<'a>,
}
