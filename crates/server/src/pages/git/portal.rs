//! The page of a project's authorizations: how each stands, what comes next, and what its editors can do.
//!
//! Owns the contexts of the page, of the list of projects before it and of the question before one is deleted. Their
//! conductors are `pages/git/acts`'s.

use super::Fault;
use crate::clock::rfc3339;
use crate::pages::{finish, style};
use crate::text::{Language, Text};
use askama::Template;
use vestibule_store::git_authorizations::{GitAuthorization, TokenType};
use vestibule_store::git_standing::{GitNext, GitStatus};
use vestibule_store::projects::OwnProject;

/// The projects of a person, of whom several are asked which.
pub struct ProjectsPage<'a> {
    /// The language.
    pub language: Language,
    /// The projects.
    pub projects: &'a [OwnProject],
}

impl ProjectsPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        finish(ProjectsHtml { text: self.language.text(), projects: self.projects }.render())
    }
}

/// A host that an authorization can be had from.
#[derive(Clone, Debug)]
pub struct HostChoice {
    /// The configuration's row.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// Its name, which tells two of one kind apart.
    pub name: String,
    /// Whether people can be sent there.
    pub by_redirect: bool,
}

/// The page's context.
pub struct PortalPage<'a> {
    /// The language.
    pub language: Language,
    /// The hidden field `form_token`.
    pub form_token: &'a str,
    /// The project.
    pub project: &'a str,
    /// The page's own address.
    pub here: &'a str,
    /// Its authorizations.
    pub rows: &'a [GitAuthorization],
    /// The hosts that serve it; none are offered to whoever may not change the project.
    pub hosts: &'a [HostChoice],
    /// Whether the person may change the project.
    pub is_editor: bool,
    /// What is wrong with a name that was typed.
    pub fault: Option<(&'a str, Fault)>,
    /// Unix milliseconds.
    pub now: i64,
}

impl PortalPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        let rows = self.rows.iter().map(|row| Row::of(text, row, self.hosts, self.now)).collect();
        finish(
            PortalHtml {
                text,
                form_token: self.form_token,
                project: self.project,
                here: self.here,
                rows,
                hosts: self.hosts,
                is_editor: self.is_editor,
                typed: self.fault.map_or("", |(typed, _)| typed),
                fault: self.fault.filter(|(_, f)| *f != Fault::Token).map(|(_, fault)| (text.git.fault)(fault)),
                token_fault: self.fault.filter(|(_, f)| *f == Fault::Token).map(|(_, f)| (text.git.fault)(f)),
            }
            .render(),
        )
    }
}

/// The question before an authorization is deleted.
pub struct DeletePage<'a> {
    /// The language.
    pub language: Language,
    /// The hidden field `form_token`.
    pub form_token: &'a str,
    /// Which.
    pub row: &'a GitAuthorization,
    /// The page to go back to.
    pub back: &'a str,
}

impl DeletePage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        let after = match self.row.account.token_type {
            TokenType::Personal => text.git.delete_personal,
            TokenType::Oauth | TokenType::Password => text.git.delete_revoked,
        };
        let Self { form_token, row, back, .. } = *self;
        finish(DeleteHtml { text, form_token, name: &row.name, after, back }.render())
    }
}

/// An authorization on the page.
struct Row<'a> {
    name: &'a str,
    host: String,
    login: &'a str,
    mode: &'static str,
    status: &'static str,
    is_well: bool,
    reason: Option<&'static str>,
    next: Option<String>,
    since: String,
    by_redirect: bool,
}

impl<'a> Row<'a> {
    fn of(text: &'static Text, row: &'a GitAuthorization, hosts: &[HostChoice], now: i64) -> Row<'a> {
        let standing = row.standing(now);
        let choice = hosts.iter().find(|host| host.id == row.host.to_string());
        let next = match standing.next {
            GitNext::Nothing | GitNext::Renewal(_) => None,
            GitNext::Ends(at) => Some((text.git.ends)(&day(at))),
            GitNext::Reauthorize => Some(text.git.reauthorize.to_owned()),
            GitNext::ServeAgain => Some(text.git.serve_again.to_owned()),
        };
        Row {
            name: &row.name,
            host: choice.map_or_else(|| row.host_name.clone(), |host| host.label.clone()),
            login: &row.account.login,
            mode: (text.git.mode)(row.account.token_type),
            status: (text.git.status)(standing.status),
            is_well: standing.status == GitStatus::Normal,
            reason: standing.reason,
            next,
            since: day(standing.since),
            by_redirect: choice.is_some_and(|host| host.by_redirect),
        }
    }
}

/// The day, which says enough to a person.
fn day(ms: i64) -> String {
    rfc3339(ms).split('T').next().unwrap_or_default().to_owned()
}

#[derive(Template)]
#[template(path = "git_projects.html", whitespace = "minimize")]
struct ProjectsHtml<'a> {
    text: &'static Text,
    projects: &'a [OwnProject],
}

#[derive(Template)]
#[template(path = "git.html", whitespace = "minimize")]
struct PortalHtml<'a> {
    text: &'static Text,
    form_token: &'a str,
    project: &'a str,
    here: &'a str,
    rows: Vec<Row<'a>>,
    hosts: &'a [HostChoice],
    is_editor: bool,
    typed: &'a str,
    fault: Option<&'static str>,
    token_fault: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "git_delete.html", whitespace = "minimize")]
struct DeleteHtml<'a> {
    text: &'static Text,
    form_token: &'a str,
    name: &'a str,
    after: &'static str,
    back: &'a str,
}
