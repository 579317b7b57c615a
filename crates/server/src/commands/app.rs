//! `vestibule app …`: applications, the OAuth 2.0 clients.
//!
//! Owns the flags, and what is printed when. What an application may be is `admin::applications`'s and `oauth`'s, how
//! one looks on paper `app_sheet`'s.

use super::app_logout::Logout;
use super::app_set::{self, SetFlags, Settings};
use super::app_sheet::{Line, Sheet};
use super::printout::{self, Failure};
use super::{issuer, known, not_there, wrong};
use crate::admin::Desk;
use crate::admin::applications::{self, Input, RemoveSecret, Rotate};
use crate::admin::assignments::{self, Assign};
use crate::admin::logout_settings;
use std::io::Read;
use std::path::{Path, PathBuf};
use vestibule_oauth::client::Access;
use vestibule_oauth::secret::Secret;
use vestibule_oauth::template::{Switch, Template};
use vestibule_store::clients::ApplicationSheet;

/// What can be done with applications.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// Add an application; its secret is shown once
    #[command(
        after_help = "Example:\n  vestibule app add Wiki --template web --redirect-uri https://wiki.example.com/callback --access assigned"
    )]
    Add(Add),
    /// List applications
    List,
    /// Show one application with its switches, addresses, assignments and use of older forms
    Show {
        /// Name or client_id
        app: String,
    },
    /// Make a new client secret; the ones before it stay valid for the overlap
    RotateSecret {
        /// Name or client_id
        app: String,
        /// How long the secrets before it stay valid, as in 30m, 24h or 7d (0 ends them at once)
        #[arg(long, value_name = "TIME", default_value = "24h")]
        overlap: String,
    },
    /// Set how an application's tokens look, by which subject it knows people, and what it wants of signing out
    #[command(
        after_help = "Example, for a resource server that checks access tokens by itself:\n  vestibule app set Wiki --access-token ES256"
    )]
    Set(SetFlags),
    /// Show or turn one of an application's switches; `app show` lists those that are on
    #[command(
        after_help = "Example, for a resource server that asks about other applications' tokens:\n  vestibule app switch Gateway introspect on"
    )]
    Switch {
        /// Name or client_id
        app: String,
        /// The switch
        #[arg(value_parser = switch_names())]
        switch: String,
        /// What it shall be (default: only show it)
        #[arg(value_parser = ["on", "off"])]
        state: Option<String>,
    },
    /// Remove a client secret at once; with the last one everything ends that was issued to the application
    RemoveSecret {
        /// Name or client_id
        app: String,
        /// The secret's id, as `app show` tells it
        #[arg(value_name = "SECRET-ID")]
        secret: String,
    },
    /// Switch an application off: its codes and tokens end at once
    Disable {
        /// Name or client_id
        app: String,
    },
    /// Switch an application on again: what ended stays ended
    Enable {
        /// Name or client_id
        app: String,
    },
    /// Remove an application with everything that hangs on it
    Remove {
        /// Name or client_id
        app: String,
    },
    /// Let a person, a group or an organization (with those below it) use an application
    Assign(Assignment),
    /// Take that away again
    Unassign(Assignment),
}

/// The flags of `app add`.
#[derive(clap::Args, Debug)]
pub struct Add {
    /// The name that people see
    pub name: String,
    /// What kind of application it is
    #[arg(long, value_parser = ["web", "spa", "native", "service", "idaas-oauth2", "gitlife"])]
    pub template: String,
    /// Where people are sent back to; may be given several times (not for service)
    #[arg(long, value_name = "URI")]
    pub redirect_uri: Vec<String>,
    /// Scopes that it registers, separated by spaces (default: the template's)
    #[arg(long, value_name = "SCOPES")]
    pub scopes: Option<String>,
    /// Its home page, shown on the consent page
    #[arg(long, value_name = "URL")]
    pub home_page: Option<String>,
    /// Its logo: a PNG, JPEG, GIF or WebP file of at most 256 KiB
    #[arg(long, value_name = "FILE")]
    pub logo_file: Option<PathBuf>,
    /// Show it as verified on the consent page
    #[arg(long)]
    pub verified: bool,
    /// Who may sign in to it (default: assigned for idaas-oauth2, everyone else: everyone)
    #[arg(long, value_parser = ["assigned", "everyone"])]
    pub access: Option<String>,
    #[command(flatten)]
    pub settings: Settings,
    #[command(flatten)]
    pub logout: Logout,
}

