//! Renewing the credential of an authorization: one at a time over all nodes, written down before anything is sent.
//!
//! Owns the lease, the note that a renewal is under way, and keeping what came of it. The lease says who may ask the host; it
//! does not say whose answer counts: that is kept by compare-and-set on the credential's generation, so that an answer that
//! comes after its lease is kept if nobody renewed since, and nobody undoes what another one did (FM-130). Does not send.

use crate::applications::claimed;
use crate::audit::Note;
use crate::columns::Columns;
use crate::git_authorizations::GitAuthorization;
use crate::git_credentials::{ChangeGitAuthorization, spelled};
use crate::git_hosts::serves;
use crate::git_standing::GitTrouble;
use crate::sealed::SealedValue;
use crate::{Store, StoreError, statement};
use vestibule_oauth::id::Id;

/// How the renewal of a credential stands, as its row tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GitRefresh {
    /// Who renews it, or did last and left no word of what came of it.
    pub claim: Option<Id>,
    /// Since when, in Unix milliseconds.
    pub since: Option<i64>,
    /// Until when nobody else may, in Unix milliseconds.
    pub until: Option<i64>,
    /// How many renewals of this generation were written down of which nobody knows what became, one under way included.
    pub doubt: i64,
    /// Before which moment it is not tried again, in Unix milliseconds, because the last one failed.
    pub after: Option<i64>,
    /// How the last one failed; none where none did since there is this credential.
    pub failed: Option<GitRefreshFailed>,
}

impl GitRefresh {
    pub(crate) fn read(c: &mut Columns) -> Result<GitRefresh, StoreError> {
        Ok(GitRefresh {
            claim: c.opt_id()?,
            since: c.opt_int()?,
            until: c.opt_int()?,
            doubt: c.int()?,
            after: c.opt_int()?,
            failed: c.opt_parsed(GitRefreshFailed::parse)?,
        })
    }

    /// Until when somebody else renews it, in Unix milliseconds; none if nobody does at `now`.
    pub fn held_until(&self, now: i64) -> Option<i64> {
        self.until.filter(|until| *until > now)
    }

    /// Until when it is not tried again because it failed, in Unix milliseconds; none if it may be tried at `now`.
    pub fn rests_until(&self, now: i64) -> Option<i64> {
        self.after.filter(|after| *after > now)
    }
}

/// How a renewal failed without a definite word of the host on the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitRefreshFailed {
    /// The host could not be reached, or did not answer as it should.
    Away,
    /// The host has had enough of us for now.
    RateLimited,
    /// The host does not take our application, or the configuration has none.
    ClientRefused,
    /// As many requests to the host as may were under way from here: it was not asked.
    Crowded,
}

impl GitRefreshFailed {
    const ALL: [GitRefreshFailed; 4] = [
        GitRefreshFailed::Away,
        GitRefreshFailed::RateLimited,
        GitRefreshFailed::ClientRefused,
        GitRefreshFailed::Crowded,
    ];

