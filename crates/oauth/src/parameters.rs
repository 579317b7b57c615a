//! The parameters of a request, as they came: query, body and HTTP Basic, kept apart.
//!
//! Owns how they are read and how a name is looked up over its sources. Which sources a client may use is judged by
//! `client_auth` once the client is known; what a value means is the grant's or the endpoint's.

use crate::refusal::{Code, Refusal};
use crate::secret::Secret;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use zeroize::Zeroizing;

/// The body of a request, told apart by its `Content-Type`. An empty body is [`Body::None`] whatever its type.
#[derive(Clone, Copy)]
pub enum Body<'a> {
    /// There is none.
    None,
    /// `application/x-www-form-urlencoded`.
    Form(&'a [u8]),
    /// `application/json`.
    Json(&'a [u8]),
    /// There is a body and no `Content-Type`. Ignored when the query has a `grant_type` (Casdoor posts junk there),
    /// otherwise read as a form.
    Untyped(&'a [u8]),
    /// Of a type that is not read here: refused unless the query has a `grant_type`. Pass [`Body::None`] where a
    /// foreign body is simply of no interest.
    Foreign,
}

/// Where a parameter stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the request URI's query (also when it stood in the body too, with the same value).
    Query,
    /// In the body only.
    Body,
}

/// What an `Authorization: Basic` header said (RFC 6749 section 2.3.1), form-decoded.
#[derive(Clone, Debug)]
pub struct Basic {
    /// The client identifier; never empty.
    pub client_id: String,
    /// The client secret; may be empty, which counts as none.
    pub secret: Secret,
}

/// The parameters of one request.
pub struct Parameters {
    query: Vec<Parameter>,
    body: Vec<Parameter>,
    basic: Option<Basic>,
    body_is_json: bool,
}

/// One name and its value. The value is `None` if it cannot be a parameter's: not text, or with control characters. That
/// is refused only when somebody asks for the name, because unknown parameters are ignored (statement 2).
struct Parameter {
    name: String,
    value: Option<Secret>,
}

impl Parameters {
    /// Reads a request's parameters.
    ///
    /// `query` is the request URI's raw query, `basic` the whole value of the `Authorization` header when its scheme
    /// is Basic (give `None` for any other scheme).
    ///
    /// Refused are: a name twice in one source (RFC 6749 section 3.1; `resource` excepted), more than [`MAX_PARAMETERS`], a JSON body that
    /// is no object or is nested deeper than [`MAX_JSON_DEPTH`], a foreign body (`UnsupportedMediaType`), and a Basic
    /// header that cannot be read (`invalid_client`).
    pub fn read(query: Option<&str>, body: Body<'_>, basic: Option<&str>) -> Result<Parameters, Refusal> {
        let query = read_form(query.unwrap_or_default().as_bytes())?;
        let all_in_query = query.iter().any(|p| p.name == "grant_type" && !p.is_empty());
        let mut body_is_json = false;
        let body = match body {
            Body::None => Vec::new(),
            Body::Form(bytes) => read_form(bytes)?,
            Body::Json(bytes) => match read_json(bytes) {
                Some(members) => {
                    body_is_json = !members.is_empty();
                    members
                }
                None if all_in_query => Vec::new(),
                None => return refuse("The body must be one JSON object with text members, or a form."),
            },
            Body::Untyped(_) if all_in_query => Vec::new(),
            Body::Untyped(bytes) => read_form(bytes)?,
            Body::Foreign if all_in_query => Vec::new(),
            Body::Foreign => {
                return Err(Refusal::new(
                    Code::UnsupportedMediaType,
                    "Send the parameters as application/x-www-form-urlencoded.",
                ));
            }
        };
        if query.len() + body.len() > MAX_PARAMETERS {
            return refuse("There are too many parameters: at most 100 are read.");
        }
        refuse_repeated(&query)?;
        refuse_repeated(&body)?;
        Ok(Parameters { query, body, basic: basic.map(read_basic).transpose()?, body_is_json })
    }

    /// The value of `name` over query and body. Absent and empty are both `None` (statement 4); the same value in
    /// both sources counts once; different values, a value that is not text, or control characters are refused.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match (text_of(&self.query, name)?, text_of(&self.body, name)?) {
            (Some(query), Some(body)) if query != body => {
                refuse(format!("{name} has different values in query and body: send it once."))
            }
            (Some(value), _) | (None, Some(value)) => Ok(Some(value)),
            (None, None) => Ok(None),
        }
    }

    /// The value of `name`; its absence is an `invalid_request` that names it.
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        match self.get(name)? {
            Some(value) => Ok(value),
            None => refuse(format!("{name} is missing: add it to the request.")),
        }
    }

    /// Where `name` stood, if it was there with a value.
    pub fn place(&self, name: &str) -> Option<Place> {
        if self.stands_in_query(name) {
            return Some(Place::Query);
        }
        stands_in(&self.body, name).then_some(Place::Body)
    }

    /// Whether `name` stood in the query with a value.
    pub fn stands_in_query(&self, name: &str) -> bool {
        stands_in(&self.query, name)
    }

    /// The HTTP Basic credentials, if that header was sent.
    pub fn basic(&self) -> Option<&Basic> {
        self.basic.as_ref()
    }

    /// Whether parameters were read from a JSON body.
    pub fn body_is_json(&self) -> bool {
        self.body_is_json
    }
}

impl fmt::Debug for Parameters {
    /// Names and values stay out: either may be a secret that a client has put in the wrong place (FM-107).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameters({} in the query, {} in the body)", self.query.len(), self.body.len())
    }
}

