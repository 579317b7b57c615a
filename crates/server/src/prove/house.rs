//! The server under test: this same program as a child, its command line beside it, and the directory that both are
//! thrown away with.
//!
//! Owns starting, killing and furnishing. Knows the server by its command line and its addresses only.

use super::http;
use crate::config;
use crate::dice::Dice;
use crate::seal::KeyEncryptionKey;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use vestibule_oauth::secret::Secret;

/// Where applications are sent back to; nobody listens there.
pub const REDIRECT_URI: &str = "https://client.example/callback";

/// A directory that is gone when the run was good.
pub struct House {
    pub directory: PathBuf,
    database_url: Option<String>,
    /// What a server on PostgreSQL must be given.
    key: Secret,
    /// The address of the first start; later starts take it again, so that the issuer stays.
    address: OnceLock<SocketAddr>,
    running: Mutex<Option<Running>>,
}

struct Running {
    child: Child,
    /// Held open: a server whose stdout is closed would be another one.
    _stdout: BufReader<ChildStdout>,
}

/// An application as `app add` printed it.
#[derive(Clone, Debug)]
pub struct Application {
    pub name: String,
    pub client_id: String,
    pub client_secret: String,
}

impl House {
    /// An empty house.
    pub fn new(dice: Dice, database_url: Option<String>) -> Result<House, String> {
        let name: String = dice.bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
        let directory = std::env::temp_dir().join(format!("vestibule-prove-{name}"));
        config::make_private(&directory)?;
        let key = KeyEncryptionKey::make(dice);
        Ok(House { directory, database_url, key, address: OnceLock::new(), running: Mutex::new(None) })
    }

    /// The server's address.
    pub fn address(&self) -> Result<SocketAddr, String> {
        self.address.get().copied().ok_or_else(|| "the server was never started".to_owned())
    }

    /// This program with the house's settings and nothing of our own environment.
    fn program(&self) -> Result<Command, String> {
        let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
        let mut command = Command::new(program);
        command.env_clear().arg("--json").arg("--data-dir").arg(self.directory.join("data"));
        if let Some(url) = &self.database_url {
            // A password in the address belongs into no list of processes.
            command.env("VESTIBULE_DATABASE_URL", url).env("VESTIBULE_KEY", self.key.expose());
        }
        Ok(command)
    }

    /// Starts the server and waits until it listens.
    pub fn start(&self) -> Result<(), String> {
        let log = self.directory.join("log.txt");
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(&log).map_err(|e| e.to_string())?;
        let listen = self.address.get().map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        let mut command = self.program()?;
        command.args(["serve", "--listen", &listen, "--pending-per-minute", "100000000", "--guess-free", "100000000"]);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn();
        let mut child = spawned.map_err(|error| format!("the server does not start: {error}"))?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let mut running = Running { child, _stdout: BufReader::new(stdout) };
        let mut line = String::new();
        let read = running._stdout.read_line(&mut line);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let address = object["listening"].as_str().and_then(|url| url.strip_prefix("http://")?.parse().ok());
        let Some(address) = address else {
            let _ = running.child.kill();
            let _ = running.child.wait();
            return Err(format!("the server did not listen ({read:?}): see {}", log.display()));
        };
        let _ = self.address.set(address);
        *self.running() = Some(running);
        Ok(())
    }

    /// Ends the server as a power cut would.
    pub fn kill(&self) {
        if let Some(mut running) = self.running().take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the command line with `input` on its standard input; gives its JSON. An `Err` says that it may or may not
    /// have been done.
    pub fn command(&self, arguments: &[&str], input: &str) -> Result<serde_json::Value, String> {
        let mut command = self.program()?;
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that needs no input may be gone already.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("vestibule {}: {}", arguments.join(" "), said.trim()));
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    /// Adds a person.
    pub fn person(&self, name: &str, password: &str) -> Result<(), String> {
        let email = format!("{name}@example.org");
        self.command(&["user", "add", name, "--email", &email, "--password-stdin"], password).map(drop)
    }

    /// Adds an application of the `web` template.
    pub fn application(&self, name: &str) -> Result<Application, String> {
        let shown = self.command(&["app", "add", name, "--template", "web", "--redirect-uri", REDIRECT_URI], "")?;
        let text = |member: &str| shown[member].as_str().map(str::to_owned);
        let (client_id, client_secret) = text("client_id").zip(text("client_secret")).ok_or("no client was printed")?;
        Ok(Application { name: name.to_owned(), client_id, client_secret })
    }

    /// Whether the server has this address, by its metadata.
    pub fn offers(&self, member: &str) -> Result<bool, String> {
        let reply = http::call(self.address()?, "GET", "/.well-known/oauth-authorization-server", &[], "")?;
        Ok(reply.text(member).is_some())
    }

    /// Removes everything, unless `keep`.
    pub fn close(&self, keep: bool) {
        self.kill();
        if !keep {
            remove(&self.directory);
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill();
    }
}

fn remove(directory: &Path) {
    if let Err(error) = std::fs::remove_dir_all(directory) {
        tracing::warn!(%error, directory = %directory.display(), "the throw-away directory is still there");
    }
}
