//! The resource owner password grant (RFC 6749 section 4.3): an older form, only where the template switches it on.
//!
//! Does not hash: the server's password pool says whether the password matched.

use super::{not_assigned, requested_scope, scope_within};
use crate::client_auth::AuthedClient;
use crate::parameters::Parameters;
use crate::refusal::{Code, Refusal};
use crate::scope::ScopeSet;
use crate::secret::Secret;
use crate::token::PersonStanding;

/// The parameters of the request.
#[derive(Debug)]
pub struct Ask {
    /// `username`: a user name or an e-mail address.
    pub username: String,
    /// `password`.
    pub password: Secret,
    /// What is granted if the password is right: the requested scopes, or all registered ones.
    pub scope: ScopeSet,
}

/// Reads the parameters. Errors: `invalid_request` when one is missing, `invalid_scope`.
pub(super) fn read(client: &AuthedClient, parameters: &Parameters) -> Result<Ask, Refusal> {
    Ok(Ask {
        username: parameters.required("username")?.to_owned(),
        password: Secret::new(parameters.required("password")?),
        scope: scope_within(&client.client().scopes, requested_scope(parameters)?)?,
    })
}

/// Judges after the hash: `person` is `None` for an unknown name, `matched` what the pool said (about a dummy hash for
/// an unknown name). Unknown name, wrong password and a person who is switched off are refused alike (FM-96).
pub fn judge(client: &AuthedClient, person: Option<PersonStanding>, matched: bool) -> Result<(), Refusal> {
    match person {
        Some(person) if matched && person.enabled && person.assigned => Ok(()),
        Some(person) if matched && person.enabled => Err(not_assigned(client.client())),
        _ => {
            let sentence = "username or password is wrong.";
            Err(Refusal::new(Code::InvalidGrant, sentence).for_wire(client.client().wire()))
        }
    }
}
