//! `vestibule git-credential get|store|erase`: a credential helper for git (git-credential(1), gitcredentials(7)), which asks
//! a Vestibule server for the live token of a stored authorization.
//!
//! Owns the flags, and what each operation does. It prints nothing and succeeds where it does not apply, so that git goes on
//! to its other helpers; what keeps it from helping where it does apply is one sentence on stderr. It asks nobody anything on
//! a terminal and keeps nothing. git's words are `wish`'s, the secret file is `secret_file`'s, the calls are `server`'s.
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "the comments of flags are their help texts, which write placeholders in brackets"
)]

mod secret_file;
mod server;
mod wish;

use crate::config;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use vestibule_oauth::secret::Secret;
use wish::Wish;

/// The flags.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Example, in ~/.gitconfig:\n  [credential \"https://github.com\"]\n    helper =\n    helper = \
                        !vestibule git-credential --server https://id.example.com --project PROJECT")]
pub struct GitCredential {
    /// What git asks for: get, store or erase; git says it itself
    #[arg(value_name = "OPERATION")]
    operation: String,
    /// The Vestibule server: https://HOST[:PORT]; plain http only on this machine
    #[arg(long, env = "VESTIBULE_SERVER", value_name = "URL")]
    server: Option<String>,
    /// The project's id
    #[arg(long, env = "VESTIBULE_PROJECT", value_name = "ID")]
    project: Option<String>,
    /// The authorization's name [default: the project's only one at the host that git goes to]
    #[arg(long, env = "VESTIBULE_AUTHORIZATION", value_name = "NAME")]
    authorization: Option<String>,
    /// A file of your own (mode 600): {"access_key": "…", "secret": "…"}, or {"token": "…"} [default:
    /// $XDG_CONFIG_HOME/vestibule/git-credential.json or ~/.config/vestibule/git-credential.json]
    #[arg(long, env = "VESTIBULE_SECRET_FILE", value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// A file of certificates (PEM) to trust besides the machine's; repeat for more
    #[arg(long, env = "VESTIBULE_EXTRA_CA", value_name = "FILE", value_delimiter = ',')]
    extra_ca: Vec<PathBuf>,
}

/// What came of it.
enum Outcome {
    /// These lines are git's answer.
    Answer(Secret),
    /// It does not apply, or there is nothing to say.
    Quiet,
}

/// Does what git asks for.
pub async fn run(flags: &GitCredential) -> ExitCode {
    match outcome(flags).await {
        Ok(Outcome::Quiet) => ExitCode::SUCCESS,
        Ok(Outcome::Answer(lines)) => match std::io::stdout().write_all(lines.expose().as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(sentence) => {
            let _ = writeln!(std::io::stderr(), "vestibule git-credential: {sentence}.");
            ExitCode::FAILURE
        }
    }
}

async fn outcome(flags: &GitCredential) -> Result<Outcome, String> {
    let operation = flags.operation.as_str();
    // git reads what helpers can do and asks for new operations in time; whatever is not known is passed over in silence.
    // What is to be stored came from us, or is none of ours: nothing is kept here.
    if !matches!(operation, "get" | "erase") {
        return Ok(Outcome::Quiet);
    }
    let mut input = String::new();
    let read = std::io::stdin().take(MOST_INPUT).read_to_string(&mut input);
    let wish = read.ok().and_then(|_| Wish::read(&input));
    let (Some(wish), Some(at), Some(project)) = (wish, &flags.server, &flags.project) else {
        return Ok(Outcome::Quiet);
    };
    let file = flags.secret_file.clone().map_or_else(|| config::config_dir().map(|dir| dir.join(SECRET_FILE)), Ok)?;
    let key = secret_file::read(&file)?;
    let server = server::Server::at(at, project, flags.extra_ca.clone(), key)?;
    let authorization = flags.authorization.as_deref();
    match operation {
        "get" => Ok(match server.ask(authorization, &wish).await? {
            Some(given) => Outcome::Answer(wish.answer(&given)?),
            None => Outcome::Quiet,
        }),
        _ => match &wish.password {
            // Not ours to judge: the server asks the host itself whether it still takes this token.
            Some(refused) => server.doubt(authorization, &wish, refused).await.map(|()| Outcome::Quiet),
            None => Ok(Outcome::Quiet),
        },
    }
}

/// What git may say, in bytes.
const MOST_INPUT: u64 = 64 * 1024;
/// The secret's file in the directory of settings.
const SECRET_FILE: &str = "git-credential.json";
