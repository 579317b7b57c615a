//! What kind of token a JWS is (RFC 8725 section 3.11): a token of one kind is never taken for another.

/// The kinds that Vestibule signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Typ {
    /// An ID token.
    Jwt,
    /// A signed access token (RFC 9068 section 2.1).
    AccessToken,
    /// A logout token (OpenID Connect Back-Channel Logout 1.0 section 2.4).
    LogoutToken,
}

impl Typ {
    /// Every kind.
    pub const ALL: [Typ; 3] = [Typ::Jwt, Typ::AccessToken, Typ::LogoutToken];

    /// The value of the header's `typ`.
    pub const fn name(self) -> &'static str {
        match self {
            Typ::Jwt => "JWT",
            Typ::AccessToken => "at+jwt",
            Typ::LogoutToken => "logout+jwt",
        }
    }

    /// Whether a header's `typ` names this kind: a media type in any case, with or without its `application/`
    /// (RFC 7515 section 4.1.9).
    pub fn is_named(self, typ: &str) -> bool {
        const PREFIX: &str = "application/";
        let bare = match typ.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
            _ => typ,
        };
        bare.eq_ignore_ascii_case(self.name())
    }
}
