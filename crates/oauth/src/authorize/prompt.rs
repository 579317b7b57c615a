//! The `prompt` parameter: which pages a client asks for.
//!
//! Owns its reading. What follows from it is `next_step`'s.

use super::invalid;
use crate::refusal::Refusal;
use serde::{Deserialize, Serialize};

/// The values that are served: `prompt_values_supported`.
pub const PROMPT_VALUES: [&str; 4] = ["none", "login", "consent", "select_account"];

/// The `prompt` parameter (OpenID Connect Core section 3.1.2.1): which pages the client asks for, or none at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// The person must sign in anew.
    pub login: bool,
    /// The person must be asked for consent.
    pub consent: bool,
    /// The person must say which account it is to be.
    pub select_account: bool,
}

impl Prompt {
    /// Reads a space-separated list. Errors: `invalid_request` for an unknown value, and for `none` beside others.
    pub(super) fn parse(text: &str) -> Result<Prompt, Refusal> {
        let mut prompt = Prompt::default();
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return Err(invalid("prompt must be none, login, consent or select_account.")),
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
            return Err(invalid("prompt=none goes with no other prompt."));
        }
        Ok(prompt)
    }
}
