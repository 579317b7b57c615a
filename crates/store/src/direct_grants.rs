//! Grants without a browser: a person's password, or an application for itself.
//!
//! Owns the guarded verbs that keep the grant with its tokens. Who may, `oauth::grant` judged before.

use crate::assignments::epoch;
use crate::sessions::SIGN_IN;
use crate::tokens::{NewAccessToken, NewTokens};
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::grant::Kind;
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::Digest;

/// A grant that is given without a browser.
#[derive(Clone, Debug)]
pub struct DirectGrant {
    /// The grant's row.
    pub grant: Id,
    /// Password or client credentials.
    pub kind: Kind,
    /// The application.
    pub application: Id,
    /// The person and the hash that their password was verified against; `None` for an application for itself.
    pub person: Option<(Id, String)>,
    /// What is granted.
    pub scopes: ScopeSet,
}

/// What became of a direct grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepGrant {
    /// It is kept, with its tokens.
    Kept,
    /// The person or application was switched off, or the password changed, or the last secret removed, after it was judged.
    NoLongerAllowed,
}

/// Whether the application is on at `$moment`. One that keeps secrets and has none left was proven by a secret that was
/// removed since. Which one that was is not asked: who was let in by the last one, just before it was removed, is still given
/// what was asked for if another secret was made in that instant.
macro_rules! is_on {
    ($moment:literal) => {
        concat!(
            "a.disabled_at IS NULL AND (a.confidential = 0 OR EXISTS (SELECT 1 FROM client_secrets k \
             WHERE k.application = a.id AND (k.ends_at IS NULL OR k.ends_at > ",
            $moment,
            ")))"
        )
    };
}

/// The INSERT of an application's grant for itself, only while it is switched on.
macro_rules! of_application {
    () => {
        concat!(
            "INSERT INTO grants (id, tenant, application, kind, scopes, auth_time, created_at, expires_at, consent, \
             session_epoch, epoch) \
             SELECT $1, $2, a.id, $4, $5, $6, CASE WHEN a.valid_from > $6 THEN a.valid_from ELSE $6 END, $7, 0, 0, 0 \
             FROM applications a WHERE a.id = $3 AND a.tenant = $2 AND ",
            is_on!("$6")
        )
    };
}

impl Store {
    /// Keeps a grant and its tokens at `now`, only while application and person are switched on and the password is
    /// still the one that was verified.
    pub async fn keep_direct_grant(
        &self,
        grant: &DirectGrant,
        tokens: &NewTokens,
        now: i64,
    ) -> Result<KeepGrant, StoreError> {
        const ACCESS: &str = "INSERT INTO tokens (id, tenant, digest, grant_id, scopes, created_at, expires_at) \
            SELECT $1, $2, $3, g.id, $5, $6, $7 FROM grants g WHERE g.id = $4";
        const REFRESH: &str = "INSERT INTO refresh_tokens (id, tenant, digest, grant_id, number, created_at, \
            idle_ends_at, max_ends_at) SELECT $1, $2, $3, g.id, 0, $5, $6, $7 FROM grants g WHERE g.id = $4";
        if grant.person.is_none() && tokens.refresh.is_none() && self.keep_own_token(grant, &tokens.access, now).await?
        {
            return Ok(KeepGrant::Kept);
        }
        let tenant = self.tenant();
        let mut verb = Vec::with_capacity(4);
        verb.extend(grant.person.as_ref().map(|(person, hash)| statement!(SIGN_IN, person, tenant, hash, now)));
        let claim = verb.len();
        verb.push(insert_grant(tenant, grant, tokens.ends_at(), now));
        let access = &tokens.access;
        let (id, digest) = (access.id, &access.digest);
        verb.push(statement!(ACCESS, id, tenant, digest, grant.grant, &access.scopes, now, access.expires_at));
        verb.extend(tokens.refresh.as_ref().map(|refresh| {
            let (idle, max) = (refresh.plan.idle_ends_at, refresh.plan.max_ends_at);
            statement!(REFRESH, refresh.id, tenant, &refresh.digest, grant.grant, now, idle, max)
        }));
        let answers = self.run(verb).await?;
        let kept = answers.get(claim).is_some_and(|rows| !rows.is_empty());
        Ok(if kept { KeepGrant::Kept } else { KeepGrant::NoLongerAllowed })
    }