impl Parameter {
    fn is_empty(&self) -> bool {
        self.value.as_ref().is_some_and(|value| value.expose().is_empty())
    }
}

/// Whether `name` is in one source and not empty.
fn stands_in(source: &[Parameter], name: &str) -> bool {
    source.iter().any(|p| p.name == name && !p.is_empty())
}

/// The value of `name` in one source, if it is there and not empty.
fn text_of<'a>(source: &'a [Parameter], name: &str) -> Result<Option<&'a str>, Refusal> {
    match source.iter().find(|p| p.name == name) {
        Some(Parameter { value: Some(value), .. }) => Ok(Some(value.expose()).filter(|text| !text.is_empty())),
        Some(Parameter { value: None, .. }) => refuse(format!("{name} must be text without control characters.")),
        None => Ok(None),
    }
}

/// Reads `application/x-www-form-urlencoded`. Stops at one parameter more than are allowed.
fn read_form(bytes: &[u8]) -> Result<Vec<Parameter>, Refusal> {
    let pairs = bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty());
    let read_pair = |pair: &[u8]| {
        let (name, value) = match pair.iter().position(|b| *b == b'=') {
            Some(equals) => (&pair[..equals], &pair[equals + 1..]),
            None => (pair, &pair[pair.len()..]),
        };
        match form_decode(name) {
            Some(name) => Ok(Parameter { name, value: form_decode(value).and_then(plain) }),
            None => refuse("The name of a parameter is not UTF-8."),
        }
    };
    pairs.take(MAX_PARAMETERS + 1).map(read_pair).collect()
}

/// Form-decodes one name or value: `+` is a space, `%XX` a byte, anything else stands for itself. `None` if the
/// outcome is not UTF-8: replacing what is wrong would let two different texts become one.
fn form_decode(text: &[u8]) -> Option<String> {
    if !text.iter().any(|b| matches!(b, b'+' | b'%')) {
        return std::str::from_utf8(text).ok().map(str::to_owned);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex_digit(*high) * 16 + hex_digit(*low));
                rest = after;
            }
            _ => out.push(*first),
        }
    }
    String::from_utf8(out).ok()
}

/// The value of an ASCII hexadecimal digit.
const fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// The value, if it has no control character but the tab (RFC 6749 appendix A: nothing that a parameter may hold has).
/// Among others this keeps NUL from the database and line ends from headers and logs.
fn plain(text: String) -> Option<Secret> {
    // Without an early end the compiler looks at many bytes at once.
    let has_control = text.bytes().fold(false, |found, b| found | matches!(b, 0..=8 | 10..=31 | 127));
    (!has_control).then(|| Secret::new(text))
}

/// Refuses a name that stands twice in one source: which of the two counts is what two parsers would disagree on.
fn refuse_repeated(source: &[Parameter]) -> Result<(), Refusal> {
    for (i, parameter) in source.iter().enumerate() {
        // RFC 8707 lets `resource` stand there for each resource; no rule reads it so far.
        if parameter.name != "resource" && source[..i].iter().any(|earlier| earlier.name == parameter.name) {
            // A stranger's name is quoted only if it looks like a name, since junk may hold a secret.
            let name = &parameter.name;
            let is_name = name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            return refuse(format!("{} stands twice: send it once.", if is_name { name } else { "A parameter" }));
        }
    }
    Ok(())
}

/// Reads a JSON object. `null` members are left out; members that are not text are kept without a value.
fn read_json(bytes: &[u8]) -> Option<Vec<Parameter>> {
    if json_depth(bytes) > MAX_JSON_DEPTH {
        return None;
    }
    serde_json::from_slice::<JsonObject>(bytes).ok().map(|object| object.0)
}

/// How deep objects and arrays are nested (FM-119). Brackets inside of strings do not count.
fn json_depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            // Outside of a string a backslash is no JSON, which the reader proper will say.
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The members of an object in order, repeated names included: a map would hide them.
struct JsonObject(Vec<Parameter>);

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JsonObject, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = JsonObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry()? {
                    match value {
                        serde_json::Value::Null => {}
                        serde_json::Value::String(text) => members.push(Parameter { name, value: plain(text) }),
                        _ => members.push(Parameter { name, value: None }),
                    }
                }
                Ok(JsonObject(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// Reads the value of an `Authorization` header of the scheme Basic (RFC 7617), and form-decodes both halves (RFC 6749
/// section 2.3.1).
fn read_basic(header: &str) -> Result<Basic, Refusal> {
    // Padding is often left out.
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let read = || {
        let (scheme, encoded) = header.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let decoded = Zeroizing::new(LENIENT.decode(encoded.trim()).ok()?);
        let colon = decoded.iter().position(|b| *b == b':')?;
        let client_id = form_decode(&decoded[..colon]).and_then(plain)?;
        let secret = form_decode(&decoded[colon + 1..]).and_then(plain)?;
        (!client_id.expose().is_empty()).then(|| Basic { client_id: client_id.expose().to_owned(), secret })
    };
    read().ok_or_else(|| {
        let sentence = "The Authorization header must be Basic base64(client_id:client_secret), both form-encoded.";
        Refusal::new(Code::InvalidClient, sentence).tried_basic(true)
    })
}

/// An `invalid_request` with this sentence.
fn refuse<T>(sentence: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(Code::InvalidRequest, sentence))
}

/// How many parameters query and body may have together.
pub const MAX_PARAMETERS: usize = 100;

/// How deep a JSON body may be nested.
pub const MAX_JSON_DEPTH: usize = 16;
