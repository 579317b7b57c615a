//! `vestibule serve`: from settings to a listening server, and from SIGTERM to a clean end.
//!
//! Owns the order of starting and ending. The accept loop is `accept`'s, what is swept and flushed `upkeep`'s.

use crate::accept::accept;
use crate::admin::reach::PRIVATE_HOSTS;
use crate::admin::{Actor, Desk, setup};
use crate::api::git_calls;
use crate::api::git_credentials::HandedOut;
use crate::app::{App, Draining};
use crate::broker::OBTAINED_AT_ONCE;
use crate::broker::patience::Patience;
use crate::broker::refreshing::{Flights, Holding};
use crate::broker::revoker::Revocations;
use crate::broker::under_way::UnderWay;
use crate::broker::visiting::VISITS_AT_ONCE;
use crate::cli::{Globals, Serve};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::demo::{self, Demo};
use crate::dice::Dice;
use crate::endpoints::metadata::Document;
use crate::githosts;
use crate::keys::{self, Keys};
use crate::messenger::Logouts;
use crate::outbound::Outbound;
use crate::outbound::allowed::AllowedHost;
use crate::passwords::{Limits, Passwords};
use crate::places::Places;
use crate::router;
use crate::seal::Seal;
use crate::turns::{self, Bell};
use crate::upkeep::{self, OlderForms};
use crate::web::guard::Guard;
use crate::web::guessing::Guessing;
use crate::web::large::Large;
use crate::web::large_body;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use vestibule_store::{Commits, StoreError, StoreUrl};

/// How long requests under way may take once the process is to end.
const DRAIN: Duration = Duration::from_secs(10);
/// How long, after that, what they have begun at a Git host may take: a code is traded in one conversation, whose it is told
/// in another, and what was spent on the way is lost with whoever has it.
const DRAIN_AT_HOSTS: Duration = githosts::LONGEST.saturating_mul(2);
/// How long a process whose store has failed still answers, with errors, and then how long it waits for the last of them.
const FAREWELL: Duration = Duration::from_secs(1);

/// Runs the server until it is told to end. An `Err` is a sentence for the operator.
pub async fn serve(globals: &Globals, flags: Serve) -> Result<ExitCode, String> {
    let settings = Settings::of(globals, &flags)?;
    let outbound = Outbound::new(settings.private_hosts.clone(), settings.extra_ca.clone())?;
    let (url, demo) = place(globals, &flags)?;
    let key_source = config::key_source(globals, &url)?;
    let clock = Clock::system();
    let store = config::open_as_server(&url, clock.now()).await?;
    let listener = TcpListener::bind(&settings.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}; --listen takes another address", settings.listen))?;
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    let issuer = config::issuer(settings.public_url.as_deref(), bound)?;
    if issuer.starts_with("http://") && !bound.ip().is_loopback() {
        tracing::warn!(issuer, "the public URL is plain http: everybody on the way can read passwords and tokens");
    }
    let guessing = Guessing::prepare(&store, Dice.bytes(), settings.guess_free).await.map_err(|e| e.to_string())?;
    let seal = Arc::new(Seal::start(&store, key_source, clock.clone(), Dice).await?);
    let keys = Keys::start(&store, seal.clone(), clock.clone(), Dice, settings.key_terms).await?;
    let app = Arc::new(App {
        seal,
        keys: Arc::new(keys),
        passwords: Passwords::start(Limits::for_this_machine()).map_err(|error| error.to_string())?,
        older_forms: OlderForms::default(),
        handed_out: HandedOut::default(),
        guard: Guard::new(settings.pending_per_minute),
        application_guard: Guard::new(settings.pending_per_application),
        guessing,
        outbound,
        bell: Bell::default(),
        revocations: Bell::default(),
        under_way: UnderWay::default(),
        obtaining: Places::new(OBTAINED_AT_ONCE),
        visiting: Places::new(VISITS_AT_ONCE),
        making: Places::new(1),
        flights: Flights::default(),
        holding: Holding::default(),
        patience: Patience::default(),
        browsing: Places::new(crate::pages::git::browse::AT_ONCE),
        large_bodies: Large::new(large_body::OF_ONE, large_body::AT_ONCE),
        large_answers: Large::new(git_calls::LARGE_OF_ONE, git_calls::LARGE_AT_ONCE),
        draining: Draining::default(),
        dice: Dice,
        store,
        clock,
        settings,
        metadata: Document::of(&issuer),
        issuer,
    });
    let outcome = run(&app, listener, demo).await;
    app.store.close().await;
    if let Some(Commits { commits, verbs, commit_us }) = app.store.commits() {
        tracing::info!(commits, verbs, commit_us, "the store is closed");
    }
    outcome
}

/// Which database is served, and the demo's directory if it is a demo.
fn place(globals: &Globals, flags: &Serve) -> Result<(StoreUrl, Option<Demo>), String> {
    if flags.demo {
        if globals.database_url.is_some() || globals.database_url_file.is_some() {
            return Err("the demo keeps its own database in its own directory; leave --database-url out".to_owned());
        }
        let directory = globals.data_dir.clone().unwrap_or_else(|| PathBuf::from("vestibule-demo"));
        let demo = demo::prepare(Path::new(&directory), flags.reset)?;
        return Ok((StoreUrl::Sqlite(demo.database()), Some(demo)));
    }
    let (url, directory) = config::database(globals)?;
    directory.as_deref().map(config::make_private).transpose()?;
    Ok((url, None))
}

