//! The pages that the tests look at: hostile ones and ordinary ones.

use crate::pages::account::{AccountPage, Question};
use crate::pages::applications::ApplicationsPage;
use crate::pages::consent::{ConsentPage, Person, ScopeRow};
use crate::pages::form_post::FormPostPage;
use crate::pages::git::Fault as NameFault;
use crate::pages::git::landed::{KeptPage, LandedPage, sample as git};
use crate::pages::git::portal::{DeletePage, HostChoice, PortalPage, ProjectsPage};
use crate::pages::git::shelves::{Contents, Kind, Trouble, sample as shelves};
use crate::pages::home::HomePage;
use crate::pages::problem::{Callback, ForDevelopers, Problem, ProblemPage};
use crate::pages::refused::{NotAssignedPage, RefusedPage};
use crate::pages::setup::{Fault, SetupDonePage, SetupPage};
use crate::pages::sign_in::SignInPage;
use crate::pages::signed_out::{SignOutPage, SignedOutPage};
use crate::pages::{ApplicationCard, HOSTILE};
use crate::text::Language;
use vestibule_oauth::id::Id;
use vestibule_oauth::refusal::{Code, Refusal};
use vestibule_oauth::response::{AuthorizationResponse, ResponseMode};
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::Secret;
use vestibule_store::consents::Allowed;
use vestibule_store::git_authorizations::GitAuthorization;
use vestibule_store::git_standing::GitTrouble;
use vestibule_store::projects::{OwnProject, Role};

/// The way to a branch.
const BRANCH: [&str; 4] = ["github-team", "harbour", "lighthouse", "feature/lamp"];

pub(super) const ENGLISH: Language = Language::English;

/// Every page, with hostile values wherever a value can stand.
pub(super) fn samples() -> Vec<(&'static str, String)> {
    vec![
        ("sign_in", SignInPage::sample().render()),
        ("consent", ConsentPage::sample().render()),
        ("problem", ProblemPage::sample().render()),
        ("refused", RefusedPage::sample(&hostile_answer(ResponseMode::Query)).render()),
        ("refused_form", RefusedPage::sample(&hostile_answer(ResponseMode::FormPost)).render()),
        ("form_post", form_post(HOSTILE, &hostile_answer(ResponseMode::FormPost))),
        ("account", AccountPage::sample().render()),
        ("not_assigned", NotAssignedPage::sample().render()),
        ("home", HomePage::sample().render()),
        ("applications", ApplicationsPage::sample().render()),
        ("sign_out", SignOutPage::sample().render()),
        ("signed_out", SignedOutPage::sample().render()),
        ("setup", SetupPage::sample().render()),
        ("setup_done", SetupDonePage::sample().render()),
    ]
    .into_iter()
    .chain(["git_landed", "git_kept"].into_iter().zip(git::hostile()))
    .chain([
        ("git_shelf", shelves::page(&[HOSTILE, HOSTILE], &shelves::shelf(Kind::Folder, &[HOSTILE], 1))),
        ("git_file", shelves::page(&[HOSTILE], &shelves::file(HOSTILE.as_bytes()))),
        ("git_refused", shelves::page(&[HOSTILE], &Contents::None(Trouble::Refused(HOSTILE.to_owned())))),
    ])
    .collect()
}

fn hostile_answer(mode: ResponseMode) -> AuthorizationResponse {
    let code = Secret::new(HOSTILE);
    AuthorizationResponse::success(
        "https://wiki.example.org/\"><script>",
        mode,
        &code,
        Some(HOSTILE),
        "https://id.example",
    )
}

fn answer(mode: ResponseMode) -> AuthorizationResponse {
    let refusal = Refusal::new(Code::InvalidScope, "scope: this application may ask for these: openid.");
    let uri = "https://wiki.example.org/signed-in";
    AuthorizationResponse::failure(uri, mode, &refusal, Some("s"), "https://door.example.org")
}

fn form_post(application: &str, response: &AuthorizationResponse) -> String {
    FormPostPage { language: ENGLISH, application, response }.render()
}

pub(super) fn wiki<'a>(verified: bool) -> ApplicationCard<'a> {
    ApplicationCard::new("Harbour Wiki", "app_1", false, Some("https://wiki.example.org/about"), verified)
}

const ADA: Person = Person { name: "Ada Lovelace", account: "ada@example.org" };

