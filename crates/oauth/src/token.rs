//! An access token's life: how long it gets, and whether it is alive when it is presented.
//!
//! Owns lifetimes at issue and the one judgement of "alive" that every use of a token, code or refresh token asks
//! (FM-30, FM-62, FM-63). Does not own how tokens are spelled (`secret`) nor stored.

use crate::access_token::Unspelled;
use crate::client::{Client, Holder};
use crate::grant::Kind;
use crate::refusal::{Code, Refusal};
use crate::scope::ScopeSet;
use crate::secret::MachineSecret;
use crate::template::{Lifetimes, Switch, Wire};

/// The tokens of one answer, settled but not spelled: what is kept of them is known, the texts are not made.
#[derive(Debug)]
pub struct Pair {
    /// The access token.
    pub access: Unspelled,
    /// From this moment on the access token is dead, in Unix milliseconds.
    pub access_expires_at: i64,
    /// The refresh token, if one is given.
    pub refresh: Option<MachineSecret>,
    /// What the access token is good for.
    pub scope: ScopeSet,
    /// When they are given; where they are given again, when they were given first. In Unix milliseconds.
    pub created_at: i64,
}

impl Pair {
    /// What is left of the access token at `now`, in whole seconds: `expires_in` of the answer.
    pub fn expires_in_s(&self, now: i64) -> i64 {
        (self.access_expires_at - now).max(0) / 1000
    }
}

/// When the tokens of one answer end. All moments in Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenPlan {
    /// From this moment on the access token is dead.
    pub access_expires_at: i64,
    /// The refresh token that goes with it, if any.
    pub refresh: Option<RefreshPlan>,
}

/// When a refresh token ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshPlan {
    /// From this moment on the token is dead unless it was used before. Never later than `max_ends_at`.
    pub idle_ends_at: i64,
    /// From this moment on the whole family is dead, whatever its use.
    pub max_ends_at: i64,
}

/// The lifetimes of a first answer to a grant of `kind` with `scope`.
///
/// For [`Kind::RefreshToken`] use [`rotate`]: a family's end does not move.
pub fn plan(client: &Client, kind: Kind, scope: &ScopeSet, now: i64) -> TokenPlan {
    let max_ends_at = now.saturating_add(client.lifetimes.refresh_max_ms);
    let plan = rotate(client, max_ends_at, now);
    if gives_refresh(client, kind, scope) { plan } else { TokenPlan { refresh: None, ..plan } }
}

/// The lifetimes of the answer to a refresh: the family keeps `max_ends_at`.
pub fn rotate(client: &Client, max_ends_at: i64, now: i64) -> TokenPlan {
    let Lifetimes { access_ms, refresh_idle_ms, .. } = client.lifetimes;
    let idle_ends_at = now.saturating_add(refresh_idle_ms).min(max_ends_at);
    TokenPlan {
        access_expires_at: now.saturating_add(access_ms),
        refresh: Some(RefreshPlan { idle_ends_at, max_ends_at }),
    }
}

/// No refresh token for a client's own grant: it can ask again at any time (RFC 6749 section 4.4.3).
fn gives_refresh(client: &Client, kind: Kind, scope: &ScopeSet) -> bool {
    let asked_for = client.has(Switch::RefreshGrant) && scope.contains("offline_access");
    kind != Kind::ClientCredentials && (client.has(Switch::RefreshAlways) || asked_for)
}

/// What of the `granted` scopes `client` still registers: only that opens anything (FM-30). `None` when something was
/// granted and nothing of it is left.
pub fn scope_in_force(client: &impl Holder, granted: &ScopeSet) -> Option<ScopeSet> {
    let left = granted.intersection(client.registered());
    (granted.is_empty() || !left.is_empty()).then_some(left)
}

