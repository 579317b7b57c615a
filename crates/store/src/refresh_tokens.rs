//! Refresh tokens: a family per grant, one generation after the other, each traded once.
//!
//! Owns the guarded verb that trades, and the read that finds a token with what it was traded for. Whether a presented
//! token is good, `oauth::grant::refresh_token` judged before. A family is ended by ending its grant (`grants`).

use crate::applications::claimed;
use crate::assignments::assigned;
use crate::columns::{Columns, client_columns, person_columns, standing_columns};
use crate::presented::{Missing, proven};
use crate::tokens::{FoundPerson, NewRefreshToken, NewTokens, insert_tokens, keep_access};
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::client::Client;
use vestibule_oauth::grant::refresh_token::{Generation, Spent, Successor};
use vestibule_oauth::id::Id;
use vestibule_oauth::secret::{Digest, MachineSecret};

/// A refresh token as it is found, with everything that it hangs on.
#[derive(Clone, Debug)]
pub struct FoundRefreshToken {
    /// The row.
    pub id: Id,
    /// The grant, which is the family.
    pub grant: Id,
    /// The application, for a template that lets the token speak for its client.
    pub client: Client,
    /// What the rulebook judges.
    pub generation: Generation,
    /// The person who gave the grant; none for an application that acts for itself.
    pub person: Option<FoundPerson>,
    /// Its place in the family, which it never leaves.
    number: i64,
    /// Until when the grant is kept at least: that moment only moves on.
    kept_until: i64,
}

/// What a refresh token is traded for.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// The pair, made by `oauth::grant::refresh_token::successors`.
    pub tokens: NewTokens,
    /// What it was made with.
    pub salt: [u8; 32],
    /// Who asks, from `oauth::grant::refresh_token::sender`.
    pub sender: Option<Digest>,
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
    /// The refresh token that this is, whatever its state, with grant, person, application and the pair that it was traded
    /// for, in one read.
    pub async fn find_refresh(
        &self,
        presented: &MachineSecret,
    ) -> Result<Result<FoundRefreshToken, Missing>, StoreError> {
        const FIND: &str = concat!(
            "SELECT k.id, k.digest, k.number, g.id, g.expires_at, ",
            client_columns!(),
            ", g.scopes, k.spent_at, k.max_ends_at, k.idle_ends_at, ",
            standing_columns!(),
            ", ",
            assigned!(),
            ", ",
            person_columns!(),
            ", t.id, t.digest, t.scopes, t.created_at, t.expires_at, t.revoked_at, n.id, n.digest, n.salt, n.sender, n.spent_by \
             FROM refresh_tokens k JOIN grants g ON g.id = k.grant_id JOIN applications a ON a.id = g.application \
             LEFT JOIN people p ON p.id = g.person \
             LEFT JOIN refresh_tokens n ON n.grant_id = k.grant_id AND n.number = k.number + 1 \
             LEFT JOIN tokens t ON t.id = n.access_token WHERE k.id = $1 AND k.tenant = $2"
        );
        let Some(mut row) = self.find(&statement!(FIND, presented.id(), self.tenant())).await? else {
            return Ok(Err(Missing::Gone));
        };
        let mut c = Columns::of(&mut row);
        let (id, digest, number) = (c.id()?, c.digest()?, c.int()?);
        let (grant, kept_until, client) = (c.id()?, c.int()?, c.client()?);
        let (scope, spent_at, max_ends_at, idle_ends_at) = (c.scopes()?, c.opt_int()?, c.int()?, c.int()?);
        let standing = c.standing(idle_ends_at.min(max_ends_at))?;
        let person = c.person()?;
        let successor = successor(&mut c)?;
        let spent = spent_at.map(|at| Spent { at, successor });
        let generation = Generation { client: client.id, scope, spent, max_ends_at, standing };
        let found = FoundRefreshToken { id, grant, client, generation, person, number, kept_until };
        Ok(proven(presented, &digest, found))
    }

    /// Trades the refresh token `found` at `now` for the tokens of `rotation`, once; its refresh token becomes the next
    /// generation. `verb` is this verb's own id. After a lost race [`Store::find_refresh`] says what the winner gave;
    /// reuse is ended with [`Store::end_grant`].
    pub async fn rotate_refresh(
        &self,
        found: &FoundRefreshToken,
        verb: Id,
        rotation: &Rotation,
        now: i64,
    ) -> Result<RotateRefresh, StoreError> {
        const CLAIM: &str = "UPDATE refresh_tokens SET spent_by = $3, spent_at = $4 \
            WHERE id = $1 AND tenant = $2 AND spent_by IS NULL AND idle_ends_at > $4 AND max_ends_at > $4 \
            AND EXISTS (SELECT 1 FROM grants g WHERE g.id = refresh_tokens.grant_id AND g.ended_at IS NULL)";
        const ACCESS: &str = insert_tokens!(access, "refresh_tokens");
        const KEEP_UNTIL: &str = "UPDATE grants SET expires_at = $4 WHERE expires_at < $3 \
            AND id = (SELECT k.grant_id FROM refresh_tokens k WHERE k.id = $1 AND k.spent_by = $2)";
        let (id, tokens) = (found.id, &rotation.tokens);
        let mut statements = vec![
            statement!(CLAIM, id, self.tenant(), verb, now),
            keep_access(self.tenant(), &tokens.access, now, (id, verb), ACCESS),
        ];
        statements.extend(keep_next(self.tenant(), found.number + 1, rotation, now));
        if found.kept_until < tokens.ends_at() {
            statements.push(statement!(KEEP_UNTIL, id, verb, tokens.ends_at(), tokens.ends_at() + RESERVE_MS));
        }
        if claimed(&self.run(statements).await?) {
            return Ok(RotateRefresh::Rotated);
        }
        const WHY: &str = "SELECT spent_by FROM refresh_tokens WHERE id = $1 AND tenant = $2";
        let row = self.find(&statement!(WHY, id, self.tenant())).await?;
        let spent = row.map(|row| row.opt_id(0)).transpose()?.flatten().is_some();
        Ok(if spent { RotateRefresh::AlreadySpent } else { RotateRefresh::Ended })
    }
}

