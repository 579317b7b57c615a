//! The signature algorithms that there are (RFC 7518 section 3.1, RFC 8037 section 3.1). Symmetric ones and `none` have no
//! value here, so that no header can ask for them (FM-79).

/// A signature algorithm. A key has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA over P-256 with SHA-256, signatures as r ‖ s.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256; what OpenID Connect asks every client to know.
    Rs256,
}

impl Algorithm {
    /// Every algorithm, the cheapest to sign with first.
    pub const ALL: [Algorithm; 3] = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];

    /// The registered name, as `alg` says it.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Es256 => "ES256",
            Algorithm::Rs256 => "RS256",
        }
    }

    /// Reads a registered name; names are case-sensitive (RFC 7515 section 4.1.1).
    pub fn parse(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|a| a.name() == name)
    }
}
