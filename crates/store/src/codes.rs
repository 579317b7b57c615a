//! Authorization codes: spent once, burnt at a wrong try, watched after their end.
//!
//! Owns the guarded verbs. Whether a presented code is good was judged before by `oauth::grant::authorization_code`.

use crate::audit::Note;
use crate::{Store, StoreError};
use crate::tokens::NewTokens;
use vestibule_oauth::grant::authorization_code::IssuedCode;
use vestibule_oauth::id::Id;
use vestibule_oauth::pkce::Challenge;
use vestibule_oauth::secret::Digest;

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
    /// Kept for OpenID Connect.
    pub nonce: Option<String>,
}

/// A code as it is found, with everything that it hangs on.
#[derive(Clone, Debug)]
pub struct FoundCode {
    /// The row.
    pub id: Id,
    /// The digest of the code's secret: compare it before believing anything else here.
    pub digest: Digest,
    /// The grant that it stands for.
    pub grant: Id,
    /// The person who gave it.
    pub person: Id,
    /// What the rulebook judges.
    pub code: IssuedCode,
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

impl Store {
    /// The code of this id and everything that it hangs on, spent or over or not, in one read.
    pub async fn find_code(&self, id: Id) -> Result<Option<FoundCode>, StoreError> {
        todo!()
    }

    /// Spends the code at `now` and keeps the tokens that are given for it, once. `verb` is this verb's own id.
    pub async fn spend_code(
        &self,
        code: Id,
        verb: Id,
        tokens: &NewTokens,
        now: i64,
    ) -> Result<SpendCode, StoreError> {
        todo!()
    }

    /// Spends the code for nothing and ends its grant, so that nobody guesses twice (FM-24). Audited. Gives false when
    /// it had been spent before.
    pub async fn burn_code(&self, code: Id, verb: Id, note: &Note) -> Result<bool, StoreError> {
        todo!()
    }

    /// Ends the grant of a code that was presented a second time, with everything that it gave (statement 30).
    /// Audited. Gives false when the grant had ended before.
    pub async fn end_grant_of_replayed_code(&self, code: Id, note: &Note) -> Result<bool, StoreError> {
        todo!()
    }
}
