//! Logouts that applications are to be told of (OpenID Connect Back-Channel Logout): kept in the very verb that ends the
//! session, until the application has heard of them.
//!
//! Owns the rows and their lease. A notice that is claimed is not due until the lease is over, so that one whose sender
//! died is sent again by another, and no two send it at once: at least once, mostly once. Does not send.

use crate::audit::{self, Event, Note, audited};
use crate::columns::{Columns, client_columns};
use crate::{Row, Statement, Store, StoreError, Value, Verb, statement};
use vestibule_oauth::client::Client;
use vestibule_oauth::id::Id;

/// A notice that this claim may send.
#[derive(Clone, Copy, Debug)]
pub struct ClaimedNotice {
    /// The row of the trail of the verb that ended the session.
    pub event: Id,
    /// The session's root.
    pub session: Id,
    /// Who is to be told.
    pub application: Id,
    /// Whose session it was.
    pub person: Id,
    /// When the session ended, in Unix milliseconds.
    pub created_at: i64,
    /// How often it was claimed, this time included.
    pub attempts: i64,
    /// The claim, which every later verb repeats.
    pub claim: Id,
}

/// To whom a notice goes.
#[derive(Clone, Debug)]
pub struct Addressee {
    /// Where to post.
    pub uri: String,
    /// The application, as it stands now.
    pub client: Client,
    /// The person's own subject.
    pub subject: String,
}

/// How a notice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The application has heard.
    Told,
    /// It said that it cannot take it: another try would say the same.
    Refused,
    /// It could not be reached for as long as we try.
    GivenUp,
    /// The application is gone, switched off, or no longer wants to hear.
    Dropped,
}

impl Settled {
    /// The outcome in the trail.
    pub const fn outcome(self) -> &'static str {
        match self {
            Settled::Told => "done",
            Settled::Refused => "refused",
            Settled::GivenUp => "given_up",
            Settled::Dropped => "dropped",
        }
    }
}

/// An INSERT of the notices that go to the applications of `$from`, which names `session_applications` as `v` and ends in
/// its conditions. `$1` is the verb's row of the trail, `$2` its moment.
macro_rules! insert_notices {
    ($from:literal) => {
        concat!(
            "INSERT INTO logout_notices (event, session, application, tenant, person, created_at, due_at, attempts) \
             SELECT $1, v.session, v.application, v.tenant, v.person, $2, $2, 0 FROM ",
            $from,
            " ON CONFLICT DO NOTHING"
        )
    };
}

/// Tells the applications that were visited in the session `$3`, or in those that it followed, of its end; they are not
/// told twice. The verb's row of the trail ended it; while its root is not signed out of, another one goes on with it.
fn tell_of_session(session: Id, note: &Note) -> Verb {
    const TELL: &str = insert_notices!(
        "session_applications v \
         WHERE v.session = (SELECT r.id FROM sessions s JOIN sessions r ON r.id = s.root \
            WHERE s.id = $3 AND s.ended_by = $1 AND r.signed_out_at IS NOT NULL)"
    );
    const FORGET: &str = "DELETE FROM session_applications \
        WHERE session = (SELECT r.id FROM sessions s JOIN sessions r ON r.id = s.root \
            WHERE s.id = $2 AND s.ended_by = $1 AND r.signed_out_at IS NOT NULL)";
    vec![statement!(TELL, note.id, note.at, session), statement!(FORGET, note.id, session)]
}

/// Tells the applications that the person `$3` visited in any session. The verb's row of the trail changed the person.
fn tell_of_person(person: Id, note: &Note) -> Verb {
    const TELL: &str = insert_notices!(
        "session_applications v WHERE v.person = $3 \
         AND EXISTS (SELECT 1 FROM people p WHERE p.id = $3 AND p.changed_by = $1)"
    );
    const FORGET: &str = "DELETE FROM session_applications WHERE person = $2 \
        AND EXISTS (SELECT 1 FROM people p WHERE p.id = $2 AND p.changed_by = $1)";
    vec![statement!(TELL, note.id, note.at, person), statement!(FORGET, note.id, person)]
}

/// What an issue that overlapped the end of a session, or of everything of a person's, may have left behind on a database
/// with many writers: it saw the session alive, and noted its visit after the notices were made. Such a visit was there
/// when the end was durable, or its code is dead before its application can show it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    Session(Id),
    Person(Id),
}

/// Tells the applications of everybody whose primary organization is `$3` or stands below it, which the verb's row of the
/// trail switched off. They stay noted: a second verb tells them a second time, which does no harm.
pub(crate) fn tell_of_organization(organization: Id, note: &Note) -> Statement {
    const TELL: &str = insert_notices!(
        "organization_tree t CROSS JOIN person_organizations w CROSS JOIN session_applications v \
         WHERE t.ancestor = $3 AND w.organization = t.descendant AND w.is_primary = 1 AND v.person = w.person \
         AND EXISTS (SELECT 1 FROM audit x WHERE x.id = $1)"
    );
    statement!(TELL, note.id, note.at, organization)
}

