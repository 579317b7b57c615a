//! Requests to a Git host as plain values.
//!
//! Owns where a secret may stand: in a header or in a body, whose members are in `fields`. An address is made of open text only
//! ([`crate::address::Address`]), so a token cannot end up in somebody's access log (FM-109). Does not own sending.

use crate::address::Address;
use crate::refusal::{Refusal, Why};
use crate::secret::Secret;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::fmt;
use zeroize::Zeroizing;

mod fields;
use fields::{Field, spell_group, spell_text};

pub use fields::Fields;

/// The method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD: the reply has no body, whatever its headers say of one.
    Head,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    /// Its spelling.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// One request, complete but for the connection.
pub struct Request {
    method: Method,
    address: Address,
    headers: Vec<(&'static str, Zeroizing<String>)>,
    body: Option<Body>,
    secrets: Secrets,
    reply_limit: usize,
    holds: Holds,
}

/// What a reply holds, as far as its length depends on it.
#[derive(Clone, Copy)]
enum Holds {
    Facts,
    File,
    Tree,
}

struct Body {
    content_type: &'static str,
    bytes: Zeroizing<Vec<u8>>,
}

impl Request {
    /// A request without a body. It carries a User-Agent: Gitee answers 403 to whoever has none.
    pub fn new(method: Method, address: Address) -> Request {
        let headers = vec![("User-Agent", Zeroizing::new(USER_AGENT.to_owned()))];
        Request {
            method,
            address,
            headers,
            body: None,
            secrets: Secrets::default(),
            reply_limit: REPLY_BYTES,
            holds: Holds::Facts,
        }
    }

    /// Sets a header of open text. Control characters are taken out: they would begin another header.
    pub fn header(mut self, name: &'static str, value: &str) -> Request {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        let value = value.chars().filter(|c| !c.is_control()).collect::<String>();
        self.headers.push((name, Zeroizing::new(value)));
        self
    }

    /// Adds `Authorization: Bearer`.
    pub fn bearer(self, token: &Secret) -> Request {
        let value = Zeroizing::new(format!("Bearer {}", token.expose()));
        self.header("Authorization", &value).keep(token)
    }

    /// Adds `Authorization: Basic`.
    pub fn basic(self, user: &str, password: &Secret) -> Request {
        let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
        let encoded = Secret::new(STANDARD.encode(pair.as_bytes()));
        let value = Zeroizing::new(format!("Basic {}", encoded.expose()));
        self.header("Authorization", &value).keep(password).keep(&encoded)
    }

    /// Gives it a body as `application/x-www-form-urlencoded`. Groups, lists and numbers are for JSON and left out.
    pub fn form(mut self, fields: Fields) -> Request {
        let mut text = String::new();
        for (name, field) in fields.members() {
            let value = match field {
                Field::Text(text) => text.as_str(),
                Field::Secret(secret) => secret.expose(),
                Field::Flag(true) => "true",
                Field::Flag(false) => "false",
                Field::Group(_) | Field::Groups(_) | Field::List(_) | Field::Number(_) => continue,
            };
            let separator = if text.is_empty() { "" } else { "&" };
            text.push_str(separator);
            text.push_str(name);
            text.push('=');
            text.extend(form_urlencoded::byte_serialize(value.as_bytes()));
        }
        let bytes = Zeroizing::new(text.into_bytes());
        self.body = Some(Body { content_type: "application/x-www-form-urlencoded", bytes });
        self.keep_all(&fields)
    }

    /// Gives it a body as JSON.
    pub fn json(mut self, fields: Fields) -> Request {
        let mut bytes = Zeroizing::new(Vec::new());
        spell_group(&fields, &mut bytes);
        self.body = Some(Body { content_type: "application/json", bytes });
        self.keep_all(&fields)
    }

    /// Allows a longer reply than [`REPLY_BYTES`].
    pub fn reply_limit(mut self, bytes: usize) -> Request {
        self.reply_limit = bytes;
        self
    }

    /// The same for a reply that holds a file: a longer one is too large, and the host is not to blame.
    pub fn file_limit(self, bytes: usize) -> Request {
        Request { holds: Holds::File, ..self.reply_limit(bytes) }
    }

