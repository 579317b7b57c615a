//! How an authorization at a Git host stands: its status, why, since when, and what comes next.
//!
//! Owns the words. What was found out at a use is kept in the row; what time and an administrator decide is told from the
//! row at each look, so that no status lags behind.

use crate::git_authorizations::GitAuthorization;
use crate::git_refreshes::GitRefresh;

/// The status on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitStatus {
    /// It can be used.
    Normal,
    /// Its time is over, and nothing renews it.
    Overdue,
    /// The host does not take it, or it cannot be used here.
    Unauthenticated,
}

impl GitStatus {
    /// The number on the wire and in the database.
    pub const fn number(self) -> i64 {
        match self {
            GitStatus::Normal => 0,
            GitStatus::Overdue => 1,
            GitStatus::Unauthenticated => 2,
        }
    }

    /// Its name, for people.
    pub const fn name(self) -> &'static str {
        match self {
            GitStatus::Normal => "normal",
            GitStatus::Overdue => "overdue",
            GitStatus::Unauthenticated => "unauthenticated",
        }
    }
}

/// What can be wrong with a credential, as it is found out at a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitTrouble {
    /// The host no longer takes the access token.
    TokenRefused,
    /// The host no longer takes the refresh token.
    RefreshRefused,
    /// The same, after a renewal of which nobody knows what became: it may have given a token that was lost.
    RefreshLost,
    /// What is sealed in the row is not what was sealed there (FM-128).
    Unreadable,
}

impl GitTrouble {
    const ALL: [GitTrouble; 4] =
        [GitTrouble::TokenRefused, GitTrouble::RefreshRefused, GitTrouble::RefreshLost, GitTrouble::Unreadable];

    /// The word in the database and in the trail.
    pub const fn name(self) -> &'static str {
        match self {
            GitTrouble::TokenRefused => "token_refused",
            GitTrouble::RefreshRefused => "refresh_refused",
            GitTrouble::RefreshLost => "refresh_lost",
            GitTrouble::Unreadable => "unreadable",
        }
    }

    /// Why it cannot be used, in a sentence without an end.
    pub const fn reason(self) -> &'static str {
        match self {
            GitTrouble::TokenRefused => "the host no longer takes the token",
            GitTrouble::RefreshRefused => "the host no longer renews the token",
            GitTrouble::RefreshLost => "a renewal was cut off, and the host no longer takes what it had given before",
            GitTrouble::Unreadable => "the sealed token was changed in the database",
        }
    }

    /// The trouble of this word.
    pub fn parse(name: &str) -> Option<GitTrouble> {
        GitTrouble::ALL.into_iter().find(|one| one.name() == name)
    }

    /// The status that it means.
    pub const fn status(self) -> GitStatus {
        match self {
            GitTrouble::RefreshRefused => GitStatus::Overdue,
            GitTrouble::TokenRefused | GitTrouble::RefreshLost | GitTrouble::Unreadable => GitStatus::Unauthenticated,
        }
    }
}

/// What the row and its host tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Whether there is a refresh token.
    pub is_renewable: bool,
    /// What was found out at a use.
    pub trouble: Option<GitTrouble>,
    /// Since when it is so, in Unix milliseconds.
    pub since: i64,
    /// Since when the host is switched off, in Unix milliseconds.
    pub host_off_since: Option<i64>,
    /// Whether the host serves the project now.
    pub is_served: bool,
    /// How its renewal stands.
    pub refresh: GitRefresh,
}

/// How an authorization stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitStanding {
    /// Its status.
    pub status: GitStatus,
    /// Why, in a sentence without an end; none where all is well.
    pub reason: Option<&'static str>,
    /// Since when, in Unix milliseconds.
    pub since: i64,
    /// What comes next.
    pub next: GitNext,
}

/// What comes next for an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitNext {
    /// Nothing: nobody knows of an end.
    Nothing,
    /// It ends at this moment (Unix milliseconds), and is to be authorized again.
    Ends(i64),
    /// Its access token ends at this moment (Unix milliseconds), and is renewed at a use.
    Renewal(i64),
    /// Somebody must authorize it again.
    Reauthorize,
    /// An administrator must let the host serve the project.
    ServeAgain,
}

impl GitAuthorization {
    /// How it stands at `now` (Unix milliseconds).
    pub fn standing(&self, now: i64) -> GitStanding {
        let (known, account) = (&self.known, &self.account);
        let troubled = |status, reason, since, next| GitStanding { status, reason: Some(reason), since, next };
        if !known.is_served {
            let (reason, since) = match known.host_off_since {
                Some(since) => ("the host configuration is switched off", since),
                None => ("the host configuration does not serve this project any more", known.since),
            };
            return troubled(GitStatus::Unauthenticated, reason, since, GitNext::ServeAgain);
        }
        if let Some(trouble) = known.trouble {
            return troubled(trouble.status(), trouble.reason(), known.since, GitNext::Reauthorize);
        }
        // What renews it may end before it, and then what ends is all there is.
        let renewable = known.is_renewable && account.refresh_ends_at.is_none_or(|end| end > now);
        match account.access_ends_at {
            Some(end) if end <= now && !renewable => {
                let since = account.refresh_ends_at.filter(|_| known.is_renewable).unwrap_or(end).max(end);
                troubled(GitStatus::Overdue, "the token has ended", since, GitNext::Reauthorize)
            }
            end => GitStanding {
                status: GitStatus::Normal,
                reason: None,
                since: known.since,
                next: match end {
                    Some(end) if renewable => GitNext::Renewal(end),
                    Some(end) => GitNext::Ends(end),
                    None => GitNext::Nothing,
                },
            },
        }
    }
}
