//! A project with an authorization at each kind of host, by personal tokens, and the same repositories at each.

use crate::git_auths::scene::Scene;
use crate::githosts::fake::Fake;
use crate::githosts::forge::{Forge, Kind, LINK, SUBMODULE};
use crate::harness::{Answer, Call, Database, Server};
use serde_json::{Value, json};
use std::ops::Deref;
use std::sync::OnceLock;

/// The kinds of hosts that the calls are made over.
pub const KINDS: [&str; 3] = ["github", "gitlab", "gitee"];

/// Runs `test` on each database, one after the other.
pub fn on_both(test: impl Fn(&mut Calls)) {
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}");
        test(&mut Calls::on(database));
    }
}

/// Runs `test` on a server of each database that such tests share: for those that only look, and count nothing that hosts hear.
pub fn on_both_shared(test: impl Fn(&'static Calls)) {
    static SHARED: [OnceLock<Calls>; 2] = [OnceLock::new(), OnceLock::new()];
    for database in [Database::Sqlite, Database::Postgres] {
        eprintln!("--- on {database:?}, shared");
        test(SHARED[database as usize].get_or_init(|| Calls::on(database)));
    }
}

/// What a binary file holds: every byte, and no text.
pub fn binary() -> Vec<u8> {
    (0..=255).cycle().take(1000).collect()
}

/// A server, its hosts, and an authorization at each, named after its kind.
pub struct Calls(Scene);

impl Deref for Calls {
    type Target = Scene;
    fn deref(&self) -> &Scene {
        &self.0
    }
}

impl Calls {
    /// Ends the server at once and starts it again.
    pub fn restart(&mut self) {
        self.0.server.process().kill();
        self.0.server.restart();
    }

    pub fn on(database: Database) -> Calls {
        Calls::with(|arguments| Server::start(database, arguments))
    }

    /// The same on the server that `start` starts with these arguments, and perhaps more.
    pub fn with(start: impl FnOnce(&[&str]) -> Server) -> Calls {
        let calls = Calls(Scene::with(start));
        for kind in KINDS {
            let token = calls.personal(kind);
            let name = calls.name(kind);
            let answer = calls.post(&format!("/{kind}/personal"), &json!({ "name": name, "token": token }));
            assert_eq!(answer.status, 200, "{}", answer.text());
            let me = calls.me(kind);
            calls.forge(kind, |forge| furnish(forge, me));
            calls.fake(kind).forget();
        }
        calls
    }

    /// A personal token that is good for everything.
    pub fn personal(&self, kind: &str) -> String {
        match kind {
            "github" => self.github.classic_token(&["repo", "read:org", "write:repo_hook"], None),
            "gitlab" => self.gitlab.personal_token(&["api"], self.gitlab.clock.now() + 30 * 86_400),
            _ => self.gitee.personal_token(&["user_info", "projects", "hook", "groups", "enterprises"], None),
        }
    }

    /// Ends the server.
    pub fn end(&mut self) {
        self.0.server.process().terminate();
        self.0.server.process().wait(std::time::Duration::from_secs(30));
    }

    /// The authorization's name.
    pub fn name(&self, kind: &str) -> String {
        format!("by-token-{kind}")
    }

    /// Whose the token is, there.
    pub fn me(&self, kind: &str) -> &'static str {
        match kind {
            "github" => "octocat",
            "gitlab" => "lynx",
            _ => "cat",
        }
    }

    pub fn fake(&self, kind: &str) -> &Fake {
        match kind {
            "github" => &self.github,
            "gitlab" => &self.gitlab,
            _ => &self.gitee,
        }
    }

    /// Where the host's pages begin.
    pub fn web(&self, kind: &str) -> String {
        if kind == "gitlab" { self.gitlab.url() } else { self.fake(kind).url() }
    }

    pub fn forge<T>(&self, kind: &str, deed: impl FnOnce(&mut Forge) -> T) -> T {
        match kind {
            "github" => self.github.forge(deed),
            "gitlab" => self.gitlab.forge(deed),
            _ => self.gitee.forge(deed),
        }
    }

    /// A call of ada's through the authorization of this kind.
    pub fn git(&self, kind: &str, method: &str, rest: &str) -> Call {
        let url = self.server.at(&format!("/v1/{}/git{rest}", self.project));
        Call::new(method, url).header("X-Auth-Token", &self.token).header("X-Repo-Auth", self.name(kind))
    }

    pub fn read(&self, kind: &str, rest: &str) -> Answer {
        self.git(kind, "GET", rest).header("Content-Type", "application/json").send()
    }

    /// What a call answers when it is served.
    #[track_caller]
    pub fn good(&self, kind: &str, rest: &str) -> Value {
        let answer = self.read(kind, rest);
        assert_eq!(answer.status, 200, "{kind} {rest}: {}", answer.text());
        answer.json()
    }

    /// Where the repository `demo` is in addresses.
    pub fn demo(&self, kind: &str) -> String {
        format!("{}/demo", self.me(kind))
    }
}

/// The same at each kind: a repository with all sorts of paths, an empty one, and a group's.
fn furnish(forge: &mut Forge, me: &str) {
    forge.repositories.clear();
    let id = forge.space(me).expect("the person's own").members[0];
    forge.add_space("octo-org", Kind::Group, &[id]);
    let demo = forge.add(me, "demo");
    let binary = binary();
    demo.commit(
        "main",
        "Begin",
        &[
            ("README.md", Some(b"# demo\n")),
            ("src/lib.rs", Some(b"fn main() {}\n")),
            ("a b/c d.txt", Some(b"spaces\n")),
            ("docs/\u{4ed3}\u{5e93} \u{fc}.md", Some("non-ASCII: \u{4ed3}\u{5e93}\n".as_bytes())),
            ("bin/all.bin", Some(&binary)),
            ("trees", Some(b"a file called trees\n")),
            ("100%25 #1?&+;.txt", Some(b"all sorts\n")),
        ],
    );
    demo.put("main", "LINK.md", LINK, b"README.md");
    demo.put("main", "vendor/dep", SUBMODULE, b"elsewhere");
    let tip = demo.branches["main"].clone();
    demo.branches.insert("feature/x".to_owned(), tip.clone());
    demo.tags.insert("v1.0".to_owned(), crate::githosts::forge::Tag { commit: tip, message: None });
    forge.add(me, "empty");
    forge.add("octo-org", "theirs").commit("main", "Begin", &[("a.txt", Some(b"a"))]);
}