    /// The same for a reply that holds a tree.
    pub fn tree_limit(self, bytes: usize) -> Request {
        Request { holds: Holds::Tree, ..self.reply_limit(bytes) }
    }

    /// What a reply that is too long means.
    pub(crate) fn too_long(&self) -> Refusal {
        match self.holds {
            Holds::File => Refusal::new(Why::TooLarge, "the file is larger than 8 MiB"),
            Holds::Tree => Refusal::new(Why::TooLarge, "this tree is longer than we read"),
            Holds::Facts => Refusal::broken("the host's answer is longer than we read"),
        }
    }

    /// The method.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Where it goes: an absolute URL that holds no secret.
    pub fn url(&self) -> &str {
        self.address.as_str()
    }

    /// Its headers as they are sent, secrets included: for the one who sends.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let content_type = self.body.iter().map(|body| ("Content-Type", body.content_type));
        self.headers.iter().map(|(name, value)| (*name, value.as_str())).chain(content_type)
    }

    /// Its body as it is sent, secrets included; empty when there is none.
    pub fn body(&self) -> &[u8] {
        self.body.as_ref().map_or(&[], |body| &body.bytes)
    }

    /// How many bytes of a reply's body are read; a longer one is cut off and refused.
    pub const fn most_reply_bytes(&self) -> usize {
        self.reply_limit
    }

    /// Whether sending it twice does no more than sending it once, so that it may be sent again after a lost reply.
    pub const fn may_repeat(&self) -> bool {
        matches!(self.method, Method::Get | Method::Head)
    }

    /// The secrets that it carries, to take them out of words.
    pub(crate) fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    fn keep(mut self, secret: &Secret) -> Request {
        self.secrets.0.push(secret.clone());
        self
    }

    fn keep_all(mut self, fields: &Fields) -> Request {
        for (_, field) in fields.members() {
            match field {
                Field::Secret(secret) => self = self.keep(secret),
                Field::Group(group) => self = self.keep_all(group),
                Field::Groups(groups) => self = groups.iter().fold(self, Request::keep_all),
                _ => {}
            }
        }
        self
    }
}

/// The secrets of one request.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<Secret>);

impl Secrets {
    /// Takes them out of words that a host said, because some hosts echo what they were sent: as they are, and as they
    /// are spelled in a query, in an address and in JSON.
    pub(crate) fn scrub(&self, words: &str) -> String {
        let mut spellings: Vec<Zeroizing<String>> = Vec::new();
        for text in self.0.iter().map(Secret::expose).filter(|text| !text.is_empty()) {
            let query = form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let segment = query.replace('+', "%20");
            let mut json = Vec::new();
            spell_text(text, &mut json);
            let json = String::from_utf8(json).unwrap_or_default().trim_matches('"').to_owned();
            let lower = [&query, &segment].map(|spelled| lower_escapes(spelled));
            spellings.extend(lower.into_iter().chain([text.to_owned(), query, segment, json]).map(Zeroizing::new));
        }
        // The longest first: what is part of another one would break it into pieces that no longer match.
        spellings.sort_by_key(|spelled| std::cmp::Reverse(spelled.len()));
        spellings.dedup();
        let found = |words: String, spelled: &Zeroizing<String>| words.replace(spelled.as_str(), "…");
        spellings.iter().fold(words.to_owned(), found)
    }
}

/// The same escapes in lower case, as other encoders write them.
fn lower_escapes(spelled: &str) -> String {
    let mut left = 0;
    let lower = |c: char| {
        left = if c == '%' { 3 } else { left };
        let is_digit = left > 0;
        left = if is_digit { left - 1 } else { 0 };
        if is_digit { c.to_ascii_lowercase() } else { c }
    };
    spelled.chars().map(lower).collect()
}

/// As it stands in logs: without its query, headers and body.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} [{} bytes]", self.method.name(), self.address.without_query(), self.body().len())
    }
}

/// How every request names us.
pub const USER_AGENT: &str = "Vestibule";

/// The usual cap of a reply: a page of 100 repositories of a talkative host has about 1 MB.
pub const REPLY_BYTES: usize = 4 << 20;
