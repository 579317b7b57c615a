//! The catalogue of every sentence that a person reads.
//!
//! Owns the types: one field per sentence, one function per sentence with a name in it, one exhaustive match per
//! family of pages. A language that lacks a sentence does not compile. The English sentences are in `text/english.rs`.
//! Does not own what machines read: OAuth errors are spelled by `oauth::refusal`.

mod browse;
mod english;

pub use browse::Browse;

use crate::pages::problem::Problem;
use crate::pages::setup::Fault;
use std::borrow::Cow;
use vestibule_store::git_authorizations::TokenType;
use vestibule_store::git_standing::GitStatus;

/// A language that the catalogue is complete in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    English,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 1] = [Language::English];

    /// The first of these BCP 47 tags that there is a language for; the usual language when there is none for any.
    pub fn of<S: AsRef<str>>(tags: &[S]) -> Language {
        let known = Language::ALL.map(|language| language.text().lang);
        look_up(tags, &known).map(|found| Language::ALL[found]).unwrap_or_default()
    }

    /// Its sentences.
    pub const fn text(self) -> &'static Text {
        match self {
            Language::English => &english::TEXT,
        }
    }
}

/// Which of the `known` tags the first of `tags` means that means any: its whole tag, or a shorter one (RFC 4647 section
/// 3.4).
pub fn look_up<S: AsRef<str>>(tags: &[S], known: &[&str]) -> Option<usize> {
    fn shorter<'a>(tag: &&'a str) -> Option<&'a str> {
        tag.rsplit_once('-').map(|(shorter, _)| shorter)
    }
    let find = |tag: &str| known.iter().position(|known| known.eq_ignore_ascii_case(tag));
    tags.iter().find_map(|tag| std::iter::successors(Some(tag.as_ref()), shorter).find_map(find))
}

/// The sentences of one language.
pub struct Text {
    /// The BCP 47 tag, for the `lang` attribute.
    pub lang: &'static str,
    /// Words that stand on several pages.
    pub common: Common,
    /// The sign-in page.
    pub sign_in: SignIn,
    /// The consent page.
    pub consent: Consent,
    /// What a scope means, in plain words.
    pub scope: fn(ScopeMeaning) -> ScopeWords,
    /// What to say of a scope that the catalogue does not know.
    pub unknown_scope: fn(&str) -> String,
    /// `/`, the sign-out question and the signed-out page.
    pub home: Home,
    /// The applications that a person allowed something.
    pub applications: Applications,
    /// The page of the one-time setup link.
    pub setup: Setup,
    /// What is said of each problem.
    pub problem: fn(Problem) -> ProblemWords,
    /// The frame of the problem page.
    pub problem_frame: ProblemFrame,
    /// The pages of a refused request and of a person who may not use an application.
    pub refused: Refused,
    /// The pages that ask whether to go on with an account.
    pub account: Account,
    /// The page that carries an answer to the application by a form.
    pub form_post: FormPost,
    /// The pages of authorizations at Git hosts.
    pub git: Git,
    /// Looking at a Git host.
    pub browse: Browse,
}

/// Words that stand on several pages.
pub struct Common {
    pub product: &'static str,
    pub verified: &'static str,
    pub unverified: &'static str,
    pub user_name_or_email: &'static str,
    pub password: &'static str,
    pub sign_in: &'static str,
    pub sign_out: &'static str,
    pub to_start: &'static str,
    pub title: fn(&str) -> String,
}

/// The sign-in page.
pub struct SignIn {
    pub title: &'static str,
    pub lead: &'static str,
    pub asked_by: &'static str,
    pub unverified_note: &'static str,
    pub wrong: &'static str,
}

/// The consent page.
pub struct Consent {
    pub title: &'static str,
    pub heading: fn(&str) -> String,
    pub home_page: &'static str,
    pub unverified_note: &'static str,
    pub scopes: &'static str,
    pub always: &'static str,
    pub sends_to_site: &'static str,
    pub sends_to_this_computer: &'static str,
    pub sends_to_app: &'static str,
    pub plain_http: fn(&str) -> String,
    pub signed_in_as: &'static str,
    pub not_you: &'static str,
    pub allow: &'static str,
    pub deny: &'static str,
}

/// What is asked for, and one line more about it.
pub struct ScopeWords {
    pub what: &'static str,
    pub detail: &'static str,
}

/// `/`, the sign-out question and the signed-out page.
pub struct Home {
    pub title: &'static str,
    pub signed_in: &'static str,
    pub administrator: &'static str,
    pub signed_in_lead: &'static str,
    pub visitor_heading: &'static str,
    pub visitor_lead: &'static str,
    pub applications: &'static str,
    pub everywhere: &'static str,
    pub everywhere_lead: &'static str,
    pub sign_out_title: &'static str,
    pub sign_out_question: &'static str,
    pub sign_out_asked: fn(&str) -> String,
    pub sign_out_lead: &'static str,
    pub stay: &'static str,
    pub signed_out_heading: &'static str,
    pub signed_out_lead: &'static str,
    pub sign_in_again: &'static str,
}

/// The applications that a person allowed something.
pub struct Applications {
    pub title: &'static str,
    pub lead: &'static str,
    pub none: &'static str,
    pub may: &'static str,
    pub since: &'static str,
    pub withdraw: &'static str,
    pub withdraw_from: fn(&str) -> String,
    pub after: &'static str,
}

