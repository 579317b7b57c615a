//! The page of the one-time setup link: the first administrator chooses a name and a password.
//!
//! Owns the page's context and its conductors. What may stand in a field is `admin/fields`'s, what the link is worth
//! `admin/setup`'s.

use super::{finish, style};
use crate::admin::fields::{self, Field};
use crate::admin::people::{self, Input};
use crate::admin::setup::{self, OpenLink};
use crate::admin::{Actor, Desk};
use crate::app::App;
use crate::pages::problem::Problem;
use crate::passwords;
use crate::text::{Language, Text};
use crate::web::answer;
use crate::web::browser::Browser;
use crate::web::form::Received;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use std::sync::Arc;
use vestibule_oauth::secret::Secret;
use vestibule_store::StoreError;

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
    /// All of them, for tests.
    #[cfg(test)]
    pub const ALL: [Fault; 7] = [
        Fault::UserName,
        Fault::UserNameTaken,
        Fault::Email,
        Fault::EmailTaken,
        Fault::PasswordShort,
        Fault::PasswordLong,
        Fault::PasswordsDiffer,
    ];

    /// What `admin` found wrong, as this page says it.
    fn of(fault: &fields::Fault, password: &Secret) -> Fault {
        match fault.field {
            Field::Email => Fault::Email,
            Field::Password if password.expose().len() > passwords::LONGEST => Fault::PasswordLong,
            Field::Password => Fault::PasswordShort,
            _ => Fault::UserName,
        }
    }

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

#[cfg(test)]
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

#[cfg(test)]
impl SetupDonePage<'static> {
    /// A page with hostile values in every place, for tests.
    pub fn sample() -> SetupDonePage<'static> {
        SetupDonePage { language: Language::English, name: super::HOSTILE }
    }
}

#[derive(Template)]
#[template(path = "setup.html", whitespace = "minimize")]
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
#[template(path = "setup_done.html", whitespace = "minimize")]
struct DoneHtml<'a> {
    text: &'static Text,
    name: &'a str,
}

/// The purpose of the form token.
const PURPOSE: &str = "/setup";

/// `GET /setup/{link}`: the form. Looking at it spends nothing: people and mail scanners look twice.
pub async fn show(State(app): State<Arc<App>>, Path(link): Path<String>, received: Received) -> Response {
    match look(&app, &link, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

/// `POST /setup/{link}`: makes the first administrator, once.
pub async fn accept(State(app): State<Arc<App>>, Path(link): Path<String>, received: Received) -> Response {
    match make(&app, &link, &received).await {
        Ok(response) => response,
        Err(error) => answer::store_page(&error, &received.request_id),
    }
}

async fn look(app: &App, link: &str, received: &Received) -> Result<Response, StoreError> {
    let desk = desk(app, received);
    let browser = Browser::meet(app, &received.headers, desk.now).await?;
    let response = match setup::find_link(&desk, link).await? {
        false => answer::problem(Problem::SetupLinkUnusable, &received.request_id),
        true => form(200, &browser, "", "", &[]),
    };
    Ok(browser.dress(app, response))
}

async fn make(app: &App, link: &str, received: &Received) -> Result<Response, StoreError> {
    let desk = desk(app, received);
    let browser = Browser::meet(app, &received.headers, desk.now).await?;
    let sorry = |problem| Ok(browser.dress(app, answer::problem(problem, &received.request_id)));
    let typed = received.page_form();
    let (name, email) = (typed.get("name"), typed.get("email"));
    if !browser.accepts(app, received, PURPOSE, typed.get("form_token")) {
        return sorry(Problem::FormStale);
    }
    // Before anything is judged or hashed: without a good link nobody may make us work.
    if !setup::find_link(&desk, link).await? {
        return sorry(Problem::SetupLinkUnusable);
    }
    let again = |faults: &[Fault]| Ok(browser.dress(app, form(422, &browser, name, email, faults)));
    let password = Secret::new(typed.get("password"));
    let input = Input { user_name: name, email, administrator: true, ..Input::default() };
    let judged = people::judge(&input, &password);
    let differ = password.expose() != typed.get("password_again");
    let fit = match judged {
        Ok(fit) if !differ => fit,
        judged => {
            let found = judged.err().unwrap_or_default();
            let faults = found.iter().map(|fault| Fault::of(fault, &password));
            return again(&faults.chain(differ.then_some(Fault::PasswordsDiffer)).collect::<Vec<_>>());
        }
    };
    let Ok(hash) = app.passwords.hash(&password, app.dice.bytes()).await else { return sorry(Problem::Busy) };
    match setup::open_link(&desk, link, fit, hash).await? {
        OpenLink::Made => {
            let page = SetupDonePage { language: Language::English, name: name.trim() };
            Ok(browser.dress(app, answer::page(200, page.render(), &[])))
        }
        OpenLink::Gone => sorry(Problem::SetupLinkUnusable),
        OpenLink::NameTaken => again(&[Fault::UserNameTaken]),
        OpenLink::EmailTaken => again(&[Fault::EmailTaken]),
    }
}

fn desk<'a>(app: &'a App, received: &Received) -> Desk<'a> {
    let desk = Desk::new(&app.store, Actor::SetupLink, app.dice, app.clock.now());
    Desk { request_id: Some(received.request_id.clone()), ..desk }
}

fn form(status: u16, browser: &Browser, name: &str, email: &str, faults: &[Fault]) -> Response {
    let form_token = &browser.form_token(PURPOSE);
    let page = SetupPage { language: Language::English, form_token, name, email, faults };
    answer::page(status, page.render(), &[])
}
