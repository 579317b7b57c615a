//! Where the key-encryption key comes from: a file, made at the first start on SQLite, or the environment.
//!
//! Owns that the file is read by its owner only, is on the disk before anything is sealed under it, and is never
//! overwritten by a start, and that one process at a time writes it. What stands in it is `key_encryption`'s.

use super::key_encryption::{KeyEncryptionKey, KeyRing};
use crate::dice::Dice;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
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
        let _lock = self.lock(true)?;
        let draft = draft_of(path, dice);
        write_durably(&draft, &spell(&[KeyEncryptionKey::make(dice)], &[])).map_err(cannot)?;
        // A link, unlike a rename, never takes the place of a key that is there.
        let linked = std::fs::hard_link(&draft, path);
        std::fs::remove_file(&draft).map_err(cannot)?;
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(cannot(error)),
            Ok(()) => sync_directory(path).map_err(cannot),
        }
    }

    /// Keeps every other process of this machine from writing our own file until the value is dropped or its process ends,
    /// and removes drafts of those who were killed. Waits for its turn, or with `wait` false gives `None` when somebody
    /// has it.
    ///
    /// The directory is what is locked: the file itself is replaced by each write.
    pub fn lock(&self, wait: bool) -> Result<Option<KeyFileLock>, String> {
        let KeySource::Own(path) = self else { return Err("only the server's own key file is written".to_owned()) };
        let cannot = |why: std::io::Error| format!("the key file {} cannot be locked: {why}", path.display());
        let directory = File::open(directory_of(path)).map_err(cannot)?;
        match (wait, directory.try_lock()) {
            (_, Ok(())) => {}
            (true, Err(TryLockError::WouldBlock)) => directory.lock().map_err(cannot)?,
            (false, Err(TryLockError::WouldBlock)) => return Ok(None),
            (_, Err(TryLockError::Error(why))) => return Err(cannot(why)),
        }
        remove_drafts(path).map_err(cannot)?;
        Ok(Some(KeyFileLock { path: path.clone(), _directory: directory }))
    }
}

/// The right to write our own key file. Nobody else who keeps to it writes meanwhile.
pub struct KeyFileLock {
    path: PathBuf,
    _directory: File,
}

/// What stands in our own key file.
#[derive(Clone)]
pub struct Lines {
    text: Secret,
    /// The keys that are in use, the one that wraps first.
    pub keys: Vec<Secret>,
    /// Those that were replaced, and go when nothing can need them any more.
    pub replaced: Vec<Secret>,
    /// When the file was written, in Unix milliseconds.
    pub written_at: i64,
}

impl KeyFileLock {
    /// Reads the file.
    pub fn lines(&self) -> Result<Lines, String> {
        let path = &self.path;
        let cannot = |why: String| format!("the key file {}: {why}", path.display());
        let text = read(path).map_err(cannot)?;
        let (keys, replaced) = text.expose().split_once(REPLACED).unwrap_or((text.expose(), ""));
        let replaced = replaced.split_once('\n').map_or("", |(_, below)| below);
        let [keys, replaced] = [keys, replaced].map(|part| {
            let lines = part.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            lines.map(Secret::new).collect::<Vec<_>>()
        });
        let modified =
            std::fs::metadata(path).and_then(|meta| meta.modified()).map_err(|why| cannot(why.to_string()))?;
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let written_at = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Ok(Lines { text, keys, replaced, written_at })
    }

    /// Writes `keys`, the one that wraps first, and below them those that were `replaced`, where `before` stood. A crash
    /// leaves the old file or the new one. Refused when somebody has written something else meanwhile: it would be lost.
    pub fn write(&self, before: &Lines, keys: &[Secret], replaced: &[Secret], dice: Dice) -> Result<(), String> {
        let path = &self.path;
        if self.lines()?.text.expose() != before.text.expose() {
            return Err(format!("the key file {} was changed meanwhile; it was left alone", path.display()));
        }
        let cannot = |why: std::io::Error| format!("the key file {} cannot be written: {why}", path.display());
        let draft = draft_of(path, dice);
        write_durably(&draft, &spell(keys, replaced)).map_err(cannot)?;
        std::fs::rename(&draft, path).map_err(cannot)?;
        sync_directory(path).map_err(cannot)
    }
}

