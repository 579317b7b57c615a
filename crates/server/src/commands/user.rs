//! `vestibule user …`: people.
//!
//! Owns the flags and the printing. What a person may be called is `admin::people`'s.

use super::printout::{self, Failure};
use super::{hash, known, not_there, wrong};
use crate::admin::Desk;
use crate::admin::consents;
use crate::admin::fields;
use crate::admin::people::{self, Input};
use crate::clock::Clock;
use serde::Serialize;
use vestibule_store::consents::Allowed;
use vestibule_store::people::PersonSheet;

/// What can be done with people.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// Add a person; the password is read from standard input
    #[command(
        after_help = "Example:\n  printf '%s\\n' \"$PASSWORD\" | vestibule user add alice --email alice@example.com --password-stdin --org sales"
    )]
    Add(Add),
    /// List people
    List,
    /// Show one person
    Show {
        /// User name or e-mail address
        name: String,
    },
    /// Switch a person off: sessions, codes and tokens end at once
    Disable {
        /// User name or e-mail address
        name: String,
    },
    /// Switch a person on again: what ended stays ended
    Enable {
        /// User name or e-mail address
        name: String,
    },
    /// Give a person a new password, read from standard input: sessions, codes and tokens end at once
    #[command(
        after_help = "Example:\n  printf '%s\\n' \"$PASSWORD\" | vestibule user set-password alice --password-stdin"
    )]
    SetPassword {
        /// User name or e-mail address
        name: String,
        /// Read the password as one line from standard input (8 to 1024 bytes)
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Sign a person out everywhere: sessions, codes and tokens end at once, the password stays
    SignOut {
        /// User name or e-mail address
        name: String,
    },
    /// List the applications that a person has let use their account
    Consents {
        /// User name or e-mail address
        name: String,
    },
    /// Withdraw everything that a person allowed an application: its codes and tokens end at once
    Withdraw {
        /// User name or e-mail address
        name: String,
        /// Name or client_id
        app: String,
    },
}

/// The flags of `user add`.
#[derive(clap::Args, Debug)]
pub struct Add {
    /// User name: no '@', no white space
    pub name: String,
    /// E-mail address
    #[arg(long)]
    pub email: String,
    /// Read the password as one line from standard input (8 to 1024 bytes)
    #[arg(long, required = true)]
    pub password_stdin: bool,
    /// Organization that the person belongs to, by name or external id
    #[arg(long, value_name = "ORG")]
    pub org: Option<String>,
    /// Name that applications may show
    #[arg(long)]
    pub nickname: Option<String>,
    /// Telephone number, as in '+49 30 1234567'
    #[arg(long)]
    pub phone: Option<String>,
    /// The person's id in another system (IDaaS `sub`)
    #[arg(long, value_name = "ID")]
    pub external_id: Option<String>,
    /// Language, as in 'en' or 'zh-CN'
    #[arg(long)]
    pub locale: Option<String>,
    /// Time zone, as in 'Europe/Berlin'
    #[arg(long)]
    pub zone: Option<String>,
    /// Make the person an administrator
    #[arg(long)]
    pub admin: bool,
}

/// A person, as JSON shows one.
#[derive(Serialize)]
struct View<'a> {
    number: i64,
    user_name: &'a str,
    email: Option<&'a str>,
    email_verified: bool,
    nickname: Option<&'a str>,
    phone: Option<&'a str>,
    locale: Option<&'a str>,
    zone: Option<&'a str>,
    external_id: Option<&'a str>,
    subject: &'a str,
    organization: Option<&'a str>,
    administrator: bool,
    enabled: bool,
    disabled_at: Option<String>,
    last_sign_in_at: Option<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    organizations: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<&'a [String]>,
}

impl<'a> View<'a> {
    /// With `whole` also what lists leave out.
    fn of(sheet: &'a PersonSheet, whole: bool) -> View<'a> {
        let profile = &sheet.profile;
        View {
            number: profile.number,
            user_name: &profile.username,
            email: profile.email.as_deref(),
            email_verified: profile.email_verified,
            nickname: profile.nickname.as_deref(),
            phone: profile.phone.as_deref(),
            locale: profile.locale.as_deref(),
            zone: profile.time_zone.as_deref(),
            external_id: profile.external_id.as_deref(),
            subject: &profile.subject,
            organization: profile.organization.as_ref().map(|organization| organization.name.as_str()),
            administrator: sheet.administrator,
            enabled: sheet.disabled_at.is_none(),
            disabled_at: sheet.disabled_at.map(printout::time),
            last_sign_in_at: sheet.last_sign_in_at.map(printout::time),
            created_at: printout::time(profile.created_at),
            organizations: whole.then_some(&sheet.organizations),
            groups: whole.then_some(&sheet.groups),
        }
    }

    fn state(&self) -> &'static str {
        if self.enabled { "enabled" } else { "disabled" }
    }
}

