//! The sign-in page: which application asks, a name, a password.
//!
//! Owns the page's context. An unknown name and a wrong password give the same page, byte for byte but for the form
//! token (FM-96); the typed name is shown again in both.

use super::{ApplicationCard, finish, style};
use crate::text::{Language, Text};
use askama::Template;

/// The status of the page after a failed try, whatever made it fail.
pub const FAILED_STATUS: u16 = 422;

/// The page's context.
pub struct SignInPage<'a> {
    /// The language.
    pub language: Language,
    /// The hidden field `form_token`.
    pub form_token: &'a str,
    /// The application that asks; `None` at `/sign-in`.
    pub application: Option<ApplicationCard<'a>>,
    /// The name that was typed, or the request's `login_hint`.
    pub name: &'a str,
    /// Whether the last try failed.
    pub failed: bool,
}

impl SignInPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        finish(
            Html {
                text: self.language.text(),
                form_token: self.form_token,
                application: self.application.as_ref(),
                name: self.name,
                failed: self.failed,
            }
            .render(),
        )
    }
}

#[cfg(test)]
impl SignInPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> SignInPage<'static> {
        SignInPage {
            language: Language::English,
            form_token: "c2FtcGxl",
            application: Some(ApplicationCard::sample()),
            name: super::HOSTILE,
            failed: true,
        }
    }
}

#[derive(Template)]
#[template(path = "sign_in.html", whitespace = "minimize")]
struct Html<'a> {
    text: &'static Text,
    form_token: &'a str,
    application: Option<&'a ApplicationCard<'a>>,
    name: &'a str,
    failed: bool,
}