    /// The word in the database and in the trail.
    pub const fn name(self) -> &'static str {
        match self {
            GitRefreshFailed::Away => "away",
            GitRefreshFailed::RateLimited => "rate_limited",
            GitRefreshFailed::ClientRefused => "client_refused",
            GitRefreshFailed::Crowded => "crowded",
        }
    }

    /// Why, in a sentence without an end.
    pub const fn reason(self) -> &'static str {
        match self {
            GitRefreshFailed::Away => "the token has ended, and the host did not answer when it was to be renewed",
            GitRefreshFailed::RateLimited => "the host asks for patience before it renews the token",
            GitRefreshFailed::Crowded => {
                "as many requests as may were under way to the host when the token was to be renewed"
            }
            GitRefreshFailed::ClientRefused => {
                "the host does not renew the token, because it does not accept our client id and secret: tell the operator"
            }
        }
    }

    fn parse(name: &str) -> Option<GitRefreshFailed> {
        GitRefreshFailed::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What became of a wish to renew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimGitRefresh {
    /// It is this claim's until the lease ends, and written down.
    Claimed {
        /// Whether an earlier one was written down of which nobody knows what became: the host may have renewed it.
        in_doubt: bool,
    },
    /// Somebody else renews it, or did, or it rests, or there is nothing to renew: read it again.
    NotClaimed,
}

/// What a host gave for a refresh token.
#[derive(Clone, Debug)]
pub struct RefreshedGitCredential {
    /// The access token, sealed for the row's column.
    pub access: SealedValue,
    /// The refresh token, sealed for the row's column; none where the host gave none, and the former stays good.
    pub refresh: Option<SealedValue>,
    /// When the access token ends, in Unix milliseconds.
    pub access_ends_at: Option<i64>,
    /// When the refresh token ends, in Unix milliseconds, where the host gave one and told.
    pub refresh_ends_at: Option<i64>,
    /// The scopes, where the host told.
    pub scopes: Option<Vec<String>>,
}

/// A renewal of which nothing came.
#[derive(Clone, Copy, Debug)]
pub struct FailedGitRefresh {
    /// Who had it.
    pub claim: Id,
    /// How it failed.
    pub how: GitRefreshFailed,
    /// Whether it is certain that the host did nothing; otherwise it stays in doubt.
    pub is_certain: bool,
    /// Before which moment it is not tried again, in Unix milliseconds.
    pub after: i64,
}

impl Store {
    /// Takes the renewal of the credential as it was read, until `until`, and writes it down; of many at once one gets it.
    pub async fn claim_git_refresh(
        &self,
        of: &GitAuthorization,
        claim: Id,
        now: i64,
        until: i64,
    ) -> Result<ClaimGitRefresh, StoreError> {
        const CLAIM: &str = concat!(
            "UPDATE git_authorizations SET refresh_claim = $5, refresh_since = $6, refresh_until = $7, \
             refresh_doubt = refresh_doubt + 1 \
             WHERE id = $1 AND tenant = $2 AND project = $3 AND generation = $4 AND refresh IS NOT NULL \
             AND reason IS NULL AND (refresh_until IS NULL OR refresh_until <= $6) \
             AND (refresh_after IS NULL OR refresh_after <= $6) \
             AND EXISTS (SELECT 1 FROM git_hosts h WHERE h.id = git_authorizations.host AND ",
            serves!("git_authorizations.project"),
            ") RETURNING refresh_doubt"
        );
        let GitAuthorization { id, project, generation, .. } = of;
        let claim = statement!(CLAIM, id, self.tenant(), project, *generation, claim, now, until);
        let answers = self.run(vec![claim]).await?;
        let Some(row) = answers.into_iter().next().and_then(|rows| rows.into_iter().next()) else {
            return Ok(ClaimGitRefresh::NotClaimed);
        };
        let mut row = row;
        Ok(ClaimGitRefresh::Claimed { in_doubt: Columns::of(&mut row).int()? > 1 })
    }

    /// Puts the renewed credential in the place of the one that was read, whoever holds the lease by now: whatever was
    /// wrong is forgotten, and nothing is under way or in doubt any more. Audited.
    pub async fn keep_refreshed_git_credential(
        &self,
        of: &GitAuthorization,
        new: &RefreshedGitCredential,
        note: &Note,
    ) -> Result<ChangeGitAuthorization, StoreError> {
        const KEEP: &str = "UPDATE git_authorizations SET access = $5, access_by = $6, access_ends_at = $7, \
            refresh_ends_at = CASE WHEN $8 IS NULL THEN refresh_ends_at ELSE $10 END, refresh_by = COALESCE($9, refresh_by), \
            refresh = COALESCE($8, refresh), scopes = COALESCE($11, scopes), \
            status_since = CASE WHEN reason IS NULL THEN status_since ELSE $12 END, status = 0, reason = NULL, \
            generation = generation + 1, refresh_claim = NULL, refresh_since = NULL, refresh_until = NULL, \
            refresh_doubt = 0, refresh_after = NULL, refresh_failed = NULL, updated_at = $12, changed_by = $13 \
            WHERE id = $1 AND tenant = $2 AND project = $3 AND generation = $4 RETURNING id";
        let GitAuthorization { id, project, name, host, generation, .. } = of;
        let (refresh, refresh_by) = SealedValue::columns(new.refresh.as_ref());
        let keep = statement!(
            KEEP,
            id,
            self.tenant(),
            project,
            *generation,
            new.access.bytes.as_slice(),
            new.access.key,
            new.access_ends_at,
            refresh,
            refresh_by,
            new.refresh_ends_at,
            spelled(new.scopes.as_ref()),
            note.at,
            note.id,
        );
        let details = format!("{name}, git_host:{host}, generation {}", generation + 1);
        let told = self.authorization_changed("git_authorization.refresh", *project, *id, details, note);
        Ok(ChangeGitAuthorization::when(claimed(&self.run(vec![keep, told]).await?)))
    }

    /// Keeps what the host has said of the credential when it was to be renewed, as
    /// [`Store::blame_git_authorization`] does, if the renewal is still this claim's: whoever has taken it over may have
    /// renewed what the host no longer takes from anybody else, and not have kept it yet.
    pub async fn blame_after_git_refresh(
        &self,
        of: &GitAuthorization,
        claim: Id,
        trouble: GitTrouble,
        note: &Note,
    ) -> Result<ChangeGitAuthorization, StoreError> {
        self.blame(of, Some(claim), trouble, note).await
    }

    /// Gives the renewal back without a result, if it is still this claim's. Audited when it begins to fail like this.
    pub async fn fail_git_refresh(
        &self,
        of: &GitAuthorization,
        failed: &FailedGitRefresh,
        note: &Note,
    ) -> Result<ChangeGitAuthorization, StoreError> {
        const FAIL: &str = "UPDATE git_authorizations SET refresh_claim = NULL, refresh_until = NULL, \
            refresh_since = CASE WHEN refresh_doubt > $6 THEN refresh_since ELSE NULL END, \
            refresh_doubt = refresh_doubt - $6, refresh_after = $7, \
            changed_by = CASE WHEN refresh_failed = $8 THEN changed_by ELSE $9 END, refresh_failed = $8 \
            WHERE id = $1 AND tenant = $2 AND project = $3 AND generation = $4 AND refresh_claim = $5 RETURNING id";
        let GitAuthorization { id, project, name, host, generation, .. } = of;
        let FailedGitRefresh { claim, how, is_certain, after } = failed;
        let fail = statement!(
            FAIL,
            id,
            self.tenant(),
            project,
            *generation,
            claim,
            i64::from(*is_certain),
            *after,
            how.name(),
            note.id,
        );
        let details = format!("{name}, git_host:{host}: {}", how.name());
        let told = self.authorization_changed("git_authorization.refresh_failed", *project, *id, details, note);
        Ok(ChangeGitAuthorization::when(claimed(&self.run(vec![fail, told]).await?)))
    }
}