/// Does what `verb` says.
pub async fn run(verb: Verb, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Add(flags) => add(flags, desk, json).await,
        Verb::List => list(desk, json).await,
        Verb::Show { name } => print(&*known(people::show(desk, &name).await?)?, json),
        Verb::Disable { name } => {
            let sheet = known(people::set_enabled(desk, &name, false).await?)?;
            done(&sheet, json, "is disabled. Sessions, codes and tokens are dead, also after enabling again.")
        }
        Verb::Enable { name } => {
            let sheet = known(people::set_enabled(desk, &name, true).await?)?;
            done(&sheet, json, "is enabled. What ended when it was disabled stays ended.")
        }
        Verb::SetPassword { name, .. } => {
            // Looked for first, so that a misspelt name costs no hash and no typing.
            known(people::find(desk, &name).await?)?;
            let password = printout::read_password()?;
            fields::password(&password).map_err(|fault| wrong(&[fault]))?;
            let hash = hash(desk, &password)?;
            let desk = desk.later(Clock::system().now());
            let sheet = known(people::set_password(&desk, &name, &hash).await?)?;
            done(&sheet, json, "has a new password. Sessions, codes and tokens from before are dead.")
        }
        Verb::SignOut { name } => {
            let sheet = known(people::sign_out(desk, &name).await?)?;
            done(&sheet, json, "is signed out everywhere. Sessions, codes and tokens from before are dead.")
        }
        Verb::Consents { name } => list_consents(&name, desk, json).await,
        Verb::Withdraw { name, app } => withdraw(&name, &app, desk, json).await,
    }
}

/// What a person allowed an application, as JSON shows it.
#[derive(Serialize)]
struct ConsentView<'a> {
    client_id: &'a str,
    name: &'a str,
    scopes: Vec<&'a str>,
    given_at: String,
}

impl<'a> ConsentView<'a> {
    fn of(one: &'a Allowed) -> ConsentView<'a> {
        let (client_id, name) = (one.client_id.as_str(), one.name.as_str());
        let given_at = printout::time(one.given_at);
        ConsentView { client_id, name, scopes: one.scopes.iter().collect(), given_at }
    }
}

async fn list_consents(name: &str, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let allowed = known(consents::list(desk, name).await?)?;
    let views: Vec<ConsentView> = allowed.iter().map(ConsentView::of).collect();
    printout::print(json, &views, || {
        let row = |view: &ConsentView| {
            vec![view.name.to_owned(), view.client_id.to_owned(), view.scopes.join(" "), view.given_at.clone()]
        };
        let rows: Vec<_> = views.iter().map(row).collect();
        printout::table(&["application", "client_id", "scopes", "allowed"], &rows, "No application has access.")
    })
}

async fn withdraw(name: &str, app: &str, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let sheet = known(consents::withdraw(desk, name, app).await?)?;
    let allowed = known(consents::list(desk, name).await?)?;
    let left: Vec<&str> = allowed.iter().map(|one| one.client_id.as_str()).collect();
    let view = serde_json::json!({ "withdrawn": sheet.client.client_id, "left": left });
    printout::print(json, &view, || {
        format!(
            "{} ({}) has no access any more. Its codes and tokens are dead.",
            sheet.client.name, sheet.client.client_id
        )
    })
}

async fn add(flags: Add, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let password = printout::read_password()?;
    let input = Input {
        user_name: &flags.name,
        email: &flags.email,
        nickname: flags.nickname.as_deref(),
        phone: flags.phone.as_deref(),
        external_id: flags.external_id.as_deref(),
        locale: flags.locale.as_deref(),
        zone: flags.zone.as_deref(),
        administrator: flags.admin,
    };
    let fit = people::judge(&input, &password).map_err(|faults| wrong(&faults))?;
    let hash = hash(desk, &password)?;
    match people::add(desk, fit, hash, flags.org.as_deref()).await? {
        people::Add::Added(sheet) => print(&sheet, json),
        people::Add::NameTaken => Err(Failure::taken("user name", "NAME")),
        people::Add::EmailTaken => Err(Failure::taken("e-mail address", "--email")),
        people::Add::ExternalIdTaken => Err(Failure::taken("external id", "--external-id")),
        people::Add::Unknown(unknown) => Err(not_there(&unknown)),
    }
}

async fn list(desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let people = people::list(desk).await?;
    let views: Vec<View> = people.iter().map(|sheet| View::of(sheet, false)).collect();
    printout::print(json, &views, || {
        let row = |view: &View| {
            let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
            let role = if view.administrator { "administrator" } else { "-" };
            vec![
                view.number.to_string(),
                view.user_name.to_owned(),
                text(view.email),
                text(view.organization),
                role.to_owned(),
                view.state().to_owned(),
            ]
        };
        let rows: Vec<_> = views.iter().map(row).collect();
        let heading = ["number", "name", "e-mail", "organization", "role", "state"];
        printout::table(&heading, &rows, "There is nobody yet. `vestibule user add --help` says how to add one.")
    })
}

/// What was done to a person: a sentence for people, the person for scripts.
fn done(sheet: &PersonSheet, json: bool, what: &str) -> Result<(), Failure> {
    printout::print(json, &View::of(sheet, true), || format!("{} {what}", sheet.profile.username))
}

fn print(sheet: &PersonSheet, json: bool) -> Result<(), Failure> {
    let view = View::of(sheet, true);
    printout::print(json, &view, || {
        let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
        let names = |names: &[String]| if names.is_empty() { "-".to_owned() } else { names.join(", ") };
        let state = match &view.disabled_at {
            Some(at) => format!("disabled since {at}"),
            None => "enabled".to_owned(),
        };
        printout::sheet(&[
            ("name", view.user_name.to_owned()),
            ("number", view.number.to_string()),
            ("subject", view.subject.to_owned()),
            ("external id", text(view.external_id)),
            ("e-mail", text(view.email)),
            ("nickname", text(view.nickname)),
            ("phone", text(view.phone)),
            ("locale", text(view.locale)),
            ("zone", text(view.zone)),
            ("organizations", names(&sheet.organizations)),
            ("groups", names(&sheet.groups)),
            ("administrator", if view.administrator { "yes" } else { "no" }.to_owned()),
            ("state", state),
            ("last sign-in", text(view.last_sign_in_at.as_deref())),
            ("added", view.created_at.clone()),
        ])
    })
}
