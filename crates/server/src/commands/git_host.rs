//! `vestibule git-host …`: the Git hosts at which projects have authorizations, and our application at each.
//!
//! Owns the flags and the printing. The rules are `admin::git_hosts`'s. A client secret comes from standard input or a
//! file, never as an argument, where everybody on the machine could read it.

use super::printout::{self, Failure};
use super::{issuer, known, not_there, seal, wrong};
use crate::admin::git_host_input::{Registered, Wanted};
use crate::admin::git_hosts::{self, Add, SetSecret, Sheet};
use crate::admin::{Changed, Desk};
use crate::broker::callback_uri;
use crate::seal::KeySource;
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;
use vestibule_oauth::secret::Secret;
use vestibule_store::git_host_changes::GitHostLine;

/// What can be done with Git hosts.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// Add a host: of the whole deployment, or of one project
    Add(Adding),
    /// List hosts
    List,
    /// Show a host: what to register there, and which projects it serves
    Show(Named),
    /// Give a host another client secret
    SetSecret {
        #[command(flatten)]
        host: Named,
        /// Our client id there, where it changes too
        #[arg(long, value_name = "ID")]
        client_id: Option<String>,
        #[command(flatten)]
        secret: Given,
    },
    /// Make a host the default of its kind
    SetDefault(Named),
    /// Switch a host off: no authorization of it can be used or made
    Disable(Named),
    /// Switch a host on again
    Enable(Named),
    /// Which projects a host of the whole deployment serves
    #[command(subcommand)]
    Project(Ticking),
}

/// A host by its name.
#[derive(clap::Args, Debug)]
pub struct Named {
    /// The host's name
    name: String,
    /// The project that it belongs to (name or id); none for one of the whole deployment
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
}

/// The flags of `git-host add`.
#[derive(clap::Args, Debug)]
pub struct Adding {
    #[command(flatten)]
    host: Named,
    /// The kind of host
    #[arg(long)]
    kind: String,
    /// Where its pages begin (default: the kind's public host)
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Our client id there; without one only personal tokens are taken
    #[arg(long, value_name = "ID", requires = "secret")]
    client_id: Option<String>,
    #[command(flatten)]
    secret: Given,
    /// Scopes to ask for, separated by spaces (default: the kind's)
    #[arg(long, value_name = "SCOPES")]
    scopes: Option<String>,
    /// A tag by which callers choose it; may be given several times
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// Where callers name the kind only, this one is meant
    #[arg(long)]
    default: bool,
}

/// Where a client secret comes from.
#[derive(clap::Args, Debug)]
#[group(id = "secret", multiple = false)]
pub struct Given {
    /// Read our client secret from standard input, one line
    #[arg(long)]
    secret_stdin: bool,
    /// Read our client secret from a file
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// What can be done with the projects of a host.
#[derive(clap::Subcommand, Debug)]
pub enum Ticking {
    /// Let a host serve a project
    Add {
        /// The host's name
        name: String,
        /// The project's name or id
        project: String,
    },
    /// Take a host away from a project: what the project has there is held back
    Remove {
        /// The host's name
        name: String,
        /// The project's name or id
        project: String,
    },
}

impl Given {
    fn read(&self) -> Result<Option<Secret>, Failure> {
        match (&self.secret_file, self.secret_stdin) {
            (Some(file), _) => printout::read_secret_file("--secret-file", file).map(Some),
            (None, true) => printout::read_secret("--secret-stdin", "client secret").map(Some),
            (None, false) => Ok(None),
        }
    }
}

/// A host in a list.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    project: Option<&'a str>,
    kind: &'a str,
    url: &'a str,
    oauth: bool,
    tags: &'a [String],
    projects: i64,
    authorizations: i64,
    enabled: bool,
}

impl<'a> Line<'a> {
    fn of(line: &'a GitHostLine) -> Line<'a> {
        let host = &line.host;
        Line {
            name: &host.name,
            project: line.project.as_deref(),
            kind: &host.kind,
            url: &host.web,
            oauth: host.secret.is_some(),
            tags: &host.tags,
            projects: line.projects,
            authorizations: line.authorizations,
            enabled: host.disabled_at.is_none(),
        }
    }
}

/// Does what `verb` says.
pub async fn run(verb: Verb, source: Result<KeySource, String>, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Add(flags) => add(&flags, source, desk, json).await,
        Verb::List => list(desk, json).await,
        Verb::Show(Named { name, project }) => show(desk, &name, project.as_deref(), json).await,
        Verb::SetSecret { host: Named { name, project }, client_id, secret } => {
            let Some(secret) = secret.read()? else {
                return Err(Failure::Usage("give the secret with --secret-stdin or --secret-file.".to_owned()));
            };
            let (seal, host) = (seal(desk, source).await?, (name.as_str(), project.as_deref()));
            match git_hosts::set_secret(desk, &seal, host, client_id.as_deref(), &secret).await? {
                SetSecret::Done => done(&name, "has its new client secret.", json),
                SetSecret::Wrong(faults) => Err(wrong(&faults)),
                SetSecret::Unknown(unknown) => Err(not_there(&unknown)),
            }
        }
        Verb::SetDefault(Named { name, project }) => {
            known(git_hosts::make_default(desk, &name, project.as_deref()).await?)?;
            done(&name, "is now meant where callers name its kind.", json)
        }
        Verb::Disable(Named { name, project }) => {
            known(git_hosts::set_enabled(desk, &name, project.as_deref(), false).await?)?;
            done(&name, "is switched off: its authorizations are held back until it is on again.", json)
        }
        Verb::Enable(Named { name, project }) => {
            known(git_hosts::set_enabled(desk, &name, project.as_deref(), true).await?)?;
            done(&name, "is switched on.", json)
        }
        Verb::Project(Ticking::Add { name, project }) => tick(desk, &name, &project, true, json).await,
        Verb::Project(Ticking::Remove { name, project }) => tick(desk, &name, &project, false, json).await,
    }
}

