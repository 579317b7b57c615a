//! Tokens: how they are kept beside a claim, and the one read by which an access token is accepted.
//!
//! Whether what was read is alive is judged by `oauth::token`. Trading refresh tokens is in `refresh_tokens`, grants
//! without a browser in `direct_grants`.

use crate::applications::claimed;
use crate::assignments::assigned;
use crate::audit::{self, Event, Note, audited};
use crate::columns::{Columns, owner_columns, person_columns, primary_organization, standing_columns};
use crate::organizations::organization_off;
use crate::presented::{Missing, proven};
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::access_token;
use vestibule_oauth::claims_request::ClaimsRequest;
use vestibule_oauth::client::Owner;
use vestibule_oauth::id::Id;
use vestibule_oauth::jose::Algorithm;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::{Digest, MachineSecret};
use vestibule_oauth::token::{RefreshPlan, Standing};
use vestibule_oauth::userinfo::Profile;

pub use crate::direct_grants::{DirectGrant, KeepGrant};
pub use crate::refresh_tokens::{FoundRefreshToken, RotateRefresh, Rotation};

/// The tokens that one answer gives.
#[derive(Clone, Debug)]
pub struct NewTokens {
    /// The access token.
    pub access: NewAccessToken,
    /// The refresh token, if one goes with it.
    pub refresh: Option<NewRefreshToken>,
}

/// An access token to keep.
#[derive(Clone, Debug)]
pub struct NewAccessToken {
    /// The row, which the token itself names.
    pub id: Id,
    /// The digest of the token's secret; of a signed token [`access_token::mark`].
    pub digest: Digest,
    /// What it is good for.
    pub scopes: ScopeSet,
    /// From when on it is dead, in Unix milliseconds.
    pub expires_at: i64,
}

/// A refresh token to keep.
#[derive(Clone, Debug)]
pub struct NewRefreshToken {
    /// The row, which the token itself names.
    pub id: Id,
    /// The digest of the token's secret.
    pub digest: Digest,
    /// When it ends.
    pub plan: RefreshPlan,
}

/// An access token as it is found, with everything that accepting it and answering about its person needs.
#[derive(Clone, Debug)]
pub struct FoundAccessToken {
    /// The row.
    pub id: Id,
    /// What it is good for.
    pub scopes: ScopeSet,
    /// When it was given, in Unix milliseconds.
    pub created_at: i64,
    /// The grant that it hangs on.
    pub grant: Id,
    /// The application that holds it.
    pub owner: Owner,
    /// What `oauth::token::judge` judges.
    pub standing: Standing,
    /// The person; none for an application that acts for itself.
    pub person: Option<FoundPerson>,
}

/// The person behind a token.
#[derive(Clone, Debug)]
pub struct FoundPerson {
    /// The row.
    pub id: Id,
    /// The root of the browser session that the grant was given in, if it was given in one.
    pub session: Option<Id>,
    /// The claims that were asked for by name and that the person opened.
    pub claims: Option<ClaimsRequest>,
    /// What is known; with the primary organization where the token is an access token.
    pub profile: Profile,
}

impl NewTokens {
    /// From when on nothing of them is alive.
    pub(crate) fn ends_at(&self) -> i64 {
        let refresh = self.refresh.as_ref().map_or(0, |refresh| refresh.plan.idle_ends_at);
        self.access.expires_at.max(refresh)
    }
}

/// The INSERT of a token whose grant is that of the row `k` of `$table`, only while the verb `$8` has claimed that row
/// `$7`; of a family's first refresh token likewise.
macro_rules! insert_tokens {
    (access, $table:literal) => {
        concat!(
            "INSERT INTO tokens (id, tenant, digest, grant_id, scopes, created_at, expires_at) \
             SELECT $1, $2, $3, k.grant_id, $4, $5, $6 FROM ",
            $table,
            " k WHERE k.id = $7 AND k.spent_by = $8"
        )
    };
    (refresh, $table:literal) => {
        concat!(
            "INSERT INTO refresh_tokens (id, tenant, digest, grant_id, number, created_at, idle_ends_at, max_ends_at) \
             SELECT $1, $2, $3, k.grant_id, 0, $4, $5, $6 FROM ",
            $table,
            " k WHERE k.id = $7 AND k.spent_by = $8"
        )
    };
}
pub(crate) use insert_tokens;

