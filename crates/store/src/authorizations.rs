//! Authorization requests that wait for a person, and how they are answered: once.
//!
//! Owns the guarded verbs that answer. What the answer is, `oauth::next_step` decided before.

use crate::applications::claimed;
use crate::assignments::epoch;
use crate::audit::{self, Event, Note, audited};
use crate::codes::{NewCode, insert_code};
use crate::columns::{Columns, client_columns};
use crate::logout::note_visit;
use crate::{Statement, Store, StoreError, Verb, statement};
use vestibule_oauth::client::Client;
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::Digest;
use vestibule_oauth::template::{AUTHORIZATION_REQUEST_MS, CODE_MS};

/// A request to keep.
#[derive(Clone, Debug)]
pub struct NewAuthorization {
    /// The row, which is the request's address.
    pub id: Id,
    /// The application that asks.
    pub application: Id,
    /// The digest of the browser's cookie: the request is shown to this browser only (FM-45, FM-47).
    pub browser: Digest,
    /// The request, as `AuthorizationRequest::to_json` spells it.
    pub request: String,
}

/// A request that is kept, with the application that asks.
#[derive(Clone, Debug)]
pub struct StoredAuthorization {
    /// The row.
    pub id: Id,
    /// The digest of the browser's cookie.
    pub browser: Digest,
    /// The request, as `AuthorizationRequest::from_json` reads it.
    pub request: String,
    /// The session with which the person said to go on.
    pub chosen: Option<Id>,
    /// When it was kept, in Unix milliseconds.
    pub created_at: i64,
    /// From when on it is over.
    pub expires_at: i64,
    /// When it was answered, if it was.
    pub answered_at: Option<i64>,
    /// The application, as it stands now.
    pub client: Client,
    /// Its home page.
    pub home_page: Option<String>,
    /// Whether somebody vouches for it.
    pub verified: bool,
    /// Whether it has a logo.
    pub has_logo: bool,
}

/// What is issued: a grant, and the code that stands for it.
#[derive(Clone, Debug)]
pub struct Issue {
    /// This verb's own id: the claim.
    pub verb: Id,
    /// The grant's row.
    pub grant: Id,
    /// The code.
    pub code: NewCode,
    /// The application.
    pub application: Id,
    /// The person.
    pub person: Id,
    /// The browser session that the person is signed in with: nothing is issued when it is over.
    pub session: Id,
    /// When the person gave their password, in Unix milliseconds.
    pub auth_time: i64,
    /// What is granted.
    pub scopes: ScopeSet,
    /// The claims that were asked for by name and are open, as `ClaimsRequest::to_json` spells them.
    pub claims: Option<String>,
    /// What the person ticked just now, to be kept as their last consent.
    pub consent: Option<ScopeSet>,
    /// What the store kept of their consents when this was judged (`LiveSession::last_consent`): `consent` is kept only if
    /// that still stands, because it was made from it.
    pub last_consent: Option<ScopeSet>,
    /// The generation of the person's consent that the issue was judged by (`LiveSession::consent_generation`): when they
    /// withdraw it meanwhile, nothing is issued, or what is issued is dead.
    pub consent_generation: i64,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was given: send the person back with it.
    Given,
    /// The request had been answered before.
    AlreadyAnswered,
    /// The request's time is over, or it never was.
    Expired,
    /// The session, the person or the application was switched off meanwhile, or the consent withdrawn.
    NoLongerAllowed,
}

/// An INSERT of the grant that a person gives an application in the browser, only while `$guard` holds (its values are
/// numbered from `$12`). A grant counts as later than the application's last switching, whatever this node's clock says.
macro_rules! insert_grant {
    ($guard:literal) => {
        concat!(
            "INSERT INTO grants (id, tenant, application, person, kind, scopes, auth_time, created_at, expires_at, \
             session, session_epoch, consent, claims, epoch) \
             SELECT $1, $2, a.id, p.id, 'authorization_code', $5, $6, \
             CASE WHEN a.valid_from > $7 THEN a.valid_from ELSE $7 END, $8, s.root, s.epoch, $10, $11, ",
            epoch!("$2"),
            " FROM applications a JOIN people p ON p.tenant = a.tenant JOIN sessions s ON s.person = p.id \
             WHERE a.id = $3 AND a.tenant = $2 AND p.id = $4 AND s.id = $9 AND $10 = \
                COALESCE((SELECT c.generation FROM consents c WHERE c.person = p.id AND c.application = a.id), 0) AND ",
            $guard
        )
    };
}

