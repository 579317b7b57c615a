//! Where the key-encryption key comes from: a file, made at the first start on SQLite, or the environment.
//!
//! Owns that the file is read by its owner only, is on the disk before anything is sealed under it, and is never
//! overwritten by a start. What stands in it is `key_encryption`'s.

use super::key_encryption::{KeyEncryptionKey, KeyRing};
use crate::dice::Dice;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use vestibule_oauth::secret::Secret;

/// A key file is a few lines; more is another file.
const LONGEST: u64 = 16 * 1024;

/// Where the key-encryption key is.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// In a file that somebody has put there.
    File(PathBuf),
    /// In a file in the data directory, which the first start makes.
    Own(PathBuf),
    /// In `VESTIBULE_KEY`.
    Environment(Secret),
}

impl KeySource {
    /// How an operator knows it.
    pub fn name(&self) -> String {
        match self {
            KeySource::File(path) | KeySource::Own(path) => path.display().to_string(),
            KeySource::Environment(_) => "VESTIBULE_KEY".to_owned(),
        }
    }

    /// Reads the keys. `None`: the file that the first start makes is not there. An `Err` is a sentence for the operator.
    pub fn read(&self) -> Result<Option<KeyRing>, String> {
        let text = match self {
            KeySource::Environment(text) => text.clone(),
            KeySource::File(path) => read(path).map_err(|why| format!("the key file {}: {why}", path.display()))?,
            KeySource::Own(path) if !path.exists() => return Ok(None),
            KeySource::Own(path) => read(path).map_err(|why| format!("the key file {}: {why}", path.display()))?,
        };
        let ring = KeyRing::parse(text.expose()).map_err(|why| {
            format!(
                "the key-encryption key in {} is refused: {why}; `vestibule keys new` prints a good one",
                self.name()
            )
        })?;
        Ok(Some(ring))
    }

    /// Makes the file with a new key, unless it is there. It is durable when this returns.
    pub fn make(&self, dice: Dice) -> Result<(), String> {
        let KeySource::Own(path) = self else { return Ok(()) };
        let cannot = |why: std::io::Error| format!("the key file {} cannot be made: {why}", path.display());
        let draft = draft_of(path, dice);
        write_durably(&draft, &spell(&[KeyEncryptionKey::make(dice)])).map_err(cannot)?;
        // A link, unlike a rename, never takes the place of a key that is there.
        let linked = std::fs::hard_link(&draft, path);
        std::fs::remove_file(&draft).map_err(cannot)?;
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(cannot(error)),
            Ok(()) => sync_directory(path).map_err(cannot),
        }
    }

    /// Replaces what stands in our own file by `keys`, the one that wraps first. A crash leaves the old file or the
    /// new one.
    pub fn write(&self, keys: &[Secret], dice: Dice) -> Result<(), String> {
        let KeySource::Own(path) = self else { return Err("only the server's own key file is written".to_owned()) };
        let cannot = |why: std::io::Error| format!("the key file {} cannot be written: {why}", path.display());
        let draft = draft_of(path, dice);
        write_durably(&draft, &spell(keys)).map_err(cannot)?;
        std::fs::rename(&draft, path).map_err(cannot)?;
        sync_directory(path).map_err(cannot)
    }

    /// The keys as they are written in our own file, the one that wraps first.
    pub fn lines(&self) -> Result<Vec<Secret>, String> {
        let KeySource::Own(path) = self else { return Ok(Vec::new()) };
        let text = read(path).map_err(|why| format!("the key file {}: {why}", path.display()))?;
        let lines = text.expose().lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(lines.map(Secret::new).collect())
    }
}

fn spell(keys: &[Secret]) -> Secret {
    let lines: Vec<&str> = keys.iter().map(Secret::expose).collect();
    Secret::new(format!(
        "# Vestibule's key-encryption key. What is sealed in the database cannot be opened without it: keep a copy of this\n\
         # file apart from the database's. The first key wraps; others are kept for what they have wrapped.\n{}\n",
        lines.join("\n")
    ))
}

fn draft_of(path: &Path, dice: Dice) -> PathBuf {
    let random: String = dice.bytes::<6>().iter().map(|byte| format!("{byte:02x}")).collect();
    path.with_extension(format!("draft-{random}"))
}

fn write_durably(path: &Path, text: &Secret) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.expose().as_bytes())?;
    file.sync_all()
}

/// A file's name is durable only when its directory is.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn read(path: &Path) -> Result<Secret, String> {
    let file = File::open(path).map_err(|why| format!("it cannot be read: {why}"))?;
    let meta = file.metadata().map_err(|why| format!("it cannot be read: {why}"))?;
    if !meta.is_file() {
        return Err("it is no file".to_owned());
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("others on this machine may read it (mode {mode:04o}); run: chmod 600 {}", path.display()));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(|why| format!("it cannot be read: {why}"))?;
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> (tempfile::TempDir, KeySource, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        (directory, KeySource::Own(path.clone()), path)
    }

    #[test]
    fn the_first_start_makes_a_file_for_its_owner_only_and_no_start_overwrites_it() {
        let (directory, source, path) = own();
        assert!(source.read().expect("reads").is_none());
        source.make(Dice).expect("is made");
        let first = std::fs::read_to_string(&path).expect("is there");
        assert_eq!(std::fs::metadata(&path).expect("is there").permissions().mode() & 0o777, 0o600);
        source.make(Dice).expect("is there already");
        assert_eq!(std::fs::read_to_string(&path).expect("is there"), first);
        assert_eq!(std::fs::read_dir(directory.path()).expect("lists").count(), 1, "no draft is left");
        assert!(source.read().expect("reads").is_some());
    }

    #[test]
    fn fm_125_a_key_file_that_others_may_read_is_refused_with_the_command_that_mends_it() {
        let (_directory, source, path) = own();
        source.make(Dice).expect("is made");
        for mode in [0o640, 0o604, 0o660, 0o666, 0o700 | 0o007] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("changes");
            let why = source.read().err().expect("is refused");
            assert!(why.contains("chmod 600"), "{why}");
        }
    }
}
