//! How strongly a person was authenticated: the `acr` and `amr` that ID tokens tell (OpenID Connect Core section 2).
//!
//! Owns the names of what a sign-in here is worth, and whether a wish can be met. Does not sign anybody in.

/// The authentication context class of a sign-in with a password on our own pages (OASIS `saml-authn-context-2.0`
/// section 3.4.17, the URI that relying parties of OpenID Connect use too).
pub const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";

/// Every class that somebody can reach here: `acr_values_supported`.
pub const SUPPORTED: [&str; 1] = [PASSWORD];

/// The authentication methods of a sign-in with a password: `amr` (RFC 8176 section 2).
pub const AMR_PASSWORD: [&str; 1] = ["pwd"];

/// Whether somebody can reach one of these classes here.
pub fn reachable<S: AsRef<str>>(classes: &[S]) -> bool {
    classes.iter().any(|class| SUPPORTED.contains(&class.as_ref()))
}
