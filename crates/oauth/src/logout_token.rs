//! The logout token (OpenID Connect Back-Channel Logout section 2.4): how an application is told that a session ended.
//!
//! Owns its claims. Signing is `jose`'s, delivering the server's.

use serde::Serialize;

/// What a logout token says.
#[derive(Clone, Copy, Debug)]
pub struct LogoutToken<'a> {
    /// Who says so: the public URL.
    pub issuer: &'a str,
    /// To which application.
    pub client_id: &'a str,
    /// Of whom, by the name that this application knows.
    pub subject: &'a str,
    /// Which session, as in its ID tokens.
    pub session: &'a str,
    /// An identifier that no other token has.
    pub id: &'a str,
}

/// How long one is good, in seconds: it is made when it is sent.
pub const LIFE_S: i64 = 120;

impl LogoutToken<'_> {
    /// The claims as JSON text, for a token that is made at `now` (Unix milliseconds). Never a `nonce`, so that it cannot
    /// pass for an ID token (section 2.4).
    pub fn claims(&self, now: i64) -> String {
        let issued_at = now.div_euclid(1000);
        let claims = Claims {
            iss: self.issuer,
            sub: self.subject,
            aud: self.client_id,
            iat: issued_at,
            exp: issued_at + LIFE_S,
            jti: self.id,
            sid: self.session,
            events: Events { logout: Nothing {} },
        };
        // Text and numbers can always be spelled, so there is no error to tell.
        serde_json::to_string(&claims).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: &'a str,
    sid: &'a str,
    events: Events,
}

#[derive(Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Nothing,
}

#[derive(Serialize)]
struct Nothing {}
