//! Authorization codes: spent once, burnt at a wrong try, watched after their end.
//!
//! Owns the guarded verbs. Whether a presented code is good was judged before by `oauth::grant::authorization_code`.

use crate::applications::claimed;
use crate::assignments::assigned;
use crate::audit::{self, Event, Note, audited};
use crate::columns::{Columns, person_columns, standing_columns};
use crate::grants::Why;
use crate::presented::proven;
use crate::tokens::{FoundPerson, NewTokens, insert_tokens, keep_tokens};
use crate::{Statement, Store, StoreError, statement};
use vestibule_oauth::grant::authorization_code::IssuedCode;
use vestibule_oauth::id::Id;
use vestibule_oauth::pkce::Challenge;
use vestibule_oauth::secret::{Digest, MachineSecret};
use vestibule_oauth::template::CODE_MS;

/// A code to issue.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// The row, which the code itself names.
    pub id: Id,
    /// The digest of the code's secret.
    pub digest: Digest,
    /// Where it is sent.
    pub redirect_uri: String,
    /// Whether the authorization request named that URI.
    pub redirect_uri_sent: bool,
    /// The PKCE challenge.
    pub challenge: Option<Challenge>,
    /// The client's own value for the ID token.
    pub nonce: Option<String>,
}

/// A code as it is found, with everything that it hangs on.
#[derive(Clone, Debug)]
pub struct FoundCode {
    /// The row.
    pub id: Id,
    /// The grant that it stands for.
    pub grant: Id,
    /// What the rulebook judges.
    pub code: IssuedCode,
    /// The `nonce` of the authorization request.
    pub nonce: Option<String>,
    /// The person who gave it.
    pub person: FoundPerson,
}

/// What became of a code to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendCode {
    /// Spent; its tokens are kept.
    Spent,
    /// Another presentation was first.
    AlreadySpent,
    /// Its grant was ended meanwhile, or its time is over.
    GrantEnded,
}

/// Keeps the code of a grant that this verb keeps.
pub(crate) fn insert_code(tenant: i64, grant: Id, code: &NewCode, now: i64) -> Statement {
    const INSERT: &str = "INSERT INTO codes (id, tenant, digest, grant_id, redirect_uri, redirect_uri_sent, challenge, \
        nonce, created_at, expires_at) SELECT $1, $2, $3, g.id, $5, $6, $7, $8, $9, $10 FROM grants g WHERE g.id = $4";
    statement!(
        INSERT,
        code.id,
        tenant,
        &code.digest,
        grant,
        &code.redirect_uri,
        code.redirect_uri_sent,
        code.challenge.as_ref().map(Challenge::as_str),
        code.nonce.as_deref(),
        now,
        now + CODE_MS,
    )
}

impl Store {
    /// The code that this is and everything that it hangs on, spent or over or not, in one read; none for a wrong secret.
    pub async fn find_code(&self, presented: &MachineSecret) -> Result<Option<FoundCode>, StoreError> {
        const FIND: &str = concat!(
            "SELECT k.id, k.digest, g.id, a.id, k.redirect_uri, k.redirect_uri_sent, k.challenge, g.scopes, \
             k.spent_by, k.expires_at, ",
            standing_columns!(),
            ", ",
            assigned!(),
            ", k.nonce, ",
            person_columns!(),
            " FROM codes k JOIN grants g ON g.id = k.grant_id JOIN applications a ON a.id = g.application \
             JOIN people p ON p.id = g.person WHERE k.id = $1 AND k.tenant = $2"
        );
        let Some(mut row) = self.find(&statement!(FIND, presented.id(), self.tenant())).await? else { return Ok(None) };
        let mut c = Columns::of(&mut row);
        let (id, digest) = (c.id()?, c.digest()?);
        let found = FoundCode {
            id,
            grant: c.id()?,
            code: IssuedCode {
                client: c.id()?,
                redirect_uri: c.text()?,
                redirect_uri_sent: c.flag()?,
                challenge: c.opt_parsed(Challenge::parse)?,
                scope: c.scopes()?,
                spent: c.opt_id()?.is_some(),
                standing: {
                    let expires_at = c.int()?;
                    c.standing(expires_at)?
                },
            },
            nonce: c.opt_text()?,
            person: c.person()?.ok_or_else(|| StoreError::inconsistent_row("grants.person", id))?,
        };
        Ok(proven(presented, &digest, found).ok())
    }

