//! The refresh token grant (RFC 6749 section 6, RFC 9700 section 4.14): what is asked, whether the token is good, and
//! what a sender gets who asks a second time because the first answer was lost.
//!
//! Does not rotate the token: that is one guarded statement of the store, after [`judge`] said [`Verdict::Rotate`].
//!
//! A traded token may be presented again for a short while by the one who traded it, so that a lost answer strands
//! nobody (FM-29). The successors are made of the presented secret and a salt ([`successors`]): nothing has to be kept
//! that would let the database's reader make them, and a second presentation makes the same ones, never a second pair
//! (FM-28).

use super::{not_assigned, nothing_in_force, requested_scope, scope_within};
use crate::access_token::{self, Unspelled};
use crate::client_auth::{self, AuthedClient, Method};
use crate::id::Id;
use crate::parameters::Parameters;
use crate::refusal::{Code, Refusal};
use crate::scope::ScopeSet;
use crate::secret::{Digest, Kind, MachineSecret, Secret};
use crate::template::Wire;
use crate::token::{self, Dead, Pair, Standing};
use aws_lc_rs::hmac;
use core::net::IpAddr;

/// How long after a rotation its sender may ask again, in milliseconds.
pub const REPEAT_MS: i64 = 30_000;

/// The parameters of the request.
#[derive(Debug)]
pub struct Ask {
    /// `refresh_token`, as it was presented.
    pub refresh_token: Secret,
    /// `scope`, if it was sent: must be within what was granted.
    pub scope: Option<ScopeSet>,
}

/// One generation of a family of refresh tokens, as the store found it.
#[derive(Clone, Debug)]
pub struct Generation {
    /// The row of the client that it was issued to.
    pub client: Id,
    /// What the person granted; every generation of the family keeps it (statement 64).
    pub scope: ScopeSet,
    /// What became of it if it has been traded.
    pub spent: Option<Spent>,
    /// The family's end, in Unix milliseconds.
    pub max_ends_at: i64,
    /// What it hangs on. `expires_at` is the end of its idle time.
    pub standing: Standing,
}

/// A generation that was traded.
#[derive(Clone, Debug)]
pub struct Spent {
    /// When, in Unix milliseconds.
    pub at: i64,
    /// What it was traded for, as long as that is kept.
    pub successor: Option<Successor>,
}

/// The pair that a generation was traded for.
#[derive(Clone, Debug)]
pub struct Successor {
    /// The next generation's row.
    pub refresh_id: Id,
    /// The digest of its secret.
    pub refresh_digest: Digest,
    /// What its secrets were derived with.
    pub salt: [u8; 32],
    /// Who asked for it, see [`sender`].
    pub sender: Option<Digest>,
    /// Whether it has been traded in its turn.
    pub spent: bool,
    /// The access token's row.
    pub access_id: Id,
    /// The digest of its secret; of a signed token [`access_token::mark`].
    pub access_digest: Digest,
    /// What the access token is good for.
    pub access_scope: ScopeSet,
    /// When the pair was given, in Unix milliseconds.
    pub created_at: i64,
    /// From this moment on the access token is dead, in Unix milliseconds.
    pub access_expires_at: i64,
    /// Whether its client has given the access token back.
    pub access_revoked: bool,
}

/// What to do with a presented refresh token.
#[derive(Debug)]
pub enum Verdict {
    /// It is good: rotate it, and give an access token of this scope (the refresh token keeps the family's).
    Rotate(ScopeSet),
    /// It was traded a moment ago by the same sender, who has not used what it got: give the identical pair again.
    Repeat(Pair),
    /// Refuse; nothing in the store changes.
    Refuse(Refusal),
    /// Refuse, and end the grant: this generation had been traded before, so two hold the family (statement 66).
    Reuse(Refusal),
}

/// Reads the parameters. Errors: `invalid_request` when `refresh_token` is missing, `invalid_scope` when `scope`
/// cannot be read.
pub(super) fn read(parameters: &Parameters) -> Result<Ask, Refusal> {
    Ok(Ask { refresh_token: Secret::new(parameters.required("refresh_token")?), scope: requested_scope(parameters)? })
}

/// Who presents a refresh token, as a rotation keeps it: `None` for a client that proved who it is (the token is bound
/// to the client already), else the digest of its network address and its `User-Agent`.
pub fn sender(client: &AuthedClient, address: IpAddr, user_agent: &str) -> Option<Digest> {
    match client.method() {
        Method::Basic | Method::Body | Method::Query => None,
        Method::Public | Method::RefreshToken => {
            Some(Digest::of(format!("{}\n{user_agent}", address.to_canonical()).as_bytes()))
        }
    }
}

/// The access token and the refresh token that `presented` is traded for, with `salt`. The rows' ids are drawn.
pub fn successors(
    presented: &MachineSecret,
    salt: &[u8; 32],
    access: Id,
    refresh: Id,
) -> (MachineSecret, MachineSecret) {
    let salt = hmac::Key::new(hmac::HMAC_SHA256, salt);
    let access = MachineSecret::derive(Kind::AccessToken, access, &salt, ACCESS_LABEL, presented);
    (access, MachineSecret::derive(Kind::RefreshToken, refresh, &salt, REFRESH_LABEL, presented))
}

