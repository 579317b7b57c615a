//! `/`, for a person who is signed in and for a visitor.
//!
//! Owns the context of the page.

use super::{consent::Person, finish, style};
use crate::text::{Language, Text};
use askama::Template;

/// The page's context.
pub struct HomePage<'a> {
    /// The language.
    pub language: Language,
    /// Who is signed in; `None` for a visitor.
    pub person: Option<Person<'a>>,
    /// Whether that person is an administrator.
    pub administrator: bool,
    /// The form token of the sign-out button.
    pub form_token: &'a str,
}

impl HomePage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        finish(
            Html {
                text: self.language.text(),
                person: self.person,
                administrator: self.administrator,
                form_token: self.form_token,
            }
            .render(),
        )
    }
}

impl HomePage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> HomePage<'static> {
        HomePage {
            language: Language::English,
            person: Some(Person { name: super::HOSTILE, account: super::HOSTILE }),
            administrator: true,
            form_token: "c2FtcGxl",
        }
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct Html<'a> {
    text: &'static Text,
    person: Option<Person<'a>>,
    administrator: bool,
    form_token: &'a str,
}
