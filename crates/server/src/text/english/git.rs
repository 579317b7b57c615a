//! The English sentences of authorizations at Git hosts.

use crate::pages::git::Fault;
use crate::pages::problem::Problem;
use crate::text::Git;
use vestibule_store::git_authorizations::TokenType;
use vestibule_store::git_standing::GitStatus;

pub(super) const TEXT: Git = Git {
    landed_title: "Name the authorization",
    landed_heading: |host| format!("{host} has agreed"),
    landed_lead: |project| {
        format!("One step is left. Give the authorization a name, and the project {project} keeps it.")
    },
    name: "Name",
    name_hint: "4 to 63 letters, digits, dots, underscores and hyphens. It cannot be changed later.",
    renew_lead: |project| format!("One step is left, and the project {project} goes on with the new access."),
    keep: "Keep the authorization",
    in_place: |name| format!("Renew “{name}”"),
    in_place_of: "Or in the place of one that is there",
    in_place_hint: "Its name stays, and whatever uses it goes on with the new access.",
    renew: "Renew",
    by_program: "Finish in a program instead",
    by_program_lead: "Hand these two to the call that creates the authorization, and to nobody else. They stand in this page’s address, too.",
    code: "code",
    state: "state",
    not_used: |until| format!("Not used yet. They work once, until {until}."),
    fault,
    kept_title: "Authorization kept",
    kept_heading: "The authorization is ready",
    kept_lead: |project| format!("Whoever works in the project {project} can use it now, under its name."),
    renewed_heading: "The authorization is renewed",
    host: "Host",
    account: "Account",
    project: "Project",
    list: "All authorizations",
    title: "Authorizations at Git hosts",
    no_projects: "You are in no project yet. Whoever runs this server puts people into projects.",
    which_project: "Of which project?",
    of_project: |project| format!("What the project {project} may do at Git hosts, and in whose name."),
    none: "There is none yet.",
    since: "since",
    because: |reason| format!("{}.", capital(reason)),
    status: |status| match status {
        GitStatus::Normal => "Works",
        GitStatus::Overdue => "Over",
        GitStatus::Unauthenticated => "Does not work",
    },
    mode: |mode| match mode {
        TokenType::Oauth => "authorized there",
        TokenType::Personal => "personal token",
        TokenType::Password => "password",
    },
    ends: |day| format!("It ends on {day}; renew it before."),
    reauthorize: "Renew it to go on. Its name stays.",
    serve_again: "Ask your administrator about the host.",
    renew_of: |name| format!("Renew {name}"),
    renew_by_token: |name| format!("Renew “{name}” with a personal token"),
    token: "Personal token",
    token_hint: "Made in your settings at the host. It is tried there before it is kept.",
    create: "Another authorization",
    create_at: |host| format!("Authorize at {host}"),
    by_token: "Bring a personal token",
    no_hosts: "No Git host serves this project yet. Ask your administrator for one.",
    delete: "Delete",
    delete_of: |name| format!("Delete {name}"),
    delete_question: |name| format!("Delete “{name}”?"),
    delete_lead: "Whatever uses it can no longer reach its repositories: builds that begin now, and components that are upgraded.",
    delete_personal: "The personal token itself stays good until you delete it at the host.",
    delete_revoked: "The access is ended at the host, too, where the host has a way to do so.",
    stay: "Keep it",
};

/// With a capital at its beginning.
fn capital(sentence: &str) -> String {
    let mut rest = sentence.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

const fn fault(fault: Fault) -> &'static str {
    match fault {
        Fault::Name => "Choose a name of 4 to 63 letters, digits, dots, underscores and hyphens.",
        Fault::Token => "The host does not accept this token. Copy it again, and look whether it has ended.",
        Fault::NameTaken => "The project has an authorization of this name already. Choose another.",
    }
}

pub(super) const fn problem(problem: Problem) -> (&'static str, &'static str, &'static str) {
    match problem {
        Problem::GitWayForeign => (
            "Somebody else began this",
            "The way to the Git host was begun by another person than the one who is signed in here. Nothing was kept, and nothing was sent.",
            "If it was you under another account, sign in with that one and open this address again. If somebody sent you the link, close this page.",
        ),
        Problem::GitWayUsed => (
            "This was finished already",
            "You came back this way before, here or with a program, and it works once. What was kept then stands among the project’s authorizations.",
            "Look there. If it is missing, begin again where you set out to the Git host.",
        ),
        Problem::GitDenied => (
            "You did not allow it",
            "The Git host says that access was not given. Nothing was kept.",
            "If that was not what you wanted, begin again and allow it there.",
        ),
        Problem::GitHostFailed => (
            "The Git host did not play along",
            "It refused, or did not answer as it should. Nothing was kept.",
            "Begin again in a moment. If it happens again, tell your administrator the reference below.",
        ),
        Problem::GitNotKept => (
            "It could not be kept",
            "Something has changed meanwhile: the name is taken now, somebody else renewed it, the host no longer serves the project, or there are as many as there may be.",
            "Look at the project’s authorizations, then begin again.",
        ),
        Problem::GitTooManyTries => (
            "Please wait before the next try",
            "The host refused several tokens that you brought, the project has several authorizations under way, or the host is busy. Nothing was kept.",
            "Wait a minute, then try again. If it was a token, copy it again at the host first.",
        ),
        Problem::GitNotAllowed => (
            "You may not change this project",
            "Authorizations are kept by a project’s owners and editors, and you are neither any more.",
            "Ask an owner of the project to make you an editor, then begin again.",
        ),
        _ => (
            "This way is closed",
            "It was gone before, was begun more than ten minutes ago, or is not complete.",
            "Begin again where you set out to the Git host.",
        ),
    }
}
