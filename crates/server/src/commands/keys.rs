//! `vestibule keys …`: signing keys, data keys and the key-encryption key.
//!
//! Owns the flags and the printing. No private key is ever printed, but for a new key-encryption key, which its operator
//! keeps. The rules are `admin::keys`'s and `seal`'s.

use super::printout::{self, Failure};
use crate::admin::Desk;
use crate::admin::keys::{self, Listing, Rotate, Turned, Withdraw};
use crate::clock::Clock;
use crate::dice::Dice;
use crate::seal::{KeyEncryptionKey, KeySource, Moved, Replaced, Rotation, Seal, Unsealed};
use serde_json::{Value, json};
use std::process::ExitCode;
use vestibule_oauth::jose::Algorithm;
use vestibule_store::data_keys::DEPLOYMENT;
use vestibule_store::signing_keys::Stage;

/// What can be done with keys.
#[derive(clap::Subcommand, Debug)]
pub enum Verb {
    /// List signing keys, data keys, and what the data keys are wrapped with
    List,
    /// Print a new key-encryption key, to be given to every server with --key-file
    #[command(after_help = "Example:\n  (umask 077; vestibule keys new > vestibule.key)")]
    New,
    /// Let the published next keys sign; with --data or --key-encryption, put new sealing keys in place
    #[command(
        after_help = "Examples:\n  vestibule keys rotate\n  vestibule keys rotate --now --algorithm RS256\n  vestibule keys rotate --data"
    )]
    Rotate(RotateFlags),
    /// Take a signing key out of the key set at once: whatever it signed is refused from then on
    #[command(after_help = "Example:\n  vestibule keys withdraw KID")]
    Withdraw {
        /// The key's name, as `vestibule keys list` shows it
        // One name in 64 begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
}

/// The flags of `keys rotate`.
#[derive(clap::Args, Debug)]
pub struct RotateFlags {
    /// Do not wait until every application has the next key: tokens that it signs may be refused for a while
    #[arg(long)]
    now: bool,
    /// Only the keys of this algorithm: EdDSA, ES256 or RS256
    #[arg(long, value_name = "NAME", value_parser = |name: &str| Algorithm::parse(name).ok_or("write EdDSA, ES256 or RS256"))]
    algorithm: Option<Algorithm>,
    /// Make new data keys and seal everything anew under them, while servers run
    #[arg(long, conflicts_with_all = ["now", "algorithm"])]
    data: bool,
    /// Wrap the data keys with a new key-encryption key, while servers run
    #[arg(long, conflicts_with_all = ["now", "algorithm", "data"])]
    key_encryption: bool,
}

/// Prints a new key-encryption key. Needs no database.
pub fn new(json: bool) -> ExitCode {
    let key = KeyEncryptionKey::make(Dice);
    printout::exit(printout::print(json, &json!({ "key": key.expose() }), || key.expose().to_owned()))
}

/// Does what `verb` says.
pub async fn run(verb: Verb, source: Result<KeySource, String>, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    match verb {
        Verb::New => Ok(()),
        Verb::List => list(desk, json).await,
        Verb::Withdraw { kid } => withdraw(&seal_of(source, desk).await?.1, desk, &kid, json).await,
        Verb::Rotate(flags) => {
            let (source, seal) = seal_of(source, desk).await?;
            match flags {
                RotateFlags { data: true, .. } => data(&seal, desk, json).await,
                RotateFlags { key_encryption: true, .. } => key_encryption(&seal, &source, desk, json).await,
                RotateFlags { now, algorithm, .. } => signing(&seal, desk, algorithm, now, json).await,
            }
        }
    }
}

async fn seal_of(source: Result<KeySource, String>, desk: &Desk<'_>) -> Result<(KeySource, Seal), Failure> {
    let failed = |sentence: String| Failure::Failed(format!("{sentence}."));
    let source = source.map_err(failed)?;
    let seal = Seal::open(desk.store, source.clone(), Clock::system(), desk.dice).await.map_err(failed)?;
    Ok((source, seal))
}

