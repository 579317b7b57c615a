//! Whether to go on with the account that is signed in: when the application wants that asked, and when it asked for
//! somebody else.
//!
//! Owns the context of both. Their forms post to their own address; which one is due is `oauth::next_step`'s.

use super::{ApplicationCard, consent::Person, finish, style};
use crate::text::{AccountWords, Language, Text};
use askama::Template;

/// Why the person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The application wants an account chosen (`prompt=select_account`).
    Choose,
    /// It asked for somebody else (`id_token_hint`, `claims`).
    SomebodyElse,
}

/// The page's context.
pub struct AccountPage<'a> {
    /// The language.
    pub language: Language,
    /// The form token.
    pub form_token: &'a str,
    /// The application that asks.
    pub application: ApplicationCard<'a>,
    /// Who is signed in.
    pub person: Person<'a>,
    /// Why the person is asked.
    pub question: Question,
}

impl AccountPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        finish(
            Html {
                text,
                words: match self.question {
                    Question::Choose => &text.account.choose,
                    Question::SomebodyElse => &text.account.somebody_else,
                },
                form_token: self.form_token,
                application: &self.application,
                person: self.person,
                may_go_on: self.question == Question::Choose,
            }
            .render(),
        )
    }
}

#[cfg(test)]
impl AccountPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> AccountPage<'static> {
        AccountPage {
            language: Language::English,
            form_token: "token",
            application: ApplicationCard::sample(),
            person: Person { name: super::HOSTILE, account: super::HOSTILE },
            question: Question::SomebodyElse,
        }
    }
}

#[derive(Template)]
#[template(path = "account.html", whitespace = "minimize")]
struct Html<'a> {
    text: &'static Text,
    words: &'static AccountWords,
    form_token: &'a str,
    application: &'a ApplicationCard<'a>,
    person: Person<'a>,
    may_go_on: bool,
}
