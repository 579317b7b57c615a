//! `vestibule git-auth …`: authorizations at Git hosts, and how each stands.
//!
//! Owns the flags and the printing. The rules are `admin::git_authorizations`'s.

use super::printout::{self, Failure};
use super::{known, seal};
use crate::admin::Desk;
use crate::admin::git_authorizations;
use crate::broker::NotKept;
use crate::seal::KeySource;
use serde::Serialize;
use serde_json::json;
use vestibule_store::git_authorizations::GitAuthorizationLine;
use vestibule_store::git_refreshes::GitRefresh;
use vestibule_store::git_standing::GitNext;

/// What can be done with authorizations at Git hosts.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// List authorizations and how each stands
    List {
        /// Only those of this project (name or id)
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
    },
    /// Show an authorization: whose account it is, how it stands, since when, and what comes next
    Show {
        /// The project's name or id
        project: String,
        /// The authorization's name
        name: String,
    },
    /// Remove an authorization: it is gone here at once, and ended at its host in the background
    Remove {
        /// The project's name or id
        project: String,
        /// The authorization's name
        name: String,
    },
    /// Remove all authorizations, of one project or of all: for when the database and its keys may be in wrong hands
    RemoveAll(All),
}

/// Which authorizations are meant.
#[derive(clap::Args, Debug)]
#[group(id = "which", required = true, multiple = false)]
pub struct All {
    /// Those of this project (name or id)
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Those of every project
    #[arg(long)]
    everywhere: bool,
}

/// An authorization, as JSON shows one.
#[derive(Serialize)]
struct View<'a> {
    name: &'a str,
    project: &'a str,
    host: &'a str,
    kind: &'a str,
    tag: Option<&'a str>,
    token_type: &'static str,
    account: &'a str,
    account_id: &'a str,
    home: &'a str,
    scopes: Option<&'a [String]>,
    status: &'static str,
    reason: Option<&'static str>,
    since: String,
    next: String,
    token_ends_at: Option<String>,
    renewal: Option<String>,
    created_by: Option<&'a str>,
    created_at: String,
    updated_at: String,
}

fn view(line: &GitAuthorizationLine, now: i64) -> View<'_> {
    let (shown, account) = (&line.authorization, &line.authorization.account);
    let standing = shown.standing(now);
    View {
        name: &shown.name,
        project: &line.project,
        host: &shown.host_name,
        kind: &shown.kind,
        tag: shown.tag.as_deref(),
        token_type: account.token_type.name(),
        account: &account.login,
        account_id: &account.upstream_id,
        home: &account.home,
        scopes: account.scopes.as_deref(),
        status: standing.status.name(),
        reason: standing.reason,
        since: printout::time(standing.since),
        next: next(standing.next),
        token_ends_at: account.access_ends_at.map(printout::time),
        // Where somebody has to authorize it again, nothing is under way or tried once more.
        renewal: (standing.next != GitNext::Reauthorize).then(|| renewal(&shown.known.refresh, now)).flatten(),
        created_by: line.created_by.as_deref(),
        created_at: printout::time(shown.created_at),
        updated_at: printout::time(shown.updated_at),
    }
}

fn next(next: GitNext) -> String {
    match next {
        GitNext::Nothing => "nothing: nobody knows of an end".to_owned(),
        GitNext::Ends(at) => format!("ends at {}: authorize it again before", printout::time(at)),
        GitNext::Renewal(at) => format!("its token ends at {}, and what renews it is kept", printout::time(at)),
        GitNext::Reauthorize => "somebody of the project authorizes it again".to_owned(),
        GitNext::ServeAgain => "an administrator lets the host serve the project again".to_owned(),
    }
}

