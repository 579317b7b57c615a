//! The moment of expiry: a thousand callers at once want the token of one authorization that has just ended.
//!
//! Owns the moment, and the host's token endpoint, which counts how often it is asked to refresh. All callers wait for one
//! refresh; what each of them waited is told.

use crate::caller::{Caller, Wanted};
use crate::house::House;
use crate::load::Ready;
use crate::wire::{self, Connection};
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many want it.
const CALLERS: usize = 1_000;
/// The name of the authorization, and of its host's configuration.
const NAME: &str = "expiry";
/// Longer than all of it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a host was asked to refresh.
static REFRESHED: AtomicUsize = AtomicUsize::new(0);

/// Answers at a host's token endpoint: tokens that end at once for a password, and others that do not for a refresh token.
pub async fn token(form: String) -> impl IntoResponse {
    let is_refresh = form.contains("grant_type=refresh_token");
    let refreshed = REFRESHED.fetch_add(usize::from(is_refresh), Ordering::SeqCst);
    let life = if is_refresh { 7200 } else { 1 };
    let body = json!({
        "access_token": format!("access-{refreshed}-{is_refresh}"), "token_type": "bearer", "expires_in": life,
        "refresh_token": format!("refresh-{refreshed}-{is_refresh}"), "scope": "user_info projects",
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string())
}

/// What it came to.
#[derive(Debug)]
pub struct Expiry {
    /// The times within which half of the callers, 99 of 100, and all were answered.
    pub median: Duration,
    pub p99: Duration,
    pub last: Duration,
    /// How often the host was asked.
    pub refreshed: usize,
}

/// Lets a token end, and asks for it.
pub async fn expire(house: &mut House) -> Result<Expiry, String> {
    REFRESHED.store(0, Ordering::SeqCst);
    house.renewable_host(NAME)?;
    let server = house.start()?;
    let token = house.project.token(server.address).await?;
    let headers = [("x-auth-token", token.as_str())];
    let body = json!({ "name": NAME, "user": "ada", "password": "a password" }).to_string();
    let brought = wire::post_json(&house.project.path(&format!("auths/{NAME}/password")), &headers, &body);
    let mut line = Connection::open(server.address).await?;
    let reply = line.call(&brought).await?;
    if reply.status != 200 {
        return Err(reply.complaint());
    }
    let ask =
        wire::post_json(&house.project.path("credentials"), &headers, &format!("{{\"authorization\":\"{NAME}\"}}"));
    let wanted = Wanted { status: 200, holds: "\"password\":\"access-0-true\"" };
    let ready = Ready::connect(server.address, Caller::around(CALLERS, vec![ask], wanted)).await?;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let before = REFRESHED.swap(0, Ordering::SeqCst);
    let (window, _) = ready.drive(PATIENCE, 1).await;
    window.check()?;
    server.end()?;
    match (before, window.times.len()) {
        (0, CALLERS) => {}
        (0, answered) => return Err(format!("{answered} of {CALLERS} were answered")),
        (refreshed, _) => return Err(format!("it was refreshed {refreshed} times before it ended")),
    }
    let [median, p99, last] = [0.5, 0.99, 1.0].map(|share| window.within(share));
    Ok(Expiry { median, p99, last, refreshed: REFRESHED.load(Ordering::SeqCst) })
}