/// An application, and whom it is assigned to.
#[derive(clap::Args, Debug)]
pub struct Assignment {
    /// Name or client_id
    pub app: String,
    /// Whom
    #[command(flatten)]
    pub to: Assignee,
}

/// Exactly one of a person, a group and an organization.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Assignee {
    /// A person, by user name or e-mail address
    #[arg(long)]
    pub user: Option<String>,
    /// A group, by name
    #[arg(long)]
    pub group: Option<String>,
    /// An organization and all below it, by name or external id
    #[arg(long)]
    pub org: Option<String>,
}

impl Assignee {
    /// The one of the three that was given; clap lets exactly one through.
    fn named(&self) -> Option<(&'static str, assignments::Assignee<'_>)> {
        let user = self.user.as_deref().map(|name| ("person", assignments::Assignee::Person(name)));
        let group = self.group.as_deref().map(|name| ("group", assignments::Assignee::Group(name)));
        let org = self.org.as_deref().map(|name| ("organization", assignments::Assignee::Organization(name)));
        user.or(group).or(org)
    }
}

/// Does what `verb` says.
pub async fn run(verb: Verb, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Add(flags) => add(flags, desk, json).await,
        Verb::List => list(desk, json).await,
        Verb::Show { app } => show(&*known(applications::show(desk, &app).await?)?, desk, json).await,
        Verb::RotateSecret { app, overlap } => rotate_secret(&app, &overlap, desk, json).await,
        Verb::Set(flags) => show(&*app_set::set(&flags, desk, json).await?, desk, json).await,
        Verb::Switch { app, switch, state } => turn(&app, &switch, state.as_deref(), desk, json).await,
        Verb::RemoveSecret { app, secret } => remove_secret(&app, &secret, desk, json).await,
        Verb::Disable { app } => {
            let sheet = known(applications::set_enabled(desk, &app, false).await?)?;
            done(&sheet, desk, json, "is disabled. Its codes and tokens are dead, also after enabling again.").await
        }
        Verb::Enable { app } => {
            let sheet = known(applications::set_enabled(desk, &app, true).await?)?;
            done(&sheet, desk, json, "is enabled. What ended when it was disabled stays ended.").await
        }
        Verb::Remove { app } => {
            let sheet = known(applications::remove(desk, &app).await?)?;
            let what = "is removed, with its secrets, tokens, consents and assignments.";
            done(&sheet, desk, json, what).await
        }
        Verb::Assign(to) => assign(&to, true, desk, json).await,
        Verb::Unassign(to) => assign(&to, false, desk, json).await,
    }
}

/// A remark for people, who read; a script reads the JSON.
fn note(json: bool, sentence: &str) {
    if !json {
        printout::say(sentence);
    }
}

async fn add(flags: Add, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    // Both were checked by the parser against the same names.
    let template = Template::parse(&flags.template).ok_or_else(|| usage("--template", "unknown template."))?;
    let access = flags.access.as_deref().and_then(Access::parse);
    let input = Input {
        name: &flags.name,
        template,
        redirect_uris: &flags.redirect_uri,
        scopes: flags.scopes.as_deref(),
        home_page: flags.home_page.as_deref(),
        logo: flags.logo_file.as_deref().map(read_logo).transpose()?,
        verified: flags.verified,
        access,
        settings: flags.settings.wanted(),
    };
    match logout_settings::add(desk, input, flags.logout.wanted()).await? {
        applications::Add::Added(sheet, secret) => made(&sheet, secret.as_ref(), desk, json).await,
        applications::Add::Wrong(faults) => Err(wrong(&faults)),
        applications::Add::NameTaken => Err(Failure::taken("application name", "NAME")),
    }
}

fn usage(flag: &str, sentence: &str) -> Failure {
    Failure::Usage(format!("{flag}: {sentence}"))
}

