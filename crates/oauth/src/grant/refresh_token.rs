//! The refresh token grant (RFC 6749 section 6, RFC 9700 section 4.14): what is asked, and whether the token is good.
//!
//! Does not rotate the token: that is one guarded statement of the store, after [`judge`] said [`Verdict::Rotate`].

use super::{not_assigned, requested_scope, scope_within};
use crate::client_auth::AuthedClient;
use crate::id::Id;
use crate::parameters::Parameters;
use crate::refusal::{Code, Refusal};
use crate::scope::ScopeSet;
use crate::secret::Secret;
use crate::token::{self, Dead, Standing};

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
    /// Whether it has been traded for the next generation.
    pub spent: bool,
    /// The family's end, in Unix milliseconds.
    pub max_ends_at: i64,
    /// What it hangs on. `expires_at` is the end of its idle time.
    pub standing: Standing,
}

/// What to do with a presented refresh token.
#[derive(Debug)]
pub enum Verdict {
    /// It is good: rotate it, and give an access token of this scope (the refresh token keeps the family's).
    Rotate(ScopeSet),
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

/// Judges a presented refresh token at `now`. `generation` is `None` when no row has this id and secret.
pub fn judge(client: &AuthedClient, ask: &Ask, generation: Option<&Generation>, now: i64) -> Verdict {
    let Some(generation) = generation else { return Verdict::Refuse(refused(client)) };
    // A foreign client can neither use the token nor end its family with it (statement 63, FM-22).
    if generation.client != client.client().id {
        return Verdict::Refuse(refused(client));
    }
    // Before its end is asked: the family may live on in the next generation, and somebody else holds that.
    if generation.spent {
        return Verdict::Reuse(refused(client));
    }
    if now >= generation.max_ends_at {
        return Verdict::Refuse(refused(client));
    }
    match token::judge(&generation.standing, now) {
        Ok(()) => {}
        Err(Dead::NotAssigned) => return Verdict::Refuse(not_assigned(client.client())),
        Err(_) => return Verdict::Refuse(refused(client)),
    }
    match scope_within(&generation.scope, ask.scope.clone()) {
        Ok(scope) => Verdict::Rotate(scope),
        Err(refusal) => Verdict::Refuse(refusal.for_wire(client.client().wire())),
    }
}

/// The refusal for a token that is unknown, over, foreign, or was traded between the judgement and the rotation: the
/// same for all.
pub fn refused(client: &AuthedClient) -> Refusal {
    let sentence = "refresh_token is unknown, over, already used or another application's: send the person to the \
                    authorization endpoint again.";
    Refusal::new(Code::InvalidGrant, sentence).for_wire(client.client().wire())
}
