//! What a person has at the project API before the switch: a membership, an access key, and a token for each proof.

use super::Entrance;
use super::scene::Tried;
use crate::harness::{AccessKey, Answer, Call, Person, Server, unique};
use serde_json::{Value, json};

/// What the application of the template web registers, for its access tokens to open a project's Git API.
pub const PROJECT_SCOPE: &str = "openid offline_access git_authorizations";

pub struct Kept {
    project: String,
    id: String,
    key: AccessKey,
    for_password: String,
    for_key: String,
}

impl Kept {
    pub fn furnish(server: &Server, person: &Person) -> Kept {
        let project = unique("project");
        let id = server.json(&["project", "add", &project], "")["id"].as_str().expect("an id").to_owned();
        let key = AccessKey::add(server, &person.name);
        let mut kept = Kept { project, id, key, for_password: String::new(), for_key: String::new() };
        kept.join(server, person);
        kept.for_password = given(&kept.ask(server, &by_password(person)));
        kept.for_key = given(&kept.ask(server, &kept.by_key()));
        kept
    }

    pub fn join(&self, server: &Server, person: &Person) {
        server.json(&["project", "member", "add", &self.project, &person.name, "--role", "viewer"], "");
    }

    pub fn leave(&self, server: &Server, person: &Person) {
        server.json(&["project", "member", "remove", &self.project, &person.name], "");
    }

    pub fn disable_key(&self, server: &Server) {
        server.json(&["access-key", "disable", &self.key.name], "");
    }

    /// The project's authorizations, without any credential.
    pub fn list(&self, node: &Server) -> Call {
        Call::get(node.at(&format!("/v1/{}/git/auths", self.id)))
    }

    pub fn try_at(&self, node: &Server, person: &Person, entrance: Entrance) -> Vec<Tried> {
        let listed = |what, call: Call| {
            let answer = call.send();
            vec![Tried::of(what, answer.status == 200, &answer)]
        };
        let token = |what, answer: Answer| vec![Tried::of(what, answer.status == 201, &answer)];
        match entrance {
            Entrance::GitByPasswordToken => listed("token", self.list(node).header("X-Auth-Token", &self.for_password)),
            Entrance::GitByKeyToken => listed("token", self.list(node).header("X-Auth-Token", &self.for_key)),
            Entrance::GitBySignature => listed("signature", self.key.get(self.list(node).url())),
            Entrance::TokenForPassword => token("password", self.ask(node, &by_password(person))),
            Entrance::TokenForKey => token("access key", self.ask(node, &self.by_key())),
            other => panic!("{other:?} is another scene's"),
        }
    }

    fn ask(&self, node: &Server, identity: &Value) -> Answer {
        let body = json!({ "auth": { "identity": identity, "scope": { "project": { "id": self.id } } } });
        Call::post(node.at("/v3/auth/tokens")).json(&body).send()
    }

    fn by_key(&self) -> Value {
        let method = json!({ "access": { "key": self.key.name }, "secret": { "key": self.key.secret } });
        json!({ "methods": ["hw_ak_sk"], "hw_ak_sk": method })
    }
}

fn by_password(person: &Person) -> Value {
    let user = json!({ "name": person.name, "password": person.password, "domain": { "name": "default" } });
    json!({ "methods": ["password"], "password": { "user": user } })
}

fn given(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.header("x-subject-token").expect("a token").to_owned()
}
