//! What a token endpoint answers (RFC 6749 section 5), with the quirks that are common enough to be read everywhere.
//!
//! Owns the reading of tokens and of the error codes, and when a token counts as ended. The quirks: errors with status 200 (GitHub), form encoding,
//! scopes between commas, 401 for everything (Gitee).

use crate::answers::{self, Tokens};
use crate::errand::Step;
use crate::judge::{self, Said};
use crate::refusal::{Refusal, Why};
use crate::reply::Reply;
use crate::secret::Secret;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Deserialize, Default)]
struct Answer {
    access_token: Option<String>,
    token_type: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<i64>,
    refresh_token: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    refresh_token_expires_in: Option<i64>,
    scope: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Seconds as a number or, as some spell them, as text; anything else tells nothing. A token must not be lost over it,
/// because the code or the refresh token that it was traded for is spent.
fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// Reads the reply of a token endpoint. `now` in Unix milliseconds.
pub fn read(reply: &Reply, now: i64) -> Result<Tokens, Refusal> {
    let answer = if reply.is_form() { from_form(reply) } else { reply.read::<Answer>().unwrap_or_default() };
    if let Some(error) = &answer.error {
        let words = answer.error_description.as_deref().unwrap_or(error);
        return Err(judge_error(error, words, reply, now));
    }
    if !(200..300).contains(&reply.status()) {
        return Err(at_the_token_endpoint(judge::refusal(reply, now)));
    }
    let is_bearer = answer.token_type.as_deref().is_none_or(|t| t.eq_ignore_ascii_case("bearer"));
    let access = answer.access_token.and_then(token).filter(|_| is_bearer);
    let access = access.ok_or_else(|| Refusal::broken("the host answered without a usable token"))?;
    let ends = |seconds: Option<i64>| seconds.filter(|s| *s > 0).map(|s| now + s.min(LONGEST_LIFE) * 1000);
    Ok(Tokens {
        access,
        refresh: answer.refresh_token.and_then(token),
        access_ends_at: ends(answer.expires_in),
        refresh_ends_at: ends(answer.refresh_token_expires_in),
        // GitHub's Apps answer an empty list, which says nothing of what their tokens may do.
        scopes: answer
            .scope
            .filter(|scope| !scope.trim().is_empty())
            .and_then(|scope| answers::scopes(scope.split([' ', ',']))),
    })
}

/// A token that may stand in a header: visible ASCII, bounded.
fn token(text: String) -> Option<Secret> {
    let fits = (1..=MOST_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    let secret = Secret::new(text);
    fits.then_some(secret)
}

fn from_form(reply: &Reply) -> Answer {
    let mut answer = Answer::default();
    for (name, value) in reply.form() {
        match name.as_str() {
            "access_token" => answer.access_token = Some(value),
            "token_type" => answer.token_type = Some(value),
            "expires_in" => answer.expires_in = value.parse().ok(),
            "refresh_token" => answer.refresh_token = Some(value),
            "refresh_token_expires_in" => answer.refresh_token_expires_in = value.parse().ok(),
            "scope" => answer.scope = Some(value),
            "error" => answer.error = Some(value),
            "error_description" => answer.error_description = Some(value),
            _ => {}
        }
    }
    answer
}

fn judge_error(error: &str, words: &str, reply: &Reply, now: i64) -> Refusal {
    let status = reply.status();
    if !matches!(status, 200 | 400..=403 | 422) {
        return at_the_token_endpoint(judge::refusal(reply, now));
    }
    let why = match error {
        // RFC 6749 section 5.2 says it with 400, Gitee with 401; with anything else it is not said by a token endpoint.
        "invalid_grant" if matches!(status, 400 | 401) => Why::GrantRefused,
        // GitHub's own words, which come with 200.
        "bad_verification_code" | "bad_refresh_token" if matches!(status, 200 | 400 | 401) => Why::GrantRefused,
        "invalid_client"
        | "unauthorized_client"
        | "incorrect_client_credentials"
        | "redirect_uri_mismatch"
        | "application_suspended"
        | "invalid_scope"
        | "unsupported_grant_type" => Why::ClientRefused,
        "access_denied" | "unverified_user_email" => Why::Forbidden,
        _ => return at_the_token_endpoint(judge::refusal(reply, now)),
    };
    Refusal::raw(why, words.to_owned())
}

/// A token endpoint that says 401 without a code that we know speaks of our application, not of a person's token; one
/// that says no with 200 and such a code says nothing definite. One that is not there, or has moved, was not asked: that
/// a token is not found may be said by nobody else.
fn at_the_token_endpoint(refusal: Refusal) -> Refusal {
    match refusal.why {
        Why::TokenRefused => Refusal { why: Why::ClientRefused, ..refusal },
        Why::NotFound => Refusal { why: Why::HostBroken { retry_after: None }, ..refusal },
        _ => refusal,
    }
}

/// Whether a revocation after RFC 7009 did its work. A token that is not known counts as ended there, with 200; a page
/// that a proxy puts in the host's place ended nothing, whatever its status.
pub fn revoked(reply: &Reply, now: i64) -> Result<(), Refusal> {
    match reply.status() {
        204 => Ok(()),
        200 if reply.is_empty() || Said::of(reply).is_object => Ok(()),
        404 | 410 => Err(Refusal::broken("the host has nothing where tokens are ended")),
        _ => Err(at_the_token_endpoint(judge::refusal(reply, now))),
    }
}

/// Proves that a refresh token is dead: the host does not take it, or what it gives for it is ended by `end`. Hosts end
/// an access token that has expired without a word and leave its refresh token alive.
pub fn ended(refreshed: Step<Tokens>, end: impl FnOnce(&Secret) -> Step<()> + Send + 'static) -> Step<()> {
    refreshed.settle(move |outcome| match outcome {
        Ok(tokens) => end(&tokens.access),
        Err(refusal) if refusal.why == Why::GrantRefused => Step::Done(Ok(())),
        Err(refusal) => Step::refuse(refusal),
    })
}

/// The longest token, in bytes.
const MOST_TOKEN_BYTES: usize = 4096;

/// The longest life that is believed, in seconds: ten years.
const LONGEST_LIFE: i64 = 315_360_000;
