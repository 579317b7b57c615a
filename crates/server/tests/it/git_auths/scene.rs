//! A project with an editor, a server that knows two hosts, and the fake hosts themselves.

use crate::githosts::{GitHub, GitLab, Gitee, follow};
use crate::harness::{Answer, Call, Database, Page, Person, Server, Visitor, unique};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use vestibule_oauth::secret::Digest;

pub struct Scene {
    pub server: Server,
    pub github: GitHub,
    pub gitee: Gitee,
    /// Below a path, as a self-managed one may be.
    pub gitlab: GitLab,
    /// The project's id.
    pub project: String,
    /// An editor of it.
    pub ada: Person,
    /// Ada's token for it.
    pub token: String,
}

impl Scene {
    /// A server of its own on this database, with GitHub, Gitee and GitLab ticked for the project, which hands out tokens.
    pub fn on(database: Database) -> Scene {
        Scene::with(|arguments| Server::start(database, arguments))
    }

    /// The same on the server that `start` starts with these arguments, and perhaps more.
    pub fn with(start: impl FnOnce(&[&str]) -> Server) -> Scene {
        let (github, gitee, gitlab) = (GitHub::start(), Gitee::start(), GitLab::below("/gitlab"));
        let allowed = [&github.authority, &gitee.authority, &gitlab.authority];
        let arguments: Vec<&str> =
            allowed.into_iter().flat_map(|host| ["--allow-private-host", host.as_str()]).collect();
        let server = start(&arguments);
        let project = project(&server);
        let ada = server.person();
        join(&server, &project, &ada, "editor");
        server.json(&["project", "set", &project, "--hand-out", "on"], "");
        let token = token(&server, &ada, &project);
        let scene = Scene { server, github, gitee, gitlab, project, ada, token };
        let (hub, tee, lab) = (&scene.github, &scene.gitee, &scene.gitlab);
        hub.register(&scene.add_host("hub", "github", &hub.url(), (&hub.client_id, &hub.client_secret), &[]));
        tee.register(&scene.add_host("tee", "gitee", &tee.url(), (&tee.client_id, &tee.client_secret), &[]));
        lab.register(&scene.add_host("lab", "gitlab", &lab.url(), (&lab.client_id, &lab.client_secret), &[]));
        scene
    }

    /// Adds a host configuration of the deployment's, ticked for the project. Gives its callback address.
    pub fn add_host(&self, name: &str, kind: &str, url: &str, client: (&str, &str), more: &[&str]) -> String {
        let mut all =
            vec!["git-host", "add", name, "--kind", kind, "--url", url, "--client-id", client.0, "--secret-stdin"];
        all.extend_from_slice(more);
        let shown = self.server.json(&all, client.1);
        if !more.contains(&"--project") {
            self.server.json(&["git-host", "project", "add", name, &self.project], "");
        }
        let id = shown["id"].as_str().unwrap_or_else(|| panic!("no id: {shown}"));
        self.server.at(&format!("/git/callback/{id}"))
    }

    pub fn path(&self, rest: &str) -> String {
        self.server.at(&format!("/v1/{}/git/auths{rest}", self.project))
    }

    /// A call with ada's token.
    pub fn call(&self, method: &str, rest: &str) -> Call {
        Call::new(method, self.path(rest)).header("X-Auth-Token", &self.token)
    }

    pub fn get(&self, rest: &str) -> Answer {
        self.call("GET", rest).header("Content-Type", "application/json").send()
    }

    pub fn post(&self, rest: &str, body: &Value) -> Answer {
        self.call("POST", rest).json(body).send()
    }

    pub fn delete(&self, name: &str) -> Answer {
        self.call("DELETE", &format!("/{name}")).header("Content-Type", "application/json").send()
    }

    /// The project's authorizations.
    pub fn list(&self) -> Vec<Value> {
        let answer = self.get("");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        let rows = json["authorizations"].as_array().expect("authorizations").clone();
        assert_eq!(json["count"], rows.len());
        rows
    }

    /// Where a browser is to be sent.
    pub fn departure(&self, rest: &str) -> String {
        let answer = self.get(rest);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["url"].as_str().expect("url").to_owned()
    }

    /// The address that the host sends the browser back to, which nobody has opened yet.
    pub fn way_back(&self, kind: &str) -> String {
        follow(&self.departure(&format!("/{kind}/redirect")))
    }

