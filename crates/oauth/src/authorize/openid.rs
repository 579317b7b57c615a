//! What OpenID Connect adds to an authorization request: `max_age`, `id_token_hint`, `claims`, `ui_locales`.
//!
//! Owns their reading and bounds. `display`, `claims_locales` and `acr_values` are wishes that change nothing here (what a
//! sign-in is worth is always told, `acr`), so they are not read. What follows from the others is `next_step`'s.

use super::{AuthorizationRequest, invalid};
use crate::acr;
use crate::claims_request::ClaimsRequest;
use crate::client::Client;
use crate::consent;
use crate::id_token_hint::read_hint;
use crate::jose::VerifyingKey;
use crate::parameters::Parameters;
use crate::refusal::{Code, Refusal};
use crate::ui_locales;

/// The longest `max_age` that means anything, in seconds (a hundred years): a longer one counts as this.
pub const MAX_AGE_S: i64 = 3_155_760_000;

/// What an `id_token_hint` is verified with.
#[derive(Clone, Copy, Debug)]
pub struct Hinting<'a> {
    /// Our issuer.
    pub issuer: &'a str,
    /// The published key that the hint names, if there is one.
    pub key: Option<&'a VerifyingKey>,
}

/// Reads what OpenID Connect adds. Without the scope `openid` it is plain OAuth, where `claims` and `id_token_hint` are
/// unknown parameters and so ignored; `max_age` holds there too (RFC 9470 section 4).
pub(super) fn read(
    parameters: &Parameters,
    client: &Client,
    hinting: &Hinting,
    request: AuthorizationRequest,
) -> Result<AuthorizationRequest, Refusal> {
    let request = AuthorizationRequest {
        max_age: parameters.get("max_age")?.map(read_max_age).transpose()?,
        ui_locales: parameters.get("ui_locales")?.map(ui_locales::read).unwrap_or_default(),
        ..request
    };
    if !consent::offered(client, request.scope.as_ref()).contains("openid") {
        return Ok(request);
    }
    let claims = parameters.get("claims")?.map(read_claims).transpose()?;
    Ok(AuthorizationRequest {
        hinted: parameters.get("id_token_hint")?.map(|token| hinted(token, client, hinting)).transpose()?,
        claims: claims.filter(|claims| !claims.is_empty()),
        ..request
    })
}

/// A number without sign. One that is too large for us is still a number.
fn read_max_age(text: &str) -> Result<i64, Refusal> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid("max_age must be a number of seconds, such as 3600."));
    }
    Ok(text.parse::<i64>().unwrap_or(i64::MAX).min(MAX_AGE_S))
}

fn read_claims(text: &str) -> Result<ClaimsRequest, Refusal> {
    let claims = ClaimsRequest::parse(text).map_err(|_| {
        invalid(
            "claims cannot be read: send a JSON object of at most 4 KiB, as in OpenID Connect Core section 5.5, without \
             a member twice.",
        )
    })?;
    // Nobody can sign in like that here, so nobody is asked to (section 5.5.1.1: a failed authentication).
    let acr = claims.in_id_token("acr").filter(|acr| acr.essential && !acr.values.is_empty());
    if acr.is_some_and(|acr| !acr::reachable(&acr.values)) {
        let sentence = format!("claims: nobody can sign in here with that acr; there is {}.", acr::PASSWORD);
        return Err(Refusal::new(Code::UnmetAuthenticationRequirements, sentence));
    }
    Ok(claims)
}

fn hinted(token: &str, client: &Client, hinting: &Hinting) -> Result<String, Refusal> {
    let read = read_hint(token, hinting.issuer, Some(&client.client_id), hinting.key);
    read.map(|hint| hint.subject).map_err(|_| {
        invalid("id_token_hint is no ID token that was given to this application here: send a newer one, or none.")
    })
}
