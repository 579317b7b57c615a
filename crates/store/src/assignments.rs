//! Who may use an application: people, groups, and organizations with everything below them.
//!
//! Owns the rows and the one SQL fragment that asks whether a person may use an application; sessions, codes, refresh
//! tokens and access tokens all ask with it (FM-62).

use crate::applications::Change;
use crate::audit::{self, Event, Note, audited};
use crate::columns::Columns;
use crate::{Store, StoreError, Value, statement};
use vestibule_oauth::id::Id;

/// What is assigned to an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One person.
    Person(Id),
    /// The members of a group.
    Group(Id),
    /// The members of an organization and of all below it.
    Organization(Id),
}

impl Subject {
    const fn kind(self) -> i64 {
        match self {
            Subject::Person(_) => 1,
            Subject::Group(_) => 2,
            Subject::Organization(_) => 3,
        }
    }

    const fn id(self) -> Id {
        match self {
            Subject::Person(id) | Subject::Group(id) | Subject::Organization(id) => id,
        }
    }

    const fn of(kind: i64, id: Id) -> Option<Subject> {
        match kind {
            1 => Some(Subject::Person(id)),
            2 => Some(Subject::Group(id)),
            3 => Some(Subject::Organization(id)),
            _ => None,
        }
    }

    fn spell(self) -> String {
        let noun = match self {
            Subject::Person(_) => "person",
            Subject::Group(_) => "group",
            Subject::Organization(_) => "organization",
        };
        format!("{noun}:{}", self.id())
    }
}

/// An assignment as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who.
    pub subject: Subject,
    /// The name of the person, group or organization.
    pub name: String,
    /// Since when, in Unix milliseconds.
    pub assigned_at: i64,
}

/// Whether the person `p` may use the application `a`: 1 or 0, also where either is missing from an outer join. Each
/// part starts from the person, so that its cost does not grow with the number of assignments: SQLite keeps the order of
/// a CROSS JOIN.
///
/// For the grant `g`, or for whatever began in `$epoch`: what was assigned or joined later does not count, so that
/// nothing lives again when an assignment is given back. An organization that is switched off, or stands below one, opens
/// nothing.
macro_rules! assigned {
    () => {
        $crate::assignments::assigned!("g.epoch")
    };
    ($epoch:literal) => {
        concat!(
            "CASE WHEN a.access = 'everyone' \
             OR EXISTS (SELECT 1 FROM assignments s WHERE s.application = a.id AND s.kind = 1 AND s.subject = p.id \
                AND s.epoch <= ",
            $epoch,
            ") OR EXISTS (SELECT 1 FROM group_members m CROSS JOIN assignments s \
                WHERE m.person = p.id AND s.subject = m.group_id AND s.application = a.id AND s.kind = 2 \
                AND m.epoch <= ",
            $epoch,
            " AND s.epoch <= ",
            $epoch,
            ") OR EXISTS (SELECT 1 FROM person_organizations w \
                CROSS JOIN organization_tree t CROSS JOIN assignments s \
                WHERE w.person = p.id AND t.descendant = w.organization AND s.subject = t.ancestor AND s.application = a.id AND s.kind = 3 \
                AND w.epoch <= ",
            $epoch,
            " AND s.epoch <= ",
            $epoch,
            " AND NOT EXISTS (SELECT 1 FROM organization_tree u JOIN organizations x ON x.id = u.ancestor \
                WHERE u.descendant = w.organization AND (x.disabled_at IS NOT NULL OR x.epoch > ",
            $epoch,
            "))) THEN 1 ELSE 0 END"
        )
    };
}
pub(crate) use assigned;

/// As `assigned!()`, for somebody who is about to be let in: everything that stands now counts.
macro_rules! assigned_now {
    () => {
        $crate::assignments::assigned!("9007199254740991")
    };
}
pub(crate) use assigned_now;

/// Moves the tenant's epoch on. Stands first in its verb, so that verbs which read the epoch that they made wait for each
/// other, and none shares its epoch with a grant that was there before it.
pub(crate) const NEXT_EPOCH: &str = "UPDATE counters SET value = value + 1 WHERE tenant = $1 AND name = 'epoch'";

/// The tenant's epoch, in a statement whose `$tenant` says which.
macro_rules! epoch {
    ($tenant:literal) => {
        concat!("COALESCE((SELECT n.value FROM counters n WHERE n.tenant = ", $tenant, " AND n.name = 'epoch'), 0)")
    };
}
pub(crate) use epoch;

