//! What a status means where hosts agree, and the words in which they say why.
//!
//! Owns the common reading of statuses, rate-limit headers and error bodies. A host's own file asks its own quirks
//! first and falls back on this.

use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::when;
use serde_json::Value;

/// Judges a reply that is no success, in the words as they came. `now` in Unix milliseconds.
pub fn refusal(reply: &Reply, now: i64) -> Refusal {
    let said = Said::of(reply);
    let why = why(&said, reply, now);
    let reason = match said.reason.as_str() {
        // Whatever words come with it, this is what helps.
        _ if (300..400).contains(&reply.status()) => "it has moved; use its new name".to_owned(),
        "" => format!("the host answered {}", reply.status()),
        words => words.to_owned(),
    };
    Refusal::raw(why, reason)
}

fn why(said: &Said, reply: &Reply, now: i64) -> Why {
    let limited = || Why::RateLimited { retry_after: retry_after(reply, now).unwrap_or(USUAL_WAIT) };
    match reply.status() {
        429 => limited(),
        // A proxy on the way also answers 401, as HTML; only the host's own JSON condemns a token.
        401 if said.is_object => Why::TokenRefused,
        403 if is_spent(reply) || reply.header("retry-after").is_some() || said.has(&LIMITS) => limited(),
        403 if said.has(&["too_large"]) => Why::TooLarge,
        403 if said.error == "insufficient_scope" => Why::ScopeMissing { needed: said.scope.clone() },
        // 402: it is not paid for; 423: it is locked; 451: a law forbids it.
        402 | 403 | 423 | 451 if said.is_object => Why::Forbidden,
        404 | 410 if said.is_object => Why::NotFound,
        // Not followed: whoever answers for the old name would otherwise choose where the token goes (FM-91).
        300..=399 => Why::NotFound,
        400 | 409 | 422 if said.has(&EXISTS) => Why::Conflict,
        // Where 409 is said of a repository without a commit, nothing exists that the call could be in conflict with.
        409 if said.has(&["is empty"]) => Why::NotFound,
        412 | 428 if said.is_object => Why::Stale,
        413 => Why::TooLarge,
        // These two say of themselves that another time may do.
        408 | 425 => Why::HostBroken { retry_after: retry_after(reply, now) },
        400..=499 if said.is_object => Why::Invalid,
        _ => Why::HostBroken { retry_after: retry_after(reply, now) },
    }
}

/// What an error body says, in the shapes that hosts use: `message` (text, list or lists by field), `errors`,
/// `error_description`, `error`.
pub struct Said {
    /// The code in `error`, as OAuth endpoints send it.
    pub error: String,
    /// All words, joined.
    pub reason: String,
    /// The `scope` that `insufficient_scope` comes with.
    pub scope: Option<String>,
    /// Whether the body is a JSON object at all.
    pub is_object: bool,
}

impl Said {
    /// Reads the body of an error.
    pub fn of(reply: &Reply) -> Said {
        let value = reply.read::<Value>().unwrap_or(Value::Null);
        let word = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut words = Vec::new();
        for name in ["message", "error_description", "errors"] {
            value.get(name).into_iter().for_each(|said| gather(said, &mut words, 0));
        }
        if words.is_empty() {
            value.get("error").into_iter().for_each(|said| gather(said, &mut words, 0));
        }
        Said {
            error: word("error").unwrap_or_default(),
            reason: words.join("; "),
            scope: word("scope"),
            is_object: value.is_object(),
        }
    }

    /// Whether any of these stands in its words; all in lower case.
    pub fn has(&self, any: &[&str]) -> bool {
        let reason = self.reason.to_lowercase();
        any.iter().any(|words| reason.contains(words))
    }
}

fn gather(said: &Value, words: &mut Vec<String>, depth: usize) {
    match said {
        Value::String(text) if words.len() < MOST_WORDS => words.push(text.clone()),
        Value::Array(list) if depth < 3 => list.iter().for_each(|item| gather(item, words, depth + 1)),
        Value::Object(map) if depth < 3 => {
            for (name, item) in
                map.iter().filter(|(name, _)| !matches!(name.as_str(), "resource" | "documentation_url"))
            {
                let before = words.len();
                gather(item, words, depth + 1);
                if let Some(first) = words.get_mut(before).filter(|_| depth == 0) {
                    *first = format!("{name} {first}");
                }
            }
        }
        _ => {}
    }
}

/// Whether the headers say that nothing is left of the allowance.
fn is_spent(reply: &Reply) -> bool {
    ["x-ratelimit-remaining", "ratelimit-remaining"].iter().any(|name| reply.header(name) == Some("0"))
}

/// How long to wait, in milliseconds: `Retry-After` in seconds or as a date, or the moment at which the allowance is
/// renewed, in Unix seconds. `X-RateLimit-Reset` stands on every reply and counts only once the allowance is spent, or
/// a limit of another kind would be waited for up to an hour; `RateLimit-Reset` is the limit's own that refused.
/// Bounded, because a host's clock may be anything.
fn retry_after(reply: &Reply, now: i64) -> Option<i64> {
    let after = reply.header("retry-after").and_then(|text| match text.parse::<i64>() {
        Ok(seconds) => seconds.checked_mul(1000),
        Err(_) => when::http_date(text).map(|at| at.saturating_sub(now)),
    });
    let reset = || {
        let of_allowance = reply.header("x-ratelimit-reset").filter(|_| is_spent(reply));
        of_allowance
            .or_else(|| reply.header("ratelimit-reset"))?
            .parse::<i64>()
            .ok()?
            .checked_mul(1000)
            .map(|at| at.saturating_sub(now))
    };
    let reset = if is_spent(reply) || reply.status() == 429 { reset() } else { None };
    after.or(reset).map(|wait| wait.clamp(1000, LONGEST_WAIT))
}

/// How hosts say, with a status that means many things, that something exists.
const EXISTS: [&str; 5] = ["already exist", "already_exist", "already been taken", "sha\" wasn't supplied", "已存在"];

/// How hosts say with 403, in words alone, that it was too much: GitHub's secondary limit, what older servers call it,
/// and the limit after failed logins, during which good tokens are refused with bad ones.
const LIMITS: [&str; 3] = ["rate limit", "abuse detection", "login attempts exceeded"];

/// Words taken from one error body.
const MOST_WORDS: usize = 8;

/// The wait when the host names none, in milliseconds.
pub const USUAL_WAIT: i64 = 60_000;

/// The longest wait that is believed, in milliseconds.
const LONGEST_WAIT: i64 = 6 * 3_600_000;
