//! Token revocation (RFC 7009): what a client may end.
//!
//! An access token ends alone; a refresh token of any generation ends its grant, with every access token of it
//! (section 2.1). Does not end anything: those are verbs of the store, and the answer waits for them.

use crate::client_auth::AuthedClient;
use crate::id::Id;
use crate::parameters::Parameters;
use crate::presented::Presented;
use crate::refusal::{Code, Refusal};

/// Reads the request of an authenticated client.
///
/// Errors: `invalid_request` when `token` is missing, `unsupported_token_type` (section 2.2.1) for a secret of ours that
/// is no token. Whether there is such a secret is not looked up, so that the answer tells nothing of it.
pub fn read(client: &AuthedClient, parameters: &Parameters) -> Result<Presented, Refusal> {
    let read = || match Presented::read(parameters)? {
        Presented::OtherSecret => {
            let sentence = "token is neither an access token nor a refresh token: only these can be revoked here.";
            Err(Refusal::new(Code::UnsupportedTokenType, sentence))
        }
        presented => Ok(presented),
    };
    read().map_err(|refusal| refusal.for_wire(client.client().wire()))
}

/// Whether `client` may revoke a token that was issued to the client of the row `owner`: only its own. For any other the
/// answer is the one for a token that nobody knows (FM-98), and nothing is done.
pub fn may_revoke(client: &AuthedClient, owner: Id) -> bool {
    client.client().id == owner
}
