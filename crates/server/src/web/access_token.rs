//! An access token as it comes in, opaque or signed: which row it opens.
//!
//! Owns the order: what is signed is verified first, and then has no more weight than its row. Whether that is alive is
//! judged by `oauth::token`, whoever asks.

use crate::app::App;
use vestibule_oauth::access_token;
use vestibule_oauth::jose::{Typ, jws};
use vestibule_oauth::presented::is_signed;
use vestibule_oauth::secret::{Kind, MachineSecret};
use vestibule_store::StoreError;
use vestibule_store::presented::Missing;
use vestibule_store::tokens::FoundAccessToken;

/// The access token of this spelling, with everything that it hangs on, in one read; at `now`, in Unix milliseconds.
pub async fn find(app: &App, text: &str, now: i64) -> Result<Result<FoundAccessToken, Missing>, StoreError> {
    if is_signed(text) {
        return find_signed(app, text, now).await;
    }
    match MachineSecret::parse(Kind::AccessToken, text) {
        Some(secret) => app.store.find_access_token(&secret).await,
        None => Ok(Err(Missing::Wrong)),
    }
}

/// The same for a token that is spelled like a signed one. An ID token, a logout token, or one that somebody else signed
/// opens nothing (FM-78, RFC 9068 section 4).
pub async fn find_signed(app: &App, text: &str, now: i64) -> Result<Result<FoundAccessToken, Missing>, StoreError> {
    let Ok(token) = jws::read(text, Typ::AccessToken) else { return Ok(Err(Missing::Wrong)) };
    let Some(key) = app.keys.find_verifying(token.kid()).await? else { return Ok(Err(Missing::Wrong)) };
    let Ok(claims) = token.verify(&key) else { return Ok(Err(Missing::Wrong)) };
    let Some(row) = access_token::row_of(&claims, &app.issuer, now) else { return Ok(Err(Missing::Gone)) };
    let found = app.store.find_signed_access_token(row, key.algorithm()).await?;
    Ok(found.ok_or(Missing::Gone))
}
