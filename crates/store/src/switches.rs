//! The switches of an application, one at a time, as an administrator turns them.
//!
//! Owns the guarded verb: two administrators who turn two switches at once both get what they asked for. What a switch
//! does is written where it is asked (`oauth::template`).

use crate::applications::{Change, claimed};
use crate::audit::{self, Event, Note, audited};
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::template::{Switch, Switches};

impl Store {
    /// Turns one switch of the application on or off, and leaves one that stands so as it is. Audited.
    pub async fn set_switch(
        &self,
        application: Id,
        switch: Switch,
        on: bool,
        note: &Note,
    ) -> Result<Change, StoreError> {
        const TURN: &str = "UPDATE applications SET switches = CASE WHEN $4 = 1 THEN switches | $3 ELSE switches & ~$3 END, \
            updated_at = $5, changed_by = $6 WHERE id = $1 AND tenant = $2 AND ((switches & $3) <> 0) <> ($4 = 1) RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM applications WHERE id = $11 AND changed_by = $1)");
        let bit = Switches::of(&[switch]).bits();
        let event = Event {
            action: "application.switch",
            target: format!("application:{application}"),
            outcome: "done",
            details: format!("{} {}", switch.name(), if on { "on" } else { "off" }),
        };
        let verb = vec![
            statement!(TURN, application, self.tenant(), bit, on, note.at, note.id),
            audit::row(self, note, event, AUDIT, vec![application.into()]),
        ];
        if claimed(&self.run(verb).await?) {
            return Ok(Change::Done);
        }
        const THERE: &str = "SELECT id FROM applications WHERE id = $1 AND tenant = $2";
        Ok(Change::when(self.find(&statement!(THERE, application, self.tenant())).await?.is_some()))
    }
}