impl Store {
    /// Lets `subject` use the application. Doing it twice is doing it once.
    pub async fn assign(&self, application: Id, subject: Subject, note: &Note) -> Result<Change, StoreError> {
        const ASSIGN: &str = concat!(
            "INSERT INTO assignments (tenant, application, kind, subject, assigned_at, epoch) \
             SELECT $1, a.id, $3, $4, $5, ",
            epoch!("$1"),
            " FROM applications a WHERE a.id = $2 AND a.tenant = $1 AND ( \
                EXISTS (SELECT 1 FROM people WHERE $3 = 1 AND id = $4 AND tenant = $1) \
                OR EXISTS (SELECT 1 FROM groups WHERE $3 = 2 AND id = $4 AND tenant = $1) \
                OR EXISTS (SELECT 1 FROM organizations WHERE $3 = 3 AND id = $4 AND tenant = $1)) \
             ON CONFLICT (application, kind, subject) DO NOTHING RETURNING application"
        );
        const AUDIT: &str = audited!(
            "EXISTS (SELECT 1 FROM assignments \
             WHERE application = $11 AND kind = $12 AND subject = $13 AND assigned_at = $3)"
        );
        let (kind, id) = (subject.kind(), subject.id());
        let next = statement!(NEXT_EPOCH, self.tenant());
        let claim = statement!(ASSIGN, self.tenant(), application, kind, id, note.at);
        let event = event("application.assign", application, subject);
        let guard = vec![application.into(), kind.into(), id.into()];
        let answers = self.run(vec![next, claim, audit::row(self, note, event, AUDIT, guard)]).await?;
        if answers.get(1).is_some_and(|rows| !rows.is_empty()) {
            return Ok(Change::Done);
        }
        const THERE: &str = "SELECT kind FROM assignments WHERE application = $1 AND kind = $2 AND subject = $3";
        let there = self.find(&statement!(THERE, application, kind, id)).await?;
        Ok(if there.is_some() { Change::Done } else { Change::NotFound })
    }

    /// Takes that back; `NotFound` when there was no such assignment.
    pub async fn unassign(&self, application: Id, subject: Subject, note: &Note) -> Result<Change, StoreError> {
        // The row of the trail comes first: once the assignment is gone nothing is left to repeat the claim on.
        const AUDIT: &str = audited!(
            "EXISTS (SELECT 1 FROM assignments WHERE tenant = $2 AND application = $11 AND kind = $12 AND subject = $13)"
        );
        const UNASSIGN: &str = "DELETE FROM assignments WHERE tenant = $1 AND application = $2 AND kind = $3 \
            AND subject = $4 RETURNING application";
        let (kind, id) = (subject.kind(), subject.id());
        let guard: Vec<Value> = vec![application.into(), kind.into(), id.into()];
        let event = event("application.unassign", application, subject);
        let answers = self
            .run(vec![
                audit::row(self, note, event, AUDIT, guard),
                statement!(UNASSIGN, self.tenant(), application, kind, id),
            ])
            .await?;
        Ok(if answers.last().is_some_and(|rows| !rows.is_empty()) { Change::Done } else { Change::NotFound })
    }

    /// The application's assignments: people, then groups, then organizations, each in the order of their names.
    pub async fn list_assignments(&self, application: Id) -> Result<Vec<Assignment>, StoreError> {
        const LIST: &str = "SELECT s.kind, s.subject, COALESCE(p.user_name, g.name, o.name), s.assigned_at \
            FROM assignments s LEFT JOIN people p ON s.kind = 1 AND p.id = s.subject \
            LEFT JOIN groups g ON s.kind = 2 AND g.id = s.subject \
            LEFT JOIN organizations o ON s.kind = 3 AND o.id = s.subject \
            WHERE s.tenant = $1 AND s.application = $2 ORDER BY 1, 3";
        let rows = self.scan(&statement!(LIST, self.tenant(), application)).await?;
        rows.into_iter()
            .map(|mut row| {
                let mut c = Columns::of(&mut row);
                let subject = Subject::of(c.int()?, c.id()?);
                let subject = subject.ok_or_else(|| StoreError::inconsistent("assignments.kind"))?;
                Ok(Assignment { subject, name: c.opt_text()?.unwrap_or_default(), assigned_at: c.int()? })
            })
            .collect()
    }
}

fn event(action: &'static str, application: Id, subject: Subject) -> Event {
    Event { action, target: format!("application:{application}"), outcome: "done", details: subject.spell() }
}