async fn list(desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let Listing { signing, data, wrapped_by } = keys::list(desk).await?;
    let time = |at: Option<i64>| at.map(printout::time);
    let signing: Vec<Value> = signing
        .iter()
        .map(|key| {
            json!({ "kid": key.kid, "algorithm": key.algorithm.name(), "state": state(key.stage()),
                    "published_at": time(Some(key.published_at)), "usable_at": time(Some(key.usable_at)),
                    "promoted_at": time(key.promoted_at), "replaced_at": time(key.replaced_at),
                    "ends_at": time(key.ends_at) })
        })
        .collect();
    let data: Vec<Value> = data
        .iter()
        .map(|key| {
            let of = if key.scope == DEPLOYMENT { "deployment".to_owned() } else { format!("project {}", key.scope) };
            json!({ "id": key.id.to_string(), "of": of, "wrapped_by": key.wrapped_by,
                    "created_at": time(Some(key.created_at)), "retired_at": time(key.retired_at) })
        })
        .collect();
    let whole = json!({ "signing_keys": signing, "data_keys": data, "key_encryption_keys": wrapped_by });
    printout::print(json, &whole, || {
        let heads = ["kid", "algorithm", "state", "published_at", "usable_at", "ends_at"];
        let mut text = sheet(&heads, &signing, "There is no signing key yet: start the server.\n");
        text.push('\n');
        text.push_str(&sheet(
            &["id", "of", "wrapped_by", "created_at", "retired_at"],
            &data,
            "There is no data key yet.\n",
        ));
        for (id, count) in &wrapped_by {
            text.push_str(&format!("\n{count} data keys are wrapped with the key-encryption key {id}."));
        }
        text
    })
}

fn sheet(heads: &[&str], rows: &[Value], empty: &str) -> String {
    let cell = |row: &Value, head: &&str| row[*head].as_str().unwrap_or("-").to_owned();
    let rows: Vec<Vec<String>> = rows.iter().map(|row| heads.iter().map(|head| cell(row, head)).collect()).collect();
    let heads: Vec<String> = heads.iter().map(|head| head.replace('_', " ")).collect();
    printout::table(&heads.iter().map(String::as_str).collect::<Vec<_>>(), &rows, empty)
}

const fn state(stage: Stage) -> &'static str {
    match stage {
        Stage::Next => "next",
        Stage::Current => "current",
        Stage::Previous => "previous",
    }
}

/// What was turned; if nothing was, the sentence for it.
fn turned(rotate: Rotate) -> Result<Vec<Turned>, Failure> {
    Err(Failure::Failed(match rotate {
        Rotate::Turned(turned) => return Ok(turned),
        Rotate::TooEarly(algorithm, usable_at) => {
            format!(
                "The next {} key may sign from {} on: until then applications may hold a key set without it. Wait, or \
                 use --now, and applications that do not look again for a key they do not know refuse its tokens until then.",
                algorithm.name(),
                printout::time(usable_at)
            )
        }
        Rotate::NoNext(algorithm) | Rotate::Unreadable(algorithm) => {
            format!(
                "There is no next {} key that could sign. A running server makes one within seconds; then try again.",
                algorithm.name()
            )
        }
        Rotate::Locked(algorithm) => {
            format!(
                "The next {} key cannot be opened on this machine; nothing was changed. The log says why.",
                algorithm.name()
            )
        }
        Rotate::Overtaken(algorithm) => {
            format!(
                "Another rotation of the {} key came first; `vestibule keys list` shows what signs now.",
                algorithm.name()
            )
        }
    }))
}

async fn withdraw(seal: &Seal, desk: &Desk<'_>, kid: &str, json: bool) -> Result<(), Failure> {
    let (was, signs) = match keys::withdraw(desk, seal, kid).await? {
        Withdraw::Done(was, signs) => (state(was), signs),
        Withdraw::Unknown => {
            return Err(Failure::Failed(format!("There is no signing key {kid}; `vestibule keys list` shows all.")));
        }
        Withdraw::Signs => {
            return Err(Failure::Failed(format!("The key {kid} signs by now; run this again to withdraw it.")));
        }
        Withdraw::NotTurned(rotate) => return turned(rotate).map(drop),
    };
    let whole = json!({ "withdrawn": kid, "was": was, "signs": signs });
    printout::print(json, &whole, || match &signs {
        Some(signs) => format!("{kid} is withdrawn; {signs} signs now."),
        None => format!("{kid} is withdrawn."),
    })?;
    printout::say(
        "Servers leave it out within seconds, and refuse the tokens that it signed: access tokens, and ID tokens as hints. \
         Applications go on believing it until their copy of the key set is over, and those that hold a set without the \
         key that signs now may refuse its tokens until then.",
    );
    Ok(())
}

