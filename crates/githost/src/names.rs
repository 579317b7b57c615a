//! The names that a caller gives: namespaces, projects, paths, refs, tags, hooks; and the texts beside them.
//!
//! Owns which names are taken at all, so that no host's file has to think of dot segments or control characters. The
//! wire writes a slash as a colon (`group:team`); a slash that was percent-encoded inside its segment is one too. Does
//! not own percent-encoding ([`crate::address`]).

use crate::answers::MOST_FILE_BYTES;
use crate::refusal::{Refusal, Why};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::borrow::Cow;

/// A namespace: its id at the host, or its name, slashes as slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

/// A project: its id at the host, or its name within the namespace, slashes as slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project(String);

/// A file's path within the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath(String);

/// A branch, a tag or a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref(String);

/// A webhook's id: digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookId(String);

/// The sha of a blob: 40 or 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobSha(String);

/// The name of a repository that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewName(String);

/// The message of a commit or of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message(String);

impl Message {
    /// Reads a message: some text, of at most 64 KiB, without the NUL at which git would end it.
    pub fn parse(text: &str) -> Result<Message, Refusal> {
        if text.trim().is_empty() || text.len() > MAX_MESSAGE_BYTES || text.contains('\0') {
            return Err(Refusal::invalid("the message is empty, longer than 64 KiB, or has a NUL in it"));
        }
        Ok(Message(text.to_owned()))
    }

    /// The message.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Namespace {
    /// Reads a segment that was percent-decoded once.
    pub fn parse(text: &str) -> Result<Namespace, Refusal> {
        path(text, "namespace").map(Namespace)
    }

    /// The name or id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it may be an id.
    pub fn is_number(&self) -> bool {
        is_number(&self.0)
    }

    /// Whether it is that id or that name; hosts do not tell case apart in names.
    pub fn is(&self, id: &str, name: &str) -> bool {
        self.0 == id || self.0.eq_ignore_ascii_case(name)
    }
}

impl Project {
    /// Reads a segment that was percent-decoded once.
    pub fn parse(text: &str) -> Result<Project, Refusal> {
        path(text, "project").map(Project)
    }

    /// The name or id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it may be an id.
    pub fn is_number(&self) -> bool {
        is_number(&self.0)
    }

    /// The name within `namespace`, if it was given as a full path or as a name.
    pub fn below<'a>(&'a self, namespace: &str) -> &'a str {
        let full = self.0.split_at_checked(namespace.len()).filter(|(head, _)| head.eq_ignore_ascii_case(namespace));
        full.and_then(|(_, rest)| rest.strip_prefix('/')).unwrap_or(&self.0)
    }
}

impl FilePath {
    /// Reads a segment that was percent-decoded once.
    pub fn parse(text: &str) -> Result<FilePath, Refusal> {
        let path = path(text, "path")?;
        if path.split('/').any(is_gits_own) {
            return Err(Refusal::invalid(
                "a part of the path is git's own: no file is named .git, however it is spelled",
            ));
        }
        Ok(FilePath(path))
    }

    /// The path, with slashes and none at either end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ref {
    /// Reads the name of a branch or tag, or a commit's sha, after the rules of git-check-ref-format(1).
    pub fn parse(text: &str) -> Result<Ref, Refusal> {
        let bad_character = |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
        let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
        let is_bad = text.is_empty()
            || text.len() > MAX_BYTES
            || text.starts_with('-')
            || text.ends_with('.')
            || text.contains("..")
            || text.contains("@{")
            || text.contains(bad_character)
            || text.split('/').any(bad_part);
        if is_bad {
            return Err(Refusal::invalid("this is no name of a branch, tag or commit"));
        }
        Ok(Ref(text.to_owned()))
    }

    /// The name, slashes as slashes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl HookId {
    /// Reads an id.
    pub fn parse(text: &str) -> Result<HookId, Refusal> {
        if !is_number(text) {
            return Err(Refusal::not_found("there is no such hook: its id is a number"));
        }
        Ok(HookId(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl BlobSha {
    /// Reads a sha as `read_file` gave it.
    pub fn parse(text: &str) -> Result<BlobSha, Refusal> {
        let is_hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !matches!(text.len(), 40 | 64) || !is_hex {
            return Err(Refusal::invalid("the sha is not the one of a file's content, as reading the file answers it"));
        }
        Ok(BlobSha(text.to_owned()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NewName {
    /// Reads the name of a repository to be made: letters, digits and `._-`, as every host takes it.
    pub fn parse(text: &str) -> Result<NewName, Refusal> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        let reserved = text.starts_with(['.', '-']) || text.ends_with(".git");
        if text.is_empty() || text.len() > 100 || !plain || reserved {
            return Err(Refusal::invalid(
                "a repository's name has letters, digits and . _ - and begins with no . or -",
            ));
        }
        Ok(NewName(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A file's content in base64: the canonical spelling, without line breaks.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(String);

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Files hold secrets more often than they should.
        write!(f, "[{} bytes of base64]", self.0.len())
    }
}

impl Content {
    /// Reads base64 as RFC 4648 section 4 spells it, of at most [`MOST_FILE_BYTES`]; in one line or in several, as RFC 2045
    /// section 6.8 and most tools break them.
    pub fn parse(text: &str) -> Result<Content, Refusal> {
        let text = joined(text).ok_or_else(|| Refusal::invalid(NO_BASE64))?;
        if text.len() > MOST_FILE_BYTES.div_ceil(3) * 4 {
            return Err(Refusal::new(Why::TooLarge, "the file is larger than 8 MiB"));
        }
        match STANDARD.decode(text.as_bytes()) {
            // The length of base64 tells the content's only up to two bytes.
            Ok(bytes) if bytes.len() > MOST_FILE_BYTES => {
                Err(Refusal::new(Why::TooLarge, "the file is larger than 8 MiB"))
            }
            Ok(_) => Ok(Content(text.into_owned())),
            Err(_) => Err(Refusal::invalid(NO_BASE64)),
        }
    }

    /// The base64.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const NO_BASE64: &str = "the content is not base64";

/// What stands in lines that end in LF or CRLF, the last one perhaps too; none has nothing in it.
fn joined(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('\n') {
        return Some(Cow::Borrowed(text));
    }
    let mut whole = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
        if line.is_empty() {
            return None;
        }
        whole.push_str(line);
    }
    Some(Cow::Owned(whole))
}

/// Whether git takes a part of a path for its own folder, in any case and as Windows may spell it: its `verify_path` refuses
/// these everywhere, unless it is told not to. What only the file system of a Mac takes for it is left to the hosts.
fn is_gits_own(segment: &str) -> bool {
    let after = |name: &str| {
        let (head, rest) = segment.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then(|| rest.trim_start_matches([' ', '.']))
    };
    after(".git").or_else(|| after("git~1")).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

/// A path of segments: colons are slashes, and no segment is empty or a dot segment.
fn path(text: &str, what: &str) -> Result<String, Refusal> {
    let path = text.replace(':', "/");
    let bad_segment = |segment: &str| matches!(segment, "" | "." | "..");
    if path.len() > MAX_BYTES || path.contains(char::is_control) || path.split('/').any(bad_segment) {
        return Err(Refusal::invalid(&format!(
            "the {what} is empty, too long, or has an empty part, a dot segment or a control character"
        )));
    }
    Ok(path)
}

fn is_number(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The longest message, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// The longest name, in bytes.
const MAX_BYTES: usize = 1024;
