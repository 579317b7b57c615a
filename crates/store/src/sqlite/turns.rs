//! Who may write when: one server on a file, and commands beside it.
//!
//! Owns two small files beside the database. `…-server` is locked for as long as a server runs, so that there is one.
//! `…-waiting` is locked, shared, by every command that waits for SQLite's own lock, so that a busy server sees that it
//! is waited for and gives way. The kernel drops both when a process dies. Does not own SQLite's locks.

use crate::error::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// This process's part in taking turns.
pub(super) enum Turns {
    /// The server.
    Server {
        /// Held until the end.
        _only: File,
        waiting: File,
    },
    /// A command. Without the file (no server has run since the database was copied here) it waits unannounced.
    Command { waiting: Option<File> },
}

impl Turns {
    /// Takes the server's place and makes the database file if there is none.
    pub(super) fn of_server(database: &Path) -> Result<Turns, StoreError> {
        let cannot = |path: &Path, error: std::io::Error| {
            StoreError::Unavailable(format!("cannot open {}: {error}", path.display()))
        };
        let open = |path: &Path| for_us_alone().create(true).open(path).map_err(|error| cannot(path, error));
        let place = beside(database, "-server");
        let only = open(&place)?;
        match only.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::SecondServer { path: database.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(cannot(&place, error)),
        }
        // After the lock: closing a database file lets go of every lock that this process has on it.
        open(database)?;
        Ok(Turns::Server { _only: only, waiting: open(&beside(database, "-waiting"))? })
    }

    /// Comes beside a server.
    pub(super) fn of_command(database: &Path) -> Turns {
        Turns::Command { waiting: for_us_alone().open(beside(database, "-waiting")).ok() }
    }

    /// Runs what waits for the lock; a command says so meanwhile.
    pub(super) fn wait<T>(&self, take_lock: impl FnOnce() -> T) -> T {
        let Turns::Command { waiting: Some(file) } = self else { return take_lock() };
        // Unannounced waiting is slower, not wrong, so a failure here changes nothing.
        let _ = file.lock_shared();
        let taken = take_lock();
        let _ = file.unlock();
        taken
    }

    /// Whether a command waits for this server.
    pub(super) fn somebody_waits(&self) -> bool {
        let Turns::Server { waiting, .. } = self else { return false };
        match waiting.try_lock() {
            Ok(()) => waiting.unlock().is_err(),
            Err(error) => matches!(error, TryLockError::WouldBlock),
        }
    }
}

/// Digests, people's names and addresses are nobody else's; SQLite gives its other files the database's mode.
fn for_us_alone() -> OpenOptions {
    let mut options = File::options();
    options.append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    PathBuf::from(path)
}