/// Serves until a signal, or until the store has failed for good.
async fn run(app: &Arc<App>, listener: TcpListener, demo: Option<Demo>) -> Result<ExitCode, String> {
    let bound = listener.local_addr().map_err(|error| error.to_string())?;
    keep_issuer(app).await.map_err(|error| error.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;

    let (stop, stopped) = watch::channel(false);
    let upkeep = tokio::spawn(upkeep::upkeep(app.clone(), stopped.clone()));
    let following = tokio::spawn(keys::follow(app.clone(), stopped.clone()));
    let telling = tokio::spawn(turns::carry::<Logouts>(app.clone(), stopped.clone()));
    let revoking = tokio::spawn(turns::carry::<Revocations>(app.clone(), stopped.clone()));
    let router = router::router(app.clone());
    let mut accepting = tokio::spawn(accept(listener, router, app.clone(), app.settings.caps, stopped));
    say(app, bound, demo.as_ref()).await?;

    let failure = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        why = app.store.failed() => Some(format!("the store has failed for good: {why}")),
        // The loop ends only when it is told to.
        _ = &mut accepting => Some("no connection is taken any more: the accept loop has ended".to_owned()),
    };
    app.draining.start();
    if let Some(why) = failure {
        tracing::error!(why, "the process ends");
        // Callers hear 503 and readiness falls before the address is gone.
        tokio::time::sleep(FAREWELL).await;
        let _ = stop.send(true);
        if !accepting.is_finished() {
            let _ = tokio::time::timeout(FAREWELL, accepting).await;
        }
        return Err(why);
    }
    tracing::info!("draining");
    // Whoever balances load reads "not ready" in this time and sends new connections elsewhere. A second signal cuts
    // it short, and so does a store that fails meanwhile.
    tokio::select! {
        () = tokio::time::sleep(app.settings.drain_grace) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = app.store.failed() => {}
    }
    let _ = stop.send(true);
    let answered = tokio::time::timeout(DRAIN, &mut accepting).await.is_ok();
    // Callers who have hung up left codes and tokens behind that nobody else has.
    let begun = tokio::select! {
        begun = tokio::time::timeout(DRAIN_AT_HOSTS, app.under_way.ended()) => begun.is_ok(),
        _ = terminate.recv() => false,
        _ = interrupt.recv() => false,
        _ = app.store.failed() => false,
    };
    // Those who still wait for it hear of it.
    let answered = answered || tokio::time::timeout(FAREWELL, accepting).await.is_ok();
    if !(answered && begun) {
        tracing::warn!("some requests did not end in time");
    }
    let _ = upkeep.await;
    let _ = following.await;
    let _ = telling.await;
    let _ = revoking.await;
    upkeep::flush(app).await;
    match app.store.failure() {
        Some(why) => Err(format!("the store has failed for good: {why}")),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Keeps the issuer for the commands beside us. Nodes of one database must agree on it: applications compare `iss` and
/// the metadata's issuer with the one that they know.
async fn keep_issuer(app: &App) -> Result<(), StoreError> {
    let before = app.store.setting("issuer").await?;
    if let Some(before) = before.filter(|before| *before != app.issuer) {
        let issuer = &app.issuer;
        tracing::warn!(
            issuer,
            before,
            "the issuer is not the one of the last start; all servers of one database need the same --public-url"
        );
    }
    let private: Vec<String> = app.settings.private_hosts.iter().map(AllowedHost::spell).collect();
    app.store.put_setting(PRIVATE_HOSTS, &private.join(",")).await?;
    app.store.put_setting("issuer", &app.issuer).await
}

/// Tells the operator where we are and what to open.
async fn say(app: &Arc<App>, bound: std::net::SocketAddr, demo: Option<&Demo>) -> Result<(), String> {
    let address = config::url_of(bound);
    print(app, &format!("Vestibule listens on {address}"), &json!({ "listening": address, "issuer": app.issuer }));
    if let Some(demo) = demo {
        let (text, object) = demo.furnish(&app.store, &app.issuer, bound).await?;
        print(app, &text, &object);
        return Ok(());
    }
    let desk = Desk { store: &app.store, actor: Actor::Server, request_id: None, dice: app.dice, now: app.clock.now() };
    match setup::announce(&desk, &app.issuer).await {
        Ok(Some(link)) => {
            let text = format!("There is no administrator yet. Make the first one within an hour at:\n  {}", link.url);
            print(app, &text, &json!({ "setup_link": link.url }));
        }
        Ok(None) => {}
        // We serve already; `vestibule setup-link` makes another.
        Err(error) => tracing::warn!(%error, "no setup link could be made"),
    }
    Ok(())
}

/// One thing on stdout: text for people, or an object on a line of its own.
fn print(app: &App, text: &str, object: &Value) {
    let mut out = std::io::stdout().lock();
    // A closed stdout is no reason not to serve.
    let _ = if app.settings.json { writeln!(out, "{object}") } else { writeln!(out, "{text}") };
    let _ = out.flush();
}
