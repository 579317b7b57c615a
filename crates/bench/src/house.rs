//! The server under test with its directory: built, furnished, started, ended.
//!
//! Owns the command line of the server and the applications and people that the rows need. Knows the server by its
//! command line and its addresses only.

use crate::process::{self, Listener};
use crate::project::{self, Project};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where applications are sent back to; nobody listens there.
pub const REDIRECT_URI: &str = "https://client.example/callback";
/// The password of everybody, and how many there are in an otherwise empty house.
pub const PASSWORD: &str = "the password of everybody";
pub const PEOPLE: usize = 8;

/// With what a database that is thrown away is sealed.
const KEY: &str = "8c1f5ab24e93d7706bd2c94af5183e67a90d4cb1735e2f88164be0c93da75f42";

/// A directory, gone at the end, and how the server is started on it.
pub struct House {
    program: PathBuf,
    pub directory: PathBuf,
    pub database: Database,
    /// The address of the first start; later starts take it again, so that the issuer stays.
    address: Option<SocketAddr>,
    pub applications: Applications,
    pub project: Project,
    /// Where the house's Git host is.
    host: SocketAddr,
    /// The cookies of those who are signed in and have allowed an application a scope: signing in again each time would
    /// take longer than measuring.
    pub sessions: RefCell<BTreeMap<(String, String), Vec<String>>>,
}

/// Where the server keeps its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres(String),
}

/// The applications of the house.
#[derive(Clone, Debug, Default)]
pub struct Applications {
    pub web: Application,
    /// Like it, with ID tokens signed by ES256 in place of RS256.
    pub web_es256: Application,
    pub idaas: Application,
    pub service: Application,
    /// Like it, with signed access tokens.
    pub signed: Application,
}

/// An application as `app add` printed it.
#[derive(Clone, Debug, Default)]
pub struct Application {
    pub client_id: String,
    pub client_secret: String,
}

impl Application {
    /// Its credentials as an `Authorization` header.
    pub fn basic(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.client_id, self.client_secret)))
    }
}

/// How the server is built.
#[derive(Clone, Copy, Debug)]
pub enum Build {
    /// As it is published: the whole program optimized at once.
    Published,
    /// In less time: for counts that are compared with each other.
    Quick,
}

/// Finds the server, or builds it: cargo does nothing when it is fresh.
pub fn find_server(given: Option<PathBuf>, build: Build) -> Result<PathBuf, String> {
    if let Some(given) = given {
        return Ok(given);
    }
    let profile = match build {
        Build::Published => "dist",
        Build::Quick => "release",
    };
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let beside = here.parent().and_then(Path::parent).ok_or("this program lies nowhere")?;
    let built = beside.join(profile).join("vestibule");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--profile", profile, "--locked", "-p", "vestibule"]).current_dir(workspace);
    match cargo.status() {
        Ok(status) if status.success() && built.exists() => Ok(built),
        Err(_) if built.exists() => Ok(built),
        _ => Err(format!("the server could not be built: cargo build --profile {profile}; --server names one that is")),
    }
}