fn scopes() -> Vec<ScopeRow<'static>> {
    let row = |name, ticked, fixed| ScopeRow { name, ticked, fixed };
    vec![
        row("user_info", true, true),
        row("projects", true, false),
        row("pull_requests", false, false),
        row("keys", false, false),
        row("emails", true, false),
        row("build:trigger", false, false),
    ]
}

pub(super) fn consent(application: ApplicationCard<'static>, redirect_uri: &'static str) -> ConsentPage<'static> {
    ConsentPage { language: ENGLISH, form_token: "dG9rZW4", application, redirect_uri, scopes: scopes(), person: ADA }
}

pub(super) fn sign_in(application: Option<ApplicationCard<'static>>, name: &'static str, failed: bool) -> String {
    SignInPage { language: ENGLISH, form_token: "dG9rZW4", application, name, failed }.render()
}

pub(super) fn problem(problem: Problem, for_developers: Option<ForDevelopers>) -> String {
    let request_id = "01997c0e5f6a7b6c8d9e0f1a2b3c4d5e";
    ProblemPage { language: ENGLISH, problem, request_id, for_developers }.render()
}

fn allowed() -> Vec<Allowed> {
    let one = |n: u8, name: &str, scopes: &str| Allowed {
        application: Id::from_bytes([n; 16]),
        client_id: format!("app_{n}"),
        name: name.to_owned(),
        home_page: Some("https://wiki.example.org/about".to_owned()),
        verified: n == 1,
        has_logo: false,
        scopes: ScopeSet::parse(scopes).unwrap(),
        given_at: 1_795_297_921_999,
    };
    vec![one(1, "Harbour Wiki", "openid profile offline_access"), one(2, "Forge", "user_info projects build:trigger")]
}

/// Every page as people see it.
pub(super) fn gallery() -> Vec<(String, String)> {
    let registered = ["https://wiki.example.org/signed-in".to_owned(), "http://localhost:9000/signed-in".to_owned()];
    let callback = Callback { asked: Some("https://wiki.example.org/signed-in/"), registered: &registered };
    let developers = ForDevelopers { application: Some("Harbour Wiki"), sentence: None, callback: Some(callback) };
    let typed = SetupPage {
        language: ENGLISH,
        form_token: "dG9rZW4",
        name: "ada lovelace",
        email: "ada@example.org",
        faults: &[Fault::UserName, Fault::PasswordShort],
    };
    let refused = |mode| {
        let sentence = "scope names 'everything', which is not registered for this application.";
        RefusedPage { application: "Harbour Wiki", sentence, ..RefusedPage::sample(&answer(mode)) }.render()
    };
    let account =
        |question| AccountPage { application: wiki(true), person: ADA, question, ..AccountPage::sample() }.render();
    let not_assigned = NotAssignedPage { application: "Harbour Wiki", person: ADA, ..NotAssignedPage::sample() };
    let mut pages: Vec<(String, String)> = [
        ("sign_in", sign_in(None, "", false)),
        ("sign_in_application", sign_in(Some(wiki(true)), "", false)),
        ("sign_in_failed", sign_in(Some(wiki(false)), "ada", true)),
        ("consent", consent(wiki(true), "https://wiki.example.org/signed-in").render()),
        ("consent_unverified", consent(wiki(false), "http://wiki.example.org/signed-in").render()),
        ("consent_native", consent(wiki(true), "org.example.wiki:/signed-in").render()),
        ("home", HomePage { person: Some(ADA), ..HomePage::sample() }.render()),
        ("applications", ApplicationsPage { allowed: &allowed(), ..ApplicationsPage::sample() }.render()),
        ("applications_none", ApplicationsPage { allowed: &[], ..ApplicationsPage::sample() }.render()),
        ("home_visitor", HomePage { person: None, ..HomePage::sample() }.render()),
        ("sign_out", SignOutPage { person: ADA, ..SignOutPage::sample() }.render()),
        ("signed_out", SignedOutPage::sample().render()),
        ("setup", SetupPage { name: "", email: "", faults: &[], ..SetupPage::sample() }.render()),
        ("setup_faults", typed.render()),
        ("setup_done", SetupDonePage { language: ENGLISH, name: "ada" }.render()),
        ("problem_callback", problem(Problem::WrongCallback, Some(developers))),
        ("refused", refused(ResponseMode::Query)),
        ("refused_form", refused(ResponseMode::FormPost)),
        ("form_post", form_post("Harbour Wiki", &answer(ResponseMode::FormPost))),
        ("account_choose", account(Question::Choose)),
        ("account_somebody_else", account(Question::SomebodyElse)),
        ("not_assigned", not_assigned.render()),
    ]
    .map(|(name, html)| (name.to_owned(), html))
    .into();
    pages.extend(git_pages());
    pages.extend(Problem::ALL.map(|p| (format!("problem_{}", p.code()), problem(p, None))));
    pages
}

