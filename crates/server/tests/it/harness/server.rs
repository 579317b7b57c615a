//! The real binary, serving on a free port, and the real command line beside it.

use super::application::{App, Person};
use super::http::Call;
use super::port::Port;
use super::process::{Guarded, Litter, run};
use super::{postgres, unique};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use vestibule_store::{Options, Role, Store, StoreUrl};

/// Which database a server keeps its rows in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A running server with its own data directory and, on PostgreSQL, its own database.
pub struct Server {
    /// The address that it listens on; the issuer too, unless `--public-url` was given.
    pub url: String,
    pub database: Database,
    pub database_url: Option<String>,
    pub directory: PathBuf,
    process: Guarded,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Its own between an end and the next start, too.
    port: Port,
    _litter: Litter,
}

impl Server {
    /// The server of this database that all tests share.
    pub fn shared(database: Database) -> &'static Server {
        static SHARED: [OnceLock<Server>; 2] = [OnceLock::new(), OnceLock::new()];
        SHARED[database as usize].get_or_init(|| Server::start(database, &[]))
    }

    /// Starts one with fresh data. `arguments` follow `serve`.
    pub fn start(database: Database, arguments: &[&str]) -> Server {
        Server::start_in(database, arguments, &[])
    }

    /// The same in this environment.
    pub fn start_in(database: Database, arguments: &[&str], environment: &[(&str, &str)]) -> Server {
        let database_url = (database == Database::Postgres).then(postgres::fresh);
        Server::begin(database, database_url, arguments, environment)
    }

    /// Starts one on this database, whoever made it.
    pub fn start_on(database_url: String, arguments: &[&str]) -> Server {
        Server::begin(Database::Postgres, Some(database_url), arguments, &[])
    }

    fn begin(
        database: Database,
        database_url: Option<String>,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Server {
        let litter = Litter::new();
        let directory = litter.path.clone();
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let environment: Vec<_> = environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let (how, port) = ((arguments.as_slice(), environment.as_slice()), Port::held());
        let (process, url) = spawn(&directory, database_url.as_deref(), how, &port);
        Server { url, database, database_url, directory, process, arguments, environment, port, _litter: litter }
    }

    /// Starts the server again on the same data and port after it ended.
    pub fn restart(&mut self) {
        let how = (self.arguments.as_slice(), self.environment.as_slice());
        let (process, url) = spawn(&self.directory, self.database_url.as_deref(), how, &self.port);
        assert_eq!(url, self.url);
        self.process = process;
    }

    /// A second server on the same PostgreSQL database, with its own data directory.
    pub fn second_node(&self) -> Server {
        self.node_at(&self.url)
    }

    /// The same under a public URL of its own.
    pub fn node_at(&self, public_url: &str) -> Server {
        let litter = Litter::new();
        let directory = litter.path.clone();
        let mut arguments = self.arguments.clone();
        arguments.extend(["--public-url".to_owned(), public_url.to_owned()]);
        let (environment, database_url) = (self.environment.clone(), self.database_url.clone());
        let (how, port) = ((arguments.as_slice(), environment.as_slice()), Port::held());
        let (process, url) = spawn(&directory, database_url.as_deref(), how, &port);
        Server {
            url,
            database: self.database,
            database_url,
            directory,
            process,
            arguments,
            environment,
            port,
            _litter: litter,
        }
    }

    /// host:port.
    pub fn authority(&self) -> &str {
        self.url.strip_prefix("http://").expect("http")
    }

    pub fn process(&mut self) -> &mut Guarded {
        &mut self.process
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Waits until the server has made its keys, which it does beside everything else: RS256's may take seconds. From then on
    /// it writes nothing of its own accord but once a minute.
    pub fn settles(&self) {
        super::wait_until("a key to sign with and a next one, of three algorithms", || {
            let set = Call::get(self.at("/oauth/jwks")).send().json();
            set["keys"].as_array().is_some_and(|keys| keys.len() >= 6)
        });
    }

    /// Everything that the server printed, on both streams.
    pub fn output(&self) -> String {
        ["out.txt", "log.txt"].map(|f| std::fs::read_to_string(self.directory.join(f)).unwrap_or_default()).concat()
    }

    pub fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Does `work` with the store beside the server, for what no page and no command shows.
    pub fn with_store<T>(&self, work: impl AsyncFnOnce(Store) -> T) -> T {
        let path = self.data_directory().join("vestibule.db");
        let url = self.database_url.clone().unwrap_or_else(|| format!("sqlite:{}", path.display()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let url = StoreUrl::parse(&url).expect("a URL");
            let store = Store::open(&url, Role::Node, Options::new(Role::Node, "test", 0)).await;
            let store = store.expect("the store opens");
            let value = work(store.clone()).await;
            store.close().await;
            value
        })
    }

    /// Runs the command line beside the server.
    pub fn command(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = binary(&self.directory, self.database_url.as_deref());
        run(command.arg("--json").args(arguments), input)
    }

    /// The same; panics unless it succeeds, and reads its JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str], input: &str) -> Value {
        let output = self.command(arguments, input);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "vestibule {}: {text} {errors}", arguments.join(" "));
        if text.trim().is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&text).unwrap_or_else(|why| panic!("vestibule {}: {why}: {text}", arguments.join(" ")))
    }

    /// Adds a person with a unique name; `arguments` may add to it.
    pub fn person_with(&self, arguments: &[&str]) -> Person {
        let name = unique("ada");
        let email = format!("{name}@example.org");
        let password = format!("pw of {name} 5b1e");
        let mut all = vec!["user", "add", &name, "--email", &email, "--password-stdin"];
        all.extend_from_slice(arguments);
        self.json(&all, &password);
        Person { name, email, password }
    }

    pub fn person(&self) -> Person {
        self.person_with(&[])
    }

    /// Adds an application with a unique name.
    pub fn app_with(&self, template: &str, redirect_uris: &[&str], arguments: &[&str]) -> App {
        let name = unique(template);
        let mut all = vec!["app", "add", &name, "--template", template];
        for uri in redirect_uris {
            all.extend(["--redirect-uri", uri]);
        }
        all.extend_from_slice(arguments);
        let shown = self.json(&all, "");
        App::read(self, name, redirect_uris.first().copied().unwrap_or_default(), shown)
    }

    /// An application of this template with the redirect URI that tests use when they need none of their own.
    pub fn app(&self, template: &str) -> App {
        match template {
            "service" => self.app_with(template, &[], &[]),
            _ => self.app_with(template, &["https://client.example/callback"], &[]),
        }
    }

    /// An application and a person who may use it.
    pub fn app_and_person(&self, template: &str) -> (App, Person) {
        let (app, person) = (self.app(template), self.person());
        if template == "idaas-oauth2" {
            self.json(&["app", "assign", &app.name, "--user", &person.name], "");
        }
        (app, person)
    }
}

