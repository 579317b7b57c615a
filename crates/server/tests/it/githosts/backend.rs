//! Real git behind a fake host: bare repositories, served by git's own `git http-backend` as a CGI program (RFC 3875).
//!
//! Owns the repositories and the way to the program. Whose token opens them is asked of the host's own API, so that git and the
//! API never disagree about one.

use super::fake::{Asked, Said};
use crate::harness::process::Litter;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Repositories below a host's pages.
#[derive(Clone)]
pub struct Backend {
    root: Arc<Litter>,
    /// The path of the host's pages.
    below: String,
    /// The request to the host's API that a token must be good for.
    probe: fn(&str) -> Asked,
    /// The only user name that is taken, where a host wants a certain one.
    user: Option<&'static str>,
}

impl Backend {
    pub fn new(below: &str, user: Option<&'static str>, probe: fn(&str) -> Asked) -> Backend {
        Backend { root: Arc::new(Litter::new()), below: below.to_owned(), probe, user }
    }

    /// Adds an empty repository, such as `octocat/app`; gives the path that it is cloned from.
    pub fn add(&self, name: &str) -> String {
        let path = self.directory(name);
        let made = Command::new("git").args(["init", "--quiet", "--bare", "-b", "main"]).arg(&path).status();
        assert!(made.expect("git").success());
        let set = Command::new("git").arg("-C").arg(&path).args(["config", "http.receivepack", "true"]).status();
        assert!(set.expect("git").success());
        format!("{}/{name}.git", self.below)
    }

    /// Where it lies.
    pub fn directory(&self, name: &str) -> PathBuf {
        self.root.path.join(format!("{name}.git"))
    }

    /// Answers what git's own clients ask; `None` for any other request.
    pub fn answer(&self, asked: &Asked, host: impl Fn(&Asked) -> Said) -> Option<Said> {
        let path = asked.path.strip_prefix(&self.below)?;
        if !path.contains(".git/") {
            return None;
        }
        let opens = |user: &str, token: &str| {
            self.user.is_none_or(|wanted| wanted == user) && host(&(self.probe)(token)).status == 200
        };
        if !asked.basic().is_some_and(|(user, token)| opens(&user, &token)) {
            return Some(Said::page(401, "who is it?").header("WWW-Authenticate", "Basic realm=\"git\""));
        }
        Some(self.run(path, asked))
    }

    fn run(&self, path: &str, asked: &Asked) -> Said {
        let query: Vec<(&str, &str)> =
            asked.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut command = Command::new("git");
        command.arg("http-backend").env("GIT_PROJECT_ROOT", &self.root.path).env("GIT_HTTP_EXPORT_ALL", "1");
        command.env("REQUEST_METHOD", &asked.method).env("PATH_INFO", path).env("REMOTE_USER", "somebody");
        command.env("QUERY_STRING", crate::harness::http::query(&query)).env("REMOTE_ADDR", "127.0.0.1");
        command.env("CONTENT_TYPE", asked.header("content-type")).env("CONTENT_LENGTH", asked.bytes.len().to_string());
        for (name, variable) in [("content-encoding", "HTTP_CONTENT_ENCODING"), ("git-protocol", "HTTP_GIT_PROTOCOL")] {
            if !asked.header(name).is_empty() {
                command.env(variable, asked.header(name));
            }
        }
        let mut program =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git http-backend is there");
        let (mut stdin, body) = (program.stdin.take().expect("piped"), asked.bytes.clone());
        let writer = std::thread::spawn(move || stdin.write_all(&body));
        let output = program.wait_with_output().expect("an answer").stdout;
        let _ = writer.join();
        read(&output)
    }
}

/// A CGI program's answer.
fn read(output: &[u8]) -> Said {
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").expect("the head of an answer");
    let (head, body) = (String::from_utf8_lossy(&output[..end]).into_owned(), output[end + 4..].to_vec());
    let mut said = Said::empty(200);
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        match name {
            "Status" => said.status = value[..3].parse().expect("a status"),
            _ => said = said.header(name, value),
        }
    }
    said.bytes = Some(body);
    said
}

/// A request of nobody's client, for asking a host's API.
pub fn probe(path: &str, query: &[(&str, &str)], authorization: Option<String>) -> Asked {
    let mut headers = vec![("user-agent".to_owned(), "git".to_owned())];
    headers.extend(authorization.map(|value| ("authorization".to_owned(), value)));
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Asked { method: "GET".into(), path: path.into(), query, headers, body: String::new(), bytes: Vec::new() }
}
