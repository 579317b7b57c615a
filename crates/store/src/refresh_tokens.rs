//! Refresh tokens: a family per grant, one generation after the other, each traded once.
//!
//! Owns the guarded verb that trades. Whether a presented token is good, `oauth::grant::refresh_token` judged before.
//! A family is ended by ending its grant (`grants`).

use crate::applications::claimed;
use crate::assignments::assigned;
use crate::columns::{Columns, client_columns, standing_columns};
use crate::tokens::{NewTokens, insert_tokens, keep_tokens};
use crate::{Store, StoreError, statement};
use vestibule_oauth::client::Client;
use vestibule_oauth::grant::refresh_token::Generation;
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::Digest;

/// A refresh token as it is found, with everything that it hangs on.
#[derive(Clone, Debug)]
pub struct FoundRefreshToken {
    /// The row.
    pub id: Id,
    /// The digest of the token's secret: compare it before believing anything else here.
    pub digest: Digest,
    /// The grant, which is the family.
    pub grant: Id,
    /// The application, for a template that lets the token speak for its client.
    pub client: Client,
    /// What the rulebook judges.
    pub generation: Generation,
}

/// What became of a refresh token to trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotateRefresh {
    /// Traded; the new tokens are kept.
    Rotated,
    /// Another presentation was first.
    AlreadySpent,
    /// Its grant was ended meanwhile, or its time is over.
    Ended,
}

impl Store {
    /// The refresh token of this id, whatever its state, with grant, person and application, in one read.
    pub async fn find_refresh(&self, id: Id) -> Result<Option<FoundRefreshToken>, StoreError> {
        const FIND: &str = concat!(
            "SELECT k.id, k.digest, g.id, ",
            client_columns!(),
            ", g.scopes, k.spent_by, k.max_ends_at, k.idle_ends_at, ",
            standing_columns!(),
            ", ",
            assigned!(),
            " FROM refresh_tokens k JOIN grants g ON g.id = k.grant_id JOIN applications a ON a.id = g.application \
             LEFT JOIN people p ON p.id = g.person WHERE k.id = $1 AND k.tenant = $2"
        );
        let Some(mut row) = self.find(&statement!(FIND, id, self.tenant())).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        let (id, digest, grant, client) = (c.id()?, c.digest()?, c.id()?, c.client()?);
        let (scope, spent, max_ends_at) = (c.scopes()?, c.opt_id()?.is_some(), c.int()?);
        let idle_ends_at = c.int()?;
        let standing = c.standing(idle_ends_at.min(max_ends_at))?;
        let generation = Generation { client: client.id, scope, spent, max_ends_at, standing };
        Ok(Some(FoundRefreshToken { id, digest, grant, client, generation }))
    }

    /// Trades the refresh token `id` at `now` for `tokens`, once; `tokens.refresh` becomes the next generation. `verb`
    /// is this verb's own id. Reuse is ended with [`Store::end_grant`].
    pub async fn rotate_refresh(
        &self,
        id: Id,
        verb: Id,
        tokens: &NewTokens,
        now: i64,
    ) -> Result<RotateRefresh, StoreError> {
        const CLAIM: &str = "UPDATE refresh_tokens SET spent_by = $3, spent_at = $4 \
            WHERE id = $1 AND tenant = $2 AND spent_by IS NULL AND idle_ends_at > $4 AND max_ends_at > $4 \
            AND EXISTS (SELECT 1 FROM grants g WHERE g.id = refresh_tokens.grant_id AND g.ended_at IS NULL) RETURNING id";
        const ACCESS: &str = insert_tokens!(access, "refresh_tokens");
        const REFRESH: &str = insert_tokens!(refresh, "refresh_tokens", "k.number + 1");
        const KEEP_UNTIL: &str = "UPDATE grants SET expires_at = $3 WHERE expires_at < $3 \
            AND id IN (SELECT k.grant_id FROM refresh_tokens k WHERE k.id = $1 AND k.spent_by = $2)";
        let mut statements = vec![statement!(CLAIM, id, self.tenant(), verb, now)];
        statements.extend(keep_tokens(self.tenant(), tokens, now, (id, verb), (ACCESS, REFRESH)));
        statements.push(statement!(KEEP_UNTIL, id, verb, tokens.ends_at()));
        if claimed(&self.run(statements).await?) {
            return Ok(RotateRefresh::Rotated);
        }
        const WHY: &str = "SELECT spent_by FROM refresh_tokens WHERE id = $1 AND tenant = $2";
        let row = self.find(&statement!(WHY, id, self.tenant())).await?;
        let spent = row.map(|row| row.opt_id(0)).transpose()?.flatten().is_some();
        Ok(if spent { RotateRefresh::AlreadySpent } else { RotateRefresh::Ended })
    }
}
