//! The page that carries an answer to the application by a form (OAuth 2.0 Form Post Response Mode).
//!
//! Owns the page's context and the one script of the house, which presses the button; without scripts the person does.

use super::{finish, style};
use crate::text::{Language, Text};
use askama::Template;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use vestibule_oauth::response::AuthorizationResponse;
use vestibule_oauth::secret::Digest;

/// The script. Nothing of a request stands in it, so that its hash is always the same (FM-94).
pub const SCRIPT: &str = "document.forms[0].submit()";

/// The source of a content security policy that allows [`SCRIPT`] and nothing else.
pub fn script_source() -> String {
    format!("'sha256-{}'", STANDARD.encode(Digest::of(SCRIPT.as_bytes()).as_bytes()))
}

/// The page's context.
pub struct FormPostPage<'a> {
    /// The language.
    pub language: Language,
    /// The application's name.
    pub application: &'a str,
    /// What is sent, and where to: a registered redirect URI.
    pub response: &'a AuthorizationResponse,
}

impl FormPostPage<'_> {
    /// The page.
    pub fn render(&self) -> String {
        let text = self.language.text();
        finish(Html { text, application: self.application, response: self.response }.render())
    }
}

#[derive(Template)]
#[template(path = "form_post.html", whitespace = "minimize")]
struct Html<'a> {
    text: &'static Text,
    application: &'a str,
    response: &'a AuthorizationResponse,
}
