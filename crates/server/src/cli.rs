//! The command line: the flags that every command takes, and `serve`'s own.
//!
//! Owns how a command finds its settings and what its exit status says: 0 done, 1 not done, 2 not understood. The
//! nouns (`user`, `org`, `group`, `app`, `project`, `access-key`, `git-host`, `git-auth`, `keys`, `setup-link`) are `commands`'s.
#![allow(
    rustdoc::broken_intra_doc_links,
    rustdoc::invalid_html_tags,
    reason = "the comments of flags are their help texts, which write placeholders in brackets"
)]

use crate::{commands, config, git_credential, prove, serve, telemetry};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// OAuth 2.0 authorization server and keeper of Git authorizations
#[derive(Parser, Debug)]
#[command(
    name = "vestibule",
    version,
    propagate_version = true,
    after_help = "Try it:\n  vestibule serve --demo\n\nEvery setting is a flag or an environment variable; a flag wins."
)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// The flags that every command takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Globals {
    /// Where data is kept [default: $XDG_DATA_HOME/vestibule or ~/.local/share/vestibule]
    #[arg(long, global = true, env = "VESTIBULE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The database: sqlite:PATH or postgres://… [default: sqlite:<data-dir>/vestibule.db]
    #[arg(long, global = true, env = "VESTIBULE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// A file that holds the database URL, for URLs with a password; --database-url wins over it
    #[arg(long, global = true, env = "VESTIBULE_DATABASE_URL_FILE", value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
    /// The file with the key-encryption key, for PostgreSQL [default on SQLite: <data-dir>/key, made at the first start]
    #[arg(long, global = true, env = "VESTIBULE_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// How much stands in the log
    #[arg(long, global = true, env = "VESTIBULE_LOG_LEVEL", value_name = "LEVEL", default_value = "info",
          value_parser = ["error", "warn", "info", "debug", "trace"])]
    pub log_level: String,
    /// Print JSON, one object a line
    #[arg(long, global = true, env = "VESTIBULE_JSON", value_parser = clap::builder::FalseyValueParser::new())]
    pub json: bool,
}

/// What can be done.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run the server
    Serve(Serve),
    /// Prove on this machine that what was acknowledged stays, against a throw-away server
    #[command(
        after_help = "Example:\n  vestibule prove kill --rounds 1000\n  vestibule prove races --long\n\nPrints a seed, then one line of JSON. On PostgreSQL: --database-url of an empty database."
    )]
    Prove(prove::Prove),
    /// Help git sign in at a host with a stored authorization; git calls it, see git-credential(1)
    GitCredential(git_credential::GitCredential),
    #[command(flatten)]
    Noun(commands::Noun),
}

/// The flags of `serve`.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, env = "VESTIBULE_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: String,
    /// The address people and applications reach us at: https://host[:port], no path [default: http://<listen>]
    #[arg(long, env = "VESTIBULE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Serve a furnished house from ./vestibule-demo: people, applications of each kind, a sample application
    #[arg(long, env = "VESTIBULE_DEMO", value_parser = clap::builder::FalseyValueParser::new())]
    pub demo: bool,
    /// Start the demo over, with new passwords
    #[arg(long, env = "VESTIBULE_RESET", value_parser = clap::builder::FalseyValueParser::new(), requires = "demo")]
    pub reset: bool,
    /// Connections that may be open at once
    #[arg(long, env = "VESTIBULE_MAX_CONNECTIONS", value_name = "N", default_value_t = 10_000)]
    pub max_connections: usize,
    /// Connections that one address may have open at once
    #[arg(long, env = "VESTIBULE_MAX_CONNECTIONS_PER_ADDRESS", value_name = "N", default_value_t = 2_000)]
    pub max_connections_per_address: usize,
    /// Authorization requests that one address may have stored in a minute
    #[arg(long, env = "VESTIBULE_PENDING_PER_MINUTE", value_name = "N", default_value_t = 300)]
    pub pending_per_minute: u32,
    /// Authorization requests that may be stored for one application in a minute
    #[arg(long, env = "VESTIBULE_PENDING_PER_APPLICATION", value_name = "N", default_value_t = 6_000)]
    pub pending_per_application: u32,
    /// Failed sign-ins, and failed client secrets, that one /24 or /64 may make in 15 minutes before it waits
    #[arg(long, env = "VESTIBULE_GUESS_FREE", value_name = "N", default_value_t = 5)]
    pub guess_free: u32,
    /// Seconds that applications may keep the key set; a new key is published that long, and a fifth more, before it signs
    #[arg(long, env = "VESTIBULE_KEYS_MAX_AGE", value_name = "SECONDS", default_value_t = 300,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub keys_max_age: u32,
    /// Days after which another key signs; 0 leaves it to `vestibule keys rotate`
    #[arg(long, env = "VESTIBULE_ROTATE_KEYS_AFTER", value_name = "DAYS", default_value_t = 90,
          value_parser = clap::value_parser!(u32).range(0..=3650))]
    pub rotate_keys_after: u32,
    /// Seconds to go on taking connections at the end, while /readyz already says no
    #[arg(long, env = "VESTIBULE_DRAIN_GRACE", value_name = "SECONDS", default_value_t = 0)]
    pub drain_grace: u64,
    /// A host inside the house that the server may call, also by plain http: HOST or HOST:PORT; repeat for more
    #[arg(long, env = "VESTIBULE_ALLOW_PRIVATE_HOST", value_name = "HOST", value_delimiter = ',')]
    pub allow_private_host: Vec<String>,
    /// A file of certificates (PEM) to trust besides the machine's when the server calls others; repeat for more
    #[arg(long, env = "VESTIBULE_EXTRA_CA", value_name = "FILE", value_delimiter = ',')]
    pub extra_ca: Vec<PathBuf>,
}

/// Does what the command line says.
pub fn run(cli: Cli) -> ExitCode {
    telemetry::start(&cli.globals.log_level);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("The runtime does not start: {error}.")),
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Serve(flags) => serve::serve(&cli.globals, flags).await,
            Command::Prove(flags) => prove::prove(&cli.globals, &flags).await,
            Command::GitCredential(flags) => Ok(git_credential::run(&flags).await),
            Command::Noun(commands::Noun::Keys(commands::keys::Verb::New)) => Ok(commands::keys::new(cli.globals.json)),
            Command::Noun(noun) => {
                let source = config::database(&cli.globals).and_then(|(url, _)| config::key_source(&cli.globals, &url));
                let store = config::open_as_node(&cli.globals).await?;
                let code = commands::run(noun, &store, source, cli.globals.json).await;
                store.close().await;
                Ok(code)
            }
        }
    });
    // A task that hangs (a password being hashed, a blocking read) must not keep the process.
    runtime.shutdown_background();
    outcome.unwrap_or_else(|sentence: String| failed(&sentence))
}

fn failed(sentence: &str) -> ExitCode {
    eprintln!("vestibule: {sentence}");
    ExitCode::FAILURE
}