/// The statements that keep tokens after the claim of `verb` on `claimed`; their SQL comes from `insert_tokens!`.
pub(crate) fn keep_tokens(
    tenant: i64,
    tokens: &NewTokens,
    now: i64,
    (claimed, verb): (Id, Id),
    (access_sql, refresh_sql): (&'static str, &'static str),
) -> Vec<Statement> {
    let NewTokens { access, refresh } = tokens;
    let mut statements = vec![keep_access(tenant, access, now, (claimed, verb), access_sql)];
    statements.extend(refresh.as_ref().map(|refresh| {
        let RefreshPlan { idle_ends_at, max_ends_at } = refresh.plan;
        statement!(refresh_sql, refresh.id, tenant, &refresh.digest, now, idle_ends_at, max_ends_at, claimed, verb)
    }));
    statements
}

/// The part of [`keep_tokens`] for the access token.
pub(crate) fn keep_access(
    tenant: i64,
    access: &NewAccessToken,
    now: i64,
    (claimed, verb): (Id, Id),
    sql: &'static str,
) -> Statement {
    let NewAccessToken { id, digest, scopes, expires_at } = access;
    statement!(sql, id, tenant, digest, scopes, now, *expires_at, claimed, verb)
}

impl Store {
    /// The access token that this is, with token, grant, person, primary organization and application, in one read.
    pub async fn find_access_token(
        &self,
        presented: &MachineSecret,
    ) -> Result<Result<FoundAccessToken, Missing>, StoreError> {
        let found = self.read_access_token(presented.id()).await?;
        Ok(found.map_or(Err(Missing::Gone), |(digest, found)| proven(presented, &digest, found)))
    }

    /// The access token of the row `id`, likewise, for a caller who has verified one that `algorithm` signed and that names
    /// this row; none for the row of any other token.
    pub async fn find_signed_access_token(
        &self,
        id: Id,
        algorithm: Algorithm,
    ) -> Result<Option<FoundAccessToken>, StoreError> {
        let found = self.read_access_token(id).await?;
        Ok(found.filter(|(digest, _)| access_token::signed_with(digest) == Some(algorithm)).map(|(_, found)| found))
    }

    async fn read_access_token(&self, id: Id) -> Result<Option<(Digest, FoundAccessToken)>, StoreError> {
        const FIND: &str = concat!(
            "SELECT t.id, t.digest, t.scopes, t.created_at, g.id, t.expires_at, t.revoked_at, ",
            owner_columns!(),
            ", ",
            standing_columns!(organization_off!(po, "g.session_epoch")),
            ", ",
            assigned!(),
            ", ",
            person_columns!(),
            ", o.name, o.external_id FROM tokens t JOIN grants g ON g.id = t.grant_id JOIN applications a ON a.id = g.application \
             LEFT JOIN people p ON p.id = g.person ",
            primary_organization!(),
            " WHERE t.id = $1 AND t.tenant = $2"
        );
        let Some(mut row) = self.find(&statement!(FIND, id, self.tenant())).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        let (id, digest, scopes, created_at, grant) = (c.id()?, c.digest()?, c.scopes()?, c.int()?, c.id()?);
        let (expires_at, revoked) = (c.int()?, c.opt_int()?.is_some());
        let owner = c.owner()?;
        let standing = Standing { revoked, ..c.standing(expires_at)? };
        let person = match c.person()? {
            Some(person) => Some(FoundPerson { profile: c.organized(person.profile)?, ..person }),
            None => None,
        };
        Ok(Some((digest, FoundAccessToken { id, scopes, created_at, grant, owner, standing, person })))
    }

    /// Revokes one access token at `note.at`: from the answer on it is not accepted, and what else hangs on its grant is as
    /// before. Audited. Gives false when it had been revoked before, or there is none of this id.
    pub async fn revoke_access_token(&self, id: Id, note: &Note) -> Result<bool, StoreError> {
        const REVOKE: &str = "UPDATE tokens SET revoked_at = $3, revoked_by = $4 \
            WHERE id = $1 AND tenant = $2 AND revoked_at IS NULL";
        const AUDIT: &str = audited!("EXISTS (SELECT 1 FROM tokens WHERE id = $11 AND revoked_by = $1)");
        let target = format!("token:{id}");
        let event = Event { action: "token.revoke", target, outcome: "done", details: String::new() };
        let verb = vec![
            statement!(REVOKE, id, self.tenant(), note.at, note.id),
            audit::row(self, note, event, AUDIT, vec![id.into()]),
        ];
        Ok(claimed(&self.run(verb).await?))
    }
}