fn read_logo(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::Failed(format!("--logo-file: {} cannot be read: {error}.", path.display()));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more than the largest logo, so that a larger one is seen as such and not read to its end.
    file.take(256 * 1024 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Prints an application whose secret was just made.
async fn made(sheet: &ApplicationSheet, secret: Option<&Secret>, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let view = Sheet::of(sheet, &issuer(desk).await?).with_secret(secret);
    printout::print(json, &view, || view.text())?;
    if secret.is_some() {
        note(json, "The client secret is shown this once: keep it now.");
    }
    view.warnings().iter().for_each(|warning| note(json, &format!("Note: {warning}")));
    remark(sheet, desk, json).await
}

/// What is not wrong with the application, and yet does not work before the server is told.
async fn remark(sheet: &ApplicationSheet, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let remark = logout_settings::remark(desk, sheet).await?;
    remark.iter().for_each(|remark| note(json, &format!("Note: {remark}")));
    Ok(())
}

async fn show(sheet: &ApplicationSheet, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let view = Sheet::of(sheet, &issuer(desk).await?);
    printout::print(json, &view, || view.text())?;
    view.warnings().iter().for_each(|warning| note(json, &format!("Note: {warning}")));
    remark(sheet, desk, json).await
}

/// What was done to an application: a sentence for people, the application for scripts.
async fn done(sheet: &ApplicationSheet, desk: &Desk<'_>, json: bool, what: &str) -> Result<(), Failure> {
    let view = Sheet::of(sheet, &issuer(desk).await?);
    printout::print(json, &view, || format!("{} ({}) {what}", sheet.client.name, sheet.client.client_id))
}

async fn list(desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let lines = applications::list(desk).await?;
    let views: Vec<Line> = lines.iter().map(Line::of).collect();
    printout::print(json, &views, || {
        let row = |view: &Line| {
            let state = if view.enabled { "enabled" } else { "disabled" };
            let texts = [view.name, view.client_id, view.template, view.access, state];
            texts.map(str::to_owned).to_vec()
        };
        let rows: Vec<_> = views.iter().map(row).collect();
        let empty = "There is no application yet. `vestibule app add --help` says how to add one.";
        printout::table(&["name", "client_id", "template", "access", "state"], &rows, empty)
    })
}

async fn rotate_secret(app: &str, overlap: &str, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let overlap_ms = printout::duration("--overlap", overlap)?;
    match applications::rotate_secret(desk, app, overlap_ms).await? {
        Rotate::Rotated(sheet, secret) => made(&sheet, Some(&secret), desk, json).await,
        Rotate::KeepsNoSecret => {
            Err(Failure::Failed(format!("{app:?} is a public client: it keeps no secret that could be rotated.")))
        }
        Rotate::Unknown(unknown) => Err(not_there(&unknown)),
    }
}

fn switch_names() -> [&'static str; Switch::ALL.len()] {
    Switch::ALL.map(Switch::name)
}

async fn turn(app: &str, switch: &str, state: Option<&str>, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    // Both were checked by the parser against the same names.
    let switch = Switch::parse(switch).ok_or_else(|| usage("SWITCH", "unknown switch."))?;
    let sheet = known(applications::set_switch(desk, app, switch, state.map(|state| state == "on")).await?)?;
    let stands = if sheet.client.has(switch) { "on" } else { "off" };
    done(&sheet, desk, json, &format!("has {} {stands}.", switch.name())).await
}

async fn remove_secret(app: &str, secret: &str, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match applications::remove_secret(desk, app, secret).await? {
        RemoveSecret::Removed(sheet) => {
            let left = sheet.secrets.iter().any(|secret| secret.ends_at.is_none_or(|end| end > desk.now));
            let told = match left {
                true => "has one secret less. What was issued with it lives on until it ends.",
                false => {
                    "has no secret any more, and what was issued to it has ended. `app rotate-secret` gives it a new one."
                }
            };
            done(&sheet, desk, json, told).await
        }
        RemoveSecret::NoSuchSecret => Err(Failure::Failed(format!(
            "{app:?} has no secret {secret:?}. `vestibule app show` tells the ids of its secrets."
        ))),
        RemoveSecret::Unknown(unknown) => Err(not_there(&unknown)),
    }
}

async fn assign(to: &Assignment, assigned: bool, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let named = to.to.named().ok_or_else(|| usage("--user, --group, --org", "name exactly one."))?;
    let (kind, assignee) = named;
    match assignments::set_assigned(desk, &to.app, assignee, assigned).await? {
        Assign::Unknown(unknown) => Err(not_there(&unknown)),
        Assign::NotAssigned => Err(Failure::Failed(format!("{:?} was not assigned to this {kind}.", to.app))),
        Assign::Done(access) => {
            let sheet = known(applications::show(desk, &to.app).await?)?;
            let now = if assigned { "now" } else { "no longer" };
            done(&sheet, desk, json, &format!("is {now} assigned to this {kind}.")).await?;
            if assigned && access == Access::Everyone {
                note(json, "Its access is everyone, so that the assignment changes nothing for now.");
            }
            Ok(())
        }
    }
}