/// What is known of the renewal that is under way, or failed; none where there is nothing to tell.
fn renewal(refresh: &GitRefresh, now: i64) -> Option<String> {
    if let (Some(since), Some(until)) = (refresh.since, refresh.held_until(now)) {
        return Some(format!("under way since {}, until {} at most", printout::time(since), printout::time(until)));
    }
    let failed = refresh.failed.zip(refresh.after).map(|(failed, after)| {
        format!(
            "the last one failed ({}), the next one is tried at a use after {}",
            failed.name(),
            printout::time(after)
        )
    });
    let doubt = refresh.since.filter(|_| refresh.doubt > 0).map(|since| {
        format!("nobody knows what became of the one of {}: it is tried once more", printout::time(since))
    });
    let told: Vec<String> = failed.into_iter().chain(doubt).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Does what `verb` says.
pub async fn run(verb: Verb, source: Result<KeySource, String>, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::List { project } => list(desk, project.as_deref(), json).await,
        Verb::Show { project, name } => {
            let line = known(git_authorizations::show(desk, &project, &name).await?)?;
            let view = view(&line, desk.now);
            printout::print(json, &view, || sheet(&view))
        }
        Verb::Remove { project, name } => {
            known(
                git_authorizations::remove(desk, &seal(desk, source).await?, &project, &name).await.map_err(failure)?,
            )?;
            let view = json!({ "project": project, "name": name, "removed": true });
            printout::print(json, &view, || {
                format!("{name} is gone. The server ends it at its host; the trail says how.")
            })
        }
        Verb::RemoveAll(All { project, .. }) => {
            let removed = git_authorizations::remove_all(desk, &seal(desk, source).await?, project.as_deref()).await;
            let removed = known(removed.map_err(failure)?)?;
            printout::print(json, &json!({ "removed": removed }), || {
                format!("{removed} authorizations are gone. The server ends them at their hosts; the trail says how.")
            })
        }
    }
}

fn failure(why: NotKept) -> Failure {
    Failure::Failed(match why {
        NotKept::Changed => "Somebody gives it another credential at this moment; try again.".to_owned(),
        NotKept::Ours(why) => format!("{why}."),
        other => format!("It could not be ended: {other:?}."),
    })
}

async fn list(desk: &Desk<'_>, project: Option<&str>, json: bool) -> Result<(), Failure> {
    let lines = known(git_authorizations::list(desk, project).await?)?;
    let views: Vec<View> = lines.iter().map(|line| view(line, desk.now)).collect();
    printout::print(json, &views, || {
        let row = |v: &View| {
            let reason = v.reason.unwrap_or_default();
            [v.project, v.name, v.host, v.token_type, v.account, v.status, &v.since, reason].map(str::to_owned).to_vec()
        };
        let rows: Vec<_> = views.iter().map(row).collect();
        let heading = ["project", "name", "host", "mode", "account", "status", "since", "reason"];
        printout::table(&heading, &rows, "There is no authorization yet. Members of projects make them.")
    })
}

fn sheet(view: &View) -> String {
    let or_none = |text: Option<&str>| text.unwrap_or("none").to_owned();
    let mut facts = vec![
        ("name", view.name.to_owned()),
        ("project", view.project.to_owned()),
        ("host", format!("{} ({})", view.host, view.kind)),
        ("tag", or_none(view.tag)),
        ("mode", view.token_type.to_owned()),
        ("account", format!("{} (id {}), {}", view.account, view.account_id, view.home)),
        ("scopes", view.scopes.map_or_else(|| "the host tells none".to_owned(), |scopes| scopes.join(" "))),
        ("status", format!("{} since {}", view.status, view.since)),
    ];
    facts.extend(view.reason.map(|reason| ("reason", reason.to_owned())));
    facts.push(("next", view.next.clone()));
    facts.extend(view.renewal.as_ref().map(|renewal| ("renewal", renewal.clone())));
    facts.push(("brought by", or_none(view.created_by)));
    facts.push(("since", view.created_at.clone()));
    facts.push(("last credential", view.updated_at.clone()));
    printout::sheet(&facts)
}
