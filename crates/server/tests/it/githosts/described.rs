//! GitHub's fake against GitHub's published description: what it serves of the API stands there by method, path and
//! status, and every member of every body is one that the description has there, of its type. The description is the
//! extract that `crates/githost` is tested with.

use super::GitHub;
use crate::harness::{Answer, Call};
use serde_json::{Value, json};

struct Description(Value);

impl Description {
    fn read() -> Description {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../githost/tests/replies/github.openapi.json");
        Description(serde_json::from_str(&std::fs::read_to_string(path).expect("the extract")).expect("JSON"))
    }

    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(name) = schema["$ref"].as_str() {
            schema = &self.0["components"]["schemas"][name.rsplit('/').next().expect("a name")];
            assert!(schema.is_object(), "{name} is not in the extract");
        }
        schema
    }

    /// What does not fit, or nothing. A member that the description does not have does not fit.
    fn misfit(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let schema = self.resolve(schema);
        if value.is_null() && schema["nullable"] == true {
            return None;
        }
        if let Some(any) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
            let misfits: Vec<_> = any.iter().map(|one| self.misfit(one, value, at)).collect();
            return misfits.iter().all(Option::is_some).then(|| format!("{at}: {misfits:?}"));
        }
        let fits = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            None => true,
            Some(other) => panic!("{other} is not understood"),
        };
        if !fits || schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
            return Some(format!("{at}: {value} is not {}", schema["type"]));
        }
        for (name, member) in value.as_object().into_iter().flatten() {
            let Some(known) = schema["properties"].get(name) else { return Some(format!("{at}.{name}: unknown")) };
            if let Some(misfit) = self.misfit(known, member, &format!("{at}.{name}")) {
                return Some(misfit);
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        if let Some(lacking) = required.into_iter().find(|name| value.get(name).is_none()) {
            return Some(format!("{at} lacks {lacking}"));
        }
        let items = value.as_array().into_iter().flatten().enumerate();
        let mut items = items.filter(|_| schema.get("items").is_some());
        items.find_map(|(i, item)| self.misfit(&schema["items"], item, &format!("{at}[{i}]")))
    }

    /// What does not fit of this answer to this operation, or nothing.
    fn judge(&self, method: &str, template: &str, answer: &Answer) -> Option<String> {
        let operation = &self.0["paths"][template][method];
        assert!(operation.is_object(), "the description has no {method} {template}");
        let Some(schema) = operation["responses"].get(answer.status.to_string()) else {
            return Some(format!("{method} {template} never answers {}", answer.status));
        };
        match schema.is_object() {
            true => self.misfit(schema, &answer.json(), "body"),
            false => (!answer.body.is_empty()).then(|| "a body where there is none".to_owned()),
        }
    }
}

fn ask(host: &GitHub, token: &str) -> Answer {
    let call = Call::get(format!("{}/api/v3/user", host.url())).header("User-Agent", "a test");
    if token.is_empty() { call.send() } else { call.bearer(token).send() }
}

#[test]
fn what_the_fake_github_serves_of_the_api_is_what_github_describes() {
    let (host, description) = (GitHub::start(), Description::read());
    let good = ask(&host, &host.classic_token(&["repo"], None));
    let fine = ask(&host, &host.fine_grained_token(host.clock.now() + 60));
    let (unknown, nobody) = (ask(&host, "ghp_no"), ask(&host, ""));
    assert_eq!([&good, &fine, &unknown, &nobody].map(|answer| answer.status), [200, 200, 401, 401]);
    for answer in [&good, &fine, &unknown, &nobody] {
        assert_eq!(description.judge("get", "/user", answer), None);
    }
    host.register("https://vestibule.example/");
    let token = host.token_for_app();
    let end = |token: &str| {
        let address = format!("{}/api/v3/applications/{}/token", host.url(), host.client_id);
        let call = Call::new("DELETE", address).header("User-Agent", "a test");
        call.basic(&host.client_id, &host.client_secret).json(&json!({ "access_token": token })).send()
    };
    let (ended, again) = (end(&token), end(&token));
    assert_eq!((ended.status, again.status), (204, 422));
    for answer in [&ended, &again] {
        assert_eq!(description.judge("delete", "/applications/{client_id}/token", answer), None);
    }
    // With the grant, all tokens of the person end, whichever of them is named.
    let (one, other) = (host.token_for_app(), host.token_for_app());
    host.add_person("hubot");
    let hubots = host.token_for_app();
    let end = |token: &str| {
        let address = format!("{}/api/v3/applications/{}/grant", host.url(), host.client_id);
        let call = Call::new("DELETE", address).header("User-Agent", "a test");
        call.basic(&host.client_id, &host.client_secret).json(&json!({ "access_token": token })).send()
    };
    let (ended, again) = (end(&one), end(&other));
    assert_eq!((ended.status, again.status), (204, 422), "the other one went with it");
    assert_eq!(host.live_tokens(), [hubots], "and another person's did not");
    for answer in [&ended, &again] {
        assert_eq!(description.judge("delete", "/applications/{client_id}/grant", answer), None);
    }
    // And nothing else of the API is served.
    let served: Vec<&str> = ["/user", "/user/repos", "/repos/a/b", "/applications/x/grant"]
        .into_iter()
        .filter(|path| {
            let call = Call::get(format!("{}/api/v3{path}", host.url())).header("User-Agent", "a test");
            call.bearer(&host.classic_token(&[], None)).send().status != 404
        })
        .collect();
    assert_eq!(served, ["/user"], "what is served is described above");

    let mut odd = good.json();
    odd["karma"] = json!(7);
    assert!(description.misfit(&description.0["paths"]["/user"]["get"]["responses"]["200"], &odd, "body").is_some());
    let mut wrong = good.json();
    wrong["id"] = json!("1");
    assert!(description.misfit(&description.0["paths"]["/user"]["get"]["responses"]["200"], &wrong, "body").is_some());
}