impl House {
    /// An empty house in a new directory.
    pub fn new(program: &Path, database: Database) -> Result<House, String> {
        let kind = if database == Database::Sqlite { "sqlite" } else { "postgres" };
        let directory = std::env::temp_dir().join(format!("vestibule-bench-{}-{kind}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let program = program.to_owned();
        let (applications, sessions, project) = (Applications::default(), RefCell::default(), Project::default());
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let host = listener.local_addr().map_err(|error| error.to_string())?;
        project::serve_host(listener)?;
        Ok(House { program, directory, database, address: None, applications, project, host, sessions })
    }

    /// The address by which the store itself is opened.
    pub fn store_url(&self) -> String {
        match &self.database {
            Database::Sqlite => format!("sqlite:{}", self.directory.join("vestibule.db").display()),
            Database::Postgres(url) => url.clone(),
        }
    }

    fn settings<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.arg("--json").arg("--data-dir").arg(&self.directory);
        if let Database::Postgres(url) = &self.database {
            command.env("VESTIBULE_DATABASE_URL", url).env("VESTIBULE_KEY", KEY);
        }
        command
    }

    /// Starts the server on the measured core and waits until it listens.
    pub fn start(&mut self) -> Result<Listener, String> {
        self.start_under(&[])
    }

    /// The same, watched by `tool`.
    pub fn start_under(&mut self, tool: &[&str]) -> Result<Listener, String> {
        let log = File::options().create(true).append(true).open(self.log()).map_err(|error| error.to_string())?;
        let listen = self.address.map_or_else(|| "127.0.0.1:0".to_owned(), |address| address.to_string());
        let mut command = process::pinned(tool, &self.program)?;
        self.settings(&mut command);
        // What one address may do is limited for strangers' sake; here one address is everybody.
        command.args(["serve", "--listen", &listen, "--guess-free", "100000000"]);
        command.args(["--pending-per-minute", "100000000", "--pending-per-application", "100000000"]);
        command.args(["--allow-private-host", &self.host.to_string()]);
        let server = Listener::start(command, Some(log))?;
        self.address = Some(server.address);
        Ok(server)
    }

    /// Where its Git host is.
    pub const fn host(&self) -> SocketAddr {
        self.host
    }

    /// Where the server's log is.
    pub fn log(&self) -> PathBuf {
        self.directory.join("log.jsonl")
    }

    /// Adds the people and applications that the rows need, beside the running server.
    pub fn furnish(&mut self) -> Result<(), String> {
        for n in 0..PEOPLE {
            let (name, email) = (format!("person-{n}"), format!("person-{n}@example.org"));
            self.run(&["user", "add", &name, "--email", &email, "--password-stdin"], PASSWORD)?;
        }
        self.applications = Applications {
            web: self.add(&["Web", "--template", "web", "--redirect-uri", REDIRECT_URI])?,
            web_es256: self.add(&[
                "Web ES256",
                "--template",
                "web",
                "--redirect-uri",
                REDIRECT_URI,
                "--id-token-alg",
                "ES256",
            ])?,
            idaas: self.add(&[
                "Idaas",
                "--template",
                "idaas-oauth2",
                "--redirect-uri",
                REDIRECT_URI,
                "--access",
                "everyone",
            ])?,
            service: self.add(&["Service", "--template", "service"])?,
            signed: self.add(&["Signed", "--template", "service", "--access-token", "EdDSA"])?,
        };
        self.run(&["app", "switch", "Service", "introspect", "on"], "")?;
        self.found_project()
    }

    fn found_project(&mut self) -> Result<(), String> {
        let text = |shown: &Value, member: &str| {
            shown[member].as_str().map(str::to_owned).ok_or_else(|| format!("no {member} was printed: {shown}"))
        };
        let id = text(&self.run(&["project", "add", "bench"], "")?, "id")?;
        self.run(&["project", "member", "add", "bench", "person-0", "--role", "editor"], "")?;
        self.run(&["project", "set", "bench", "--hand-out", "on"], "")?;
        let key = self.run(&["access-key", "add", "person-0"], "")?;
        let url = format!("http://{}", self.host);
        let host = ["git-host", "add", "bench", "--kind", "github", "--url", &url, "--project", "bench"];
        self.run(&host, "")?;
        self.project = Project { id, access_key: text(&key, "access_key")?, secret: text(&key, "secret")? };
        Ok(())
    }

    /// Adds a host whose tokens end and are renewed.
    pub fn renewable_host(&self, name: &str) -> Result<(), String> {
        let url = format!("http://{}", self.host);
        let host = ["git-host", "add", name, "--kind", "gitee", "--url", &url, "--project", "bench"];
        self.run(&[&host[..], &["--client-id", "bench", "--secret-stdin"]].concat(), "a-secret").map(drop)
    }

    fn add(&self, what: &[&str]) -> Result<Application, String> {
        let shown = self.run(&[&["app", "add"], what].concat(), "")?;
        let text = |member: &str| shown[member].as_str().map(str::to_owned);
        let (client_id, client_secret) = text("client_id").zip(text("client_secret")).ok_or("no client was printed")?;
        Ok(Application { client_id, client_secret })
    }

    /// Runs the command line with `input`; gives its JSON.
    fn run(&self, arguments: &[&str], input: &str) -> Result<Value, String> {
        let mut command = Command::new(&self.program);
        self.settings(&mut command).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
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

    /// The size of the server's program, in bytes.
    pub fn program_size(&self) -> u64 {
        std::fs::metadata(&self.program).map_or(0, |metadata| metadata.len())
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
