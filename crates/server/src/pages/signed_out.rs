//! The sign-out question and the page after it.
//!
//! Owns the contexts of both pages.

use super::{consent::Person, finish, style};
use crate::text::{Language, Text};
use askama::Template;

/// `GET /sign-out`: a question, because a session is never ended by a GET.
pub struct SignOutPage<'a> {
    /// The language.
    pub language: Language,
    /// Who is signed in.
    pub person: Person<'a>,
    /// The hidden field `form_token`.
    pub form_token: &'a str,
}

impl SignOutPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        finish(
            SignOutHtml { text: self.language.text(), person: self.person, form_token: self.form_token }.render(),
        )
    }
}

impl SignOutPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> SignOutPage<'static> {
        SignOutPage {
            language: Language::English,
            person: Person { name: super::HOSTILE, account: super::HOSTILE },
            form_token: "c2FtcGxl",
        }
    }
}

/// The page that says that the session has ended.
pub struct SignedOutPage {
    /// The language.
    pub language: Language,
}

impl SignedOutPage {
    /// The page.
    pub fn render(&self) -> String {
        finish(SignedOutHtml { text: self.language.text() }.render())
    }

    /// The page as it is.
    pub fn sample() -> SignedOutPage {
        SignedOutPage { language: Language::English }
    }
}

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutHtml<'a> {
    text: &'static Text,
    person: Person<'a>,
    form_token: &'a str,
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutHtml {
    text: &'static Text,
}
