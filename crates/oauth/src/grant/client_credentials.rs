//! The client credentials grant (RFC 6749 section 4.4): a confidential client asks for itself.

use super::{requested_scope, scope_within};
use crate::client_auth::AuthedClient;
use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::scope::ScopeSet;

/// The parameters of the request.
#[derive(Debug)]
pub struct Ask {
    /// What is granted: the requested scopes, or all registered ones that speak of no person.
    pub scope: ScopeSet,
}

/// Reads the parameters. Errors: `invalid_scope`, also when the client registered no scope but those that speak of a
/// person.
pub(super) fn read(client: &AuthedClient, parameters: &Parameters) -> Result<Ask, Refusal> {
    let mut allowed = ScopeSet::empty();
    for scope in client.client().scopes.iter().filter(|scope| !OF_A_PERSON.contains(scope)) {
        allowed.insert(scope);
    }
    Ok(Ask { scope: scope_within(&allowed, requested_scope(parameters)?)? })
}

/// Scopes that mean nothing where there is no person.
const OF_A_PERSON: [&str; 6] = ["openid", "profile", "email", "phone", "address", "offline_access"];
