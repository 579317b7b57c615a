//! The `claims` parameter (OpenID Connect Core section 5.5): single claims that a client asks for, and where.
//!
//! Owns its bounds, its reading and its stored spelling, and which scope's consent opens a claim. Does not own what a
//! person's claims are (`userinfo`) nor how an ID token is made.

use crate::jose::strict_object;
use crate::scope::ScopeSet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest text that is read, in bytes.
pub const MAX_LENGTH: usize = 4096;
/// How deep it may be nested.
const MAX_DEPTH: usize = 8;
/// How many claims may be asked for in each place, unknown ones included.
pub const MAX_CLAIMS: usize = 64;
/// How many values of one claim may be named.
pub const MAX_VALUES: usize = 16;

/// What a client asks for by name. Claims that are not known here are left out (section 5.5: ignored).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// To stand in the ID token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_token: Vec<Claim>,
    /// To be told by the userinfo endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub userinfo: Vec<Claim>,
}

/// One claim that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Its name, one of [`KNOWN`].
    pub name: String,
    /// Whether the client cannot do without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    /// The values that it may have, the best first; empty for any. Values that are no text are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Why a `claims` parameter cannot be read: it is no object of objects as section 5.5 has it, names a member twice, or is
/// larger than the bounds of this file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedClaims;

/// The claims that can be asked for by name, each with the scope whose consent opens it; `None` for claims that say
/// nothing about a person but who they are to the client, and how they signed in.
pub const KNOWN: [(&str, Option<&str>); 13] = [
    ("sub", None),
    ("auth_time", None),
    ("acr", None),
    ("amr", None),
    ("name", Some("profile")),
    ("nickname", Some("profile")),
    ("preferred_username", Some("profile")),
    ("locale", Some("profile")),
    ("zoneinfo", Some("profile")),
    ("updated_at", Some("profile")),
    ("email", Some("email")),
    ("email_verified", Some("email")),
    ("phone_number", Some("phone")),
];

impl ClaimsRequest {
    /// Reads the parameter's text.
    pub fn parse(text: &str) -> Result<ClaimsRequest, MalformedClaims> {
        if text.len() > MAX_LENGTH {
            return Err(MalformedClaims);
        }
        let places = strict_object(text.as_bytes(), MAX_DEPTH).ok_or(MalformedClaims)?;
        let read = |place| read_place(places.get(place).unwrap_or(&Value::Null));
        Ok(ClaimsRequest { id_token: read("id_token")?, userinfo: read("userinfo")? })
    }

    /// The text that the store keeps with a grant; [`ClaimsRequest::from_json`] reads it.
    pub fn to_json(&self) -> String {
        // Lists of text and flags can always be spelled, so there is no error to tell.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`ClaimsRequest::to_json`] gave; `None` for anything else.
    pub fn from_json(text: &str) -> Option<ClaimsRequest> {
        serde_json::from_str(text).ok()
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.id_token.is_empty() && self.userinfo.is_empty()
    }

    /// The claim of this name that is asked for in the ID token.
    pub fn in_id_token(&self, name: &str) -> Option<&Claim> {
        self.id_token.iter().find(|claim| claim.name == name)
    }

    /// The scopes whose consent opens what is asked for.
    pub fn scopes(&self) -> ScopeSet {
        let mut scopes = ScopeSet::empty();
        self.id_token.iter().chain(&self.userinfo).filter_map(|claim| scope_of(&claim.name)).for_each(|scope| {
            scopes.insert(scope);
        });
        scopes
    }

    /// What of it `consented` opens: a claim about a person is told only if they allowed the scope that it belongs to,
    /// whether or not the client named that scope.
    pub fn opened_by(&self, consented: &ScopeSet) -> ClaimsRequest {
        let opened = |claims: &[Claim]| {
            let is_open = |claim: &&Claim| scope_of(&claim.name).is_none_or(|scope| consented.contains(scope));
            claims.iter().filter(is_open).cloned().collect()
        };
        ClaimsRequest { id_token: opened(&self.id_token), userinfo: opened(&self.userinfo) }
    }
}

/// The scope whose consent opens the claim of this name, if it needs one.
pub fn scope_of(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(known, _)| *known == name).and_then(|(_, scope)| *scope)
}

fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == name)
}

/// The known claims of one place. A place, and what is said of a claim, may be `null`.
fn read_place(place: &Value) -> Result<Vec<Claim>, MalformedClaims> {
    let wishes = match place {
        Value::Null => return Ok(Vec::new()),
        Value::Object(wishes) if wishes.len() <= MAX_CLAIMS => wishes,
        _ => return Err(MalformedClaims),
    };
    wishes.iter().filter(|(name, _)| is_known(name)).map(|(name, wish)| read_claim(name, wish)).collect()
}

/// One claim; unknown members of what is said of it are ignored.
fn read_claim(name: &str, wish: &Value) -> Result<Claim, MalformedClaims> {
    let none = Map::new();
    let members = match wish {
        Value::Null => &none,
        Value::Object(members) => members,
        _ => return Err(MalformedClaims),
    };
    let values: &[Value] = match (members.get("value"), members.get("values")) {
        (None, None) => &[],
        (Some(value), None) => std::slice::from_ref(value),
        (None, Some(Value::Array(values))) if !values.is_empty() && values.len() <= MAX_VALUES => values,
        _ => return Err(MalformedClaims),
    };
    let texts: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    // Whoever asks for one person must not be answered for anybody because the name could not be read.
    if texts.len() < values.len() && matches!(name, "sub" | "acr") {
        return Err(MalformedClaims);
    }
    let essential = members.get("essential") == Some(&Value::Bool(true));
    Ok(Claim { name: name.to_owned(), essential, values: texts })
}
