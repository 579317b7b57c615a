//! What the credential store answers: authorizations in the documented order of their fields.
//!
//! Owns the spelling (`avartar`, milliseconds, `tag` in lists only). Tokens have no way in here: what is shown is made of
//! a row that holds none (FM-108).

use serde::Serialize;
use vestibule_githost::address::Base;
use vestibule_githost::registry;
use vestibule_store::git_authorizations::GitAuthorization;

/// An authorization, as every answer has it.
#[derive(Serialize)]
struct Auth<'a> {
    name: &'a str,
    repo_type: &'a str,
    repo_host: String,
    repo_home: &'a str,
    repo_user: &'a str,
    avartar: &'a str,
    token_type: &'static str,
    create_time: i64,
    update_time: i64,
    status: i64,
}

/// One of a list: it also tells by which tag its host was chosen.
#[derive(Serialize)]
struct ListedAuth<'a> {
    #[serde(flatten)]
    auth: Auth<'a>,
    tag: Option<&'a str>,
}

#[derive(Serialize)]
struct List<'a> {
    authorizations: Vec<ListedAuth<'a>>,
    count: usize,
}

#[derive(Serialize)]
struct One<'a> {
    authorization: Auth<'a>,
}

#[derive(Serialize)]
struct Redirect<'a> {
    url: &'a str,
}

impl<'a> Auth<'a> {
    fn of(row: &'a GitAuthorization, now: i64) -> Auth<'a> {
        Auth {
            name: &row.name,
            repo_type: &row.kind,
            repo_host: api(row),
            repo_home: &row.account.home,
            repo_user: &row.account.login,
            avartar: row.account.avatar.as_deref().unwrap_or_default(),
            token_type: row.account.token_type.name(),
            create_time: row.created_at,
            update_time: row.updated_at,
            status: row.standing(now).status.number(),
        }
    }
}

/// The address of the host's API: what the documents show as its host.
fn api(row: &GitAuthorization) -> String {
    let site = registry::find(&row.kind).zip(Base::parse(&row.web).ok()).map(|(kind, web)| kind.site(web));
    site.map_or_else(|| row.web.clone(), |site| site.api().as_str().to_owned())
}

/// The body of a list.
pub fn list(rows: &[GitAuthorization], now: i64) -> String {
    let listed = |row| ListedAuth { auth: Auth::of(row, now), tag: row.tag.as_deref() };
    spell(&List { authorizations: rows.iter().map(listed).collect(), count: rows.len() })
}

/// The body that tells of one that was just kept.
pub fn one(row: &GitAuthorization, now: i64) -> String {
    spell(&One { authorization: Auth::of(row, now) })
}

/// The body that tells where to send a person's browser.
pub fn redirect(url: &str) -> String {
    spell(&Redirect { url })
}

/// Texts, numbers and lists of them are spelled without fail; should one ever not be, an empty body says so to everybody.
fn spell(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}