async fn add(flags: &Adding, source: Result<KeySource, String>, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let secret = flags.secret.read()?;
    let application = match (&flags.client_id, &secret) {
        (Some(client_id), Some(secret)) => Some(Registered { client_id, secret }),
        (None, None) => None,
        _ => return Err(Failure::Usage("--client-id: a client secret needs its client id.".to_owned())),
    };
    let Named { name, project } = &flags.host;
    let wanted = Wanted {
        name,
        kind: &flags.kind,
        url: flags.url.as_deref(),
        project: project.as_deref(),
        application,
        scopes: flags.scopes.as_deref(),
        tags: &flags.tag,
        is_default: flags.default,
    };
    match git_hosts::add(desk, &seal(desk, source).await?, &wanted).await? {
        Add::Added => show(desk, name, project.as_deref(), json).await,
        Add::Wrong(faults) => Err(wrong(&faults)),
        Add::NameTaken => Err(Failure::taken("host's name", "NAME")),
        Add::Unknown(unknown) => Err(not_there(&unknown)),
    }
}

async fn list(desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let lines = git_hosts::list(desk).await?;
    let views: Vec<Line> = lines.iter().map(Line::of).collect();
    printout::print(json, &views, || {
        let state = |view: &Line| if view.enabled { "enabled" } else { "disabled" }.to_owned();
        let row = |v: &Line| {
            let project = v.project.unwrap_or("-").to_owned();
            let counts = [v.projects, v.authorizations].map(|count| count.to_string());
            [&[v.name.to_owned(), project, v.kind.to_owned(), v.url.to_owned()][..], &counts, &[state(v)]].concat()
        };
        let rows: Vec<_> = views.iter().map(row).collect();
        let empty = "There is no Git host yet. `vestibule git-host add NAME --kind KIND` adds one.";
        let heading = ["name", "project", "kind", "url", "projects", "authorizations", "state"];
        printout::table(&heading, &rows, empty)
    })
}

async fn show(desk: &Desk<'_>, name: &str, project: Option<&str>, json: bool) -> Result<(), Failure> {
    let sheet = known(git_hosts::show(desk, name, project).await?)?;
    let Sheet { line, projects, is_default, api, scopes, remark } = &sheet;
    let (host, callback) = (&line.host, callback_uri(&issuer(desk).await?, line.host.id));
    let reasons: Vec<_> = scopes.iter().map(|(scope, reason)| json!({ "scope": scope, "reason": reason })).collect();
    let view = json!({
        "id": host.id.to_string(),
        "name": host.name,
        "project": line.project,
        "kind": host.kind,
        "url": host.web,
        "api_url": api,
        "callback_url": callback,
        "client_id": host.client_id,
        "has_secret": host.secret.is_some(),
        "scopes": reasons,
        "tags": host.tags,
        "default": is_default,
        "projects": projects,
        "authorizations": line.authorizations,
        "enabled": host.disabled_at.is_none(),
        "disabled_at": host.disabled_at.map(printout::time),
        "created_at": printout::time(host.created_at),
        "warnings": remark,
    });
    printout::print(json, &view, || text(&sheet, &callback))
}

fn text(sheet: &Sheet, callback: &str) -> String {
    let Sheet { line, projects, is_default, api, scopes, remark } = sheet;
    let host = &line.host;
    let reasons: Vec<String> = scopes.iter().map(|(scope, reason)| format!("{scope}: {reason}")).collect();
    let words = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    let mut facts = vec![
        ("name", host.name.clone()),
        ("belongs to", line.project.as_ref().map_or_else(|| "the deployment".to_owned(), |p| format!("project {p}"))),
        ("kind", host.kind.clone()),
        ("url", host.web.clone()),
        ("API", api.clone().unwrap_or_else(|| "unknown kind".to_owned())),
        ("callback URL", format!("{callback}\nRegister it at the host, exactly so.")),
        ("client id", host.client_id.clone().unwrap_or_else(|| "none: only personal tokens are taken".to_owned())),
        ("client secret", if host.secret.is_some() { "kept sealed" } else { "none" }.to_owned()),
        ("scopes", reasons.join("\n")),
        ("tags", words(&host.tags)),
        ("default", if *is_default { "yes" } else { "no" }.to_owned()),
        ("projects", words(projects)),
        ("authorizations", line.authorizations.to_string()),
        (
            "state",
            host.disabled_at
                .map_or_else(|| "enabled".to_owned(), |at| format!("disabled since {}", printout::time(at))),
        ),
    ];
    facts.extend(remark.iter().map(|remark| ("warning", remark.clone())));
    printout::sheet(&facts)
}

async fn tick(desk: &Desk<'_>, name: &str, project: &str, ticked: bool, json: bool) -> Result<(), Failure> {
    let done = match git_hosts::set_ticked(desk, name, project, ticked).await? {
        Changed::Done(done) => done,
        Changed::Unknown(unknown) => return Err(not_there(&unknown)),
    };
    if !done {
        return Err(Failure::Failed(format!("{name} did not serve project {project:?}.")));
    }
    let view = json!({ "name": name, "project": project, "serves": ticked });
    printout::print(json, &view, || match ticked {
        true => format!("{name} serves project {project:?} now."),
        false => format!("{name} no longer serves project {project:?}."),
    })
}

fn done(name: &str, what: &str, json: bool) -> Result<(), Failure> {
    printout::print(json, &json!({ "name": name }), || format!("{name} {what}"))
}