impl Store {
    /// Runs a verb that ends what `ended` names and tells of it, and tells whom an issue noted meanwhile. What has ended
    /// has ended, whether or not that succeeds: if the process dies in between, whoever was noted meanwhile is not told
    /// (docs/integrating.md says so).
    pub(crate) async fn run_and_tell(
        &self,
        mut verb: Verb,
        ended: Option<Ended>,
        note: &Note,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        const OF_SESSION: &str = "SELECT 1 FROM sessions s JOIN sessions r ON r.id = s.root \
            JOIN session_applications v ON v.session = r.id \
            WHERE s.id = $1 AND s.ended_by = $2 AND r.signed_out_at IS NOT NULL LIMIT 1";
        const OF_PERSON: &str = "SELECT 1 FROM people p JOIN session_applications v ON v.person = p.id \
            WHERE p.id = $1 AND p.changed_by = $2 LIMIT 1";
        let Some(ended) = ended else { return self.run(verb).await };
        let (left, tell) = match ended {
            Ended::Session(session) => (statement!(OF_SESSION, session, note.id), tell_of_session(session, note)),
            Ended::Person(person) => (statement!(OF_PERSON, person, note.id), tell_of_person(person, note)),
        };
        verb.extend(tell.iter().cloned());
        let answers = self.run(verb).await?;
        if self.find(&left).await.is_ok_and(|row| row.is_some()) {
            let _ = self.run(tell).await;
        }
        Ok(answers)
    }

    /// The applications that have a notice due at `now`. Walks over those that want to hear of logouts, which are few.
    pub async fn due_logouts(&self, now: i64) -> Result<Vec<Id>, StoreError> {
        const DUE: &str = "SELECT b.application FROM logout_addresses b WHERE b.tenant = $1 AND EXISTS \
            (SELECT 1 FROM logout_notices n WHERE n.application = b.application AND n.due_at <= $2)";
        let rows = self.scan(&statement!(DUE, self.tenant(), now)).await?;
        rows.iter().map(|row| row.id(0)).collect()
    }

    /// Claims up to `most` notices of the application that are due at `now`, until `lease_ends_at`: once each, however
    /// many nodes come at once. `claim` is this verb's own id.
    pub async fn claim_logouts(
        &self,
        application: Id,
        claim: Id,
        now: i64,
        lease_ends_at: i64,
        most: i64,
    ) -> Result<Vec<ClaimedNotice>, StoreError> {
        const CLAIM: &str = "UPDATE logout_notices SET claimed_by = $3, due_at = $5, attempts = attempts + 1 \
            WHERE (event, session, application) IN (SELECT n.event, n.session, n.application FROM logout_notices n \
                WHERE n.application = $1 AND n.tenant = $2 AND n.due_at <= $4 ORDER BY n.due_at LIMIT $6) \
            AND due_at <= $4 RETURNING event, session, application, person, created_at, attempts";
        let claiming = statement!(CLAIM, application, self.tenant(), claim, now, lease_ends_at, most);
        let rows = self.run(vec![claiming]).await?.into_iter().next().unwrap_or_default();
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                Ok(ClaimedNotice {
                    event: c.id()?,
                    session: c.id()?,
                    application: c.id()?,
                    person: c.id()?,
                    created_at: c.int()?,
                    attempts: c.int()?,
                    claim,
                })
            })
            .collect()
    }

    /// To whom the notice goes; `None` when nobody is to be told any more.
    pub async fn find_addressee(&self, notice: &ClaimedNotice) -> Result<Option<Addressee>, StoreError> {
        const FIND: &str = concat!(
            "SELECT b.uri, ",
            client_columns!(),
            ", p.subject FROM applications a JOIN logout_addresses b ON b.application = a.id \
             JOIN people p ON p.id = $2 AND p.tenant = a.tenant \
             WHERE a.id = $1 AND a.tenant = $3 AND a.disabled_at IS NULL"
        );
        let find = statement!(FIND, notice.application, notice.person, self.tenant());
        let Some(mut row) = self.find(&find).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        Ok(Some(Addressee { uri: c.text()?, client: c.client()?, subject: c.text()? }))
    }

    /// Puts a notice off until `due_at`, if it is still this claim's.
    pub async fn defer_logout(&self, notice: &ClaimedNotice, due_at: i64) -> Result<(), StoreError> {
        const DEFER: &str = "UPDATE logout_notices SET due_at = $6 WHERE event = $1 AND session = $2 \
            AND application = $3 AND tenant = $4 AND claimed_by = $5";
        let mut values = self.named(notice);
        values.push(due_at.into());
        self.run(vec![Statement::new(DEFER, values)]).await.map(drop)
    }

    /// Ends a notice, if it is still this claim's. Audited, with `how` it went.
    pub async fn settle_logout(
        &self,
        notice: &ClaimedNotice,
        settled: Settled,
        how: &str,
        note: &Note,
    ) -> Result<(), StoreError> {
        // Locked before it goes: once the notice is gone nothing is left to repeat the claim on.
        const LOCK: &str = "UPDATE logout_notices SET attempts = attempts WHERE event = $1 AND session = $2 \
            AND application = $3 AND tenant = $4 AND claimed_by = $5 RETURNING event";
        const AUDIT: &str = audited!(
            "EXISTS (SELECT 1 FROM logout_notices WHERE event = $11 AND session = $12 AND application = $13 \
             AND tenant = $14 AND claimed_by = $15)"
        );
        const REMOVE: &str = "DELETE FROM logout_notices WHERE event = $1 AND session = $2 AND application = $3 \
            AND tenant = $4 AND claimed_by = $5";
        let ClaimedNotice { session, application, person, attempts, .. } = notice;
        let event = Event {
            action: "logout.notice",
            target: format!("application:{application}"),
            outcome: settled.outcome(),
            details: format!("session:{session} person:{person}, attempt {attempts}: {how}"),
        };
        let verb = vec![
            Statement::new(LOCK, self.named(notice)),
            audit::row(self, note, event, AUDIT, self.named(notice)),
            Statement::new(REMOVE, self.named(notice)),
        ];
        // A claim that was lost meanwhile leaves the end to whoever has it now.
        self.run(verb).await.map(drop)
    }

    fn named(&self, notice: &ClaimedNotice) -> Vec<Value> {
        let ClaimedNotice { event, session, application, claim, .. } = notice;
        vec![event.into(), session.into(), application.into(), self.tenant().into(), claim.into()]
    }
}
