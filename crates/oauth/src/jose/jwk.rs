//! A public key as JSON (RFC 7517, RFC 7518 section 6, RFC 8037 section 2) and its thumbprint (RFC 7638).
//!
//! Owns what a key is made of and how it is spelled. Whether the numbers are a key is for [`VerifyingKey`](super::VerifyingKey).

use super::{Algorithm, KeyError, base64url, strict_object};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// A public key for signatures. Never holds a private one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwk {
    material: Material,
    kid: Option<String>,
}

/// The numbers of a public key. RSA's have no leading zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Material {
    /// An Ed25519 point.
    Ed25519([u8; 32]),
    /// The coordinates of a P-256 point.
    P256 { x: [u8; 32], y: [u8; 32] },
    /// An RSA modulus and exponent, big-endian.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl Jwk {
    /// A key that is named by its thumbprint.
    pub(super) fn named(material: Material) -> Jwk {
        let mut jwk = Jwk { material, kid: None };
        jwk.kid = Some(jwk.thumbprint());
        jwk
    }

    /// Reads a key; unknown members are ignored (RFC 7517 section 4), among them those that point elsewhere.
    ///
    /// Refused are: text over 16 KiB, a member twice, a private half, a use other than signatures, an `alg` that is
    /// not this key's, RSA below 2,048 or above 8,192 bits.
    pub fn from_json(text: &str) -> Result<Jwk, KeyError> {
        if text.len() > MAX_BYTES {
            return Err(KeyError::Size);
        }
        Jwk::from_members(&strict_object(text.as_bytes(), MAX_DEPTH).ok_or(KeyError::Malformed)?)
    }

    /// Reads a key from the members of its object.
    pub(super) fn from_members(members: &Map<String, Value>) -> Result<Jwk, KeyError> {
        let material = match (text(members, "kty")?, members.get("crv").and_then(Value::as_str)) {
            ("OKP", Some("Ed25519")) => Material::Ed25519(fixed(members, "x")?),
            ("EC", Some("P-256")) => Material::P256 { x: fixed(members, "x")?, y: fixed(members, "y")? },
            ("RSA", None) => Material::Rsa { n: number(members, "n")?, e: number(members, "e")? },
            _ => return Err(KeyError::Unsupported),
        };
        if PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)) {
            return Err(KeyError::Private);
        }
        let kid =
            members.get("kid").map(|kid| kid.as_str().map(str::to_owned).ok_or(KeyError::Malformed)).transpose()?;
        let jwk = Jwk { material, kid };
        jwk.check_size()?;
        jwk.check_purpose(members)?;
        Ok(jwk)
    }

    fn check_size(&self) -> Result<(), KeyError> {
        let Material::Rsa { n, e } = &self.material else { return Ok(()) };
        let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
        // An even modulus or exponent, and an exponent of one, are no RSA key at all.
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        match () {
            () if !(2048..=8192).contains(&bits) || e.len() > 4 => Err(KeyError::Size),
            () if !is_odd(n) || !is_odd(e) || **e == [1] => Err(KeyError::Malformed),
            () => Ok(()),
        }
    }

    fn check_purpose(&self, members: &Map<String, Value>) -> Result<(), KeyError> {
        let is = |name, due: &str| members.get(name).is_none_or(|value| value == due);
        let verifies = |operations: &Value| {
            operations.as_array().is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
        };
        let fits =
            is("use", "sig") && is("alg", self.algorithm().name()) && members.get("key_ops").is_none_or(verifies);
        if fits { Ok(()) } else { Err(KeyError::Unsupported) }
    }

    /// The spelling of the key, as it stands in a key set.
    pub fn to_json(&self) -> String {
        let mut json = self.required_members();
        json.pop();
        // Writing to a String cannot fail.
        let _ = write!(json, r#","use":"sig","alg":"{}""#, self.algorithm().name());
        if let Some(kid) = &self.kid {
            let _ = write!(json, r#","kid":{}"#, Value::from(kid.as_str()));
        }
        json.push('}');
        json
    }

    /// The SHA-256 thumbprint, base64url (RFC 7638 section 3).
    pub fn thumbprint(&self) -> String {
        base64url::spell(digest(&SHA256, self.required_members().as_bytes()).as_ref())
    }

    /// The members that make the key, in the order that the thumbprint wants.
    fn required_members(&self) -> String {
        use base64url::spell;
        match &self.material {
            Material::Ed25519(x) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, spell(x)),
            Material::P256 { x, y } => {
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, spell(x), spell(y))
            }
            Material::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, spell(e), spell(n)),
        }
    }

    /// The one algorithm that the key is for, whatever a token says (FM-79).
    pub const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Ed25519(_) => Algorithm::EdDsa,
            Material::P256 { .. } => Algorithm::Es256,
            Material::Rsa { .. } => Algorithm::Rs256,
        }
    }

    /// The name that the key goes by, if it has one. Any text at all when somebody else made the key.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(super) const fn material(&self) -> &Material {
        &self.material
    }
}

/// How long the spelling of a key may be that comes from outside, in bytes. An RSA key of 8,192 bits has about 1,500.
pub const MAX_BYTES: usize = 16 * 1024;

/// How deep a key may be nested; certificates (`x5c`, ignored) are one array.
const MAX_DEPTH: usize = 4;

/// Members of private and of symmetric keys (RFC 7518 sections 6.2.2, 6.3.2, 6.4.1; RFC 8037 section 2).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, KeyError> {
    members.get(name).and_then(Value::as_str).ok_or(KeyError::Malformed)
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, KeyError> {
    base64url::read(text(members, name)?).ok_or(KeyError::Malformed)
}

/// Coordinates keep their leading zeros (RFC 7518 section 6.2.1.2).
fn fixed(members: &Map<String, Value>, name: &str) -> Result<[u8; 32], KeyError> {
    bytes(members, name)?.try_into().map_err(|_| KeyError::Malformed)
}

/// Numbers have none (RFC 7518 section 2, Base64urlUInt), or one key would have several thumbprints.
fn number(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, KeyError> {
    let bytes = bytes(members, name)?;
    if bytes.first().is_none_or(|first| *first == 0) { Err(KeyError::Malformed) } else { Ok(bytes) }
}
