//! Access tokens and refresh tokens.
//!
//! Owns the one read by which a token is accepted, and the guarded verb that trades a refresh token for its next
//! generation. Whether what was read is alive is judged by `oauth::token`.

use crate::{Store, StoreError};
use vestibule_oauth::client::Client;
use vestibule_oauth::grant::Kind;
use vestibule_oauth::grant::refresh_token::Generation;
use vestibule_oauth::id::Id;
use vestibule_oauth::scope::ScopeSet;
use vestibule_oauth::secret::Digest;
use vestibule_oauth::token::{RefreshPlan, Standing};
use vestibule_oauth::userinfo::Profile;

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
    /// The digest of the token's secret.
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
    /// The digest of the token's secret: compare it before believing anything else here.
    pub digest: Digest,
    /// What it is good for.
    pub scopes: ScopeSet,
    /// The grant that it hangs on.
    pub grant: Id,
    /// The application that holds it.
    pub client: Client,
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
    /// What is known, with the primary organization.
    pub profile: Profile,
}

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
    /// The person or application was switched off, or the password changed, after it was judged.
    NoLongerAllowed,
}

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
    /// The access token of this id, with token, grant, person, primary organization and application, in one read.
    pub async fn find_access_token(&self, id: Id) -> Result<Option<FoundAccessToken>, StoreError> {
        todo!()
    }

    /// Keeps a grant and its tokens at `now`, only while application and person are switched on and the password is
    /// still the one that was verified.
    pub async fn keep_direct_grant(
        &self,
        grant: &DirectGrant,
        tokens: &NewTokens,
        now: i64,
    ) -> Result<KeepGrant, StoreError> {
        todo!()
    }

    /// The refresh token of this id, whatever its state, with grant, person and application, in one read.
    pub async fn find_refresh(&self, id: Id) -> Result<Option<FoundRefreshToken>, StoreError> {
        todo!()
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
        todo!()
    }
}