    /// Spends the code at `now` and keeps the tokens that are given for it, once. `verb` is this verb's own id.
    pub async fn spend_code(&self, code: Id, verb: Id, tokens: &NewTokens, now: i64) -> Result<SpendCode, StoreError> {
        const CLAIM: &str = "UPDATE codes SET spent_by = $3, spent_at = $4 \
            WHERE id = $1 AND tenant = $2 AND spent_by IS NULL AND expires_at > $4 \
            AND EXISTS (SELECT 1 FROM grants g WHERE g.id = codes.grant_id AND g.ended_at IS NULL)";
        const ACCESS: &str = insert_tokens!(access, "codes");
        const REFRESH: &str = insert_tokens!(refresh, "codes");
        const KEEP_UNTIL: &str = "UPDATE grants SET expires_at = $3 WHERE expires_at < $3 \
            AND id = (SELECT k.grant_id FROM codes k WHERE k.id = $1 AND k.spent_by = $2)";
        let mut statements = vec![statement!(CLAIM, code, self.tenant(), verb, now)];
        statements.extend(keep_tokens(self.tenant(), tokens, now, (code, verb), (ACCESS, REFRESH)));
        statements.push(statement!(KEEP_UNTIL, code, verb, tokens.ends_at()));
        if claimed(&self.run(statements).await?) {
            return Ok(SpendCode::Spent);
        }
        const WHY: &str = "SELECT spent_by FROM codes WHERE id = $1 AND tenant = $2";
        let row = self.find(&statement!(WHY, code, self.tenant())).await?;
        let spent = row.map(|row| row.opt_id(0)).transpose()?.flatten().is_some();
        Ok(if spent { SpendCode::AlreadySpent } else { SpendCode::GrantEnded })
    }

    /// Spends the code for nothing and ends its grant, so that nobody guesses twice (FM-24). Audited. Gives false when
    /// it had been spent before; then it was presented a second time, and its grant ends for that (statement 30).
    pub async fn burn_code(&self, code: Id, verb: Id, note: &Note) -> Result<bool, StoreError> {
        const CLAIM: &str = "UPDATE codes SET spent_by = $3, spent_at = $4 \
            WHERE id = $1 AND tenant = $2 AND spent_by IS NULL RETURNING id";
        // Whoever won the claim: of a spending and a wrong try at once, one is not the client's.
        const END: &str = "UPDATE grants SET ended_at = $4, ended_by = $5, ended_why = CASE \
            WHEN EXISTS (SELECT 1 FROM codes k WHERE k.id = $1 AND k.spent_by = $3) THEN $6 ELSE $7 END \
            WHERE ended_at IS NULL AND id IN \
            (SELECT k.grant_id FROM codes k WHERE k.id = $1 AND k.tenant = $2 AND k.spent_by IS NOT NULL)";
        const BURNT: &str = audited!("EXISTS (SELECT 1 FROM codes WHERE id = $11 AND spent_by = $12)");
        const REPLAYED: &str = audited!(
            "EXISTS (SELECT 1 FROM codes k JOIN grants g ON g.id = k.grant_id \
             WHERE k.id = $11 AND k.spent_by <> $12 AND g.ended_by = $1)"
        );
        let event = |action, details: &str| {
            let target = format!("code:{code}");
            Event { action, target, outcome: "refused", details: details.to_owned() }
        };
        let (burnt, replayed) = (Why::CodeBurnt.name(), Why::CodeReplayed.name());
        let guard = || vec![code.into(), verb.into()];
        let statements = vec![
            statement!(CLAIM, code, self.tenant(), verb, note.at),
            statement!(END, code, self.tenant(), verb, note.at, note.id, burnt, replayed),
            audit::row(self, note, event("code.burn", ""), BURNT, guard()),
            audit::row(self, note, event("grant.end", replayed), REPLAYED, guard()),
        ];
        Ok(claimed(&self.run(statements).await?))
    }

    /// Ends the grant of a code that was presented a second time, with everything that it gave (statement 30).
    /// Audited. Gives false when the grant had ended before.
    pub async fn end_grant_of_replayed_code(&self, code: Id, note: &Note) -> Result<bool, StoreError> {
        const FIND: &str = "SELECT grant_id FROM codes WHERE id = $1 AND tenant = $2 AND spent_by IS NOT NULL";
        // A code never changes its grant, so that this may be read before the verb.
        let Some(row) = self.find(&statement!(FIND, code, self.tenant())).await? else { return Ok(false) };
        self.end_grant(row.id(0)?, Why::CodeReplayed, note).await
    }
}
