//! Clone URLs: `https://github.com/octo/demo.git`, `ssh://git@host:22/octo/demo`, `git@github.com:octo/demo.git`.
//!
//! Owns the strict reading of the three forms. Whatever could be read in two ways is refused: another program would
//! read it the other way (FM-111). Does not own whether the repository exists.

use crate::refusal::{Refusal, Why};
use crate::site::Site;

/// A clone URL, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneUrl {
    form: Form,
    host: String,
    port: Option<u16>,
    segments: Vec<String>,
}

/// In which form it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `https://…`
    Https,
    /// `http://…`
    Http,
    /// `ssh://…` or `user@host:path`
    Ssh,
}

impl CloneUrl {
    /// Reads a clone URL of one of the three forms. A user name is passed over; a password is refused, because it has
    /// no business here.
    pub fn parse(text: &str) -> Result<CloneUrl, Refusal> {
        let is_plain =
            |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '\\' | '?' | '#' | '"' | '<' | '>');
        if text.len() > MAX_BYTES || !text.chars().all(is_plain) {
            return Err(bad("it has a character that no clone URL has, or is too long"));
        }
        match text.split_once("://") {
            Some((scheme, rest)) => {
                let (form, default_port) = match scheme.to_ascii_lowercase().as_str() {
                    "https" => (Form::Https, 443),
                    "http" => (Form::Http, 80),
                    "ssh" => (Form::Ssh, 22),
                    _ => return Err(bad("it begins with none of https://, ssh:// and user@host:")),
                };
                let (authority, path) = rest.split_once('/').ok_or_else(|| bad("it has no path"))?;
                let (host, port) = read_authority(authority)?;
                let port = port.filter(|port| *port != default_port);
                Ok(CloneUrl { form, host, port, segments: read_path(path)? })
            }
            None => {
                let (authority, path) = text.split_once(':').ok_or_else(|| bad("it names no host"))?;
                if authority.contains('/') || !authority.contains('@') {
                    return Err(bad("without a scheme it is user@host:path"));
                }
                let (host, _) = read_authority(authority)?;
                let path = path.strip_prefix('/').unwrap_or(path);
                Ok(CloneUrl { form: Form::Ssh, host, port: None, segments: read_path(path)? })
            }
        }
    }

    /// In which form it was written.
    pub const fn form(&self) -> Form {
        self.form
    }

    /// The host, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, unless it is the form's own.
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The path's segments, decoded, without `.git`.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The segments below `site`, at least two: the namespace's and the project's.
    ///
    /// The host must be the site's own, and for `https` its port and path too; over SSH only the host says where a
    /// repository lies.
    pub fn on(&self, site: &Site) -> Result<&[String], Refusal> {
        let elsewhere = || bad("it does not lie at the host of this authorization");
        let web = site.web();
        let is_side_door = self.form == Form::Ssh && SIDE_DOORS.contains(&(web.host(), &self.host, self.port));
        if self.host != web.host() && !is_side_door {
            return Err(elsewhere());
        }
        let below = match self.form {
            Form::Ssh => &self.segments[..],
            Form::Https | Form::Http => {
                let is_plain = self.form == Form::Http;
                if self.port != web.port() || is_plain != web.is_plain_http() {
                    return Err(elsewhere());
                }
                let prefix: Vec<&str> = web.path().split('/').filter(|s| !s.is_empty()).collect();
                let fits =
                    self.segments.len() >= prefix.len() && self.segments.iter().zip(&prefix).all(|(a, b)| a == b);
                if !fits {
                    return Err(elsewhere());
                }
                &self.segments[prefix.len()..]
            }
        };
        if below.len() < 2 { Err(bad("it names no namespace and project")) } else { Ok(below) }
    }
}

/// Reads `[user@]host[:port]`.
fn read_authority(authority: &str) -> Result<(String, Option<u16>), Refusal> {
    let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
    if user.is_some_and(|user| user.contains(':')) {
        return Err(bad("it has a password in it; take it out, and change it where it was in use"));
    }
    if user.is_some_and(|user| user.is_empty() || user.contains(['@', '/'])) {
        return Err(bad("its user name cannot be read"));
    }
    let (host, port) = match place.split_once(':') {
        None => (place, None),
        Some((host, digits)) => {
            let is_port = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
            let port = digits.parse::<u16>().ok().filter(|_| is_port);
            (host, Some(port.ok_or_else(|| bad("its port is no number from 1 to 65535"))?))
        }
    };
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    if host.is_empty() || host.starts_with('-') || host.split('.').any(str::is_empty) || !host.bytes().all(good) {
        return Err(bad("its host cannot be read"));
    }
    Ok((host.to_ascii_lowercase(), port))
}

/// Splits a path, decodes each segment once, and takes `.git` and a last slash off.
fn read_path(path: &str) -> Result<Vec<String>, Refusal> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = path.strip_suffix(".git").unwrap_or(path);
    let segments: Vec<String> = path.split('/').map(read_segment).collect::<Result<_, _>>()?;
    if segments.len() < 2 { Err(bad("it names no namespace and project")) } else { Ok(segments) }
}

fn read_segment(segment: &str) -> Result<String, Refusal> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(bad("it has a broken percent-encoding")) };
        bytes.push((high * 16 + low) as u8);
    }
    let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8"))?;
    // A colon would be read as a slash later; a decoded slash or dot segment would lead elsewhere.
    let foreign = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':');
    if matches!(text.as_str(), "" | "." | ".." | "-" | "~") || text.starts_with('-') || text.contains(foreign) {
        return Err(bad("it has an empty part, a dot segment, or a part that cannot be read"));
    }
    Ok(text)
}

fn bad(sentence: &str) -> Refusal {
    Refusal::new(Why::BadCloneUrl, &format!("the clone URL cannot be used: {sentence}"))
}

/// Hosts whose SSH is also answered under another name on the port of `https`, for networks that let nothing else out.
const SIDE_DOORS: [(&str, &str, Option<u16>); 2] =
    [("github.com", "ssh.github.com", Some(443)), ("gitlab.com", "altssh.gitlab.com", Some(443))];

/// The longest clone URL, in bytes.
const MAX_BYTES: usize = 2048;
