//! `vestibule access-key …`: keys with which programs sign their requests.
//!
//! Owns the flags and the printing. The rules are `admin::access_keys`'s.

use super::printout::{self, Failure};
use super::{known, seal};
use crate::admin::Desk;
use crate::admin::access_keys::{self, Added};
use crate::seal::KeySource;
use serde::Serialize;
use serde_json::json;

/// What can be done with access keys.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// Add an access key for a person; its secret is shown once
    Add {
        /// The person's user name or e-mail address
        person: String,
    },
    /// List access keys
    List,
    /// Switch an access key off, for good
    Disable {
        /// The access key
        access_key: String,
    },
    /// Remove an access key with its secret
    Remove {
        /// The access key
        access_key: String,
    },
}

/// An access key, as JSON shows one.
#[derive(Serialize)]
struct View<'a> {
    access_key: &'a str,
    person: &'a str,
    created_at: String,
    enabled: bool,
    disabled_at: Option<String>,
}

/// Does what `verb` says.
pub async fn run(verb: Verb, source: Result<KeySource, String>, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::Add { person } => {
            let added = access_keys::add(desk, &seal(desk, source).await?, &person).await?;
            let Added { access_key, secret } = known(added)?;
            let view = json!({ "access_key": access_key, "secret": secret.expose(), "person": person });
            printout::print(json, &view, || {
                let facts = [("access key", access_key.clone()), ("secret", secret.expose().to_owned())];
                format!("{}The secret is not shown again.", printout::sheet(&facts))
            })
        }
        Verb::List => list(desk, json).await,
        Verb::Disable { access_key } => {
            known(access_keys::disable(desk, &access_key).await?)?;
            done(&access_key, "is disabled. It cannot be enabled again.", json)
        }
        Verb::Remove { access_key } => {
            known(access_keys::remove(desk, &access_key).await?)?;
            done(&access_key, "is removed.", json)
        }
    }
}

fn done(access_key: &str, what: &str, json: bool) -> Result<(), Failure> {
    printout::print(json, &json!({ "access_key": access_key, "enabled": false }), || format!("{access_key} {what}"))
}

async fn list(desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let lines = access_keys::list(desk).await?;
    let view = |line: &'_ vestibule_store::access_keys::AccessKeyLine| {
        (printout::time(line.created_at), line.disabled_at.map(printout::time))
    };
    let times: Vec<_> = lines.iter().map(view).collect();
    let views: Vec<View> = lines
        .iter()
        .zip(&times)
        .map(|(line, (created_at, disabled_at))| View {
            access_key: &line.access_key,
            person: &line.user_name,
            created_at: created_at.clone(),
            enabled: disabled_at.is_none(),
            disabled_at: disabled_at.clone(),
        })
        .collect();
    printout::print(json, &views, || {
        let state = |view: &View| if view.enabled { "enabled" } else { "disabled" }.to_owned();
        let row = |v: &View| vec![v.person.to_owned(), v.access_key.to_owned(), state(v), v.created_at.clone()];
        let rows: Vec<_> = views.iter().map(row).collect();
        let empty = "There is no access key yet. `vestibule access-key add PERSON` adds one.";
        printout::table(&["person", "access key", "state", "since"], &rows, empty)
    })
}
