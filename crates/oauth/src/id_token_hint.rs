//! An ID token that comes back as a hint: `id_token_hint` at the authorization endpoint and at sign-out.
//!
//! Owns what is believed of it. It may be long over, since it only says whom a client speaks of; everything else about
//! it holds as ever (OpenID Connect Core section 3.1.2.1, RP-Initiated Logout section 2).

use crate::jose::{JoseError, Typ, VerifyingKey, jws};
use serde_json::{Map, Value};

/// Whom a hint speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The person, as the client knows them: compare it with what `subject::subject_for` gives for that client.
    pub subject: String,
    /// The `client_id` that it was given to.
    pub client_id: String,
    /// The browser session that it was given in (`sid`), if it names one.
    pub session: Option<String>,
}

/// Why a hint is not believed. Tell the bearer no more than that it is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HintError {
    /// It is no token of ours: unreadable, of another kind, or not signed with a key that is published.
    Token(JoseError),
    /// Another issuer signed it.
    Issuer,
    /// It was given to another client, or to several.
    Audience,
    /// It names nobody.
    Subject,
}

/// The name of the key that `token` says it is signed with, for a caller that must fetch it; `None` when the token cannot
/// be read at all.
pub fn key_name(token: &str) -> Option<String> {
    jws::read(token, Typ::Jwt).ok().map(|token| token.kid().to_owned())
}

/// Reads a hint that `issuer` gave to `client_id` (to whomever, when that is `None`). `key` is the published key that the
/// token names, `None` when there is none.
pub fn read_hint(
    token: &str,
    issuer: &str,
    client_id: Option<&str>,
    key: Option<&VerifyingKey>,
) -> Result<Hint, HintError> {
    let claims = jws::verify(token, Typ::Jwt, |_| key).map_err(HintError::Token)?;
    let text = |name| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(issuer) {
        return Err(HintError::Issuer);
    }
    let audience = only_audience(&claims).ok_or(HintError::Audience)?;
    if client_id.is_some_and(|client_id| client_id != audience) {
        return Err(HintError::Audience);
    }
    Ok(Hint {
        subject: text("sub").filter(|sub| !sub.is_empty()).ok_or(HintError::Subject)?.to_owned(),
        client_id: audience.to_owned(),
        session: text("sid").map(str::to_owned),
    })
}

/// The one audience: ID tokens of ours never have more.
fn only_audience(claims: &Map<String, Value>) -> Option<&str> {
    match claims.get("aud")? {
        Value::String(one) => Some(one),
        Value::Array(list) if list.len() == 1 => list.first().and_then(Value::as_str),
        _ => None,
    }
}
