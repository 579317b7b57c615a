//! How often applications use older forms, per day: so that an administrator sees when a switch may go.

use crate::audit::{self, Event, Note, audited};
use crate::{Store, StoreError, Verb, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;
use vestibule_oauth::template::Switch;

/// Uses of one older form by one application on one day, counted by a node since it last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    /// The application.
    pub application: Id,
    /// The switch that allows the form.
    pub form: Switch,
    /// Days since 1970-01-01 UTC.
    pub day: i64,
    /// How many to add.
    pub uses: i64,
}

/// How many uses one verb adds: few enough that the writer does not stall for them.
pub const USES_AT_ONCE: usize = 50;

/// A day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

impl Store {
    /// Adds these uses at `now` to what is known: at most [`USES_AT_ONCE`], in one verb. The trail gets one row for each
    /// application, form and day.
    ///
    /// After [`StoreError::Unavailable`] they may or may not have been added. Who adds them again counts some twice, which
    /// is the lesser evil: an administrator asks whether a form is still used.
    pub async fn add_uses(&self, uses: &[Uses], now: i64) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO older_forms (tenant, application, form, day, uses) \
            SELECT $1, a.id, $3, $4, $5 FROM applications a WHERE a.id = $2 AND a.tenant = $1 \
            ON CONFLICT (application, form, day) DO UPDATE SET uses = older_forms.uses + excluded.uses";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM applications WHERE id = $11)");
        let mut verb = Verb::new();
        // In one order on every node, so that those who tell at once do not wait for each other's rows crosswise.
        let mut uses = uses.to_vec();
        uses.sort_unstable_by_key(|uses| (uses.application, uses.form as u8, uses.day));
        for Uses { application, form, day, uses } in &uses {
            verb.push(statement!(ADD, self.tenant(), application, i64::from(*form as u8), *day, *uses));
            let actor = format!("application:{application}");
            let note = Note { id: row_of_the_day(*application, *form, *day), at: now, actor, request_id: None };
            let target = format!("application:{application}");
            let event = Event { action: "older_form.use", target, outcome: "done", details: form.name().to_owned() };
            verb.push(audit::row(self, &note, event, AUDIT, vec![(*application).into()]));
        }
        if verb.is_empty() { Ok(()) } else { self.run(verb).await.map(drop) }
    }
}

/// The same id for the same application, form and day, whichever node tells it first.
fn row_of_the_day(application: Id, form: Switch, day: i64) -> Id {
    let named = [application.as_bytes().as_slice(), &[form as u8], &day.to_be_bytes()].concat();
    let digest = Digest::of(&named);
    let mut random = [0; 10];
    random.copy_from_slice(&digest.as_bytes()[..10]);
    Id::new(day.saturating_mul(DAY_MS), random)
}
