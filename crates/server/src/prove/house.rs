//! The server under test: this same program as a child, its command line beside it, and the directory that both are
//! thrown away with.
//!
//! Owns starting, killing and furnishing. Knows the server by its command line and its addresses only.

use super::driver::Make;
use crate::config;
use crate::dice::Dice;
use crate::seal::KeyEncryptionKey;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::net::TcpSocket;
use vestibule_oauth::secret::Secret;

/// Where applications are sent back to; nobody listens there.
pub const REDIRECT_URI: &str = "https://client.example/callback";

/// How many servers there are where there can be several: on PostgreSQL.
const NODES: usize = 2;

/// A directory that is gone when the run was good.
pub struct House {
    pub directory: PathBuf,
    database_url: Option<String>,
    /// What a server on PostgreSQL must be given.
    key: Secret,
    /// The nodes' addresses: each start takes them again, so that the issuer stays. People reach the first.
    addresses: Vec<SocketAddr>,
    /// Bound to them and never listening: nobody who asks the system for any port is given one of a node that is down.
    _ports: Vec<TcpSocket>,
    running: Mutex<Vec<Running>>,
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
    pub secret_id: String,
}

impl House {
    /// An empty house.
    pub fn new(dice: Dice, database_url: Option<String>) -> Result<House, String> {
        let name: String = dice.bytes::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
        let directory = std::env::temp_dir().join(format!("vestibule-prove-{name}"));
        config::make_private(&directory)?;
        let key = KeyEncryptionKey::make(dice);
        let nodes = if database_url.is_some() { NODES } else { 1 };
        let ports = (0..nodes).map(|_| port().map_err(|error| format!("there is no free port: {error}")));
        let (addresses, ports) = ports.collect::<Result<Vec<_>, String>>()?.into_iter().unzip();
        Ok(House { directory, database_url, key, addresses, _ports: ports, running: Mutex::default() })
    }

    /// The nodes' addresses.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
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

    /// Starts the nodes and waits until they listen: on SQLite one, whose second is the command line.
    pub fn start(&self) -> Result<(), String> {
        for address in &self.addresses {
            let started = self.start_node(address)?;
            self.running().push(started);
        }
        Ok(())
    }

    fn start_node(&self, address: &SocketAddr) -> Result<Running, String> {
        let log = self.directory.join("log.txt");
        let stderr = std::fs::OpenOptions::new().create(true).append(true).open(&log).map_err(|e| e.to_string())?;
        let mut command = self.program()?;
        command.args(["serve", "--listen", &address.to_string(), "--guess-free", "100000000"]);
        command.args(["--pending-per-minute", "100000000", "--pending-per-application", "100000000"]);
        command.args(["--public-url", &format!("http://{}", self.addresses[0])]);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn();
        let mut child = spawned.map_err(|error| format!("the server does not start: {error}"))?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let mut running = Running { child, _stdout: BufReader::new(stdout) };
        let mut line = String::new();
        let read = running._stdout.read_line(&mut line);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if object["listening"].as_str().and_then(|url| url.strip_prefix("http://")) != Some(&address.to_string()) {
            let _ = running.child.kill();
            let _ = running.child.wait();
            return Err(format!("the server did not listen ({read:?}): see {}", log.display()));
        }
        Ok(running)
    }

    /// Ends all nodes as a power cut would.
    pub fn kill(&self) {
        let mut running = std::mem::take(&mut *self.running());
        for node in &mut running {
            let _ = node.child.kill();
        }
        for node in &mut running {
            let _ = node.child.wait();
        }
    }

    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
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

    /// Adds a person to an organization.
    pub fn person(&self, name: &str, password: &str, organization: &str) -> Result<(), String> {
        let email = format!("{name}@example.org");
        let add = ["user", "add", name, "--email", &email, "--org", organization, "--password-stdin"];
        self.command(&add, password).map(drop)
    }

    /// Adds an application.
    pub fn application(&self, name: &str, make: Make, assigned: bool) -> Result<Application, String> {
        let access = if assigned { "assigned" } else { "everyone" };
        let (template, format) = match make {
            Make::Opaque => ("web", "opaque"),
            Make::Signed => ("web", "ES256"),
            Make::Public => ("spa", "opaque"),
        };
        let add = ["app", "add", name, "--template", template, "--redirect-uri", REDIRECT_URI];
        let shown = self.command(&[&add[..], &["--access", access, "--access-token", format]].concat(), "")?;
        let text = |member: &serde_json::Value| member.as_str().map(str::to_owned);
        let client_id = text(&shown["client_id"]).ok_or("no client was printed")?;
        let name = name.to_owned();
        if make == Make::Public {
            return Ok(Application { name, client_id, client_secret: String::new(), secret_id: String::new() });
        }
        let client_secret = text(&shown["client_secret"]).ok_or("no secret was printed")?;
        let secret_id = text(&shown["secrets"][0]["id"]).ok_or("no secret's id was printed")?;
        Ok(Application { name, client_id, client_secret, secret_id })
    }

    /// Adds a resource server that may ask about every application's tokens; gives its `client_id` and secret.
    pub fn resource(&self, name: &str) -> Result<(String, String), String> {
        let shown = self.command(&["app", "add", name, "--template", "service"], "")?;
        self.command(&["app", "switch", name, "introspect", "on"], "")?;
        let text = |member: &serde_json::Value| member.as_str().map(str::to_owned);
        text(&shown["client_id"]).zip(text(&shown["client_secret"])).ok_or_else(|| "no resource was printed".to_owned())
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

/// A port of this machine's, and what keeps it.
fn port() -> std::io::Result<(SocketAddr, TcpSocket)> {
    let socket = TcpSocket::new_v4()?;
    // Whoever wants this very port and says the same, as a server does, may listen on it.
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    Ok((socket.local_addr()?, socket))
}

fn remove(directory: &Path) {
    if let Err(error) = std::fs::remove_dir_all(directory) {
        tracing::warn!(%error, directory = %directory.display(), "the throw-away directory is still there");
    }
}
