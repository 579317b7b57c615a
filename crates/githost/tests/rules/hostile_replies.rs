//! Replies that no honest host would give: no bytes, no JSON and no header make a reader panic or keep it walking, and what
//! is long is read in time that grows with its length (FM-122).

use crate::every_host::place;
use crate::player::{Host, NOW, application, recorded, reply};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};
use vestibule_githost::answers::MOST_PAGES;
use vestibule_githost::clone_url::CloneUrl;
use vestibule_githost::errand::Step;
use vestibule_githost::host::{Change, Place};
use vestibule_githost::names::{BlobSha, Content, FilePath, HookId, Message, Namespace, NewName, Ref};
use vestibule_githost::reply::Reply;
use vestibule_githost::secret::Secret;

/// A call, by the name of its written replies.
type Start = (&'static str, fn(&Host) -> Step<()>);

fn hello() -> Place {
    place("octocat", "Hello-World")
}

fn octocat() -> Namespace {
    Namespace::parse("octocat").unwrap()
}

fn main_branch() -> Ref {
    Ref::parse("main").unwrap()
}

fn message() -> Message {
    Message::parse("Change").unwrap()
}

fn change() -> Change {
    Change { path: FilePath::parse("src:lib.rs").unwrap(), branch: main_branch(), message: message() }
}

fn blob() -> BlobSha {
    BlobSha::parse("95b966ae1c166bd92f8ae7d1c313e738c731dfc3").unwrap()
}

fn content() -> Content {
    Content::parse("bmV3Cg==").unwrap()
}

fn secret() -> Secret {
    Secret::new("S0MEBODYS")
}

fn repository(host: &Host) -> CloneUrl {
    let url = format!("{}/octocat/Hello-World.git", host.site.web().as_str());
    CloneUrl::parse(&url).unwrap()
}

const STARTS: [Start; 22] = [
    ("trade_code", |h| h.kind.trade_code(&h.site, &application(), &secret(), None).map(drop)),
    ("refresh", |h| h.kind.refresh(&h.site, &application(), &secret()).map(drop)),
    ("password", |h| h.kind.password(&h.site, &application(), "cat", &secret()).map(drop)),
    ("who", |h| h.kind.who(&h.visit()).map(drop)),
    ("try_personal", |h| h.kind.try_personal(&h.visit()).map(drop)),
    ("revoke", |h| h.kind.revoke(&h.site, &application(), &secret(), Some(&secret())).map(drop)),
    ("namespaces", |h| h.kind.namespaces(&h.visit()).map(drop)),
    ("project_info", |h| h.kind.project_info(&h.visit(), &repository(h)).map(drop)),
    ("projects", |h| h.kind.projects(&h.visit(), &octocat()).map(drop)),
    ("create_project", |h| h.kind.create_project(&h.visit(), &octocat(), &NewName::parse("new").unwrap()).map(drop)),
    ("branches", |h| h.kind.branches(&h.visit(), &hello()).map(drop)),
    ("tags", |h| h.kind.tags(&h.visit(), &hello()).map(drop)),
    ("create_tag", |h| h.kind.create_tag(&h.visit(), &hello(), &main_branch(), &main_branch(), &message()).map(drop)),
    ("delete_tag", |h| h.kind.delete_tag(&h.visit(), &hello(), &main_branch()).map(drop)),
    ("commits", |h| h.kind.commits(&h.visit(), &hello(), Some(&main_branch())).map(drop)),
    ("hooks", |h| h.kind.hooks(&h.visit(), &hello()).map(drop)),
    ("create_hook", |h| h.kind.create_hook(&h.visit(), &hello(), "https://ci.example/new", &secret()).map(drop)),
    ("delete_hook", |h| h.kind.delete_hook(&h.visit(), &hello(), &HookId::parse("12345678").unwrap()).map(drop)),
    ("tree", |h| h.kind.tree(&h.visit(), &hello(), &main_branch()).map(drop)),
    ("read_file", |h| h.kind.read_file(&h.visit(), &hello(), &change().path, &main_branch()).map(drop)),
    ("create_file", |h| h.kind.create_file(&h.visit(), &hello(), &change(), &content()).map(drop)),
    ("update_file", |h| h.kind.update_file(&h.visit(), &hello(), &change(), &content(), &blob()).map(drop)),
];

/// What is written for the `turn`-th request of a call; the last again and again, and an empty list where nothing is.
fn written(host: &Host, call: &str, turn: usize) -> Value {
    let all = recorded(host.name(), call).unwrap_or_default();
    let found = all.get(turn.min(all.len().saturating_sub(1))).map(|exchange| exchange["reply"].clone());
    found.unwrap_or_else(|| json!({ "status": 200, "body": [] }))
}

/// One thing that is wrong with a reply.
#[derive(Clone, Debug)]
enum Wrong {
    /// Another status.
    Status(u16),
    /// Bytes at this place of the body, in place of so many.
    Bytes(usize, usize, Vec<u8>),
    /// A body that ends early.
    Cut(usize),
    /// Another value in place of the n-th of the JSON.
    Value(usize, Value),
    /// A header.
    Header(&'static str, String),
}

const HEADERS: [&str; 10] = [
    "Link",
    "X-Next-Page",
    "X-Total-Pages",
    "Retry-After",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit-Reset",
    "X-OAuth-Scopes",
    "GitHub-Authentication-Token-Expiration",
    "Content-Type",
];

const TEXTS: [&str; 16] = [
    "",
    "-1",
    "0",
    "9223372036854775807",
    "-9223372036854775808",
    "99999999999999999999",
    "1e400",
    "<",
    "<>; rel=\"next\"",
    "<https://elsewhere.example/?page=2&page_token=%ff%00>; rel=\"next\"",
    "Thu, 31 Dec 9999 23:59:60 GMT",
    "9999-12-31T23:59:60+99:99",
    "2026-00-00 00:00:00 UTC",
    "application/x-www-form-urlencoded",
    "\u{0}\u{202e}é😀",
    "../../%2e%2e/..",
];

fn values() -> impl Strategy<Value = Value> {
    let deep = (0..200).fold(Value::Null, |inner, _| json!([inner]));
    let plain = vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!([]),
        json!({}),
        json!([[], {}, null, 0, ""]),
        deep,
        json!("x".repeat(70_000)),
    ];
    let texts = proptest::sample::select(TEXTS.as_slice()).prop_map(Value::from);
    prop_oneof![
        proptest::sample::select(plain),
        texts,
        "\\PC{0,30}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from)
    ]
}

fn wrongs() -> impl Strategy<Value = Wrong> {
    let statuses = vec![0, 100, 200, 201, 202, 204, 206, 301, 304, 400, 401, 403, 404, 409, 422, 429, 500, 503, 999];
    let header = (proptest::sample::select(HEADERS.as_slice()), proptest::sample::select(TEXTS.as_slice()));
    prop_oneof![
        1 => proptest::sample::select(statuses).prop_map(Wrong::Status),
        2 => (any::<usize>(), 0..40usize, any::<Vec<u8>>()).prop_map(|(at, least, bytes)| Wrong::Bytes(at, least, bytes)),
        1 => any::<usize>().prop_map(Wrong::Cut),
        5 => (any::<usize>(), values()).prop_map(|(at, value)| Wrong::Value(at, value)),
        2 => header.prop_map(|(name, text)| Wrong::Header(name, text.to_owned())),
    ]
}

/// Puts `new` in place of the value that `left` leads to, counted from the root in the order of the text.
fn replace(value: &mut Value, left: &mut usize, new: &Value) {
    if *left == 0 {
        *value = new.clone();
    }
    *left = left.wrapping_sub(1);
    if *left == usize::MAX {
        return;
    }
    let inner: Vec<&mut Value> = match value {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(members) => members.values_mut().collect(),
        _ => Vec::new(),
    };
    for value in inner {
        replace(value, left, new);
        if *left == usize::MAX {
            return;
        }
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn spoilt(written: &Value, wrongs: &[Wrong]) -> Reply {
    let mut written = written.clone();
    for wrong in wrongs {
        match wrong {
            Wrong::Value(at, new) => {
                let mut left = at % count(&written["body"]);
                replace(&mut written["body"], &mut left, new);
            }
            Wrong::Status(status) => written["status"] = (*status).into(),
            Wrong::Header(name, text) => written["headers"][*name] = text.as_str().into(),
            Wrong::Bytes(..) | Wrong::Cut(_) => {}
        }
    }
    let mut body = match &written["body"] {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        body => serde_json::to_vec(body).unwrap(),
    };
    for wrong in wrongs {
        match wrong {
            Wrong::Bytes(at, least, bytes) => {
                let at = at % (body.len() + 1);
                let end = (at + least).min(body.len());
                body.splice(at..end, bytes.iter().copied());
            }
            Wrong::Cut(at) => body.truncate(at % (body.len() + 1)),
            _ => {}
        }
    }
    let empty = serde_json::Map::new();
    let headers = written["headers"].as_object().unwrap_or(&empty);
    let headers = headers.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
    Reply::new(written["status"].as_u64().unwrap() as u16, headers.collect(), body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// Size in CI: 20,000 conversations, each with up to four things wrong in each of its replies.
    #[test]
    fn fm_122_no_reply_makes_a_reader_panic_or_walk_on_for_ever(
        host in 0..6usize, call in 0..STARTS.len(), wrong in prop::collection::vec(prop::collection::vec(wrongs(), 0..4), 1..4)
    ) {
        let host = &Host::all()[host];
        let (name, start) = STARTS[call];
        let mut step = start(host);
        let mut turn = 0;
        while let Step::Ask(errand) = step {
            // A listing has a bound, and no call has more than two of them and a few questions beside.
            prop_assert!(turn < 2 * MOST_PAGES as usize + 10, "{} {name} goes on asking", host.name());
            let reply = spoilt(&written(host, name, turn), &wrong[turn % wrong.len()]);
            step = errand.read(&reply, NOW);
            turn += 1;
        }
    }
}

/// A reply of about `n` bytes that has hurt a reader of its kind.
const LONG: [fn(&Value, usize) -> Value; 6] = [
    |_, n| "[".repeat(n).into(),
    |_, n| "{\"id\":".repeat(n / 6).into(),
    |_, n| format!("\"{}", "\\u0000".repeat(n / 6)).into(),
    |_, n| "access_token=%2&scope=,".repeat(n / 23).into(),
    // What is written, with its first item over and over.
    |body, n| {
        let item = body.get(0).cloned().unwrap_or_else(|| body.clone());
        let times = n / item.to_string().len().max(1);
        std::iter::repeat_n(item, times.max(1)).collect()
    },
    // What is written, with a long text in each place that has one.
    |body, n| {
        fn lengthen(value: &mut Value, text: &str) {
            match value {
                Value::String(was) => *was = text.to_owned(),
                Value::Array(items) => items.iter_mut().for_each(|value| lengthen(value, text)),
                Value::Object(members) => members.values_mut().for_each(|value| lengthen(value, text)),
                _ => {}
            }
        }
        let (mut body, texts) = (body.clone(), count(body));
        lengthen(&mut body, &"<a, %/".repeat(n / texts / 6 + 1));
        body
    },
];

#[allow(clippy::disallowed_methods, reason = "this test measures")]
fn now() -> Instant {
    Instant::now()
}

/// How long it takes to read this reply at the `turn`-th request of the call; `None` when it has fewer.
fn cost(host: &Host, (name, start): Start, turn: usize, reply_there: &Reply) -> Option<Duration> {
    let mut step = start(host);
    for before in 0..turn {
        let Step::Ask(errand) = step else { return None };
        step = errand.read(&reply(&written(host, name, before)), NOW);
    }
    let Step::Ask(errand) = step else { return None };
    let begin = now();
    drop(black_box(errand.read(black_box(reply_there), NOW)));
    Some(begin.elapsed())
}

/// A reply 64 times as long may cost 80 times as much, at every turn of every call of every kind. What else the machine
/// does can only make either dearer: it is measured until it has once been cheap enough.
#[test]
fn fm_118_fm_122_a_long_reply_is_read_in_time_that_grows_with_its_length() {
    for host in [
        Host::new("github", "https://github.com"),
        Host::new("gitlab", "https://gitlab.com"),
        Host::new("gitee", "https://gitee.com"),
    ] {
        for call in STARTS {
            for turn in 0..recorded(host.name(), call.0).map_or(0, |all| all.len()) {
                for (which, make) in LONG.iter().enumerate() {
                    let written = written(&host, call.0, turn);
                    let of = |n: usize| {
                        let link = "<https://a.example/?page=2>; rel=\"last\", ".repeat(n / 42);
                        let changed = json!({ "status": written["status"], "body": make(&written["body"], n) });
                        spoilt(&changed, &[Wrong::Header("Link", link.clone()), Wrong::Header("X-OAuth-Scopes", link)])
                    };
                    let (short, long) = (of(1024), of(64 * 1024));
                    let (mut least_short, mut least_long) = (Duration::MAX, Duration::MAX);
                    // What grows with the square needs no three hundred tries to be seen.
                    let begin = now();
                    let tries = (0..300).take_while(|tried| *tried < 3 || begin.elapsed() < Duration::from_secs(10));
                    let flat = { tries }.any(|_| {
                        let (Some(a), Some(b)) = (cost(&host, call, turn, &short), cost(&host, call, turn, &long))
                        else {
                            return true;
                        };
                        least_short = least_short.min(a);
                        least_long = least_long.min(b);
                        // Below a tenth of a millisecond there is nothing that could grow.
                        least_long <= least_short * 80 || least_long < Duration::from_micros(100)
                    });
                    assert!(flat, "{} {} {turn} {which}: {least_short:?}, and {least_long:?}", host.name(), call.0);
                }
            }
        }
    }
}
