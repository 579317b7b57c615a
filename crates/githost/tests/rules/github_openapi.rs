//! GitHub's recorded-form exchanges against GitHub's own published OpenAPI description: each request is one that the
//! description has, with parameters and members that it names, and each reply fits the schema that it gives. So what
//! we build and read cannot merely agree with our own mistake.

use crate::player::{folder, recorded};
use serde_json::Value;
use std::fs;

struct Description(Value);

impl Description {
    fn read() -> Description {
        let text = fs::read_to_string(folder().join("github.openapi.json")).unwrap();
        Description(serde_json::from_str(&text).unwrap())
    }

    /// The operation that a method and a path belong to.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let given: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let fits = |template: &str| {
            let parts: Vec<&str> = template.trim_start_matches('/').split('/').collect();
            // The last variable of these may hold slashes, by its own description.
            let is_open = template.ends_with("/contents/{path}") || template.ends_with("/git/refs/{ref}");
            let lengths = if is_open { given.len() >= parts.len() } else { given.len() == parts.len() };
            lengths && parts.iter().zip(&given).all(|(part, segment)| part.starts_with('{') || part == segment)
        };
        let paths = self.0["paths"].as_object().unwrap();
        let mut found: Vec<_> = paths.iter().filter(|(template, _)| fits(template)).collect();
        found.sort_by_key(|(template, _)| template.matches('{').count());
        found.first().and_then(|(_, methods)| methods.get(method.to_lowercase()))
    }

    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(name) = schema["$ref"].as_str() {
            schema = &self.0["components"]["schemas"][name.rsplit('/').next().unwrap()];
            assert!(schema.is_object(), "{name} is not in the extract");
        }
        schema
    }

    /// What does not fit, or nothing.
    fn misfit(&self, schema: &Value, value: &Value, at: &str) -> Option<String> {
        let schema = self.resolve(schema);
        let say = |what: &str| Some(format!("{at}: {what}"));
        if value.is_null() && schema["nullable"] == true {
            return None;
        }
        for all in schema["allOf"].as_array().into_iter().flatten() {
            if let Some(misfit) = self.misfit(all, value, at) {
                return Some(misfit);
            }
        }
        for name in ["anyOf", "oneOf"] {
            if let Some(any) = schema[name].as_array() {
                let misfits: Vec<_> = any.iter().map(|one| self.misfit(one, value, at)).collect();
                if misfits.iter().all(Option::is_some) {
                    return say(&format!("fits none of {name}: {misfits:?}"));
                }
            }
        }
        if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
            return say("is not one of the allowed values");
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let is = |kind: &str| match kind {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            other => panic!("{other} is not understood"),
        };
        if !types.is_empty() && !types.iter().any(|kind| is(kind)) {
            return say(&format!("is not of type {types:?}"));
        }
        if let Some(object) = value.as_object() {
            for required in schema["required"].as_array().into_iter().flatten() {
                if !object.contains_key(required.as_str().unwrap()) {
                    return say(&format!("lacks {required}"));
                }
            }
            for (name, member) in object {
                let inner = self.misfit(&schema["properties"][name], member, &format!("{at}.{name}"));
                if schema["properties"].get(name).is_some() && inner.is_some() {
                    return inner;
                }
            }
        }
        let items = value.as_array().into_iter().flatten().enumerate();
        items
            .filter(|_| schema.get("items").is_some())
            .find_map(|(i, item)| self.misfit(&schema["items"], item, &format!("{at}[{i}]")))
    }
}

/// Every exchange with GitHub's API that is written down, by file.
fn exchanges() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder().join("github")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        for exchange in recorded("github", &name).unwrap() {
            let is_api = exchange["request"]["url"].as_str().is_some_and(|url| url.starts_with("{api}"));
            found.extend(is_api.then(|| (name.clone(), exchange)));
        }
    }
    assert!(found.len() > 30);
    found
}

fn split(exchange: &Value) -> (&str, &str, Vec<(String, String)>) {
    let request = &exchange["request"];
    let url = request["url"].as_str().unwrap().strip_prefix("{api}").unwrap();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    // The address by id is in GitHub's own links and redirections, answers the same, and is not in the description.
    let path = if path.starts_with("/repositories/") { "/repos/a/b" } else { path };
    (request["method"].as_str().unwrap(), path, query)
}

#[test]
fn each_request_to_github_is_one_that_its_description_has() {
    let description = Description::read();
    for (name, exchange) in exchanges() {
        let (method, path, query) = split(&exchange);
        let operation = description.operation(method, path).unwrap_or_else(|| panic!("{name}: no {method} {path}"));
        let parameters = operation["parameters"].as_array().unwrap();
        for (parameter, value) in query {
            let found = parameters.iter().find(|p| p["in"] == "query" && p["name"] == parameter.as_str());
            let schema = &found.unwrap_or_else(|| panic!("{name}: no parameter {parameter}"))["schema"];
            let schema = description.resolve(schema);
            let value = if schema["type"] == "integer" { value.parse::<u64>().unwrap().into() } else { value.into() };
            assert_eq!(description.misfit(schema, &value, &parameter), None, "{name}");
        }
        let body = &exchange["request"]["json"];
        let schema = &operation["requestBody"];
        assert_eq!(body.is_object(), schema.is_object(), "{name}: a body where none belongs, or the reverse");
        if let Some(members) = body.as_object() {
            assert_eq!(description.misfit(schema, body, "body"), None, "{name}");
            let known = &description.resolve(schema)["properties"];
            assert!(members.keys().all(|member| known.get(member).is_some()), "{name}: {members:?}");
        }
    }
}

#[test]
fn each_reply_of_github_fits_its_description() {
    let description = Description::read();
    let mut checked = 0;
    for (name, exchange) in exchanges() {
        let (method, path, _) = split(&exchange);
        let reply = &exchange["reply"];
        let responses = &description.operation(method, path).unwrap()["responses"];
        let schema = responses.get(reply["status"].to_string());
        let schema = schema.unwrap_or_else(|| panic!("{name}: {method} {path} never answers {}", reply["status"]));
        // The media type of a bare sha has no schema.
        let is_sha = name == "create_tag" && reply["body"].is_string();
        if schema.is_object() && !is_sha {
            assert_eq!(description.misfit(schema, &reply["body"], "body"), None, "{name}: {method} {path}");
            checked += 1;
        }
    }
    assert!(checked > 30);
}

#[test]
fn the_check_itself_finds_what_does_not_fit() {
    let description = Description::read();
    let (_, exchange) = exchanges().into_iter().find(|(name, _)| name == "project_info").unwrap();
    let schema = &description.operation("GET", "/repos/a/b").unwrap()["responses"]["200"];
    let whole = exchange["reply"]["body"].clone();
    assert_eq!(description.misfit(schema, &whole, "body"), None);
    for (pointer, wrong) in [("/id", Value::from("1")), ("/owner/login", Value::from(1)), ("/clone_url", Value::Null)] {
        let mut broken = whole.clone();
        *broken.pointer_mut(pointer).unwrap() = wrong;
        assert!(description.misfit(schema, &broken, "body").is_some(), "{pointer}");
    }
    let mut lacking = whole;
    lacking.as_object_mut().unwrap().remove("owner");
    assert!(description.misfit(schema, &lacking, "body").is_some());
    assert!(description.operation("GET", "/repositories/1").is_none());
    assert!(description.operation("PATCH", "/user").is_none());
}