/// What the store knows about everything that a token (or code, or refresh token) hangs on, read in one statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When the grant that it hangs on began, in Unix milliseconds; the token's own issue where there is no grant.
    ///
    /// Not the issue of this very token: a rotation that overlaps a switch-off would else outlive it.
    pub begun_at: i64,
    /// From this moment on it is dead, in Unix milliseconds.
    pub expires_at: i64,
    /// Whether the token itself was revoked.
    pub revoked: bool,
    /// Whether the grant that it hangs on was ended.
    pub grant_ended: bool,
    /// Whether the person signed out of the browser session that the grant was given in.
    pub signed_out: bool,
    /// Whether the person has withdrawn the consent that the grant was given under, since then or before.
    pub consent_withdrawn: bool,
    /// Whether the person's primary organization, or one above it, is switched off, or was since the sign-in.
    pub organization_off: bool,
    /// The person behind it; `None` for client credentials.
    pub person: Option<PersonStanding>,
    /// Whether the application is switched on.
    pub client_enabled: bool,
    /// What the application was given before this moment is dead for good.
    pub client_valid_from: i64,
}

/// The part of a [`Standing`] that speaks of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonStanding {
    /// Whether the person is switched on.
    pub enabled: bool,
    /// When the person gave the password that all this hangs on, in Unix milliseconds. For the judgement of a password
    /// that was given just now: now.
    ///
    /// Not the start of the grant: one that is given while the password changes hangs on a session older than that.
    pub signed_in_at: i64,
    /// What hangs on a sign-in before this moment is dead for good (password change, switched off).
    pub valid_from: i64,
    /// Whether the person may use the application now: `everyone`, or assigned directly or through others.
    pub assigned: bool,
}

/// Why something is not alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// The grant that it hangs on was ended.
    GrantEnded,
    /// The person signed out of the session that it hangs on.
    SignedOut,
    /// The person withdrew the consent that it hangs on.
    ConsentWithdrawn,
    /// The person's organization is switched off, or was since the sign-in.
    OrganizationOff,
    /// The person is switched off.
    PersonDisabled,
    /// It hangs on a sign-in before the person's `valid_from`.
    BeforePersonValid,
    /// The application is switched off.
    ClientDisabled,
    /// It was given before the application's `valid_from`.
    BeforeClientValid,
    /// The person may not use the application (any more).
    NotAssigned,
}

/// Whether what stands so is alive at `now`, and if not, why. That a person is not assigned is only said of what is
/// alive otherwise.
pub fn judge(standing: &Standing, now: i64) -> Result<(), Dead> {
    let own = [
        (now >= standing.expires_at, Dead::Expired),
        (standing.revoked, Dead::Revoked),
        (standing.grant_ended, Dead::GrantEnded),
        (standing.signed_out, Dead::SignedOut),
        (standing.consent_withdrawn, Dead::ConsentWithdrawn),
        (standing.organization_off, Dead::OrganizationOff),
        (!standing.client_enabled, Dead::ClientDisabled),
        (standing.begun_at < standing.client_valid_from, Dead::BeforeClientValid),
    ];
    let persons = standing.person.map(|person| {
        [
            (!person.enabled, Dead::PersonDisabled),
            (person.signed_in_at < person.valid_from, Dead::BeforePersonValid),
            (!person.assigned, Dead::NotAssigned),
        ]
    });
    match own.into_iter().chain(persons.into_iter().flatten()).find(|(dead, _)| *dead) {
        Some((_, reason)) => Err(reason),
        None => Ok(()),
    }
}

impl Dead {
    /// The refusal at a resource (userinfo and the like): `Forbidden` for a person who is not assigned, else
    /// `invalid_token` (RFC 6750 section 3.1).
    pub fn at_resource(self, wire: Wire) -> Refusal {
        let (code, sentence) = match self {
            Dead::NotAssigned => (Code::Forbidden, "This person may not use the application"),
            Dead::Expired => (Code::InvalidToken, "Access token is expired"),
            _ => (Code::InvalidToken, "Access token is revoked"),
        };
        Refusal::new(code, sentence).for_wire(wire)
    }
}

/// The refusal at a resource for an access token that no row knows, or that is not spelled like one.
pub fn unknown(wire: Wire) -> Refusal {
    Refusal::new(Code::InvalidToken, "Access token is unknown").for_wire(wire)
}