/// The page of the one-time setup link.
pub struct Setup {
    pub title: &'static str,
    pub heading: &'static str,
    pub lead: &'static str,
    pub user_name: &'static str,
    pub user_name_hint: &'static str,
    pub email: &'static str,
    pub password_hint: &'static str,
    pub password_again: &'static str,
    pub button: &'static str,
    pub faults: &'static str,
    pub fault: fn(Fault) -> &'static str,
    pub done_heading: &'static str,
    pub done_lead: fn(&str) -> String,
}

/// What is said of one problem: what happened, and what to do next.
pub struct ProblemWords {
    pub heading: &'static str,
    pub happened: &'static str,
    pub next: Cow<'static, str>,
}

/// The frame of the problem page.
pub struct ProblemFrame {
    pub code: &'static str,
    pub reference: &'static str,
    pub for_developers: &'static str,
    pub application: &'static str,
    pub asked: &'static str,
    pub asked_none: &'static str,
    pub registered: &'static str,
    pub registered_none: &'static str,
    pub compared: &'static str,
    pub difference: fn(crate::pages::problem::Difference) -> &'static str,
}

/// The pages of a refused request and of a person who may not use an application.
pub struct Refused {
    pub title: &'static str,
    pub heading: fn(&str) -> String,
    pub happened: &'static str,
    pub next: &'static str,
    pub back: fn(&str) -> String,
    pub not_assigned: fn(&str) -> String,
}

/// The pages that ask whether to go on with an account.
pub struct Account {
    pub choose: AccountWords,
    pub somebody_else: AccountWords,
    pub go_on: fn(&str) -> String,
    pub another: &'static str,
    pub another_note: fn(&str) -> String,
}

/// What such a page asks.
pub struct AccountWords {
    pub title: &'static str,
    pub heading: fn(&str) -> String,
    pub lead: &'static str,
}

/// The page that carries an answer to the application by a form.
pub struct FormPost {
    pub title: &'static str,
    pub heading: fn(&str) -> String,
    pub lead: &'static str,
    pub button: fn(&str) -> String,
}

/// The pages of authorizations at Git hosts.
pub struct Git {
    pub landed_title: &'static str,
    pub landed_heading: fn(&str) -> String,
    pub landed_lead: fn(&str) -> String,
    pub name: &'static str,
    pub name_hint: &'static str,
    pub renew_lead: fn(&str) -> String,
    pub keep: &'static str,
    pub in_place: fn(&str) -> String,
    pub in_place_of: &'static str,
    pub in_place_hint: &'static str,
    pub renew: &'static str,
    pub by_program: &'static str,
    pub by_program_lead: &'static str,
    pub code: &'static str,
    pub state: &'static str,
    pub not_used: fn(&str) -> String,
    pub fault: fn(crate::pages::git::Fault) -> &'static str,
    pub kept_title: &'static str,
    pub kept_heading: &'static str,
    pub kept_lead: fn(&str) -> String,
    pub renewed_heading: &'static str,
    pub host: &'static str,
    pub account: &'static str,
    pub project: &'static str,
    pub list: &'static str,
    pub title: &'static str,
    pub no_projects: &'static str,
    pub which_project: &'static str,
    pub of_project: fn(&str) -> String,
    pub none: &'static str,
    pub since: &'static str,
    pub because: fn(&str) -> String,
    pub status: fn(GitStatus) -> &'static str,
    pub mode: fn(TokenType) -> &'static str,
    pub ends: fn(&str) -> String,
    pub reauthorize: &'static str,
    pub serve_again: &'static str,
    pub renew_of: fn(&str) -> String,
    pub renew_by_token: fn(&str) -> String,
    pub token: &'static str,
    pub token_hint: &'static str,
    pub create: &'static str,
    pub create_at: fn(&str) -> String,
    pub by_token: &'static str,
    pub no_hosts: &'static str,
    pub delete: &'static str,
    pub delete_of: fn(&str) -> String,
    pub delete_question: fn(&str) -> String,
    pub delete_lead: &'static str,
    pub delete_personal: &'static str,
    pub delete_revoked: &'static str,
    pub stay: &'static str,
}

/// The scopes that the catalogue has words for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeMeaning {
    OpenId,
    Profile,
    Email,
    Phone,
    OfflineAccess,
    Read,
    UserInfo,
    Projects,
    PullRequests,
    Issues,
    Notes,
    Keys,
    Hook,
    Groups,
    Gists,
    Enterprises,
    Emails,
    GitAuthorizations,
}

impl ScopeMeaning {
    /// The meaning of a scope's name on the wire; `None` for a name that the catalogue does not know.
    pub fn of(name: &str) -> Option<ScopeMeaning> {
        use ScopeMeaning as M;
        Some(match name {
            "openid" => M::OpenId,
            "profile" => M::Profile,
            "email" => M::Email,
            "phone" => M::Phone,
            "offline_access" => M::OfflineAccess,
            "read" => M::Read,
            "user_info" => M::UserInfo,
            "projects" => M::Projects,
            "pull_requests" => M::PullRequests,
            "issues" => M::Issues,
            "notes" => M::Notes,
            "keys" => M::Keys,
            "hook" => M::Hook,
            "groups" => M::Groups,
            "gists" => M::Gists,
            "enterprises" => M::Enterprises,
            "emails" => M::Emails,
            "git_authorizations" => M::GitAuthorizations,
            _ => return None,
        })
    }
}