    /// Keeps an application's token for itself on the one grant that such tokens of an hour share: whoever asks for many has
    /// them kept in half the pages. Gives false where that grant is of no use any more, because the application was switched
    /// off since it began: then a grant of the token's own decides.
    async fn keep_own_token(&self, grant: &DirectGrant, access: &NewAccessToken, now: i64) -> Result<bool, StoreError> {
        const GRANT: &str = concat!(of_application!(), " ON CONFLICT (id) DO NOTHING");
        const TOKEN: &str = "INSERT INTO tokens (id, tenant, digest, grant_id, scopes, created_at, expires_at) \
            SELECT $1, $2, $3, g.id, $5, $6, $7 FROM grants g JOIN applications a ON a.id = g.application \
            WHERE g.id = $4 AND a.id = $8 AND g.ended_at IS NULL AND a.disabled_at IS NULL \
            AND a.valid_from <= g.created_at";
        let DirectGrant { kind, application, scopes, .. } = grant;
        let NewAccessToken { id, digest, scopes: of_token, expires_at } = access;
        let (tenant, life) = (self.tenant(), *expires_at - now);
        let hour = now - now.rem_euclid(HOUR_MS);
        // Whatever hangs on it ends before it does, also where the application's lifetimes change within the hour.
        let (shared, ends_at) = (shared_grant(tenant, grant, hour, life), hour + HOUR_MS + life);
        let answers = self
            .run(vec![
                statement!(GRANT, shared, tenant, application, kind.name(), scopes, now, ends_at),
                statement!(TOKEN, id, tenant, digest, shared, of_token, now, *expires_at, application),
            ])
            .await?;
        Ok(answers.get(1).is_some_and(|rows| !rows.is_empty()))
    }
}

/// The row of the grant that an application's tokens for itself share which begin in one hour, live equally long and are good
/// for the same.
fn shared_grant(tenant: i64, grant: &DirectGrant, hour: i64, life: i64) -> Id {
    let DirectGrant { kind, application, scopes, .. } = grant;
    let what = format!("shared grant\0{tenant} {application} {} {life} {scopes}", kind.name());
    let mut random = [0; 10];
    random.copy_from_slice(&Digest::of(what.as_bytes()).as_bytes()[..10]);
    Id::new(hour, random)
}

const HOUR_MS: i64 = 3_600_000;

/// The claim: its row's id is this verb's own. It counts as later than the last end of everything, whatever this node's
/// clock says.
fn insert_grant(tenant: i64, grant: &DirectGrant, expires_at: i64, now: i64) -> Statement {
    const OF_PERSON: &str = concat!(
        "INSERT INTO grants (id, tenant, application, person, kind, scopes, auth_time, created_at, expires_at, \
         consent, session_epoch, epoch) \
         SELECT $1, $2, a.id, p.id, $4, $5, CASE WHEN p.valid_from > $6 THEN p.valid_from ELSE $6 END, \
         CASE WHEN a.valid_from > $6 THEN a.valid_from ELSE $6 END, $7, \
         COALESCE((SELECT c.generation FROM consents c WHERE c.person = p.id AND c.application = a.id), 0), ",
        epoch!("$2"),
        ", ",
        epoch!("$2"),
        " FROM applications a JOIN people p ON p.tenant = a.tenant \
         WHERE a.id = $3 AND a.tenant = $2 AND p.id = $8 AND p.password_hash = $9 AND p.disabled_at IS NULL AND ",
        is_on!("$6")
    );
    const OF_APPLICATION: &str = of_application!();
    let DirectGrant { grant: id, kind, application, person, scopes } = grant;
    match person {
        Some((person, hash)) => {
            statement!(OF_PERSON, id, tenant, application, kind.name(), scopes, now, expires_at, person, hash)
        }
        None => statement!(OF_APPLICATION, id, tenant, application, kind.name(), scopes, now, expires_at),
    }
}
