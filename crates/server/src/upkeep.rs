//! What a server does when nobody asks: sweeping what is over, and writing down the use of older forms.
//!
//! Owns when. What may go is the store's.

use crate::app::App;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use vestibule_oauth::id::Id;
use vestibule_oauth::template::Switch;
use vestibule_store::older_forms::{USES_AT_ONCE, Uses};
use vestibule_store::upkeep::SWEEPS;

/// How often.
const INTERVAL: Duration = Duration::from_secs(60);
/// Rows per table that one sweeping verb may delete: small, so that the writer never stalls for it.
const BATCH: i64 = 200;
const DAY_MS: i64 = 86_400_000;

/// Uses of older forms that are not written down yet. One entry per application, form and day, so its size is
/// bounded by what administrators have registered.
#[derive(Default)]
pub struct OlderForms(Mutex<Counted>);

/// By application, number of the form and day: the form, and how often.
type Counted = HashMap<(Id, u8, i64), (Switch, i64)>;

impl OlderForms {
    /// Counts one use at `now`.
    pub fn count(&self, application: Id, form: Switch, now: i64) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        uses.entry((application, form as u8, now.div_euclid(DAY_MS))).or_insert((form, 0)).1 += 1;
    }

    fn take(&self) -> Vec<Uses> {
        let uses = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        uses.into_iter().map(|((application, _, day), (form, uses))| Uses { application, form, day, uses }).collect()
    }

    fn put_back(&self, lost: &[Uses]) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for lost in lost {
            uses.entry((lost.application, lost.form as u8, lost.day)).or_insert((lost.form, 0)).1 += lost.uses;
        }
    }
}

/// Keeps house until `stop` turns true.
pub async fn upkeep(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    loop {
        if tokio::time::timeout(INTERVAL, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
        flush(&app).await;
        sweep(&app, &stop).await;
    }
}

/// Writes down the uses that were counted since the last time.
pub async fn flush(app: &App) {
    for uses in app.older_forms.take().chunks(USES_AT_ONCE) {
        if let Err(error) = app.store.add_uses(uses, app.clock.now()).await {
            tracing::warn!(%error, "the use of older forms could not be written down yet");
            app.older_forms.put_back(uses);
        }
    }
}

/// One table after the other, each for as long as it gives full batches.
async fn sweep(app: &App, stop: &watch::Receiver<bool>) {
    for what in &SWEEPS {
        while !*stop.borrow() {
            match app.store.sweep(what, app.clock.now(), BATCH).await {
                Ok(gone) if gone >= BATCH.unsigned_abs() => tokio::task::yield_now().await,
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "what is over could not be swept");
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_are_added_up_by_application_form_and_day() {
        let forms = OlderForms::default();
        let application = Id::from_bytes([1; 16]);
        forms.count(application, Switch::QueryParameters, 0);
        forms.count(application, Switch::QueryParameters, DAY_MS - 1);
        forms.count(application, Switch::QueryParameters, DAY_MS);
        let mut taken = forms.take();
        taken.sort_by_key(|uses| uses.day);
        assert_eq!(taken.iter().map(|uses| (uses.day, uses.uses)).collect::<Vec<_>>(), [(0, 2), (1, 1)]);
        assert!(forms.take().is_empty());
        forms.put_back(&taken);
        forms.count(application, Switch::QueryParameters, 1);
        assert_eq!(forms.take().iter().map(|uses| uses.uses).sum::<i64>(), 4, "what was not written is not lost");
    }
}
