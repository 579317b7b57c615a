//! Who may write when: one server on a file, and commands beside it.
//!
//! Owns two small files beside the database. `…-server` is locked for as long as a server runs, so that there is one.
//! `…-waiting` is locked by the command that waits for SQLite's own lock: a busy server sees that it is waited for and
//! gives way, and of many commands one at a time tries. The kernel drops both when a process dies. Does not own
//! SQLite's locks.

use crate::error::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a command waits for its turn among commands: about 15 s.
const TURN_POLL: Duration = Duration::from_millis(1);
const TURN_TRIES: u32 = 14_000;

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

    /// Runs what waits for SQLite's lock; a command first waits for its turn among commands.
    pub(super) fn wait<T>(&self, take_lock: impl FnOnce() -> T) -> T {
        let Turns::Command { waiting: Some(file) } = self else { return take_lock() };
        let mut turn = file.try_lock();
        for _ in 0..TURN_TRIES {
            if turn.is_ok() {
                break;
            }
            std::thread::sleep(TURN_POLL);
            turn = file.try_lock();
        }
        // Without a turn (somebody has stopped a command in the middle of its own) it tries unannounced.
        let taken = take_lock();
        if turn.is_ok() {
            let _ = file.unlock();
        }
        taken
    }

    /// Whether this is the server, which looks after the file.
    pub(super) const fn is_server(&self) -> bool {
        matches!(self, Turns::Server { .. })
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
