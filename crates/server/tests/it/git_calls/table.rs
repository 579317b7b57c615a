//! Which kind of host can do which call: the table in docs/compatibility.md is the registry's, and what a kind cannot do
//! is refused with its sentence.

use super::scene::{KINDS, on_both};
use crate::git_auths::scene::refused;
use serde_json::json;
use vestibule_githost::host::{Call, Habits};
use vestibule_githost::registry;

/// How a call is named to people: the address that leads to it.
fn spelled(call: Call) -> &'static str {
    match call {
        Call::SendUser => "`GET …/git/auths/{repo_type}/redirect`",
        Call::TradeCode => "`POST …/git/auths/{repo_type}/oauth`",
        Call::Refresh => "renewing a token before a call",
        Call::Password => "`POST …/git/auths/{repo_type}/password`",
        Call::Who => "`POST …/git/auths/{repo_type}/personal`",
        Call::Revoke => "ending a token at the host when an authorization is deleted",
        Call::Namespaces => "`GET …/git/repos/namespaces`",
        Call::ProjectInfo => "`GET …/git/repos/project-info`",
        Call::Projects => "`GET …/git/repos/{namespace}/projects`",
        Call::CreateProject => "`POST …/git/repos/{namespace}/projects`",
        Call::Branches => "`GET …/git/repos/{namespace}/{project}/branches`",
        Call::Tags => "`GET …/git/repos/{namespace}/{project}/tags`",
        Call::CreateTag => "`POST …/git/repos/{namespace}/{project}/tags`",
        Call::DeleteTag => "`DELETE …/git/repos/{namespace}/{project}/tags/{tag_name}`",
        Call::Commits => "`GET …/git/repos/{namespace}/{project}/commits`",
        Call::Hooks => "`GET …/git/repos/{namespace}/{project}/hooks`",
        Call::CreateHook => "`POST …/git/repos/{namespace}/{project}/hooks`",
        Call::DeleteHook => "`DELETE …/git/repos/{namespace}/{project}/hooks/{hook_id}`",
        Call::Tree => "`GET …/git/files/{namespace}/{project}/trees`",
        Call::ReadFile => "`GET …/git/files/{namespace}/{project}/{path}`",
        Call::CreateFile => "`POST …/git/files/{namespace}/{project}/{path}`",
        Call::UpdateFile => "`PUT …/git/files/{namespace}/{project}/{path}`",
        Call::DeleteFile => "`DELETE …/git/files/{namespace}/{project}/{path}`",
    }
}

/// Whether a call is one of the wire's, and so has a code to be refused with.
fn is_of_wire(call: Call) -> bool {
    !matches!(call, Call::Refresh | Call::Revoke)
}

fn table() -> String {
    let kinds: Vec<&Habits> = registry::KINDS.iter().map(|kind| kind.habits()).collect();
    let labels: Vec<&str> = kinds.iter().map(|kind| kind.label).collect();
    let mut said = format!("| call | {} |\n| --- |{}\n", labels.join(" | "), " --- |".repeat(labels.len()));
    let mut sentences: Vec<String> = Vec::new();
    for call in Call::ALL {
        let cells = kinds.iter().map(|kind| match kind.cannot(call) {
            None => "yes".to_owned(),
            Some(sentence) => {
                let code = if is_of_wire(call) { "`SVCSTG.REPO.0401`" } else { "no" };
                sentences.push(format!("{}, {}: {sentence}.", kind.label, spelled(call)));
                format!("{code} ({})", sentences.len())
            }
        });
        let cells: Vec<String> = cells.collect();
        said.push_str(&format!("| {} | {} |\n", spelled(call), cells.join(" | ")));
    }
    said.push('\n');
    for (at, sentence) in sentences.iter().enumerate() {
        said.push_str(&format!("{}. {sentence}\n", at + 1));
    }
    said
}

#[test]
fn the_table_in_the_documents_is_the_registrys() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md");
    let text = std::fs::read_to_string(page).expect("the page");
    let inside = text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(inside, _)| inside.trim());
    let wanted = table();
    assert_eq!(inside, Some(wanted.trim()), "put this between the two marks of docs/compatibility.md:\n\n{wanted}");
}

const BEGIN: &str = "<!-- made from the registry of kinds; a test compares it -->";
const END: &str = "<!-- to here -->";

#[test]
fn what_a_kind_cannot_do_is_refused_with_its_sentence_and_its_host_hears_nothing() {
    on_both(|calls| {
        let mut tried = 0;
        for kind in KINDS {
            let habits = registry::find(kind).expect("a kind").habits();
            for (call, sentence) in habits.cannot.iter().filter(|(call, _)| is_of_wire(*call)) {
                let before = calls.fake(kind).log().len();
                let answer = match call {
                    Call::Password => {
                        let body = json!({ "name": "no-password", "user": "u", "password": "p" });
                        calls.post(&format!("/{kind}/password"), &body)
                    }
                    Call::DeleteTag => {
                        calls.git(kind, "DELETE", &format!("/repos/{}/tags/v1.0", calls.demo(kind))).send()
                    }
                    other => panic!("{other:?} is new here: say how it is called"),
                };
                let said = refused(&answer, 400, "SVCSTG.REPO.0401");
                assert!(said.contains(sentence), "{kind} {call:?}: {said}");
                assert_eq!(calls.fake(kind).log().len(), before, "{kind} {call:?}");
                tried += 1;
            }
        }
        assert_eq!(tried, 3);
    });
}