/// Judges a presented refresh token at `now`. `generation` is `None` when no row has this id and secret; `sender` comes
/// from [`sender`].
pub fn judge(
    client: &AuthedClient,
    ask: &Ask,
    generation: Option<&Generation>,
    sender: Option<&Digest>,
    now: i64,
) -> Verdict {
    let Some(generation) = generation else { return Verdict::Refuse(refused(client)) };
    // A foreign client can neither use the token nor end its family with it (statement 63, FM-22).
    if generation.client != client.client().id {
        return Verdict::Refuse(refused(client));
    }
    // Before its end is asked: the family may live on in the next generation, and somebody else holds that.
    let repeat = match &generation.spent {
        None => None,
        Some(spent) => match repeat(ask, spent, sender, now) {
            Some(pair) => Some(pair),
            None => return Verdict::Reuse(refused(client)),
        },
    };
    // Whoever has revoked the access token of the pair has the pair: no answer was lost, and a dead token is none. The next
    // generation stays good (RFC 7009 section 2.1), so the family does not end for a question that came late.
    if generation.spent.as_ref().and_then(|spent| spent.successor.as_ref()).is_some_and(|next| next.access_revoked) {
        return Verdict::Refuse(refused(client));
    }
    // A traded token's own idle time is of no account any more: its successor's has begun.
    let expires_at = if repeat.is_some() { generation.max_ends_at } else { generation.standing.expires_at };
    let standing = Standing { expires_at: expires_at.min(generation.max_ends_at), ..generation.standing };
    match token::judge(&standing, now) {
        Ok(()) => {}
        Err(Dead::NotAssigned) => return Verdict::Refuse(not_assigned(client.client())),
        Err(_) => return Verdict::Refuse(refused(client)),
    }
    let Some(in_force) = token::scope_in_force(client.client(), &generation.scope) else {
        return Verdict::Refuse(nothing_in_force(client.client()));
    };
    match (scope_within(&in_force, ask.scope.clone()), repeat) {
        (Ok(_), Some(pair)) => Verdict::Repeat(Pair { scope: pair.scope.intersection(&in_force), ..pair }),
        (Ok(scope), None) => Verdict::Rotate(scope),
        (Err(refusal), _) => Verdict::Refuse(refusal.for_wire(client.client().wire())),
    }
}

/// The pair that the token was traded for, made again; `None` unless the same sender asks within [`REPEAT_MS`] and has
/// not used the refresh token of the pair.
fn repeat(ask: &Ask, spent: &Spent, sender: Option<&Digest>, now: i64) -> Option<Pair> {
    let successor = spent.successor.as_ref()?;
    let same_sender = match (sender, &successor.sender) {
        (None, None) => true,
        (Some(now), Some(then)) => now.matches(then),
        (Some(_), None) | (None, Some(_)) => false,
    };
    if successor.spent || !same_sender || now - spent.at > REPEAT_MS {
        return None;
    }
    let presented = MachineSecret::parse(Kind::RefreshToken, ask.refresh_token.expose())?;
    let (access, refresh) = successors(&presented, &successor.salt, successor.access_id, successor.refresh_id);
    // A signed token is signed again over its row, as what it was then.
    let access = match access_token::signed_with(&successor.access_digest) {
        Some(algorithm) => Unspelled::Signed(algorithm, successor.access_id),
        None => Unspelled::Opaque(access),
    };
    let same_pair =
        access.digest().matches(&successor.access_digest) && refresh.digest().matches(&successor.refresh_digest);
    same_pair.then(|| Pair {
        access,
        refresh: Some(refresh),
        scope: successor.access_scope.clone(),
        created_at: successor.created_at,
        access_expires_at: successor.access_expires_at,
    })
}

/// The refusal for a token that is unknown, over, foreign, or was traded between the judgement and the rotation: the
/// same for all.
pub fn refused(client: &AuthedClient) -> Refusal {
    Refusal::new(Code::InvalidGrant, REFUSED).for_wire(client.client().wire())
}

/// The refusal for a refresh token that comes without a client and that nobody is found by. One that is spelled like ours
/// is `invalid_grant`, or its client would ask for other credentials instead of signing the person in; as only Gitlife's
/// wire knows this form, in that wire. Everything else is a client that names itself badly.
pub fn refused_alone(parameters: &Parameters) -> Refusal {
    let value_of = |name| parameters.get(name).ok().flatten();
    let is_alone = client_auth::identify(parameters).is_ok_and(|named| named.is_none());
    let is_ours = value_of("refresh_token").is_some_and(|t| MachineSecret::parse(Kind::RefreshToken, t).is_some());
    let is_refresh = value_of("grant_type") == Some("refresh_token") && value_of("client_secret").is_none();
    if !(is_alone && is_ours && is_refresh) {
        return client_auth::unknown(parameters);
    }
    Refusal::new(Code::InvalidGrant, REFUSED).for_wire(Wire::Gitlife)
}

const REFUSED: &str = "refresh_token is unknown, over, already used or another application's: send the person to the \
    authorization endpoint again.";

/// What the two successors of one secret are told apart by.
const ACCESS_LABEL: &str = "vestibule access";
const REFRESH_LABEL: &str = "vestibule refresh";
