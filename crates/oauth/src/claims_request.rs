//! The `claims` parameter (OpenID Connect Core section 5.5): single claims that a client asks for, and where.
//!
//! Owns its bounds, its reading and its stored spelling, and which scope's consent opens a claim. Does not own what a
//! person's claims are (`userinfo`) nor how an ID token is made.

use crate::scope::ScopeSet;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest text that is read, in bytes.
pub const MAX_LENGTH: usize = 4096;
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
        let read: Object<Option<Object<Wish>>> = serde_json::from_str(text).map_err(|_| MalformedClaims)?;
        let mut request = ClaimsRequest::default();
        for (place, wishes) in read.0 {
            let list = match place.as_str() {
                "id_token" => &mut request.id_token,
                "userinfo" => &mut request.userinfo,
                _ => continue,
            };
            let wishes = wishes.map(|wishes| wishes.0).unwrap_or_default();
            if wishes.len() > MAX_CLAIMS {
                return Err(MalformedClaims);
            }
            for (name, wish) in wishes {
                let values = wish.values()?;
                if is_known(&name) {
                    list.push(Claim { name, essential: wish.is_essential(), values });
                }
            }
        }
        Ok(request)
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

/// What is said of one claim: `null`, or an object whose unknown members are ignored.
#[derive(Deserialize)]
#[serde(transparent)]
struct Wish(Option<Object<serde_json::Value>>);

impl Wish {
    fn member(&self, name: &str) -> Option<&serde_json::Value> {
        self.0.as_ref()?.0.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    fn is_essential(&self) -> bool {
        self.member("essential") == Some(&serde_json::Value::Bool(true))
    }

    /// `value` and `values`, which exclude each other.
    fn values(&self) -> Result<Vec<String>, MalformedClaims> {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        match (self.member("value"), self.member("values")) {
            (None, None) => Ok(Vec::new()),
            (Some(value), None) => Ok(text(value).into_iter().collect()),
            (None, Some(serde_json::Value::Array(values))) if values.len() <= MAX_VALUES => {
                Ok(values.iter().filter_map(text).collect())
            }
            _ => Err(MalformedClaims),
        }
    }
}

/// The members of an object in order. A name that stands twice is refused: which of the two counts is what two parsers
/// would disagree on.
struct Object<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<T>, D::Error> {
        struct Members<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<T>, A::Error> {
                let mut members: Vec<(String, T)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, T>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom("a member stands twice"));
                    }
                    if members.len() > MAX_CLAIMS {
                        return Err(serde::de::Error::custom("too many members"));
                    }
                    members.push((name, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members(std::marker::PhantomData))
    }
}
