//! The authorization code grant (RFC 6749 section 4.1.3, RFC 7636): what is asked, and whether the code is good.
//!
//! Does not spend the code: that is one guarded statement of the store, after [`judge`] said [`Verdict::Spend`].

use super::{not_assigned, nothing_in_force};
use crate::client_auth::AuthedClient;
use crate::id::Id;
use crate::parameters::Parameters;
use crate::pkce::{self, Challenge};
use crate::refusal::{Code as RefusalCode, Refusal};
use crate::scope::ScopeSet;
use crate::secret::Secret;
use crate::template::Wire;
use crate::token::{self, Dead, Standing};

/// The parameters of the request.
#[derive(Debug)]
pub struct Ask {
    /// `code`, as it was presented.
    pub code: Secret,
    /// `redirect_uri`, if it was sent.
    pub redirect_uri: Option<String>,
    /// `code_verifier`, if it was sent.
    pub verifier: Option<Secret>,
}

/// A code as the store found it: the row's id is the code's, and the digest of its secret matched.
#[derive(Clone, Debug)]
pub struct IssuedCode {
    /// The row of the client that it was issued to.
    pub client: Id,
    /// The redirect URI that it was sent to.
    pub redirect_uri: String,
    /// Whether the authorization request had named that URI.
    pub redirect_uri_sent: bool,
    /// The PKCE challenge of the authorization request.
    pub challenge: Option<Challenge>,
    /// What was granted.
    pub scope: ScopeSet,
    /// Whether it has been spent (or burnt).
    pub spent: bool,
    /// What it hangs on. `expires_at` is the code's own end, `begun_at` the start of its grant (or its own issue).
    pub standing: Standing,
}

/// What to do with a presented code.
#[derive(Debug)]
pub enum Verdict {
    /// It is good: spend it, and answer only if the spending won. If another presentation was first, treat it as
    /// [`refused`] says.
    ///
    /// The tokens are good for this scope: what was granted and is still registered.
    Spend(ScopeSet),
    /// Refuse; nothing in the store changes.
    Refuse(Refusal),
    /// Refuse, and spend the code without giving anything for it, so that nobody guesses twice (FM-24).
    Burn(Refusal),
    /// Refuse, and end the grant with everything that it gave: the code was spent before (statement 30).
    Replay(Refusal),
}

/// Reads the parameters. Errors: `invalid_request` when `code` is missing or a parameter is contradictory.
pub(super) fn read(parameters: &Parameters) -> Result<Ask, Refusal> {
    Ok(Ask {
        code: Secret::new(parameters.required("code")?),
        redirect_uri: parameters.get("redirect_uri")?.map(str::to_owned),
        verifier: parameters.get("code_verifier")?.map(Secret::new),
    })
}

/// Judges a presented code at `now`. `code` is `None` when no row has this id and secret.
pub fn judge(client: &AuthedClient, ask: &Ask, code: Option<&IssuedCode>, now: i64) -> Verdict {
    let Some(code) = code else { return Verdict::Refuse(refused(client, ask)) };
    // Before all else, and whoever presents it: a code that comes twice has been stolen (statement 30).
    if code.spent {
        return Verdict::Replay(refused(client, ask));
    }
    if code.client != client.client().id {
        return Verdict::Burn(refused(client, ask));
    }
    match token::judge(&code.standing, now) {
        Ok(()) => {}
        Err(Dead::NotAssigned) => return Verdict::Burn(not_assigned(client.client())),
        Err(_) => return Verdict::Refuse(refused(client, ask)),
    }
    if !repeats_redirect_uri(ask, code) {
        return Verdict::Burn(redirect_mismatch(client));
    }
    match pkce::check(code.challenge.as_ref(), ask.verifier.as_ref().map(Secret::expose)) {
        Ok(()) => match token::scope_in_force(client.client(), &code.scope) {
            Some(scope) => Verdict::Spend(scope),
            None => Verdict::Burn(nothing_in_force(client.client())),
        },
        Err(refusal) => Verdict::Burn(refusal.for_wire(client.client().wire())),
    }
}

/// The refusal for a code that is unknown, over, foreign, spent, or was spent between the judgement and the spending:
/// the same for all, so that nothing is told about the codes of others.
///
/// The IDaaS wire echoes the code, which is dead by then, if a page or a log can bear it.
pub fn refused(client: &AuthedClient, ask: &Ask) -> Refusal {
    let wire = client.client().wire();
    let code = ask.code.expose();
    let sentence = match wire {
        Wire::Idaas if may_be_echoed(code) => format!("Invalid authorization code: {code}"),
        Wire::Idaas => "Invalid authorization code.".to_owned(),
        _ => "code is unknown, over, already used or another application's: send the person to the authorization \
              endpoint again."
            .to_owned(),
    };
    Refusal::new(RefusalCode::InvalidGrant, sentence).for_wire(wire)
}

/// A URI that the authorization request named must be repeated, byte for byte; one that it did not name may be sent, and
/// must then be the one that was used (statement 32).
fn repeats_redirect_uri(ask: &Ask, code: &IssuedCode) -> bool {
    match &ask.redirect_uri {
        Some(sent) => *sent == code.redirect_uri,
        None => !code.redirect_uri_sent,
    }
}

fn redirect_mismatch(client: &AuthedClient) -> Refusal {
    let wire = client.client().wire();
    let sentence = match wire {
        Wire::Idaas => "Redirect URI mismatch.",
        _ => "redirect_uri is not the one of the authorization request: repeat that one exactly.",
    };
    Refusal::new(RefusalCode::InvalidGrant, sentence).for_wire(wire)
}

/// At most 128 characters, all of those that RFC 6749 section 5.2 allows in `error_description`.
fn may_be_echoed(code: &str) -> bool {
    code.len() <= 128 && code.bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E))
}