    /// A browser in which this person is signed in.
    pub fn visitor(&self, person: &Person) -> Visitor {
        let mut visitor = Visitor::new(&self.server);
        let page = visitor.open(&self.server.at("/sign-in"));
        let page = visitor.sign_in(&page, person);
        assert!(page.shows("sign-out"), "{}", page.plain());
        visitor
    }

    /// A flow that has landed in ada's browser, and the page.
    pub fn landed(&self, kind: &str) -> (String, Visitor, Page) {
        let address = self.way_back(kind);
        let mut visitor = self.visitor(&self.ada);
        let page = visitor.open(&address);
        assert!(page.shows("git-keep"), "{} {}", page.answer.status, page.plain());
        (address, visitor, page)
    }

    /// Keeps an authorization by redirect, through the API.
    pub fn authorize(&self, kind: &str, name: &str) -> Value {
        let (address, _, _) = self.landed(kind);
        let answer = self.post(&format!("/{kind}/oauth"), &brought(name, &address));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["authorization"].clone()
    }

    /// Asks for the token of this authorization.
    pub fn hand_out(&self, name: &str) -> Answer {
        self.hand_out_at(&self.server, name)
    }

    /// The same of another process.
    pub fn hand_out_at(&self, server: &Server, name: &str) -> Answer {
        let call = Call::post(server.at(&format!("/v1/{}/git/credentials", self.project)));
        call.header("X-Auth-Token", &self.token).json(&json!({ "authorization": name })).send()
    }

    /// The token of this authorization.
    #[track_caller]
    pub fn credential(&self, name: &str) -> String {
        let answer = self.hand_out(name);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["password"].as_str().expect("a token").to_owned()
    }

    /// Tells that the host refused this token, so that the host is asked whose it is.
    pub fn doubt(&self, name: &str, token: &str) -> Answer {
        let digest = Digest::of(token.as_bytes());
        let digest = URL_SAFE_NO_PAD.encode(digest.as_bytes());
        let call = Call::post(self.server.at(&format!("/v1/{}/git/credentials/refused", self.project)));
        let body = json!({ "authorization": name, "digest": digest });
        call.header("X-Auth-Token", &self.token).json(&body).send()
    }

    /// What `vestibule git-auth show` tells.
    pub fn shown(&self, name: &str) -> Value {
        self.server.json(&["git-auth", "show", &self.project, name], "")
    }

    /// How many requests reached the hosts that could have brought or ended anything.
    pub fn asked(&self) -> usize {
        let count = |fake: &crate::githosts::fake::Fake| {
            let is_ours = |line: &str| !line.ends_with("/authorize");
            fake.log().iter().filter(|asked| is_ours(&asked.line())).count()
        };
        count(&self.github) + count(&self.gitee) + count(&self.gitlab)
    }

    /// The rows of the trail of this action: outcome and details, newest first.
    pub fn trail(&self, action: &str) -> Vec<(String, String)> {
        let rows = self.server.with_store(async |store| store.list_audit(2000).await.expect("the trail"));
        rows.into_iter().filter(|row| row.action == action).map(|row| (row.outcome, row.details)).collect()
    }
}

/// A project with a unique name.
pub fn project(server: &Server) -> String {
    let shown = server.json(&["project", "add", &unique("harbour")], "");
    shown["id"].as_str().unwrap_or_else(|| panic!("no id: {shown}")).to_owned()
}

pub fn join(server: &Server, project: &str, person: &Person, role: &str) {
    server.json(&["project", "member", "add", project, &person.name, "--role", role], "");
}

/// A project token.
pub fn token(server: &Server, person: &Person, project: &str) -> String {
    let user = json!({ "name": person.name, "password": person.password, "domain": { "name": "any" } });
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    let body = json!({ "auth": { "identity": identity, "scope": { "project": { "id": project } } } });
    let answer = Call::post(server.at("/v3/auth/tokens")).json(&body).send();
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("x-subject-token").expect("a token").to_owned()
}

/// Code and state of a landing address as they stand in a body.
pub fn brought(name: &str, address: &str) -> Value {
    let value = |name| crate::harness::visitor::parameter(address, name).expect("a parameter");
    json!({ "name": name, "code": value("code"), "state": value("state") })
}

/// Asserts an error of the wire.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["error_code"], code, "{json}");
    assert_eq!(json.as_object().map(serde_json::Map::len), Some(2), "{json}");
    json["error_msg"].as_str().expect("error_msg").to_owned()
}