impl Store {
    /// Keeps a request from `now` on, for the time that `oauth::template` gives it.
    pub async fn keep_request(&self, new: &NewAuthorization, now: i64) -> Result<(), StoreError> {
        const KEEP: &str = "INSERT INTO authorizations (id, tenant, application, browser_digest, request, created_at, \
            expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let expires_at = now + AUTHORIZATION_REQUEST_MS;
        let NewAuthorization { id, application, browser, request } = new;
        let keep = statement!(KEEP, id, self.tenant(), application, browser, request, now, expires_at);
        self.run(vec![keep]).await.map(drop)
    }

    /// The request of this id, answered or over or not, with the application that asks, in one read.
    pub async fn find_request(&self, id: Id) -> Result<Option<StoredAuthorization>, StoreError> {
        const FIND: &str = concat!(
            "SELECT z.id, z.browser_digest, z.request, z.chosen, z.created_at, z.expires_at, z.answered_at, ",
            client_columns!(),
            ", a.home_page, a.verified, EXISTS (SELECT 1 FROM logos l WHERE l.application = a.id) \
             FROM authorizations z JOIN applications a ON a.id = z.application WHERE z.id = $1 AND z.tenant = $2"
        );
        let Some(mut row) = self.find(&statement!(FIND, id, self.tenant())).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        Ok(Some(StoredAuthorization {
            id: c.id()?,
            browser: c.digest()?,
            request: c.text()?,
            chosen: c.opt_id()?,
            created_at: c.int()?,
            expires_at: c.int()?,
            answered_at: c.opt_int()?,
            client: c.client()?,
            home_page: c.opt_text()?,
            verified: c.flag()?,
            has_logo: c.flag()?,
        }))
    }

    /// Notes that the person goes on with this session; says nothing of whether it is alive, which is asked when the request
    /// is answered. Does nothing to a request that is answered or over.
    pub async fn choose_session(&self, authorization: Id, session: Id, now: i64) -> Result<(), StoreError> {
        const CHOOSE: &str = "UPDATE authorizations SET chosen = $3 WHERE id = $1 AND tenant = $2 \
            AND answered_by IS NULL AND expires_at > $4";
        self.run(vec![statement!(CHOOSE, authorization, self.tenant(), session, now)]).await.map(drop)
    }

    /// Answers the stored request `authorization` with a code: once, and only while person, session and application
    /// are alive.
    pub async fn issue_stored(&self, authorization: Id, issue: &Issue, note: &Note) -> Result<Answer, StoreError> {
        const CLAIM: &str = "UPDATE authorizations SET answered_by = $3, answered_at = $4 \
            WHERE id = $1 AND tenant = $2 AND answered_by IS NULL AND expires_at > $4 AND application = $5 \
            AND EXISTS (SELECT 1 FROM applications a WHERE a.id = $5 AND a.disabled_at IS NULL) \
            AND $9 = COALESCE((SELECT c.generation FROM consents c WHERE c.person = $6 AND c.application = $5), 0) \
            AND EXISTS (SELECT 1 FROM people p JOIN sessions s ON s.person = p.id \
                WHERE p.id = $6 AND p.disabled_at IS NULL AND p.valid_from <= $7 \
                AND s.id = $8 AND s.ended_at IS NULL AND s.idle_ends_at > $4 AND s.ends_at > $4)";
        const GRANT: &str =
            insert_grant!("EXISTS (SELECT 1 FROM authorizations z WHERE z.id = $12 AND z.answered_by = $13)");
        let Issue { verb, application, person, session, auth_time, .. } = issue;
        let claim = statement!(
            CLAIM,
            authorization,
            self.tenant(),
            verb,
            note.at,
            application,
            person,
            *auth_time,
            session,
            issue.consent_generation
        );
        let mut grant = self.grant_values(issue, note.at);
        grant.extend([authorization.into(), (*verb).into()]);
        let mut statements = vec![claim, Statement::new(GRANT, grant)];
        statements.extend(self.what_hangs_on(issue, note));
        let answers = self.run(statements).await?;
        if !claimed(&answers) {
            return self.why_not(authorization, note.at).await;
        }
        // The application or the person may have been removed after the claim had seen it: then there is no code either.
        let granted = answers.get(1).is_some_and(|rows| !rows.is_empty());
        Ok(if granted { Answer::Given } else { Answer::NoLongerAllowed })
    }

