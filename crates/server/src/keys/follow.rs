//! Following the keys: every few seconds each node reads what others made, promoted and ended, and does what is due.
//!
//! Owns the rhythm. It is a sixtieth of the time that applications may keep the key set, and so far shorter than the time
//! that a key is published before it signs.

use super::Keys;
use crate::app::App;
use std::sync::Arc;
use tokio::sync::watch;
use vestibule_oauth::jose::Algorithm;
use vestibule_store::StoreError;

/// Moving values away from retired data keys is looked at this often, in turns.
const TURNS_PER_MOVE: u32 = 12;

/// Follows the keys until `stop` turns true.
pub async fn follow(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let keys = app.keys.clone();
    let mut turn = 0_u32;
    loop {
        if let Err(error) = once(&keys).await {
            tracing::warn!(%error, "the keys could not be looked after; it is tried again");
        }
        if turn.is_multiple_of(TURNS_PER_MOVE) {
            move_values(&app).await;
        }
        turn = turn.wrapping_add(1);
        if tokio::time::timeout(keys.terms.interval(), stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

async fn once(keys: &Arc<Keys>) -> Result<(), StoreError> {
    keys.read().await?;
    keys.turn_over().await?;
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        if let Err(why) = keys.make_what_is_missing(algorithm).await {
            tracing::warn!(%why, algorithm = algorithm.name(), "a signing key could not be made; it is tried again");
        }
    }
    keys.make_rsa();
    keys.read().await
}

/// Ends what a `vestibule keys rotate --data` or `--key-encryption` began, wherever it was killed.
async fn move_values(app: &App) {
    match app.seal.let_go().await {
        Ok(true) => tracing::info!("a replaced key-encryption key has left the key file"),
        Ok(false) => {}
        Err(why) => tracing::warn!(%why, "replaced key-encryption keys could not be taken out of the key file"),
    }
    match app.seal.move_values("server").await {
        Ok(moved) if moved.values + moved.forgotten > 0 => {
            tracing::info!(values = moved.values, forgotten = moved.forgotten, "values are sealed under new data keys");
        }
        Ok(_) => {}
        Err(why) => tracing::warn!(%why, "values could not be sealed under new data keys yet"),
    }
}
