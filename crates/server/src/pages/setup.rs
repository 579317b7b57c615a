//! The page of the one-time setup link: the first administrator chooses a name and a password.
//!
//! Owns the page's context and the checks of what was typed that need no database.

use super::{finish, style};
use crate::text::{Language, Text};
use askama::Template;

/// What is wrong with what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The user name is empty, too long or has `@`, white space or control characters.
    UserName,
    /// Somebody has this user name.
    UserNameTaken,
    /// The e-mail address does not look like one.
    Email,
    /// Somebody has this e-mail address.
    EmailTaken,
    /// The password is too short.
    PasswordShort,
    /// The password is too long.
    PasswordLong,
    /// The two passwords differ.
    PasswordsDiffer,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 7] = [
        Fault::UserName,
        Fault::UserNameTaken,
        Fault::Email,
        Fault::EmailTaken,
        Fault::PasswordShort,
        Fault::PasswordLong,
        Fault::PasswordsDiffer,
    ];

    /// The id of the field that it speaks of.
    pub const fn field(self) -> &'static str {
        match self {
            Fault::UserName | Fault::UserNameTaken => "setup-name",
            Fault::Email | Fault::EmailTaken => "setup-email",
            Fault::PasswordShort | Fault::PasswordLong => "setup-password",
            Fault::PasswordsDiffer => "setup-password-again",
        }
    }
}

/// The page's context.
pub struct SetupPage<'a> {
    /// The language.
    pub language: Language,
    /// The hidden field `form_token`.
    pub form_token: &'a str,
    /// The user name that was typed.
    pub name: &'a str,
    /// The e-mail address that was typed.
    pub email: &'a str,
    /// What is wrong with it.
    pub faults: &'a [Fault],
}

impl SetupPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        finish(
            SetupHtml {
                text: self.language.text(),
                form_token: self.form_token,
                name: self.name,
                email: self.email,
                faults: self.faults,
            }
            .render(),
        )
    }
}

impl SetupPage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> SetupPage<'static> {
        SetupPage {
            language: Language::English,
            form_token: "c2FtcGxl",
            name: super::HOSTILE,
            email: super::HOSTILE,
            faults: &[Fault::UserName, Fault::PasswordsDiffer],
        }
    }
}

/// The page after the first administrator was made.
pub struct SetupDonePage<'a> {
    /// The language.
    pub language: Language,
    /// The administrator's user name.
    pub name: &'a str,
}

impl SetupDonePage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        finish(DoneHtml { text: self.language.text(), name: self.name }.render())
    }
}

impl SetupDonePage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> SetupDonePage<'static> {
        SetupDonePage { language: Language::English, name: super::HOSTILE }
    }
}

#[derive(Template)]
#[template(path = "setup.html")]
struct SetupHtml<'a> {
    text: &'static Text,
    form_token: &'a str,
    name: &'a str,
    email: &'a str,
    faults: &'a [Fault],
}

impl SetupHtml<'_> {
    /// The fault of a field, if it has one.
    fn fault(&self, field: &str) -> Option<&'static str> {
        self.faults.iter().find(|f| f.field() == field).map(|f| (self.text.setup.fault)(*f))
    }
}

#[derive(Template)]
#[template(path = "setup_done.html")]
struct DoneHtml<'a> {
    text: &'static Text,
    name: &'a str,
}
