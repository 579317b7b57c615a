//! The page after the way back from a Git host, and the one after the authorization was kept.
//!
//! Owns both contexts and the name that is offered. Their conductors are `pages/git`'s.

use super::Fault;
use crate::clock::rfc3339;
use crate::pages::consent::Person;
use crate::pages::{finish, style};
use crate::text::{Language, Text};
use askama::Template;
use vestibule_store::git_authorizations::GitAuthorization;

/// The page's context.
pub struct LandedPage<'a> {
    /// The language.
    pub language: Language,
    /// The hidden field `form_token`.
    pub form_token: &'a str,
    /// What people call the host.
    pub host: String,
    /// The project that gets the authorization.
    pub project: &'a str,
    /// The name that is offered, or was typed.
    pub name: &'a str,
    /// What is wrong with it.
    pub fault: Option<Fault>,
    /// The project's authorizations at the same host.
    pub renewable: Vec<&'a GitAuthorization>,
    /// The one that the person set out to renew.
    pub renews: Option<&'a GitAuthorization>,
    /// The code, for whoever finishes in a program.
    pub code: &'a str,
    /// The state.
    pub state: &'a str,
    /// Until when both work, in Unix milliseconds.
    pub expires_at: i64,
    /// Who is signed in.
    pub person: Option<Person<'a>>,
}

impl LandedPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        finish(
            LandedHtml {
                text,
                form_token: self.form_token,
                host: &self.host,
                project: self.project,
                name: self.name,
                fault: self.fault.map(text.git.fault),
                renewable: &self.renewable,
                renews: self.renews,
                code: self.code,
                state: self.state,
                until: &clock_time(self.expires_at),
                person: self.person.unwrap_or(Person { name: "", account: "" }),
            }
            .render(),
        )
    }
}

/// The page that shows what was kept.
pub struct KeptPage<'a> {
    /// The language.
    pub language: Language,
    /// What was kept.
    pub row: &'a GitAuthorization,
    /// What people call the host.
    pub host: String,
    /// The project.
    pub project: &'a str,
    /// The address of the project's authorizations.
    pub list: &'a str,
    /// Whether it took the place of another credential.
    pub renewed: bool,
}

impl KeptPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let Self { row, host, project, list, renewed, .. } = self;
        let (text, name, account) = (self.language.text(), &row.name, &row.account.login);
        finish(KeptHtml { text, name, host, account, project, list, renewed: *renewed }.render())
    }
}

/// The hour and minute of a moment, which says enough when it is ten minutes off.
fn clock_time(ms: i64) -> String {
    let moment = rfc3339(ms);
    format!("{} UTC", moment.split('T').nth(1).and_then(|time| time.get(..5)).unwrap_or_default())
}

/// A name that the project has not: the kind's, or that and a number.
pub fn free_name(kind: &str, rows: &[GitAuthorization]) -> String {
    let is_free = |name: &String| rows.iter().all(|row| row.name != *name);
    let numbered = (2..).map(|n| format!("{kind}-{n}"));
    std::iter::once(kind.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "git_landed.html", whitespace = "minimize")]
struct LandedHtml<'a> {
    text: &'static Text,
    form_token: &'a str,
    host: &'a str,
    project: &'a str,
    name: &'a str,
    fault: Option<&'static str>,
    renewable: &'a [&'a GitAuthorization],
    renews: Option<&'a GitAuthorization>,
    code: &'a str,
    state: &'a str,
    until: &'a str,
    person: Person<'a>,
}

#[derive(Template)]
#[template(path = "git_kept.html", whitespace = "minimize")]
struct KeptHtml<'a> {
    text: &'static Text,
    name: &'a str,
    host: &'a str,
    account: &'a str,
    project: &'a str,
    list: &'a str,
    renewed: bool,
}

/// Contexts for tests.
#[cfg(test)]
pub mod sample {
    use super::*;
    use crate::pages::HOSTILE;
    use vestibule_oauth::id::Id;
    use vestibule_store::git_authorizations::{GitAccount, TokenType};
    use vestibule_store::git_refreshes::GitRefresh;
    use vestibule_store::git_standing::Known;

    /// An authorization with `text` wherever a host or a person chooses.
    pub fn row(name: &str, text: &str) -> GitAuthorization {
        let id = Id::from_bytes([7; 16]);
        GitAuthorization {
            id,
            project: id,
            name: name.to_owned(),
            host: id,
            host_name: text.to_owned(),
            kind: "github".to_owned(),
            web: "https://github.com".to_owned(),
            tag: Some(text.to_owned()),
            account: GitAccount {
                token_type: TokenType::Oauth,
                upstream_id: "1".to_owned(),
                login: text.to_owned(),
                avatar: Some(text.to_owned()),
                home: text.to_owned(),
                scopes: Some(vec![text.to_owned()]),
                access_ends_at: None,
                refresh_ends_at: None,
            },
            known: Known {
                is_renewable: false,
                trouble: None,
                since: 0,
                host_off_since: None,
                is_served: true,
                refresh: GitRefresh::default(),
            },
            generation: 1,
            created_by: id,
            created_at: 1_795_297_921_999,
            updated_at: 1_795_297_921_999,
        }
    }

    /// The landing page of these authorizations, with `text` in every place.
    pub fn landed<'a>(rows: &'a [GitAuthorization], text: &'a str, fault: Option<Fault>) -> LandedPage<'a> {
        LandedPage {
            language: Language::English,
            form_token: "c2FtcGxl",
            host: text.to_owned(),
            project: text,
            name: text,
            fault,
            renewable: rows.iter().collect(),
            renews: None,
            code: text,
            state: text,
            expires_at: 1_795_297_921_999,
            person: Some(Person { name: text, account: text }),
        }
    }

    /// Both pages with hostile values.
    pub fn hostile() -> [String; 2] {
        let rows = [row(HOSTILE, HOSTILE)];
        let kept = KeptPage {
            language: Language::English,
            row: &rows[0],
            host: HOSTILE.to_owned(),
            project: HOSTILE,
            list: "/git",
            renewed: true,
        };
        [landed(&rows, HOSTILE, Some(Fault::Name)).render(), kept.render()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offered_name_is_one_that_the_project_has_not() {
        let rows = ["github", "github-2", "auth1"].map(|name| sample::row(name, "x"));
        assert_eq!(free_name("gitee", &rows), "gitee");
        assert_eq!(free_name("github", &rows), "github-3");
        assert!(crate::broker::is_name(&free_name("github", &rows)));
    }

    #[test]
    fn the_end_is_told_to_the_minute() {
        assert_eq!(clock_time(1_795_297_921_999), "11:12 UTC".replace("11:12", &rfc3339(1_795_297_921_999)[11..16]));
    }
}
