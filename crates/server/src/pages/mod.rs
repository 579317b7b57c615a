//! The pages that people see: contexts, and how they become HTML.
//!
//! Owns what stands on each page. Every context is a plain value with `render()` and can make a `sample()` of itself
//! with hostile values in it, so that every template is rendered by a test. Templates escape everything; nothing here
//! marks text as safe (FM-92). Statuses and headers are `web/answer`'s, sentences are `text`'s.

pub mod account;
pub mod applications;
pub mod consent;
pub mod form_post;
pub mod git;
pub mod home;
pub mod logo;
pub mod problem;
pub mod refused;
pub mod setup;
pub mod sign_in;
pub mod signed_out;
pub mod style;

/// A value that would break out of an attribute, an element or a sentence if any template forgot to escape.
#[cfg(test)]
pub const HOSTILE: &str = "\"><script>alert('x')</script>&amp;";

/// An application as people see it.
#[derive(Clone, Debug)]
pub struct ApplicationCard<'a> {
    /// Its name.
    pub name: &'a str,
    /// The address of its logo on this server (`/applications/{client_id}/logo`), when it has one.
    pub logo: Option<String>,
    /// Its home page; shown only when it is an `https` address (FM-08).
    pub home_page: Option<&'a str>,
    /// Whether an administrator vouches for it.
    pub verified: bool,
}

impl<'a> ApplicationCard<'a> {
    /// The card of a registered application. A home page that is not plain `https` is left out.
    pub fn new(
        name: &'a str,
        client_id: &str,
        has_logo: bool,
        home_page: Option<&'a str>,
        verified: bool,
    ) -> ApplicationCard<'a> {
        let logo = has_logo.then(|| format!("/applications/{client_id}/logo"));
        ApplicationCard { name, logo, home_page: home_page.filter(|page| is_https(page)), verified }
    }

    /// A card with hostile values, for tests.
    #[cfg(test)]
    pub fn sample() -> ApplicationCard<'a> {
        ApplicationCard {
            name: HOSTILE,
            logo: Some(format!("/applications/{HOSTILE}/logo")),
            home_page: Some("https://wiki.example.org/\"><script>alert(1)</script>"),
            verified: false,
        }
    }

    /// The first letter of the name, which stands where a logo is missing.
    fn initial(&self) -> String {
        initial(self.name)
    }

    /// The home page's host, to show instead of a long address.
    fn home_host(&self) -> String {
        let url = self.home_page.and_then(|page| url::Url::parse(page).ok());
        url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// The first letter or digit of a name, as a capital.
fn initial(name: &str) -> String {
    name.chars().find(|c| c.is_alphanumeric()).map_or_else(|| "?".to_owned(), |c| c.to_uppercase().collect())
}

/// Whether an address may be a link on a page: it parses as `https` with a host and without credentials, and holds
/// no white space or control character that a browser would drop before it reads the scheme (FM-08).
fn is_https(address: &str) -> bool {
    let clean = address.starts_with("https://") && !address.chars().any(|c| c.is_whitespace() || c.is_control());
    clean && url::Url::parse(address).is_ok_and(|u| u.has_host() && u.username().is_empty() && u.password().is_none())
}

/// The HTML of a rendered template. Rendering into memory fails for no input; should it, the person still gets a page.
fn finish(rendered: askama::Result<String>) -> String {
    rendered.unwrap_or_else(|error| {
        tracing::error!(%error, "a page could not be rendered");
        "<!doctype html><title>Vestibule</title><p>This page could not be shown.".to_owned()
    })
}

#[cfg(test)]
mod tests;