fn git_pages() -> Vec<(String, String)> {
    let rows = [git::row("github-team", "ada"), git::row("wiki-sources", "ada")];
    let landed = |rows, name, fault| {
        LandedPage {
            host: "GitHub".to_owned(),
            project: "Harbour",
            name,
            code: "04bed2df009f3fc9d1c4",
            state: "vst_gs_AZrQ7v1jd2eJ3kT0m6yXw1Vf0b8cQ5aHn2LrP9sE4uGiDzKoYtBxMqNjWvCeRfTgUhJkLmPn",
            person: Some(ADA),
            ..git::landed(rows, "", fault)
        }
        .render()
    };
    let kept = |renewed| {
        let host = "GitHub".to_owned();
        KeptPage { language: ENGLISH, row: &rows[0], host, project: "Harbour", list: "/git", renewed }.render()
    };
    let renews = LandedPage { renews: Some(&rows[0]), ..git::landed(&rows, "Harbour", None) };
    let host = |n: u8, label: &str, name: &str| HostChoice {
        id: Id::from_bytes([n; 16]).to_string(),
        label: label.to_owned(),
        name: name.to_owned(),
        by_redirect: n < 9,
    };
    let hosts = [host(7, "GitHub", "github-main"), host(9, "Gitee (git.example.org)", "tee")];
    let over = GitTrouble::RefreshRefused;
    let mut rows = rows.to_vec();
    rows[1].known.trouble = Some(over);
    let portal = |rows: &[GitAuthorization], hosts: &[HostChoice], is_editor, fault: Option<(&str, NameFault)>| {
        let (form_token, project, here, now) = ("dG9rZW4", "Harbour", "/git/x", 1_795_297_921_999);
        PortalPage { language: ENGLISH, form_token, project, here, rows, hosts, is_editor, fault, now }.render()
    };
    let own = |n: u8, name: &str| OwnProject { id: Id::from_bytes([n; 16]), name: name.to_owned(), role: Role::Owner };
    let projects = [own(1, "Harbour"), own(2, "Lighthouse")];
    let delete = DeletePage { language: ENGLISH, form_token: "dG9rZW4", row: &rows[0], back: "/git" };
    let pages = [
        ("git", portal(&rows, &hosts, true, None)),
        ("git_none", portal(&[], &[], true, None)),
        ("git_viewer", portal(&rows, &hosts, false, None)),
        ("git_fault", portal(&rows, &hosts, true, Some(("git", NameFault::NameTaken)))),
        ("git_token_fault", portal(&rows, &hosts, true, Some(("git-2", NameFault::Token)))),
        ("git_projects", ProjectsPage { language: ENGLISH, projects: &projects }.render()),
        ("git_no_projects", ProjectsPage { language: ENGLISH, projects: &[] }.render()),
        ("git_delete", delete.render()),
        (
            "git_shelf",
            shelves::page(&BRANCH, &shelves::shelf(Kind::Folder, &["docs/", "src/", "Cargo.toml", "README.md"], 0)),
        ),
        ("git_shelf_cut", shelves::page(&BRANCH[..1], &shelves::shelf(Kind::Namespaces, &["ada", "team/harbour"], 7))),
        ("git_shelf_empty", shelves::page(&BRANCH[..3], &shelves::shelf(Kind::Branches, &[], 0))),
        (
            "git_file",
            shelves::page(&[&BRANCH[..], &["README.md"]].concat(), &shelves::file(include_bytes!("../../cli.rs"))),
        ),
        ("git_file_binary", shelves::page(&BRANCH, &shelves::file(b"\xff\xfe\x00"))),
        (
            "git_shelf_over",
            shelves::page(&BRANCH, &Contents::None(Trouble::Over("the host no longer takes the token".to_owned()))),
        ),
        ("git_landed_renews", renews.render()),
        ("git_landed", landed(&[], "github", None)),
        ("git_landed_renewable", landed(&rows, "github", None)),
        ("git_landed_fault", landed(&[], "git", Some(NameFault::Name))),
        ("git_kept", kept(false)),
        ("git_renewed", kept(true)),
    ];
    pages.map(|(name, html)| (name.to_owned(), html)).into()
}