    /// Issues a code for a request that needs no page and was never stored.
    pub async fn issue_fresh(&self, issue: &Issue, note: &Note) -> Result<Answer, StoreError> {
        const GRANT: &str = insert_grant!(
            "a.disabled_at IS NULL AND p.disabled_at IS NULL AND p.valid_from <= $6 \
             AND s.ended_at IS NULL AND s.idle_ends_at > $7 AND s.ends_at > $7"
        );
        let grant = self.grant_values(issue, note.at);
        let mut statements = vec![Statement::new(GRANT, grant)];
        statements.extend(self.what_hangs_on(issue, note));
        let given = claimed(&self.run(statements).await?);
        Ok(if given { Answer::Given } else { Answer::NoLongerAllowed })
    }

    /// Answers the stored request `authorization` with a refusal, once. `verb` is this verb's own id.
    pub async fn deny_stored(&self, authorization: Id, verb: Id, note: &Note) -> Result<Answer, StoreError> {
        const CLAIM: &str = "UPDATE authorizations SET answered_by = $3, answered_at = $4 \
            WHERE id = $1 AND tenant = $2 AND answered_by IS NULL AND expires_at > $4 RETURNING id";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM authorizations WHERE id = $11 AND answered_by = $12)");
        let target = format!("authorization:{authorization}");
        let event = Event { action: "consent.deny", target, outcome: "done", details: String::new() };
        let statements = vec![
            statement!(CLAIM, authorization, self.tenant(), verb, note.at),
            audit::row(self, note, event, AUDIT, vec![authorization.into(), verb.into()]),
        ];
        if claimed(&self.run(statements).await?) {
            return Ok(Answer::Given);
        }
        self.why_not(authorization, note.at).await
    }

    /// Why a claim on a stored request was lost.
    async fn why_not(&self, authorization: Id, now: i64) -> Result<Answer, StoreError> {
        const FIND: &str = "SELECT answered_at, expires_at FROM authorizations WHERE id = $1 AND tenant = $2";
        let Some(row) = self.find(&statement!(FIND, authorization, self.tenant())).await? else {
            return Ok(Answer::Expired);
        };
        Ok(match row.opt_int(0)? {
            Some(_) => Answer::AlreadyAnswered,
            None if row.int(1)? <= now => Answer::Expired,
            None => Answer::NoLongerAllowed,
        })
    }

    /// The values of `insert_grant!`. Until its code is spent, a grant ends with it.
    fn grant_values(&self, issue: &Issue, now: i64) -> Vec<crate::Value> {
        vec![
            issue.grant.into(),
            self.tenant().into(),
            issue.application.into(),
            issue.person.into(),
            (&issue.scopes).into(),
            issue.auth_time.into(),
            now.into(),
            (now + CODE_MS).into(),
            issue.session.into(),
            issue.consent_generation.into(),
            issue.claims.as_deref().into(),
        ]
    }

    /// What is kept only if the grant was: its row's id is this verb's own, and so repeats the claim.
    fn what_hangs_on(&self, issue: &Issue, note: &Note) -> Verb {
        // A withdrawal or another tab that comes between is seen by the last condition, which is asked of the row as it
        // stands then.
        const CONSENT: &str = "INSERT INTO consents (tenant, person, application, scopes, given_at, generation) \
            SELECT $1, $2, $3, $4, $5, $7 WHERE EXISTS (SELECT 1 FROM grants g WHERE g.id = $6) \
            ON CONFLICT (person, application) DO UPDATE SET scopes = excluded.scopes, given_at = excluded.given_at \
            WHERE consents.generation = excluded.generation AND COALESCE(consents.scopes, '') = $8";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM grants WHERE id = $11)");
        let Issue { grant, application, person, .. } = issue;
        let mut statements = vec![
            insert_code(self.tenant(), *grant, &issue.code, note.at),
            note_visit(self.tenant(), issue.session, *application, *grant),
        ];
        if let Some(ticked) = &issue.consent {
            let target = format!("application:{application}");
            let event = Event { action: "consent.give", target, outcome: "done", details: ticked.to_string() };
            let generation = issue.consent_generation;
            let before = issue.last_consent.as_ref().map(ScopeSet::to_string).unwrap_or_default();
            statements.push(statement!(
                CONSENT,
                self.tenant(),
                person,
                application,
                ticked,
                note.at,
                grant,
                generation,
                before
            ));
            statements.push(audit::row(self, note, event, AUDIT, vec![(*grant).into()]));
        }
        statements
    }
}