/// Above the keys that were replaced.
const REPLACED: &str = "# Replaced:";

fn spell(keys: &[Secret], replaced: &[Secret]) -> Secret {
    let written = |keys: &[Secret]| keys.iter().map(Secret::expose).collect::<Vec<_>>().join("\n");
    let mut text = format!(
        "# Vestibule's key-encryption key. What is sealed in the database cannot be opened without it: keep a copy of this\n\
         # file apart from the database's. The first key wraps; others are kept for what they have wrapped.\n{}\n",
        written(keys)
    );
    if !replaced.is_empty() {
        text.push_str(&format!(
            "{REPLACED} a server takes away what follows once nothing can need it.\n{}\n",
            written(replaced)
        ));
    }
    Secret::new(text)
}

const DRAFT: &str = "draft-";

fn draft_of(path: &Path, dice: Dice) -> PathBuf {
    let random: String = dice.bytes::<6>().iter().map(|byte| format!("{byte:02x}")).collect();
    path.with_extension(format!("{DRAFT}{random}"))
}

/// Drafts hold keys: what a killed process left is removed by the next one that has the lock.
fn remove_drafts(path: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory_of(path))? {
        let other = entry?.path();
        let draft = other.extension().is_some_and(|extension| extension.to_string_lossy().starts_with(DRAFT));
        if draft && other.file_stem() == path.file_stem() {
            std::fs::remove_file(other)?;
        }
    }
    Ok(())
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn write_durably(path: &Path, text: &Secret) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.expose().as_bytes())?;
    file.sync_all()
}

/// A file's name is durable only when its directory is.
fn sync_directory(path: &Path) -> std::io::Result<()> {
    File::open(directory_of(path))?.sync_all()
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
    fn a_draft_that_a_killed_process_left_goes_at_the_next_start_and_nothing_else_does() {
        let (directory, source, path) = own();
        source.make(Dice).expect("is made");
        for name in ["key.draft-0a1b2c3d4e5f", "other.draft-0a1b2c3d4e5f", "key.backup"] {
            std::fs::write(directory.path().join(name), "a key").expect("writes");
        }
        source.make(Dice).expect("is there already");
        let left = |name: &str| directory.path().join(name).exists();
        assert!(!left("key.draft-0a1b2c3d4e5f") && left("other.draft-0a1b2c3d4e5f") && left("key.backup"));
        assert!(path.exists());
    }

    #[test]
    fn one_process_at_a_time_writes_the_key_file_and_never_over_what_it_has_not_read() {
        let (_directory, source, path) = own();
        source.make(Dice).expect("is made");
        let lock = source.lock(false).expect("runs").expect("nobody has it");
        assert!(source.lock(false).expect("runs").is_none(), "somebody has it");
        let before = lock.lines().expect("reads");
        let new = [KeyEncryptionKey::make(Dice)];
        lock.write(&before, &new, &before.keys, Dice).expect("writes");
        let after = lock.lines().expect("reads");
        assert_eq!((after.keys[0].expose(), after.replaced[0].expose()), (new[0].expose(), before.keys[0].expose()));
        assert_eq!(source.read().expect("reads").expect("is there").ids().count(), 2, "both unwrap");
        let stands = std::fs::read_to_string(&path).expect("reads");
        assert!(lock.write(&before, &before.keys, &[], Dice).is_err(), "it is not what it was");
        assert_eq!(std::fs::read_to_string(&path).expect("reads"), stands);
        drop(lock);
        assert!(source.lock(false).expect("runs").is_some());
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
