//! A token that a client shows to have it revoked or to ask about it (RFC 7009 section 2.1, RFC 7662 section 2.1).
//!
//! Owns reading it. The spelling tells its kind, so `token_type_hint` is not needed and a wrong one misleads nobody
//! (statement 70). What is done about it is `revocation`'s and `introspection`'s.

use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::secret::{Kind, MachineSecret, Secret};

/// What was shown.
#[derive(Debug)]
pub enum Presented {
    /// Something that is spelled like an access token of ours.
    AccessToken(MachineSecret),
    /// Something that is spelled like a signed token, of which only access tokens are shown here.
    Signed(Secret),
    /// Something that is spelled like a refresh token of ours.
    RefreshToken(MachineSecret),
    /// A secret of ours that is neither: a code, a client secret, a session.
    OtherSecret,
    /// Nothing of ours.
    Unknown,
}

impl Presented {
    /// Reads the `token` parameter. Errors: `invalid_request` when it is missing.
    pub fn read(parameters: &Parameters) -> Result<Presented, Refusal> {
        let text = parameters.required("token")?;
        if let Some(token) = MachineSecret::parse(Kind::AccessToken, text) {
            return Ok(Presented::AccessToken(token));
        }
        if let Some(token) = MachineSecret::parse(Kind::RefreshToken, text) {
            return Ok(Presented::RefreshToken(token));
        }
        if is_signed(text) {
            return Ok(Presented::Signed(Secret::new(text)));
        }
        let others = [
            Kind::Code,
            Kind::ClientSecret,
            Kind::Session,
            Kind::Browser,
            Kind::SetupLink,
            Kind::AccessKey,
            Kind::ProjectToken,
            Kind::GitState,
        ];
        let is_other = others.into_iter().any(|kind| MachineSecret::parse(kind, text).is_some());
        Ok(if is_other { Presented::OtherSecret } else { Presented::Unknown })
    }
}

/// Whether `text` is spelled like a compact JWS: no secret of ours holds a dot.
pub fn is_signed(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == b'.').take(3).count() == 2
}