async fn signing(
    seal: &Seal,
    desk: &Desk<'_>,
    algorithm: Option<Algorithm>,
    at_once: bool,
    json: bool,
) -> Result<(), Failure> {
    let turned = turned(keys::rotate(desk, seal, algorithm, at_once).await?)?;
    let broken_until = turned.iter().map(|turned| turned.known_at).max().filter(|until| *until > desk.now);
    let view = |turned: &Turned| {
        json!({ "algorithm": turned.algorithm.name(), "kid": turned.kid, "replaced": turned.replaced,
                "replaced_ends_at": printout::time(turned.ends_at) })
    };
    let whole = json!({ "rotated": turned.iter().map(view).collect::<Vec<_>>(),
                        "refused_until": broken_until.map(printout::time) });
    printout::print(json, &whole, || {
        let line = |turned: &Turned| format!("{}: {} signs now.", turned.algorithm.name(), turned.kid);
        turned.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    if let Some(until) = broken_until {
        printout::say(&format!(
            "Until {} some applications hold a key set without the new keys: those that do not look again for a key they do \
             not know refuse tokens that are issued from now on.",
            printout::time(until)
        ));
    }
    Ok(())
}

async fn data(seal: &Seal, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let failed = |why: Unsealed| Failure::Failed(format!("{why}; what was done stays. Run it again to go on."));
    let Replaced { new, ending, moved } = seal.replace_data_keys(desk.actor.name()).await.map_err(failed)?;
    let Moved { values, unreadable, forgotten, left, .. } = moved;
    let whole = json!({ "new_data_keys": new, "sealed_anew": values, "unreadable": unreadable,
                        "gone_data_keys": forgotten, "retired_data_keys": left, "ending_data_keys": ending });
    printout::print(json, &whole, || format!("{new} new data keys; {values} values are sealed anew."))?;
    if ending > 0 {
        printout::say(&format!(
            "An earlier rotation had not ended: what {ending} old data keys sealed got no new key this time. Run it again \
             when they are gone (`vestibule keys list`)."
        ));
    }
    if unreadable > 0 {
        return Err(Failure::Failed(format!(
            "{unreadable} values cannot be opened: they were changed in the database. They stay, and the data key they \
             name stays; the audit trail names each (sealed.open)."
        )));
    }
    if left > 0 && !json {
        printout::say(
            "The old data keys go within minutes, when no server can be using them: a running server sees to it.",
        );
    }
    Ok(())
}

async fn key_encryption(seal: &Seal, source: &KeySource, desk: &Desk<'_>, json: bool) -> Result<(), Failure> {
    let rotation = seal.rewrap(desk.actor.name()).await;
    match rotation.map_err(|why| Failure::Failed(format!("{why}; what was done stays. Run it again to go on.")))? {
        Rotation::Wrapped(id, count) => {
            let whole = json!({ "key_encryption_key": id, "wrapped": count });
            printout::print(json, &whole, || format!("All data keys are wrapped with the key {id} ({count} anew)."))?;
            if !json {
                printout::say(match source {
                    KeySource::Own(_) => {
                        "The new key is in the key file: back it up. The old one leaves the file within minutes, when no server can be using \
                         it: a running server sees to it. Older backups of the database still need it."
                    }
                    _ => {
                        "The old key can be taken away from every server. Older backups of the database still need it."
                    }
                });
            }
            Ok(())
        }
        Rotation::OneKey => Err(Failure::Failed(format!(
            "{} holds one key. Make another with `vestibule keys new`, write it on the first line and keep the old one on the \
             second, on every server and here; then run this again.",
            source.name()
        ))),
    }
}