/// The real binary.
pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_vestibule"))
}

/// The key-encryption key of all servers on PostgreSQL, where one must be given.
pub const KEY: &str = "t1bkJ0rT5vXpWmYk3qZs9uHcLw7eNf2oAxGiRdVyBnU";

/// The binary with its global flags.
pub fn binary(directory: &Path, database_url: Option<&str>) -> Command {
    let mut command = program();
    command.arg("--data-dir").arg(directory.join("data"));
    if let Some(url) = database_url {
        command.args(["--database-url", url]).env("VESTIBULE_KEY", KEY);
    }
    command
}

/// Starts a server with these arguments, in this environment.
fn spawn(
    directory: &Path,
    database_url: Option<&str>,
    (arguments, environment): (&[String], &[(String, String)]),
    port: &Port,
) -> (Guarded, String) {
    let open = |name: &str| {
        let path = directory.join(name);
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path).expect("output file");
        let length = file.metadata().expect("metadata").len() as usize;
        (path, file, length)
    };
    let ((out, stdout, seen), (_, stderr, _)) = (open("out.txt"), open("log.txt"));
    let mut command = binary(directory, database_url);
    command.args(["serve", "--listen", &port.address()]).args(arguments);
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    // All tests come from one address. The limits themselves are proven with values of their own.
    if !arguments.iter().any(|a| a == "--pending-per-minute") {
        command.args(["--pending-per-minute", "1000000"]);
    }
    if !arguments.iter().any(|a| a == "--guess-free") {
        command.args(["--guess-free", "1000000"]);
    }
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let mut process = Guarded::spawn(&mut command);
    let start = Instant::now();
    loop {
        let text = std::fs::read_to_string(&out).unwrap_or_default();
        let mine = text.get(seen..).unwrap_or_default();
        if let Some((_, rest)) = mine.split_once("Vestibule listens on ")
            && let Some((url, _)) = rest.split_once('\n')
        {
            return (process, url.trim().trim_end_matches('/').to_owned());
        }
        let errors = || std::fs::read_to_string(directory.join("log.txt")).unwrap_or_default();
        if let Some(code) = process.ended() {
            panic!("the server ended with {code:?} before it listened: {mine} {}", errors());
        }
        assert!(start.elapsed() < Duration::from_secs(60), "the server did not listen: {mine} {}", errors());
        std::thread::sleep(Duration::from_millis(10));
    }
}
