//! Plays a host from recorded-form exchanges (`tests/replies/<host>/<call>.json`): each request that a conversation
//! sends is compared with the written one, and the written reply is given. Writes nothing, sends nothing.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vestibule_githost::address::Base;
use vestibule_githost::errand::Step;
use vestibule_githost::host::GitHost;
use vestibule_githost::refusal::Refusal;
use vestibule_githost::registry;
use vestibule_githost::reply::Reply;
use vestibule_githost::secret::Secret;
use vestibule_githost::site::{Application, Site, Visit};
use vestibule_githost::wire::{Request, USER_AGENT};

/// The moment at which all tests play.
pub const NOW: i64 = 1_795_305_600_000;

/// The token of every visit.
pub const TOKEN: &str = "T0KEN";

/// A host of a kind: the public one, or somebody's own.
pub struct Host {
    pub kind: &'static dyn GitHost,
    pub site: Site,
}

impl Host {
    pub fn new(kind: &str, web: &str) -> Host {
        let kind = registry::find(kind).unwrap();
        Host { kind, site: kind.site(Base::parse(web).unwrap()) }
    }

    /// Every kind at its public host, and every form of an own host.
    pub fn all() -> Vec<Host> {
        vec![
            Host::new("github", "https://github.com"),
            Host::new("GitHub", "https://ghe.example"),
            Host::new("gitlab", "https://gitlab.com"),
            Host::new("GitLab", "https://192.168.1.1:8080/gitlab"),
            Host::new("gitee", "https://gitee.com"),
            Host::new("gitee", "https://gitlife.ru"),
        ]
    }

    pub fn name(&self) -> &'static str {
        self.kind.habits().kind
    }

    pub fn visit(&self) -> Visit {
        Visit { site: Arc::new(self.site.clone()), token: Secret::new(TOKEN) }
    }

    pub fn exchanges(&self, call: &str) -> Vec<Value> {
        recorded(self.name(), call).unwrap_or_else(|| panic!("{} has no reply for {call}", self.name()))
    }

    /// Plays the written exchanges of `call` to their end.
    pub fn play<T: 'static>(&self, call: &str, step: Step<T>) -> Result<T, Refusal> {
        let exchanges = self.exchanges(call);
        let mut rest = exchanges.iter();
        let outcome = run(step, |request| {
            let exchange = rest.next().unwrap_or_else(|| panic!("{} {call}: unexpected {request:?}", self.name()));
            self.compare(call, request, &exchange["request"]);
            reply(&exchange["reply"])
        });
        assert_eq!(rest.count(), 0, "{} {call}: ended before the last request", self.name());
        outcome
    }

    fn compare(&self, call: &str, request: &Request, written: &Value) {
        let what = format!("{} {call}", self.name());
        let url = written["url"].as_str().unwrap();
        let url = url.replace("{web}", self.site.web().as_str()).replace("{api}", self.site.api().as_str());
        assert_eq!(
            (request.method().name(), request.url()),
            (written["method"].as_str().unwrap(), url.as_str()),
            "{what}"
        );
        let headers: BTreeMap<String, &str> = request.headers().map(|(n, v)| (n.to_lowercase(), v)).collect();
        assert_eq!(headers.len(), request.headers().count(), "{what}: a header twice");
        assert_eq!(headers["user-agent"], USER_AGENT, "{what}");
        let authorization = headers.get("authorization").copied();
        match written["auth"].as_str().unwrap() {
            "bearer" => assert_eq!(authorization, Some("Bearer T0KEN"), "{what}"),
            // app-1:S3CRET
            "basic" => assert_eq!(authorization, Some("Basic YXBwLTE6UzNDUkVU"), "{what}"),
            _ => assert_eq!(authorization, None, "{what}"),
        }
        let (content_type, body) = match (&written["form"], &written["json"]) {
            (Value::Object(form), _) => (Some("application/x-www-form-urlencoded"), Value::Object(form.clone())),
            (_, Value::Object(json)) => (Some("application/json"), Value::Object(json.clone())),
            _ => (None, Value::Null),
        };
        assert_eq!(headers.get("content-type").copied(), content_type, "{what}");
        assert_eq!(body_of(request), body, "{what}");
    }
}

/// A request's body as a value.
pub fn body_of(request: &Request) -> Value {
    match request.headers().find(|(name, _)| *name == "Content-Type").map(|(_, value)| value) {
        Some("application/json") => serde_json::from_slice(request.body()).unwrap(),
        Some(_) => {
            let pairs: Vec<_> = form_urlencoded::parse(request.body()).into_owned().collect();
            let map: Map<String, Value> = pairs.iter().cloned().map(|(name, value)| (name, value.into())).collect();
            assert_eq!(map.len(), pairs.len(), "a parameter twice");
            Value::Object(map)
        }
        None => Value::Null,
    }
}

/// Runs a conversation to its end; `answer` is the host. More than a hundred requests are a fault of the rulebook.
pub fn run<T: 'static>(mut step: Step<T>, mut answer: impl FnMut(&Request) -> Reply) -> Result<T, Refusal> {
    for _ in 0..100 {
        match step {
            Step::Done(outcome) => return outcome,
            Step::Ask(errand) => {
                let reply = answer(errand.request());
                step = errand.read(&reply, NOW);
            }
        }
    }
    panic!("a conversation without end");
}

/// A reply as it is written: `{now+90}` is a moment 90 seconds on, in Unix seconds; a text body is sent as it is.
pub fn reply(written: &Value) -> Reply {
    let soon = (NOW / 1000 + 90).to_string();
    let headers = written["headers"].as_object().cloned().unwrap_or_default();
    let headers = headers.into_iter().map(|(name, value)| (name, value.as_str().unwrap().replace("{now+90}", &soon)));
    let body = match &written["body"] {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        body => serde_json::to_vec(body).unwrap(),
    };
    Reply::new(written["status"].as_u64().unwrap() as u16, headers.collect(), body)
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replies")
}

pub fn recorded(kind: &str, call: &str) -> Option<Vec<Value>> {
    let text = fs::read_to_string(folder().join(kind).join(format!("{call}.json"))).ok()?;
    Some(serde_json::from_str(&text).unwrap())
}

pub fn application() -> Application {
    Application {
        client_id: "app-1".to_owned(),
        client_secret: Secret::new("S3CRET"),
        redirect_uri: "https://v.example/git/landing/1".to_owned(),
        scopes: vec!["one".to_owned(), "two".to_owned()],
    }
}
