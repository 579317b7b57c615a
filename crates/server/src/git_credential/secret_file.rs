//! The file in which somebody keeps what they sign in with: an access key as `vestibule access-key add --json` prints it, or
//! a token.
//!
//! Owns reading it, and that nobody else can. A secret in a flag would stand in every list of processes.

use serde_json::Value;
use std::io::Read as _;
use std::path::Path;
use vestibule_oauth::jose::strict_object;
use vestibule_oauth::secret::Secret;
use zeroize::Zeroizing;

/// What a call is made with.
pub enum Key {
    /// An access key's name and secret.
    Signs(String, Secret),
    /// A project token, or an access token of a person's.
    Token(Secret),
}

/// Reads the file.
pub fn read(path: &Path) -> Result<Key, String> {
    let here = path.display();
    let cannot = |error: std::io::Error| format!("the secret file {here} cannot be read: {error}");
    let file = std::fs::File::open(path).map_err(cannot)?;
    judge(&file.metadata().map_err(cannot)?).map_err(|why| format!("the secret file {here} {why}"))?;
    let mut text = Zeroizing::new(Vec::new());
    file.take(MOST_BYTES).read_to_end(&mut text).map_err(cannot)?;
    let wrong = || {
        format!("the secret file {here} must hold {{\"access_key\": \"…\", \"secret\": \"…\"}} or {{\"token\": \"…\"}}")
    };
    let mut members = strict_object(&text, 2).ok_or_else(wrong)?;
    let mut take = |name: &str| match members.remove(name) {
        Some(Value::String(text)) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Some(Zeroizing::new(text))
        }
        _ => None,
    };
    match (take("access_key"), take("secret"), take("token")) {
        (Some(name), Some(secret), None) => Ok(Key::Signs(name.to_string(), Secret::new(secret.as_str()))),
        (None, None, Some(token)) => Ok(Key::Token(Secret::new(token.as_str()))),
        _ => Err(wrong()),
    }
}

#[cfg(unix)]
fn judge(found: &std::fs::Metadata) -> Result<(), String> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(format!("can be read by others (mode {mode:o}): chmod 600")),
    }
}

#[cfg(not(unix))]
fn judge(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}

const MOST_BYTES: u64 = 64 * 1024;