/// By how much longer than its tokens a grant is kept when its time is moved on, so that the row and its index are written
/// once a day and not at every refresh. It decides nothing but when upkeep sweeps.
const RESERVE_MS: i64 = 86_400_000;

/// Keeps the generation `number` with what lets its sender, and nobody else, have the pair once more. The access token of
/// this verb is there only if the claim before it was won. That one is read and not the claimed row: SQLite copies what
/// is selected from the table that is inserted into.
fn keep_next(tenant: i64, number: i64, rotation: &Rotation, now: i64) -> Option<Statement> {
    const NEXT: &str = "INSERT INTO refresh_tokens (id, tenant, digest, grant_id, number, created_at, idle_ends_at, \
        max_ends_at, salt, access_token, sender) \
        SELECT $1, $2, $3, t.grant_id, $4, $5, $6, $7, $8, t.id, $10 FROM tokens t WHERE t.id = $9";
    let Rotation { tokens, salt, sender } = rotation;
    let NewRefreshToken { id, digest, plan } = tokens.refresh.as_ref()?;
    let (idle, max, access) = (plan.idle_ends_at, plan.max_ends_at, tokens.access.id);
    let sender = sender.as_ref();
    Some(statement!(NEXT, id, tenant, digest, number, now, idle, max, &salt[..], access, sender))
}

/// Reads the pair that a generation was traded for; `None` where there is none, or it has been swept.
fn successor(c: &mut Columns<'_>) -> Result<Option<Successor>, StoreError> {
    let Some(access_id) = c.opt_id()? else { return Ok(None) };
    let (access_digest, access_scope) = (c.digest()?, c.scopes()?);
    let (created_at, access_expires_at, access_revoked) = (c.int()?, c.int()?, c.opt_int()?.is_some());
    let (refresh_id, refresh_digest, salt) = (c.id()?, c.digest()?, c.blob()?);
    let salt = salt.try_into().map_err(|_| StoreError::inconsistent_row("refresh_tokens.salt", refresh_id))?;
    let (sender, spent) = (c.opt_digest()?, c.opt_id()?.is_some());
    Ok(Some(Successor {
        refresh_id,
        refresh_digest,
        salt,
        sender,
        spent,
        access_id,
        access_digest,
        access_scope,
        created_at,
        access_expires_at,
        access_revoked,
    }))
}
