//! Consents: what a person last ticked for an application, which applications hold something of theirs, and taking that
//! back.
//!
//! Consents are written by the verbs that issue (`authorizations`); here they are read and withdrawn. Withdrawing moves
//! the row's generation on, and a grant that names an earlier one is dead: no clock decides which came first.

use crate::applications::{Change, claimed};
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::organizations::organization_off;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;

/// An application that may do something in a person's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The application.
    pub application: Id,
    /// Its public identifier.
    pub client_id: String,
    /// Its name.
    pub name: String,
    /// Its home page.
    pub home_page: Option<String>,
    /// Whether somebody vouches for it.
    pub verified: bool,
    /// Whether it has a logo.
    pub has_logo: bool,
    /// What it was allowed: what is remembered for the next time, and what its live grants hold.
    pub scopes: ScopeSet,
    /// When something was last allowed, in Unix milliseconds.
    pub given_at: i64,
}

impl Store {
    /// What `person` last consented to for `application`.
    pub async fn last_consent(&self, person: Id, application: Id) -> Result<Option<ScopeSet>, StoreError> {
        const FIND: &str = "SELECT scopes FROM consents WHERE person = $1 AND application = $2 AND tenant = $3";
        let Some(mut row) = self.find(&statement!(FIND, person, application, self.tenant())).await? else {
            return Ok(None);
        };
        Columns::of(&mut row).opt_scopes()
    }

    /// The applications that `person` has allowed something that still counts at `now`, in the order of their names:
    /// those whose next request would be answered without a question, and those that hold a live grant.
    pub async fn list_allowed(&self, person: Id, now: i64) -> Result<Vec<Allowed>, StoreError> {
        const LIST: &str = concat!(
            "SELECT a.id, a.client_id, a.name, a.home_page, a.verified, \
             EXISTS (SELECT 1 FROM logos l WHERE l.application = a.id), f.scopes, f.at FROM ( \
                SELECT c.application, c.scopes, c.given_at AS at FROM consents c \
                WHERE c.person = $1 AND c.scopes IS NOT NULL \
                UNION ALL \
                SELECT g.application, g.scopes, MAX(g.created_at) AS at FROM grants g \
                JOIN people p ON p.id = g.person JOIN applications b ON b.id = g.application \
                LEFT JOIN sessions r ON r.id = g.session \
                LEFT JOIN consents c ON c.person = g.person AND c.application = g.application \
                WHERE g.person = $1 AND g.ended_at IS NULL AND g.expires_at > $3 AND g.auth_time >= p.valid_from \
                AND g.created_at >= b.valid_from AND r.signed_out_at IS NULL \
                AND g.consent = COALESCE(c.generation, 0) AND NOT ",
            organization_off!("g.session_epoch"),
            " GROUP BY g.application, g.scopes) f JOIN applications a ON a.id = f.application \
             WHERE a.tenant = $2 ORDER BY a.name_key, a.id"
        );
        let mut list: Vec<Allowed> = Vec::new();
        for mut row in self.scan(&statement!(LIST, person, self.tenant(), now)).await? {
            let mut c = Columns::of(&mut row);
            let one = Allowed {
                application: c.id()?,
                client_id: c.text()?,
                name: c.text()?,
                home_page: c.opt_text()?,
                verified: c.flag()?,
                has_logo: c.flag()?,
                scopes: c.scopes()?,
                given_at: c.int()?,
            };
            match list.last_mut().filter(|last| last.application == one.application) {
                Some(last) => {
                    for scope in one.scopes.iter() {
                        last.scopes.insert(scope);
                    }
                    last.given_at = last.given_at.max(one.given_at);
                }
                None => list.push(one),
            }
        }
        Ok(list)
    }

    /// Takes back everything that `person` allowed `application`: from the answer on no code and no token of it is
    /// accepted, and the next request is asked about anew. Audited. `NotFound` when either is not there.
    pub async fn withdraw_consent(&self, person: Id, application: Id, note: &Note) -> Result<Change, StoreError> {
        const WITHDRAW: &str = "INSERT INTO consents (tenant, person, application, given_at, generation, withdrawn_at) \
            SELECT $1, p.id, a.id, $4, 1, $4 FROM people p JOIN applications a ON a.tenant = p.tenant \
            WHERE p.tenant = $1 AND p.id = $2 AND a.id = $3 \
            ON CONFLICT (person, application) DO UPDATE SET scopes = NULL, generation = consents.generation + 1, \
            withdrawn_at = excluded.withdrawn_at RETURNING generation";
        const AUDIT: &str =
            audited!("EXISTS (SELECT 1 FROM consents WHERE person = $11 AND application = $12 AND withdrawn_at = $3)");
        let target = format!("application:{application}");
        let event = Event { action: "consent.withdraw", target, outcome: "done", details: format!("person:{person}") };
        let verb = vec![
            statement!(WITHDRAW, self.tenant(), person, application, note.at),
            audit::row(self, note, event, AUDIT, vec![person.into(), application.into()]),
        ];
        Ok(Change::when(claimed(&self.run(verb).await?)))
    }
}
