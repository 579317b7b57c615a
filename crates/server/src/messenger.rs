//! The messenger: tells applications that sessions have ended (OpenID Connect Back-Channel Logout).
//!
//! Owns what is said, and what an answer means (`verdict`). When, and to how many at once, is `turns`'s: whoever signs out
//! never waits for it, and an application that is slow or dead takes only its own turns.

mod verdict;

use crate::app::App;
use crate::outbound::{Reply, Request};
use crate::turns::{Bell, Errands, Turns, pause_ms};
use axum::body::Bytes;
use axum::http::{HeaderValue, Method, header};
use std::sync::Arc;
use std::time::Duration;
use verdict::{Verdict, judge};
use vestibule_oauth::jose::Typ;
use vestibule_oauth::logout_token::LogoutToken;
use vestibule_oauth::subject::{session_for, subject_for};
use vestibule_store::StoreError;
use vestibule_store::audit::Note;
use vestibule_store::logout_notices::{Addressee, ClaimedNotice, Settled};

/// How long one delivery may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long a claim holds: longer than a delivery and all around it.
const LEASE_MS: i64 = 30_000;

/// The logouts that applications are to be told of.
pub struct Logouts;

impl Errands for Logouts {
    const UNREADABLE: &'static str = "the logouts that applications are to be told of cannot be read";

    fn bell(app: &App) -> &Bell {
        &app.bell
    }

    async fn send_due(app: &Arc<App>, turns: &mut Turns) -> Result<(), StoreError> {
        send_due(app, turns).await
    }
}

/// Claims for each application what it has room for, and sends it on its way.
async fn send_due(app: &Arc<App>, turns: &mut Turns) -> Result<(), StoreError> {
    let now = app.clock.now();
    let mut due = app.store.due_logouts(now).await?;
    turns.order(&mut due);
    for application in due {
        let room = turns.room(application);
        if room == 0 {
            continue;
        }
        let (claim, most) = (app.dice.id(now), i64::try_from(room).unwrap_or(1));
        for notice in app.store.claim_logouts(application, claim, now, now + LEASE_MS, most).await? {
            let app = app.clone();
            turns.begin(application, async move {
                deliver(&app, &notice).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "a logout could not be told; it will be when its lease is over");
                    false
                })
            });
        }
    }
    Ok(())
}

/// Tells one application of one end. Gives whether it went well for the application's turn.
async fn deliver(app: &App, notice: &ClaimedNotice) -> Result<bool, StoreError> {
    let Some(addressee) = app.store.find_addressee(notice).await? else {
        settle(app, notice, Settled::Dropped, "nobody is to be told any more").await?;
        return Ok(true);
    };
    let Some(request) = write(app, notice, &addressee).await else {
        // Our own key is missing, which is no fault of theirs; it is looked for again.
        let soon = app.clock.now() + pause_ms(notice.attempts);
        app.store.defer_logout(notice, soon).await?;
        return Ok(true);
    };
    let reply = app.outbound.send(request).await;
    let status = reply.as_ref().map(|Reply { status, .. }| *status).map_err(|failure| failure.why());
    let verdict = judge(status, notice.attempts, notice.created_at, app.clock.now());
    match verdict {
        Verdict::Settle(settled, how) => settle(app, notice, settled, &how).await?,
        Verdict::Retry(due_at, how) => {
            let (application, attempt) = (&addressee.client.client_id, notice.attempts);
            tracing::info!(application, attempt, how, "an application could not be told of a logout yet");
            app.store.defer_logout(notice, due_at).await?;
        }
    }
    Ok(matches!(status, Ok(200 | 204 | 400)))
}

async fn settle(app: &App, notice: &ClaimedNotice, settled: Settled, how: &str) -> Result<(), StoreError> {
    let at = app.clock.now();
    let note = Note { id: app.dice.id(at), at, actor: "server".to_owned(), request_id: None };
    app.store.settle_logout(notice, settled, how, &note).await
}

/// The call: the token as a form (section 2.5). `None` while there is no key to sign it with.
async fn write(app: &App, notice: &ClaimedNotice, addressee: &Addressee) -> Option<Request> {
    let client = &addressee.client;
    let key = app.keys.signer_ready(client.id_token_alg).await?;
    let now = app.clock.now();
    let token = LogoutToken {
        issuer: &app.issuer,
        client_id: &client.client_id,
        subject: &subject_for(client, &addressee.subject, app.keys.pairwise()),
        session: &session_for(client, notice.session, app.keys.pairwise()),
        // Each try has one of its own: whoever remembers them would take a second try for a replay.
        id: &app.dice.id(now).to_string(),
    };
    let token = key.sign(&app.dice.generator(), Typ::LogoutToken, &token.claims(now)).ok()?;
    Some(Request {
        method: Method::POST,
        url: addressee.uri.clone(),
        headers: vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
            (header::ACCEPT, HeaderValue::from_static("*/*")),
        ],
        // The token's alphabet needs no escaping in a form.
        body: Bytes::from(format!("logout_token={}", token.expose())),
        // Fewer are told at once than have a turn there.
        patience: DEADLINE,
        deadline: DEADLINE,
        whole: Duration::MAX,
        until: None,
        // Its status says it all: whatever follows is not waited for.
        most: 0,
    })
}
